//! What the SQLite store does beyond the contract of every store: what survives a killed process, what a full
//! or read-only disk does, who may read the file, and that callers do not hurt each other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![allow(clippy::indexing_slicing, clippy::print_stderr, reason = "tests")]

mod breakers;
mod callers;
mod child;
mod contract;
mod crash;
mod disk;
mod files;
mod graphs;
mod history;
mod journal;
mod outputs;
mod records;
mod recovery;
mod retention;
