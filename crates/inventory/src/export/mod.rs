//! A merged [`Inventory`](crate::Inventory) in the formats of others: [`to_ansible`] as `ansible-inventory --list` prints
//! it, [`to_bolt`] as an inventory file of Bolt, [`to_common`] in our own JSON; [`to_yaml`] writes any of them as YAML.
//!
//! No secret is written: passwords of nodes are left out.

mod ansible;
mod bolt;
mod pabawi;
mod yaml;

pub use ansible::to_ansible;
pub use bolt::to_bolt;
pub use pabawi::to_common;
pub use yaml::to_yaml;
