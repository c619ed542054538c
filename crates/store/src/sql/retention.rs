//! Removes old executions with all that belongs to them, and the outputs that nobody else has.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::journal::{ExecutionCut, PrunedExecutions};
use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::StoreError;

use super::place::Place;
use super::retention_cuts::{AT_ONCE, Among, Seen, looked_at};
use crate::codec;
use crate::db::{self, Connection, Row};
use crate::output_files::Variant;

/// Bytes of events that one step goes through, roughly.
pub(super) const EVENTS: i64 = 4 * 1024 * 1024;

/// A large output that no row points to any more, once the transaction is committed.
pub(crate) type DeadOutput = (ContentHash, Variant);

/// Removes executions with about so many targets within the open transaction. Returns the large ones that go with it once it is
/// committed.
pub(crate) async fn prune(
    cuts: &[ExecutionCut],
    from: i64,
    at_most: u32,
    conn: &mut Connection,
    place: &Place,
) -> Result<(PrunedExecutions, Vec<DeadOutput>), StoreError> {
    let fault = |error| place.sql("remove old executions", &error);
    let mut last = from;
    let seen = looked_at(cuts, from, Among::All, conn).await.map_err(fault)?;
    let mut done = PrunedExecutions::default();
    let mut is_all = codec::signed(seen.len() as u64) < AT_ONCE;
    let (mut room, mut bytes) = (i64::from(at_most.max(1)), EVENTS);
    let mut outputs = BTreeSet::new();
    for Seen { key, goes, .. } in seen {
        if !goes {
            last = key;
            continue;
        }
        if room <= 0 {
            is_all = false;
            break;
        }
        let (gone, mut whole) = take_targets(key, room, conn).await.map_err(fault)?;
        room -= gone.max(1);
        done.targets += codec::unsigned(gone, "a count")?;
        if whole {
            let (given, all) = take_uses(key, room.max(1), &mut outputs, conn).await.map_err(fault)?;
            room -= given;
            whole = all;
        }
        whole = whole && take_events(key, &mut bytes, conn).await.map_err(fault)?;
        if !whole {
            is_all = false;
            break;
        }
        db::query("DELETE FROM pabawi_exec_executions WHERE key = $1")
            .bind(key)
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
        done.executions += 1;
        last = key;
    }
    done.next = (!is_all).then_some(last);
    let mut files = Vec::new();
    for output in outputs {
        if let Some(file) = forget_output(output, &mut done.outputs, conn, place).await? {
            files.push(file);
        }
    }
    if done.outputs > 0 {
        tell_removed(conn).await.map_err(fault)?;
    }
    Ok((done, files))
}

/// Removes targets of an execution, and says how many and whether none is left.
async fn take_targets(key: i64, room: i64, conn: &mut Connection) -> db::Result<(i64, bool)> {
    let rows =
        db::query("SELECT position FROM pabawi_exec_targets WHERE execution = $1 ORDER BY position LIMIT $2")
            .bind(key)
            .bind(room)
            .fetch_all(&mut *conn)
            .await?;
    let Some(last) = rows.last() else { return Ok((0, true)) };
    let last: i64 = last.try_get(0)?;
    for table in ["pabawi_exec_targets", "pabawi_exec_attempts"] {
        let sql = format!("DELETE FROM {table} WHERE execution = $1 AND position <= $2");
        db::query(sql).bind(key).bind(last).execute(&mut *conn).await?;
    }
    let gone = codec::signed(rows.len() as u64);
    Ok((gone, gone < room))
}

/// Has an execution give up outputs, and says how many and whether it has none any more.
async fn take_uses(
    key: i64,
    room: i64,
    outputs: &mut BTreeSet<i64>,
    conn: &mut Connection,
) -> db::Result<(i64, bool)> {
    let rows =
        db::query("SELECT output FROM pabawi_exec_output_uses WHERE execution = $1 ORDER BY output LIMIT $2")
            .bind(key)
            .bind(room)
            .fetch_all(&mut *conn)
            .await?;
    let Some(last) = rows.last() else { return Ok((0, true)) };
    db::query("DELETE FROM pabawi_exec_output_uses WHERE execution = $1 AND output <= $2")
        .bind(key)
        .bind(last.try_get::<i64>(0)?)
        .execute(&mut *conn)
        .await?;
    for row in &rows {
        outputs.insert(row.try_get(0)?);
    }
    let given = codec::signed(rows.len() as u64);
    Ok((given, given < room))
}

/// Removes events of an execution as far as there is room for their bytes, and says whether none is left.
async fn take_events(key: i64, bytes: &mut i64, conn: &mut Connection) -> db::Result<bool> {
    let rows = db::query(
        "SELECT last_seq, CAST(length(body) AS BIGINT) FROM pabawi_exec_segments WHERE execution = $1 \
         ORDER BY last_seq LIMIT $2",
    )
    .bind(key)
    .bind(AT_ONCE)
    .fetch_all(&mut *conn)
    .await?;
    let mut taken = 0;
    let mut last = None;
    for row in &rows {
        if *bytes <= 0 {
            break;
        }
        last = Some(row.try_get::<i64>(0)?);
        *bytes -= row.try_get::<i64>(1)?;
        taken += 1;
    }
    if let Some(last) = last {
        db::query("DELETE FROM pabawi_exec_segments WHERE execution = $1 AND last_seq <= $2")
            .bind(key)
            .bind(last)
            .execute(&mut *conn)
            .await?;
    }
    Ok(taken == rows.len() && codec::signed(rows.len() as u64) < AT_ONCE)
}

/// Removes an output unless somebody has it.
async fn forget_output(
    id: i64,
    removed: &mut u64,
    conn: &mut Connection,
    place: &Place,
) -> Result<Option<DeadOutput>, StoreError> {
    let fault = |error| place.sql("remove old outputs", &error);
    let row = db::query(
        "DELETE FROM pabawi_exec_outputs WHERE id = $1 \
         AND NOT EXISTS (SELECT 1 FROM pabawi_exec_output_uses AS u WHERE u.output = $1) \
         RETURNING hash, file, kept = total",
    )
    .bind(id)
    .fetch_optional(conn)
    .await
    .map_err(fault)?;
    let Some(row) = row else { return Ok(None) };
    *removed += 1;
    file_of(&row, place)
}

/// The large one of an output's row with the columns hash, file, and whether all of it is kept.
pub(super) fn file_of(row: &Row, place: &Place) -> Result<Option<DeadOutput>, StoreError> {
    let fault = |error| place.sql("remove old outputs", &error);
    if row.try_get::<i64>(1).map_err(fault)? == 0 {
        return Ok(None);
    }
    let hash: &[u8] = row.try_get(0).map_err(fault)?;
    let hash = hash.try_into().map(ContentHash);
    let hash = hash.map_err(|_| place.corrupt("a content hash has not 32 bytes"))?;
    let whole: bool = row.try_get(2).map_err(fault)?;
    Ok(Some((hash, if whole { Variant::Whole } else { Variant::HeadTail })))
}

/// Has every process forget the ids of outputs that it remembers.
pub(super) async fn tell_removed(conn: &mut Connection) -> db::Result<()> {
    db::query("UPDATE pabawi_exec_marks SET value = value + 1 WHERE name = 'outputs_removed'")
        .execute(conn)
        .await
        .map(|_| ())
}

/// How often outputs were removed.
pub(super) async fn removals(conn: &mut Connection) -> db::Result<i64> {
    let row = db::query("SELECT value FROM pabawi_exec_marks WHERE name = 'outputs_removed'");
    row.fetch_one(conn).await?.try_get(0)
}

/// Marks that the schedule is carried out now, unless it was within `every`; the answer is how long that is still to come then.
pub(super) async fn claim(
    now: Timestamp,
    every: Duration,
    conn: &mut Connection,
    place: &Place,
) -> Result<Option<Duration>, StoreError> {
    let fault = |error| place.sql("look whose turn it is to remove what is old", &error);
    let (now, every) = (codec::nanos(now), i64::try_from(every.as_nanos()).unwrap_or(i64::MAX));
    // A time that is far in the future is that of a clock which went wrong.
    let marked = db::query(
        "INSERT INTO pabawi_exec_marks (name, value) VALUES ('retention', $1) ON CONFLICT (name) \
         DO UPDATE SET value = excluded.value \
         WHERE pabawi_exec_marks.value <= $2 OR pabawi_exec_marks.value > $3 RETURNING value",
    )
    .bind(now)
    .bind(now.saturating_sub(every))
    .bind(now.saturating_add(every))
    .fetch_optional(&mut *conn)
    .await
    .map_err(fault)?;
    if marked.is_some() {
        return Ok(None);
    }
    let row = db::query("SELECT value FROM pabawi_exec_marks WHERE name = 'retention'");
    let last: i64 = row.fetch_one(conn).await.map_err(fault)?.try_get(0).map_err(fault)?;
    let wait = last.saturating_add(every).saturating_sub(now);
    Ok(Some(Duration::from_nanos(u64::try_from(wait).unwrap_or_default())))
}
