//! The provider `ssh` with its script run by real shells: on this machine, compared with what this machine says by other
//! means, and with programs that print what FreeBSD and macOS would.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![allow(clippy::indexing_slicing, reason = "tests")]

mod linux;
mod others;
mod shell;
mod site;
