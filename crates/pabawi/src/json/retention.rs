//! Calls about removing what is old: a plan is made and shown, then it is carried out.
//!
//! A store's marks are larger than the numbers of many languages hold, so a plan crosses in a form of its own, in which they are texts.

use std::time::Duration;

use crate::journal::{
    ExecutionCut, ExecutionLimit, ExecutionRetention, JournalCut, JournalLimit, JournalRetention, OutputCut,
    Retention, RetentionLimit, RetentionPlan, RetentionReport,
};
use crate::{ActionKind, Caller, Framework, PluginName, ValidationError};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::options::{ExecutionLimitOptions, JournalLimitOptions};

/// How long what is kept.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(rename = "PlanRetentionRequest")]
pub(super) struct Limits {
    /// Entries of the journal; each follows the limit that says most about it.
    journal: Vec<JournalLimitOptions>,
    /// Executions, with all but their journal entries. Those that are not over stay. Each follows the limit that says most about it.
    executions: Vec<ExecutionLimitOptions>,
    /// Outputs, while their executions stay; one goes with the last execution that gives it up.
    outputs: Vec<ExecutionLimitOptions>,
}

/// What would be removed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "RetentionPlan")]
pub(super) struct Plan {
    /// Of the journal, by limit.
    journal: Vec<OfJournal>,
    /// Of the executions, by limit.
    #[serde(default)]
    executions: Vec<OfExecutions>,
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

/// What would go of the executions by one limit.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "RetentionOfExecutions")]
struct OfExecutions {
    /// Executions that do this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action_kind: Option<ActionKind>,
    /// Executions that this plugin or transport did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plugin: Option<PluginName>,
    /// Executions that were submitted before this time, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Timestamp>,
    /// Of the others all but so many, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep: Option<u64>,
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
    /// Outputs that only executions of these have.
    outputs: u64,
    /// Their bytes.
    bytes: u64,
    /// The executions that would give up their outputs, by limit.
    executions: Vec<OfExecutions>,
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
    let Limits { journal, executions, outputs } = limits;
    let retention = of_options(journal, executions, outputs);
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
    executions: Vec<ExecutionLimitOptions>,
    outputs: Vec<ExecutionLimitOptions>,
) -> Retention {
    let limit = |max_age_ms: Option<u64>, keep| RetentionLimit {
        max_age: max_age_ms.map(Duration::from_millis),
        keep,
    };
    let of_journal = |one: JournalLimitOptions| JournalRetention {
        event_type: one.event_type,
        source: one.source,
        limit: limit(one.max_age_ms, one.keep),
    };
    let of_executions = |one: ExecutionLimitOptions| ExecutionRetention {
        action_kind: one.action_kind,
        plugin: one.plugin,
        limit: limit(one.max_age_ms, one.keep),
    };
    Retention {
        journal: journal.into_iter().map(of_journal).collect(),
        executions: executions.into_iter().map(of_executions).collect(),
        outputs: outputs.into_iter().map(of_executions).collect(),
    }
}

impl From<ExecutionCut> for OfExecutions {
    fn from(cut: ExecutionCut) -> Self {
        let ExecutionCut { limit, executions, targets, newest, mark } = cut;
        let ExecutionLimit { action_kind, plugin, before, keep } = limit;
        let mark = mark.map(|mark| mark.to_string());
        Self { action_kind, plugin, before, keep, executions, targets, newest, mark }
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
        let all = |cuts: Vec<ExecutionCut>| cuts.into_iter().map(OfExecutions::from).collect();
        Self {
            journal: plan.journal.into_iter().map(of_journal).collect(),
            executions: all(plan.executions),
            outputs: plan.outputs.map(|OutputCut { outputs, bytes, executions }| OfOutputs {
                outputs,
                bytes,
                executions: all(executions),
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
        let executions = read_all(self.executions, "plan.executions", &mut faults);
        let outputs = self.outputs.map(|cut| OutputCut {
            outputs: cut.outputs,
            bytes: cut.bytes,
            executions: read_all(cut.executions, "plan.outputs.executions", &mut faults),
        });
        faults.into_result().map(|()| RetentionPlan { journal, executions, outputs })
    }
}

fn read_all(cuts: Vec<OfExecutions>, field: &str, faults: &mut ValidationError) -> Vec<ExecutionCut> {
    let mut read = Vec::with_capacity(cuts.len());
    for (index, cut) in cuts.into_iter().enumerate() {
        let OfExecutions { action_kind, plugin, before, keep, executions, targets, newest, mark } = cut;
        let mark = mark.map(|mark| {
            mark.parse().unwrap_or_else(|_| {
                faults.push(format!("{field}[{index}].mark"), NO_MARK);
                i64::MIN
            })
        });
        let limit = ExecutionLimit { action_kind, plugin, before, keep };
        read.push(ExecutionCut { limit, executions, targets, newest, mark });
    }
    read
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
        let executions = vec![ExecutionCut {
            limit: ExecutionLimit {
                action_kind: Some(ActionKind::Task),
                plugin: Some(PluginName::new("bolt").unwrap()),
                before,
                keep: Some(8),
            },
            executions: 1,
            targets: 2,
            newest: before,
            mark: Some(1_234_567_890_123_456_789),
        }];
        let plan = RetentionPlan {
            journal: vec![
                JournalCut { limit: limit.clone(), entries: 7, mark: Some((i64::MAX - 1, i64::MIN)) },
                JournalCut { limit, entries: 0, mark: None },
            ],
            executions: executions.clone(),
            outputs: Some(OutputCut { outputs: 3, bytes: 4, executions }),
        };
        let text = serde_json::to_string(&Plan::from(plan.clone())).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap().read().unwrap(), plan);
    }

    /// Bad input.
    #[test]
    fn marks_of_nobody_are_refused_by_name() {
        let text = r#"{"journal": [{"entries": 1, "mark": "7"}], "executions": [{"executions": 1, "targets": 1, "mark": "x"}],
            "outputs": {"outputs": 1, "bytes": 1, "executions": [{"executions": 1, "targets": 1, "mark": ""}]}}"#;
        let error = serde_json::from_str::<Plan>(text).unwrap().read().unwrap_err();
        let fields: Vec<_> = error.fields.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(
            fields,
            ["plan.journal[0].mark", "plan.executions[0].mark", "plan.outputs.executions[0].mark"]
        );
    }
}
