//! Closes executions whose process has died. What its running targets did is not known, and nothing is run
//! again: they become `interrupted`, those that waited become skipped, and the summary is folded from what is
//! stored.

use std::collections::BTreeMap;

use jiff::Timestamp;
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::ExecutionId;
use pabawi_domain::outcome::{NodeOutcome, SkipReason};
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::TargetState;
use pabawi_domain::summary::{ExecutionStatus, ExecutionSummary, SummaryFold};

use super::list::id_of;
use super::place::Place;
use super::write::drop_cancel_requests;
use crate::codec;
use crate::db::{self, Connection};
use crate::row::{read_segment, single_segment};

/// Rows read at once.
const CHUNK: i64 = 5_000;

/// Keys and ids of executions by their owner.
pub(crate) type ByOwner = BTreeMap<String, Vec<(i64, ExecutionId)>>;

/// Executions that are not over and belong to other owners.
pub(crate) async fn open_elsewhere(
    own: &str,
    conn: &mut Connection,
    place: &Place,
) -> Result<ByOwner, StoreError> {
    let fault = |error| place.sql("look for interrupted executions", &error);
    let rows = db::query(
        "SELECT owner, key, id FROM pabawi_exec_executions \
         WHERE status IN ('queued', 'running') AND owner <> $1 ORDER BY owner, key",
    )
    .bind(own)
    .fetch_all(conn)
    .await
    .map_err(fault)?;
    let mut open = ByOwner::new();
    for row in rows {
        let id = id_of(row.try_get(2).map_err(fault)?, place)?;
        open.entry(row.try_get(0).map_err(fault)?).or_default().push((row.try_get(1).map_err(fault)?, id));
    }
    Ok(open)
}

/// Closes one execution within the open transaction; `false` when somebody else has done it meanwhile.
pub(crate) async fn close(
    key: i64,
    id: ExecutionId,
    now: Timestamp,
    conn: &mut Connection,
    place: &Place,
) -> Result<bool, StoreError> {
    let fault = |error| place.sql("close an interrupted execution", &error);
    let row = db::query("SELECT status, started_at FROM pabawi_exec_executions WHERE key = $1")
        .bind(key)
        .fetch_optional(&mut *conn)
        .await
        .map_err(fault)?;
    let Some(row) = row else { return Ok(false) };
    let status: &str = row.try_get(0).map_err(fault)?;
    let status = ExecutionStatus::from_word(status)
        .ok_or_else(|| place.corrupt(format!("unknown status {status:?} of {id}")))?;
    if status.is_final() {
        return Ok(false);
    }
    let started_at: Option<i64> = row.try_get(1).map_err(fault)?;
    let at = codec::nanos(now);
    let duration_ms = started_at.map_or(0, |started| at.saturating_sub(started).max(0) / 1_000_000);
    let summary = fold(key, id, codec::unsigned(duration_ms, "a duration")?, conn, place).await?;

    let skipped = NodeOutcome::Skipped { why: SkipReason::Interrupted };
    db::query(
        "UPDATE pabawi_exec_targets SET state = $2, outcome = $3, detail = $4, finished_at = $5 \
         WHERE execution = $1 AND state = $6 AND outcome IS NULL",
    )
    .bind(key)
    .bind(codec::state_code(TargetState::Finished))
    .bind(skipped.word())
    .bind(codec::outcome_detail(&skipped)?)
    .bind(at)
    .bind(codec::state_code(TargetState::Queued))
    .execute(&mut *conn)
    .await
    .map_err(fault)?;
    // One that may have run and waited for another attempt ended as its last one did.
    let ends =
        [(TargetState::Queued, TargetState::Finished), (TargetState::Running, TargetState::Interrupted)];
    for (from, to) in ends {
        db::query("UPDATE pabawi_exec_targets SET state = $2 WHERE execution = $1 AND state = $3")
            .bind(key)
            .bind(codec::state_code(to))
            .bind(codec::state_code(from))
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
    }
    db::query(
        "UPDATE pabawi_exec_executions SET status = $2, finished_at = $3, summary = $4, progress = $5 \
         WHERE key = $1",
    )
    .bind(key)
    .bind(summary.status.as_str())
    .bind(at)
    .bind(codec::to_json(&summary, "a summary")?)
    .bind(codec::to_json(&summary.progress, "the counts")?)
    .execute(&mut *conn)
    .await
    .map_err(fault)?;
    drop_cancel_requests(&[key], conn).await.map_err(fault)?;
    end_events(key, id, now, summary, conn, place).await?;
    Ok(true)
}

/// Opens executions again that another process has closed, within the open transaction: their owner lives after all, and
/// knows how they go on. Everything that [`close`] has made up is taken back.
pub(crate) async fn reopen(owner: &str, conn: &mut Connection, place: &Place) -> Result<(), StoreError> {
    let fault = |error| place.sql("open an execution again", &error);
    let rows = db::query("SELECT key FROM pabawi_exec_executions WHERE owner = $1 AND status = $2")
        .bind(owner)
        .bind(ExecutionStatus::Interrupted.as_str())
        .fetch_all(&mut *conn)
        .await
        .map_err(fault)?;
    let skipped = NodeOutcome::Skipped { why: SkipReason::Interrupted };
    for row in rows {
        let key: i64 = row.try_get(0).map_err(fault)?;
        db::query("UPDATE pabawi_exec_targets SET state = $2 WHERE execution = $1 AND state = $3")
            .bind(key)
            .bind(codec::state_code(TargetState::Running))
            .bind(codec::state_code(TargetState::Interrupted))
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
        db::query(
            "UPDATE pabawi_exec_targets SET state = $2, outcome = NULL, detail = NULL, finished_at = NULL \
             WHERE execution = $1 AND state = $3 AND detail = $4",
        )
        .bind(key)
        .bind(codec::state_code(TargetState::Queued))
        .bind(codec::state_code(TargetState::Finished))
        .bind(codec::outcome_detail(&skipped)?)
        .execute(&mut *conn)
        .await
        .map_err(fault)?;
        take_back_the_end(key, conn, place).await?;
        db::query(
            "UPDATE pabawi_exec_executions SET status = CASE WHEN started_at IS NULL THEN 'queued' \
             ELSE 'running' END, finished_at = NULL, summary = NULL, mirrored = 0 WHERE key = $1",
        )
        .bind(key)
        .execute(&mut *conn)
        .await
        .map_err(fault)?;
    }
    Ok(())
}

/// Removes the last event where [`end_events`] has made it up; it stands alone in its segment then.
async fn take_back_the_end(key: i64, conn: &mut Connection, place: &Place) -> Result<(), StoreError> {
    let fault = |error| place.sql("open an execution again", &error);
    let last = db::query(
        "SELECT last_seq, body FROM pabawi_exec_segments WHERE execution = $1 ORDER BY last_seq DESC LIMIT 1",
    )
    .bind(key)
    .fetch_optional(&mut *conn)
    .await
    .map_err(fault)?;
    let Some(row) = last else { return Ok(()) };
    // The id is not needed to see what kind of event it is.
    let mut events = read_segment(ExecutionId::from_parts(0, [0; 10]), row.try_get(1).map_err(fault)?);
    let (Some(only), None) = (events.next(), events.next()) else { return Ok(()) };
    match only?.0.kind {
        EventKind::Finished { summary } if summary.status == ExecutionStatus::Interrupted => {}
        _ => return Ok(()),
    }
    db::query("DELETE FROM pabawi_exec_segments WHERE execution = $1 AND last_seq = $2")
        .bind(key)
        .bind(row.try_get::<i64>(0).map_err(fault)?)
        .execute(conn)
        .await
        .map(|_| ())
        .map_err(fault)
}

/// Folds what is stored of the targets, as it will be when they are closed.
async fn fold(
    key: i64,
    id: ExecutionId,
    duration_ms: u64,
    conn: &mut Connection,
    place: &Place,
) -> Result<ExecutionSummary, StoreError> {
    let fault = |error| place.sql("close an interrupted execution", &error);
    let total: i64 = db::query("SELECT count(*) FROM pabawi_exec_targets WHERE execution = $1")
        .bind(key)
        .fetch_one(&mut *conn)
        .await
        .map_err(fault)?
        .try_get(0)
        .map_err(fault)?;
    let mut fold = SummaryFold::new(codec::unsigned(total, "a number of targets")?);
    let skipped = NodeOutcome::Skipped { why: SkipReason::Interrupted };
    let mut next = 0i64;
    // Ends with the first chunk that is not full; positions rise with every chunk.
    loop {
        let rows = db::query(
            "SELECT position, state, attempt, outcome, detail FROM pabawi_exec_targets \
             WHERE execution = $1 AND position >= $2 ORDER BY position LIMIT $3",
        )
        .bind(key)
        .bind(next)
        .bind(CHUNK)
        .fetch_all(&mut *conn)
        .await
        .map_err(fault)?;
        for row in &rows {
            next = row.try_get::<i64>(0).map_err(fault)?.saturating_add(1);
            let outcome = codec::outcome_of(row.try_get(3).map_err(fault)?, row.try_get(4).map_err(fault)?)?;
            match codec::state_of(row.try_get(1).map_err(fault)?)? {
                TargetState::Queued if outcome.is_none() => fold.finish(&skipped, false),
                TargetState::Running | TargetState::Interrupted => {
                    fold.start();
                    fold.interrupt();
                }
                TargetState::Queued | TargetState::Finished => {
                    let had_started = row.try_get::<i64>(2).map_err(fault)? > 0;
                    let outcome = outcome
                        .ok_or_else(|| place.corrupt(format!("a finished target of {id} has no outcome")))?;
                    if had_started {
                        fold.start();
                    }
                    fold.finish(&outcome, had_started);
                }
            }
        }
        if codec::signed(rows.len() as u64) < CHUNK {
            return Ok(fold.summary(duration_ms));
        }
    }
}

/// Ends the stored stream of events, so that whoever replays it comes to an end.
async fn end_events(
    key: i64,
    id: ExecutionId,
    now: Timestamp,
    summary: ExecutionSummary,
    conn: &mut Connection,
    place: &Place,
) -> Result<(), StoreError> {
    let fault = |error| place.sql("end the events of an execution", &error);
    let last = db::query(
        "SELECT last_seq, body FROM pabawi_exec_segments WHERE execution = $1 \
         ORDER BY last_seq DESC LIMIT 1",
    )
    .bind(key)
    .fetch_optional(&mut *conn)
    .await
    .map_err(fault)?;
    let mut seq = 1;
    if let Some(row) = last {
        let last_seq = codec::unsigned(row.try_get(0).map_err(fault)?, "a sequence number")?;
        let body: &[u8] = row.try_get(1).map_err(fault)?;
        if let Some(event) = read_segment(id, body).last()
            && event?.0.kind.is_last()
        {
            return Ok(());
        }
        seq = last_seq.saturating_add(1);
    }
    let event = ExecutionEvent { execution_id: id, seq, at: now, kind: EventKind::Finished { summary } };
    let segment = single_segment(&event)?;
    db::query(
        "INSERT INTO pabawi_exec_segments (execution, last_seq, first_seq, body) VALUES ($1, $2, $3, $4)",
    )
    .bind(key)
    .bind(segment.last_seq)
    .bind(segment.first_seq)
    .bind(segment.body.as_slice())
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(fault)
}

/// Removes an owner's row, unless it still has executions that are not over.
pub(crate) async fn forget(owner: &str, conn: &mut Connection, place: &Place) -> Result<(), StoreError> {
    db::query(
        "DELETE FROM pabawi_exec_owners WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM pabawi_exec_executions \
         WHERE owner = $1 AND status IN ('queued', 'running'))",
    )
    .bind(owner)
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(|error| place.sql("forget a dead process", &error))
}
