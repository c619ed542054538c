//! The C library `libpabawi`: the framework for C programs, and for every language that can call C.
//!
//! What crosses is JSON in the shapes of [`pabawi::json`]. The contract stands in the header, `include/pabawi.h`, which is made
//! of the documentation of the functions in `ffi/exports`; `cargo xtask header` writes it. This crate decides nothing and uses
//! the facade alone.
//!
//! | file | what it is |
//! |---|---|
//! | `status` | the numbers of failures, and [`status::Fault`], which is one with its reason |
//! | `handle` | handles: numbers that look like pointers and are never followed |
//! | `config` | options of an engine, and what is registered with it |
//! | `engine` | a framework on a runtime of its own |
//! | `session` | an engine as one user uses it; calls that are waited for |
//! | `operation` | a call that goes on beside the program |
//! | `stream` | events, read ahead by one batch |
//! | `callbacks` | threads on which functions of the program are called |
//! | `waiting` | waiting for work on a thread of the program |
//! | `wakeup` | file descriptors that become readable |
//! | `tables` | what the program implements as tables of functions |
//! | `ffi` | what touches memory of the program, and the exported functions: the only `unsafe` code |

#![deny(unsafe_code)]

mod callbacks;
mod config;
mod engine;
mod ffi;
mod handle;
mod operation;
mod session;
mod status;
mod stream;
mod tables;
mod waiting;
mod wakeup;

pub use ffi::exports;
pub use status::{numbers, pabawi_status};
