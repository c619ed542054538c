//! Task graphs: reading, checking, running and resuming them. What the domain's state machine allows is done here;
//! each task is an execution of its own, which goes through every stage of the pipeline.
//!
//! | module | what it holds |
//! |---|---|
//! | `file`, `shape` | graph files, and what they may hold |
//! | `graphs` | the handle |
//! | `targets` | what the inventory says before the start |
//! | `runner` | the one task that owns a run |
//! | `secrets`, `tools` | what a resume is given again, and what plugins say before the start |
//! | `start`, `values` | one task: its values, its execution, how it ended |
//! | `progress` | how far tasks are |
//! | `events` | what is told while it happens |

mod error;
mod events;
mod file;
mod graphs;
mod progress;
mod runner;
mod secrets;
mod seeing;
mod shape;
mod start;
mod targets;
mod tools;
mod values;

pub use error::GraphError;
pub use events::GraphEvents;
pub use file::{GraphFileError, MAX_GRAPH_FILE_BYTES, check_graph, parse_graph, read_graph};
pub use graphs::{GraphView, Graphs, ResumeOptions};
