//! A throwaway fleet of real `sshd` processes on loopback addresses.
//!
//! Main type: [`Fleet`]. Every node has an address of its own in 127.0.0.0/8, a host key, and one
//! throwaway user key that opens all of them. Everything below the fleet ends with it: a guard process is
//! the reaper of all that is started (prctl(2), `PR_SET_CHILD_SUBREAPER`), and it kills the whole tree when
//! its pipe to us closes, so also when the test is killed with SIGKILL.
//!
//! It must never listen on, or log in to, anything but loopback.

pub(crate) mod addresses;
mod builder;
mod config;
mod controls;
mod error;
pub(crate) mod files;
pub(crate) mod keys;
mod running;
mod users;

pub use builder::FleetBuilder;
pub use error::FleetError;
pub use keys::{KeyFile, KeyType};
pub use running::{Fleet, FleetNode};
pub use users::{SudoRules, TestUser};
