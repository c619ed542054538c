//! The request's fields as options: `timeouts.nodeMs` is `--timeout`. Main function: [`describe`].

use pabawi::ValidationError;

/// Fields and the options that set them. The longest matching beginning decides.
const OPTIONS: &[(&str, &str)] = &[
    ("action.arguments", "ARGUMENT"),
    ("action.command", "COMMAND"),
    ("action.content", "FILE"),
    ("action.cwd", "--cwd"),
    ("action.destination", "DESTINATION"),
    ("action.env", "--env"),
    ("action.interpreter", "--interpreter"),
    ("action.mode", "--mode"),
    ("action.name", "FILE"),
    ("action.parameters", "--params, PARAMETER=VALUE"),
    ("action.plugin", "--plugin"),
    ("action.runAs.password", "--ask-run-as-password"),
    ("action.runAs", "--run-as"),
    ("action.source", "SOURCE"),
    ("action.stdin", "--stdin"),
    ("action.umask", "--umask"),
    ("concurrency", "--concurrency"),
    ("correlationId", "--correlation-id"),
    ("cursor", "--cursor"),
    ("database", "--db"),
    ("hostKeys", "--host-keys"),
    ("id", "ID"),
    ("idempotencyKey", "--idempotency-key"),
    ("limit", "--limit"),
    ("node", "--node"),
    ("nodes", "--node"),
    ("otlp.endpoint", "--otlp-endpoint"),
    ("parameters", "--params"),
    ("plugin", "--plugin"),
    ("priority", "--priority"),
    ("retry.attempts", "--retries"),
    ("retry.backoff.initialMs", "--retry-wait"),
    ("retry.backoff.maxMs", "--retry-max-wait"),
    ("retry.deadlineMs", "--retry-deadline"),
    ("retry.on", "--retry-on"),
    ("rollout.canary", "--canary"),
    ("rollout.maxFailures", "--max-failures"),
    ("rollout.mode.healthCheck.action", "--health-check"),
    ("rollout.mode.healthCheck.targets", "--health-check-on"),
    ("rollout.mode.healthCheck.timeoutMs", "--health-check-timeout"),
    ("rollout.mode.pauseMs", "--wave-pause"),
    ("rollout.mode.waves", "--waves"),
    ("rollout.stragglers", "--stragglers"),
    ("selection", "--failed, --not-started, --not-succeeded, --all, --node"),
    ("ssh.config", "--ssh-config"),
    ("tags", "--tag"),
    ("targets", "--targets"),
    ("timeouts.connectMs", "--connect-timeout"),
    ("timeouts.executionMs", "--execution-timeout"),
    ("timeouts.nodeMs", "--timeout"),
    ("transport", "--transport, --plugin"),
];

/// The option that sets a field.
pub(crate) fn option_of(path: &str) -> Option<&'static str> {
    OPTIONS
        .iter()
        .filter(|(field, _)| {
            path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
        .max_by_key(|(field, _)| field.len())
        .map(|(_, option)| *option)
}

/// Every violation on a line of its own, with the option and the field.
pub(crate) fn describe(error: &ValidationError) -> String {
    let mut lines = Vec::new();
    for field in &error.fields {
        if let Some(pointer) = forgotten_secret(&field.path, &field.message) {
            lines.push(format!("--secret-param {pointer} ({}): {}", field.path, field.message));
            continue;
        }
        let stdin_is_lost = field.path.ends_with(".stdin") && is_forgotten(&field.message);
        let option = if stdin_is_lost { Some("--secret-stdin") } else { option_of(&field.path) };
        match option {
            Some(option) => lines.push(format!("{option} ({}): {}", field.path, field.message)),
            None => lines.push(field.to_string()),
        }
    }
    joined(&lines)
}

/// The pointer of a secret parameter that was not stored and has to be given again.
fn forgotten_secret(path: &str, message: &str) -> Option<String> {
    let rest = path.strip_prefix("action.parameters.").filter(|_| is_forgotten(message))?;
    Some(format!("/{}", rest.replace('.', "/")))
}

/// Whether it is about a secret that was not stored.
fn is_forgotten(message: &str) -> bool {
    message.contains("give it again")
}

/// Every violation on a line of its own, with the field alone: what was given was a file.
pub(crate) fn listed(error: &ValidationError) -> String {
    let lines: Vec<String> = error.fields.iter().map(ToString::to_string).collect();
    joined(&lines)
}

fn joined(lines: &[String]) -> String {
    if let [line] = lines {
        return line.clone();
    }
    let mut text = format!("{} things are not valid:", lines.len());
    for line in lines {
        text.push_str("\n  ");
        text.push_str(line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi::{Action, CommandAction, ExecutionRequest, TargetExpression};

    /// R9.6, R12.10
    #[test]
    fn violations_are_told_with_option_and_field() {
        let mut request =
            ExecutionRequest::new(Action::Command(CommandAction::new("")), TargetExpression::new(""));
        request.timeouts.node_ms = Some(0);
        if let Some(process) = request.action.process_mut() {
            process.env.insert("A-B".into(), "x".into());
        }
        let text = describe(&request.check().unwrap_err());
        for part in [
            "4 things are not valid:",
            "\n  COMMAND (action.command): must not be empty",
            "\n  --env (action.env): \"A-B\"",
            "\n  --targets (targets): no targets",
            "\n  --timeout (timeouts.nodeMs): must be at least 1 ms",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert_eq!(option_of("action.runAs.user"), Some("--run-as"));
        assert_eq!(option_of("action.runAs.password"), Some("--ask-run-as-password"));
        assert_eq!(option_of("tags[0]"), Some("--tag"));
        assert_eq!(option_of("limits.x"), None);
    }
}
