//! One node's run: [`NodeRun`], a state machine from its permit to [`NodeEnd`]. It decides about one node only,
//! writes nothing itself and never blocks another run.
//!
//! ```text
//! authorized again -> attempt told to the hub -> connected -> attempt durable -> started -> output -> ended
//!        |                    |                     |                              |
//!        +---- an order to stop, or the node's limit of time, ends each of these --+
//! ```
//!
//! The attempt is durable before the action is started, so that a target that reads `queued` after a crash has
//! never run.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::future::Future;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::breaker::BreakerStatus;
use pabawi_domain::error::{ErrorCode, NodeError, PluginTrace};
use pabawi_domain::host_key::HostKeyAcceptance;
use pabawi_domain::id::PluginName;
use pabawi_domain::journal::event;
use pabawi_domain::node::Target;
use pabawi_domain::outcome::{NodeOutcome, RejectedBy, SkipReason, Termination, TimeoutPhase};
use pabawi_domain::output::{CapturedOutput, StreamKind};
use pabawi_domain::phases::RunPhases;
use pabawi_domain::ports::{
    ActionEnd, ActionEvent, ConnectRequest, DetachedName, RunningAction, SessionInfo, TerminateMode,
    Transport,
};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::attempt::{Again, Attempt, Returned, RunEnd, next_wait};
use super::capture::Captures;
use super::context::RunContext;
use super::detached::{settle, settle_left};
use super::outcome::{of_end, of_failure};
use super::outgoing::Outgoing;
use super::phase_watch::PhaseWatch;
use super::redacted::{self, Redacted};
use super::shrink::shrink;
use super::stop::{StopOrder, kill_is_ordered, ordered};
use crate::breaker::Passage;
use crate::denied::Denied;
use crate::emit::Message;
use crate::pressure::{Held, ReadingGate};
use crate::schedule::Permit;
use pabawi_domain::panic_guard::CatchPanic;

/// How a node's run ended, with all that is kept of it.
#[derive(Debug)]
pub(crate) struct NodeEnd {
    /// 0 when no attempt was begun.
    pub(crate) attempt: u32,
    pub(crate) outcome: NodeOutcome,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) finished_at: Timestamp,
    pub(crate) duration_ms: u64,
    /// Absent when the action was not started.
    pub(crate) phases: Option<RunPhases>,
    pub(crate) stdout: Option<CapturedOutput>,
    pub(crate) stderr: Option<CapturedOutput>,
    /// The permit for what is in memory of the two.
    pub(crate) held: Held,
    /// The detached command of which the node keeps something until it is told that this is stored.
    pub(crate) keeps: Option<DetachedName>,
}

impl NodeEnd {
    /// The end of a node on which no attempt was begun.
    pub(crate) fn never_started(outcome: NodeOutcome, at: Timestamp) -> Self {
        Self {
            attempt: 0,
            outcome,
            started_at: None,
            finished_at: at,
            duration_ms: 0,
            phases: None,
            stdout: None,
            stderr: None,
            held: Held::default(),
            keeps: None,
        }
    }
}

/// A node that has its permit.
pub(crate) struct NodeRun {
    pub(crate) context: Arc<RunContext>,
    /// Its place in the plan.
    pub(crate) index: u32,
    pub(crate) attempt: Attempt,
    pub(crate) stop: watch::Receiver<Option<StopOrder>>,
    /// Returned when the run's result has been handed to the hub.
    pub(crate) permit: Permit,
}

/// What has been written down of the run so far. It stands outside the part that may panic.
struct Notes {
    attempt: u32,
    began: Option<(Timestamp, Instant)>,
    captures: Captures,
    outgoing: Outgoing,
    gate: ReadingGate,
    /// The node was reached in this way.
    reached: Option<(Arc<dyn Transport>, ConnectRequest)>,
    /// A detached action, and by which name it is found again.
    detached: Option<(DetachedName, Box<dyn RunningAction>)>,
    /// Where the time goes, once the action is started.
    watch: Option<PhaseWatch>,
    /// Breakers that the run has changed, to be told.
    changes: VecDeque<BreakerStatus>,
}

impl NodeRun {
    /// Runs the node to its end and tells the hub, unless another attempt is to follow; returns the permit.
    pub(crate) async fn run(mut self) -> Returned {
        let context = Arc::clone(&self.context);
        let Some(planned) = context.target(self.index) else { return self.unknown() };
        let mut notes = Notes {
            attempt: 0,
            began: None,
            captures: Captures::new(&context, self.index),
            outgoing: Outgoing::new(&context, self.index),
            gate: context.reading_gate(),
            reached: None,
            detached: None,
            watch: None,
            changes: VecDeque::new(),
        };
        self.attempt.first_began.get_or_insert_with(Instant::now);
        let mut passage = None;
        let outcome = match CatchPanic(Box::pin(self.drive(
            &planned.target,
            planned.transport,
            &mut notes,
            &mut passage,
        )))
        .await
        {
            Ok(outcome) => outcome,
            Err(panic) => {
                let node = planned.target.node.clone();
                let words = context.redactor.as_ref().map_or_else(
                    || Cow::Borrowed(panic.message.as_str()),
                    |redactor| redactor.text(&panic.message),
                );
                let text = format!("the transport panicked: {words}");
                tracing::error!(execution_id = %context.id, %node, panic = &*words,
                    stack = panic.stack.as_deref(), "transport panicked");
                let error = NodeError::new(node, ErrorCode::PluginFault, text);
                let name = context.transports.plugin(planned.transport);
                let trace = name.map(|name| PluginTrace::new(name.clone(), panic.stack.as_deref()));
                NodeOutcome::PluginFault { error: NodeError { plugin: trace.map(Box::new), ..error } }
            }
        };
        self.tell_breakers(passage, &outcome, std::mem::take(&mut notes.changes)).await;
        let duration = notes.began.map_or(Duration::ZERO, |(_, at)| at.elapsed());
        // Whoever waits for the turn need not wait for what is left to do here.
        drop(notes.gate);
        while !notes.outgoing.is_empty() {
            if !notes.outgoing.tell().await {
                return Returned { permit: self.permit, end: RunEnd::Told(outcome) };
            }
        }
        tokio::select! {
            biased;
            () = notes.captures.finish() => {}
            _ = ordered(&mut self.stop) => notes.captures.finish_now().await,
        }
        let (stdout, stderr, held) = notes.captures.seal();
        let phases = notes.watch.map(PhaseWatch::phases);
        context.meter.output(StreamKind::Stdout, stdout.as_ref());
        context.meter.output(StreamKind::Stderr, stderr.as_ref());
        if let Some(phases) = &phases {
            let way = context.transports.plugin(planned.transport).map_or("", PluginName::as_str);
            context.meter.ran(phases);
            context.meter.attempt(way, context.action.kind(), duration);
        }
        let kept = notes.detached.filter(|(_, running)| running.keeps());
        let begun = notes.began.map(|(at, _)| (notes.attempt, at)).or(self.attempt.before);
        let end = NodeEnd {
            attempt: begun.map_or(0, |(attempt, _)| attempt),
            outcome,
            started_at: begun.map(|(_, at)| at),
            finished_at: context.clock.now(),
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            phases,
            stdout,
            stderr,
            held,
            keeps: kept.as_ref().map(|(name, _)| name.clone()),
        };
        let end = match self.another(&end) {
            Some(wait) => {
                // What was asked to be repeated may be: nobody has to come back to this attempt.
                settle(&context, kept, false).await;
                let NodeEnd { stdout, stderr, .. } = end;
                let (stdout, stderr) = (shrink(stdout).await, shrink(stderr).await);
                // Too little to count, and nobody could be made to give it back before the next attempt.
                let end = NodeEnd { stdout, stderr, held: Held::default(), keeps: None, ..end };
                RunEnd::Again(Box::new(Again { end, attempt: self.attempt, wait }))
            }
            None => {
                let outcome = end.outcome.clone();
                let message = Message::NodeFinished { index: self.index, end: Box::new(end) };
                // A hub that is gone has told so itself, and its execution is given up.
                let _ = context.hub.send(message).await;
                settle(&context, kept, true).await;
                if let Some((transport, request)) = notes.reached
                    && self.stop.borrow().is_none()
                {
                    settle_left(&context, &*transport, &request).await;
                }
                RunEnd::Told(outcome)
            }
        };
        Returned { permit: self.permit, end }
    }

    /// Whether another attempt follows, and the wait before it.
    fn another(&self, end: &NodeEnd) -> Option<Duration> {
        let policy = self.context.retry.as_ref()?;
        next_wait(policy, &end.outcome, self.attempt, (self.context.id, self.index))
    }

    /// The dispatcher and the context are made of the same plan, so this is a fault of ours.
    fn unknown(self) -> Returned {
        tracing::error!(execution_id = %self.context.id, index = self.index, "no such target");
        Returned {
            permit: self.permit,
            end: RunEnd::Told(NodeOutcome::Skipped { why: SkipReason::Interrupted }),
        }
    }

    async fn drive(
        &mut self,
        target: &Target,
        transport: usize,
        notes: &mut Notes,
        passage: &mut Option<Passage>,
    ) -> NodeOutcome {
        match self.pass(target, transport).await {
            Ok(passed) => *passage = Some(passed),
            Err(refused) => return refused,
        }
        match self.attempt(target, transport, notes, passage).await {
            Ok(outcome) | Err(outcome) => outcome,
        }
    }

    /// The authorizer's second look, then the circuit breakers (R7.8). `Err` is the outcome of a refused run.
    async fn pass(&mut self, target: &Target, transport: usize) -> Result<Passage, NodeOutcome> {
        let context = Arc::clone(&self.context);
        before_start(&mut self.stop, None, ask_again(&context, target)).await??;
        let name = context.transports.plugin(transport);
        let mut passage = context.breakers.pass(name, target)?;
        for change in passage.take_changes() {
            let _ = context.hub.send(Message::Breaker(Box::new(change))).await;
        }
        Ok(passage)
    }

    async fn tell_breakers(
        &self,
        passage: Option<Passage>,
        outcome: &NodeOutcome,
        mut changes: VecDeque<BreakerStatus>,
    ) {
        changes.extend(passage.map(|passage| passage.end(outcome)).unwrap_or_default());
        for change in changes {
            // A hub that is gone has told so itself.
            let _ = self.context.hub.send(Message::Breaker(Box::new(change))).await;
        }
    }

    /// One attempt. `Err` is the outcome of a run that ended before its action was started.
    async fn attempt(
        &mut self,
        target: &Target,
        transport: usize,
        notes: &mut Notes,
        passage: &mut Option<Passage>,
    ) -> Result<NodeOutcome, NodeOutcome> {
        let context = Arc::clone(&self.context);
        let internal = |text: &str| NodeOutcome::Failed {
            error: NodeError::new(target.node.clone(), ErrorCode::Internal, text),
        };
        let at = context.clock.now();
        let now = Instant::now();
        let first_began = self.attempt.first_began.unwrap_or(now);
        let own = context.node_timeout.and_then(|limit| now.checked_add(limit));
        let over_all = context.retry.as_ref().and_then(|retry| retry.deadline_ms);
        let over_all = over_all.and_then(|limit| first_began.checked_add(Duration::from_millis(limit)));
        let deadline = own.into_iter().chain(over_all).min();
        let (durable, is_durable) = oneshot::channel();
        let room = before_start(&mut self.stop, deadline, context.hub.reserve()).await?;
        let Ok(room) = room else { return Err(internal("the execution was given up")) };
        let attempt = self.attempt.number;
        (notes.attempt, notes.began) = (attempt, Some((at, Instant::now())));
        room.send(Message::NodeStarted { index: self.index, attempt, at, durable });

        let Some(transport) = context.transports.get(transport) else {
            return Err(internal("the plan names a transport that does not exist"));
        };
        let request = ConnectRequest {
            target: target.clone(),
            timeout: context.connect_timeout,
            host_keys: context.host_keys,
            execution: Some(context.execution_ref.clone()),
        };
        let patience = context.connect_timeout + context.limits.connect_slack;
        let connecting = tokio::time::timeout(patience, transport.connect(&request));
        let redactor = context.redactor.as_ref();
        let failed = |failure| of_failure(redacted::of_failure(failure, redactor));
        let session = match before_start(&mut self.stop, deadline, connecting).await? {
            Ok(connected) => connected.map_err(failed)?,
            Err(_) => {
                return Err(NodeOutcome::TimedOut { phase: TimeoutPhase::Connect, termination: None });
            }
        };
        notes.reached = Some((Arc::clone(transport), request));
        let info = session.info().clone();
        self.tell_connection(transport.name(), info, deadline).await?;
        // Written while the connection was made; a store that holds it back holds the start back.
        if before_start(&mut self.stop, deadline, is_durable).await?.is_err() {
            return Err(internal("the execution was given up"));
        }
        // From here on the node may have got the command: `start` is awaited to its end.
        let action = Arc::clone(&context.action);
        let name = context.detached.as_ref().map(|names| names.name(&target.node, attempt));
        let starting = Instant::now();
        let started = match &name {
            None => session.start(action).await,
            Some(name) => session.start_detached(action, name.clone()).await,
        };
        let mut running = Redacted::of(started.map_err(failed)?, redactor);
        notes.watch = Some(PhaseWatch::started(starting));
        context.meter.input(context.action.given_bytes());
        // The others need not wait for the end of a long action to be let through.
        if running.is_taken() {
            notes.changes.extend(passage.as_mut().map(Passage::works).unwrap_or_default());
        }
        let outcome = self.follow(&mut *running, notes, passage, deadline, target).await;
        notes.watch.iter_mut().for_each(PhaseWatch::ended);
        notes.detached = name.map(|name| (name, running));
        Ok(outcome)
    }

    async fn tell_connection(
        &mut self,
        transport: &str,
        info: SessionInfo,
        deadline: Option<Instant>,
    ) -> Result<(), NodeOutcome> {
        let context = Arc::clone(&self.context);
        if !info.reused {
            context.meter.connected(transport, &info.phases);
        }
        let mut messages = vec![Message::NodeConnected {
            index: self.index,
            reused: info.reused,
            phases: Box::new(info.phases),
        }];
        if let Some(key) = &info.host_key
            && (key.accepted == HostKeyAcceptance::Unchecked
                || (key.accepted == HostKeyAcceptance::Added && !info.reused))
        {
            // The hub has it journalled too.
            messages.push(Message::HostKey { index: self.index, key: Box::new(key.clone()) });
        }
        for message in messages {
            // A hub that is gone is noticed at the next step.
            let _ = before_start(&mut self.stop, deadline, context.hub.send(message)).await?;
        }
        Ok(())
    }

    /// Follows a started action to its end.
    async fn follow(
        &mut self,
        running: &mut dyn RunningAction,
        notes: &mut Notes,
        passage: &mut Option<Passage>,
        deadline: Option<Instant>,
        target: &Target,
    ) -> NodeOutcome {
        let mut lives = running.is_taken();
        loop {
            let mut stop = self.stop.clone();
            notes.captures.relieve();
            let is_ready = notes.outgoing.is_empty() && !notes.captures.wants_flush();
            let may_read = is_ready && notes.gate.is_open();
            // An order comes first: a command that floods its output must not be able to outrun it.
            tokio::select! {
                biased;
                order = ordered(&mut stop) => {
                    notes.gate.leave();
                    let termination = self.terminate(running, order.mode).await;
                    return order.outcome(Some(termination));
                }
                () = until(deadline) => {
                    notes.gate.leave();
                    let mode = TerminateMode::Graceful { grace: self.context.limits.termination_grace };
                    let termination = self.terminate(running, mode).await;
                    return NodeOutcome::TimedOut { phase: TimeoutPhase::Run, termination: Some(termination) };
                }
                told = notes.outgoing.tell(), if !notes.outgoing.is_empty() => if !told {
                    let termination = self.terminate(running, TerminateMode::Kill).await;
                    return NodeOutcome::Cancelled { termination: Some(termination) };
                },
                room = self.context.hub.reserve(), if !notes.changes.is_empty() => {
                    // A hub that is gone is noticed with the next output.
                    if let (Some(change), Ok(room)) = (notes.changes.pop_front(), room) {
                        room.send(Message::Breaker(Box::new(change)));
                    }
                }
                () = notes.captures.flush(), if notes.captures.wants_flush() => {}
                () = notes.gate.changed(), if is_ready => {}
                event = running.next(), if may_read => {
                    // The first sign of life, where the start was none.
                    if !lives && !matches!(event, ActionEvent::Ended(_)) {
                        lives = true;
                        notes.changes.extend(passage.as_mut().map(Passage::works).unwrap_or_default());
                    }
                    match event {
                    ActionEvent::Output { stream, data } => {
                        notes.watch.iter_mut().for_each(PhaseWatch::output);
                        let offset = notes.captures.push(stream, &data);
                        notes.outgoing.output(stream, offset, data);
                        notes.gate.has_read();
                    }
                    ActionEvent::Progress { done_bytes, total_bytes } => {
                        notes.outgoing.progress(done_bytes, total_bytes);
                    }
                    ActionEvent::Ended(end) => {
                        if let ActionEnd::Copied(report) = &end {
                            notes.outgoing.last_progress(report.bytes, Some(report.bytes));
                            self.context.meter.copied(self.context.action.kind(), report.bytes);
                        }
                        return of_end(end).unwrap_or_else(|unknown| NodeOutcome::PluginFault {
                            error: NodeError::new(
                                target.node.clone(),
                                ErrorCode::PluginFault,
                                format!("the transport reported an end that is not known here: {unknown:?}"),
                            ),
                        });
                    }
                    // A kind of event that is newer than this engine says nothing about the end.
                    _ => {}
                    }
                }
            }
        }
    }

    /// Ends the process. An order to kill that comes meanwhile is obeyed when the gentler way has not been
    /// confirmed by its end.
    async fn terminate(&self, running: &mut dyn RunningAction, mode: TerminateMode) -> Termination {
        let first = self.terminate_once(running, mode).await;
        let harsher = mode != TerminateMode::Kill && kill_is_ordered(&self.stop);
        if first != Termination::Confirmed && harsher {
            // It looked later, so its report stands.
            self.terminate_once(running, TerminateMode::Kill).await
        } else {
            first
        }
    }

    async fn terminate_once(&self, running: &mut dyn RunningAction, mode: TerminateMode) -> Termination {
        let grace = match mode {
            TerminateMode::Graceful { grace } => grace,
            TerminateMode::Kill => Duration::ZERO,
        };
        let patience = grace.saturating_add(self.context.limits.termination_slack);
        tokio::time::timeout(patience, running.terminate(mode)).await.unwrap_or_else(|_| {
            Termination::Unconfirmed {
                why: format!("the transport did not report within {} ms", patience.as_millis()),
            }
        })
    }
}

/// The authorizer's second look, at this one target (R6.6).
async fn ask_again(context: &RunContext, target: &Target) -> Result<(), NodeOutcome> {
    let (kind, targets) = (context.action.kind(), slice::from_ref(target));
    context.gate.ask_for(&context.caller, &context.needs, kind, targets).await.map_err(|denial| {
        let nodes = slice::from_ref(&target.node);
        // Its entry in the journal comes with the node's result.
        let denied = Denied {
            event_type: event::EXECUTION_DENIED,
            plugin: Some(context.needs.way(target)),
            execution: Some(context.id),
            ..Denied::of(&context.caller, context.needs.capability, nodes, &denial.reason)
        };
        denied.log();
        let error = NodeError::new(target.node.clone(), ErrorCode::Denied, denial.reason);
        NodeOutcome::Rejected { by: RejectedBy::Policy, error }
    })
}

/// Does something that may be dropped because nothing has been started yet.
async fn before_start<T>(
    stop: &mut watch::Receiver<Option<StopOrder>>,
    deadline: Option<Instant>,
    future: impl Future<Output = T>,
) -> Result<T, NodeOutcome> {
    tokio::select! {
        biased;
        order = ordered(stop) => Err(order.outcome(None)),
        () = until(deadline) => {
            Err(NodeOutcome::TimedOut { phase: TimeoutPhase::Connect, termination: None })
        }
        value = future => Ok(value),
    }
}

/// Returns at the deadline, never without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
