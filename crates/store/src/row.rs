//! What a write becomes before it reaches a database: [`RowWrite`]. Everything that takes time (JSON) is done here, in
//! the caller's task, so that the one writer only moves rows.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use pabawi_domain::event::{EventKind, EventText, ExecutionEvent};
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::output::{CapturedOutput, ContentHash, KeptOutput};
use pabawi_domain::ports::{DetachedName, StoreError, StoreWrite};
use pabawi_domain::summary::{ExecutionStatus, Progress};
use serde::Deserialize;

use crate::codec;
use crate::journal_row::EntryRow;
use crate::output_files::Variant;

/// A segment is closed when it has reached this many bytes, so that a reader never holds much more.
const SEGMENT_BYTES: usize = 256 * 1024;

/// The word of [`EventKind::Finished`].
const LAST: &str = "finished";

/// One write, ready for a database. `Told` says that events or entries of the journal of that execution will come.
#[derive(Debug)]
pub(crate) enum RowWrite {
    Started { id: ExecutionId, at: i64 },
    AttemptStarted { id: ExecutionId, node: NodeId, attempt: u32, at: i64 },
    AttemptFailed(Box<FailedAttempt>),
    TargetFinished(Box<ResultRow>),
    Kept { id: ExecutionId, name: DetachedName, kept: bool },
    Told { id: ExecutionId },
    Journal { id: ExecutionId, entry: Box<EntryRow> },
    Segment { id: ExecutionId, segment: Segment },
    Finished { id: ExecutionId, at: i64, status: ExecutionStatus, progress: Progress, summary: String },
}

impl RowWrite {
    /// The execution it belongs to.
    pub(crate) fn id(&self) -> ExecutionId {
        match self {
            Self::Started { id, .. }
            | Self::AttemptStarted { id, .. }
            | Self::Kept { id, .. }
            | Self::Told { id }
            | Self::Journal { id, .. }
            | Self::Segment { id, .. }
            | Self::Finished { id, .. } => *id,
            Self::AttemptFailed(failed) => failed.id,
            Self::TargetFinished(result) => result.id,
        }
    }

    /// The node it is about, where it is about one.
    pub(crate) fn node(&self) -> Option<&NodeId> {
        match self {
            Self::AttemptStarted { node, .. } => Some(node),
            Self::AttemptFailed(failed) => Some(&failed.node),
            Self::TargetFinished(result) => Some(&result.node),
            Self::Started { .. }
            | Self::Kept { .. }
            | Self::Told { .. }
            | Self::Journal { .. }
            | Self::Segment { .. }
            | Self::Finished { .. } => None,
        }
    }
}

/// The end of an attempt that another one follows.
#[derive(Debug)]
pub(crate) struct FailedAttempt {
    pub(crate) id: ExecutionId,
    pub(crate) node: NodeId,
    pub(crate) attempt: u32,
    /// Whether the action may have run.
    pub(crate) may_have_run: bool,
    pub(crate) word: &'static str,
    pub(crate) detail: Option<String>,
    pub(crate) finished_at: i64,
}

/// The result of one node's run.
#[derive(Debug)]
pub(crate) struct ResultRow {
    pub(crate) id: ExecutionId,
    pub(crate) node: NodeId,
    pub(crate) attempt: u32,
    pub(crate) class: TargetClass,
    pub(crate) word: &'static str,
    pub(crate) detail: Option<String>,
    pub(crate) started_at: Option<i64>,
    pub(crate) finished_at: i64,
    pub(crate) stdout: Option<OutputRow>,
    pub(crate) stderr: Option<OutputRow>,
}

/// One content. Cloning shares the bytes.
#[derive(Debug, Clone)]
pub(crate) struct OutputRow {
    pub(crate) hash: ContentHash,
    pub(crate) total: i64,
    pub(crate) kept: i64,
    /// Bytes of the head; all kept ones when nothing was left out.
    pub(crate) head: i64,
    /// The content, in parts that follow each other; absent when it stands among the large ones.
    pub(crate) body: Option<[Bytes; 2]>,
}

impl OutputRow {
    pub(crate) fn is_whole(&self) -> bool {
        self.kept == self.total
    }
}

/// Events in a row.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) first_seq: i64,
    pub(crate) last_seq: i64,
    /// One JSON object a line.
    pub(crate) body: Arc<Vec<u8>>,
}

/// Where a target stands, as far as the counts need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetClass {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    Skipped,
    Interrupted,
}

impl TargetClass {
    /// The class of a finished target.
    pub(crate) fn of(outcome: &NodeOutcome) -> Self {
        Self::of_word(outcome.word())
    }

    /// The class of a finished target by its outcome's word; the same split as [`Progress::finish`].
    pub(crate) fn of_word(word: &str) -> Self {
        match word {
            "succeeded" => Self::Succeeded,
            "cancelled" => Self::Cancelled,
            "skipped" => Self::Skipped,
            _ => Self::Failed,
        }
    }

    /// Whether nothing more is expected of it.
    pub(crate) fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// Its counter.
    pub(crate) fn counter(self, progress: &mut Progress) -> &mut u64 {
        match self {
            Self::Queued => &mut progress.queued,
            Self::Running => &mut progress.running,
            Self::Succeeded => &mut progress.succeeded,
            Self::Failed => &mut progress.failed,
            Self::Cancelled => &mut progress.cancelled,
            Self::Skipped => &mut progress.skipped,
            Self::Interrupted => &mut progress.interrupted,
        }
    }
}

/// Makes rows of writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoder {
    inline_bytes: usize,
}

impl Encoder {
    pub(crate) fn new(inline_bytes: usize) -> Self {
        Self { inline_bytes }
    }

    /// Outputs that have to be kept among the large ones before their rows are written. Cloning them shares the bytes.
    pub(crate) fn large(self, writes: &[StoreWrite]) -> Vec<CapturedOutput> {
        let outputs = writes.iter().filter_map(|write| match write {
            StoreWrite::TargetFinished(result) => Some([&result.stdout, &result.stderr]),
            _ => None,
        });
        outputs.flatten().flatten().filter(|output| self.is_large(output)).cloned().collect()
    }

    /// Makes rows of writes, but of what is told only that there is something.
    pub(crate) fn encode(self, writes: &[StoreWrite]) -> Result<Vec<RowWrite>, StoreError> {
        let mut rows = Vec::with_capacity(writes.len());
        let mut told = None;
        for write in writes {
            match write {
                StoreWrite::Started { id, at } => {
                    rows.push(RowWrite::Started { id: *id, at: codec::nanos(*at) });
                }
                StoreWrite::AttemptStarted { id, node, attempt, at } => rows.push(RowWrite::AttemptStarted {
                    id: *id,
                    node: node.clone(),
                    attempt: *attempt,
                    at: codec::nanos(*at),
                }),
                StoreWrite::AttemptFailed { id, node, attempt, at, outcome } => {
                    rows.push(RowWrite::AttemptFailed(Box::new(FailedAttempt {
                        id: *id,
                        node: node.clone(),
                        attempt: *attempt,
                        may_have_run: outcome.may_have_run(),
                        word: outcome.word(),
                        detail: codec::outcome_detail(outcome)?,
                        finished_at: codec::nanos(*at),
                    })));
                }
                StoreWrite::TargetFinished(result) => {
                    rows.push(RowWrite::TargetFinished(Box::new(ResultRow {
                        id: result.id,
                        node: result.node.clone(),
                        attempt: result.attempt,
                        class: TargetClass::of(&result.outcome),
                        word: result.outcome.word(),
                        detail: codec::outcome_detail(&result.outcome)?,
                        started_at: result.started_at.map(codec::nanos),
                        finished_at: codec::nanos(result.finished_at),
                        stdout: result.stdout.as_ref().map(|output| self.output(output)),
                        stderr: result.stderr.as_ref().map(|output| self.output(output)),
                    })));
                }
                StoreWrite::Unsettled { id, name } => {
                    rows.push(RowWrite::Kept { id: *id, name: name.clone(), kept: true });
                }
                StoreWrite::Settled { id, name } => {
                    rows.push(RowWrite::Kept { id: *id, name: name.clone(), kept: false });
                }
                StoreWrite::Journal { id, .. } | StoreWrite::Events { id, .. } => {
                    if told.replace(*id) != Some(*id) {
                        rows.push(RowWrite::Told { id: *id });
                    }
                }
                StoreWrite::Finished { id, at, summary } => rows.push(RowWrite::Finished {
                    id: *id,
                    at: codec::nanos(*at),
                    status: summary.status,
                    progress: summary.progress,
                    summary: codec::to_json(summary.as_ref(), "a summary")?,
                }),
                other => {
                    return Err(StoreError::Unavailable(format!(
                        "this store does not know the write {other:?}"
                    )));
                }
            }
        }
        Ok(rows)
    }

    /// Makes rows of what is told: events and entries of the journal. It takes longer than all the rest.
    pub(crate) fn encode_told(self, writes: &[StoreWrite]) -> Result<Vec<RowWrite>, StoreError> {
        let mut rows = Vec::with_capacity(writes.len() / 2);
        for write in writes {
            match write {
                StoreWrite::Journal { id, entry } => {
                    rows.push(RowWrite::Journal { id: *id, entry: Box::new(EntryRow::of(entry)?) });
                }
                StoreWrite::Events { id, events } => {
                    for segment in segments(events)? {
                        rows.push(RowWrite::Segment { id: *id, segment });
                    }
                }
                _ => {}
            }
        }
        Ok(rows)
    }

    fn is_large(self, output: &CapturedOutput) -> bool {
        match &output.kept {
            KeptOutput::Whole(data) => data.0.len() > self.inline_bytes,
            KeptOutput::HeadTail { head, tail } => head.0.len() + tail.0.len() > self.inline_bytes,
            KeptOutput::Spilled { .. } => true,
        }
    }

    fn output(self, output: &CapturedOutput) -> OutputRow {
        let total = codec::signed(output.total_bytes);
        let parts = match &output.kept {
            KeptOutput::Whole(data) => [data.0.clone(), Bytes::new()],
            KeptOutput::HeadTail { head, tail } => [head.0.clone(), tail.0.clone()],
            KeptOutput::Spilled { .. } => {
                return OutputRow { hash: output.hash, total, kept: total, head: total, body: None };
            }
        };
        let [head, tail] = parts.each_ref().map(|part| codec::signed(part.len() as u64));
        let kept = head.saturating_add(tail);
        let (total, head) = match Variant::of(output) {
            Variant::Whole => (kept, kept),
            Variant::HeadTail => (total, head),
        };
        let body = (!self.is_large(output)).then_some(parts);
        OutputRow { hash: output.hash, total, kept, head, body }
    }
}

#[derive(Deserialize)]
struct ReadEvent {
    seq: u64,
    at: Timestamp,
    #[serde(flatten)]
    kind: EventKind,
}

fn segments(events: &[Arc<ExecutionEvent>]) -> Result<Vec<Segment>, StoreError> {
    let mut segments = Vec::new();
    let mut open: Option<(u64, u64, Vec<u8>)> = None;
    for event in events {
        let (first, _, mut body) = open.take().unwrap_or((event.seq, event.seq, Vec::new()));
        append_event(&mut body, event)?;
        if body.len() >= SEGMENT_BYTES {
            segments.push(segment(first, event.seq, body));
        } else {
            open = Some((first, event.seq, body));
        }
    }
    segments.extend(open.map(|(first, last, body)| segment(first, last, body)));
    Ok(segments)
}

fn segment(first: u64, last: u64, body: Vec<u8>) -> Segment {
    Segment { first_seq: codec::signed(first), last_seq: codec::signed(last), body: Arc::new(body) }
}

fn append_event(body: &mut Vec<u8>, event: &ExecutionEvent) -> Result<(), StoreError> {
    serde_json::to_writer(&mut *body, &event.fields())
        .map_err(|error| StoreError::Unavailable(format!("an event cannot be written as JSON: {error}")))?;
    body.push(b'\n');
    Ok(())
}

/// The segment of one event.
pub(crate) fn single_segment(event: &ExecutionEvent) -> Result<Segment, StoreError> {
    let mut body = Vec::new();
    append_event(&mut body, event)?;
    Ok(segment(event.seq, event.seq, body))
}

/// The body of a segment of these events without some.
pub(crate) fn segment_without(
    events: &[ExecutionEvent],
    leave_out: impl Fn(&EventKind) -> bool,
) -> Result<Vec<u8>, StoreError> {
    let mut body = Vec::new();
    events
        .iter()
        .filter(|event| !leave_out(&event.kind))
        .try_for_each(|event| append_event(&mut body, event))?;
    Ok(body)
}

/// Where the lines of a segment's body stand that are not empty.
fn lines(body: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    let all = std::iter::from_fn(move || {
        let rest = body.get(at..).filter(|rest| !rest.is_empty())?;
        let line = at..at + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        at = line.end + 1;
        Some(line)
    });
    all.filter(|line| !line.is_empty())
}

/// The events of a segment's body.
pub(crate) fn read_segment(
    id: ExecutionId,
    body: &[u8],
) -> impl Iterator<Item = Result<(ExecutionEvent, usize), StoreError>> {
    lines(body).map(move |line| {
        let line = body.get(line).unwrap_or_default();
        let event: ReadEvent = serde_json::from_slice(line)
            .map_err(|error| StoreError::Corrupt(format!("an event of {id} cannot be read: {error}")))?;
        let event = ExecutionEvent { execution_id: id, seq: event.seq, at: event.at, kind: event.kind };
        Ok((event, line.len()))
    })
}

/// What is asked of an event that goes out as the text that it is. Reading it finds every fault of the text.
#[derive(Deserialize)]
struct EventHead<'a> {
    seq: u64,
    at: Timestamp,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

/// The events of a segment's body as JSON. An event is stored as it is told, but for its execution.
pub(crate) fn segment_texts(
    id: ExecutionId,
    body: &[u8],
) -> impl Iterator<Item = Result<EventText, StoreError>> {
    let bad =
        move |what: &dyn Display| StoreError::Corrupt(format!("an event of {id} cannot be read: {what}"));
    let shared = Bytes::copy_from_slice(body);
    lines(body).map(move |line| {
        let fields = shared.slice(line);
        let line = std::str::from_utf8(&fields).map_err(|error| bad(&error))?;
        let head: EventHead<'_> = serde_json::from_str(line).map_err(|error| bad(&error))?;
        if !line.starts_with('{') {
            return Err(bad(&"it is no object"));
        }
        let EventHead { seq, at, kind } = head;
        let is_last = kind == LAST;
        Ok(EventText { execution_id: id, seq, at, is_last, fields })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::output::{OutputData, StreamKind};

    fn event(seq: u64, bytes: usize) -> Arc<ExecutionEvent> {
        Arc::new(ExecutionEvent {
            execution_id: ExecutionId::from_parts(1, [0; 10]),
            seq,
            at: Timestamp::UNIX_EPOCH,
            kind: EventKind::Output {
                node: "web1".parse().unwrap(),
                stream: StreamKind::Stdout,
                offset: 0,
                data: OutputData(Bytes::from(vec![0xff; bytes])),
            },
        })
    }

    #[test]
    fn events_survive_their_segments_which_stay_small() {
        let events: Vec<_> = (1..=20).map(|seq| event(seq * 2, 30_000)).collect();
        let segments = segments(&events).unwrap();
        assert!(segments.len() > 1);
        let mut read = Vec::new();
        for segment in &segments {
            assert!(segment.body.len() < SEGMENT_BYTES + 50_000);
            for event in read_segment(events[0].execution_id, &segment.body) {
                read.push(event.unwrap().0);
            }
            assert_eq!(read.last().unwrap().seq, u64::try_from(segment.last_seq).unwrap());
        }
        assert_eq!(read, events.iter().map(|event| event.as_ref().clone()).collect::<Vec<_>>());
    }

    #[test]
    fn classes_split_as_the_counts_do() {
        use pabawi_domain::outcome::SkipReason;
        for outcome in [
            NodeOutcome::Succeeded,
            NodeOutcome::Exited { code: 1 },
            NodeOutcome::Cancelled { termination: None },
            NodeOutcome::Skipped { why: SkipReason::Interrupted },
        ] {
            let mut folded = Progress::of_targets(1);
            folded.finish(&outcome, false);
            let mut counted = Progress { total: 1, ..Progress::default() };
            *TargetClass::of(&outcome).counter(&mut counted) += 1;
            assert_eq!(folded, counted, "{outcome:?}");
        }
    }
}
