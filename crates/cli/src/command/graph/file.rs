//! The graph that is meant: [`read`] takes it from a file or from standard input.

use std::io::Read as _;
use std::path::Path;

use pabawi::graph::{CheckedGraph, GraphFileError, MAX_GRAPH_FILE_BYTES, parse_graph, read_graph};

use crate::args::GraphFileArgs;
use crate::exit::{Exit, Failure};

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

fn told(error: &GraphFileError) -> Failure {
    let text = error.to_string();
    let message = match text.lines().count() {
        0 | 1 => text,
        lines => format!("{lines} things are not valid:\n  {}", text.replace('\n', "\n  ")),
    };
    Failure { exit: Exit::Usage, message }
}
