//! What failures of tools of v1.x mean: their texts and the names of their errors as codes. Only failures of which v1.x says
//! that nothing was run on the node are read so; what a command says for itself is its own.

use pabawi_domain::error::ErrorCode;
use pabawi_domain::ports::V1Error;
use serde_json::{Map, Value};

/// A failure as a code, and whether the node may have begun.
pub(super) type Meaning = (ErrorCode, bool);

/// A failure without a meaning of its own.
pub(super) const OTHER: Meaning = (ErrorCode::ToolFailed, true);

/// Errors of `SSHErrorType`.
fn of_ssh_type(word: &str) -> Option<Meaning> {
    Some(match word {
        "CONNECTION_TIMEOUT" => (ErrorCode::ConnectTimeout, false),
        "CONNECTION_REFUSED" => (ErrorCode::ConnectionRefused, false),
        "AUTHENTICATION_FAILED" | "PERMISSION_DENIED" => (ErrorCode::AuthFailed, false),
        "HOST_KEY_VERIFICATION_FAILED" => (ErrorCode::HostKeyUnknown, false),
        // Its channel is left open, so that the command may go on.
        "COMMAND_TIMEOUT" => (ErrorCode::LimitReached, true),
        "POOL_EXHAUSTED" => (ErrorCode::LimitReached, false),
        "CONFIGURATION_ERROR" => (ErrorCode::BadConfig, false),
        "NETWORK_ERROR" => (ErrorCode::NoRoute, false),
        "COMMAND_FAILED" | "COMMAND_NOT_FOUND" | "UNKNOWN_ERROR" => OTHER,
        _ => return None,
    })
}

/// A failure of the SSH plugin, which has the exit status -1: by its type where it has one, else by its text as v1.x reads
/// it, in the same order.
pub(super) fn of_ssh(entry: &Map<String, Value>, text: &str) -> Meaning {
    let error = entry.get("error").and_then(Value::as_object);
    let types = [entry.get("errorType"), error.and_then(|error| error.get("type"))];
    if let Some(meaning) = types.into_iter().flatten().filter_map(Value::as_str).find_map(of_ssh_type) {
        return meaning;
    }
    let text = text.to_lowercase();
    let has = |part: &str| text.contains(part);
    let word = if has("timeout") || has("timed out") {
        if has("connection") { "CONNECTION_TIMEOUT" } else { "COMMAND_TIMEOUT" }
    } else if has("refused") {
        "CONNECTION_REFUSED"
    } else if has("auth") {
        "AUTHENTICATION_FAILED"
    } else if has("host key") {
        "HOST_KEY_VERIFICATION_FAILED"
    } else if has("permission denied") {
        "PERMISSION_DENIED"
    } else if has("maximum connections") {
        "POOL_EXHAUSTED"
    } else if has("invalid sudo") || has("failed to read private key") {
        "CONFIGURATION_ERROR"
    } else if has("network") || has("unreachable") || has("enotfound") {
        "NETWORK_ERROR"
    } else {
        "UNKNOWN_ERROR"
    };
    of_ssh_type(word).unwrap_or(OTHER)
}

/// A rejection of `executeAction` that is no fault of the plugin but its way to tell what its tool met.
pub(super) fn of_rejection(error: &V1Error) -> Option<Meaning> {
    let by_name = match error.name.as_deref()? {
        "BoltNodeUnreachableError" => Some((ErrorCode::NoRoute, false)),
        "BoltTaskNotFoundError" => Some((ErrorCode::NotFound, false)),
        "BoltTaskParameterError" => Some((ErrorCode::Validation, false)),
        "BoltInventoryNotFoundError" => Some((ErrorCode::BadConfig, false)),
        "BoltTimeoutError" => Some((ErrorCode::LimitReached, true)),
        _ => None,
    };
    // Ansible's is an error without a name of its own.
    by_name.or_else(|| {
        error.message.contains("execution exceeded timeout of ").then_some((ErrorCode::LimitReached, true))
    })
}

#[cfg(test)]
mod tests {
    use pabawi_domain::ports::V1ErrorKind;
    use serde_json::json;

    use super::*;

    /// R7.3: errors of v1.x keep their meaning.
    #[test]
    fn ssh_errors_keep_their_meaning() {
        for (text, code) in [
            ("Connection timeout after 30 seconds", ErrorCode::ConnectTimeout),
            ("Command timeout after 30 seconds", ErrorCode::LimitReached),
            ("connect ECONNREFUSED 10.0.0.1:22", ErrorCode::ConnectionRefused),
            ("All configured authentication methods failed", ErrorCode::AuthFailed),
            ("Host key verification failed", ErrorCode::HostKeyUnknown),
            ("open: Permission denied", ErrorCode::AuthFailed),
            ("Maximum connections per host (1) reached for root@a:22", ErrorCode::LimitReached),
            ("Invalid sudo runAsUser 'X'", ErrorCode::BadConfig),
            ("connect EHOSTUNREACH: host unreachable", ErrorCode::NoRoute),
            ("getaddrinfo ENOTFOUND web9", ErrorCode::NoRoute),
            ("boom", ErrorCode::ToolFailed),
        ] {
            assert_eq!(of_ssh(&Map::new(), text).0, code, "{text}");
        }
        let typed = json!({"error": {"type": "NETWORK_ERROR", "message": "authentication"}});
        assert_eq!(of_ssh(typed.as_object().unwrap(), "authentication").0, ErrorCode::NoRoute);
        let typed = json!({"errorType": "POOL_EXHAUSTED"});
        assert_eq!(of_ssh(typed.as_object().unwrap(), "x"), (ErrorCode::LimitReached, false));
    }

    #[test]
    fn rejections_of_tools_are_no_faults() {
        let error = |name: &str, message: &str| V1Error {
            name: Some(name.to_owned()),
            ..V1Error::new(V1ErrorKind::Rejected, message)
        };
        let of = |name: &str, message: &str| of_rejection(&error(name, message)).map(|(code, _)| code);
        assert_eq!(of("BoltNodeUnreachableError", "Node a is unreachable"), Some(ErrorCode::NoRoute));
        assert_eq!(
            of("Error", "ansible execution exceeded timeout of 300000ms"),
            Some(ErrorCode::LimitReached)
        );
        assert_eq!(of("TypeError", "x is undefined"), None);
        assert_eq!(of_rejection(&V1Error::new(V1ErrorKind::Rejected, "no error")), None);
    }
}
