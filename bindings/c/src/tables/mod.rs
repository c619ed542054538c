//! What the program implements as tables of functions: plugins, sources of nodes, providers of facts, an authorizer, sinks for log
//! and measurements. The functions themselves are called by `ffi`; here they are values of [`Asked`] and [`Told`].
//!
//! ```text
//! port -> Asking -> thread of Callbacks -> Asked (function of the program) ... Completion -> Pending -> port
//! port ->           thread of Callbacks -> Told  (function of the program)
//! ```
//!
//! | file | what it is |
//! |---|---|
//! | `functions` | what functions of the program are here |
//! | `gate` | the way to a table, closed with the engine |
//! | `completion` | an answer that is to come, and who waits for it |
//! | `asking` | asks a function, as programs that are plugins are asked |
//! | `running` | an action that a function does |
//! | `authorizer`, `log`, `metrics` | the ports that are not asked like programs |
//! | `add` | from tables to registrations of a configuration |

mod add;
mod asking;
mod authorizer;
mod completion;
mod functions;
mod gate;
mod log;
mod metrics;
mod running;

pub(crate) use add::{
    add_authorizer, add_fact_provider, add_log_sink, add_metrics_sink, add_plugin, add_source,
};
pub(crate) use completion::Completion;
pub(crate) use functions::{Asked, Told};
pub(crate) use gate::Close;
