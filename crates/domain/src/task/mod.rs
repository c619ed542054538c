//! Orchestration: tasks with prerequisites, from what a person writes to how it ended. No runtime is needed
//! for any of it.
//!
//! | module | what it holds |
//! |---|---|
//! | `def` | [`TaskDef`] and [`TaskGraph`], as they are written |
//! | `check` | every violation of a graph at once; only it makes a [`CheckedGraph`] |
//! | `checked` | the graph with its order and levels |
//! | `order` | levels and cycles of a graph of any shape |
//! | `reference` | `${tasks.build.nodes.web1.stdout}`: what stands between the braces |
//! | `shell` | where in a command line a value may stand, and how it is quoted |
//! | `places` | every text of a request in which a reference may stand |
//! | `render` | a request with its references replaced by their values |
//! | `status` | where tasks and graphs stand, and how the one follows from the other |
//! | `lifecycle` | the state machine of a graph that runs |
//! | `record` | what is stored of a graph run, and what is told of it |

mod check;
mod checked;
mod def;
mod lifecycle;
mod order;
mod places;
mod record;
mod reference;
mod render;
mod shell;
mod status;

pub use check::{MAX_REFERENCE_STEPS, MAX_TASKS, MAX_VIOLATIONS, SchemaCheck, check};
pub use checked::CheckedGraph;
pub use def::{TaskDef, TaskGraph, When};
pub use lifecycle::{GraphRun, ReadyTask, RunningTask, SkippedTask, StoredTask};
pub use record::{
    GraphEvent, GraphEventKind, GraphQuery, GraphRunRecord, GraphUpdate, NewGraphRun, TaskProgress,
    TaskRecord,
};
pub use reference::{NodeField, Part, Reference};
pub use render::{references, render};
pub use shell::shell_word;
pub use status::{GraphStatus, SkipWhy, TaskCounts, TaskEnd, TaskStatus};
