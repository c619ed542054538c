//! What the tests of this workspace share: fleets of real `sshd` processes, peers that misbehave on purpose, a
//! transport that plays scripts, a clock that is set by hand, a web server that answers wrongly, contract tests of the domain's ports, a look at
//! the processes of this machine, and waiting for conditions instead of sleeping.
//!
//! Main types: [`fleet::Fleet`], [`scripted::ScriptedTransport`], [`clock::ManualClock`]. This crate is a
//! dev-dependency (and the demo's fleet); nothing that ships may depend on it, and it knows of our own crates
//! only `pabawi-domain`.

pub mod clock;
pub mod contract;
pub mod fleet;
pub mod hostile;
pub mod http;
pub mod measure;
mod memory_graphs;
pub mod memory_store;
pub mod process;
pub mod scripted;
pub mod wait;
