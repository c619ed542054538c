//! Requirements 6, 10 and 12: who may do what, as whoever calls `pab` sees it: by a policy file, by Pabawi's tables, and by a
//! command policy. What the decisions are made of is shown in the crate `pabawi-permissions`, and all capabilities at all
//! ways in by `permitting.rs` of the crate `pabawi`.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod commands;
mod document;
mod faults;
mod notes;
mod policies;
mod seeing;
mod site;
mod tables;
