//! The exported functions, one family a file. Their documentation stands in the header.
//!
//! A new one: `#[unsafe(no_mangle)] pub unsafe extern "C" fn pabawi_…`, pointers into [`Text`](super::memory::Text),
//! [`In`](super::memory::In) and [`Out`](super::memory::Out) in one `unsafe` block, all else in
//! [`boundary`](super::boundary::boundary); the place for the error is its last argument. Then `cargo xtask header`.

#![allow(
    clippy::missing_safety_doc,
    reason = "what callers promise about pointers stands once, at the head of the header"
)]

// In the order of the header.
pub mod library;

pub mod errors;

pub mod config;

pub mod engine;

pub mod executions;

pub mod calls;

pub mod operations;

pub mod events;

pub mod knowledge;

pub mod tables;

pub mod completions;

pub use super::bytes::pabawi_bytes;
pub use super::functions::{pabawi_answer_fn, pabawi_events_fn};
pub use super::handles::{
    pabawi_completion, pabawi_config, pabawi_engine, pabawi_error, pabawi_events, pabawi_operation,
    pabawi_session,
};
pub use super::id::pabawi_id;
pub use super::tables::{
    pabawi_ask_fn, pabawi_authorizer, pabawi_destroy_fn, pabawi_fact_provider, pabawi_log_sink,
    pabawi_metrics_sink, pabawi_plugin, pabawi_source, pabawi_tell_fn,
};
