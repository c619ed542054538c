//! One process of a tool for many nodes: what plugins share whose tool does all nodes of a run at once.
//!
//! ```text
//! RunningTool -> Reader (one task) -> Lines -> ToolParser -> Word -> channel of each node -> NodePart -> engine
//! ```
//!
//! | file | what it is |
//! |---|---|
//! | `argv` | what may be an argument of a tool |
//! | `parameters` | parameters of an action, by name |
//! | `call` | answers to calls that all of them give alike |
//! | `project_settings` | the project and the inventory that a configuration names |
//! | `project_tools` | a runner of tools in a project with its environment |
//! | `private_files` | files with secrets for a tool, gone with the run or at the next start |
//! | `lines` | chunks to lines, each with a longest length |
//! | `parser` | [`ToolParser`], what a plugin writes: lines to words about nodes |
//! | `reader` | the task that owns the tool |
//! | `delivery` | what a node is told, and what becomes of one that is not read |
//! | `node_part` | what the engine reads of one node |
//! | `ended` | [`Ended`], a node whose end is known before anything was started |
//! | `fault` | faults of the tool as ends of nodes |
//!
//! A node that is not read holds the others up for [`STALL`] at the most; past it, the rest of its output is left out
//! and a mark says so. A node that the tool says nothing about has a fault with the last words of the tool.

pub mod argv;
pub(crate) mod call;
mod delivery;
mod ended;
mod fault;
mod lines;
mod node_part;
pub(crate) mod parameters;
mod parser;
pub mod private_files;
pub(crate) mod project_settings;
pub(crate) mod project_tools;
mod reader;
#[cfg(test)]
mod tests;

pub use delivery::STALL;
pub use ended::Ended;
pub use parser::{ToolParser, Word};
pub use reader::{ToolRun, follow};
