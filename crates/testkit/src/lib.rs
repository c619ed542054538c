//! What the tests of this workspace share: fleets of real `sshd` processes, peers that misbehave on purpose,
//! a look at the processes of this machine, and waiting for conditions instead of sleeping.
//!
//! Main type: [`fleet::Fleet`]. This crate is a dev-dependency (and the demo's fleet); nothing that ships may
//! depend on it, and it knows of our own crates only `pabawi-domain`.

pub mod fleet;
pub mod hostile;
pub mod process;
pub mod wait;
