//! What a scripted node does. Main type: [`NodeScript`]. It is a description; `running.rs` plays it.

use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::host_key::HostKeySeen;
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::CopyReport;

use super::gate::Gate;

/// The script of one node: it connects at once and its command ends with status 0 unless it says otherwise.
///
/// Output, waits and gates come in the order in which they were added; the end comes after them.
#[derive(Debug, Clone)]
pub struct NodeScript {
    pub(super) connect_delay: Duration,
    pub(super) connect_hangs: bool,
    pub(super) connect_gate: Option<Gate>,
    pub(super) connect_failures: Option<Failures>,
    pub(super) host_key: Option<HostKeySeen>,
    pub(super) start_failure: Option<StartFailure>,
    pub(super) steps: Vec<Step>,
    pub(super) end: End,
    pub(super) ignores_term: bool,
    pub(super) terminate_delay: Duration,
    pub(super) termination: Termination,
    pub(super) settle_gate: Option<Gate>,
    pub(super) forget_failures: u32,
    pub(super) then: Option<Box<NodeScript>>,
}

/// How connecting fails.
#[derive(Debug, Clone)]
pub(super) struct Failures {
    pub(super) code: ErrorCode,
    /// How many of the first tries fail.
    pub(super) times: u32,
}

/// How starting fails.
#[derive(Debug, Clone)]
pub(super) struct StartFailure {
    pub(super) code: ErrorCode,
    pub(super) may_have_started: bool,
}

/// One step of a running command.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Output { stream: StreamKind, data: Bytes, times: u64 },
    Progress { done_bytes: u64, total_bytes: Option<u64> },
    Wait(Duration),
    Gate(Gate),
}

/// How the command ends when its steps are done.
#[derive(Debug, Clone)]
pub(super) enum End {
    Exited(i32),
    Signalled(String),
    Copied(CopyReport),
    LinkLost,
    Failed { code: ErrorCode, message: String },
    Hangs,
    Panics,
}

impl Default for NodeScript {
    fn default() -> Self {
        Self {
            connect_delay: Duration::ZERO,
            connect_hangs: false,
            connect_gate: None,
            connect_failures: None,
            host_key: None,
            start_failure: None,
            steps: Vec::new(),
            end: End::Exited(0),
            ignores_term: false,
            terminate_delay: Duration::ZERO,
            termination: Termination::Confirmed,
            settle_gate: None,
            forget_failures: 0,
            then: None,
        }
    }
}

impl NodeScript {
    /// A node that succeeds at once and prints nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Connecting takes this long; past the request's limit it fails with `connect_timeout`.
    #[must_use]
    pub fn connect_delay(mut self, delay: Duration) -> Self {
        self.connect_delay = delay;
        self
    }

    /// Connecting never comes to an end by itself.
    #[must_use]
    pub fn connect_hangs(mut self) -> Self {
        self.connect_hangs = true;
        self
    }

    /// Connecting waits for the gate.
    #[must_use]
    pub fn connect_waits_for(mut self, gate: &Gate) -> Self {
        self.connect_gate = Some(gate.clone());
        self
    }

    /// Every connect fails with this code.
    #[must_use]
    pub fn connect_fails(self, code: ErrorCode) -> Self {
        self.connect_fails_times(u32::MAX, code)
    }

    /// The first `times` connects fail with this code, later ones do not.
    #[must_use]
    pub fn connect_fails_times(mut self, times: u32, code: ErrorCode) -> Self {
        self.connect_failures = Some(Failures { code, times });
        self
    }

    /// The host key that the session reports.
    #[must_use]
    pub fn host_key(mut self, key: HostKeySeen) -> Self {
        self.host_key = Some(key);
        self
    }

    /// Starting the action fails.
    #[must_use]
    pub fn start_fails(mut self, code: ErrorCode, may_have_started: bool) -> Self {
        self.start_failure = Some(StartFailure { code, may_have_started });
        self
    }

    /// Prints on stdout.
    #[must_use]
    pub fn stdout(self, data: impl Into<Bytes>) -> Self {
        self.prints(StreamKind::Stdout, data, 1)
    }

    /// Prints on stderr.
    #[must_use]
    pub fn stderr(self, data: impl Into<Bytes>) -> Self {
        self.prints(StreamKind::Stderr, data, 1)
    }

    /// Prints the same piece many times, as an event each.
    #[must_use]
    pub fn prints(mut self, stream: StreamKind, data: impl Into<Bytes>, times: u64) -> Self {
        let data = data.into();
        if !data.is_empty() && times > 0 {
            self.steps.push(Step::Output { stream, data, times });
        }
        self
    }

    /// Reports the progress of a copy.
    #[must_use]
    pub fn progress(mut self, done_bytes: u64, total_bytes: Option<u64>) -> Self {
        self.steps.push(Step::Progress { done_bytes, total_bytes });
        self
    }

    /// Takes this long before the next step.
    #[must_use]
    pub fn waits(mut self, time: Duration) -> Self {
        self.steps.push(Step::Wait(time));
        self
    }

    /// Goes on with the next step when the gate is open.
    #[must_use]
    pub fn waits_for(mut self, gate: &Gate) -> Self {
        self.steps.push(Step::Gate(gate.clone()));
        self
    }

    /// Ends with this exit status.
    #[must_use]
    pub fn exits(mut self, code: i32) -> Self {
        self.end = End::Exited(code);
        self
    }

    /// Ends by a signal, named without `SIG`.
    #[must_use]
    pub fn signalled(mut self, signal: &str) -> Self {
        self.end = End::Signalled(signal.to_owned());
        self
    }

    /// Ends as a copy that is done.
    #[must_use]
    pub fn copied(mut self, report: CopyReport) -> Self {
        self.end = End::Copied(report);
        self
    }

    /// The link is lost while the command runs; what became of it is not known.
    #[must_use]
    pub fn loses_link(mut self) -> Self {
        self.end = End::LinkLost;
        self
    }

    /// Ends with a failure of the transport.
    #[must_use]
    pub fn fails(mut self, code: ErrorCode, message: &str) -> Self {
        self.end = End::Failed { code, message: message.to_owned() };
        self
    }

    /// Never ends by itself.
    #[must_use]
    pub fn hangs(mut self) -> Self {
        self.end = End::Hangs;
        self
    }

    /// Panics inside the transport when the steps are done: a fault of ours that must hurt only this node.
    #[must_use]
    pub fn panics(mut self) -> Self {
        self.end = End::Panics;
        self
    }

    /// Ignores SIGTERM: a graceful termination takes the whole grace.
    #[must_use]
    pub fn ignores_term(mut self) -> Self {
        self.ignores_term = true;
        self
    }

    /// Terminating takes this long, besides the grace.
    #[must_use]
    pub fn terminate_delay(mut self, delay: Duration) -> Self {
        self.terminate_delay = delay;
        self
    }

    /// Settling a detached action waits for the gate.
    #[must_use]
    pub fn settle_waits_for(mut self, gate: &Gate) -> Self {
        self.settle_gate = Some(gate.clone());
        self
    }

    /// So many of the first calls of forget fail.
    #[must_use]
    pub fn forget_fails_times(mut self, times: u32) -> Self {
        self.forget_failures = times;
        self
    }

    /// Once an action has been started, the node follows another script.
    #[must_use]
    pub fn then(mut self, script: Self) -> Self {
        self.then = Some(Box::new(script));
        self
    }

    /// The script after so many starts. The last of a chain stays.
    pub(super) fn after(&self, starts: u64) -> &Self {
        let mut script = self;
        // A chain is as long as a test has written it.
        for _ in 0..starts {
            match &script.then {
                Some(next) => script = next,
                None => break,
            }
        }
        script
    }

    /// What terminating reports; `confirmed` without it.
    #[must_use]
    pub fn terminate_reports(mut self, termination: Termination) -> Self {
        self.termination = termination;
        self
    }
}
