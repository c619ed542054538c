//! One run of a tool for many nodes: behind the port `Transport`, each node's run asks by itself; those of one execution
//! that ask at about the same time become one call of [`Plugin::run`](pabawi_domain::ports::Plugin::run) (R8.3).
//!
//! ```text
//! NodeRun -> connect -> ToolSession -> start -> NodeAction --asks--> Desk -> Gathering -> one ToolRun
//!                                                  ^                                         |
//!                                                  +---------- its own RunningAction --------+
//! ```
//!
//! | file | what it is |
//! |---|---|
//! | `transport` | [`ToolTransport`], what the engine sees of a plugin |
//! | `desk` | the task that gathers, one for each plugin |
//! | `gathering` | when those who wait are enough: a state machine without a runtime |
//! | `start` | the call of the plugin, and whether its answer can be used |
//! | `tool_run` | what the nodes of one run share |
//! | `node_action` | what one node's run holds |
//! | `fault` | faults of plugins as errors of nodes |
//!
//! A plugin that returns nonsense, panics or hangs costs the nodes of that run, each of which gets the fault as its
//! outcome, and nothing else.

mod desk;
mod fault;
mod gathering;
mod node_action;
mod start;
mod tool_run;
mod transport;

pub(super) use gathering::BatchLimits;
pub(super) use transport::ToolTransport;
