//! What one node's run holds: [`NodeAction`], which waits for its part of a tool run and then follows it. It never waits
//! longer for a plugin than it has to, and a panic inside costs this node alone.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::cut::{cut, message};
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::outcome::Termination;
use pabawi_domain::panic_guard::CatchPanic;
use pabawi_domain::ports::{
    ActionEnd, ActionEvent, CopyReport, RunningAction, TerminateMode, TransportError,
};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::desk::{Answer, Ticket};
use super::fault::Fault;
use super::tool_run::{Place, ToolRun};
use crate::host::guard::{Broke, guarded};

/// What a plugin is given to end an action, besides the grace.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a signal's name that are kept.
const MOST_SIGNAL: usize = 64;
/// The grace for what has run into the limit of its capability.
const OVERDUE_GRACE: Duration = Duration::from_secs(2);

/// A tool that was started and has neither said anything nor ended for so long works.
const ALIVE: Duration = Duration::from_secs(10);

/// One node's part of a run of a tool.
pub(super) struct NodeAction {
    node: NodeId,
    plugin: PluginName,
    ticket: Arc<Ticket>,
    stage: Stage,
    /// When it is told that the tool works, where it has not said anything before.
    alive_at: Option<Instant>,
}

/// How far it is.
enum Stage {
    /// It waits to be taken into a run, or for the start of that.
    Waiting(oneshot::Receiver<Answer>),
    /// The tool works.
    Running(Box<dyn RunningAction>, Place),
    /// It is over; what is known of what is left of it.
    Over(ActionEnd, Termination),
}

impl NodeAction {
    /// One that waits to be taken into a run.
    pub(super) fn waiting(
        node: NodeId,
        plugin: PluginName,
        ticket: Arc<Ticket>,
        answer: oneshot::Receiver<Answer>,
    ) -> Self {
        Self { node, plugin, ticket, stage: Stage::Waiting(answer), alive_at: None }
    }

    /// Takes the answer of the start over.
    fn answered(&mut self, answer: Result<Answer, oneshot::error::RecvError>) {
        self.stage = match answer {
            Ok(Ok((action, place))) => {
                self.alive_at = Instant::now().checked_add(ALIVE);
                Stage::Running(action, place)
            }
            Ok(Err(error)) => {
                let why = error.error.message.clone();
                let left = if error.may_have_started {
                    Termination::Unconfirmed { why }
                } else {
                    Termination::Confirmed
                };
                Stage::Over(ActionEnd::Failed(error), left)
            }
            Err(_) => {
                let fault = Fault::new(&self.plugin, "was let go of before the tool was started");
                Stage::Over(
                    ActionEnd::Failed(fault.on(&self.node, true)),
                    unknown("nobody was there to look"),
                )
            }
        };
    }

    fn over(&mut self, end: ActionEnd, left: Termination) -> ActionEvent {
        // The place in the run is given up with the action.
        self.stage = Stage::Over(end.clone(), left);
        ActionEvent::Ended(end)
    }

    /// The tool did not end in time.
    async fn overdue(&mut self, limit: Duration) -> ActionEvent {
        let left = self.terminate(TerminateMode::Graceful { grace: OVERDUE_GRACE }).await;
        let text = format!("did not end within {} ms, the limit of the capability", limit.as_millis());
        let fault = Fault::new(&self.plugin, text).on(&self.node, true).with_termination(left.clone());
        self.over(ActionEnd::Failed(fault), left)
    }
}

#[async_trait]
impl RunningAction for NodeAction {
    async fn next(&mut self) -> ActionEvent {
        // Every turn returns, goes one stage on, or lets others work.
        loop {
            let event = match &mut self.stage {
                Stage::Waiting(answer) => {
                    let answer = answer.await;
                    self.answered(answer);
                    continue;
                }
                Stage::Over(end, _) => return ActionEvent::Ended(end.clone()),
                Stage::Running(action, place) => {
                    let deadline = place.run().deadline;
                    tokio::select! {
                        biased;
                        () = until(deadline.map(|(at, _)| at)) => Err(deadline),
                        event = CatchPanic(action.next()) => Ok(event),
                        () = until(self.alive_at) => Ok(Ok(ActionEvent::Alive)),
                    }
                }
            };
            match event {
                Err(deadline) => {
                    return self.overdue(deadline.map_or(Duration::ZERO, |(_, limit)| limit)).await;
                }
                Ok(Err(panic)) => {
                    let fault = Fault::panicked(&self.plugin, "panicked", panic).on(&self.node, true);
                    return self.over(ActionEnd::Failed(fault), unknown("the plugin panicked"));
                }
                Ok(Ok(ActionEvent::Ended(end))) => {
                    let end = of_node(end, &self.node, &self.plugin);
                    return self.over(end, Termination::Confirmed);
                }
                Ok(Ok(ActionEvent::Output { data, .. })) if data.is_empty() => tokio::task::yield_now().await,
                Ok(Ok(other)) => {
                    self.alive_at = None;
                    return other;
                }
            }
        }
    }

    async fn terminate(&mut self, mode: TerminateMode) -> Termination {
        if let Stage::Waiting(answer) = &mut self.stage {
            if self.ticket.withdraw() {
                let text = "was ended before the tool was started";
                let error = TransportError::before_start(&self.node, ErrorCode::Internal, text);
                self.over(ActionEnd::Failed(error), Termination::Confirmed);
            } else {
                let Ok(answer) = tokio::time::timeout(patience(mode), answer).await else {
                    return unknown("the plugin was still starting the tool");
                };
                self.answered(answer);
            }
        }
        let Stage::Running(action, place) = &mut self.stage else {
            return match &self.stage {
                Stage::Over(_, left) => left.clone(),
                _ => unknown("the plugin was still starting the tool"),
            };
        };
        let run = Arc::clone(place.run());
        if run.may_end(place).await {
            return match guarded(async { action.terminate(mode).await }, patience(mode)).await {
                Ok(Termination::Unconfirmed { why }) => Termination::Unconfirmed { why: message(why) },
                Ok(report) => report,
                Err(Broke::Panicked(words)) => unknown(&format!("the plugin panicked: {words}")),
                Err(Broke::Late(_)) => unknown("the plugin did not report in time"),
            };
        }
        let why = format!(
            "the tool of plugin {} cannot be ended on one node; it goes on for {} others",
            self.plugin,
            run.staying()
        );
        let end = ActionEnd::Failed(Fault::new(&self.plugin, why.clone()).on(&self.node, true));
        let left = Termination::Unconfirmed { why };
        let stage = std::mem::replace(&mut self.stage, Stage::Over(end, left.clone()));
        if let Stage::Running(action, place) = stage {
            tokio::spawn(park(action, place, run, mode).in_current_span());
        }
        left
    }

    fn is_taken(&self) -> bool {
        matches!(self.stage, Stage::Running(..))
    }
}

/// Ends the part of a node for which nobody waited to the end of the start: as any other, alone where the tool can, with the
/// others where it cannot.
pub(super) async fn abandon(mut action: Box<dyn RunningAction>, mut place: Place) {
    let run = Arc::clone(place.run());
    if run.may_end(&mut place).await {
        // What comes of it is nobody's business: the node has its outcome.
        let mode = TerminateMode::Kill;
        let _ = guarded(async { action.terminate(mode).await }, patience(mode)).await;
    } else {
        park(action, place, run, TerminateMode::Kill).await;
    }
}

/// Reads on for a node that has been let go of, so that it holds no other one up, and ends it with the last of them.
async fn park(mut action: Box<dyn RunningAction>, place: Place, run: Arc<ToolRun>, mode: TerminateMode) {
    // Ends with the action or with the others.
    loop {
        tokio::select! {
            biased;
            () = run.all_leave() => {
                // The others report how it went.
                let _ = tokio::time::timeout(patience(mode), CatchPanic(action.terminate(mode))).await;
                break;
            }
            () = until(run.deadline.map(|(at, _)| at)) => {
                let _ = tokio::time::timeout(patience(mode), CatchPanic(action.terminate(mode))).await;
                break;
            }
            event = CatchPanic(action.next()) => match event {
                Ok(ActionEvent::Ended(_)) | Err(_) => break,
                Ok(_) => tokio::task::yield_now().await,
            },
        }
    }
    drop(action);
    drop(place);
}

fn patience(mode: TerminateMode) -> Duration {
    match mode {
        TerminateMode::Graceful { grace } => grace.saturating_add(PATIENCE),
        TerminateMode::Kill => PATIENCE,
    }
}

fn unknown(why: &str) -> Termination {
    Termination::Unconfirmed { why: why.to_owned() }
}

/// A failure is always that of the node it was asked for, and of the plugin that was asked where it speaks of one. Texts are
/// as long as those of others are kept.
fn of_node(end: ActionEnd, node: &NodeId, plugin: &PluginName) -> ActionEnd {
    match end {
        ActionEnd::Failed(TransportError { error, may_have_started, termination }) => {
            let mut error = NodeError { node: node.clone(), ..error.cut() };
            if let Some(trace) = &mut error.plugin {
                trace.name = plugin.clone();
            }
            let termination = termination.map(|left| match left {
                Termination::Unconfirmed { why } => Termination::Unconfirmed { why: message(why) },
                left => left,
            });
            ActionEnd::Failed(TransportError { error, may_have_started, termination })
        }
        ActionEnd::Signalled { signal } => ActionEnd::Signalled { signal: cut(signal, MOST_SIGNAL) },
        ActionEnd::Copied(report) => {
            let verified_by = message(report.verified_by);
            ActionEnd::Copied(CopyReport { verified_by, sha256: report.sha256.map(message), ..report })
        }
        other => other,
    }
}

/// Returns at the deadline, never without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
