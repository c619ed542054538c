//! Pabawi's execution framework: run commands, scripts and copies on many nodes, and remember what happened.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use pabawi::{Action, AllowAll, Caller, CommandAction, EntryPoint, ExecutionRequest, Framework, TargetExpression};
//!
//! let framework = Framework::builder().authorizer(AllowAll).open().await?;
//! let caller = Caller { user: "ops".into(), entry_point: EntryPoint::Rust };
//! let action = Action::Command(CommandAction::new("uptime"));
//! let request = ExecutionRequest::new(action, TargetExpression::new("web[01-20],db1"));
//! let outcome = framework.execute(caller, request).await?;
//! println!("{} of {} succeeded", outcome.summary.progress.succeeded, outcome.summary.progress.total);
//! # Ok(()) }
//! ```
//!
//! Everything starts at [`Framework::builder`]. This crate puts the parts together (`wire.rs` is the page
//! where they meet) and names what belongs to its public interface; it contains no logic of its own.

#![forbid(unsafe_code)]

pub mod ansible;
pub mod bolt;
pub mod database;
pub mod external;
pub mod facts;
pub mod graph;
pub mod host_database;
pub mod host_journal;
pub mod inventory;
pub mod journal;
pub mod json;
pub mod log;
pub mod metrics;
pub mod permissions;
pub mod plugin;
pub mod ports;
pub mod puppetdb;
pub mod report;
pub mod ssh;
#[cfg(feature = "otlp")]
pub mod traces;
pub mod v1;

mod allowed;
mod builder;
mod built_in;
mod error;
mod export;
mod framework;
mod knowledge;
mod known_as;
mod listed_nodes;
mod measured;
mod node_commands;
mod sources;
mod wire;

pub use builder::FrameworkBuilder;
pub use error::FrameworkError;
pub use export::Export;
pub use framework::Framework;

pub use pabawi_domain::action::{
    Action, ActionKind, CommandAction, DownloadAction, EnvValue, OnLinkLoss, ProcessOptions, RunAs,
    RunAsMethod, ScriptAction, StdinSource, ToolAction, UploadAction,
};
pub use pabawi_domain::breaker::{BreakerState, BreakerStatus, Component};
pub use pabawi_domain::duration::parse_duration;
pub use pabawi_domain::ends::with_mark;
pub use pabawi_domain::error::{ErrorCode, NodeError};
pub use pabawi_domain::escape::escape_for_terminal;
pub use pabawi_domain::event::{EventKind, EventText, ExecutionEvent};
pub use pabawi_domain::export::{ExportPart, ExportedOutput};
pub use pabawi_domain::host_key::{HostKeyAcceptance, HostKeyKnowledge, HostKeyPolicy, HostKeySeen};
pub use pabawi_domain::id::{
    CorrelationId, ExecutionId, GroupName, IdempotencyKey, InvalidName, NodeId, PluginName, Tag,
};
pub use pabawi_domain::journal::{JournalEntry, JournalLevel, JournalQuery, NewJournalEntry};
pub use pabawi_domain::metadata::Metadata;
pub use pabawi_domain::node::{Endpoint, Node, NodeGroup, Target, TargetExpression, parse_destination};
pub use pabawi_domain::outcome::{NodeOutcome, RejectedBy, SkipReason, Survivor, Termination, TimeoutPhase};
pub use pabawi_domain::output::{CapturedOutput, ContentHash, KeptOutput, OutputData, StreamKind};
pub use pabawi_domain::pace::{PACE_WINDOW, Pace, ProgressReport};
pub use pabawi_domain::preview::{
    BasisFile, BasisTarget, ExecutionPreview, Permission, PlanChange, PlanHash, PlanHead, PreviewBasis,
    PreviewLimits, PreviewTarget, Reach, StoredPlan,
};
pub use pabawi_domain::record::{
    AttemptRecord, EventPage, EventTexts, ExecutionQuery, ExecutionRecord, ExecutionTotals, Omission,
    OutputChunk, OutputGroup, OutputRef, Page, TargetQuery, TargetRecord, TargetState,
};
pub use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest, Timeouts};
pub use pabawi_domain::resilience::{Backoff, BreakerPolicy, Growth, RetryPolicy};
pub use pabawi_domain::rollout::{
    Canary, HealthCheck, InvalidShare, Mode, Rolling, Rollout, Share, Stragglers, wave_lengths,
};
pub use pabawi_domain::secret::{REDACTED, Secret, SecretValue};
pub use pabawi_domain::summary::{ExecutionStatus, ExecutionSummary, Progress};
pub use pabawi_domain::validation::{FieldError, ValidationError};

pub use pabawi_engine::{
    AllowAll, ApplyOptions, CancelReceipt, CancelScope, EngineError, EngineLimits, EngineStats,
    ExecutionOutcome, Login, MemoryStats, PhaseTimes, PlanError, RerunOptions, RerunSecrets, RerunSelection,
    Resumed, ShutdownReport, SlowNode, SlowPhase, SlowReport, SubmitError, Subscription, SubscriptionMode,
    SystemClock, ToldEvent,
};
