//! Task graphs: what they are, reading and checking them.

pub use pabawi_domain::document::Problem;
pub use pabawi_domain::task::{
    CheckedGraph, GraphEvent, GraphEventKind, GraphQuery, GraphRunRecord, GraphStatus, MAX_TASKS, Pace,
    SkipWhy, TaskCounts, TaskDef, TaskGraph, TaskRecord, TaskStatus, When,
};
pub use pabawi_engine::{GraphFileError, MAX_GRAPH_FILE_BYTES, check_graph, parse_graph, read_graph};
