//! What Pabawi asks other tools and services through.
//!
//! [`host`] holds the plugins of a framework and runs them for the engine. [`puppetdb`] is a source of nodes and a provider of facts. This crate knows no other crate of ours but the
//! domain, and nothing here decides what is done with the answers.

#![forbid(unsafe_code)]

pub mod host;
pub mod puppetdb;
