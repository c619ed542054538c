//! Words that one process leaves for the process that runs an execution.

use std::time::Duration;

use pabawi_domain::ports::{CancelRequest, StoreError, TerminateMode};
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::list::id_of;
use super::place::Place;
use crate::codec;

/// Leaves word. For an execution that is over, or unknown, there is nobody to leave it for.
pub(crate) async fn request(
    request: &CancelRequest,
    conn: &mut SqliteConnection,
    place: &Place,
) -> Result<(), StoreError> {
    let grace_ms = match request.mode {
        TerminateMode::Graceful { grace } => Some(i64::try_from(grace.as_millis()).unwrap_or(i64::MAX)),
        TerminateMode::Kill => None,
    };
    let nodes = request.nodes.as_ref().map(|nodes| codec::to_json(nodes, "node names")).transpose()?;
    sqlx::query(
        "INSERT INTO pabawi_exec_cancel_requests (owner, execution, nodes, grace_ms, asked_by) \
         SELECT owner, key, $2, $3, $4 FROM pabawi_exec_executions \
         WHERE id = $1 AND status IN ('queued', 'running')",
    )
    .bind(request.id.to_string())
    .bind(nodes)
    .bind(grace_ms)
    .bind(request.by.as_str())
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(|error| place.sql("leave a cancel request", &error))
}

/// Whether there is anything for this owner; one look into an index.
pub(crate) async fn any(owner: &str, pool: &SqlitePool, place: &Place) -> Result<bool, StoreError> {
    sqlx::query("SELECT 1 FROM pabawi_exec_cancel_requests WHERE owner = $1 LIMIT 1")
        .bind(owner)
        .fetch_optional(pool)
        .await
        .map(|row| row.is_some())
        .map_err(|error| place.sql("look for cancel requests", &error))
}

/// Takes what was left for this owner, in the order in which it was left.
pub(crate) async fn take(
    owner: &str,
    conn: &mut SqliteConnection,
    place: &Place,
) -> Result<Vec<CancelRequest>, StoreError> {
    let fault = |error| place.sql("take cancel requests", &error);
    let rows = sqlx::query(
        "SELECT e.id, c.nodes, c.grace_ms, c.asked_by FROM pabawi_exec_cancel_requests AS c \
         JOIN pabawi_exec_executions AS e ON e.key = c.execution WHERE c.owner = $1 ORDER BY c.id",
    )
    .bind(owner)
    .fetch_all(&mut *conn)
    .await
    .map_err(fault)?;
    let mut requests = Vec::with_capacity(rows.len());
    for row in rows {
        let nodes: Option<&str> = row.try_get(1).map_err(fault)?;
        let grace_ms: Option<i64> = row.try_get(2).map_err(fault)?;
        requests.push(CancelRequest {
            id: id_of(row.try_get(0).map_err(fault)?, place)?,
            nodes: nodes.map(|nodes| codec::from_json(nodes, "node names")).transpose()?,
            mode: match grace_ms {
                None => TerminateMode::Kill,
                Some(grace) => TerminateMode::Graceful {
                    grace: Duration::from_millis(codec::unsigned(grace, "a grace period")?),
                },
            },
            by: row.try_get(3).map_err(fault)?,
        });
    }
    sqlx::query("DELETE FROM pabawi_exec_cancel_requests WHERE owner = $1")
        .bind(owner)
        .execute(conn)
        .await
        .map_err(fault)?;
    Ok(requests)
}
