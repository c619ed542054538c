//! The engine: takes a request all the way to a recorded result on every node.
//!
//! ```text
//! ExecutionRequest
//!   -> validate    ValidRequest         every violation at once; nothing else has happened
//!   -> resolve     ResolvedRequest      which nodes the expression selects, each once
//!   -> authorize   AuthorizedRequest    the port Authorizer; missing, failing and slow ones deny
//!   -> plan        ExecutionPlan        the transport of each node; local files can be read
//!   -> record      RecordedExecution    durable, before the id is returned
//!   -> schedule    Permit               priority, fairness between executions, limits
//!   -> run         NodeEnd              one task for each node that has its permit
//!   -> emit        ExecutionEvent       one hub for each execution numbers, stores and publishes
//!   -> subscribe   Subscription         any number of readers, from any sequence number
//! ```
//!
//! A preview goes through the stages to the plan, stores what it saw, and stops there; applying it later compares what
//! the stages say then, and goes on.
//!
//! Each stage takes one type and returns the next, and only the stage can make it, so that running without
//! validation or authorization does not compile. Main type: [`Engine`]. The crate knows ports and nothing of
//! SSH, SQL, Node or any plugin; it installs no global subscriber and no panic hook.

#![forbid(unsafe_code)]

// The order is that of the data.
mod builder;
mod engine;
mod error;
mod limits;

mod validate;

mod resolve;

mod authorize;

mod plan;

mod record;

mod preview;

mod schedule;

mod dispatcher;

mod run;

mod emit;

mod subscribe;

mod breaker;
mod calls;
mod cancel;
mod chain;
mod denied;
mod export;
mod foreign;
mod graph;
mod journal;
mod meter;
mod metrics;
mod needs;
mod pressure;
mod query;
mod registry;
mod rerun;
mod resume;
mod seeing;
mod shutdown;
mod slow;

pub use authorize::{AllowAll, may_without_engine};
pub use builder::{BuildError, EngineBuilder, SystemClock};
pub use cancel::{CancelReceipt, CancelScope};
pub use engine::{Engine, EngineStats, ExecutionOutcome};
pub use error::{EngineError, SubmitError};
pub use export::Export;
pub use graph::{
    GraphError, GraphEvents, GraphFileError, GraphView, Graphs, MAX_GRAPH_FILE_BYTES, ResumeOptions,
    check_graph, parse_graph, read_graph,
};
pub use limits::EngineLimits;
pub use meter::SourceMeter;
pub use metrics::{FAMILIES, FamilyInfo, MirrorCounts, PartStats, RetentionCounts};
pub use pressure::MemoryStats;
pub use preview::{ApplyOptions, PlanError};
pub use rerun::{Login, RerunOptions, RerunSecrets, RerunSelection};
pub use resume::Resumed;
pub use shutdown::ShutdownReport;
pub use slow::{PhaseTimes, SlowNode, SlowPhase, SlowReport};
pub use subscribe::{Subscription, SubscriptionMode, ToldEvent};
