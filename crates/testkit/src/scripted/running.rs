//! Plays the script of a node: a [`ScriptedSession`], then a [`ScriptedAction`]. It keeps no count itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::Action;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::{
    ActionEnd, ActionEvent, DetachedName, RunningAction, Session, SessionInfo, TerminateMode, TransportError,
};
use tokio::time::Instant;

use super::counts::{Counts, Held};
use super::script::{End, NodeScript, Step};

/// A connection to a scripted node.
#[derive(Debug)]
pub(super) struct ScriptedSession {
    pub(super) node: NodeId,
    pub(super) script: Arc<NodeScript>,
    pub(super) counts: Arc<Counts>,
    pub(super) info: SessionInfo,
    pub(super) latency: Duration,
    pub(super) held: Held,
}

#[async_trait]
impl Session for ScriptedSession {
    fn info(&self) -> &SessionInfo {
        &self.info
    }

    async fn start(self: Box<Self>, action: Arc<Action>) -> Result<Box<dyn RunningAction>, TransportError> {
        self.begin(action, false)
    }

    /// As [`Session::start`]; the name is written down.
    async fn start_detached(
        self: Box<Self>,
        action: Arc<Action>,
        name: DetachedName,
    ) -> Result<Box<dyn RunningAction>, TransportError> {
        self.counts.node(&self.node, |counts| counts.detached.push(name));
        self.begin(action, true)
    }
}

impl ScriptedSession {
    pub(super) fn begin(
        self,
        action: Arc<Action>,
        detached: bool,
    ) -> Result<Box<dyn RunningAction>, TransportError> {
        let Self { node, script, counts, latency, held, .. } = self;
        if let Some(failure) = &script.start_failure {
            if failure.may_have_started {
                counts.start(&node, action);
                return Err(TransportError::after_start(
                    &node,
                    failure.code,
                    "scripted failure of the start",
                ));
            }
            return Err(TransportError::before_start(&node, failure.code, "scripted failure of the start"));
        }
        counts.start(&node, action);
        let running = counts.hold(|counts| &counts.running);
        Ok(Box::new(ScriptedAction {
            node,
            script,
            counts,
            step: 0,
            printed: 0,
            wait: (!latency.is_zero()).then(|| Instant::now() + latency),
            ended: None,
            terminated: false,
            detached,
            held: Some((held, running)),
        }))
    }
}

/// A command on a scripted node.
#[derive(Debug)]
struct ScriptedAction {
    node: NodeId,
    script: Arc<NodeScript>,
    counts: Arc<Counts>,
    /// The step that comes next.
    step: usize,
    /// How often the current step has printed.
    printed: u64,
    /// Until when the current wait lasts: kept here so that a dropped `next` does not begin it anew.
    wait: Option<Instant>,
    ended: Option<ActionEnd>,
    terminated: bool,
    detached: bool,
    held: Option<(Held, Held)>,
}

impl ScriptedAction {
    fn end(&mut self, end: ActionEnd) -> ActionEvent {
        if self.ended.is_none() {
            self.counts.node(&self.node, |counts| counts.ends += 1);
        }
        self.held = None;
        self.ended = Some(end.clone());
        ActionEvent::Ended(end)
    }

    async fn scripted_end(&mut self) -> ActionEvent {
        let end = match &self.script.end {
            End::Exited(code) => ActionEnd::Exited { code: *code },
            End::Signalled(signal) => ActionEnd::Signalled { signal: signal.clone() },
            End::Copied(report) => ActionEnd::Copied(report.clone()),
            End::LinkLost => ActionEnd::Failed(
                TransportError::after_start(&self.node, ErrorCode::LinkLost, "scripted loss of the link")
                    .with_termination(Termination::Unconfirmed {
                        why: "scripted loss of the link".to_owned(),
                    }),
            ),
            End::Failed { code, message } => {
                ActionEnd::Failed(TransportError::after_start(&self.node, *code, message.clone()))
            }
            End::Hangs => std::future::pending().await,
            #[expect(clippy::panic, reason = "the script asks for a fault of the transport")]
            End::Panics => panic!("scripted panic on {}", self.node),
        };
        self.end(end)
    }
}

#[async_trait]
impl RunningAction for ScriptedAction {
    fn keeps(&self) -> bool {
        self.detached && (self.ended.is_some() || self.terminated)
    }

    async fn settle(&mut self) -> bool {
        if let Some(gate) = &self.script.settle_gate {
            gate.passed().await;
        }
        self.counts.node(&self.node, |counts| counts.settled += 1);
        true
    }

    async fn next(&mut self) -> ActionEvent {
        if let Some(end) = &self.ended {
            return ActionEvent::Ended(end.clone());
        }
        // Every turn either returns or goes one step on.
        loop {
            if let Some(until) = self.wait {
                tokio::time::sleep_until(until).await;
                self.wait = None;
            }
            let script = Arc::clone(&self.script);
            match script.steps.get(self.step) {
                None => return self.scripted_end().await,
                Some(Step::Output { stream, data, times }) => {
                    self.printed += 1;
                    if self.printed >= *times {
                        self.printed = 0;
                        self.step += 1;
                    }
                    return ActionEvent::Output { stream: *stream, data: data.clone() };
                }
                Some(Step::Progress { done_bytes, total_bytes }) => {
                    self.step += 1;
                    return ActionEvent::Progress { done_bytes: *done_bytes, total_bytes: *total_bytes };
                }
                Some(Step::Wait(time)) => {
                    self.step += 1;
                    self.wait = Some(Instant::now() + *time);
                }
                Some(Step::Gate(gate)) => {
                    gate.passed().await;
                    self.step += 1;
                }
            }
        }
    }

    async fn terminate(&mut self, mode: TerminateMode) -> Termination {
        self.terminated = true;
        self.counts.node(&self.node, |counts| counts.terminations.push(mode));
        if self.ended.is_some() {
            return Termination::Confirmed;
        }
        tokio::time::sleep(self.script.terminate_delay).await;
        let confirmed = self.script.termination == Termination::Confirmed;
        let signal = match mode {
            TerminateMode::Graceful { grace } if self.script.ignores_term || !confirmed => {
                tokio::time::sleep(grace).await;
                "KILL"
            }
            TerminateMode::Graceful { .. } => "TERM",
            TerminateMode::Kill => "KILL",
        };
        if confirmed {
            self.end(ActionEnd::Signalled { signal: signal.to_owned() });
        }
        self.script.termination.clone()
    }
}

impl Drop for ScriptedAction {
    fn drop(&mut self) {
        if self.ended.is_none() && !self.terminated {
            self.counts.node(&self.node, |counts| counts.dropped += 1);
        }
    }
}
