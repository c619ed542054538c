//! Removes the content of old outputs while their executions stay: from the outputs themselves, and from the events that hold
//! parts of them. Length and hash stay.

use pabawi_domain::event::EventKind;
use pabawi_domain::journal::{OutputCut, PrunedOutputs};
use pabawi_domain::ports::StoreError;

use super::list::id_of;
use super::place::Place;
use super::retention::{DeadOutput, file_of, old, tell_removed};
use crate::codec;
use crate::db::{self, Connection, Pool};
use crate::row::{read_segment, segment_without};

/// Of the outputs those with content that no execution from the key `$1` on has.
const OLD: &str = "o.kept > 0 \
     AND NOT EXISTS (SELECT 1 FROM pabawi_exec_output_uses AS u WHERE u.output = o.id AND u.execution >= $1)";

/// Segments of events that one step looks at; each has some hundreds of kilobytes.
const SEGMENTS: i64 = 8;

/// What would go.
pub(crate) async fn cut(
    before: jiff::Timestamp,
    pool: &Pool,
    place: &Place,
) -> Result<OutputCut, StoreError> {
    let fault = |error| place.sql("look which outputs are old", &error);
    let mark = old(before, pool).await.map_err(fault)?;
    let sql = format!(
        "SELECT count(*), CAST(coalesce(sum(o.kept), 0) AS BIGINT) FROM pabawi_exec_outputs AS o WHERE {OLD}"
    );
    let row = db::query(sql).bind(mark).fetch_one(pool).await.map_err(fault)?;
    Ok(OutputCut {
        outputs: codec::unsigned(row.try_get(0).map_err(fault)?, "a count")?,
        bytes: codec::unsigned(row.try_get(1).map_err(fault)?, "a count")?,
        before,
    })
}

/// Removes the content of at most so many outputs within the open transaction, and after the last of them what events hold.
pub(crate) async fn prune(
    cut: &OutputCut,
    at_most: u32,
    conn: &mut Connection,
    place: &Place,
) -> Result<(PrunedOutputs, Vec<DeadOutput>), StoreError> {
    let fault = |error| place.sql("remove old outputs", &error);
    let mark = old(cut.before, &mut *conn).await.map_err(fault)?;
    let sql = format!(
        "SELECT o.hash, o.file, o.kept = o.total, o.id, o.kept FROM pabawi_exec_outputs AS o WHERE {OLD} LIMIT $2"
    );
    let rows = db::query(sql).bind(mark).bind(i64::from(at_most.max(1)));
    let rows = rows.fetch_all(&mut *conn).await.map_err(fault)?;
    let mut done = PrunedOutputs { more: !rows.is_empty(), ..PrunedOutputs::default() };
    let mut files = Vec::new();
    for row in &rows {
        db::query("UPDATE pabawi_exec_outputs SET kept = 0, head = 0, file = 0, body = NULL WHERE id = $1")
            .bind(row.try_get::<i64>(3).map_err(fault)?)
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
        done.outputs += 1;
        done.bytes += codec::unsigned(row.try_get(4).map_err(fault)?, "an output's length")?;
        files.extend(file_of(row, place)?);
    }
    if done.outputs > 0 {
        tell_removed(conn).await.map_err(fault)?;
    } else {
        done.more = strip_events(mark, conn, place).await?;
    }
    Ok((done, files))
}

/// Takes output out of the events of the oldest executions that still have some, and says whether there may be more.
async fn strip_events(mark: i64, conn: &mut Connection, place: &Place) -> Result<bool, StoreError> {
    let fault = |error| place.sql("remove old outputs from events", &error);
    let row = db::query("SELECT value FROM pabawi_exec_marks WHERE name = 'events_stripped'");
    let row = row.fetch_one(&mut *conn).await.map_err(fault)?;
    let done: i64 = row.try_get(0).map_err(fault)?;
    let next = db::query(
        "SELECT e.key, e.id FROM pabawi_exec_executions AS e WHERE e.key > $1 AND e.key < $2 ORDER BY e.key LIMIT 1",
    )
    .bind(done)
    .bind(mark)
    .fetch_optional(&mut *conn)
    .await
    .map_err(fault)?;
    let Some(next) = next else { return Ok(false) };
    let (key, id): (i64, &str) = (next.try_get(0).map_err(fault)?, next.try_get(1).map_err(fault)?);
    let id = id_of(id, place)?;
    // JSON of an event begins with its number, and its type follows at once or nearly so: this finds them all, and reads some
    // in vain.
    let rows = db::query(format!(
        "SELECT last_seq, body FROM pabawi_exec_segments WHERE execution = $1 AND {} > 0 \
         ORDER BY last_seq LIMIT $3",
        conn.dialect().find("body", "$2")
    ))
    .bind(key)
    .bind(&b"\"type\":\"output\""[..])
    .bind(SEGMENTS)
    .fetch_all(&mut *conn)
    .await
    .map_err(fault)?;
    let mut stripped = 0;
    for row in &rows {
        let (last, body): (i64, &[u8]) = (row.try_get(0).map_err(fault)?, row.try_get(1).map_err(fault)?);
        let events = read_segment(id, body).map(|event| event.map(|(event, _)| event));
        let events = events.collect::<Result<Vec<_>, StoreError>>()?;
        let body = segment_without(&events, |kind| matches!(kind, EventKind::Output { .. }))?;
        db::query("UPDATE pabawi_exec_segments SET body = $3 WHERE execution = $1 AND last_seq = $2")
            .bind(key)
            .bind(last)
            .bind(body)
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
        stripped += 1;
    }
    if stripped < SEGMENTS {
        db::query("UPDATE pabawi_exec_marks SET value = $1 WHERE name = 'events_stripped'")
            .bind(key)
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
    }
    Ok(true)
}
