//! Bolt's kinds of errors as codes: [`of_target`] for one target, [`of_run`] for a whole run. A kind decides, then the code
//! beside it, and its text only where both say too little.

use pabawi_domain::error::ErrorCode;
use serde_json::Value;

/// Bytes of a message that are kept.
const SHOWN: usize = 4_000;

/// An error as Bolt tells it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BoltError {
    /// `puppetlabs.tasks/task-error` and so on.
    pub(super) kind: String,
    /// `AUTH_ERROR` and so on.
    issue: String,
    /// What happened.
    pub(super) message: String,
    /// The exit status on the target.
    pub(super) exit_code: Option<i32>,
    /// More of it.
    pub(super) details: Value,
}

impl BoltError {
    /// Reads one by its shape: an object with a kind or a message, or a text alone.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let (kind, message) = match value {
            Value::String(message) => (None, Some(message.as_str())),
            Value::Object(_) => (text("kind"), text("msg").or_else(|| text("message"))),
            _ => return None,
        };
        if kind.is_none() && message.is_none() {
            return None;
        }
        let details = value.get("details").cloned().unwrap_or_default();
        let exit_code = details.get("exit_code").and_then(Value::as_i64);
        Some(Self {
            kind: kind.unwrap_or("bolt/error").to_owned(),
            issue: text("issue_code").unwrap_or_default().to_owned(),
            message: pabawi_domain::cut::cut(message.unwrap_or("it said no more").trim(), SHOWN),
            exit_code: exit_code.and_then(|code| i32::try_from(code).ok()).filter(|code| *code != 0),
            details,
        })
    }

    /// The text for people.
    pub(super) fn text(&self) -> String {
        format!("[{}] {}", self.kind, self.message)
    }

    /// What is behind the last `/` of its kind: Bolt has written `bolt/` and `puppetlabs.tasks/` before the same words.
    fn word(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }
}

/// What an error of one target is, and whether something may have been started there.
pub(super) fn of_target(error: &BoltError) -> (ErrorCode, bool) {
    match error.word() {
        "connect-error" => match connect(error) {
            code @ ErrorCode::LinkLost => (code, true),
            code => (code, false),
        },
        "escalate-error" => match error.issue.as_str() {
            "NO_PASSWORD" => (ErrorCode::RunAsPasswordNeeded, false),
            _ => (ErrorCode::RunAsDenied, false),
        },
        "task_file_error" | "file-error" => (ErrorCode::RemoteFile, false),
        "validation-error" | "environment-var-error" => (ErrorCode::Validation, false),
        "too-many-files" => (ErrorCode::LimitReached, false),
        "exception-error" if connection(&error.message) == Some(ErrorCode::LinkLost) => {
            (ErrorCode::LinkLost, true)
        }
        "exception-error" => (ErrorCode::PluginFault, true),
        _ => (ErrorCode::ToolFailed, true),
    }
}

/// What an error of a whole run is. Of a plan, something may have been done before.
pub(super) fn of_run(error: &BoltError, is_plan: bool) -> (ErrorCode, bool) {
    match error.word() {
        "unknown-task" | "unknown-plan" => (ErrorCode::BadConfig, false),
        "validation-error" | "cli-error" | "pal-error" if !is_plan => (ErrorCode::Validation, false),
        "invalid-plan-params" | "cli-error" => (ErrorCode::Validation, false),
        // Before anything is done, Bolt reads its project and its inventory.
        _ if !is_plan => (ErrorCode::BadConfig, false),
        _ => (ErrorCode::ToolFailed, true),
    }
}

/// Why a target could not be reached.
fn connect(error: &BoltError) -> ErrorCode {
    let message = error.message.as_str();
    match error.issue.as_str() {
        "AUTH_ERROR" => ErrorCode::AuthFailed,
        "HOST_KEY_ERROR" if message.contains("does not match") => ErrorCode::HostKeyChanged,
        "HOST_KEY_ERROR" => ErrorCode::HostKeyUnknown,
        "EXEC_ERROR" => ErrorCode::ChannelRefused,
        "TIMEOUT" => ErrorCode::ConnectTimeout,
        _ => connection(message).unwrap_or(ErrorCode::NoRoute),
    }
}

/// What a text says of a connection, where it says something. The first sign that fits decides.
fn connection(message: &str) -> Option<ErrorCode> {
    const SIGNS: [(&str, ErrorCode); 16] = [
        ("Host key verification failed", ErrorCode::HostKeyUnknown),
        ("Authentication failed", ErrorCode::AuthFailed),
        ("Permission denied", ErrorCode::AuthFailed),
        ("Timeout after", ErrorCode::ConnectTimeout),
        ("timed out", ErrorCode::ConnectTimeout),
        ("execution expired", ErrorCode::ConnectTimeout),
        ("Connection refused", ErrorCode::ConnectionRefused),
        ("getaddrinfo", ErrorCode::Dns),
        ("Name or service not known", ErrorCode::Dns),
        ("nodename nor servname", ErrorCode::Dns),
        ("No route to host", ErrorCode::NoRoute),
        ("unreachable", ErrorCode::NoRoute),
        ("could not settle on", ErrorCode::KeyExchange),
        ("Connection reset", ErrorCode::ConnectionReset),
        ("closed by remote host", ErrorCode::LinkLost),
        ("closed stream", ErrorCode::LinkLost),
    ];
    SIGNS.iter().find(|(sign, _)| message.contains(sign)).map(|(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn error(kind: &str, issue: &str, message: &str) -> BoltError {
        BoltError::of(&json!({"kind": kind, "issue_code": issue, "msg": message, "details": {}})).unwrap()
    }

    /// R7.3
    #[test]
    fn kinds_have_the_code_of_what_happened() {
        let connect = "puppetlabs.tasks/connect-error";
        for (kind, issue, message, code) in [
            (connect, "AUTH_ERROR", "Authentication failed for user root@x", ErrorCode::AuthFailed),
            (
                connect,
                "HOST_KEY_ERROR",
                "fingerprint SHA256:x does not match for \"x\"",
                ErrorCode::HostKeyChanged,
            ),
            (
                connect,
                "HOST_KEY_ERROR",
                "fingerprint SHA256:x is unknown for \"x\"",
                ErrorCode::HostKeyUnknown,
            ),
            (connect, "CONNECT_ERROR", "Timeout after 10 seconds connecting to x", ErrorCode::ConnectTimeout),
            (
                connect,
                "CONNECT_ERROR",
                "Failed to connect to x: Connection refused",
                ErrorCode::ConnectionRefused,
            ),
            (connect, "CONNECT_ERROR", "Failed to connect to x: getaddrinfo: Name", ErrorCode::Dns),
            (connect, "CONNECT_ERROR", "something new", ErrorCode::NoRoute),
            ("puppetlabs.bolt/connect-error", "", "x", ErrorCode::NoRoute),
            (connect, "EXEC_ERROR", "Could not execute command: \"id\"", ErrorCode::ChannelRefused),
            ("puppetlabs.tasks/escalate-error", "BAD_PASSWORD", "not recognized", ErrorCode::RunAsDenied),
            (
                "puppetlabs.tasks/escalate-error",
                "NO_PASSWORD",
                "not provided",
                ErrorCode::RunAsPasswordNeeded,
            ),
            ("puppetlabs.tasks/task_file_error", "WRITE_ERROR", "no space", ErrorCode::RemoteFile),
            ("puppetlabs.tasks/exception-error", "EXCEPTION", "undefined method", ErrorCode::PluginFault),
            ("puppetlabs.tasks/exception-error", "EXCEPTION", "closed stream", ErrorCode::LinkLost),
            ("puppetlabs.tasks/task-error", "TASK_ERROR", "said so", ErrorCode::ToolFailed),
            ("mymodule/broken", "", "Timeout after lunch", ErrorCode::ToolFailed),
        ] {
            assert_eq!(of_target(&error(kind, issue, message)).0, code, "{kind} {issue} {message}");
        }
        for (kind, is_plan, expected) in [
            ("bolt/unknown-task", false, (ErrorCode::BadConfig, false)),
            ("bolt/validation-error", false, (ErrorCode::Validation, false)),
            ("bolt/pal-error", false, (ErrorCode::Validation, false)),
            ("bolt/pal-error", true, (ErrorCode::ToolFailed, true)),
            ("bolt/unknown-plan", true, (ErrorCode::BadConfig, false)),
            ("bolt/file-error", false, (ErrorCode::BadConfig, false)),
            ("bolt/run-failure", true, (ErrorCode::ToolFailed, true)),
        ] {
            assert_eq!(of_run(&error(kind, "", "x"), is_plan), expected, "{kind}");
        }
    }

    #[test]
    fn errors_are_known_by_their_shape() {
        let whole = json!({"kind": "a/b", "msg": "m", "details": {"exit_code": 3}});
        let found = BoltError::of(&whole).unwrap();
        assert_eq!((found.exit_code, found.text().as_str()), (Some(3), "[a/b] m"));
        assert_eq!(BoltError::of(&json!({"message": "m"})).unwrap().text(), "[bolt/error] m");
        assert_eq!(BoltError::of(&json!("m")).unwrap().message, "m");
        assert_eq!(
            BoltError::of(&json!({"kind": "a", "details": {"exit_code": 0}})).unwrap().exit_code,
            None
        );
        for none in [json!({}), json!(1), json!(null), json!([])] {
            assert_eq!(BoltError::of(&none), None);
        }
    }
}
