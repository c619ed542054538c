//! `pab graph check` and `pab graph show`: a graph without running it.

use pabawi::StreamKind;
use pabawi::graph::{CheckedGraph, TaskDef, When};
use serde::Serialize;

use crate::args::{GlobalArgs, GraphFileArgs, GraphFormat, GraphShowArgs};
use crate::command::graph::file;
use crate::exit::{Exit, Failure};
use crate::text::{Colour, Table, escape_for_terminal};
use crate::watch::Sink;

/// Characters of an action and of targets in the table.
const SHOWN: usize = 60;

/// Checks a graph file.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn check(global: &GlobalArgs, args: &GraphFileArgs) -> Result<Exit, Failure> {
    let graph = file::read(args)?;
    let mut sink = Sink::standard(global.no_color);
    let waves = graph.levels().count();
    let name = escape_for_terminal(graph.graph().name.as_bytes());
    sink.line(
        StreamKind::Stderr,
        &format!("{name}: {} tasks in {waves} waves, nothing is wrong", graph.len()),
    );
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write to standard error: {error}")))?;
    Ok(Exit::AllSucceeded)
}

/// Shows a graph.
///
/// # Errors
/// As for [`check`].
pub(crate) fn show(global: &GlobalArgs, args: &GraphShowArgs) -> Result<Exit, Failure> {
    let graph = file::read(&args.file)?;
    let mut sink = Sink::standard(global.no_color);
    let plan = Plan::of(&graph);
    match args.format {
        GraphFormat::Table => write_table(&plan, &mut sink),
        GraphFormat::Json => {
            let json = serde_json::to_string_pretty(&plan).map_err(Failure::nothing_ran)?;
            sink.line(StreamKind::Stdout, &json);
        }
        GraphFormat::Ndjson => {
            for task in &plan.tasks {
                let json = serde_json::to_string(task).map_err(Failure::nothing_ran)?;
                sink.line(StreamKind::Stdout, &json);
            }
        }
        GraphFormat::Yaml => {
            let yaml = serde_saphyr::to_string(&plan).map_err(Failure::nothing_ran)?;
            sink.line(StreamKind::Stdout, yaml.trim_end());
        }
        GraphFormat::Dot => sink.line(StreamKind::Stdout, &dot(&plan)),
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the graph: {error}")))?;
    Ok(Exit::AllSucceeded)
}

/// A graph in its order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Plan<'a> {
    name: &'a str,
    waves: Vec<Vec<&'a str>>,
    tasks: Vec<Planned<'a>>,
}

/// A task in a plan.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Planned<'a> {
    wave: usize,
    name: &'a str,
    after: &'a [String],
    when: When,
    action_kind: &'static str,
    action_text: String,
    targets: &'a str,
}

impl<'a> Plan<'a> {
    fn of(graph: &'a CheckedGraph) -> Self {
        let task = |index: &usize| graph.task(*index);
        let name = |index: &usize| task(index).map(|task| task.name.as_str());
        let planned = |index: &usize| {
            task(index).map(|task: &TaskDef| Planned {
                wave: graph.level_of(*index) + 1,
                name: &task.name,
                after: &task.after,
                when: task.when,
                action_kind: task.request.action.kind().as_str(),
                action_text: task.request.action.text(),
                targets: task.request.targets.as_str(),
            })
        };
        Self {
            name: &graph.graph().name,
            waves: graph.levels().map(|wave| wave.iter().filter_map(name).collect()).collect(),
            tasks: graph.order().iter().filter_map(planned).collect(),
        }
    }
}

fn write_table(plan: &Plan<'_>, sink: &mut Sink) {
    let mut table = Table::new(&["WAVE", "TASK", "AFTER", "WHEN", "TARGETS", "ACTION"]);
    for task in &plan.tasks {
        table.row([
            task.wave.to_string(),
            escape_for_terminal(task.name.as_bytes()),
            short(&task.after.join(", ")),
            word(task.when).to_owned(),
            short(task.targets),
            format!("{} {}", task.action_kind, short(&task.action_text)),
        ]);
    }
    for (index, line) in table.lines().iter().enumerate() {
        let line = if index == 0 { sink.out_style.paint(Colour::Bold, line) } else { line.clone() };
        sink.line(StreamKind::Stdout, &line);
    }
}

fn word(when: When) -> &'static str {
    match when {
        When::Succeeded => "",
        When::Failed => "failed",
        When::Always => "always",
    }
}

/// The first line, shortened.
fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut shown: String = line.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    escape_for_terminal(shown.as_bytes())
}

/// The language of Graphviz (<https://graphviz.org/doc/info/lang.html>): an arrow leads from what comes first to what
/// comes after it. Rescues are dashed, what runs in any case is dotted.
fn dot(plan: &Plan<'_>) -> String {
    let mut text = format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", quoted(plan.name));
    for task in &plan.tasks {
        let style = match task.when {
            When::Succeeded => "solid",
            When::Failed => "dashed",
            When::Always => "dotted",
        };
        let label = format!("{}\n{}", task.name, task.targets);
        text.push_str(&format!("  {} [label={}, style={style}];\n", quoted(task.name), quoted(&label)));
    }
    for task in &plan.tasks {
        for before in task.after {
            text.push_str(&format!("  {} -> {};\n", quoted(before), quoted(task.name)));
        }
    }
    text.push('}');
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use pabawi::graph::parse_graph;

    use super::*;

    const GRAPH: &str = "
name: 'release \"1\"'
tasks:
- {name: b, after: [a], when: failed, action: {type: command, command: 'echo b'}, targets: web1}
- {name: a, action: {type: command, command: 'echo a'}, targets: 'web[1-2]'}
";

    /// R2.10
    #[test]
    fn the_order_is_shown_as_waves_and_as_a_picture() {
        let graph = parse_graph("g", GRAPH.as_bytes()).unwrap();
        let plan = Plan::of(&graph);
        assert_eq!(plan.waves, [["a"], ["b"]]);
        assert_eq!(
            dot(&plan),
            "digraph \"release \\\"1\\\"\" {\n  rankdir=LR;\n  node [shape=box];\n  \"a\" [label=\"a\\nweb[1-2]\", \
             style=solid];\n  \"b\" [label=\"b\\nweb1\", style=dashed];\n  \"a\" -> \"b\";\n}"
        );
        let out = crate::watch::tests_sink::Shared::default();
        let mut sink = Sink::of(out.clone(), std::io::sink());
        write_table(&plan, &mut sink);
        sink.flush().unwrap();
        assert_eq!(
            out.text(),
            "WAVE  TASK  AFTER  WHEN    TARGETS   ACTION\n1     a                    web[1-2]  command echo a\n\
             2     b     a      failed  web1      command echo b\n"
        );
    }
}
