//! Inventories of Ansible, read without Ansible where that is possible: [`AnsibleInventory`].
//!
//! The way of an inventory: `files` finds and reads its files; `ini`, `yaml` and `list` read each format into one
//! `model`; `snapshot` makes nodes of it, with the variables that are effective for each (`vars_files` are those beside
//! the inventory) and the way to it (`connection`). `words`, `literal`, `host_pattern`, `template` and `yaml11` are the
//! parts of Python, PyYAML and Jinja that Ansible's formats are made of.

mod connection;
mod files;
mod host_pattern;
mod ini;
mod inventory;
mod list;
mod literal;
mod model;
mod snapshot;
mod template;
mod vars_files;
mod words;
mod yaml;

pub(crate) use connection::{HOST, KEY_FILE, PORT, SSH_ARGUMENTS, TRANSPORT, USER, WRITTEN, transport_of};
pub use inventory::AnsibleInventory;
pub(crate) use inventory::snapshot_of_list;
