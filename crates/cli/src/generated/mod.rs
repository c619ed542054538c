//! Commands that are made of capabilities: the schema of the parameters becomes options, what was typed becomes parameters
//! again, and is checked against the schema before anything runs.

mod action;
mod answer;
mod call;
mod given;
mod manual;
mod option;
mod parameter;
mod secret;
mod tool;

pub(crate) mod plugin;
pub(crate) mod verbs;

pub(crate) use call::Named;
pub(crate) use manual::manual;
pub(crate) use secret::SecretParameter;
pub(crate) use tool::Tool;
