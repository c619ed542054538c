//! Plugins that are programs: a shell script, a Python program, anything that can be started. Main type: [`ExternalPlugin`].
//! What is spoken with them is told in `docs/external-plugins.md`.
//!
//! ```text
//! Plugin::run  -> request (one line of JSON on stdin) -> PROGRAM run -> lines of JSON -> answers::RunLines -> tool::follow
//! all the rest -> request                             -> PROGRAM call ... -> one line of JSON -> answers::answer
//! ```
//!
//! | file | what it is |
//! |---|---|
//! | `program` | the file, and whether it is safe to run |
//! | `description` | what a program says of itself, checked |
//! | `description_schema` | the schema of that |
//! | `plugin` | [`ExternalPlugin`] |
//! | `link` | one request to a program: a process, a line to it, its answer |
//! | `request` | the words, and what stands in the line |
//! | `open_action` | an action with its secrets, which only the program gets to see |
//! | `answer` | an answer in one line |
//! | `run_lines` | lines about nodes |
//! | `without_secrets` | failures of nodes without secrets of the configuration |
//! | `sources` | its inventory and its facts |
//! | `hosted` | parts of the program that the framework is part of, which are spoken with in the same way |
//! | `undescribed` | the place of a program that cannot be a plugin, with the reason |
//! | `load` | from paths to plugins of a host |
//!
//! A program is told everything over its standard input: what others see of a process, its arguments and environment, holds
//! nothing of a request and no secret.

mod answer;
mod description;
mod description_schema;
mod error;
mod hosted;
mod link;
mod load;
mod open_action;
mod plugin;
mod program;
mod request;
mod run_events;
mod run_lines;
mod sources;
mod undescribed;
mod without_secrets;

pub use error::ExternalError;
pub use hosted::{hosted_facts, hosted_inventory};
pub use load::register;
pub use plugin::ExternalPlugin;
