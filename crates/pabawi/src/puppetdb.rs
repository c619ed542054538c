//! PuppetDB as a source of nodes and a provider of facts.

pub use pabawi_plugins::puppetdb::{
    PuppetDbClient, PuppetDbError, PuppetDbFacts, PuppetDbFault, PuppetDbInventory, PuppetDbSettings,
};
