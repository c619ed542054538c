//! Words that one process leaves for the process that runs an execution.

use std::time::Duration;

use pabawi_domain::ports::{CancelRequest, StoreError, TerminateMode};

use super::list::id_of;
use super::place::Place;
use crate::codec;
use crate::db::{self, Connection, Pool, Row};

/// Leaves word. For an execution that is over, or unknown, there is nobody to leave it for.
pub(crate) async fn request(
    request: &CancelRequest,
    conn: &mut Connection,
    place: &Place,
) -> Result<(), StoreError> {
    let grace_ms = match request.mode {
        TerminateMode::Graceful { grace } => Some(i64::try_from(grace.as_millis()).unwrap_or(i64::MAX)),
        TerminateMode::Kill => None,
    };
    let nodes = request.nodes.as_ref().map(|nodes| codec::to_json(nodes, "node names")).transpose()?;
    db::query(
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
pub(crate) async fn any(owner: &str, pool: &Pool, place: &Place) -> Result<bool, StoreError> {
    db::query("SELECT 1 FROM pabawi_exec_cancel_requests WHERE owner = $1 LIMIT 1")
        .bind(owner)
        .fetch_optional(pool)
        .await
        .map(|row| row.is_some())
        .map_err(|error| place.sql("look for cancel requests", &error))
}

/// Removes the words of these numbers, which were told, and gives the others for this owner with theirs, in the order in
/// which they were left.
pub(crate) async fn take(
    owner: &str,
    told: &[i64],
    conn: &mut Connection,
    place: &Place,
) -> Result<Vec<(i64, CancelRequest)>, StoreError> {
    let fault = |error| place.sql("take cancel requests", &error);
    if !told.is_empty() {
        db::query(format!(
            "DELETE FROM pabawi_exec_cancel_requests WHERE id IN (SELECT value FROM {})",
            conn.dialect().numbers("$1", "v")
        ))
        .bind(codec::to_json(&told, "numbers")?)
        .execute(&mut *conn)
        .await
        .map_err(fault)?;
    }
    let rows = db::query(
        "SELECT e.id, c.nodes, c.grace_ms, c.asked_by, c.id FROM pabawi_exec_cancel_requests AS c \
         JOIN pabawi_exec_executions AS e ON e.key = c.execution WHERE c.owner = $1 ORDER BY c.id",
    )
    .bind(owner)
    .fetch_all(conn)
    .await
    .map_err(fault)?;
    rows.iter().map(|row| Ok((row.try_get(4).map_err(fault)?, request_of(row, place)?))).collect()
}

fn request_of(row: &Row, place: &Place) -> Result<CancelRequest, StoreError> {
    let fault = |error| place.sql("take cancel requests", &error);
    let nodes: Option<&str> = row.try_get(1).map_err(fault)?;
    let grace_ms: Option<i64> = row.try_get(2).map_err(fault)?;
    Ok(CancelRequest {
        id: id_of(row.try_get(0).map_err(fault)?, place)?,
        nodes: nodes.map(|nodes| codec::from_json(nodes, "node names")).transpose()?,
        mode: match grace_ms {
            None => TerminateMode::Kill,
            Some(grace) => TerminateMode::Graceful {
                grace: Duration::from_millis(codec::unsigned(grace, "a grace period")?),
            },
        },
        by: row.try_get(3).map_err(fault)?,
    })
}
