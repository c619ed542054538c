//! What is sent to a POSIX shell on a node.
//!
//! This module must not start anything; it only builds text.

mod detached;
mod lifeline;
mod quote;
mod run_as;

pub(crate) use detached::{StartSpec, find, follow, remove, spool_path, start as start_detached};
pub(crate) use lifeline::{
    Input, Program, RUN_VARIABLE, WRAPPER_FAILED, WrapSpec, Wrapped, interpreter_of, mark, wrap,
};
pub(crate) use quote::{push_quoted, quote};
pub(crate) use run_as::{command_line, needs_terminal, program, prompts};
