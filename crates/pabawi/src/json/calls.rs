//! Every call of the framework in one list: its name, what it takes, what it answers. Main type: [`Call`]. Of the same list the
//! schemas are made, so that nothing can be called that is not described.

use std::future::Future;
use std::pin::Pin;

use crate::graph::{GraphQuery, GraphRunRecord, GraphView, TaskGraph};
use crate::inventory::Explanation;
use crate::journal::{JournalEntry, JournalQuery, JournalVerification, Timeline, TimelineQuery};
use crate::metrics::MetricsSnapshot;
use crate::plugin::{PluginStatus, ProvidedCapability};
use crate::{
    AttemptRecord, BreakerStatus, Caller, CancelReceipt, ExecutionId, ExecutionOutcome, ExecutionPreview,
    ExecutionQuery, ExecutionRecord, ExecutionRequest, ExecutionTotals, Framework, NodeId, OutputChunk,
    OutputGroup, Page, PlanHead, ProgressReport, Resumed, ShutdownReport, SlowReport, StoredPlan, Target,
    TargetRecord, ValidationError,
};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::Value;

use super::failure::Failure;
use super::text::{json, read};
use super::{executions, graphs, knowledge, plans, plugins, retention};

/// A call that takes nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// An answer that is being made.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<String, Failure>> + Send + 'a>>;

/// A call with its parameters.
#[derive(Debug)]
pub struct Call(Kind);

/// One call as it is described.
pub(super) struct Described {
    pub(super) name: &'static str,
    pub(super) request: Value,
    pub(super) answer: Value,
}

macro_rules! calls {
    ($($variant:ident = $name:literal: $does:path, $request:ty => $answer:ty;)*) => {
        #[derive(Debug)]
        enum Kind {
            $($variant($request),)*
        }

        impl Call {
            /// The names of all calls, in the order of the list.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The call of that name with its parameters as a JSON text.
            ///
            /// # Errors
            /// [`Failure`] where there is no such call, or with the field that is bad.
            pub fn named(name: &str, with: &str) -> Result<Self, Failure> {
                match name {
                    $($name => Ok(Self(Kind::$variant(read(with)?))),)*
                    _ => Err(unknown(name)),
                }
            }

            /// Does it, and tells the answer as JSON.
            #[must_use]
            pub fn answer(self, framework: &Framework, caller: Caller) -> Answering<'_> {
                match self.0 {
                    $(Kind::$variant(with) => Box::pin(async move {
                        let answer: $answer = $does(framework, caller, with).await?;
                        json(&answer)
                    }),)*
                }
            }

            /// What each call takes and answers.
            pub(super) fn described(requests: &mut SchemaGenerator, answers: &mut SchemaGenerator) -> Vec<Described> {
                vec![$(Described {
                    name: $name,
                    request: requests.subschema_for::<$request>().to_value(),
                    answer: answers.subschema_for::<$answer>().to_value(),
                },)*]
            }
        }
    };
}

calls! {
    Submit = "submit": executions::submit, ExecutionRequest => ExecutionId;
    Wait = "wait": executions::wait, executions::OfExecution => ExecutionOutcome;
    Get = "get": executions::get, executions::OfExecution => ExecutionRecord;
    Progress = "progress": executions::progress, executions::OfExecution => ProgressReport;
    Cancel = "cancel": executions::cancel, executions::Cancel => CancelReceipt;
    Rerun = "rerun": executions::rerun, executions::Rerun => ExecutionId;
    Resume = "resume": executions::resume, executions::Resume => Resumed;
    Executions = "executions": executions::list, ExecutionQuery => Page<ExecutionRecord>;
    Totals = "totals": executions::totals, ExecutionQuery => ExecutionTotals;
    Targets = "targets": executions::targets, executions::Targets => Page<TargetRecord>;
    Attempts = "attempts": executions::attempts, executions::Attempts => Vec<AttemptRecord>;
    Output = "output": executions::output, executions::Output => Option<OutputChunk>;
    OutputGroups = "outputGroups": executions::output_groups, executions::OutputGroups => Vec<OutputGroup>;
    ExplainSlow = "explainSlow": executions::explain_slow, executions::ExplainSlow => SlowReport;
    Breakers = "breakers": executions::breakers, Nothing => Vec<BreakerStatus>;
    ResetBreaker = "resetBreaker": executions::reset_breaker, executions::ResetBreaker => bool;

    PlanMake = "plans.make": plans::make, ExecutionRequest => ExecutionPreview;
    PlanList = "plans.list": plans::list, plans::ListPlans => Vec<PlanHead>;
    PlanGet = "plans.get": plans::get, plans::OfPlan => StoredPlan;
    PlanApply = "plans.apply": plans::apply, plans::ApplyPlan => ExecutionId;

    GraphRun = "graphs.run": graphs::run, TaskGraph => ExecutionId;
    GraphGet = "graphs.get": graphs::get, executions::OfExecution => GraphView;
    GraphWait = "graphs.wait": graphs::wait, executions::OfExecution => GraphView;
    GraphList = "graphs.list": graphs::list, GraphQuery => Page<GraphRunRecord>;
    GraphCancel = "graphs.cancel": graphs::cancel, graphs::Cancel => bool;
    GraphResume = "graphs.resume": graphs::resume, executions::Resume => ExecutionId;

    Inventory = "inventory": knowledge::inventory, knowledge::Inventory => knowledge::InventoryView;
    Resolve = "resolve": knowledge::resolve, knowledge::Resolve => Vec<Target>;
    Explain = "explain": knowledge::explain, knowledge::Explain => Explanation;
    Facts = "facts": knowledge::facts, knowledge::Facts => Vec<knowledge::FactsOfNode>;
    FactsMatching = "facts.matching": knowledge::facts_matching, knowledge::Matching => Vec<NodeId>;
    Journal = "journal.query": knowledge::journal, JournalQuery => Page<JournalEntry>;
    Timeline = "journal.timeline": knowledge::timeline, TimelineQuery => Timeline;
    Note = "journal.note": knowledge::note, knowledge::Note => JournalEntry;
    EditNote = "journal.editNote": knowledge::edit_note, knowledge::EditNote => JournalEntry;
    Versions = "journal.versions": knowledge::versions, knowledge::OfEntry => Vec<JournalEntry>;
    Verify = "journal.verify": knowledge::verify, knowledge::Verify => JournalVerification;

    PlanRetention = "journal.planRetention": retention::plan, retention::Limits => retention::Plan;
    Prune = "journal.prune": retention::prune, retention::Prune => retention::Removed;

    Capabilities = "capabilities": plugins::capabilities, Nothing => Vec<ProvidedCapability>;
    Plugins = "plugins.list": plugins::list, Nothing => Vec<PluginStatus>;
    Health = "plugins.health": plugins::health, plugins::Health => Vec<PluginStatus>;
    CallCapability = "plugins.call": plugins::call, plugins::CallCapability => Value;

    ReloadTool = "plugins.reloadTool": plugins::reload_tool, plugins::ReloadTool => plugins::Done;
    ReloadExternal = "plugins.reloadExternal": plugins::reload_external, plugins::ReloadExternal => plugins::Done;
    UseSshConfig = "useSshConfig": plugins::use_ssh_config, plugins::UseSshConfig => plugins::Done;

    Stats = "stats": plugins::stats, Nothing => plugins::Stats;
    Metrics = "metrics": plugins::metrics, Nothing => MetricsSnapshot;
    Prometheus = "prometheus": plugins::prometheus, Nothing => String;
    Shutdown = "shutdown": plugins::shutdown, plugins::Shutdown => ShutdownReport;
}

fn unknown(name: &str) -> Failure {
    let text = format!("there is no call {name:?}; there are {}", Call::NAMES.join(", "));
    ValidationError::of("call", text).into()
}
