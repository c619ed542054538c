//! What Pabawi asks other tools and services through.
//!
//! [`host`] holds the plugins of a framework and runs them for the engine. [`tool`] is what plugins share whose tool does
//! many nodes in one process. [`ansible`], [`bolt`] and [`puppetdb`] are plugins for the tools of these names, [`external`] makes
//! plugins of programs, [`v1`] of plugins of Pabawi v1.x. This crate knows no other crate of ours but the domain, and
//! nothing here decides what is done with the answers.

#![forbid(unsafe_code)]

pub mod ansible;
pub mod bolt;
mod config_secrets;
pub mod external;
pub mod host;
pub mod puppetdb;
mod together;
pub mod tool;
pub mod v1;
