//! The one place that emits: [`Hub`], one task for each execution. It numbers what happens, folds it, has it
//! stored and then publishes it.
//!
//! Events are published, and runs are told that their attempt is durable, only after the commit, so that what
//! anybody has been shown survives `kill -9`. While one batch is being committed the next one is gathered. The
//! status is folded from outcomes and never set.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::NodeId;
use pabawi_domain::journal::NewJournalEntry;
use pabawi_domain::node::Target;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::output::{CapturedOutput, OutputData};
use pabawi_domain::pace::ProgressReport;
use pabawi_domain::ports::{Clock, StoreWrite, TargetResult};
use pabawi_domain::summary::SummaryFold;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::batch::Batch;
use super::message::Message;
use super::progress::ProgressTeller;
use super::recorder::RecorderHandle;
use crate::journal::{Ended, Scribe};
use crate::meter::Meter;
use crate::needs::Needs;
use crate::plan::PlannedTarget;
use crate::registry::{Live, Registry};
use crate::run::NodeEnd;
use crate::subscribe::Standing;

/// Events in one batch, about.
const MAX_BATCH: usize = 1024;
/// Failed nodes of one execution that are logged as warnings; the others are logged at the level debug.
const WARNED_NODES: u64 = 20;

/// Where a hub takes things to, the same for every execution.
pub(crate) struct Ways {
    pub(crate) recorder: RecorderHandle,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) meter: Meter,
    /// Bytes of each stream whose output events are stored.
    pub(crate) stored_output: u64,
}

/// What the execution's journal entries are made with.
pub(crate) struct Pen {
    pub(crate) scribe: Scribe,
    pub(crate) needs: Needs,
}

/// One execution's event stream in the making.
pub(crate) struct Hub {
    live: Arc<Live>,
    /// Takes the execution out of the registry when the hub ends, however it ends.
    _entry: Entry,
    targets: Arc<[PlannedTarget]>,
    inbox: mpsc::Receiver<Message>,
    pen: Pen,
    recorder: RecorderHandle,
    clock: Arc<dyn Clock>,
    meter: Meter,
    stored_output: u64,
    next_seq: u64,
    fold: SummaryFold,
    /// Which targets have begun an attempt, by their place in the plan.
    begun: Vec<bool>,
    standing: Standing,
    teller: ProgressTeller,
    started: Option<Instant>,
    warned: u64,
    all_ended: bool,
    pending: Batch,
}

/// The execution's place in the registry.
struct Entry {
    registry: Arc<Registry>,
    live: Arc<Live>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.live.log.close();
        self.registry.remove(self.live.id);
    }
}

impl Hub {
    /// A hub whose first event says that the execution was accepted.
    pub(crate) fn new(
        live: Arc<Live>,
        registry: Arc<Registry>,
        targets: Arc<[PlannedTarget]>,
        inbox: mpsc::Receiver<Message>,
        (ways, pen): (Ways, Pen),
    ) -> Self {
        let Ways { recorder, clock, meter, stored_output } = ways;
        let total = targets.len() as u64;
        let fold = SummaryFold::new(total);
        let mut hub = Self {
            _entry: Entry { registry, live: Arc::clone(&live) },
            standing: Standing::of_targets(total),
            teller: ProgressTeller::default(),
            live,
            begun: vec![false; targets.len()],
            targets,
            inbox,
            pen,
            recorder,
            clock,
            meter,
            stored_output,
            next_seq: 1,
            fold,
            started: None,
            warned: 0,
            all_ended: false,
            pending: Batch::default(),
        };
        let at = hub.live.submitted_at;
        hub.emit(at, EventKind::Queued { targets: total }, true);
        hub
    }

    /// Works until the last event is published, or until the execution has to be given up.
    pub(crate) async fn run(mut self) {
        let mut received = Vec::new();
        let mut in_flight: Option<(Batch, Standing, oneshot::Receiver<()>)> = None;
        // Ends with the execution.
        loop {
            if in_flight.is_none() && !self.pending.is_empty() {
                let mut batch = std::mem::take(&mut self.pending);
                let standing = self.standing.clone();
                let writes = batch.take_writes(self.live.id);
                if writes.is_empty() {
                    self.land(batch, standing).await;
                } else {
                    let durable = self.recorder.commit(writes).await;
                    in_flight = Some((batch, standing, durable));
                }
            }
            if self.all_ended && in_flight.is_none() && self.pending.is_empty() {
                return;
            }
            let tell_at = self.teller.due(self.fold.progress());
            let room = MAX_BATCH.saturating_sub(self.pending.len());
            tokio::select! {
                biased;
                committed = committed(&mut in_flight), if in_flight.is_some() => {
                    let Some((batch, standing)) = committed else {
                        tracing::error!(execution_id = %self.live.id, "given up: its events could not be stored");
                        return;
                    };
                    self.land(batch, standing).await;
                }
                // Before what comes in, which may never cease for a while.
                () = at(tell_at), if tell_at.is_some() && !self.all_ended => self.tell_progress(self.clock.now()),
                count = self.inbox.recv_many(&mut received, room), if room > 0 && !self.all_ended => {
                    if count == 0 {
                        tracing::error!(execution_id = %self.live.id, "given up: its dispatcher is gone");
                        return;
                    }
                    for message in received.drain(..) {
                        self.take(message);
                    }
                }
            }
        }
    }

    /// A batch is durable: those who wait are told, then it is published.
    async fn land(&self, mut batch: Batch, standing: Standing) {
        batch.acknowledge();
        self.live.log.stand(standing);
        self.live.log.publish(std::mem::take(&mut batch.events), &mut batch.held).await;
        // The batch goes now, and with it the room that its output took.
    }

    fn take(&mut self, message: Message) {
        let now = self.clock.now();
        match message {
            Message::Started => {
                let begun = Instant::now();
                self.started = Some(begun);
                self.teller.begin(begun, self.fold.progress());
                self.standing.started_at = Some(now);
                self.pending.write(StoreWrite::Started { id: self.live.id, at: now });
                self.emit(now, EventKind::Started, true);
                self.log_start();
            }
            Message::NodeStarted { index, attempt, at, durable } => {
                let Some(node) = self.node(index) else { return };
                if let Some(begun) = self.begun_mut(index)
                    && !std::mem::replace(begun, true)
                {
                    self.fold.start();
                }
                let write = StoreWrite::AttemptStarted { id: self.live.id, node: node.clone(), attempt, at };
                self.pending.write(write);
                self.pending.answer(durable);
                if attempt > 1 {
                    tracing::info!(execution_id = %self.live.id, %node, attempt, "trying again");
                } else {
                    self.meter.queued(self.started.map(|at| at.elapsed()).unwrap_or_default());
                }
                self.emit(now, EventKind::NodeStarted { node, attempt }, true);
            }
            Message::AttemptFailed { index, attempt, outcome, retry_in } => {
                self.fail_attempt(now, index, attempt, *outcome, retry_in);
            }
            Message::WaveStarted { wave, waves, targets } => {
                self.emit(now, EventKind::WaveStarted { wave, waves, nodes: targets }, true);
            }
            Message::WaveFinished { wave, execution, unhealthy, pause } => {
                let pause_ms = millis(pause);
                if unhealthy.is_some() {
                    self.fold.unhealthy_wave();
                }
                let health_check = execution;
                self.emit(now, EventKind::WaveFinished { wave, health_check, unhealthy, pause_ms }, true);
            }
            Message::RolloutStopped { why, failures, skipped } => {
                tracing::warn!(execution_id = %self.live.id, ?why, failures, skipped, "rollout stopped");
                self.emit(now, EventKind::RolloutStopped { why, failures, skipped }, true);
            }
            Message::Breaker(breaker) => {
                self.emit(now, EventKind::BreakerChanged { breaker: *breaker }, true);
            }
            Message::StragglerLimit { p95_ms, limit_ms } => {
                self.emit(now, EventKind::StragglerLimit { p95_ms, limit_ms }, true);
            }
            Message::Backpressure { on, used_bytes, limit_bytes } => {
                self.emit(now, EventKind::Backpressure { on, used_bytes, limit_bytes }, true);
            }
            Message::NodeConnected { index, reused, phases } => {
                let Some(node) = self.node(index) else { return };
                self.emit(now, EventKind::NodeConnected { node, reused, phases: *phases }, true);
            }
            Message::HostKey { index, key } => {
                let Some(node) = self.node(index) else { return };
                self.journal(index, |scribe, target, way| scribe.host_key(&target.node, way, now, &key));
                self.emit(now, EventKind::HostKeyException { node, key: *key }, true);
            }
            Message::Output { index, stream, offset, data, room, held } => {
                let Some(node) = self.node(index) else { return };
                let stored = offset.saturating_add(data.len() as u64) <= self.stored_output;
                self.pending.hold(room, held);
                self.emit(now, EventKind::Output { node, stream, offset, data: OutputData(data) }, stored);
            }
            Message::CopyProgress { index, done_bytes, total_bytes } => {
                let Some(node) = self.node(index) else { return };
                // Of no use once it is over, so it is only shown live.
                self.emit(now, EventKind::CopyProgress { node, done_bytes, total_bytes }, false);
            }
            Message::NodeFinished { index, end } => self.finish_node(now, index, *end),
            // Goes with whatever is written next: a node that is asked once more has nothing more to forget.
            Message::Settled { name } => {
                self.pending.write(StoreWrite::Settled { id: self.live.id, name: *name });
            }
            Message::WhenStored { durable } => self.pending.answer(durable),
            Message::NeverStarted { indices, outcome } => {
                for index in indices {
                    self.finish_node(now, index, NodeEnd::never_started((*outcome).clone(), now));
                }
            }
            Message::CancelRequested { by, nodes, kill } => {
                self.emit(now, EventKind::CancelRequested { by, nodes, kill }, true);
            }
            Message::AllEnded => self.finish(now),
        }
    }

    /// R7.6
    fn fail_attempt(
        &mut self,
        now: Timestamp,
        index: u32,
        attempt: u32,
        outcome: NodeOutcome,
        retry_in: Duration,
    ) {
        let Some(node) = self.node(index) else { return };
        if let Some(begun) = self.begun_mut(index)
            && std::mem::take(begun)
        {
            self.fold.requeue();
        }
        let retry_in_ms = millis(retry_in);
        self.meter.retry();
        tracing::warn!(execution_id = %self.live.id, %node, attempt, outcome = outcome.word(), retry_in_ms,
            "attempt failed, trying again: {}", outcome.describe());
        self.pending.write(StoreWrite::AttemptFailed {
            id: self.live.id,
            node: node.clone(),
            attempt,
            at: now,
            outcome: outcome.clone(),
        });
        self.emit(now, EventKind::AttemptFailed { node, attempt, result: outcome, retry_in_ms }, true);
    }

    fn finish_node(&mut self, now: Timestamp, index: u32, end: NodeEnd) {
        let Some(node) = self.node(index) else { return };
        let had_started = self.begun_mut(index).is_some_and(|begun| *begun);
        self.fold.finish(&end.outcome, had_started);
        self.standing.recent.add(now);
        self.meter.node_run(end.outcome.word(), Duration::from_millis(end.duration_ms));
        if !end.outcome.is_success() {
            self.log_failure(&node, &end.outcome);
        }
        self.journal(index, |scribe, target, way| {
            let output = |output: &Option<CapturedOutput>| output.as_ref().map(|output| output.hash);
            scribe.ended(&Ended {
                node: &target.node,
                place: index,
                source: way,
                outcome: Some(&end.outcome),
                attempt: end.attempt,
                at: end.finished_at,
                duration_ms: Some(end.duration_ms),
                outputs: [output(&end.stdout), output(&end.stderr)],
            })
        });
        let event = EventKind::NodeFinished {
            node: node.clone(),
            attempt: end.attempt,
            result: end.outcome.clone(),
            duration_ms: end.duration_ms,
            phases: end.phases,
            stdout: end.stdout.as_ref().map(|output| output.hash),
            stderr: end.stderr.as_ref().map(|output| output.hash),
            progress: self.fold.progress(),
        };
        self.pending.hold(None, end.held);
        self.pending.write(StoreWrite::TargetFinished(Box::new(TargetResult {
            id: self.live.id,
            node,
            attempt: end.attempt,
            outcome: end.outcome,
            started_at: end.started_at,
            finished_at: end.finished_at,
            stdout: end.stdout,
            stderr: end.stderr,
        })));
        if let Some(name) = end.keeps {
            self.pending.write(StoreWrite::Unsettled { id: self.live.id, name });
        }
        self.emit(now, event, true);
    }

    /// Has an entry about a node written together with what else is written now (R5.9, R11.10, R11.11).
    fn journal(
        &mut self,
        index: u32,
        entry: impl FnOnce(&Scribe, &Target, &str) -> Option<Box<NewJournalEntry>>,
    ) {
        let Some(planned) = usize::try_from(index).ok().and_then(|place| self.targets.get(place)) else {
            return;
        };
        let way = self.pen.needs.way(&planned.target).as_str();
        if let Some(entry) = entry(&self.pen.scribe, &planned.target, way) {
            self.pending.write(StoreWrite::Journal { id: self.live.id, entry });
        }
    }

    /// R2.6, R5.4
    fn tell_progress(&mut self, now: Timestamp) {
        let counts = self.fold.progress();
        self.teller.told(Instant::now(), counts);
        let (started_at, recent) = (self.standing.started_at, self.standing.recent.count(now));
        self.emit(now, EventKind::Progress(ProgressReport::at(now, counts, started_at, recent)), true);
    }

    fn finish(&mut self, now: Timestamp) {
        if self.teller.is_behind(self.fold.progress()) {
            self.tell_progress(now);
        }
        self.all_ended = true;
        let duration = self.started.map(|at| at.elapsed()).unwrap_or_default();
        let summary = self.fold.summary(millis(duration));
        let counts = summary.progress;
        self.meter.execution(self.live.request.action.kind(), &summary);
        tracing::info!(
            execution_id = %self.live.id,
            correlation_id = self.live.request.correlation_id.as_ref().map(|id| id.as_str()),
            status = %summary.status, duration_ms = summary.duration_ms, total = counts.total,
            succeeded = counts.succeeded, failed = counts.failed, cancelled = counts.cancelled,
            skipped = counts.skipped, unconfirmed = summary.unconfirmed,
            "execution finished"
        );
        self.pending.write(StoreWrite::Finished {
            id: self.live.id,
            at: now,
            summary: Box::new(summary.clone()),
        });
        self.standing.finished = Some((now, Box::new(summary.clone())));
        self.emit(now, EventKind::Finished { summary }, true);
    }

    /// Numbers an event and puts it into the next batch.
    fn emit(&mut self, at: Timestamp, kind: EventKind, stored: bool) {
        let event = ExecutionEvent { execution_id: self.live.id, seq: self.next_seq, at, kind };
        self.next_seq += 1;
        self.standing.progress = self.fold.progress();
        self.pending.event(event, stored);
    }

    fn node(&self, index: u32) -> Option<NodeId> {
        let place = usize::try_from(index).ok()?;
        self.targets.get(place).map(|planned| planned.target.node.clone())
    }

    fn begun_mut(&mut self, index: u32) -> Option<&mut bool> {
        self.begun.get_mut(usize::try_from(index).ok()?)
    }

    /// R5.2
    fn log_start(&self) {
        let (caller, request) = (&self.live.caller, &self.live.request);
        tracing::info!(
            execution_id = %self.live.id,
            correlation_id = request.correlation_id.as_ref().map(|id| id.as_str()),
            user = caller.user.as_str(), entry_point = caller.entry_point.as_str(),
            targets = self.targets.len(), expression = shortened(request.targets.as_str()),
            kind = %request.action.kind(), action = shortened(&request.action.text()),
            "execution started"
        );
    }

    /// R5.6
    fn log_failure(&mut self, node: &NodeId, outcome: &NodeOutcome) {
        let (id, word, what) = (self.live.id, outcome.word(), outcome.describe());
        let code = outcome.error().map(|error| error.code.as_str());
        let causes = outcome.error().map(|error| error.causes.as_slice()).unwrap_or_default();
        let trace = outcome.error().and_then(|error| error.plugin.as_deref());
        let (plugin, stack) =
            (trace.map(|trace| trace.name.as_str()), trace.and_then(|trace| trace.stack.as_deref()));
        self.warned += 1;
        if self.warned <= WARNED_NODES {
            tracing::warn!(execution_id = %id, %node, outcome = word, code, ?causes, plugin, stack, "{what}");
            if self.warned == WARNED_NODES {
                tracing::warn!(execution_id = %id, "more nodes that fail are logged at the level debug");
            }
        } else {
            tracing::debug!(execution_id = %id, %node, outcome = word, code, ?causes, plugin, stack, "{what}");
        }
    }
}

/// Returns then, never without a time.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Waits for the batch in flight. Dropping the future keeps it there.
async fn committed(
    in_flight: &mut Option<(Batch, Standing, oneshot::Receiver<()>)>,
) -> Option<(Batch, Standing)> {
    let (_, _, durable) = in_flight.as_mut()?;
    let answer = durable.await;
    let (batch, standing, _) = in_flight.take()?;
    answer.ok().map(|()| (batch, standing))
}

/// The beginning of a text, for a log line: a command may be a megabyte.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 300;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
