//! [`Plan`]: the rows that one transaction will write. Writes of many callers are folded into it, so that a
//! target that starts and ends in one transaction is written once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pabawi_domain::id::ExecutionId;
use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::TargetState;

use super::live::{Live, LiveTarget};
use super::place::Place;
use super::unsettled::KeptRow;
use crate::db::Connection;
use crate::journal_row::EntryRow;
use crate::row::{FailedAttempt, OutputRow, ResultRow, RowWrite, TargetClass};

/// The rows that one transaction will write.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) targets: Vec<TargetRow>,
    by_place: HashMap<(i64, u32), usize>,
    pub(crate) attempts: Vec<AttemptRow>,
    pub(crate) outputs: Vec<OutputRow>,
    by_hash: HashMap<ContentHash, usize>,
    pub(crate) kept: Vec<KeptRow>,
    pub(crate) journal: Vec<EntryRow>,
    pub(crate) segments: Vec<SegmentRow>,
    pub(crate) executions: Vec<ExecutionRow>,
    by_key: HashMap<i64, usize>,
    /// Executions whose entry in [`Live`] no longer equals the database until the commit.
    pub(crate) touched: HashSet<ExecutionId>,
}

/// A target's changing columns.
#[derive(Debug)]
pub(crate) struct TargetRow {
    pub(crate) execution: i64,
    pub(crate) position: i64,
    pub(crate) state: TargetState,
    pub(crate) attempt: i64,
    pub(crate) started_at: Option<i64>,
    pub(crate) finished_at: Option<i64>,
    /// Places in [`Plan::outputs`].
    pub(crate) stdout: Option<usize>,
    pub(crate) stderr: Option<usize>,
    pub(crate) word: Option<&'static str>,
    pub(crate) detail: Option<String>,
}

/// An attempt that another one has followed or will follow.
#[derive(Debug)]
pub(crate) struct AttemptRow {
    pub(crate) execution: i64,
    pub(crate) position: i64,
    pub(crate) attempt: i64,
    pub(crate) started_at: i64,
    pub(crate) finished_at: Option<i64>,
    pub(crate) word: Option<&'static str>,
    pub(crate) detail: Option<String>,
}

/// Events in a row.
#[derive(Debug)]
pub(crate) struct SegmentRow {
    pub(crate) execution: i64,
    pub(crate) first_seq: i64,
    pub(crate) last_seq: i64,
    pub(crate) body: Arc<Vec<u8>>,
}

/// An execution's changing columns; what is absent stays.
#[derive(Debug)]
pub(crate) struct ExecutionRow {
    pub(crate) id: ExecutionId,
    pub(crate) key: i64,
    pub(crate) started_at: Option<i64>,
    pub(crate) finished_at: Option<i64>,
    pub(crate) status: Option<&'static str>,
    pub(crate) summary: Option<String>,
    /// Filled in from [`Live`] when the plan is written.
    pub(crate) counts: bool,
}

/// Why a caller's writes are not in the plan.
#[derive(Debug)]
pub(crate) enum PlanFault {
    /// The caller's own fault: the others are not affected.
    Caller(StoreError),
    /// The database's: nobody can be served now.
    Store(StoreError),
}

impl Plan {
    /// Adds one caller's writes, all of them or none.
    pub(crate) async fn add(
        &mut self,
        writes: &[RowWrite],
        live: &mut Live,
        conn: &mut Connection,
        place: &Place,
    ) -> Result<(), PlanFault> {
        let places = look_up(writes, live, conn, place).await?;
        for (write, place) in writes.iter().zip(places) {
            self.fold(write, place, live);
        }
        Ok(())
    }

    /// Adds what a caller has told of writes that were added before.
    pub(crate) fn tell(&mut self, told: &[RowWrite], live: &mut Live) {
        for write in told {
            self.fold(write, None, live);
        }
    }

    fn fold(&mut self, write: &RowWrite, place: Option<u32>, live: &mut Live) {
        let id = write.id();
        let Some(execution) = live.get_mut(id) else { return };
        let key = execution.key;
        self.touched.insert(id);
        match (write, place) {
            (RowWrite::Started { at, .. }, _) => {
                let row = self.execution(id, key);
                row.started_at = row.started_at.or(Some(*at));
            }
            (RowWrite::Finished { at, status, summary, progress, .. }, _) => {
                execution.over = true;
                execution.progress = *progress;
                let row = self.execution(id, key);
                row.finished_at = Some(*at);
                row.status = Some(status.as_str());
                row.summary = Some(summary.clone());
                row.counts = true;
            }
            // It comes later, and so is known to be about an execution that was recorded.
            (RowWrite::Told { .. }, _) => {}
            (RowWrite::Kept { name, kept, .. }, _) => {
                self.kept.push(KeptRow { name: name.clone(), kept: *kept });
            }
            (RowWrite::Journal { entry, .. }, _) => self.journal.push((**entry).clone()),
            (RowWrite::Segment { segment, .. }, _) => self.segments.push(SegmentRow {
                execution: key,
                first_seq: segment.first_seq,
                last_seq: segment.last_seq,
                body: Arc::clone(&segment.body),
            }),
            (RowWrite::AttemptStarted { attempt, at, .. }, Some(place)) => {
                let held = execution.target(place);
                // A repeated write of an attempt that is over changes nothing.
                if held.attempt >= *attempt && held.class.is_final() {
                    return;
                }
                execution.set(
                    place,
                    LiveTarget { class: TargetClass::Running, attempt: *attempt, started_at: *at },
                );
                self.supersede(key, place, held, *attempt);
                self.execution(id, key).counts = true;
                self.target(key, place, |row| {
                    row.state = TargetState::Running;
                    row.attempt = i64::from(*attempt);
                    row.started_at = Some(*at);
                });
            }
            (RowWrite::AttemptFailed(failed), Some(place)) => {
                let held = execution.target(place);
                // A repeated write of an attempt that was told before, or that another one has followed.
                if held.class != TargetClass::Running || held.attempt != failed.attempt {
                    return;
                }
                execution.set(place, LiveTarget { class: TargetClass::Queued, ..held });
                self.execution(id, key).counts = true;
                self.fail_attempt(key, place, held, failed);
            }
            (RowWrite::TargetFinished(result), Some(place)) => {
                let held = execution.target(place);
                execution.set(
                    place,
                    LiveTarget {
                        class: result.class,
                        attempt: result.attempt,
                        started_at: result.started_at.unwrap_or(0),
                    },
                );
                self.supersede(key, place, held, result.attempt);
                self.execution(id, key).counts = true;
                self.finish(key, place, result);
            }
            (
                RowWrite::AttemptStarted { .. } | RowWrite::AttemptFailed(_) | RowWrite::TargetFinished(_),
                None,
            ) => {}
        }
    }

    fn finish(&mut self, key: i64, place: u32, result: &ResultRow) {
        let stdout = result.stdout.as_ref().map(|output| self.output(output));
        let stderr = result.stderr.as_ref().map(|output| self.output(output));
        self.target(key, place, |row| {
            row.state = TargetState::Finished;
            row.attempt = i64::from(result.attempt);
            row.started_at = result.started_at;
            row.finished_at = Some(result.finished_at);
            row.stdout = stdout;
            row.stderr = stderr;
            row.word = Some(result.word);
            row.detail.clone_from(&result.detail);
        });
    }

    /// The attempt stands among the former ones at once. Where it may have run, its end stands in the target too, which
    /// is what counts when no further attempt is made; otherwise the target waits as one that was never started.
    fn fail_attempt(&mut self, key: i64, place: u32, held: LiveTarget, failed: &FailedAttempt) {
        self.attempts.push(AttemptRow {
            execution: key,
            position: i64::from(place),
            attempt: i64::from(failed.attempt),
            started_at: held.started_at,
            finished_at: Some(failed.finished_at),
            word: Some(failed.word),
            detail: failed.detail.clone(),
        });
        self.target(key, place, |row| {
            row.attempt = i64::from(failed.attempt);
            row.started_at = Some(held.started_at);
            if failed.may_have_run {
                row.finished_at = Some(failed.finished_at);
                row.word = Some(failed.word);
                row.detail.clone_from(&failed.detail);
            }
        });
    }

    /// Keeps the attempt that `next` follows, unless its end was told and has been kept then.
    fn supersede(&mut self, key: i64, place: u32, held: LiveTarget, next: u32) {
        if held.attempt > 0 && held.attempt < next && held.class != TargetClass::Queued {
            self.attempts.push(AttemptRow {
                execution: key,
                position: i64::from(place),
                attempt: i64::from(held.attempt),
                started_at: held.started_at,
                finished_at: None,
                word: None,
                detail: None,
            });
        }
    }

    /// The row of a target, made anew by every write: the last one holds.
    fn target(&mut self, execution: i64, place: u32, fill: impl FnOnce(&mut TargetRow)) {
        let mut row = TargetRow {
            execution,
            position: i64::from(place),
            state: TargetState::Queued,
            attempt: 0,
            started_at: None,
            finished_at: None,
            stdout: None,
            stderr: None,
            word: None,
            detail: None,
        };
        fill(&mut row);
        let at = *self.by_place.entry((execution, place)).or_insert(self.targets.len());
        match self.targets.get_mut(at) {
            Some(held) => *held = row,
            None => self.targets.push(row),
        }
    }

    fn execution(&mut self, id: ExecutionId, key: i64) -> &mut ExecutionRow {
        let at = *self.by_key.entry(key).or_insert(self.executions.len());
        let fresh = || ExecutionRow {
            id,
            key,
            started_at: None,
            finished_at: None,
            status: None,
            summary: None,
            counts: false,
        };
        if at >= self.executions.len() {
            self.executions.push(fresh());
        }
        #[expect(clippy::indexing_slicing, reason = "the place was made on the line before")]
        &mut self.executions[at]
    }

    /// The place of a content; a whole one takes that of its head and tail.
    fn output(&mut self, output: &OutputRow) -> usize {
        let at = *self.by_hash.entry(output.hash).or_insert(self.outputs.len());
        match self.outputs.get_mut(at) {
            Some(held) if !held.is_whole() && output.is_whole() => *held = output.clone(),
            Some(_) => {}
            None => self.outputs.push(output.clone()),
        }
        at
    }
}

/// The places of the nodes that the writes name. Nothing is changed yet, so that a caller whose writes name
/// something unknown is turned away as a whole.
async fn look_up(
    writes: &[RowWrite],
    live: &mut Live,
    conn: &mut Connection,
    place: &Place,
) -> Result<Vec<Option<u32>>, PlanFault> {
    let mut places = Vec::with_capacity(writes.len());
    for write in writes {
        let id = write.id();
        let unknown = |what: String| {
            PlanFault::Caller(place.corrupt(format!("a write came for {what}, which was never recorded")))
        };
        let execution = match live.get_mut(id) {
            Some(execution) => execution,
            None => live
                .load(id, conn, place)
                .await
                .map_err(PlanFault::Store)?
                .ok_or_else(|| unknown(format!("execution {id}")))?,
        };
        places.push(match write.node() {
            None => None,
            Some(node) => {
                Some(execution.place(node).ok_or_else(|| unknown(format!("node {node} of execution {id}")))?)
            }
        });
    }
    Ok(places)
}
