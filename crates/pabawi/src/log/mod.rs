//! Logging: records of `tracing` for the sinks of hosts, and the way there.
//!
//! Every part of the framework speaks through `tracing`; none of them installs a subscriber. A host that has one adds
//! [`layer`] to it, one that has none calls [`install`], once for the process. From then on each framework that was given a
//! sink ([`FrameworkBuilder::log_sink`](crate::FrameworkBuilder::log_sink)) has its own records brought there, with the ids
//! of the execution and of the request on each of them.

mod fields;
mod filter;
mod install;
mod queue;
mod records;
mod route;
mod sink_layer;

pub use install::{AlreadyInstalled, install, layer};
pub use pabawi_domain::panic_guard::note_panics;
pub use pabawi_domain::ports::{LogLevel, LogRecord, LogSink, LogStats, LoggerContext};
pub use records::RecordLayer;

pub(crate) use queue::LogQueue;
pub(crate) use route::{Route, has_layer, open_route};
