//! Graph runs: statements within the writer's transactions, and questions.

use jiff::Timestamp;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::Page;
use pabawi_domain::request::Caller;
use pabawi_domain::task::{
    GraphQuery, GraphRunRecord, GraphStatus, GraphUpdate, NewGraphRun, TaskCounts, TaskGraph, TaskRecord,
    TaskStatus,
};

use super::list::id_of;
use super::place::Place;
use crate::codec;
use crate::cursor::{Cursor, fingerprint};
use crate::db::{self, Builder, Connection, Pool, Row, bulk};

const WRITE: &str = "write a graph run";
const READ: &str = "read graph runs";

/// Writes a new run with every task queued. The same run may come twice: its caller has not learned of the first
/// time then.
pub(crate) async fn create(
    new: &NewGraphRun,
    owner: &str,
    conn: &mut Connection,
    place: &Place,
) -> Result<(), StoreError> {
    let fault = |error| place.sql(WRITE, &error);
    // What is stored never holds a secret, even if the caller forgot to take them out.
    let graph = new.graph.redacted();
    let mut counts = TaskCounts::default();
    for _ in &graph.tasks {
        counts.add(TaskStatus::Queued, None);
    }
    let written = db::query(
        "INSERT INTO pabawi_exec_graph_runs (id, owner, name, user_name, entry_point, status, counts, submitted_at, \
         graph) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING RETURNING key",
    )
    .bind(new.id.to_string())
    .bind(owner)
    .bind(graph.name.as_str())
    .bind(new.caller.user.as_str())
    .bind(codec::to_word(&new.caller.entry_point, "an entry point")?)
    .bind(counts.status().as_str())
    .bind(codec::to_json(&counts, "the counts")?)
    .bind(codec::nanos(new.submitted_at))
    .bind(codec::to_json(&graph, "a graph")?)
    .fetch_optional(&mut *conn)
    .await
    .map_err(fault)?;
    let Some(written) = written else { return Ok(()) };
    let key: i64 = written.try_get(0).map_err(fault)?;
    let rows: Vec<(i64, &str)> = (0i64..).zip(graph.tasks.iter().map(|task| task.name.as_str())).collect();
    for chunk in bulk::chunks(&rows) {
        let sql = bulk::values(
            conn.dialect(),
            "INSERT INTO pabawi_exec_graph_tasks (run, position, name, status) VALUES ",
            4,
            chunk.len(),
            "",
        );
        let mut query = db::query(sql);
        for (position, name) in chunk {
            query = query.bind(key).bind(*position).bind(*name).bind(TaskStatus::Queued.as_str());
        }
        query.execute(&mut *conn).await.map_err(fault)?;
    }
    Ok(())
}

/// Writes what has changed.
pub(crate) async fn update(
    update: &GraphUpdate,
    conn: &mut Connection,
    place: &Place,
) -> Result<(), StoreError> {
    let fault = |error| place.sql(WRITE, &error);
    let row = db::query(
        "UPDATE pabawi_exec_graph_runs SET status = $2, counts = $3, started_at = coalesce(started_at, $4), \
         finished_at = $5, owner = CASE WHEN $5 IS NULL THEN owner ELSE '' END WHERE id = $1 RETURNING key",
    )
    .bind(update.id.to_string())
    .bind(update.counts.status().as_str())
    .bind(codec::to_json(&update.counts, "the counts")?)
    .bind(update.started_at.map(codec::nanos))
    .bind(update.finished_at.map(codec::nanos))
    .fetch_optional(&mut *conn)
    .await
    .map_err(fault)?;
    let Some(row) = row else { return Ok(()) };
    let key: i64 = row.try_get(0).map_err(fault)?;
    for task in &update.tasks {
        db::query(
            "UPDATE pabawi_exec_graph_tasks SET status = $3, detail = $4 WHERE run = $1 AND position = $2",
        )
        .bind(key)
        .bind(codec::signed(task.position))
        .bind(task.status.as_str())
        .bind(codec::to_json(task, "a task")?)
        .execute(&mut *conn)
        .await
        .map_err(fault)?;
    }
    Ok(())
}

/// A run with its owner and its key.
pub(crate) type Owned = (String, i64, ExecutionId);

/// Runs that belong to other owners.
pub(crate) async fn owned_elsewhere(
    own: &str,
    conn: &mut Connection,
    place: &Place,
) -> Result<Vec<Owned>, StoreError> {
    let fault = |error| place.sql(READ, &error);
    let rows = db::query(
        "SELECT owner, key, id FROM pabawi_exec_graph_runs WHERE owner <> '' AND owner <> $1 ORDER BY key",
    )
    .bind(own)
    .fetch_all(conn)
    .await
    .map_err(fault)?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let id = id_of(row.try_get(2).map_err(fault)?, place)?;
        found.push((row.try_get(0).map_err(fault)?, row.try_get(1).map_err(fault)?, id));
    }
    Ok(found)
}

/// Marks what a dead process has left: it belongs to nobody, and what had not ended is interrupted. `false` when
/// somebody else has done it meanwhile.
pub(crate) async fn leave(
    key: i64,
    owner: &str,
    now: Timestamp,
    conn: &mut Connection,
    place: &Place,
) -> Result<bool, StoreError> {
    let fault = |error| place.sql(WRITE, &error);
    let left = db::query(
        "UPDATE pabawi_exec_graph_runs SET owner = '', cancel_by = NULL, finished_at = $3 \
         WHERE key = $1 AND owner = $2 RETURNING key",
    )
    .bind(key)
    .bind(owner)
    .bind(codec::nanos(now))
    .fetch_optional(&mut *conn)
    .await
    .map_err(fault)?;
    if left.is_none() {
        return Ok(false);
    }
    let interrupted = TaskStatus::Interrupted;
    let mut counts = TaskCounts::default();
    for row in task_rows(key, conn).await.map_err(fault)? {
        let task = task_of(&row, place)?;
        if !matches!(task.status, TaskStatus::Queued | TaskStatus::Running) {
            counts.add(task.status, task.skipped.as_ref());
            continue;
        }
        counts.add(interrupted, None);
        let detail = codec::to_json(&TaskRecord { status: interrupted, ..task.clone() }, "a task")?;
        db::query(
            "UPDATE pabawi_exec_graph_tasks SET status = $3, detail = $4 WHERE run = $1 AND position = $2",
        )
        .bind(key)
        .bind(codec::signed(task.position))
        .bind(interrupted.as_str())
        .bind(detail)
        .execute(&mut *conn)
        .await
        .map_err(fault)?;
    }
    db::query("UPDATE pabawi_exec_graph_runs SET status = $2, counts = $3 WHERE key = $1")
        .bind(key)
        .bind(counts.status().as_str())
        .bind(codec::to_json(&counts, "the counts")?)
        .execute(conn)
        .await
        .map_err(fault)?;
    Ok(true)
}

/// Takes an interrupted run that belongs to nobody.
pub(crate) async fn claim(
    id: ExecutionId,
    owner: &str,
    conn: &mut Connection,
    place: &Place,
) -> Result<bool, StoreError> {
    db::query(
        "UPDATE pabawi_exec_graph_runs SET owner = $2, finished_at = NULL, cancel_by = NULL \
         WHERE id = $1 AND owner = '' AND status = $3",
    )
    .bind(id.to_string())
    .bind(owner)
    .bind(GraphStatus::Interrupted.as_str())
    .execute(conn)
    .await
    .map(|done| done == 1)
    .map_err(|error| place.sql(WRITE, &error))
}

/// Leaves word for the owner.
pub(crate) async fn request_cancel(
    id: ExecutionId,
    by: &str,
    conn: &mut Connection,
    place: &Place,
) -> Result<(), StoreError> {
    db::query(
        "UPDATE pabawi_exec_graph_runs SET cancel_by = coalesce(cancel_by, $2) WHERE id = $1 AND owner <> ''",
    )
    .bind(id.to_string())
    .bind(by)
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(|error| place.sql("leave a cancel request", &error))
}

/// Who has asked to cancel a run.
pub(crate) async fn cancel_request(
    id: ExecutionId,
    pool: &Pool,
    place: &Place,
) -> Result<Option<String>, StoreError> {
    let fault = |error| place.sql("look for cancel requests", &error);
    let row = db::query("SELECT cancel_by FROM pabawi_exec_graph_runs WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(pool)
        .await
        .map_err(fault)?;
    row.map_or(Ok(None), |row| row.try_get(0).map_err(fault))
}

const COLUMNS: &str =
    "id, user_name, entry_point, name, status, counts, submitted_at, started_at, finished_at, key";

/// One run.
pub(crate) async fn run(
    id: ExecutionId,
    pool: &Pool,
    place: &Place,
) -> Result<Option<GraphRunRecord>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM pabawi_exec_graph_runs WHERE id = $1");
    let row = db::query(sql).bind(id.to_string()).fetch_optional(pool).await;
    row.map_err(|error| place.sql(READ, &error))?.map(|row| record_of(&row, place)).transpose()
}

/// The graph of a run.
pub(crate) async fn graph(
    id: ExecutionId,
    pool: &Pool,
    place: &Place,
) -> Result<Option<TaskGraph>, StoreError> {
    let fault = |error| place.sql(READ, &error);
    let row = db::query("SELECT graph FROM pabawi_exec_graph_runs WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(pool)
        .await
        .map_err(fault)?;
    row.map(|row| codec::from_json(row.try_get(0).map_err(fault)?, "a graph")).transpose()
}

/// The tasks of a run.
pub(crate) async fn tasks(
    id: ExecutionId,
    pool: &Pool,
    place: &Place,
) -> Result<Vec<TaskRecord>, StoreError> {
    let rows = db::query(
        "SELECT t.position, t.name, t.status, t.detail FROM pabawi_exec_graph_tasks AS t \
         JOIN pabawi_exec_graph_runs AS r ON r.key = t.run WHERE r.id = $1 ORDER BY t.position",
    )
    .bind(id.to_string())
    .fetch_all(pool)
    .await
    .map_err(|error| place.sql(READ, &error))?;
    rows.iter().map(|row| task_of(row, place)).collect()
}

/// A page of runs, newest first.
pub(crate) async fn runs(
    query: &GraphQuery,
    pool: &Pool,
    place: &Place,
) -> Result<Page<GraphRunRecord>, StoreError> {
    let fault = |error| place.sql(READ, &error);
    let question = GraphQuery { limit: None, cursor: None, ..query.clone() };
    let fingerprint = fingerprint("graphs", &question)?;
    let before = match &query.cursor {
        Some(cursor) => Cursor::decode(cursor, fingerprint)?.at,
        None => i64::MAX,
    };
    let limit = codec::page_size(query.limit, 50, 1000);
    let mut sql: Builder = Builder::new(format!("SELECT {COLUMNS} FROM pabawi_exec_graph_runs WHERE key < "));
    sql.push_bind(before);
    if !query.status.is_empty() {
        sql.push(" AND status IN (");
        sql.push_list(query.status.iter().map(|status| status.as_str())).push(")");
    }
    // One more than asked for tells whether there is more.
    sql.push(" ORDER BY key DESC LIMIT ").push_bind(limit.saturating_add(1));
    let rows = sql.build().fetch_all(pool).await.map_err(fault)?;
    let (mut items, mut last) = (Vec::new(), None);
    for row in &rows {
        if codec::signed(items.len() as u64) >= limit {
            let next_cursor = last.map(|at| Cursor { at, tie: 0, fingerprint }.encode());
            return Ok(Page { items, next_cursor });
        }
        items.push(record_of(row, place)?);
        last = Some(row.try_get::<i64>(9).map_err(fault)?);
    }
    Ok(Page { items, next_cursor: None })
}

async fn task_rows(key: i64, conn: &mut Connection) -> db::Result<Vec<Row>> {
    db::query(
        "SELECT position, name, status, detail FROM pabawi_exec_graph_tasks WHERE run = $1 ORDER BY position",
    )
    .bind(key)
    .fetch_all(conn)
    .await
}

fn task_of(row: &Row, place: &Place) -> Result<TaskRecord, StoreError> {
    let fault = |error| place.sql(READ, &error);
    let detail: Option<&str> = row.try_get(3).map_err(fault)?;
    match detail {
        Some(detail) => codec::from_json(detail, "a task"),
        None => {
            let position = codec::unsigned(row.try_get(0).map_err(fault)?, "the place of a task")?;
            Ok(TaskRecord::queued(position, row.try_get(1).map_err(fault)?))
        }
    }
}

fn record_of(row: &Row, place: &Place) -> Result<GraphRunRecord, StoreError> {
    let fault = |error| place.sql(READ, &error);
    let time = |column: usize| -> Result<Option<Timestamp>, StoreError> {
        Ok(row.try_get::<Option<i64>>(column).map_err(fault)?.map(codec::timestamp))
    };
    let status: &str = row.try_get(4).map_err(fault)?;
    Ok(GraphRunRecord {
        id: id_of(row.try_get(0).map_err(fault)?, place)?,
        caller: Caller {
            user: row.try_get(1).map_err(fault)?,
            entry_point: codec::from_word(row.try_get(2).map_err(fault)?, "an entry point")?,
        },
        name: row.try_get(3).map_err(fault)?,
        status: GraphStatus::from_word(status)
            .ok_or_else(|| place.corrupt(format!("unknown status {status:?} of a graph run")))?,
        counts: codec::from_json(row.try_get(5).map_err(fault)?, "the counts")?,
        submitted_at: codec::timestamp(row.try_get(6).map_err(fault)?),
        started_at: time(7)?,
        finished_at: time(8)?,
    })
}
