//! PuppetDB: nodes, groups, facts, reports, events and catalogs out of its query API, version 4.
//!
//! [`PuppetDbSettings`] become a [`PuppetDbClient`], behind which stand [`PuppetDbInventory`] and [`PuppetDbFacts`];
//! [`PuppetDbPlugin`] is all of it under one name, and answers calls beside. Queries always travel as a JSON body to one of
//! few fixed paths, so nothing that a user writes can become part of an address. Only queries are made: nothing in PuppetDB
//! is ever changed.

mod address;
mod calls;
mod capabilities;
mod certnames;
mod client;
mod config_schema;
mod error;
mod fact_path;
mod facts;
mod health;
mod inventory;
mod metadata;
mod pages;
mod plugin;
mod pql;
mod reply;
mod settings;
mod tls;

pub use client::PuppetDbClient;
pub use error::{PuppetDbError, PuppetDbFault};
pub use facts::PuppetDbFacts;
pub use inventory::PuppetDbInventory;
pub use plugin::PuppetDbPlugin;
pub use settings::PuppetDbSettings;
