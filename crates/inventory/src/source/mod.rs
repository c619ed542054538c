//! Where nodes come from. Each source becomes an [`InventorySnapshot`](pabawi_domain::ports::InventorySnapshot)
//! of its own; [`StaticInventory`] holds one that is known already, [`FileInventory`] reads its file on every
//! fetch.
//!
//! | source | made by |
//! |---|---|
//! | a comma list (`--hosts a,b[1-3],root@c:2222`) | [`hosts_list`] |
//! | a file with one such list a line | [`hosts_file`], [`FileInventory::hosts_file`] |
//! | an inventory file, YAML or JSON | [`inventory_file`], [`FileInventory::inventory_file`] |
//! | an inventory of Ansible: INI, YAML, scripts, directories | [`AnsibleInventory`] |
//! | an inventory of Bolt, version 2 | [`BoltInventory`] |
//! | the hosts of an `ssh_config(5)` | [`OpensshInventory`] |
//! | a program that prints JSON | [`CommandInventory`] |
//!
//! [`detect`] tells what a path is, a [`SourcesFile`] lists sources with their settings, and [`SourceSpec`] makes them.

pub(crate) mod ansible;
mod blocking;
mod bolt;
mod command;
mod detect;
mod error;
mod faults;
mod file;
mod hosts;
mod inventory_file;
mod named;
mod openssh;
mod sources_file;
mod spec;
mod static_inventory;
mod tool;
mod tool_yaml;
mod tree;
mod way;
pub(crate) mod yaml11;

pub use ansible::AnsibleInventory;
pub use bolt::BoltInventory;
pub use command::CommandInventory;
pub use detect::{Detected, detect};
pub use error::SourceError;
pub use file::{FileInventory, MAX_FILE_BYTES};
pub use hosts::{hosts_file, hosts_list};
pub use inventory_file::inventory_file;
pub use openssh::OpensshInventory;
pub use pabawi_domain::document::Problem;
pub use sources_file::SourcesFile;
pub use spec::{SourceKind, SourceSpec};
pub use static_inventory::StaticInventory;
pub use tool_yaml::read_tool_yaml;
