//! What the SQLite store does beyond the contract of every store: what survives a killed process, what a full
//! or read-only disk does, who may read the file, and that callers do not hurt each other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![allow(clippy::indexing_slicing, clippy::print_stderr, reason = "tests")]

#[path = "../both/breakers.rs"]
mod breakers;
#[path = "../both/callers.rs"]
mod callers;
#[path = "../both/child.rs"]
mod child;
mod children;
mod contract;
mod crash;
mod disk;
#[path = "../both/everything.rs"]
mod everything;
mod faults;
mod files;
#[path = "../both/filling.rs"]
mod filling;
mod golden;
#[path = "../both/graphs.rs"]
mod graphs;
mod held;
#[path = "../both/history.rs"]
mod history;
mod host;
#[path = "../both/host_journal.rs"]
mod host_journal;
#[path = "../both/journal.rs"]
mod journal;
#[path = "../both/maintain.rs"]
mod maintain;
#[path = "../both/mirror.rs"]
mod mirror;
#[path = "../both/mirror_faults.rs"]
mod mirror_faults;
#[path = "../both/mirrored.rs"]
mod mirrored;
mod older;
mod opened;
mod outputs;
#[path = "../both/records.rs"]
mod records;
#[path = "../both/recovery.rs"]
mod recovery;
#[path = "../both/retention.rs"]
mod retention;
#[path = "../both/retention_limits.rs"]
mod retention_limits;
