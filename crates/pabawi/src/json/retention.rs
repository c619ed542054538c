//! Calls about removing what is old: a plan is made and shown, then it is carried out.
//!
//! A store's marks are larger than the numbers of many languages hold, so a plan crosses in a form of its own, in which they are texts.

use std::time::Duration;

use crate::journal::{
    ExecutionCut, JournalCut, JournalLimit, JournalRetention, OutputCut, Retention, RetentionLimit,
    RetentionPlan, RetentionReport,
};
use crate::{Caller, Framework, ValidationError};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::options::{JournalLimitOptions, KeptOptions};

/// How long what is kept.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(rename = "PlanRetentionRequest")]
pub(super) struct Limits {
    /// Entries of the journal; each follows the limit that says most about it.
    journal: Vec<JournalLimitOptions>,
    /// Executions, with all but their journal entries. Those that are not over stay.
    executions: KeptOptions,
    /// Milliseconds that outputs are kept, while their executions stay.
    outputs_max_age_ms: Option<u64>,
}

/// What would be removed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "RetentionPlan")]
pub(super) struct Plan {
    /// Of the journal, by limit.
    journal: Vec<OfJournal>,
    /// Of the executions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    executions: Option<OfExecutions>,
    /// Of the outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outputs: Option<OfOutputs>,
}

/// What would go of the journal by one limit.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "RetentionOfJournal")]
struct OfJournal {
    /// Entries of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_type: Option<String>,
    /// Entries told by this plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Entries before this time, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Timestamp>,
    /// Of the others all but so many, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep: Option<u64>,
    /// How many would go.
    entries: u64,
    /// What is older goes: the store's own mark. Nothing goes without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mark: Option<String>,
}

/// What would go of the executions.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "RetentionOfExecutions")]
struct OfExecutions {
    /// How many would go.
    executions: u64,
    /// With how many targets.
    targets: u64,
    /// When the newest of them was submitted, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newest: Option<Timestamp>,
    /// What is older goes: the store's own mark. Nothing goes without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mark: Option<String>,
}

/// What would go of the outputs.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "RetentionOfOutputs")]
struct OfOutputs {
    /// Outputs that no execution from that time on has.
    outputs: u64,
    /// Their bytes.
    bytes: u64,
    /// That time, UTC.
    before: Timestamp,
}

/// What is to be carried out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "PruneRequest")]
pub(super) struct Prune {
    /// What was planned.
    plan: Plan,
}

/// What was removed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RetentionReport")]
pub(super) struct Removed {
    /// Entries of the journal.
    entries: u64,
    /// Executions.
    executions: u64,
    /// Targets of them.
    targets: u64,
    /// Outputs, with their executions or alone.
    outputs: u64,
    /// Transactions.
    steps: u64,
}

pub(super) async fn plan(framework: &Framework, caller: Caller, limits: Limits) -> Result<Plan, Failure> {
    let Limits { journal, executions, outputs_max_age_ms } = limits;
    let retention = of_options(journal, executions, outputs_max_age_ms);
    Ok(framework.node_journal().plan_retention(&caller, &retention).await?.into())
}

pub(super) async fn prune(framework: &Framework, caller: Caller, with: Prune) -> Result<Removed, Failure> {
    let plan = with.plan.read()?;
    let removed = framework.node_journal().prune(&caller, &plan).await?;
    let RetentionReport { entries, executions, targets, outputs, steps } = removed;
    Ok(Removed { entries, executions, targets, outputs, steps })
}

/// The limits that options have.
pub(super) fn of_options(
    journal: Vec<JournalLimitOptions>,
    executions: KeptOptions,
    outputs_max_age_ms: Option<u64>,
) -> Retention {
    let age = |ms: Option<u64>| ms.map(Duration::from_millis);
    let journal = journal.into_iter().map(|one| JournalRetention {
        event_type: one.event_type,
        source: one.source,
        limit: RetentionLimit { max_age: age(one.max_age_ms), keep: one.keep },
    });
    let KeptOptions { max_age_ms, keep } = executions;
    Retention {
        journal: journal.collect(),
        executions: RetentionLimit { max_age: age(max_age_ms), keep },
        outputs: age(outputs_max_age_ms),
    }
}

impl From<RetentionPlan> for Plan {
    fn from(plan: RetentionPlan) -> Self {
        let of_journal = |cut: JournalCut| OfJournal {
            event_type: cut.limit.event_type,
            source: cut.limit.source,
            before: cut.limit.before,
            keep: cut.limit.keep,
            entries: cut.entries,
            mark: cut.mark.map(|(time, place)| format!("{time}/{place}")),
        };
        Self {
            journal: plan.journal.into_iter().map(of_journal).collect(),
            executions: plan.executions.map(|cut| OfExecutions {
                executions: cut.executions,
                targets: cut.targets,
                newest: cut.newest,
                mark: cut.mark.map(|mark| mark.to_string()),
            }),
            outputs: plan.outputs.map(|OutputCut { outputs, bytes, before }| OfOutputs {
                outputs,
                bytes,
                before,
            }),
        }
    }
}

impl Plan {
    fn read(self) -> Result<RetentionPlan, ValidationError> {
        let mut faults = ValidationError::default();
        let mut journal = Vec::with_capacity(self.journal.len());
        for (index, mut cut) in self.journal.into_iter().enumerate() {
            let mark = cut.mark.take().map(|mark| {
                let parts = mark.split_once('/').map(|(time, place)| (time.parse(), place.parse()));
                match parts {
                    Some((Ok(time), Ok(place))) => (time, place),
                    _ => {
                        faults.push(format!("plan.journal[{index}].mark"), NO_MARK);
                        (i64::MIN, i64::MIN)
                    }
                }
            });
            let OfJournal { event_type, source, before, keep, .. } = cut;
            let limit = JournalLimit { event_type, source, before, keep };
            journal.push(JournalCut { limit, entries: cut.entries, mark });
        }
        let executions = self.executions.map(|cut| ExecutionCut {
            executions: cut.executions,
            targets: cut.targets,
            newest: cut.newest,
            mark: cut.mark.map(|mark| {
                mark.parse().unwrap_or_else(|_| {
                    faults.push("plan.executions.mark", NO_MARK);
                    i64::MIN
                })
            }),
        });
        let outputs =
            self.outputs.map(|cut| OutputCut { outputs: cut.outputs, bytes: cut.bytes, before: cut.before });
        faults.into_result().map(|()| RetentionPlan { journal, executions, outputs })
    }
}

/// What is said of a mark that no plan had.
const NO_MARK: &str = "is no mark of a plan; give a plan as it was told";

#[cfg(test)]
mod tests {
    use super::*;

    /// R11.13: nothing of a plan is lost on the way through the other language, as JavaScript, where numbers end at 2^53.
    #[test]
    fn a_plan_is_the_same_again() {
        let before = Some(Timestamp::UNIX_EPOCH);
        let limit = JournalLimit { source: Some("ssh".to_owned()), before, keep: Some(9), event_type: None };
        let plan = RetentionPlan {
            journal: vec![
                JournalCut { limit: limit.clone(), entries: 7, mark: Some((i64::MAX - 1, i64::MIN)) },
                JournalCut { limit, entries: 0, mark: None },
            ],
            executions: Some(ExecutionCut {
                executions: 1,
                targets: 2,
                newest: Some(Timestamp::UNIX_EPOCH),
                mark: Some(1_234_567_890_123_456_789),
            }),
            outputs: Some(OutputCut { outputs: 3, bytes: 4, before: Timestamp::UNIX_EPOCH }),
        };
        let text = serde_json::to_string(&Plan::from(plan.clone())).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap().read().unwrap(), plan);
    }

    /// Bad input.
    #[test]
    fn marks_of_nobody_are_refused_by_name() {
        let text = r#"{"journal": [{"entries": 1, "mark": "7"}], "executions": {"executions": 1, "targets": 1, "mark": "x"}}"#;
        let error = serde_json::from_str::<Plan>(text).unwrap().read().unwrap_err();
        let fields: Vec<_> = error.fields.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(fields, ["plan.journal[0].mark", "plan.executions.mark"]);
    }
}
