//! Task graphs: reading, checking, running and resuming them.

pub use pabawi_domain::document::Problem;
pub use pabawi_domain::task::{
    CheckedGraph, GraphEvent, GraphEventKind, GraphQuery, GraphRunRecord, GraphStatus, MAX_TASKS, SkipWhy,
    TaskCounts, TaskDef, TaskGraph, TaskProgress, TaskRecord, TaskStatus, When,
};
pub use pabawi_engine::{
    GraphError, GraphEvents, GraphFileError, GraphView, Graphs, MAX_GRAPH_FILE_BYTES, ResumeOptions,
    check_graph, parse_graph, read_graph,
};
