//! The graph that is meant: [`read`] takes it from a file or from standard input.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use pabawi::graph::{
    CheckedGraph, GraphFileError, MAX_GRAPH_FILE_BYTES, TaskGraph, check_graph, parse_graph, read_graph,
};
use pabawi::{Action, StdinSource};

use crate::args::{ConnectArgs, GraphFileArgs};
use crate::exit::{Exit, Failure};
use crate::{open, request};

/// Reads and checks a graph.
///
/// # Errors
/// Everything that is wrong with it, one line each.
pub(super) fn read(args: &GraphFileArgs) -> Result<CheckedGraph, Failure> {
    if args.file != Path::new("-") {
        return read_graph(&args.file).map_err(|error| told(&error));
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_GRAPH_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage(format!("FILE: read standard input: {error}")))?;
    parse_graph("-", &bytes).map_err(|error| told(&error))
}

/// The graph with paths of this machine seen from the file's directory, since they are read when a task starts, maybe
/// by another process; and with what the options say where a task says nothing.
///
/// # Errors
/// What the check says of it then.
pub(super) fn prepared(
    graph: &CheckedGraph,
    args: &GraphFileArgs,
    connect: &ConnectArgs,
) -> Result<CheckedGraph, Failure> {
    let directory = args.file.parent().map(Path::to_owned).unwrap_or_default();
    let directory =
        std::path::absolute(if directory.as_os_str().is_empty() { ".".into() } else { directory })
            .map_err(|error| Failure::usage(format!("FILE: {error}")))?;
    let from = |path: &mut PathBuf| {
        // A path that begins with a value may be an absolute one.
        if path.is_relative() && !path.as_os_str().is_empty() && !begins_with_value(path) {
            *path = directory.join(&*path);
        }
    };
    let mut graph: TaskGraph = graph.graph().clone();
    for task in &mut graph.tasks {
        match &mut task.request.action {
            Action::Upload(copy) => from(&mut copy.source),
            Action::Download(copy) => from(&mut copy.destination),
            other => {
                if let Some(StdinSource::File(path)) =
                    other.process_mut().and_then(|process| process.stdin.as_mut())
                {
                    from(path);
                }
            }
        }
        let timeouts = &mut task.request.timeouts;
        timeouts.connect_ms = timeouts.connect_ms.or(connect.connect_timeout.map(request::millis));
        if task.request.transport.is_none() {
            task.request.transport = connect.transport.map(request::transport).transpose()?;
        }
        if task.request.host_keys.is_none() {
            task.request.host_keys = connect.trust.host_keys.map(open::host_key_policy);
        }
    }
    check_graph(graph).map_err(|error| Failure::usage(crate::option_names::listed(&error)))
}

fn begins_with_value(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.starts_with("${"))
}

fn told(error: &GraphFileError) -> Failure {
    let text = error.to_string();
    let message = match text.lines().count() {
        0 | 1 => text,
        lines => format!("{lines} things are not valid:\n  {}", text.replace('\n', "\n  ")),
    };
    Failure { exit: Exit::Usage, message }
}
