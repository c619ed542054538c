//! `pab targets`: target expressions without running anything. No database is opened.

use std::io::Read as _;
use std::sync::Arc;

use pabawi::inventory::{Catalog, MAX_NODES, Resolver, expand as expand_names, fold as fold_names};
use pabawi::ports::TargetResolver as _;
use pabawi::{FrameworkError, NodeId, StreamKind, Target, TargetExpression};

use crate::args::{Format, GlobalArgs, SourceArgs};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::watch::Sink;

/// The most bytes of names that are read from standard input.
const MAX_INPUT: u64 = 256 * 1024 * 1024;

/// `pab targets expand`.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn expand(
    global: &GlobalArgs,
    expression: &[String],
    sources: &SourceArgs,
    format: Format,
) -> Result<Exit, Failure> {
    let resolver = Resolver::over(Arc::new(Catalog::new(open::sources(sources)?)));
    let expression = TargetExpression::new(expression.join(","));
    let targets: Vec<Target> = resolver.resolve(&expression).await.map_err(FrameworkError::from)?;
    let mut sink = Sink::standard(global.no_color);
    match format {
        Format::Table => {
            for target in &targets {
                sink.line(StreamKind::Stdout, target.node.as_str());
            }
        }
        Format::Ndjson => {
            for target in &targets {
                let json = serde_json::to_string(target).map_err(Failure::nothing_ran)?;
                sink.line(StreamKind::Stdout, &json);
            }
        }
        Format::Json => {
            let json = serde_json::to_string_pretty(&targets).map_err(Failure::nothing_ran)?;
            sink.line(StreamKind::Stdout, &json);
        }
        Format::Yaml => {
            let yaml = serde_saphyr::to_string(&targets).map_err(Failure::nothing_ran)?;
            sink.line(StreamKind::Stdout, yaml.trim_end());
        }
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the nodes: {error}")))?;
    Ok(Exit::AllSucceeded)
}

/// `pab targets fold`.
///
/// # Errors
/// [`Failure`].
pub(crate) fn fold(global: &GlobalArgs, names: &[String]) -> Result<Exit, Failure> {
    let ids = if names.is_empty() { from_stdin()? } else { from_texts(names.iter().map(String::as_str))? };
    let mut sink = Sink::standard(global.no_color);
    sink.line(StreamKind::Stdout, &fold_names(&ids));
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the names: {error}")))?;
    Ok(Exit::AllSucceeded)
}

fn from_stdin() -> Result<Vec<NodeId>, Failure> {
    let mut text = String::new();
    let input = std::io::stdin().lock().take(MAX_INPUT);
    std::io::BufReader::new(input)
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage(format!("read names from standard input: {error}")))?;
    from_texts(text.split_whitespace())
}

fn from_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<NodeId>, Failure> {
    let mut ids = Vec::new();
    for text in texts {
        ids.extend(expand_names(text).map_err(|error| Failure::usage(format!("NAMES: {error}")))?);
        if ids.len() as u64 > MAX_NODES {
            return Err(Failure::usage(format!("NAMES: more than {MAX_NODES} names")));
        }
    }
    Ok(ids)
}
