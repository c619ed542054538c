//! Types, validation and ports of Pabawi's execution framework.
//!
//! This crate is the middle of the workspace: every other crate knows it and it knows none of them. It
//! touches no network, no file, no clock and no runtime.

#![forbid(unsafe_code)]

pub mod action;
pub mod breaker;
pub mod capability;
pub mod command_policy;
pub mod condition;
pub mod cut;
pub mod document;
pub mod duration;
pub mod ends;
pub mod error;
pub mod escape;
pub mod event;
pub mod export;
pub mod host_key;
pub mod id;
pub mod journal;
mod json_schema;
pub mod metadata;
pub mod metrics;
pub mod node;
pub mod outcome;
pub mod output;
pub mod pace;
pub mod panic_guard;
pub mod phases;
pub mod ports;
pub mod preview;
pub mod record;
pub mod redact;
pub mod request;
pub mod resilience;
pub mod rollout;
pub mod schema;
pub mod secret;
pub mod summary;
pub mod task;
pub mod validation;
