//! Our action as v1.x writes one: [`V1Request`]. What v1.x has no place for is refused with its field; nothing is dropped.

use std::time::Duration;

use pabawi_domain::action::{Action, OnLinkLoss, ProcessOptions, RunAsMethod, ToolAction};
use pabawi_domain::id::{CorrelationId, ExecutionId};
use serde_json::{Map, Value, json};

use super::known::TimeoutUnit;

/// Whom `sudo` means where a tool is not told otherwise.
const SUDO_USER: &str = "root";

/// An action of v1.x, but for its target.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct V1Request {
    kind: &'static str,
    action: String,
    parameters: Map<String, Value>,
}

impl V1Request {
    /// Writes an action as v1.x does.
    ///
    /// # Errors
    /// The field that v1.x has no place for.
    pub(super) fn of(action: &Action) -> Result<Self, String> {
        let of_tool = |kind: &'static str, tool: &ToolAction| Self {
            kind,
            action: tool.name.clone(),
            parameters: tool.parameters.clone(),
        };
        match action {
            Action::Command(command) => {
                let parameters = process(&command.process)?;
                Ok(Self { kind: "command", action: command.command.clone(), parameters })
            }
            Action::Script(script) => {
                let mut parameters = process(&script.process)?;
                let Ok(content) = std::str::from_utf8(&script.content.0) else {
                    return Err(unsupported("content", "a script that is no UTF-8"));
                };
                parameters.insert("content".to_owned(), content.into());
                parameters.insert("arguments".to_owned(), json!(script.arguments));
                if let Some(interpreter) = &script.interpreter {
                    parameters.insert("interpreter".to_owned(), interpreter.as_str().into());
                }
                Ok(Self { kind: "script", action: script.name.clone(), parameters })
            }
            Action::Task(tool) => Ok(of_tool("task", tool)),
            // v1.x calls both a plan.
            Action::Plan(tool) | Action::Playbook(tool) => Ok(of_tool("plan", tool)),
            Action::Package(tool) => {
                let mut request = Self { action: "package".to_owned(), ..of_tool("task", tool) };
                request.parameters.entry("packageName").or_insert_with(|| tool.name.as_str().into());
                Ok(request)
            }
            other => Err(format!("action: a plugin of Pabawi v1.x cannot do a {}", other.kind())),
        }
    }

    /// The argument of `executeAction` for one target. `limit` is what the call is given.
    pub(super) fn argument(
        &self,
        target: &str,
        (limit, unit): (Duration, TimeoutUnit),
        execution: ExecutionId,
        correlation: Option<&CorrelationId>,
    ) -> Value {
        let mut metadata = json!({"executionId": execution.to_string()});
        let mut argument = json!({
            "type": self.kind,
            "target": target,
            "action": self.action,
            // Also when there are none: some plugins take the metadata for them otherwise.
            "parameters": self.parameters,
        });
        if let (Value::Object(metadata), Some(id)) = (&mut metadata, correlation) {
            metadata.insert("correlationId".to_owned(), id.as_str().into());
        }
        let timeout = match unit {
            TimeoutUnit::Milliseconds => Some(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
            TimeoutUnit::Seconds => Some(limit.as_secs().max(1)),
            TimeoutUnit::NotRead => None,
        };
        if let Value::Object(fields) = &mut argument {
            fields.insert("metadata".to_owned(), metadata);
            if let Some(timeout) = timeout {
                fields.insert("timeout".to_owned(), timeout.into());
            }
        }
        argument
    }
}

/// Options of a process as parameters.
fn process(options: &ProcessOptions) -> Result<Map<String, Value>, String> {
    let ProcessOptions { env, cwd, umask, run_as, stdin, pty, on_link_loss, detach } = options;
    for (is_set, field, what) in [
        (!env.is_empty(), "env", "environment variables"),
        (cwd.is_some(), "cwd", "a working directory"),
        (umask.is_some(), "umask", "a file mode creation mask"),
        (stdin.is_some(), "stdin", "a standard input"),
        (*pty, "pty", "a terminal"),
        (*on_link_loss != OnLinkLoss::Terminate, "onLinkLoss", "what becomes of a lost command"),
        (*detach, "detach", "detached commands"),
    ] {
        if is_set {
            return Err(unsupported(field, what));
        }
    }
    let mut parameters = Map::new();
    if let Some(run_as) = run_as {
        if run_as.method != RunAsMethod::Sudo {
            return Err(unsupported("runAs.method", "another program than sudo"));
        }
        if run_as.user != SUDO_USER {
            let text = "another user than root; set the user in the configuration of the tool";
            return Err(unsupported("runAs.user", text));
        }
        if run_as.password.is_some() {
            return Err(unsupported("runAs.password", "a password for sudo"));
        }
        parameters.insert("sudo".to_owned(), true.into());
    }
    Ok(parameters)
}

fn unsupported(field: &str, what: &str) -> String {
    format!(
        "action.{field}: a plugin of Pabawi v1.x has no place for {what}; leave it out or use another plugin"
    )
}

#[cfg(test)]
mod tests {
    use pabawi_domain::action::{CommandAction, EnvValue, RunAs, ScriptAction, StdinSource};
    use pabawi_domain::secret::Secret;

    use super::*;

    fn command(change: impl FnOnce(&mut ProcessOptions)) -> Result<V1Request, String> {
        let mut action = CommandAction::new("uptime");
        change(&mut action.process);
        V1Request::of(&Action::Command(action))
    }

    fn root() -> RunAs {
        RunAs { user: "root".to_owned(), method: RunAsMethod::Sudo, password: None }
    }

    /// R10.8: what v1.x has no place for is named.
    #[test]
    fn options_without_a_place_are_refused_with_their_field() {
        type Change = Box<dyn FnOnce(&mut ProcessOptions)>;
        let cases: [(&str, Change); 10] = [
            ("action.env:", Box::new(|it| drop(it.env.insert("A".to_owned(), EnvValue::from("b"))))),
            ("action.cwd:", Box::new(|it| it.cwd = Some("/tmp".to_owned()))),
            ("action.umask:", Box::new(|it| it.umask = Some(0o22))),
            ("action.stdin:", Box::new(|it| it.stdin = Some(StdinSource::File("/x".into())))),
            ("action.pty:", Box::new(|it| it.pty = true)),
            ("action.onLinkLoss:", Box::new(|it| it.on_link_loss = OnLinkLoss::Leave)),
            ("action.detach:", Box::new(|it| it.detach = true)),
            (
                "action.runAs.method:",
                Box::new(|it| it.run_as = Some(RunAs { method: RunAsMethod::Su, ..root() })),
            ),
            (
                "action.runAs.user:",
                Box::new(|it| it.run_as = Some(RunAs { user: "app".to_owned(), ..root() })),
            ),
            (
                "action.runAs.password:",
                Box::new(|it| it.run_as = Some(RunAs { password: Some(Secret::new("hunter2")), ..root() })),
            ),
        ];
        for (field, change) in cases {
            let refused = command(change).unwrap_err();
            assert!(refused.starts_with(field) && !refused.contains("hunter2"), "{field} {refused}");
        }
        let sudo = command(|it| it.run_as = Some(root())).unwrap();
        assert_eq!(Value::Object(sudo.parameters), json!({"sudo": true}));
    }

    /// R10.8: the shape that `executeAction` reads, in the tool's unit of time.
    #[test]
    fn actions_are_written_as_v1_writes_them() {
        let id = ExecutionId::from_parts(1, [0; 10]);
        let correlation = CorrelationId::new("c-1").unwrap();
        let written = |action: &Action, unit| {
            let request = V1Request::of(action).unwrap();
            request.argument("web1", (Duration::from_millis(90_500), unit), id, Some(&correlation))
        };
        let metadata = json!({"executionId": id.to_string(), "correlationId": "c-1"});
        let uptime = Action::Command(CommandAction::new("uptime"));
        let plain = json!({"type": "command", "target": "web1", "action": "uptime", "parameters": {}, "metadata": metadata});
        assert_eq!(written(&uptime, TimeoutUnit::NotRead), plain);
        assert_eq!(written(&uptime, TimeoutUnit::Seconds)["timeout"], json!(90));
        assert_eq!(written(&uptime, TimeoutUnit::Milliseconds)["timeout"], json!(90_500));
        let parameters = json!({"extraVars": {"a": [1]}, "__proto__": {"x": 1}, "odd": null});
        let tool = ToolAction {
            name: "site.yml".to_owned(),
            parameters: parameters.as_object().unwrap().clone(),
            ..ToolAction::default()
        };
        for (action, kind) in [
            (Action::Task(tool.clone()), "task"),
            (Action::Plan(tool.clone()), "plan"),
            (Action::Playbook(tool.clone()), "plan"),
        ] {
            let written = written(&action, TimeoutUnit::NotRead);
            assert_eq!((&written["type"], &written["action"]), (&json!(kind), &json!("site.yml")));
            assert_eq!(written["parameters"], parameters, "unchanged");
        }
        let package = ToolAction { name: "nginx".to_owned(), ..ToolAction::default() };
        let package = written(&Action::Package(package), TimeoutUnit::NotRead);
        assert_eq!(
            (&package["type"], &package["action"], &package["parameters"]),
            (&json!("task"), &json!("package"), &json!({"packageName": "nginx"}))
        );
        let script = ScriptAction {
            name: "x.sh".to_owned(),
            content: bytes::Bytes::from_static(b"echo 1").into(),
            interpreter: Some("/bin/sh".to_owned()),
            arguments: vec!["a b".to_owned()],
            process: ProcessOptions::default(),
        };
        let told = written(&Action::Script(script.clone()), TimeoutUnit::NotRead);
        let parameters = json!({"content": "echo 1", "arguments": ["a b"], "interpreter": "/bin/sh"});
        assert_eq!(
            (&told["type"], &told["action"], &told["parameters"]),
            (&json!("script"), &json!("x.sh"), &parameters)
        );
        let binary = ScriptAction { content: bytes::Bytes::from_static(b"\xff").into(), ..script };
        assert!(V1Request::of(&Action::Script(binary)).unwrap_err().starts_with("action.content:"));
        assert!(V1Request::of(&Action::Facts(ToolAction::default())).is_err());
    }
}
