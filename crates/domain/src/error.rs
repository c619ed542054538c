//! Errors with stable codes: [`ErrorCode`], what happened on one node, [`NodeError`].

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cut::{cut, message};
use crate::id::{NodeId, PluginName};

/// Makes the codes, their words and the table of all of them from one list.
macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $retry:literal, $number:literal;)*) => {
        /// A stable code. Words never change their meaning; new ones may come.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word that is stored and shown.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Whether trying the same again later can help, as far as the code alone tells.
            pub fn is_retryable(self) -> bool {
                match self { $(Self::$name => $retry,)* }
            }

            /// The number by which languages without words know it. It never changes its meaning, and that of a code that goes
            /// is given to no other.
            pub fn number(self) -> i32 {
                match self { $(Self::$name => $number,)* }
            }
        }
    };
}

error_codes! {
    /// A field of the request is bad.
    Validation = "validation", false, 100;
    /// The authorizer said no, or could not be asked.
    Denied = "denied", false, 101;
    /// The command policy does not allow the command.
    CommandNotAllowed = "command_not_allowed", false, 102;
    /// No such execution, node or record.
    NotFound = "not_found", false, 103;
    /// A target is in no inventory.
    UnknownTarget = "unknown_target", false, 104;
    /// Nothing registered can do this action.
    Unsupported = "unsupported", false, 105;
    /// The queue has reached its limit.
    QueueFull = "queue_full", true, 106;
    /// A circuit breaker is open: what stands behind it failed again and again.
    BreakerOpen = "breaker_open", true, 107;
    /// The engine is shutting down.
    ShuttingDown = "shutting_down", true, 108;
    /// The same idempotency key came with another request.
    IdempotencyConflict = "idempotency_conflict", false, 109;
    /// A plan is not what would happen now.
    PlanChanged = "plan_changed", false, 110;
    /// A plan is too old to be applied.
    PlanExpired = "plan_expired", false, 111;
    /// A plan was applied before.
    PlanApplied = "plan_applied", false, 112;
    /// The store cannot read or write now.
    StoreUnavailable = "store_unavailable", true, 113;
    /// The store holds something it cannot have written.
    StoreCorrupt = "store_corrupt", false, 114;
    /// The store was made by a newer version.
    StoreTooNew = "store_too_new", false, 115;
    /// The disk of this machine is full.
    DiskFull = "disk_full", true, 116;
    /// A host name could not be resolved.
    Dns = "dns", true, 117;
    /// The TCP connection was refused.
    ConnectionRefused = "connection_refused", true, 118;
    /// The peer closed or reset the connection before the login.
    ConnectionReset = "connection_reset", true, 119;
    /// The network says that there is no way to the node.
    NoRoute = "no_route", true, 120;
    /// The login was not done in time.
    ConnectTimeout = "connect_timeout", true, 121;
    /// What answered does not speak SSH.
    NotSsh = "not_ssh", false, 122;
    /// No common algorithm, or the key exchange failed.
    KeyExchange = "key_exchange", false, 123;
    /// The host key is in no known-hosts file.
    HostKeyUnknown = "host_key_unknown", false, 124;
    /// The host key differs from the known one.
    HostKeyChanged = "host_key_changed", false, 125;
    /// The host key is marked as revoked.
    HostKeyRevoked = "host_key_revoked", false, 126;
    /// Every credential was refused.
    AuthFailed = "auth_failed", false, 127;
    /// There is no credential to offer.
    NoCredentials = "no_credentials", false, 128;
    /// A private key cannot be used: missing, unreadable, readable by others, wrong passphrase.
    BadKey = "bad_key", false, 129;
    /// A jump host could not be passed.
    JumpFailed = "jump_failed", true, 130;
    /// The node refused a channel (RFC 4254 section 5.1).
    ChannelRefused = "channel_refused", true, 131;
    /// The node never answered a request, or answered against the protocol.
    ProtocolViolation = "protocol_violation", false, 132;
    /// The process ended and the node gave neither exit status nor signal.
    NoExitStatus = "no_exit_status", false, 133;
    /// A detached process is gone and has not written how it ended, as after a reboot of its node.
    EndNotWritten = "end_not_written", false, 134;
    /// The connection was lost while the action was running.
    LinkLost = "link_lost", false, 135;
    /// The node has no usable shell.
    NoShell = "no_shell", false, 136;
    /// The working directory cannot be entered.
    BadWorkingDirectory = "bad_working_directory", false, 137;
    /// sudo, su or doas said no.
    RunAsDenied = "run_as_denied", false, 138;
    /// A password is needed to change the user, and none was given.
    RunAsPasswordNeeded = "run_as_password_needed", false, 139;
    /// A file on this machine cannot be read or written.
    LocalFile = "local_file", false, 140;
    /// A file on the node cannot be read or written.
    RemoteFile = "remote_file", false, 141;
    /// The copy differs from its source.
    ChecksumMismatch = "checksum_mismatch", true, 142;
    /// A setting (`ssh_config`, known-hosts file, inventory) is bad.
    BadConfig = "bad_config", false, 143;
    /// A service that was asked, such as PuppetDB, cannot answer now.
    Unavailable = "unavailable", true, 144;
    /// A limit of this side was reached.
    LimitReached = "limit_reached", true, 145;
    /// What was running was not done within the limit of the tool that ran it.
    RunTimeout = "run_timeout", false, 146;
    /// A tool says that it failed, without an exit status of its own.
    ToolFailed = "tool_failed", false, 147;
    /// A plugin threw, panicked or answered nonsense.
    PluginFault = "plugin_fault", false, 148;
    /// A fault of ours.
    Internal = "internal", false, 149;
}

impl ErrorCode {
    /// The code of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::from_word(&word).ok_or_else(|| serde::de::Error::custom(format!("unknown error code {word:?}")))
    }
}

/// What went wrong on one node: the node, the kind of error and the reason (R7.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[error("{node}: {message}")]
pub struct NodeError {
    /// The node.
    pub node: NodeId,
    /// The kind of error.
    pub code: ErrorCode,
    /// The reason, and what to do where that is known. One sentence fragment, without the node's name.
    pub message: String,
    /// The chain of causes, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// The plugin whose fault it is, where it is one (R7.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<Box<PluginTrace>>,
}

/// What is known of the inside of a plugin's fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginTrace {
    /// The plugin.
    pub name: PluginName,
    /// The stack or diagnostics of its tool or language, at most [`PluginTrace::MOST_STACK`] bytes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
}

impl PluginTrace {
    /// Bytes of a stack that are kept.
    pub const MOST_STACK: usize = 16 * 1024;

    /// A trace whose stack is cut to what is kept.
    pub fn new(name: PluginName, stack: Option<&str>) -> Self {
        Self { name, stack: stack.map(Self::cut) }
    }

    /// A stack as it is kept.
    pub fn cut(stack: &str) -> String {
        cut(stack, Self::MOST_STACK)
    }
}

impl NodeError {
    /// An error without deeper causes.
    pub fn new(node: NodeId, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { node, code, message: message.into(), causes: Vec::new(), plugin: None }
    }

    /// The same error as the fault of a plugin.
    #[must_use]
    pub fn of_plugin(mut self, trace: PluginTrace) -> Self {
        self.plugin = Some(Box::new(trace));
        self
    }

    /// The same error with texts no longer than those of others are kept.
    #[must_use]
    pub fn cut(mut self) -> Self {
        // As many as are written down of a chain.
        self.causes.truncate(16);
        self.message = message(self.message);
        self.causes = self.causes.into_iter().map(message).collect();
        if let Some(stack) = self.plugin.as_mut().and_then(|trace| trace.stack.as_mut()) {
            *stack = PluginTrace::cut(stack);
        }
        self
    }

    /// The same error with the causes of `source` written down.
    #[must_use]
    pub fn caused_by(mut self, source: &(dyn std::error::Error + 'static)) -> Self {
        // A chain of causes is short; the bound guards against one that points at itself.
        let mut next = Some(source);
        for _ in 0..16 {
            let Some(cause) = next else { break };
            self.causes.push(cause.to_string());
            next = cause.source();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_a_word_and_a_number_of_its_own_that_read_back() {
        let words: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), ErrorCode::ALL.len());
        let numbers: BTreeSet<i32> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
        assert_eq!(numbers.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_word(code.as_str()), Some(*code));
        }
    }
}
