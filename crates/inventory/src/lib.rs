//! Sources of nodes, node sets and the target expression language.
//!
//! Data flows from a [`source`] (lists, files, inventories of Ansible, Bolt and OpenSSH, programs) through
//! the merge into one [`Inventory`], and an [`expression`] picks targets out of it; [`Resolver`] is that way
//! as the port the engine calls. [`nodeset`] writes many names as one (`web[01-20]`) and back.
//!
//! This crate runs nothing on a node, opens no connection and knows no other crate of ours but the domain.

#![forbid(unsafe_code)]

mod catalog;
pub mod destination;
pub mod dialect;
pub mod export;
pub mod expression;
pub mod nodeset;
pub mod source;

mod group_names;
mod inventory;
mod membership;
mod merge;
mod provenance;
mod resolver;
mod similar;

pub use catalog::{
    Catalog, CatalogWatch, ConfiguredSource, Freshness, SourceReport, SourceSettings, SourceState, View,
};
pub use inventory::Inventory;
pub use merge::SourceData;
pub use provenance::{FieldProvenance, Provenance, Said};
pub use resolver::Resolver;
