//! How long what is kept, and carrying that out: [`Retention`] (R11.13). A plan is made first and can be shown; then it is carried
//! out in small steps, between which everybody else writes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pabawi_domain::action::ActionKind;
use pabawi_domain::id::PluginName;
use pabawi_domain::journal::{ExecutionCut, ExecutionLimit, JournalCut, JournalLimit, OutputCut};
use pabawi_domain::ports::{RetentionStore, StoreError};
use pabawi_domain::validation::ValidationError;
use serde::{Deserialize, Serialize};

/// Entries, targets or outputs that one step removes.
const STEP: u32 = 500;
/// The pause after each step: other processes wait for the same lock.
const PAUSE: Duration = Duration::from_millis(5);
/// Limits that are taken.
const MOST_LIMITS: usize = 200;

/// How long something is kept; without either, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RetentionLimit {
    /// For so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
    /// So many, the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<u64>,
}

/// How long entries of the journal are kept. An entry follows the limit that says most about it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JournalRetention {
    /// Entries of this type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Entries told by this plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How long.
    #[serde(flatten)]
    pub limit: RetentionLimit,
}

/// How long executions, or their outputs, are kept. An execution follows the limit that says most about it, and of several that say
/// as much, since it had several plugins, the one that keeps it longest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionRetention {
    /// Executions that do this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_kind: Option<ActionKind>,
    /// Executions that this plugin or transport did, on one of their nodes or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginName>,
    /// How long. The number is one of executions, also where it is about outputs.
    #[serde(flatten)]
    pub limit: RetentionLimit,
}

impl ExecutionRetention {
    fn at(&self, now: Timestamp) -> ExecutionLimit {
        let Self { action_kind, plugin, limit: RetentionLimit { max_age, keep } } = self.clone();
        ExecutionLimit { action_kind, plugin, before: max_age.map(|age| before(now, age)), keep }
    }
}

/// How long what is kept: executions, outputs and journal each by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Retention {
    /// Entries of the journal.
    pub journal: Vec<JournalRetention>,
    /// Executions with all that belongs to them but their journal entries. Those that are not over stay.
    pub executions: Vec<ExecutionRetention>,
    /// The content of the outputs of executions, while they stay. It goes with the last one that gives it up.
    pub outputs: Vec<ExecutionRetention>,
}

/// What would be removed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionPlan {
    /// Of the journal, by limit.
    pub journal: Vec<JournalCut>,
    /// Of the executions, by limit.
    pub executions: Vec<ExecutionCut>,
    /// Of the outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<OutputCut>,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionReport {
    /// Entries of the journal.
    pub entries: u64,
    /// Executions.
    pub executions: u64,
    /// Targets of them.
    pub targets: u64,
    /// Outputs, with their executions or alone.
    pub outputs: u64,
    /// Transactions.
    pub steps: u64,
}

impl RetentionReport {
    /// Both together.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            entries: self.entries.saturating_add(other.entries),
            executions: self.executions.saturating_add(other.executions),
            targets: self.targets.saturating_add(other.targets),
            outputs: self.outputs.saturating_add(other.outputs),
            steps: self.steps.saturating_add(other.steps),
        }
    }
}

impl Retention {
    /// Whether it keeps everything.
    pub fn keeps_all(&self) -> bool {
        let of_journal = self.journal.iter().map(|one| one.limit);
        let of_executions = self.executions.iter().chain(&self.outputs).map(|one| one.limit);
        of_journal.chain(of_executions).all(|limit| limit == RetentionLimit::default())
    }

    pub(crate) fn check(&self) -> Result<(), ValidationError> {
        let mut faults = ValidationError::default();
        let of_journal = self.journal.iter().map(|one| (&one.event_type, &one.source));
        check(&mut faults, "journal", "entries", of_journal);
        for (field, limits) in [("executions", &self.executions), ("outputs", &self.outputs)] {
            let about = limits.iter().map(|one| (one.action_kind, &one.plugin));
            check(&mut faults, field, "executions", about);
        }
        faults.into_result()
    }

    /// What would be removed now. Nothing is.
    pub(crate) async fn plan(
        &self,
        store: &dyn RetentionStore,
        now: Timestamp,
    ) -> Result<RetentionPlan, crate::JournalError> {
        self.check()?;
        let of_journal = |one: &JournalRetention| JournalLimit {
            event_type: one.event_type.clone(),
            source: one.source.clone(),
            before: one.limit.max_age.map(|age| before(now, age)),
            keep: one.limit.keep,
        };
        let at = |limits: &[ExecutionRetention]| limits.iter().map(|one| one.at(now)).collect::<Vec<_>>();
        let journal = store.journal_cuts(&self.journal.iter().map(of_journal).collect::<Vec<_>>()).await?;
        let executions = store.execution_cuts(&at(&self.executions)).await?;
        let outputs = match self.outputs.is_empty() {
            true => None,
            false => Some(store.output_cut(&at(&self.outputs)).await?),
        };
        Ok(RetentionPlan { journal, executions, outputs })
    }
}

/// Limits of one kind: no more than are taken, and no two about the same.
fn check<K: PartialEq>(
    faults: &mut ValidationError,
    field: &str,
    of_what: &str,
    about: impl ExactSizeIterator<Item = K>,
) {
    if about.len() > MOST_LIMITS {
        faults.push(field, format!("are {} limits, at most {MOST_LIMITS} are taken", about.len()));
        return;
    }
    let mut before: Vec<K> = Vec::with_capacity(about.len());
    for (place, one) in about.enumerate() {
        if before.contains(&one) {
            let text = format!("is about the same {of_what} as another limit before it");
            faults.push(format!("{field}[{place}]"), text);
        }
        before.push(one);
    }
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
    now.checked_sub(age).unwrap_or(Timestamp::MIN)
}

/// Removes what a plan says, in small steps. What was removed before an error stays removed; the same plan can be carried out
/// again.
pub(crate) async fn carry_out(
    plan: &RetentionPlan,
    store: &dyn RetentionStore,
) -> Result<RetentionReport, StoreError> {
    let mut report = RetentionReport::default();
    // Each loop ends when nothing is left to do, which every step brings nearer.
    if plan.journal.iter().any(|cut| cut.entries > 0) {
        let mut from = None;
        loop {
            let step = store.prune_journal(&plan.journal, from, STEP).await?;
            report.steps += 1;
            report.entries += step.entries;
            from = step.next;
            if from.is_none() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    if plan.executions.iter().any(|cut| cut.executions > 0) {
        let mut from = None;
        loop {
            let step = store.prune_executions(&plan.executions, from, STEP).await?;
            report.steps += 1;
            report.executions += step.executions;
            report.targets += step.targets;
            report.outputs += step.outputs;
            from = step.next;
            if from.is_none() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    if let Some(cut) = &plan.outputs {
        let mut from = None;
        loop {
            let step = store.prune_outputs(cut, from, STEP).await?;
            report.steps += 1;
            report.outputs += step.outputs;
            from = step.next;
            if from.is_none() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(report)
}
