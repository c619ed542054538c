//! Messages of Ansible and of the `ssh` that it runs, as codes: [`unreachable`] and [`failed`].

use pabawi_domain::error::ErrorCode;

/// Why a node could not be reached. The first sign that fits decides, so those that say more stand first.
pub(super) fn unreachable(message: &str) -> ErrorCode {
    const SIGNS: [(&str, ErrorCode); 24] = [
        ("REMOTE HOST IDENTIFICATION HAS CHANGED", ErrorCode::HostKeyChanged),
        ("REVOKED HOST KEY", ErrorCode::HostKeyRevoked),
        ("is revoked", ErrorCode::HostKeyRevoked),
        ("Host key verification failed", ErrorCode::HostKeyUnknown),
        ("UNPROTECTED PRIVATE KEY", ErrorCode::BadKey),
        ("Load key", ErrorCode::BadKey),
        ("no such identity", ErrorCode::BadKey),
        ("Could not resolve hostname", ErrorCode::Dns),
        ("Unable to negotiate", ErrorCode::KeyExchange),
        ("Permission denied", ErrorCode::AuthFailed),
        ("Authentication failed", ErrorCode::AuthFailed),
        ("Too many authentication failures", ErrorCode::AuthFailed),
        ("Invalid/incorrect password", ErrorCode::AuthFailed),
        ("Connection refused", ErrorCode::ConnectionRefused),
        ("timed out", ErrorCode::ConnectTimeout),
        ("Timeout", ErrorCode::ConnectTimeout),
        ("No route to host", ErrorCode::NoRoute),
        ("Network is unreachable", ErrorCode::NoRoute),
        ("Shared connection to", ErrorCode::LinkLost),
        ("Broken pipe", ErrorCode::LinkLost),
        ("kex_exchange_identification", ErrorCode::ConnectionReset),
        ("Connection closed by", ErrorCode::ConnectionReset),
        ("Connection reset", ErrorCode::ConnectionReset),
        ("closed by remote host", ErrorCode::LinkLost),
    ];
    let found = SIGNS.iter().find(|(sign, _)| message.contains(sign));
    found.map_or(ErrorCode::NoRoute, |(_, code)| *code)
}

/// What a task's failure is, where it is none of the module's own: nothing was started then.
pub(super) fn failed(message: &str) -> Option<ErrorCode> {
    let is_password = |begin: &str| message.starts_with(begin) && message.ends_with(" password");
    if is_password("Missing ") || message.contains("a password is required") {
        Some(ErrorCode::RunAsPasswordNeeded)
    } else if is_password("Incorrect ") || message.contains("is not in the sudoers file") {
        Some(ErrorCode::RunAsDenied)
    } else if message.starts_with("Unable to change directory before execution") {
        Some(ErrorCode::BadWorkingDirectory)
    } else if message.ends_with("was not found in configured module paths") {
        Some(ErrorCode::BadConfig)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R7.3
    #[test]
    fn messages_have_the_code_of_what_happened() {
        let ssh = |text: &str| unreachable(&format!("Failed to connect to the host via ssh: {text}"));
        for (text, code) in [
            ("ssh: connect to host 127.0.0.1 port 1: Connection refused", ErrorCode::ConnectionRefused),
            ("ssh: Could not resolve hostname x: Name or service not known", ErrorCode::Dns),
            ("root@x: Permission denied (publickey,password).", ErrorCode::AuthFailed),
            (
                "Load key \"/k\": Permission denied\r\nroot@x: Permission denied (publickey).",
                ErrorCode::BadKey,
            ),
            (
                "No ED25519 host key is known for x\r\nHost key verification failed.",
                ErrorCode::HostKeyUnknown,
            ),
            (
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\nHost key verification failed.",
                ErrorCode::HostKeyChanged,
            ),
            ("ssh: connect to host x port 22: Connection timed out", ErrorCode::ConnectTimeout),
            ("Shared connection to x closed.", ErrorCode::LinkLost),
            ("something new", ErrorCode::NoRoute),
        ] {
            assert_eq!(ssh(text), code, "{text}");
        }
        assert_eq!(failed("Missing sudo password"), Some(ErrorCode::RunAsPasswordNeeded));
        assert_eq!(failed("Incorrect sudo password"), Some(ErrorCode::RunAsDenied));
        assert_eq!(failed("Incorrect sudo passwords are bad"), None);
        assert_eq!(failed("non-zero return code"), None);
    }
}
