//! The history: executions by every field of an [`ExecutionQuery`], newest first.
//!
//! A page is found in two steps: first the keys, by indexes and short columns alone, then the rows. So a
//! search does not read requests (a script may have 16 MiB), and a page ends before it grows too large.

use std::collections::{BTreeSet, HashMap};

use pabawi_domain::action::ActionKind;
use pabawi_domain::id::{ExecutionId, NodeId, PluginName, Tag};
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::{ExecutionQuery, ExecutionRecord, ExecutionTotals, Page};
use pabawi_domain::request::Caller;
use pabawi_domain::summary::ExecutionStatus;

use super::create::KEY_SPAN;
use super::place::Place;
use crate::codec;
use crate::cursor::{Cursor, fingerprint};
use crate::db::{self, Builder, Dialect, Pool, Row};

/// A page ends early when its requests have this many bytes.
const PAGE_BYTES: i64 = 32 * 1024 * 1024;
/// Of a long history one target has a small part.
const TARGETS: &str = "pabawi_exec_targets";
/// Reruns shown of one execution.
const RERUNS: i64 = 1_000;

/// A page of the history.
pub(crate) async fn executions(
    query: &ExecutionQuery,
    pool: &Pool,
    place: &Place,
) -> Result<Page<ExecutionRecord>, StoreError> {
    let question = ExecutionQuery { limit: None, cursor: None, ..query.clone() };
    let fingerprint = fingerprint("executions", &question)?;
    let before = match &query.cursor {
        Some(cursor) => Cursor::decode(cursor, fingerprint)?.at,
        None => i64::MAX,
    };
    let limit = codec::page_size(query.limit, 50, 1000);
    let (keys, more) = keys(query, before, limit, pool, place).await?;
    let items = records(&keys, pool, place).await?;
    let next_cursor =
        keys.last().filter(|_| more).map(|key| Cursor { at: *key, tie: 0, fingerprint }.encode());
    Ok(Page { items, next_cursor })
}

/// The keys of a page, and whether there is more behind it.
async fn keys(
    query: &ExecutionQuery,
    before: i64,
    limit: i64,
    pool: &Pool,
    place: &Place,
) -> Result<(Vec<i64>, bool), StoreError> {
    let fault = |error| place.sql("search executions", &error);
    // One more than asked for tells whether there is more.
    let sql = search(query, before, limit.saturating_add(1), pool.dialect());
    let rows = sql.build().fetch_all(pool).await.map_err(fault)?;
    let (mut keys, mut bytes) = (Vec::with_capacity(rows.len()), 0i64);
    for row in &rows {
        bytes = bytes.saturating_add(row.try_get(1).map_err(fault)?);
        let full = codec::signed(keys.len() as u64) >= limit || (!keys.is_empty() && bytes > PAGE_BYTES);
        if full {
            return Ok((keys, true));
        }
        keys.push(row.try_get(0).map_err(fault)?);
    }
    Ok((keys, false))
}

/// The search for keys.
fn search(query: &ExecutionQuery, before: i64, limit: i64, dialect: Dialect) -> Builder {
    let columns = "e.key, octet_length(e.request) + octet_length(e.action_text)";
    let (mut sql, order) = select(columns, query, before, dialect);
    sql.push(format!(" ORDER BY {order} DESC LIMIT ")).push_bind(limit);
    sql
}

/// How many executions stand where, of those that the question is about.
pub(crate) async fn totals(
    query: &ExecutionQuery,
    pool: &Pool,
    place: &Place,
) -> Result<ExecutionTotals, StoreError> {
    let fault = |error| place.sql("count executions", &error);
    let (mut sql, _) = select("e.status, count(*)", query, i64::MAX, pool.dialect());
    sql.push(" GROUP BY e.status");
    let mut totals = ExecutionTotals::default();
    for row in &sql.build().fetch_all(pool).await.map_err(fault)? {
        let word: &str = row.try_get(0).map_err(fault)?;
        let status = ExecutionStatus::from_word(word)
            .ok_or_else(|| place.corrupt(format!("unknown status {word:?}")))?;
        totals.add(status, codec::unsigned(row.try_get(1).map_err(fault)?, "a count of executions")?);
    }
    Ok(totals)
}

/// The beginning of a search with all restrictions of the question, and the column that has the keys in order. What narrows
/// most comes first, each with an index that has the keys in order: CROSS JOIN keeps SQLite from turning the tables
/// around (<https://www.sqlite.org/optoverview.html>). PostgreSQL turns them as it believes the rows to be spread, unless it is
/// about a target: of how many executions one has it knows too little to be let choose.
fn select(columns: &str, query: &ExecutionQuery, before: i64, dialect: Dialect) -> (Builder, &'static str) {
    // Where a row of another table has to belong to the execution: the table, its column, the value.
    let others = [
        (TARGETS, "node", query.target.as_ref().map(NodeId::as_str)),
        ("pabawi_exec_tags", "tag", query.tag.as_ref().map(Tag::as_str)),
        ("pabawi_exec_plugins", "plugin", query.plugin.as_ref().map(PluginName::as_str)),
    ];
    let mut others = others.iter().filter_map(|(table, column, value)| Some((table, column, (*value)?)));
    let mut sql = Builder::new(format!("SELECT {columns} FROM "));
    let order = match others.next() {
        Some((table, column, value)) => {
            let executions = match *table {
                TARGETS => dialect.looked_up("pabawi_exec_executions", "key", "o.execution", "e"),
                _ => "CROSS JOIN pabawi_exec_executions AS e".to_owned(),
            };
            sql.push(format!("{table} AS o {executions} WHERE e.key = o.execution AND o.{column} = "))
                .push_bind(value.to_owned());
            "o.execution"
        }
        None => {
            sql.push("pabawi_exec_executions AS e WHERE 1 = 1");
            "e.key"
        }
    };
    for (table, column, value) in others {
        sql.push(format!(
            " AND EXISTS (SELECT 1 FROM {table} AS x WHERE x.execution = e.key AND x.{column} = "
        ))
        .push_bind(value.to_owned())
        .push(")");
    }
    // One bound from above: of two, SQLite begins at the one that it sees first, however far that is from the other.
    let until = query.until.map(codec::nanos);
    let end = until.map_or(before, |until| before.min(until.saturating_add(KEY_SPAN)));
    sql.push(format!(" AND {order} < ")).push_bind(end);
    if let Some(since) = query.since {
        let since = codec::nanos(since);
        sql.push(" AND e.submitted_at >= ").push_bind(since);
        sql.push(format!(" AND {order} >= ")).push_bind(since);
    }
    if let Some(until) = until {
        sql.push(" AND e.submitted_at < ").push_bind(until);
    }
    if let Some(user) = &query.user {
        sql.push(" AND e.user_name = ").push_bind(user.clone());
    }
    statuses(query, dialect, &mut sql);
    if let Some(kind) = query.action_kind {
        sql.push(" AND e.action_kind = ").push_bind(kind.as_str());
    }
    if let Some(text) = &query.text {
        // A plain search for a part, in which no character is special.
        let part = sql.parameter(codec::fold_case(text));
        sql.push(format!(" AND {} > 0", dialect.find("coalesce(e.action_folded, e.action_text)", &part)));
    }
    if let Some(id) = &query.correlation_id {
        sql.push(" AND e.correlation_id = ").push_bind(id.as_str().to_owned());
    }
    if let Some(key) = &query.idempotency_key {
        sql.push(" AND e.idempotency_key = ").push_bind(key.as_str().to_owned());
    }
    if let Some(id) = query.rerun_of {
        sql.push(" AND e.rerun_of = ").push_bind(id.to_string());
    }
    (sql, order)
}

fn statuses(query: &ExecutionQuery, dialect: Dialect, sql: &mut Builder) {
    if query.status.is_empty() {
        return;
    }
    // Completed executions are most of the history: reading it from its end finds a page of them sooner than
    // an index, which gives several statuses one after the other.
    let common = query.status.len() > 1 && query.status.contains(&ExecutionStatus::Completed);
    let status = if common { dialect.without_index("e.status") } else { "e.status".to_owned() };
    sql.push(format!(" AND {status} IN ("));
    sql.push_list(query.status.iter().map(|status| status.as_str())).push(")");
}

/// The executions of these keys in the same order. One statement with one parameter, however many there are: each costs a way
/// to the database and back, which on a busy machine takes longer than the rows.
pub(crate) async fn records(
    keys: &[i64],
    pool: &Pool,
    place: &Place,
) -> Result<Vec<ExecutionRecord>, StoreError> {
    let fault = |error| place.sql("read executions", &error);
    let rows = db::query(read(pool.dialect()))
        .bind(codec::to_json(&keys, "keys")?)
        .bind(RERUNS)
        .fetch_all(pool)
        .await
        .map_err(fault)?;
    let mut by_key = HashMap::with_capacity(keys.len());
    for row in &rows {
        by_key.insert(row.try_get::<i64>(0).map_err(fault)?, record(row, place)?);
    }
    // One that was removed since its key was found is left out.
    Ok(keys.iter().filter_map(|key| by_key.remove(key)).collect())
}

/// Executions of given keys, each with its plugins and its reruns in their order.
fn read(dialect: Dialect) -> String {
    format!(
        "SELECT e.key, e.id, e.user_name, e.entry_point, e.action_kind, e.status, e.submitted_at, \
         e.started_at, e.finished_at, e.progress, e.summary, e.action_text, e.request, \
         (SELECT {plugins} FROM pabawi_exec_plugins AS p WHERE p.execution = e.key), \
         (SELECT {reruns} FROM (SELECT x.id, x.key FROM pabawi_exec_executions AS x WHERE x.rerun_of = e.id \
         ORDER BY x.key LIMIT $2) AS r) \
         FROM {keys} CROSS JOIN pabawi_exec_executions AS e WHERE e.key = v.value",
        plugins = dialect.joined("p.plugin", "p.plugin"),
        reruns = dialect.joined("r.id", "r.key"),
        keys = dialect.numbers("$1", "v"),
    )
}

fn record(row: &Row, place: &Place) -> Result<ExecutionRecord, StoreError> {
    let fault = |error| place.sql("read executions", &error);
    let text = |column: usize| row.try_get::<&str>(column).map_err(fault);
    let time =
        |column: usize| row.try_get::<Option<i64>>(column).map_err(fault).map(|at| at.map(codec::timestamp));
    let unknown = |what: &str, word: &str| place.corrupt(format!("unknown {what} {word:?}"));
    let (kind, status) = (text(4)?, text(5)?);
    let summary: Option<&str> = row.try_get(10).map_err(fault)?;
    let plugin =
        |name: &str| PluginName::new(name).map_err(|error| place.corrupt(format!("an execution: {error}")));
    Ok(ExecutionRecord {
        id: id_of(text(1)?, place)?,
        caller: Caller {
            user: text(2)?.to_owned(),
            entry_point: codec::from_word(text(3)?, "an entry point")?,
        },
        request: codec::from_json(text(12)?, "a request")?,
        action_kind: ActionKind::from_word(kind).ok_or_else(|| unknown("kind of action", kind))?,
        action_text: text(11)?.to_owned(),
        plugins: joined(row, 13, place)?.map(plugin).collect::<Result<BTreeSet<_>, StoreError>>()?,
        status: ExecutionStatus::from_word(status).ok_or_else(|| unknown("status", status))?,
        progress: codec::from_json(text(9)?, "the counts of an execution")?,
        submitted_at: codec::timestamp(row.try_get(6).map_err(fault)?),
        started_at: time(7)?,
        finished_at: time(8)?,
        summary: summary.map(|summary| codec::from_json(summary, "a summary")).transpose()?,
        reruns: joined(row, 14, place)?.map(|id| id_of(id, place)).collect::<Result<Vec<_>, StoreError>>()?,
    })
}

/// The parts of a column that [`Dialect::joined`] has made.
fn joined<'r>(
    row: &'r Row,
    column: usize,
    place: &Place,
) -> Result<impl Iterator<Item = &'r str>, StoreError> {
    let text: Option<&str> = row.try_get(column).map_err(|error| place.sql("read executions", &error))?;
    Ok(text.into_iter().flat_map(|text| text.split(',')))
}

/// An execution's id in a column.
pub(crate) fn id_of(text: &str, place: &Place) -> Result<ExecutionId, StoreError> {
    text.parse().map_err(|error| place.corrupt(format!("an execution's id: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::explained::Explained;
    use pabawi_domain::id::CorrelationId;
    /// Each of these is answered from an index that has the keys in order: however long the history is, a page
    /// costs the same. A sort or a scan would read all of it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn searches_follow_an_index_in_the_order_of_the_answer() {
        let explained = Explained::new().await;
        let all = ExecutionQuery::default;
        let status = BTreeSet::from([ExecutionStatus::Failed]);
        for (query, index) in [
            (ExecutionQuery { target: "web1".parse().ok(), ..all() }, "pabawi_exec_targets_node"),
            (ExecutionQuery { tag: Tag::new("t").ok(), ..all() }, "o USING PRIMARY KEY"),
            (ExecutionQuery { plugin: PluginName::new("ssh").ok(), ..all() }, "o USING PRIMARY KEY"),
            (ExecutionQuery { user: Some("ada".into()), ..all() }, "pabawi_exec_executions_user"),
            (ExecutionQuery { status, ..all() }, "pabawi_exec_executions_status"),
            (
                ExecutionQuery { correlation_id: CorrelationId::new("c").ok(), ..all() },
                "pabawi_exec_executions_correlation",
            ),
            (
                ExecutionQuery { rerun_of: Some(uuid::Uuid::nil().into()), ..all() },
                "pabawi_exec_executions_rerun",
            ),
            (all(), "INTEGER PRIMARY KEY"),
        ] {
            let sql = search(&query, i64::MAX, 51, Dialect::Sqlite);
            let plan = explained.steps(sql.sql()).await.join("; ");
            assert!(plan.contains(index), "{query:?}: {plan}");
            assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN"), "{query:?}: {plan}");
        }
        let plan = explained.steps(&read(Dialect::Sqlite)).await.join("; ");
        for index in
            ["e USING INTEGER PRIMARY KEY", "pabawi_exec_plugins_execution", "pabawi_exec_executions_rerun"]
        {
            assert!(plan.contains(index), "{index}: {plan}");
        }
        explained.close().await;
    }
}
