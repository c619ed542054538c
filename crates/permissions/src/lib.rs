//! Who may do what. Main type: [`Permissions`], of which the port
//! [`Authorizer`](pabawi_domain::ports::Authorizer) is made.
//!
//! | module | what it holds |
//! |---|---|
//! | `mapping` | which of Pabawi's permissions a capability is: one table, and what is said instead of it |
//! | `policy` | policy files: users, groups, roles, rules with nodes and times |
//! | `tables` | what Pabawi's tables say, remembered for a moment |
//! | `node_sets` | which nodes an expression means, remembered for a moment |
//! | `authorizer` | the decision |
//!
//! It opens no database and asks no source of nodes: these are ports. It records nothing: denials are told by whoever asked.

#![forbid(unsafe_code)]

mod authorizer;
mod mapping;
mod node_sets;
mod policy;
mod tables;

pub use authorizer::{PermissionAuthorizer, Permissions};
pub use mapping::{DEFAULTS, DefaultRow, Instead, PermissionMap, Resource};
pub use policy::{Policy, PolicyError};
