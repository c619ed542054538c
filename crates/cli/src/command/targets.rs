//! `pab targets`: target expressions without running anything.

use std::io::Read as _;

use pabawi::inventory::{
    Effect, Explanation, Expression, MAX_NODES, NodeExplanation, TermExplanation, expand as expand_names,
    fold_expression,
};
use pabawi::ports::TargetResolver as _;
use pabawi::{FrameworkError, NodeId, StreamKind, Target, TargetExpression};
use serde::Serialize;

use crate::args::{Format, GlobalArgs, SourceArgs, TargetsCommand};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::sources::{Sources, sources};
use crate::text::Table;
use crate::watch::Sink;

/// The most bytes of names that are read from standard input.
const MAX_INPUT: u64 = 256 * 1024 * 1024;

/// `pab targets`.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn targets(global: &GlobalArgs, command: &TargetsCommand) -> Result<Exit, Failure> {
    let mut sink = Sink::standard(global.no_color);
    match command {
        TargetsCommand::Expand { expression, dialect, sources, format } => {
            let targets = resolve(global, &open::expression(expression, dialect)?, sources).await?;
            let lines = match format {
                Format::Table => targets.iter().map(|target| target.node.to_string()).collect(),
                Format::Ndjson => targets.iter().map(json).collect::<Result<_, _>>()?,
                Format::Json | Format::Yaml => vec![document(*format, &targets)?],
            };
            write(&mut sink, &lines);
        }
        TargetsCommand::Fold { expression, dialect, sources } => {
            let ids: Vec<NodeId> = if expression.is_empty() {
                from_stdin()?
            } else {
                let targets = resolve(global, &open::expression(expression, dialect)?, sources).await?;
                targets.into_iter().map(|target| target.node).collect()
            };
            sink.line(StreamKind::Stdout, &fold_expression(&ids));
        }
        TargetsCommand::Explain { expression, node, dialect, sources, format } => {
            let asked = names("--node", node.iter().map(String::as_str))?;
            let explanation =
                explain(global, &open::expression(expression, dialect)?, sources, &asked).await?;
            let lines = match format {
                Format::Table if asked.is_empty() => term_lines(&explanation),
                Format::Table => explanation.asked.iter().map(node_line).collect(),
                Format::Ndjson => vec![json(&explanation)?],
                Format::Json | Format::Yaml => vec![document(*format, &explanation)?],
            };
            write(&mut sink, &lines);
        }
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the nodes: {error}")))?;
    Ok(Exit::AllSucceeded)
}

/// The nodes of an expression. The history is opened only when the expression asks for it.
async fn resolve(
    global: &GlobalArgs,
    expression: &TargetExpression,
    args: &SourceArgs,
) -> Result<Vec<Target>, Failure> {
    let named = sources(args)?;
    if !needs_knowledge(expression, &named) && !needs_framework(global) {
        let resolver = named.resolver();
        return Ok(resolver.resolve(expression).await.map_err(FrameworkError::from)?);
    }
    let framework = open::for_targets(global, args)?.open().await?;
    let targets = framework.resolve_for(&open::caller(), expression).await;
    open::close(global, &framework).await;
    Ok(targets?)
}

async fn explain(
    global: &GlobalArgs,
    expression: &TargetExpression,
    args: &SourceArgs,
    asked: &[NodeId],
) -> Result<Explanation, Failure> {
    let named = sources(args)?;
    if !needs_knowledge(expression, &named) && !needs_framework(global) {
        let resolver = named.resolver();
        return Ok(resolver.explain(expression, asked).await.map_err(FrameworkError::from)?);
    }
    let framework = open::for_targets(global, args)?.open().await?;
    let explanation = framework.explain_for(&open::caller(), expression, asked).await;
    open::close(global, &framework).await;
    Ok(explanation?)
}

/// Plugins that know nodes live in a framework, and so does who decides about callers.
fn needs_framework(global: &GlobalArgs) -> bool {
    global.plugins.tell_nodes() || global.guard.decides()
}

fn needs_knowledge(expression: &TargetExpression, sources: &Sources) -> bool {
    // One that is not understood is refused by whoever resolves it.
    Expression::parse(expression.as_str()).is_ok_and(|expression| sources.groups.needs_knowledge(&expression))
}

fn write(sink: &mut Sink, lines: &[String]) {
    for line in lines {
        sink.line(StreamKind::Stdout, line);
    }
}

fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(Failure::nothing_ran)
}

fn document<T: Serialize>(format: Format, value: &T) -> Result<String, Failure> {
    match format {
        Format::Yaml => serde_saphyr::to_string(value)
            .map(|text| text.trim_end().to_owned())
            .map_err(Failure::nothing_ran),
        _ => serde_json::to_string_pretty(value).map_err(Failure::nothing_ran),
    }
}

/// A row for each term, those within parentheses set in, and one for the result.
fn term_lines(explanation: &Explanation) -> Vec<String> {
    let mut table = Table::new(&["TERM", "SELECTS", "EFFECT", "NODES"]);
    add_terms(&explanation.terms, 0, &mut table);
    table.row(["=".to_owned(), explanation.count.to_string(), String::new(), explanation.nodes.clone()]);
    table.lines()
}

fn add_terms(terms: &[TermExplanation], depth: usize, table: &mut Table) {
    // As deep as parentheses may be nested.
    for term in terms {
        let effect = match (term.added, term.removed) {
            (0, 0) => "none".to_owned(),
            (added, 0) => format!("+{added}"),
            (0, removed) => format!("-{removed}"),
            (added, removed) => format!("+{added} -{removed}"),
        };
        let text = format!("{}{}", "  ".repeat(depth), signed(term.operator, &term.term));
        table.row([text, term.count.to_string(), effect, term.nodes.clone()]);
        add_terms(&term.terms, depth + 1, table);
    }
}

/// What decides about a node that was asked about.
fn node_line(asked: &NodeExplanation) -> String {
    let node = &asked.node;
    match asked.decided_by() {
        None => format!("{node}: not selected, no term brings it in"),
        Some(step) => {
            let term = signed(step.operator, &step.term);
            let what = match step.effect {
                Effect::TakesOut => "not selected, taken out by",
                _ => "selected, brought in by",
            };
            format!("{node}: {what} {term} at column {}", step.column)
        }
    }
}

/// The term with the operator before it; a comma says nothing here.
fn signed(operator: Option<char>, term: &str) -> String {
    match operator {
        None | Some(',') => term.to_owned(),
        Some(sign) => format!("{sign}{term}"),
    }
}

fn from_stdin() -> Result<Vec<NodeId>, Failure> {
    let mut text = String::new();
    let input = std::io::stdin().lock().take(MAX_INPUT);
    std::io::BufReader::new(input)
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage(format!("read names from standard input: {error}")))?;
    names("NAMES", text.split_whitespace())
}

fn names<'a>(what: &str, texts: impl Iterator<Item = &'a str>) -> Result<Vec<NodeId>, Failure> {
    let mut ids = Vec::new();
    for text in texts {
        ids.extend(expand_names(text).map_err(|error| Failure::usage(format!("{what}: {error}")))?);
        if ids.len() as u64 > MAX_NODES {
            return Err(Failure::usage(format!("{what}: more than {MAX_NODES} names")));
        }
    }
    Ok(ids)
}
