//! Writes a new execution with its targets.

use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::{Created, StoreError};
use pabawi_domain::record::{NewExecution, TargetState};
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::summary::Progress;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::bulk;
use super::live::{LiveExecution, LiveTarget};
use super::place::Place;
use crate::codec;
use crate::row::TargetClass;

/// Executions submitted in the same nanosecond get keys one after the other within this span, in
/// nanoseconds; [`super::list`] relies on a key being no further from the time of submission.
pub(crate) const KEY_SPAN: i64 = 1_000_000_000;

/// Writes the execution within the open transaction. With [`Created::New`] comes what the writer remembers
/// of it, unless it had been written before.
pub(crate) async fn create(
    new: &NewExecution,
    owner: &str,
    conn: &mut SqliteConnection,
    place: &Place,
) -> Result<(Created, Option<LiveExecution>), StoreError> {
    // What is stored never holds a secret, even if the caller forgot to take them out.
    let request = new.request.redacted();
    if let Some(existing) = existing(new.id, &request, conn, place).await? {
        return Ok((existing, None));
    }
    let fault = |error| place.sql("record an execution", &error);
    let submitted_at = codec::nanos(new.submitted_at);
    let key = free_key(submitted_at, conn).await.map_err(fault)?;
    let action_text = request.action.text();
    let progress = Progress::of_targets(new.targets.len() as u64);
    sqlx::query(
        "INSERT INTO pabawi_exec_executions (key, id, owner, user_name, entry_point, action_kind, status, \
         submitted_at, correlation_id, idempotency_key, rerun_of, progress, action_text, action_folded, \
         request) VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(key)
    .bind(new.id.to_string())
    .bind(owner)
    .bind(new.caller.user.as_str())
    .bind(codec::to_word(&new.caller.entry_point, "an entry point")?)
    .bind(request.action.kind().as_str())
    .bind(submitted_at)
    .bind(request.correlation_id.as_ref().map(|id| id.as_str()))
    .bind(request.idempotency_key.as_ref().map(|key| key.as_str()))
    .bind(request.rerun_of.map(|id| id.to_string()))
    .bind(codec::to_json(&progress, "the counts")?)
    .bind(action_text.as_str())
    .bind(codec::folded_if_different(&action_text))
    .bind(codec::to_json(&request, "a request")?)
    .execute(&mut *conn)
    .await
    .map_err(fault)?;
    for tag in &request.tags {
        sqlx::query("INSERT INTO pabawi_exec_tags (tag, execution) VALUES ($1, $2)")
            .bind(tag.as_str())
            .bind(key)
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
    }
    write_targets(new, key, conn, place).await.map(|live| (Created::New, Some(live)))
}

/// The execution that was recorded under this id or idempotency key.
async fn existing(
    id: ExecutionId,
    request: &ExecutionRequest,
    conn: &mut SqliteConnection,
    place: &Place,
) -> Result<Option<Created>, StoreError> {
    let fault = |error| place.sql("look for an execution", &error);
    // The same call may have come before and been committed without its caller learning of it.
    let again = sqlx::query("SELECT 1 FROM pabawi_exec_executions WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(&mut *conn)
        .await
        .map_err(fault)?;
    if again.is_some() {
        return Ok(Some(Created::New));
    }
    let Some(key) = &request.idempotency_key else { return Ok(None) };
    let found = sqlx::query("SELECT id, request FROM pabawi_exec_executions WHERE idempotency_key = $1")
        .bind(key.as_str())
        .fetch_optional(&mut *conn)
        .await
        .map_err(fault)?;
    let Some(row) = found else { return Ok(None) };
    let id: &str = row.try_get(0).map_err(fault)?;
    let stored: &str = row.try_get(1).map_err(fault)?;
    let id = id.parse().map_err(|error| place.corrupt(format!("an execution's id: {error}")))?;
    let stored: ExecutionRequest = codec::from_json(stored, "a request")?;
    Ok(Some(Created::Existing { id, same_request: stored == *request }))
}

/// A key that says when the execution was submitted.
async fn free_key(submitted_at: i64, conn: &mut SqliteConnection) -> sqlx::Result<i64> {
    let taken = sqlx::query("SELECT 1 FROM pabawi_exec_executions WHERE key = $1")
        .bind(submitted_at)
        .fetch_optional(&mut *conn)
        .await?;
    if taken.is_none() {
        return Ok(submitted_at);
    }
    // A millisecond holds a million keys; further executions of that very millisecond come behind them.
    let last: Option<i64> =
        sqlx::query("SELECT max(key) FROM pabawi_exec_executions WHERE key >= $1 AND key < $2")
            .bind(submitted_at)
            .bind(submitted_at.saturating_add(KEY_SPAN / 1000))
            .fetch_one(&mut *conn)
            .await?
            .try_get(0)?;
    Ok(last.unwrap_or(submitted_at).saturating_add(1))
}

async fn write_targets(
    new: &NewExecution,
    key: i64,
    conn: &mut SqliteConnection,
    place: &Place,
) -> Result<LiveExecution, StoreError> {
    let fault = |error| place.sql("record targets", &error);
    let mut live = LiveExecution::new(key, new.targets.len());
    let mut position = 0i64;
    for chunk in bulk::chunks(&new.targets) {
        let sql = bulk::values(
            "INSERT INTO pabawi_exec_targets (execution, position, node, state, attempt, endpoint) VALUES ",
            6,
            chunk.len(),
            "",
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for target in chunk {
            let queued = LiveTarget { class: TargetClass::Queued, attempt: 0, started_at: 0 };
            if !live.push(target.node.clone(), queued) {
                return Err(place.corrupt(format!("{} is named twice among the targets", target.node)));
            }
            query = query
                .bind(key)
                .bind(position)
                .bind(target.node.as_str())
                .bind(codec::state_code(TargetState::Queued))
                .bind(0i64)
                .bind(codec::endpoint_json(&target.endpoint)?);
            position += 1;
        }
        query.execute(&mut *conn).await.map_err(fault)?;
    }
    Ok(live)
}
