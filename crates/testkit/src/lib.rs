//! What the tests of this workspace share: fleets of real `sshd` processes, peers that misbehave on purpose, a
//! transport that plays scripts, a clock that is set by hand, a web server that answers as it is told, a PostgreSQL
//! and a PuppetDB, secrets that are looked for afterwards, contract tests of the domain's ports, a look at the processes
//! of this machine, and waiting for conditions instead of sleeping.
//!
//! Main types: [`fleet::Fleet`], [`scripted::ScriptedTransport`], [`clock::ManualClock`]. This crate is a
//! dev-dependency (and the demo's fleet); nothing that ships may depend on it, and it knows of our own crates
//! only `pabawi-domain`.

pub mod canary;
pub mod certificates;
pub mod clock;
pub mod contract;
pub mod fleet;
mod guard;
pub mod hostile;
pub mod http;
pub mod measure;
pub mod memory_facts;
mod memory_graphs;
mod memory_journal;
mod memory_last;
pub mod memory_store;
pub mod pabawi_history;
pub mod pabawi_host;
pub mod pabawi_tables;
pub mod postgres;
pub mod process;
pub mod puppetdb;
pub mod scripted;
mod service;
pub mod v1;
pub mod wait;
