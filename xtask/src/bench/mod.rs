//! Benchmarks: they print what they measured, as ratios taken in one run, and judge it against the aims.
//!
//! Main types: [`Options`] and the list of benchmarks in `list.rs`. They are no tests: a busy machine makes them
//! worse, and nobody's change fails by that.

mod adaptive;
mod c_library;
mod cli;
mod cold;
mod engine;
mod facts;
mod fanout;
mod inventory;
mod list;
mod node;
mod parts;
mod programs;
mod reader;
mod report;
mod scripted;
mod store;
mod tools;
mod warm;

pub(crate) use list::{Options, run};
