//! Peers that misbehave on purpose, on loopback.
//!
//! Main types: [`HostilePeer`], a plain TCP server that never gets as far as a login, and [`HostileSsh`], a
//! server that lets everybody in and misbehaves afterwards. Both count how often their fault was reached, so
//! that a test can tell that it met it. [`BlackHole`] is an address that does not answer at all. They must never be reachable from outside the machine.

mod hole;
mod peer;
mod server;
mod wire;

pub use hole::BlackHole;
pub use peer::{HostileKind, HostilePeer};
pub use server::{HostileSsh, HostileSshKind};
