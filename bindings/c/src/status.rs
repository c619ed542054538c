//! How calls end: the numbers, and [`Fault`], a failure with its number and reason.
//!
//! Numbers below 100 are of this library, the others are those of [`ErrorCode::number`]. A number never changes its meaning; one
//! that is not used any more stays reserved.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::sync::LazyLock;

use pabawi::json::{Failure, FailureCode, OwnCode};
use pabawi::{ErrorCode, ValidationError};
use serde_json::json;

/// How a call ended: PABAWI_OK, or the number of the failure. Numbers never change their meaning, and the number of a failure
/// that is not used any more is given to no other. New ones may come: treat an unknown number as a failure.
#[allow(non_camel_case_types, reason = "the name that C programs see")]
pub type pabawi_status = i32;

/// Makes the constants that stand in the header, their words, and the table of all of them from one list. A code of the framework
/// has the same number there; a test compares them.
macro_rules! own {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $number:path;)*) => {
        /// What only happens at the border between C and Rust.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Own {
            $($(#[$doc])* $variant,)*
        }

        impl Own {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),*];

            pub(crate) fn number(self) -> pabawi_status {
                match self { $(Self::$variant => $number,)* }
            }

            pub(crate) fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

own! {
    NullPointer = "null_pointer", numbers::PABAWI_NULL_POINTER;
    BadHandle = "bad_handle", numbers::PABAWI_BAD_HANDLE;
    BadUtf8 = "bad_utf8", numbers::PABAWI_BAD_UTF8;
    BadLength = "bad_length", numbers::PABAWI_BAD_LENGTH;
    BadTable = "bad_table", numbers::PABAWI_BAD_TABLE;
    TimedOut = "timed_out", numbers::PABAWI_TIMED_OUT;
    Aborted = "aborted", numbers::PABAWI_ABORTED;
    Panicked = "panic", numbers::PABAWI_PANIC;
    End = "end", numbers::PABAWI_END;
    Closed = "closed", numbers::PABAWI_CLOSED;
    BadPointer = "bad_pointer", numbers::PABAWI_BAD_POINTER;
    Already = "already", numbers::PABAWI_ALREADY;
    WouldDeadlock = "would_deadlock", numbers::PABAWI_WOULD_DEADLOCK;
}

/// A failure as the program is told it.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) status: pabawi_status,
    /// The word of its kind.
    pub(crate) kind: String,
    /// The reason, for a person.
    pub(crate) message: String,
    /// All of it as a JSON text: `{code, message, retryable, plugin?, fields?, details?}`.
    pub(crate) details: String,
}

impl Fault {
    /// A failure of this side.
    pub(crate) fn own(own: Own, message: impl Into<String>) -> Self {
        let message = message.into();
        let details = json!({"code": own.word(), "message": message, "retryable": false}).to_string();
        Self { status: own.number(), kind: own.word().to_owned(), message, details }
    }

    /// An argument that is `NULL` and must not be.
    pub(crate) fn null(name: &str) -> Self {
        Self::own(Own::NullPointer, format!("{name} is NULL"))
    }

    /// The engine is gone.
    pub(crate) fn closed() -> Self {
        Self::own(Own::Closed, "the engine was freed")
    }

    /// A panic was caught.
    pub(crate) fn panicked(said: &str) -> Self {
        Self::own(Own::Panicked, format!("a fault of the library, please report it: {said}"))
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        let (status, kind) = match failure.code {
            FailureCode::Known(code) => (code.number(), code.as_str()),
            FailureCode::Own(OwnCode::Aborted) => (Own::Aborted.number(), Own::Aborted.word()),
        };
        // What cannot be written as JSON is still said by number and message.
        let details = serde_json::to_string(&failure).unwrap_or_else(|_| "{}".to_owned());
        Self { status, kind: kind.to_owned(), message: failure.message, details }
    }
}

impl From<ValidationError> for Fault {
    fn from(error: ValidationError) -> Self {
        Failure::from(error).into()
    }
}

/// The word of a number, or `unknown`, as C reads it.
pub(crate) fn word_of(status: pabawi_status) -> &'static CStr {
    static WORDS: LazyLock<BTreeMap<pabawi_status, CString>> = LazyLock::new(|| {
        let ok = std::iter::once((numbers::PABAWI_OK, "ok"));
        let own = Own::ALL.iter().map(|own| (own.number(), own.word()));
        let known = ErrorCode::ALL.iter().map(|code| (code.number(), code.as_str()));
        let all = ok.chain(own).chain(known);
        all.filter_map(|(number, word)| Some((number, CString::new(word).ok()?))).collect()
    });
    WORDS.get(&status).map_or(c"unknown", |word| word.as_c_str())
}

/// The numbers as they stand in the header.
pub mod numbers {
    use super::pabawi_status;

    /// The call did what it is for.
    pub const PABAWI_OK: pabawi_status = 0;
    /// An argument that must not be NULL is.
    pub const PABAWI_NULL_POINTER: pabawi_status = 1;
    /// No handle of that kind: it was freed, is of another kind, or was never given out.
    pub const PABAWI_BAD_HANDLE: pabawi_status = 2;
    /// A text is not UTF-8.
    pub const PABAWI_BAD_UTF8: pabawi_status = 3;
    /// A length is not possible, or the text is longer than 64 MiB.
    pub const PABAWI_BAD_LENGTH: pabawi_status = 4;
    /// A table of functions lacks what it must have: `struct_size` or a function.
    pub const PABAWI_BAD_TABLE: pabawi_status = 5;
    /// What was waited for has not happened in time. It goes on.
    pub const PABAWI_TIMED_OUT: pabawi_status = 6;
    /// The call was given up.
    pub const PABAWI_ABORTED: pabawi_status = 7;
    /// A fault of this library, caught at its border. The engine may go on.
    pub const PABAWI_PANIC: pabawi_status = 8;
    /// Nothing more comes. This is no fault, and there is no error object for it.
    pub const PABAWI_END: pabawi_status = 9;
    /// The engine was freed.
    pub const PABAWI_CLOSED: pabawi_status = 10;
    /// A pointer is not aligned for what it points to.
    pub const PABAWI_BAD_POINTER: pabawi_status = 11;
    /// It was done before and can be done once only.
    pub const PABAWI_ALREADY: pabawi_status = 12;
    /// It would have to wait, on a thread on which the engine works.
    pub const PABAWI_WOULD_DEADLOCK: pabawi_status = 13;
    /// A field of the request is bad.
    pub const PABAWI_VALIDATION: pabawi_status = 100;
    /// The authorizer said no, or could not be asked.
    pub const PABAWI_DENIED: pabawi_status = 101;
    /// The command policy does not allow the command.
    pub const PABAWI_COMMAND_NOT_ALLOWED: pabawi_status = 102;
    /// No such execution, node or record.
    pub const PABAWI_NOT_FOUND: pabawi_status = 103;
    /// A target is in no inventory.
    pub const PABAWI_UNKNOWN_TARGET: pabawi_status = 104;
    /// Nothing registered can do this action.
    pub const PABAWI_UNSUPPORTED: pabawi_status = 105;
    /// The queue has reached its limit.
    pub const PABAWI_QUEUE_FULL: pabawi_status = 106;
    /// A circuit breaker is open: what stands behind it failed again and again.
    pub const PABAWI_BREAKER_OPEN: pabawi_status = 107;
    /// The engine is shutting down.
    pub const PABAWI_SHUTTING_DOWN: pabawi_status = 108;
    /// The same idempotency key came with another request.
    pub const PABAWI_IDEMPOTENCY_CONFLICT: pabawi_status = 109;
    /// A plan is not what would happen now.
    pub const PABAWI_PLAN_CHANGED: pabawi_status = 110;
    /// A plan is too old to be applied.
    pub const PABAWI_PLAN_EXPIRED: pabawi_status = 111;
    /// A plan was applied before.
    pub const PABAWI_PLAN_APPLIED: pabawi_status = 112;
    /// The store cannot read or write now.
    pub const PABAWI_STORE_UNAVAILABLE: pabawi_status = 113;
    /// The store holds something it cannot have written.
    pub const PABAWI_STORE_CORRUPT: pabawi_status = 114;
    /// The store was made by a newer version.
    pub const PABAWI_STORE_TOO_NEW: pabawi_status = 115;
    /// The disk of this machine is full.
    pub const PABAWI_DISK_FULL: pabawi_status = 116;
    /// A host name could not be resolved.
    pub const PABAWI_DNS: pabawi_status = 117;
    /// The TCP connection was refused.
    pub const PABAWI_CONNECTION_REFUSED: pabawi_status = 118;
    /// The peer closed or reset the connection before the login.
    pub const PABAWI_CONNECTION_RESET: pabawi_status = 119;
    /// The network says that there is no way to the node.
    pub const PABAWI_NO_ROUTE: pabawi_status = 120;
    /// The login was not done in time.
    pub const PABAWI_CONNECT_TIMEOUT: pabawi_status = 121;
    /// What answered does not speak SSH.
    pub const PABAWI_NOT_SSH: pabawi_status = 122;
    /// No common algorithm, or the key exchange failed.
    pub const PABAWI_KEY_EXCHANGE: pabawi_status = 123;
    /// The host key is in no known-hosts file.
    pub const PABAWI_HOST_KEY_UNKNOWN: pabawi_status = 124;
    /// The host key differs from the known one.
    pub const PABAWI_HOST_KEY_CHANGED: pabawi_status = 125;
    /// The host key is marked as revoked.
    pub const PABAWI_HOST_KEY_REVOKED: pabawi_status = 126;
    /// Every credential was refused.
    pub const PABAWI_AUTH_FAILED: pabawi_status = 127;
    /// There is no credential to offer.
    pub const PABAWI_NO_CREDENTIALS: pabawi_status = 128;
    /// A private key cannot be used: missing, unreadable, readable by others, wrong passphrase.
    pub const PABAWI_BAD_KEY: pabawi_status = 129;
    /// A jump host could not be passed.
    pub const PABAWI_JUMP_FAILED: pabawi_status = 130;
    /// The node refused a channel (RFC 4254 section 5.1).
    pub const PABAWI_CHANNEL_REFUSED: pabawi_status = 131;
    /// The node never answered a request, or answered against the protocol.
    pub const PABAWI_PROTOCOL_VIOLATION: pabawi_status = 132;
    /// The process ended and the node gave neither exit status nor signal.
    pub const PABAWI_NO_EXIT_STATUS: pabawi_status = 133;
    /// A detached process is gone and has not written how it ended, as after a reboot of its node.
    pub const PABAWI_END_NOT_WRITTEN: pabawi_status = 134;
    /// The connection was lost while the action was running.
    pub const PABAWI_LINK_LOST: pabawi_status = 135;
    /// The node has no usable shell.
    pub const PABAWI_NO_SHELL: pabawi_status = 136;
    /// The working directory cannot be entered.
    pub const PABAWI_BAD_WORKING_DIRECTORY: pabawi_status = 137;
    /// sudo, su or doas said no.
    pub const PABAWI_RUN_AS_DENIED: pabawi_status = 138;
    /// A password is needed to change the user, and none was given.
    pub const PABAWI_RUN_AS_PASSWORD_NEEDED: pabawi_status = 139;
    /// A file on this machine cannot be read or written.
    pub const PABAWI_LOCAL_FILE: pabawi_status = 140;
    /// A file on the node cannot be read or written.
    pub const PABAWI_REMOTE_FILE: pabawi_status = 141;
    /// The copy differs from its source.
    pub const PABAWI_CHECKSUM_MISMATCH: pabawi_status = 142;
    /// A setting (`ssh_config`, known-hosts file, inventory) is bad.
    pub const PABAWI_BAD_CONFIG: pabawi_status = 143;
    /// A service that was asked, such as PuppetDB, cannot answer now.
    pub const PABAWI_UNAVAILABLE: pabawi_status = 144;
    /// A limit of this side was reached.
    pub const PABAWI_LIMIT_REACHED: pabawi_status = 145;
    /// What was running was not done within the limit of the tool that ran it.
    pub const PABAWI_RUN_TIMEOUT: pabawi_status = 146;
    /// A tool says that it failed, without an exit status of its own.
    pub const PABAWI_TOOL_FAILED: pabawi_status = 147;
    /// A plugin threw, panicked or answered nonsense.
    pub const PABAWI_PLUGIN_FAULT: pabawi_status = 148;
    /// A fault of ours.
    pub const PABAWI_INTERNAL: pabawi_status = 149;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of the header by their names.
    fn told() -> Vec<(String, pabawi_status)> {
        let lines = include_str!("status.rs").lines();
        let constants = lines.filter_map(|line| line.trim().strip_prefix("pub const PABAWI_"));
        let parts = constants.filter_map(|line| line.trim_end_matches(';').split_once(": pabawi_status = "));
        parts.map(|(name, number)| (name.to_lowercase(), number.parse().unwrap())).collect()
    }

    #[test]
    fn every_code_stands_in_the_header_under_its_number() {
        let told = told();
        for code in ErrorCode::ALL {
            let as_told = told.iter().find(|(name, _)| name == code.as_str());
            assert_eq!(as_told.map(|(_, number)| *number), Some(code.number()), "{code}");
        }
        assert_eq!(told.len(), 1 + Own::ALL.len() + ErrorCode::ALL.len());
        for (name, number) in told {
            assert_eq!(word_of(number).to_str(), Ok(name.as_str()));
        }
        assert_eq!(word_of(99), c"unknown");
        assert_eq!(word_of(-1), c"unknown");
    }

    #[test]
    fn numbers_of_this_side_and_of_the_framework_stay_apart() {
        assert!(Own::ALL.iter().all(|own| (1..100).contains(&own.number())));
        assert!(ErrorCode::ALL.iter().all(|code| code.number() >= 100));
    }

    #[test]
    fn a_failure_keeps_fields_and_details() {
        let fault = Fault::from(ValidationError::of("targets", "is empty"));
        assert_eq!((fault.status, fault.kind.as_str()), (100, "validation"));
        let details: serde_json::Value = serde_json::from_str(&fault.details).unwrap();
        assert_eq!(details["fields"][0]["path"], "targets");
    }
}
