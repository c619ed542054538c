//! Lists of known host keys, `sshd(8)`, SSH_KNOWN_HOSTS FILE FORMAT: look up, compare, add.
//!
//! Main type: [`KnownHosts`], made from a [`KnownHostsCache`] that parses each file once. A key is compared
//! with all files together, as OpenSSH does.
//!
//! This module must not decide what happens with an unknown or changed key: it says what is known, and the
//! caller's policy decides. It never writes except in [`KnownHosts::add`]. All functions read files and may
//! block; call them where blocking is allowed.

mod add;
mod cache;
mod check;
mod error;
mod file;
mod fingerprint;
mod knowledge;
mod line;
mod lookup;

pub use add::Added;
pub use cache::KnownHostsCache;
pub use check::{BrokenLine, KnownHosts, KnownKey, Verdict, order_algorithms};
pub use error::KnownHostsError;
pub use fingerprint::{fingerprint, key_type};
pub use lookup::HostLookup;

#[cfg(test)]
mod tests;
