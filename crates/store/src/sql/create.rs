//! Writes new executions with their targets.

use std::collections::{HashMap, HashSet};

use pabawi_domain::id::{ExecutionId, IdempotencyKey};
use pabawi_domain::node::Target;
use pabawi_domain::ports::{Created, StoreError};
use pabawi_domain::record::{NewExecution, TargetState};
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::summary::{ExecutionStatus, Progress};

use super::list::id_of;
use super::live::{LiveExecution, LiveTarget};
use super::place::Place;
use crate::codec;
use crate::db::{self, Connection, bulk};
use crate::row::TargetClass;

/// Executions submitted in the same nanosecond get keys one after the other within this span, in
/// nanoseconds; [`super::list`] relies on a key being no further from the time of submission.
pub(crate) const KEY_SPAN: i64 = 1_000_000_000;

/// What came of a new execution, and what the writer remembers of it when it was written.
pub(crate) type Outcome = (Created, Option<LiveExecution>);

/// Writes new executions within the open transaction, in a few statements for all of them. The outcomes are
/// in the same order.
pub(crate) async fn create(
    new: &[&NewExecution],
    owner: &str,
    conn: &mut Connection,
    place: &Place,
) -> Result<Vec<Outcome>, StoreError> {
    // What is stored never holds a secret, even if the caller forgot to take them out.
    let requests: Vec<ExecutionRequest> = new.iter().map(|new| new.request.redacted()).collect();
    let mut known = existing(new, &requests, conn, place).await?;
    let mut keys = Keys::read(new, conn).await.map_err(|error| place.sql(RECORD, &error))?;
    let mut outcomes = Vec::with_capacity(new.len());
    let mut rows = Vec::with_capacity(new.len());
    for (new, request) in new.iter().zip(&requests) {
        if known.ids.contains(&new.id) {
            // The same call has come before, and was committed without its caller learning of it.
            outcomes.push((Created::New, None));
            continue;
        }
        if let Some(key) = &request.idempotency_key {
            if let Some((id, stored)) = known.by_key.get(key) {
                outcomes.push((Created::Existing { id: *id, same_request: stored == request }, None));
                continue;
            }
            known.by_key.insert(key.clone(), (new.id, request.clone()));
        }
        known.ids.insert(new.id);
        let key = keys.free(new, conn).await.map_err(|error| place.sql(RECORD, &error))?;
        outcomes.push((Created::New, Some(live(new, key, place)?)));
        rows.push(Row { new, request, key });
    }
    write_executions(&rows, owner, conn, place).await?;
    write_words(&rows, conn).await.map_err(|error| place.sql(RECORD, &error))?;
    write_targets(&rows, conn, place).await?;
    Ok(outcomes)
}

const RECORD: &str = "record an execution";

/// An execution that is to be written.
struct Row<'a> {
    new: &'a NewExecution,
    request: &'a ExecutionRequest,
    key: i64,
}

/// Executions that were recorded before, as far as new ones could be the same.
struct Known {
    ids: HashSet<ExecutionId>,
    by_key: HashMap<IdempotencyKey, (ExecutionId, ExecutionRequest)>,
}

async fn existing(
    new: &[&NewExecution],
    requests: &[ExecutionRequest],
    conn: &mut Connection,
    place: &Place,
) -> Result<Known, StoreError> {
    let fault = |error| place.sql("look for an execution", &error);
    let mut known = Known { ids: HashSet::new(), by_key: HashMap::new() };
    for chunk in bulk::chunks(new) {
        let sql = bulk::values(
            conn.dialect(),
            "SELECT e.id FROM (VALUES ",
            1,
            chunk.len(),
            ") AS v JOIN pabawi_exec_executions AS e ON e.id = v.column1",
        );
        let mut query = db::query(sql);
        for new in chunk {
            query = query.bind(new.id.to_string());
        }
        for row in query.fetch_all(&mut *conn).await.map_err(fault)? {
            known.ids.insert(id_of(row.try_get(0).map_err(fault)?, place)?);
        }
    }
    let keys: Vec<&IdempotencyKey> =
        requests.iter().filter_map(|request| request.idempotency_key.as_ref()).collect();
    for chunk in bulk::chunks(&keys) {
        let sql = bulk::values(
            conn.dialect(),
            "SELECT e.idempotency_key, e.id, e.request FROM (VALUES ",
            1,
            chunk.len(),
            ") AS v JOIN pabawi_exec_executions AS e ON e.idempotency_key = v.column1",
        );
        let mut query = db::query(sql);
        for key in chunk {
            query = query.bind(key.as_str());
        }
        for row in query.fetch_all(&mut *conn).await.map_err(fault)? {
            let key: &str = row.try_get(0).map_err(fault)?;
            let key =
                IdempotencyKey::new(key).map_err(|error| place.corrupt(format!("an execution: {error}")))?;
            let id = id_of(row.try_get(1).map_err(fault)?, place)?;
            let request = codec::from_json(row.try_get(2).map_err(fault)?, "a request")?;
            known.by_key.insert(key, (id, request));
        }
    }
    Ok(known)
}

/// Keys that say when an execution was submitted, and are taken.
struct Keys {
    taken: HashSet<i64>,
}

impl Keys {
    async fn read(new: &[&NewExecution], conn: &mut Connection) -> db::Result<Self> {
        let mut taken = HashSet::new();
        for chunk in bulk::chunks(new) {
            let sql = bulk::values(
                conn.dialect(),
                "SELECT e.key FROM (VALUES ",
                1,
                chunk.len(),
                ") AS v JOIN pabawi_exec_executions AS e ON e.key = v.column1",
            );
            let mut query = db::query(sql);
            for new in chunk {
                query = query.bind(codec::nanos(new.submitted_at));
            }
            for row in query.fetch_all(&mut *conn).await? {
                taken.insert(row.try_get::<i64>(0)?);
            }
        }
        Ok(Self { taken })
    }

    /// The time of submission; where that is taken, the first number behind all keys of the millisecond that
    /// follows it, which has room for a million.
    async fn free(&mut self, new: &NewExecution, conn: &mut Connection) -> db::Result<i64> {
        let mut key = codec::nanos(new.submitted_at);
        if self.taken.contains(&key) {
            let last: Option<i64> =
                db::query("SELECT max(key) FROM pabawi_exec_executions WHERE key >= $1 AND key < $2")
                    .bind(key)
                    .bind(key.saturating_add(KEY_SPAN / 1000))
                    .fetch_one(&mut *conn)
                    .await?
                    .try_get(0)?;
            key = last.map_or(key, |last| last.max(key)).saturating_add(1);
            // Those of this transaction are not written yet; there are fewer of them than a group has.
            while self.taken.contains(&key) {
                key = key.saturating_add(1);
            }
        }
        self.taken.insert(key);
        Ok(key)
    }
}

fn live(new: &NewExecution, key: i64, place: &Place) -> Result<LiveExecution, StoreError> {
    let mut live = LiveExecution::new(key, new.targets.len());
    let queued = LiveTarget { class: TargetClass::Queued, attempt: 0, started_at: 0 };
    match new.targets.iter().find(|target| !live.push(target.node.clone(), queued)) {
        None => Ok(live),
        Some(twice) => Err(place.corrupt(format!("{} is named twice among the targets", twice.node))),
    }
}

async fn write_executions(
    rows: &[Row<'_>],
    owner: &str,
    conn: &mut Connection,
    place: &Place,
) -> Result<(), StoreError> {
    for chunk in bulk::chunks(rows) {
        let sql = bulk::values(
            conn.dialect(),
            "INSERT INTO pabawi_exec_executions (key, id, owner, user_name, entry_point, action_kind, status, \
             submitted_at, correlation_id, idempotency_key, rerun_of, progress, action_text, action_folded, \
             request) VALUES ",
            15,
            chunk.len(),
            "",
        );
        let mut query = db::query(sql);
        for Row { new, request, key } in chunk {
            let text = request.action.text();
            let folded = codec::folded_if_different(&text);
            let progress = Progress::of_targets(new.targets.len() as u64);
            query = query
                .bind(*key)
                .bind(new.id.to_string())
                .bind(owner)
                .bind(new.caller.user.as_str())
                .bind(codec::to_word(&new.caller.entry_point, "an entry point")?)
                .bind(request.action.kind().as_str())
                .bind(ExecutionStatus::Queued.as_str())
                .bind(codec::nanos(new.submitted_at))
                .bind(request.correlation_id.as_ref().map(|id| id.as_str()))
                .bind(request.idempotency_key.as_ref().map(|key| key.as_str()))
                .bind(request.rerun_of.map(|id| id.to_string()))
                .bind(codec::to_json(&progress, "the counts")?)
                .bind(text)
                .bind(folded)
                .bind(codec::to_json(request, "a request")?);
        }
        query.execute(&mut *conn).await.map_err(|error| place.sql(RECORD, &error))?;
    }
    Ok(())
}

/// Tags and plugins: words that an execution is found by.
async fn write_words(rows: &[Row<'_>], conn: &mut Connection) -> db::Result<()> {
    let tags = rows.iter().flat_map(|row| row.request.tags.iter().map(|tag| (tag.as_str(), row.key)));
    write_pairs("pabawi_exec_tags (tag, execution)", tags.collect(), conn).await?;
    let plugins = rows.iter().flat_map(|row| row.new.plugins.iter().map(|name| (name.as_str(), row.key)));
    write_pairs("pabawi_exec_plugins (plugin, execution)", plugins.collect(), conn).await
}

async fn write_pairs(into: &str, pairs: Vec<(&str, i64)>, conn: &mut Connection) -> db::Result<()> {
    for chunk in bulk::chunks(&pairs) {
        let insert = format!("INSERT INTO {into} VALUES ");
        let mut query = db::query(bulk::values(conn.dialect(), &insert, 2, chunk.len(), ""));
        for (word, key) in chunk {
            query = query.bind(*word).bind(*key);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

async fn write_targets(rows: &[Row<'_>], conn: &mut Connection, place: &Place) -> Result<(), StoreError> {
    let targets: Vec<(i64, i64, &Target)> = rows
        .iter()
        .flat_map(|row| (0i64..).zip(&row.new.targets).map(|(position, target)| (row.key, position, target)))
        .collect();
    for chunk in bulk::chunks(&targets) {
        let sql = bulk::values(
            conn.dialect(),
            "INSERT INTO pabawi_exec_targets (execution, position, node, state, attempt, endpoint) VALUES ",
            6,
            chunk.len(),
            "",
        );
        let mut query = db::query(sql);
        for (key, position, target) in chunk {
            query = query
                .bind(*key)
                .bind(*position)
                .bind(target.node.as_str())
                .bind(codec::state_code(TargetState::Queued))
                .bind(0i64)
                .bind(codec::endpoint_json(&target.endpoint)?);
        }
        query.execute(&mut *conn).await.map_err(|error| place.sql("record targets", &error))?;
    }
    Ok(())
}
