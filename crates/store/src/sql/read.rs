//! One execution: its record, its targets, their attempts, and their outputs by equality.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::node::Target;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::{
    AttemptRecord, ExecutionRecord, OutputGroup, Page, TargetQuery, TargetRecord, TargetState,
};

use super::list::records;
use super::output_rows::output_refs;
use super::place::Place;
use crate::codec;
use crate::cursor::{Cursor, fingerprint};
use crate::db::{self, Builder, Pool, Row};

/// The most attempts that are returned.
const ATTEMPTS: i64 = 100_000;
/// Rows read at once where all are needed.
const CHUNK: i64 = 5_000;

/// One execution.
pub(crate) async fn execution(
    id: ExecutionId,
    pool: &Pool,
    place: &Place,
) -> Result<Option<ExecutionRecord>, StoreError> {
    let Some(key) = key(id, pool, place).await? else { return Ok(None) };
    Ok(records(&[key], pool, place).await?.pop())
}

async fn key(id: ExecutionId, pool: &Pool, place: &Place) -> Result<Option<i64>, StoreError> {
    let fault = |error| place.sql("look for an execution", &error);
    db::query("SELECT key FROM pabawi_exec_executions WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(pool)
        .await
        .map_err(fault)?
        .map(|row| row.try_get(0).map_err(fault))
        .transpose()
}

/// A page of targets in the order of the plan.
pub(crate) async fn targets(
    id: ExecutionId,
    query: &TargetQuery,
    pool: &Pool,
    place: &Place,
) -> Result<Page<TargetRecord>, StoreError> {
    let fault = |error| place.sql("read targets", &error);
    let question = TargetQuery { limit: None, cursor: None, ..query.clone() };
    let fingerprint = fingerprint("targets", &(id, question))?;
    let from = match &query.cursor {
        Some(cursor) => Cursor::decode(cursor, fingerprint)?.at.saturating_add(1),
        None => 0,
    };
    let Some(key) = key(id, pool, place).await? else {
        return Ok(Page { items: Vec::new(), next_cursor: None });
    };
    let limit = codec::page_size(query.limit, 1000, 10_000);
    let mut sql: Builder = Builder::new(
        "SELECT position, node, endpoint, state, attempt, outcome, detail, started_at, finished_at, stdout, \
         stderr FROM pabawi_exec_targets WHERE execution = ",
    );
    sql.push_bind(key).push(" AND position >= ").push_bind(from);
    if !query.nodes.is_empty() {
        let names = sql.parameter(codec::to_json(&query.nodes, "node names")?);
        sql.push(format!(" AND node IN (SELECT value FROM {})", pool.dialect().texts(&names, "names")));
    }
    if let Some(state) = query.state {
        sql.push(" AND state = ").push_bind(codec::state_code(state));
    }
    if !query.outcomes.is_empty() {
        let words = sql.parameter(codec::to_json(&query.outcomes, "outcomes")?);
        sql.push(format!(" AND outcome IN (SELECT value FROM {})", pool.dialect().texts(&words, "words")));
    }
    // One more than asked for tells whether there is more.
    sql.push(" ORDER BY position LIMIT ").push_bind(limit.saturating_add(1));
    let mut rows = sql.build().fetch_all(pool).await.map_err(fault)?;
    let more = codec::signed(rows.len() as u64) > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));

    let mut ids: BTreeSet<i64> = BTreeSet::new();
    for row in &rows {
        ids.extend(row.try_get::<Option<i64>>(9).map_err(fault)?);
        ids.extend(row.try_get::<Option<i64>>(10).map_err(fault)?);
    }
    let ids: Vec<i64> = ids.into_iter().collect();
    let refs = output_refs(&ids, pool, place).await?;
    let output = |row: &Row, column: usize| {
        let id: Option<i64> = row.try_get(column).map_err(fault)?;
        id.map(|id| refs.get(&id).copied().ok_or_else(|| place.corrupt(format!("output {id} is not there"))))
            .transpose()
    };
    let items = rows
        .iter()
        .map(|row| {
            let stdout = output(row, 9)?;
            let stderr = output(row, 10)?;
            target(row, place).map(|target| TargetRecord { stdout, stderr, ..target })
        })
        .collect::<Result<Vec<TargetRecord>, StoreError>>()?;
    let next_cursor = items
        .last()
        .filter(|_| more)
        .map(|last| Cursor { at: codec::signed(last.position), tie: 0, fingerprint }.encode());
    Ok(Page { items, next_cursor })
}

/// How many targets have ended since.
pub(crate) async fn ended_since(
    id: ExecutionId,
    since: Timestamp,
    pool: &Pool,
    place: &Place,
) -> Result<u64, StoreError> {
    let fault = |error| place.sql("count ended targets", &error);
    let row = db::query(
        "SELECT count(*) FROM pabawi_exec_targets AS t JOIN pabawi_exec_executions AS e ON e.key = t.execution \
         WHERE e.id = $1 AND t.state = $2 AND t.finished_at >= $3",
    )
    .bind(id.to_string())
    .bind(codec::state_code(TargetState::Finished))
    .bind(codec::nanos(since))
    .fetch_one(pool)
    .await
    .map_err(fault)?;
    codec::unsigned(row.try_get(0).map_err(fault)?, "a number of targets")
}

fn target(row: &Row, place: &Place) -> Result<TargetRecord, StoreError> {
    let fault = |error| place.sql("read targets", &error);
    let time =
        |column: usize| row.try_get::<Option<i64>>(column).map_err(fault).map(|at| at.map(codec::timestamp));
    Ok(TargetRecord {
        position: codec::unsigned(row.try_get(0).map_err(fault)?, "a target's place")?,
        target: Target::new(
            node_of(row.try_get(1).map_err(fault)?, place)?,
            codec::endpoint_of(row.try_get(2).map_err(fault)?)?,
        ),
        state: codec::state_of(row.try_get(3).map_err(fault)?)?,
        attempt: codec::attempt(row.try_get(4).map_err(fault)?)?,
        result: codec::outcome_of(row.try_get(5).map_err(fault)?, row.try_get(6).map_err(fault)?)?,
        started_at: time(7)?,
        finished_at: time(8)?,
        stdout: None,
        stderr: None,
    })
}

fn node_of(text: &str, place: &Place) -> Result<NodeId, StoreError> {
    NodeId::new(text).map_err(|error| place.corrupt(format!("a target: {error}")))
}

/// Attempts in the order of their start: the last one of a target stands with the target, those that another one
/// follows in a table of their own.
pub(crate) async fn attempts(
    id: ExecutionId,
    node: Option<&NodeId>,
    pool: &Pool,
    place: &Place,
) -> Result<Vec<AttemptRecord>, StoreError> {
    let fault = |error| place.sql("read attempts", &error);
    let Some(key) = key(id, pool, place).await? else { return Ok(Vec::new()) };
    let rows = db::query(
        "SELECT node, attempt, started_at, finished_at, outcome, detail FROM ( \
         SELECT t.node, t.position, t.attempt, t.started_at, t.finished_at, t.outcome, t.detail \
         FROM pabawi_exec_targets AS t WHERE t.execution = $1 AND t.attempt > 0 \
         AND t.started_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pabawi_exec_attempts AS f \
         WHERE f.execution = t.execution AND f.position = t.position AND f.attempt = t.attempt) \
         AND ($2 IS NULL OR t.node = $2) \
         UNION ALL \
         SELECT t.node, a.position, a.attempt, a.started_at, a.finished_at, a.outcome, a.detail \
         FROM pabawi_exec_attempts AS a JOIN pabawi_exec_targets AS t \
         ON t.execution = a.execution AND t.position = a.position \
         WHERE a.execution = $1 AND ($2 IS NULL OR t.node = $2) \
         ) AS every ORDER BY started_at, position, attempt LIMIT $3",
    )
    .bind(key)
    .bind(node.map(NodeId::as_str))
    .bind(ATTEMPTS)
    .fetch_all(pool)
    .await
    .map_err(fault)?;
    rows.iter()
        .map(|row| {
            let finished_at: Option<i64> = row.try_get(3).map_err(fault)?;
            Ok(AttemptRecord {
                node: node_of(row.try_get(0).map_err(fault)?, place)?,
                attempt: codec::attempt(row.try_get(1).map_err(fault)?)?,
                started_at: codec::timestamp(row.try_get(2).map_err(fault)?),
                finished_at: finished_at.map(codec::timestamp),
                result: codec::outcome_of(row.try_get(4).map_err(fault)?, row.try_get(5).map_err(fault)?)?,
            })
        })
        .collect()
}

/// Finished targets by equal output, the largest group first; groups of one size in the order of the plan.
pub(crate) async fn output_groups(
    id: ExecutionId,
    stream: StreamKind,
    pool: &Pool,
    place: &Place,
) -> Result<Vec<OutputGroup>, StoreError> {
    let fault = |error| place.sql("group outputs", &error);
    let Some(key) = key(id, pool, place).await? else { return Ok(Vec::new()) };
    let sql = match stream {
        StreamKind::Stdout => {
            "SELECT position, node, stdout FROM pabawi_exec_targets \
             WHERE execution = $1 AND position >= $2 AND state = $3 ORDER BY position LIMIT $4"
        }
        StreamKind::Stderr => {
            "SELECT position, node, stderr FROM pabawi_exec_targets \
             WHERE execution = $1 AND position >= $2 AND state = $3 ORDER BY position LIMIT $4"
        }
    };
    let mut places: HashMap<Option<i64>, usize> = HashMap::new();
    let mut groups: Vec<(Option<i64>, Vec<NodeId>)> = Vec::new();
    let mut next = 0i64;
    // Ends with the first chunk that is not full; positions rise with every chunk.
    loop {
        let rows = db::query(sql)
            .bind(key)
            .bind(next)
            .bind(codec::state_code(TargetState::Finished))
            .bind(CHUNK)
            .fetch_all(pool)
            .await
            .map_err(fault)?;
        for row in &rows {
            next = row.try_get::<i64>(0).map_err(fault)?.saturating_add(1);
            let node = node_of(row.try_get(1).map_err(fault)?, place)?;
            let output: Option<i64> = row.try_get(2).map_err(fault)?;
            let at = *places.entry(output).or_insert(groups.len());
            match groups.get_mut(at) {
                Some((_, nodes)) => nodes.push(node),
                None => groups.push((output, vec![node])),
            }
        }
        if codec::signed(rows.len() as u64) < CHUNK {
            break;
        }
    }
    let ids: Vec<i64> = groups.iter().filter_map(|(output, _)| *output).collect();
    let refs = output_refs(&ids, pool, place).await?;
    groups.sort_by_key(|(_, nodes)| Reverse(nodes.len()));
    groups
        .into_iter()
        .map(|(output, nodes)| {
            let output = output
                .map(|id| {
                    refs.get(&id).copied().ok_or_else(|| place.corrupt(format!("output {id} is not there")))
                })
                .transpose()?;
            Ok(OutputGroup { output, nodes })
        })
        .collect()
}
