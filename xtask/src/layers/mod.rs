//! Which crate may depend on which: the arrows of the design, checked against `cargo metadata`.
//!
//! Main function: [`check`]. It knows names only, never what a crate does.

mod graph;
mod rules;

pub(crate) use graph::Graph;
pub(crate) use rules::check;
