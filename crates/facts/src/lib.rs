//! Facts of nodes: where they come from, how long they hold, and which of several counts.
//!
//! | module | what it holds |
//! |---|---|
//! | `service` | [`Facts`]: providers, cache with one collection for several callers, batches, the store |
//! | `known` | [`KnownFacts`]: what is stored already, for target expressions |
//! | `merge` | [`MergedFacts`]: the facts of one node from all providers, by priority, with provenance |
//! | `condition` | [`Condition`]: whether a fact is what a target expression wants |
//! | `ssh`, `facter`, `ansible`, `inventory` | the providers that are built in |
//! | `shape` | [`to_pabawi`]: the shape in which Pabawi shows facts |
//!
//! This crate runs nothing itself: providers ask the ports `NodeCommands` and `ToolRunner`.

#![forbid(unsafe_code)]

mod ansible;
mod condition;
mod facter;
mod inventory;
mod known;
mod merge;
mod script;
mod service;
mod shape;
mod ssh;
mod tree;

pub use ansible::{AnsibleFacts, from_ansible};
pub use condition::{Condition, InvalidCondition, parse_condition};
pub use facter::FacterFacts;
pub use inventory::{InventoryFacts, ListedNode, NodeLookup};
pub use known::KnownFacts;
pub use merge::{Explained, Layer, MergedFacts, Source};
pub use service::{Facts, FactsBuilder, Freshness, ProviderOptions, RegisterError};
pub use shape::{PabawiFacts, to_pabawi};
pub use ssh::SshFacts;
