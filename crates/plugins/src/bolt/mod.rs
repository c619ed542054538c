//! The plugin for Bolt: [`BoltPlugin`]. Commands, scripts, tasks, plans and facts are one process of `bolt` for all nodes of a
//! run, whose JSON is read while it is printed.
//!
//! ```text
//! Action -> work -> Work -> files, command_line -> bolt -> document -> report -> tool::NodePart
//! ```
//!
//! | file | what it is |
//! |---|---|
//! | `plugin` | [`BoltPlugin`] |
//! | `settings` | its configuration, and the schema of that |
//! | `capabilities` | what it can do |
//! | `schemas` | the schemas of parameters and results |
//! | `work` | from an action to what Bolt is to do, or a refusal with the field |
//! | `process` | commands and scripts |
//! | `known` | which targets and groups Bolt's inventory has |
//! | `targets` | the nodes of a run as targets of Bolt |
//! | `files` | what a run reads: targets, inventory, parameters, a command or a script |
//! | `command_line` | arguments |
//! | `document` | the JSON of a run, taken apart while it comes |
//! | `text` | texts in JSON, while they come |
//! | `item` | what the JSON says of one target |
//! | `kinds` | Bolt's kinds of errors as codes |
//! | `report` | a run that names its targets, as words about nodes |
//! | `plan_report` | a plan, as words about nodes |
//! | `program` | `bolt` by itself: whether it works, and answers that are one JSON |
//! | `catalog` | which tasks and plans there are |
//! | `metadata` | what files beside tasks say of their parameters |
//! | `facts` | facts of targets by the task `facts` |
//! | `calls` | questions that are no action on nodes |
//!
//! No text of a request is an option, a group or a pattern of targets: nodes are named in a file, under names that mean one
//! target, and commands, scripts and parameters are files, too. Nothing that may be a secret is in arguments or the environment.

mod calls;
mod capabilities;
mod catalog;
mod command_line;
mod document;
mod facts;
mod files;
mod item;
mod kinds;
mod known;
mod metadata;
mod plan_report;
mod plugin;
mod process;
mod program;
mod report;
mod schemas;
mod settings;
mod targets;
mod text;
mod work;

pub(crate) use capabilities::command_lines;
pub use plugin::{BoltPlugin, BoltSources, InventoryAt};
