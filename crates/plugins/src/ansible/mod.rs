//! The plugin for Ansible: [`AnsiblePlugin`]. Commands, scripts, modules, packages, facts and playbooks are one process of
//! `ansible-playbook` for all nodes of a run; everything but a playbook is a play of one task that is written for the run.
//!
//! ```text
//! Action -> work -> Work -> files, command_line -> ansible-playbook -> pabawi_lines.py -> report -> tool::NodePart
//! ```
//!
//! | file | what it is |
//! |---|---|
//! | `plugin` | [`AnsiblePlugin`] |
//! | `settings` | its configuration, and the schema of that |
//! | `capabilities` | what it can do, with the schemas of the parameters |
//! | `work` | from an action to what Ansible is to do, or a refusal with the field |
//! | `parameters` | parameters as options of `ansible-playbook`, each checked |
//! | `process` | commands and scripts as a task of the module `shell` |
//! | `play` | plays that are written for a run |
//! | `yaml` | values as YAML whose texts are never templates |
//! | `targets` | the nodes of a run as hosts |
//! | `files` | what a run reads: hosts, variables, plays, our Python |
//! | `command_line` | arguments and environment |
//! | `report` | what our callback plugin says, as words about nodes |
//! | `messages` | Ansible's messages as codes |
//! | `programs` | which of Ansible's programs work |
//! | `calls` | questions that are no action on nodes |
//!
//! No text of a request is a pattern, an option or a template: nodes are handed over as a group, options are attached to
//! their names and checked, and texts are marked as unsafe for Ansible's template engine, whose look-ups run on this machine.
//! Nothing that may be a secret is in arguments or the environment.

mod calls;
mod capabilities;
mod command_line;
mod files;
mod messages;
mod parameters;
mod play;
mod plugin;
mod process;
mod programs;
mod report;
mod settings;
mod targets;
mod work;
mod yaml;

pub(crate) use capabilities::command_lines;
pub use plugin::{AnsiblePlugin, AnsibleSources, InventoryAt};
