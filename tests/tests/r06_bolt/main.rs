//! Requirement 6 with Bolt: commands, scripts, tasks, plans, facts and its inventory, one process of Bolt for all nodes of a run.
//! There is no Bolt where the tests run, so that a program stands in for it which speaks its command line and its JSON.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[cfg(test)]
mod asking;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod failing;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod running;
