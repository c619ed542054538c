//! The harness of the end-to-end tests: `pab` as a program, and a laboratory of real `sshd` nodes to use it on.
//!
//! Main types: [`Lab`] (a fleet, a home folder and a database), [`Pab`] (one call of the program), [`Ran`] and
//! [`Running`] (what became of it). It judges nothing: what has to hold stands in the tests.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod binary;
mod browser;
mod documents;
mod events;
pub mod facade;
pub mod gossip;
mod lab;
mod look;
mod pab;
mod random;
mod running;

pub use binary::{pab_directory, pab_path, target_directory, workspace};
pub use browser::{Page, rendered};
pub use documents::{Line, commands_of};
pub use events::{data_of, finished_nodes, outcome_of, parse_lines, result_of};
pub use lab::{LIMIT, Lab, lines_of, unique};
pub use look::{ansible_python, held_writer, own_memory, python, sha256};
pub use pab::{Pab, Ran};
pub use random::Random;
pub use running::Running;
