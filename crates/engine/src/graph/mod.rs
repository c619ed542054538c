//! Task graphs: reading and checking them.
//!
//! | module | what it holds |
//! |---|---|
//! | `file`, `shape`, `schema` | graph files, what they may hold, parameters against their schema |

mod file;
mod schema;
mod shape;

pub use file::{GraphFileError, MAX_GRAPH_FILE_BYTES, check_graph, parse_graph, read_graph};
