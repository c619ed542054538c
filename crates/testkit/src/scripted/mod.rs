//! A transport and a plugin that play a script for each node, without network or processes.
//!
//! Main types: [`ScriptedTransport`], [`ScriptedPlugin`], [`NodeScript`], [`Gate`]. It implements the port
//! [`Transport`](pabawi_domain::ports::Transport) in tokio's time, so tests with a paused clock take no time; it
//! counts what was asked of it and decides nothing.

mod counts;
mod gate;
mod plugin;
mod running;
mod script;
mod sources;
mod transport;

pub use counts::NodeCounts;
pub use gate::Gate;
pub use plugin::{Conduct, ScriptedPlugin, ScriptedRun, capability};
pub use script::NodeScript;
pub use transport::ScriptedTransport;
