//! A store in memory that can be made to fail and to wait. Main type: [`MemoryStore`], for the port
//! [`ExecutionStore`] and others. Nothing in it survives, and it must never be used outside tests.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::breaker::{BreakerRecord, Component};
use pabawi_domain::condition::LastCondition;
use pabawi_domain::event::{EventText, ExecutionEvent};
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::journal::JournalEntry;
use pabawi_domain::outcome::{NodeOutcome, SkipReason};
use pabawi_domain::output::{CapturedOutput, ContentHash, KeptOutput, OutputData, StreamKind};
use pabawi_domain::ports::{
    BreakerStore, CancelRequest, Created, DetachedName, ExecutionStore, PlanStore, StoreError, StoreWrite,
    StoredBreakers, TargetResult,
};
use pabawi_domain::preview::{PlanHash, PlanHead, StoredPlan};
use pabawi_domain::record::{
    AttemptRecord, EventPage, EventTexts, ExecutionQuery, ExecutionRecord, ExecutionTotals, NewExecution,
    Omission, OutputChunk, OutputGroup, OutputRef, Page, TargetQuery, TargetRecord, TargetState,
};
use pabawi_domain::summary::{ExecutionStatus, Progress, SummaryFold};
use tokio::sync::watch;

use crate::memory_graphs::Graphs;
use crate::memory_journal::Entries;
use crate::memory_last::nodes_by_last;

/// Events that are given at once, however many are asked for: a store may give fewer, and readers have to mind that.
const EVENTS: u32 = 300;

/// Remembers executions until it is dropped.
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
    graphs: Mutex<Graphs>,
    /// Whether `append` waits.
    held: watch::Sender<bool>,
    /// Calls of `append` that have begun.
    appends: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    executions: BTreeMap<ExecutionId, Stored>,
    outputs: HashMap<ContentHash, Kept>,
    cancels: Vec<CancelRequest>,
    journal: Entries,
    /// Each with the number of its writing.
    breakers: BTreeMap<Component, (u64, BreakerRecord)>,
    breakers_written: u64,
    plans: BTreeMap<PlanHash, StoredPlan>,
    unsettled: Vec<DetachedName>,
    failing: Option<StoreError>,
    /// Writes of this execution are refused, alone or with others.
    damaged: Option<ExecutionId>,
    closed: bool,
}

#[derive(Debug)]
struct Stored {
    record: ExecutionRecord,
    targets: Vec<TargetRecord>,
    places: HashMap<NodeId, usize>,
    attempts: Vec<AttemptRecord>,
    events: BTreeMap<u64, ExecutionEvent>,
    /// Its process counts as dead.
    orphaned: bool,
}

#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    total: u64,
    omission: Option<Omission>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Mutex::default(),
            graphs: Mutex::default(),
            held: watch::Sender::new(false),
            appends: watch::Sender::new(0),
        }
    }

    /// From now on every read and write fails with this error; `None` lets them work again.
    pub fn fail(&self, error: Option<StoreError>) {
        self.state().failing = error;
    }

    /// From now on a call of `append` that has something of this execution fails as damaged.
    pub fn damage(&self, id: Option<ExecutionId>) {
        self.state().damaged = id;
    }

    /// While `true`, calls of `append` wait before they write.
    pub fn hold_appends(&self, hold: bool) {
        self.held.send_replace(hold);
    }

    /// Calls of `append` that have begun.
    #[must_use]
    pub fn appends(&self) -> u64 {
        *self.appends.borrow()
    }

    /// Returns when at least so many calls of `append` have begun.
    pub async fn appends_reach(&self, count: u64) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.appends.subscribe().wait_for(|begun| *begun >= count).await;
    }

    /// What `recover` and `recover_graphs` find after the process of everything unfinished has died.
    pub fn orphan_all(&self) {
        for stored in self.state().executions.values_mut() {
            stored.orphaned = true;
        }
        self.graphs.lock().unwrap_or_else(PoisonError::into_inner).orphan_all();
    }

    /// All stored events of an execution.
    #[must_use]
    pub fn stored_events(&self, id: ExecutionId) -> Vec<ExecutionEvent> {
        let state = self.state();
        state.executions.get(&id).map(|stored| stored.events.values().cloned().collect()).unwrap_or_default()
    }

    /// All journal entries, oldest first.
    #[must_use]
    pub fn journal_entries(&self) -> Vec<JournalEntry> {
        self.state().journal.all().to_vec()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The graph runs, unless the store fails or is closed.
    pub(crate) fn graphs(&self) -> Result<MutexGuard<'_, Graphs>, StoreError> {
        drop(self.open()?);
        Ok(self.graphs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The journal, unless the store fails or is closed.
    pub(crate) fn with_journal<T>(&self, work: impl FnOnce(&mut Entries) -> T) -> Result<T, StoreError> {
        Ok(work(&mut self.open()?.journal))
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state();
        if state.closed {
            return Err(StoreError::Closed);
        }
        match &state.failing {
            Some(error) => Err(error.clone()),
            None => Ok(state),
        }
    }
}

impl Stored {
    fn target(&mut self, node: &NodeId) -> Option<&mut TargetRecord> {
        self.targets.get_mut(*self.places.get(node)?)
    }

    fn finish(&mut self, result: &TargetResult, outputs: &mut HashMap<ContentHash, Kept>) {
        let mut keep = |output: &Option<CapturedOutput>| {
            output.as_ref().map(|output| {
                // The same output may have been kept in part only by an execution without debug mode.
                match outputs.get(&output.hash) {
                    Some(kept) if kept.omission.is_none() || output.omitted_bytes() > 0 => {}
                    _ => drop(outputs.insert(output.hash, Kept::of(output))),
                }
                OutputRef {
                    hash: output.hash,
                    total_bytes: output.total_bytes,
                    omitted_bytes: output.omitted_bytes(),
                }
            })
        };
        let (stdout, stderr) = (keep(&result.stdout), keep(&result.stderr));
        let had_started =
            self.target(&result.node).is_some_and(|target| target.state == TargetState::Running);
        self.record.progress.finish(&result.outcome, had_started);
        // The attempt that ends is one of the latest.
        let own = |attempt: &&mut AttemptRecord| {
            // One whose end was told keeps it, whatever came of the one that was to follow.
            attempt.node == result.node && attempt.attempt == result.attempt && attempt.result.is_none()
        };
        if let Some(attempt) = self.attempts.iter_mut().rev().find(own) {
            attempt.finished_at = Some(result.finished_at);
            attempt.result = Some(result.outcome.clone());
        }
        if let Some(target) = self.target(&result.node) {
            target.state = TargetState::Finished;
            target.attempt = result.attempt;
            target.result = Some(result.outcome.clone());
            target.started_at = result.started_at;
            target.finished_at = Some(result.finished_at);
            (target.stdout, target.stderr) = (stdout, stderr);
        }
    }
}

impl Kept {
    fn of(output: &CapturedOutput) -> Self {
        let omission = output.omitted_bytes();
        let (bytes, at) = match &output.kept {
            KeptOutput::Whole(data) => (data.0.to_vec(), 0),
            KeptOutput::HeadTail { head, tail } => ([&head.0[..], &tail.0[..]].concat(), head.0.len()),
            KeptOutput::Spilled { path } => {
                let bytes = std::fs::read(path).unwrap_or_default();
                // Taken over: the file is the store's business now.
                let _ = std::fs::remove_file(path);
                (bytes, 0)
            }
        };
        let omission = (omission > 0).then_some(Omission { at: at as u64, bytes: omission });
        Self { bytes, total: output.total_bytes, omission }
    }
}

fn write(state: &mut State, write: &StoreWrite) {
    let State { executions, outputs, unsettled, journal, .. } = state;
    match write {
        StoreWrite::Started { id, at } => {
            if let Some(stored) = executions.get_mut(id) {
                stored.record.started_at = Some(*at);
                stored.record.status = ExecutionStatus::Running;
            }
        }
        StoreWrite::AttemptStarted { id, node, attempt, at } => {
            let Some(stored) = executions.get_mut(id) else { return };
            stored.attempts.push(AttemptRecord {
                node: node.clone(),
                attempt: *attempt,
                started_at: *at,
                finished_at: None,
                result: None,
            });
            let Some(target) = stored.target(node) else { return };
            let first = target.state == TargetState::Queued;
            target.state = TargetState::Running;
            target.attempt = *attempt;
            target.started_at = Some(*at);
            (target.finished_at, target.result) = (None, None);
            if first {
                stored.record.progress.start();
            }
        }
        StoreWrite::AttemptFailed { id, node, attempt, at, outcome } => {
            let Some(stored) = executions.get_mut(id) else { return };
            let Some(target) = stored.target(node) else { return };
            // A repeated write of an attempt that was told before, or that another one has followed.
            if target.state != TargetState::Running || target.attempt != *attempt {
                return;
            }
            target.state = TargetState::Queued;
            if outcome.may_have_run() {
                (target.finished_at, target.result) = (Some(*at), Some(outcome.clone()));
            }
            stored.record.progress.requeue();
            let same = |entry: &&mut AttemptRecord| entry.node == *node && entry.attempt == *attempt;
            if let Some(entry) = stored.attempts.iter_mut().find(same) {
                (entry.finished_at, entry.result) = (Some(*at), Some(outcome.clone()));
            }
        }
        StoreWrite::TargetFinished(result) => {
            if let Some(stored) = executions.get_mut(&result.id) {
                stored.finish(result, outputs);
            }
        }
        StoreWrite::Unsettled { name, .. } => {
            unsettled.retain(|held| !same(held, name));
            unsettled.push(DetachedName { may_exist: true, ..name.clone() });
        }
        StoreWrite::Settled { name, .. } => unsettled.retain(|held| !same(held, name)),
        StoreWrite::Events { id, events } => {
            if let Some(stored) = executions.get_mut(id) {
                stored.events.extend(events.iter().map(|event| (event.seq, event.as_ref().clone())));
            }
        }
        StoreWrite::Journal { entry, .. } => journal.add(entry),
        StoreWrite::Finished { id, at, summary } => {
            if let Some(stored) = executions.get_mut(id) {
                stored.record.finished_at = Some(*at);
                stored.record.status = summary.status;
                stored.record.progress = summary.progress;
                stored.record.summary = Some((**summary).clone());
            }
        }
        _ => {}
    }
}

fn same(held: &DetachedName, name: &DetachedName) -> bool {
    (held.execution, held.attempt, &held.node) == (name.execution, name.attempt, &name.node)
}

fn id_of(write: &StoreWrite) -> Option<ExecutionId> {
    match write {
        StoreWrite::Started { id, .. }
        | StoreWrite::AttemptStarted { id, .. }
        | StoreWrite::AttemptFailed { id, .. }
        | StoreWrite::Unsettled { id, .. }
        | StoreWrite::Settled { id, .. }
        | StoreWrite::Journal { id, .. }
        | StoreWrite::Events { id, .. }
        | StoreWrite::Finished { id, .. } => Some(*id),
        StoreWrite::TargetFinished(result) => Some(result.id),
        _ => None,
    }
}

/// The part of `items` after the cursor's place, which is that of the item it names.
pub(crate) fn page<T>(
    items: Vec<T>,
    name: impl Fn(&T) -> String,
    limit: Option<u32>,
    default: u32,
    cursor: Option<&str>,
) -> Result<Page<T>, StoreError> {
    let limit = usize::try_from(limit.unwrap_or(default)).unwrap_or(usize::MAX);
    let start = match cursor {
        None => 0,
        Some(cursor) => {
            let place = items.iter().position(|item| name(item) == cursor);
            place.ok_or(StoreError::BadCursor)? + 1
        }
    };
    let more = items.len() > start.saturating_add(limit);
    let items: Vec<T> = items.into_iter().skip(start).take(limit).collect();
    let next_cursor = items.last().filter(|_| more).map(name);
    Ok(Page { items, next_cursor })
}

fn matches(stored: &Stored, query: &ExecutionQuery) -> bool {
    let record = &stored.record;
    query.since.is_none_or(|since| record.submitted_at >= since)
        && query.until.is_none_or(|until| record.submitted_at < until)
        && query.user.as_ref().is_none_or(|user| record.caller.user == *user)
        && query.target.as_ref().is_none_or(|node| stored.places.contains_key(node))
        && (query.status.is_empty() || query.status.contains(&record.status))
        && query.plugin.as_ref().is_none_or(|plugin| record.plugins.contains(plugin))
        && query.action_kind.is_none_or(|kind| record.action_kind == kind)
        && query
            .text
            .as_ref()
            .is_none_or(|text| record.action_text.to_lowercase().contains(&text.to_lowercase()))
        && query.tag.as_ref().is_none_or(|tag| record.request.tags.contains(tag))
        && query.correlation_id.is_none_or_equal(&record.request.correlation_id)
        && query.idempotency_key.is_none_or_equal(&record.request.idempotency_key)
        && query.rerun_of.is_none_or_equal(&record.request.rerun_of)
}

/// A wish that is absent is met by everything.
trait Wish {
    fn is_none_or_equal(&self, found: &Self) -> bool;
}

impl<T: PartialEq> Wish for Option<T> {
    fn is_none_or_equal(&self, found: &Self) -> bool {
        self.is_none() || self == found
    }
}

#[async_trait]
impl ExecutionStore for MemoryStore {
    async fn create(&self, new: NewExecution) -> Result<Created, StoreError> {
        let mut state = self.open()?;
        if new.request.idempotency_key.is_some() {
            let same_key =
                |stored: &&Stored| stored.record.request.idempotency_key == new.request.idempotency_key;
            if let Some(stored) = state.executions.values().find(same_key) {
                let same_request = stored.record.request == new.request;
                return Ok(Created::Existing { id: stored.record.id, same_request });
            }
        }
        let targets: Vec<TargetRecord> = (0..)
            .zip(new.targets)
            .map(|(position, target)| TargetRecord {
                position,
                target,
                state: TargetState::Queued,
                attempt: 0,
                result: None,
                started_at: None,
                finished_at: None,
                stdout: None,
                stderr: None,
            })
            .collect();
        let places = targets.iter().enumerate().map(|(n, item)| (item.target.node.clone(), n)).collect();
        if let Some(old) = new.request.rerun_of.and_then(|old| state.executions.get_mut(&old)) {
            old.record.reruns.push(new.id);
        }
        let record = ExecutionRecord {
            id: new.id,
            caller: new.caller,
            action_kind: new.request.action.kind(),
            action_text: new.request.action.text(),
            plugins: new.plugins,
            request: new.request,
            status: ExecutionStatus::Queued,
            progress: Progress::of_targets(targets.len() as u64),
            submitted_at: new.submitted_at,
            started_at: None,
            finished_at: None,
            summary: None,
            reruns: Vec::new(),
        };
        let events = BTreeMap::new();
        let stored = Stored { record, targets, places, attempts: Vec::new(), events, orphaned: false };
        state.executions.insert(new.id, stored);
        Ok(Created::New)
    }

    async fn append(&self, writes: &[StoreWrite]) -> Result<(), StoreError> {
        self.appends.send_modify(|count| *count += 1);
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        let mut state = self.open()?;
        if state.damaged.is_some() && writes.iter().any(|write| id_of(write) == state.damaged) {
            return Err(StoreError::Corrupt("made to fail".to_owned()));
        }
        for one in writes {
            write(&mut state, one);
        }
        Ok(())
    }

    async fn recover(&self, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError> {
        let mut state = self.open()?;
        let mut closed = Vec::new();
        for stored in state.executions.values_mut() {
            if !stored.orphaned || stored.record.status.is_final() {
                continue;
            }
            let mut fold = SummaryFold::new(stored.targets.len() as u64);
            for target in &mut stored.targets {
                match (target.state, &target.result) {
                    (TargetState::Queued, None) => {
                        let skipped = NodeOutcome::Skipped { why: SkipReason::Interrupted };
                        fold.finish(&skipped, false);
                        (target.state, target.result) = (TargetState::Finished, Some(skipped));
                    }
                    (TargetState::Finished | TargetState::Queued, Some(result)) => {
                        if target.attempt > 0 {
                            fold.start();
                        }
                        fold.finish(result, target.attempt > 0);
                        target.state = TargetState::Finished;
                    }
                    _ => {
                        fold.start();
                        fold.interrupt();
                        target.state = TargetState::Interrupted;
                    }
                }
            }
            let summary = fold.summary(0);
            stored.record.status = summary.status;
            stored.record.progress = summary.progress;
            stored.record.summary = Some(summary);
            stored.record.finished_at = Some(now);
            closed.push(stored.record.id);
        }
        Ok(closed)
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRecord>, StoreError> {
        Ok(self.open()?.executions.get(&id).map(|stored| stored.record.clone()))
    }

    async fn executions(&self, query: &ExecutionQuery) -> Result<Page<ExecutionRecord>, StoreError> {
        let state = self.open()?;
        // Every execution keeps its place for the cursor, whether it matches or not.
        let newest_first: Vec<&Stored> = state.executions.values().rev().collect();
        let start = match &query.cursor {
            None => 0,
            Some(cursor) => {
                let place = newest_first.iter().position(|stored| stored.record.id.to_string() == *cursor);
                place.ok_or(StoreError::BadCursor)? + 1
            }
        };
        let found = newest_first.into_iter().skip(start).filter(|stored| matches(stored, query));
        let found = found.map(|stored| stored.record.clone()).collect();
        page(found, |record| record.id.to_string(), query.limit, 50, None)
    }

    async fn totals(&self, query: &ExecutionQuery) -> Result<ExecutionTotals, StoreError> {
        let mut totals = ExecutionTotals::default();
        for stored in self.open()?.executions.values().filter(|stored| matches(stored, query)) {
            totals.add(stored.record.status, 1);
        }
        Ok(totals)
    }

    async fn targets(&self, id: ExecutionId, query: &TargetQuery) -> Result<Page<TargetRecord>, StoreError> {
        let state = self.open()?;
        let Some(stored) = state.executions.get(&id) else {
            return Ok(Page { items: Vec::new(), next_cursor: None });
        };
        let found = stored.targets.iter().filter(|target| {
            (query.nodes.is_empty() || query.nodes.contains(&target.target.node))
                && query.state.is_none_or(|state| target.state == state)
                && (query.outcomes.is_empty()
                    || target.result.as_ref().is_some_and(|result| query.outcomes.contains(result.word())))
        });
        let found = found.cloned().collect();
        page(found, |target| target.position.to_string(), query.limit, 1000, query.cursor.as_deref())
    }

    async fn ended_since(&self, id: ExecutionId, since: Timestamp) -> Result<u64, StoreError> {
        let state = self.open()?;
        let Some(stored) = state.executions.get(&id) else { return Ok(0) };
        let ended = |target: &&TargetRecord| {
            target.state == TargetState::Finished && target.finished_at.is_some_and(|at| at >= since)
        };
        Ok(stored.targets.iter().filter(ended).count() as u64)
    }

    async fn unsettled(&self) -> Result<Vec<DetachedName>, StoreError> {
        Ok(self.open()?.unsettled.iter().rev().cloned().collect())
    }

    async fn attempts(
        &self,
        id: ExecutionId,
        node: Option<&NodeId>,
    ) -> Result<Vec<AttemptRecord>, StoreError> {
        let state = self.open()?;
        let Some(stored) = state.executions.get(&id) else { return Ok(Vec::new()) };
        let of_node = |attempt: &&AttemptRecord| node.is_none_or(|node| attempt.node == *node);
        Ok(stored.attempts.iter().filter(of_node).cloned().collect())
    }

    async fn events(&self, id: ExecutionId, from_seq: u64, limit: u32) -> Result<EventPage, StoreError> {
        let state = self.open()?;
        let limit = usize::try_from(limit.min(EVENTS)).unwrap_or(usize::MAX);
        let events: Vec<ExecutionEvent> = state
            .executions
            .get(&id)
            .map(|stored| {
                stored.events.range(from_seq..).take(limit).map(|(_, event)| event.clone()).collect()
            })
            .unwrap_or_default();
        let next_seq = events.last().map_or(from_seq, |event| event.seq + 1);
        Ok(EventPage { events, next_seq })
    }

    async fn event_texts(&self, id: ExecutionId, from_seq: u64) -> Result<EventTexts, StoreError> {
        let page = self.events(id, from_seq, EVENTS).await?;
        let has_more = !page.events.is_empty();
        let texts: Result<_, _> = page.events.iter().map(EventText::try_from).collect();
        let events = texts.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(EventTexts { events, next_seq: page.next_seq, has_more })
    }

    async fn last_event(&self, id: ExecutionId) -> Result<Option<ExecutionEvent>, StoreError> {
        let state = self.open()?;
        let last = state.executions.get(&id).and_then(|stored| stored.events.last_key_value());
        Ok(last.map(|(_, event)| event.clone()))
    }

    async fn output(
        &self,
        hash: ContentHash,
        offset: u64,
        max_bytes: u32,
    ) -> Result<Option<OutputChunk>, StoreError> {
        let state = self.open()?;
        let Some(kept) = state.outputs.get(&hash) else { return Ok(None) };
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(kept.bytes.len());
        let max = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let to = from.saturating_add(max).min(kept.bytes.len());
        let data = kept.bytes.get(from..to).unwrap_or_default().to_vec();
        Ok(Some(OutputChunk {
            data: OutputData::from(data),
            omission: kept.omission,
            kept_bytes: kept.bytes.len() as u64,
            total_bytes: kept.total,
        }))
    }

    async fn output_groups(
        &self,
        id: ExecutionId,
        stream: StreamKind,
    ) -> Result<Vec<OutputGroup>, StoreError> {
        let state = self.open()?;
        let Some(stored) = state.executions.get(&id) else { return Ok(Vec::new()) };
        let mut groups: Vec<OutputGroup> = Vec::new();
        for target in &stored.targets {
            let output = match stream {
                StreamKind::Stdout => target.stdout,
                StreamKind::Stderr => target.stderr,
            };
            let node = target.target.node.clone();
            match groups.iter_mut().find(|group| group.output == output) {
                Some(group) => group.nodes.push(node),
                None => groups.push(OutputGroup { output, nodes: vec![node] }),
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.nodes.len()));
        Ok(groups)
    }

    async fn nodes_by_last(
        &self,
        condition: &LastCondition,
        now: Timestamp,
    ) -> Result<Vec<NodeId>, StoreError> {
        let state = self.open()?;
        let newest_first = state.executions.values().rev();
        let targets = newest_first
            .flat_map(|stored| stored.targets.iter().map(|target| (target, stored.record.finished_at)));
        Ok(nodes_by_last(targets, condition, now))
    }

    async fn abandoned(&self) -> Result<Vec<ExecutionId>, StoreError> {
        let state = self.open()?;
        let dead =
            state.executions.values().filter(|stored| stored.orphaned && !stored.record.status.is_final());
        Ok(dead.map(|stored| stored.record.id).collect())
    }

    async fn request_cancel(&self, request: CancelRequest) -> Result<(), StoreError> {
        self.open()?.cancels.push(request);
        Ok(())
    }

    async fn take_cancel_requests(&self) -> Result<Vec<CancelRequest>, StoreError> {
        Ok(std::mem::take(&mut self.open()?.cancels))
    }

    async fn close(&self) {
        self.state().closed = true;
    }
}

#[async_trait]
impl BreakerStore for MemoryStore {
    async fn save_breakers(&self, breakers: &[BreakerRecord]) -> Result<(), StoreError> {
        let mut state = self.open()?;
        for breaker in breakers {
            let component = &breaker.status.component;
            let known = state.breakers.get(component);
            if known.is_none_or(|(_, known)| known.status.since <= breaker.status.since) {
                state.breakers_written += 1;
                let number = state.breakers_written;
                state.breakers.insert(component.clone(), (number, breaker.clone()));
            }
        }
        Ok(())
    }

    async fn breakers(&self, after: u64) -> Result<StoredBreakers, StoreError> {
        let state = self.open()?;
        let mut newer: Vec<_> = state.breakers.values().filter(|(number, _)| *number > after).collect();
        newer.sort_by_key(|(number, _)| *number);
        let mark = newer.last().map_or(after, |(number, _)| *number);
        Ok(StoredBreakers { records: newer.into_iter().map(|(_, record)| record.clone()).collect(), mark })
    }
}

#[async_trait]
impl PlanStore for MemoryStore {
    async fn save_plan(&self, plan: &StoredPlan) -> Result<(), StoreError> {
        self.open()?.plans.insert(plan.hash, plan.redacted());
        Ok(())
    }

    async fn plan(&self, hash: PlanHash) -> Result<Option<StoredPlan>, StoreError> {
        Ok(self.open()?.plans.get(&hash).cloned())
    }

    async fn plans(&self, beginning: &str, limit: u32) -> Result<Vec<PlanHead>, StoreError> {
        let state = self.open()?;
        let begins = |head: &PlanHead| head.hash.to_string().starts_with(beginning);
        let mut found: Vec<PlanHead> = state.plans.values().map(StoredPlan::head).filter(begins).collect();
        found.sort_by_key(|head| std::cmp::Reverse(head.created_at));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    async fn forget_plans(&self, expired_before: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.open()?;
        let before = state.plans.len();
        state.plans.retain(|_, plan| plan.expires_at >= expired_before);
        Ok((before - state.plans.len()) as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::MemoryStore;
    use crate::contract::StoreSubject;

    async fn subject() -> StoreSubject {
        StoreSubject::new(Arc::new(MemoryStore::new()), ())
    }

    crate::execution_store_contract!(contract, super::subject);

    crate::journal_store_contract!(journal, super::journal);

    async fn journal() -> crate::contract::JournalSubject {
        crate::contract::JournalSubject::new(Arc::new(MemoryStore::new()), ())
    }

    #[tokio::test]
    async fn plans_are_remembered() {
        crate::contract::plan_store::plans_are_remembered(&MemoryStore::new()).await;
    }
}
