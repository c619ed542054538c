//! From what a transport says to how the node's run ended: [`of_failure`] and [`of_end`]. A transport says what
//! happened; what that means is decided here.

use pabawi_domain::error::ErrorCode;
use pabawi_domain::outcome::{NodeOutcome, Termination, TimeoutPhase};
use pabawi_domain::ports::{ActionEnd, TransportError};

/// The outcome of an action that has ended by itself.
pub(super) fn of_end(end: ActionEnd) -> Result<NodeOutcome, ActionEnd> {
    match end {
        ActionEnd::Exited { code: 0 } | ActionEnd::Copied(_) => Ok(NodeOutcome::Succeeded),
        ActionEnd::Exited { code } => Ok(NodeOutcome::Exited { code }),
        ActionEnd::Signalled { signal } => Ok(NodeOutcome::Signalled { signal }),
        ActionEnd::Failed(failure) => Ok(of_failure(failure)),
        other => Err(other),
    }
}

/// The outcome of a failure, by its code.
pub(super) fn of_failure(failure: TransportError) -> NodeOutcome {
    let TransportError { mut error, may_have_started, termination } = failure;
    // Where something may have been started and nobody looked, that is what has to be said.
    let known = |termination: Option<Termination>, why: &str| match termination {
        None if may_have_started => Some(Termination::Unconfirmed { why: why.to_owned() }),
        other => other,
    };
    // Whatever code the plugin gave it.
    if error.plugin.is_some() {
        if let Some(termination) = termination {
            error.causes.push(termination.describe());
        }
        return NodeOutcome::PluginFault { error };
    }
    match error.code {
        ErrorCode::HostKeyUnknown | ErrorCode::HostKeyChanged | ErrorCode::HostKeyRevoked => {
            NodeOutcome::HostKeyRejected { error }
        }
        ErrorCode::AuthFailed | ErrorCode::NoCredentials | ErrorCode::BadKey => {
            NodeOutcome::AuthFailed { error }
        }
        ErrorCode::RunAsDenied | ErrorCode::RunAsPasswordNeeded => NodeOutcome::RunAsDenied { error },
        ErrorCode::ConnectTimeout => NodeOutcome::TimedOut {
            phase: TimeoutPhase::Connect,
            termination: known(termination, &error.message),
        },
        ErrorCode::RunTimeout => {
            let termination = known(termination, &error.message);
            NodeOutcome::TimedOut { phase: TimeoutPhase::Run, termination }
        }
        ErrorCode::Dns
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionReset
        | ErrorCode::NoRoute
        | ErrorCode::NotSsh
        | ErrorCode::KeyExchange
        | ErrorCode::JumpFailed
        | ErrorCode::ChannelRefused
        | ErrorCode::LinkLost
        | ErrorCode::ProtocolViolation
        | ErrorCode::NoExitStatus => {
            let termination = known(termination, &error.message);
            NodeOutcome::Unreachable { error, termination }
        }
        ErrorCode::PluginFault => NodeOutcome::PluginFault { error },
        _ => {
            // This outcome has no place for what became of a process, and it must not get lost.
            if let Some(termination) = termination {
                error.causes.push(termination.describe());
            }
            NodeOutcome::Failed { error }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::id::NodeId;

    /// R7.3, R1.8: a code that is new fails here until somebody has said what it means.
    #[test]
    fn every_code_has_the_outcome_that_was_decided() {
        let node = NodeId::new("web1").unwrap();
        for code in ErrorCode::ALL {
            let expected = match code.as_str() {
                "host_key_unknown" | "host_key_changed" | "host_key_revoked" => "hostKeyRejected",
                "auth_failed" | "no_credentials" | "bad_key" => "authFailed",
                "run_as_denied" | "run_as_password_needed" => "runAsDenied",
                "connect_timeout" | "run_timeout" => "timedOut",
                "dns" | "connection_refused" | "connection_reset" | "no_route" | "not_ssh"
                | "key_exchange" | "jump_failed" | "channel_refused" | "link_lost" | "protocol_violation"
                | "no_exit_status" => "unreachable",
                "plugin_fault" => "pluginFault",
                "validation"
                | "denied"
                | "command_not_allowed"
                | "not_found"
                | "unknown_target"
                | "unsupported"
                | "queue_full"
                | "breaker_open"
                | "shutting_down"
                | "idempotency_conflict"
                | "plan_changed"
                | "plan_expired"
                | "plan_applied"
                | "unavailable"
                | "store_unavailable"
                | "store_corrupt"
                | "store_too_new"
                | "disk_full"
                | "end_not_written"
                | "tool_failed"
                | "no_shell"
                | "bad_working_directory"
                | "local_file"
                | "remote_file"
                | "checksum_mismatch"
                | "bad_config"
                | "limit_reached"
                | "internal" => "failed",
                unknown => panic!("no outcome was decided for {unknown}"),
            };
            let outcome = of_failure(TransportError::before_start(&node, *code, "x"));
            assert_eq!(outcome.word(), expected, "{code}");
            assert_eq!(outcome.termination(), None, "{code}: nothing was started");
        }
    }

    #[test]
    fn a_lost_link_is_never_called_killed() {
        let node = NodeId::new("web1").unwrap();
        let lost = of_failure(TransportError::after_start(&node, ErrorCode::LinkLost, "the link broke"));
        assert_eq!(lost.termination(), Some(&Termination::Unconfirmed { why: "the link broke".to_owned() }));
        let full = of_failure(
            TransportError::after_start(&node, ErrorCode::RemoteFile, "disk full")
                .with_termination(Termination::Confirmed),
        );
        assert_eq!(full.error().unwrap().causes, ["termination confirmed"]);
    }
}
