//! Requirement 5: what an execution did as JSON, and as a page for people that is looked at in a real browser.
//!
//! | module | what it shows |
//! |---|---|
//! | `export` | everything that is remembered comes back, outputs as far as they are kept |
//! | `page` | what a page says of a run, of its journal and of the ends of its outputs |
//! | `hostile` | nothing that a node or a plugin says does anything on the page |
//! | `large` | 5,000 nodes |
//! | `look` | a page held against the export of the same execution |
//! | `tool` | a program that is a plugin, for nodes that do not exist |

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod export;
mod hostile;
mod large;
mod look;
mod page;
mod tool;
