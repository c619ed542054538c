//! What a caller asks for: [`ExecutionRequest`]; who asks: [`Caller`].

use std::collections::BTreeSet;

use garde::Validate;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::action::{Action, EnvValue, ProcessOptions, StdinSource, ToolAction};
use crate::host_key::HostKeyPolicy;
use crate::id::{CorrelationId, ExecutionId, IdempotencyKey, NodeId, PluginName, Tag};
use crate::node::TargetExpression;
use crate::resilience::RetryPolicy;
use crate::rollout::Rollout;
use crate::secret::{REDACTED, Secret};
use crate::validation::{self as check, FieldError, ValidationError};

/// One request. Everything but the action and the targets may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRequest {
    /// What is to be done.
    #[garde(dive)]
    pub action: Action,
    /// Where.
    #[garde(dive)]
    pub targets: TargetExpression,
    /// The transport for nodes whose endpoint names none; `ssh` when absent. Where it names a tool's plugin, such as `bolt`,
    /// that does the action on all nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub transport: Option<PluginName>,
    /// How many nodes at once; the engine's default when absent. The engine's global limit holds as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(custom(check::optional_concurrency))]
    pub concurrency: Option<u32>,
    /// Limits of time.
    #[serde(default)]
    #[garde(dive)]
    pub timeouts: Timeouts,
    /// Higher goes first when executions wait for the same permits.
    #[serde(default)]
    #[garde(range(min = -1000, max = 1000))]
    pub priority: i32,
    /// In which order the nodes are taken, and when no further one is.
    #[serde(default, skip_serializing_if = "Rollout::is_default")]
    #[garde(dive)]
    pub rollout: Rollout,
    /// When a node is tried again; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub retry: Option<RetryPolicy>,
    /// Keeps the complete output instead of its first and last part.
    #[serde(default)]
    #[garde(skip)]
    pub debug: bool,
    /// How host keys are checked; the transport's setting when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub host_keys: Option<HostKeyPolicy>,
    /// The same key returns the same execution and starts nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub idempotency_key: Option<IdempotencyKey>,
    /// Follows this request through logs and records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub correlation_id: Option<CorrelationId>,
    /// Marks by which the execution is found again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[garde(length(max = 64))]
    pub tags: BTreeSet<Tag>,
    /// The execution of which this one is a rerun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub rerun_of: Option<ExecutionId>,
    /// The execution of which this one is a part, such as the health check of a wave. The engine sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub parent: Option<ExecutionId>,
    /// Detached commands of executions whose process died, with which this execution goes on. The engine sets it; a
    /// request of a caller must not have it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(skip)]
    pub attach: Vec<Attach>,
}

impl ExecutionRequest {
    /// A request with defaults for all the rest.
    pub fn new(action: Action, targets: TargetExpression) -> Self {
        Self {
            action,
            targets,
            transport: None,
            concurrency: None,
            timeouts: Timeouts::default(),
            priority: 0,
            rollout: Rollout::default(),
            retry: None,
            debug: false,
            host_keys: None,
            idempotency_key: None,
            correlation_id: None,
            tags: BTreeSet::new(),
            rerun_of: None,
            parent: None,
            attach: Vec::new(),
        }
    }

    /// Looks at every field and reports every violation (R9.3, R9.6).
    ///
    /// # Errors
    /// [`ValidationError`] with the path of each bad field in the caller's names.
    pub fn check(&self) -> Result<(), ValidationError> {
        let mut faults =
            self.validate().err().map(|report| ValidationError::from_report(&report)).unwrap_or_default();
        for (place, action) in self.actions() {
            for field in action.process().into_iter().flat_map(ProcessOptions::detach_conflicts) {
                faults.push(
                    format!("{place}.{field}"),
                    "cannot be had with detach: it would end with the link, and the command must not",
                );
            }
            let pointers = action.tool().into_iter().flat_map(|tool| tool.sensitive.iter().enumerate());
            for (index, _) in pointers.filter(|(_, pointer)| !pointer.starts_with('/')) {
                faults.push(
                    format!("{place}.sensitive[{index}]"),
                    "must be a JSON pointer (RFC 6901) such as /password, or the secret would be shown",
                );
            }
        }
        faults.fields.extend(self.lost_parameters());
        faults.into_result()
    }

    /// The secret parameters of tools that were not stored with the request, each by its field: they have to be given again.
    pub fn lost_parameters(&self) -> Vec<FieldError> {
        let lost = |(place, action): (&str, &Action)| {
            let secrets = action.tool().into_iter().flat_map(ToolAction::secrets);
            let lost = secrets.filter(|(_, value)| value.as_str() == Some(REDACTED));
            let named = lost.map(|(pointer, _)| FieldError {
                path: format!("{place}.parameters{}", pointer.replace('/', ".")),
                message: "the secret was not stored with the original request; give it again".to_owned(),
            });
            named.collect::<Vec<_>>()
        };
        self.actions().flat_map(lost).collect()
    }

    /// What is run on the nodes, each with its place in the request.
    fn actions(&self) -> impl Iterator<Item = (&'static str, &Action)> {
        let checked = self.rollout.health_check().map(|check| ("rollout.healthCheck.action", &*check.action));
        std::iter::once(("action", &self.action)).chain(checked)
    }

    /// The same request with `***` in place of every secret, as it is stored and logged.
    pub fn redacted(&self) -> Self {
        let mut request = self.clone();
        redact(&mut request.action);
        if let Some(check) = request.rollout.health_check_mut() {
            redact(&mut check.action);
        }
        request
    }
}

/// Detached commands that were started for an earlier execution and are gone on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attach {
    /// The execution they were started for.
    pub execution: ExecutionId,
    /// With which attempt.
    pub attempt: u32,
    /// On which nodes.
    pub nodes: Vec<NodeId>,
    /// When the first of them was started. What a node keeps of a command may be gone when this is too long ago.
    pub started_at: Timestamp,
}

fn redact(action: &mut Action) {
    if let Some(tool) = action.tool_mut() {
        tool.redact();
    }
    let Some(process) = action.process_mut() else { return };
    for value in process.env.values_mut() {
        if let EnvValue::Secret { secret } = value {
            *secret = Secret::new(REDACTED);
        }
    }
    if let Some(password) = process.run_as.as_mut().and_then(|run_as| run_as.password.as_mut()) {
        *password = Secret::new(REDACTED);
    }
    if let Some(StdinSource::Secret(secret)) = &mut process.stdin {
        *secret = Secret::new(REDACTED);
    }
}

/// Limits of time, each in milliseconds, from 1 ms to 30 days; absent means the default named there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Timeouts {
    /// From the first packet until the node has accepted the login; 10 s when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(custom(check::optional_timeout))]
    pub connect_ms: Option<u64>,
    /// One node's action, from its start; no limit when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(custom(check::optional_timeout))]
    pub node_ms: Option<u64>,
    /// The whole execution, from its start; no limit when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(custom(check::optional_timeout))]
    pub execution_ms: Option<u64>,
}

/// Who asks, and by which way. Comes from the surface (CLI, host application), never from the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Caller {
    /// The user's name or id in the host's terms.
    pub user: String,
    /// Where the request came in.
    pub entry_point: EntryPoint,
}

/// Where a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum EntryPoint {
    /// The Rust crate.
    Rust,
    /// `pab`.
    Cli,
    /// The Node addon.
    Node,
    /// The C library.
    C,
    /// One plugin asked another.
    Plugin,
    /// A schedule, on behalf of whoever made it.
    Scheduled,
}

impl EntryPoint {
    /// Its word, as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Cli => "cli",
            Self::Node => "node",
            Self::C => "c",
            Self::Plugin => "plugin",
            Self::Scheduled => "scheduled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{CommandAction, RunAs, RunAsMethod};

    fn request(command: &str) -> ExecutionRequest {
        ExecutionRequest::new(Action::Command(CommandAction::new(command)), TargetExpression::new("web1"))
    }

    #[test]
    fn a_secret_is_named_by_a_pointer() {
        let mut tool = ToolAction { name: "user".to_owned(), ..ToolAction::default() };
        tool.sensitive = vec!["/ok".to_owned(), "password".to_owned()];
        let request = ExecutionRequest::new(Action::Task(tool), TargetExpression::new("web1"));
        let error = request.check().unwrap_err();
        assert_eq!(error.fields.len(), 1);
        assert!(error.to_string().contains("action.sensitive[1]"), "{error}");
    }

    /// R9.3, R9.4, R9.6
    #[test]
    fn every_violation_is_reported_at_once_with_the_callers_path() {
        let mut bad = request("  ");
        bad.targets = TargetExpression::new("");
        bad.concurrency = Some(0);
        bad.timeouts.node_ms = Some(u64::MAX);
        bad.priority = 5000;
        if let Some(process) = bad.action.process_mut() {
            process.env.insert("A-B".into(), "x".into());
            process.umask = Some(0o7777);
            process.run_as = Some(RunAs {
                user: "-x".into(),
                method: RunAsMethod::Sudo,
                password: Some(Secret::new("a\nb")),
            });
        }
        let error = bad.check().unwrap_err();
        let paths: BTreeSet<&str> = error.fields.iter().map(|field| field.path.as_str()).collect();
        for path in [
            "action.command",
            "action.env",
            "action.umask",
            "action.runAs.user",
            "action.runAs.password",
            "targets",
            "concurrency",
            "timeouts.nodeMs",
            "priority",
        ] {
            assert!(paths.contains(path), "{path} is not among {paths:?}");
        }
        assert_eq!(paths.len(), 9, "{paths:?}");
    }

    #[test]
    fn a_secret_parameter_is_neither_stored_nor_taken_for_the_secret() {
        let parameters = serde_json::json!({"user": "ann", "login": {"pass/word": {"raw": "hunter2"}}});
        let tool = ToolAction {
            name: "users::add".to_owned(),
            parameters: parameters.as_object().unwrap().clone(),
            sensitive: vec!["/login/pass~1word".to_owned(), "/absent".to_owned()],
            ..ToolAction::default()
        };
        let given = ExecutionRequest::new(Action::Task(tool), TargetExpression::new("web1"));
        given.check().unwrap();
        let stored = given.redacted();
        let Action::Task(tool) = &stored.action else { panic!() };
        let left = serde_json::json!({"user": "ann", "login": {"pass/word": "***"}});
        assert_eq!(serde_json::Value::Object(tool.parameters.clone()), left);
        let fields = stored.check().unwrap_err().fields;
        assert_eq!(fields.len(), 1, "{fields:?}");
        assert_eq!(fields[0].path, "action.parameters.login.pass~1word");
    }

    #[test]
    fn a_good_request_passes() {
        request("true").check().unwrap();
    }

    #[test]
    fn what_is_stored_holds_no_secret_and_cannot_be_run_as_it_is() {
        let mut with_secrets = request("true");
        if let Some(process) = with_secrets.action.process_mut() {
            process.env.insert("TOKEN".into(), EnvValue::Secret { secret: Secret::new("canary-1") });
            process.run_as = Some(RunAs {
                user: "root".into(),
                method: RunAsMethod::Sudo,
                password: Some(Secret::new("canary-2")),
            });
        }
        let stored = serde_json::to_string(&with_secrets.redacted()).unwrap();
        assert!(!stored.contains("canary"), "{stored}");
        let read: ExecutionRequest = serde_json::from_str(&stored).unwrap();
        let error = read.check().unwrap_err();
        assert_eq!(error.fields.len(), 2, "{error}");
        assert!(error.to_string().contains("give it again"));
    }
}
