//! The store on PostgreSQL does what the store on SQLite does, and what only several machines on one server can show: who is
//! taken for dead, how that is taken back, and a server that goes and comes in the middle of writes.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![allow(clippy::indexing_slicing, clippy::print_stderr, reason = "tests")]

#[path = "../both/breakers.rs"]
mod breakers;
#[path = "../both/callers.rs"]
mod callers;
#[path = "../both/child.rs"]
mod child;
mod contract;
mod damage;
mod disk;
#[path = "../both/everything.rs"]
mod everything;
mod faults;
#[path = "../both/filling.rs"]
mod filling;
mod golden;
#[path = "../both/graphs.rs"]
mod graphs;
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
mod opened;
mod opening;
mod outputs;
mod plans;
mod presence;
mod reading;
#[path = "../both/records.rs"]
mod records;
#[path = "../both/recovery.rs"]
mod recovery;
#[path = "../both/retention.rs"]
mod retention;
#[path = "../both/retention_limits.rs"]
mod retention_limits;
mod text;
mod upgrade;
mod waiting;
