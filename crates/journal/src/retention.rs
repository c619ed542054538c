//! How long what is kept, and carrying that out: [`Retention`] (R11.13). A plan is made first and can be shown; then it is carried
//! out in small steps, between which everybody else writes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
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

/// How long what is kept: executions, outputs and journal each by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Retention {
    /// Entries of the journal.
    pub journal: Vec<JournalRetention>,
    /// Executions with all that belongs to them but their journal entries. Those that are not over stay.
    pub executions: RetentionLimit,
    /// The content of outputs, while their executions stay.
    pub outputs: Option<Duration>,
}

/// What would be removed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionPlan {
    /// Of the journal, by limit.
    pub journal: Vec<JournalCut>,
    /// Of the executions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executions: Option<ExecutionCut>,
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
        let is_none = |limit: &RetentionLimit| limit.max_age.is_none() && limit.keep.is_none();
        self.journal.iter().all(|one| is_none(&one.limit))
            && is_none(&self.executions)
            && self.outputs.is_none()
    }

    pub(crate) fn check(&self) -> Result<(), ValidationError> {
        let mut faults = ValidationError::default();
        if self.journal.len() > MOST_LIMITS {
            let text = format!("are {} limits, at most {MOST_LIMITS} are taken", self.journal.len());
            return Err(ValidationError::of("journal", text));
        }
        for (place, one) in self.journal.iter().enumerate() {
            let same = |other: &&JournalRetention| {
                (&other.event_type, &other.source) == (&one.event_type, &one.source)
            };
            if self.journal.iter().take(place).any(|other| same(&other)) {
                faults.push(
                    format!("journal[{place}]"),
                    "is about the same entries as another limit before it",
                );
            }
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
        let limits: Vec<JournalLimit> = self
            .journal
            .iter()
            .map(|one| JournalLimit {
                event_type: one.event_type.clone(),
                source: one.source.clone(),
                before: one.limit.max_age.map(|age| before(now, age)),
                keep: one.limit.keep,
            })
            .collect();
        let mut plan =
            RetentionPlan { journal: store.journal_cuts(&limits).await?, ..RetentionPlan::default() };
        let RetentionLimit { max_age, keep } = self.executions;
        if max_age.is_some() || keep.is_some() {
            let limit = ExecutionLimit { before: max_age.map(|age| before(now, age)), keep };
            plan.executions = Some(store.execution_cut(&limit).await?);
        }
        if let Some(age) = self.outputs {
            plan.outputs = Some(store.output_cut(before(now, age)).await?);
        }
        Ok(plan)
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
    if let Some(cut) = plan.executions.as_ref().filter(|cut| cut.executions > 0) {
        let mut from = None;
        loop {
            let step = store.prune_executions(cut, from, STEP).await?;
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
