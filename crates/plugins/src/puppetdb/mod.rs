//! PuppetDB: nodes, groups and facts out of its query API, version 4.
//!
//! [`PuppetDbSettings`] become a [`PuppetDbClient`], behind which stand [`PuppetDbInventory`] and [`PuppetDbFacts`].
//! Queries always travel as a JSON body to one of two fixed paths, so nothing that a user writes can become part of an
//! address. Only queries are made: nothing in PuppetDB is ever changed.

mod address;
mod certnames;
mod client;
mod error;
mod fact_path;
mod facts;
mod inventory;
mod metadata;
mod pages;
mod pql;
mod reply;
mod settings;
mod tls;

pub use client::PuppetDbClient;
pub use error::{PuppetDbError, PuppetDbFault};
pub use facts::PuppetDbFacts;
pub use inventory::PuppetDbInventory;
pub use settings::PuppetDbSettings;
