//! Questions about the node journal: pages of entries, versions of a note, and what is known of others' events.

use std::collections::HashSet;
use std::sync::Arc;

use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::journal::{EntryId, JournalEntry, JournalQuery, words};
use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::Page;

use super::place::Place;
use crate::codec;
use crate::cursor::{Cursor, fingerprint};
use crate::db::{self, Builder, Dialect, Pool, Row, bulk};
use crate::journal_row::EntryRow;

/// The columns of an entry, in the order in which [`row`] reads them.
pub(super) const COLUMNS: &str = "j.key, j.id, j.at, j.node, j.seq, j.event_type, j.source, j.execution_id, j.user_name, \
     j.action, j.result_status, j.summary, j.details, j.supersedes, j.hash";

/// Whether a later version stands in an entry's place.
pub(super) const SUPERSEDED: &str =
    "EXISTS (SELECT 1 FROM pabawi_exec_journal AS s WHERE s.supersedes = j.id)";

/// Versions of one note that are followed.
const VERSIONS: usize = 1_000;

/// An entry as it stands in the table.
pub(super) struct StoredEntry {
    pub(super) key: i64,
    pub(super) seq: u64,
    pub(super) row: EntryRow,
    pub(super) hash: Option<ContentHash>,
}

/// Reads the columns of an entry.
pub(super) fn row(row: &Row, place: &Place) -> Result<StoredEntry, StoreError> {
    let fault = |error| place.sql("read the journal", &error);
    let text = |column: usize| row.try_get::<&str>(column).map(Arc::from).map_err(fault);
    let maybe =
        |column: usize| row.try_get::<Option<&str>>(column).map(|text| text.map(Arc::from)).map_err(fault);
    let node: &str = row.try_get(3).map_err(fault)?;
    // A hash of another length is none: a look at the chain tells.
    let bytes: Option<&[u8]> = row.try_get(14).map_err(fault)?;
    Ok(StoredEntry {
        key: row.try_get(0).map_err(fault)?,
        seq: codec::unsigned(row.try_get(4).map_err(fault)?, "a journal entry's number")?,
        hash: bytes.and_then(|bytes| bytes.try_into().ok()).map(ContentHash),
        row: EntryRow {
            id: text(1)?,
            at: row.try_get(2).map_err(fault)?,
            node: NodeId::new(node).map_err(|error| place.corrupt(format!("a journal entry: {error}")))?,
            event_type: text(5)?,
            source: text(6)?,
            execution_id: maybe(7)?,
            user: maybe(8)?,
            action: text(9)?,
            result_status: maybe(10)?,
            summary: text(11)?,
            details: maybe(12)?,
            supersedes: maybe(13)?,
            words: "".into(),
        },
    })
}

/// Reads the columns of an entry and, behind them, whether a later version stands in its place.
pub(super) fn entry(found: &Row, place: &Place) -> Result<(i64, JournalEntry), StoreError> {
    let superseded: bool = found.try_get(15).map_err(|error| place.sql("read the journal", &error))?;
    let StoredEntry { key, seq, row, hash, .. } = row(found, place)?;
    let entry = row.entry(seq, hash, superseded).map_err(|error| match error {
        StoreError::Corrupt(text) => place.corrupt(text),
        other => other,
    })?;
    Ok((key, entry))
}

/// Entries, newest first: by their time, then in the order in which they were written.
pub(crate) async fn page(
    query: &JournalQuery,
    pool: &Pool,
    place: &Place,
) -> Result<Page<JournalEntry>, StoreError> {
    let question = JournalQuery { limit: None, cursor: None, ..query.clone() };
    let fingerprint = fingerprint("journal", &question)?;
    let limit = codec::page_size(query.limit, 50, 1000);
    let after = query.cursor.as_ref().map(|cursor| Cursor::decode(cursor, fingerprint)).transpose()?;
    // One more than asked for tells whether there is more.
    let Some(sql) = search(query, after, limit.saturating_add(1), pool.dialect()) else {
        return Ok(Page { items: Vec::new(), next_cursor: None });
    };
    let rows = sql.build().fetch_all(pool).await.map_err(|error| place.sql("read the journal", &error))?;
    let more = codec::signed(rows.len() as u64) > limit;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let found =
        rows.iter().take(wanted).map(|row| entry(row, place)).collect::<Result<Vec<_>, StoreError>>()?;
    let next_cursor = found
        .last()
        .filter(|_| more)
        .map(|(key, last)| Cursor { at: codec::nanos(last.entry.at), tie: *key, fingerprint }.encode());
    Ok(Page { items: found.into_iter().map(|(_, entry)| entry).collect(), next_cursor })
}

/// The search for a page; `None` when it cannot find anything.
fn search(query: &JournalQuery, after: Option<Cursor>, limit: i64, dialect: Dialect) -> Option<Builder> {
    let mut sql: Builder = Builder::new("SELECT ");
    sql.push(COLUMNS).push(", ").push(SUPERSEDED).push(" FROM pabawi_exec_journal AS j WHERE 1 = 1");
    let nodes: Vec<&str> = query.nodes.iter().map(NodeId::as_str).collect();
    any_of(&mut sql, "j.node", &nodes);
    for (column, wanted) in [
        ("j.event_type", &query.event_types),
        ("j.source", &query.sources),
        ("j.user_name", &query.users),
        ("j.result_status", &query.statuses),
    ] {
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        any_of(&mut sql, column, &wanted);
    }
    if let Some(id) = query.execution_id {
        sql.push(" AND j.execution_id = ").push_bind(id.to_string());
    }
    if let Some(since) = query.since {
        sql.push(" AND j.at >= ").push_bind(codec::nanos(since));
    }
    // One bound from above: of two, SQLite begins at the one that it sees first, however far that is from the other.
    let until = query.until.map(codec::nanos);
    if let Some(until) = until.filter(|until| after.is_none_or(|after| after.at >= *until)) {
        sql.push(" AND j.at < ").push_bind(until);
    }
    if let Some(text) = &query.text {
        let words = words(text);
        if words.is_empty() {
            return None;
        }
        let wanted = sql.parameter(dialect.beginnings(&words));
        sql.push(format!(
            " AND j.key IN (SELECT rowid FROM pabawi_exec_journal_words WHERE {})",
            dialect.has_words("pabawi_exec_journal_words", &wanted)
        ));
    }
    if !query.superseded {
        sql.push(" AND NOT ").push(SUPERSEDED);
    }
    if let Some(after) = after {
        sql.push(" AND (j.at, j.key) < (").push_bind(after.at).push(", ").push_bind(after.tie).push(")");
    }
    sql.push(" ORDER BY j.at DESC, j.key DESC LIMIT ").push_bind(limit);
    Some(sql)
}

fn any_of(sql: &mut Builder, column: &str, wanted: &[&str]) {
    match wanted {
        [] => {}
        [one] => {
            sql.push(format!(" AND {column} = ")).push_bind((*one).to_owned());
        }
        some => {
            sql.push(format!(" AND {column} IN ("));
            sql.push_list(some.iter().copied()).push(")");
        }
    }
}

/// All versions of a note, the first one first.
pub(crate) async fn versions(
    id: EntryId,
    pool: &Pool,
    place: &Place,
) -> Result<Vec<JournalEntry>, StoreError> {
    let Some(asked) = one(&format!("j.id = '{id}'"), pool, place).await? else { return Ok(Vec::new()) };
    let mut versions = vec![asked];
    // Each round is one version further, or ends it.
    while versions.len() < VERSIONS {
        let Some(before) = versions.first().and_then(|first| first.entry.supersedes) else { break };
        let Some(entry) = one(&format!("j.id = '{before}'"), pool, place).await? else { break };
        versions.insert(0, entry);
    }
    while versions.len() < VERSIONS {
        let Some(last) = versions.last().map(|last| last.entry.id) else { break };
        let Some(entry) = one(&format!("j.supersedes = '{last}'"), pool, place).await? else { break };
        versions.push(entry);
    }
    Ok(versions)
}

/// `condition` holds nothing but ids.
async fn one(condition: &str, pool: &Pool, place: &Place) -> Result<Option<JournalEntry>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS}, {SUPERSEDED} FROM pabawi_exec_journal AS j WHERE {condition} LIMIT 1");
    let row = db::query(sql).fetch_optional(pool).await;
    let row = row.map_err(|error| place.sql("read the journal", &error))?;
    row.map(|row| entry(&row, place).map(|(_, entry)| entry)).transpose()
}

/// Which of these entries, and of these executions with an entry of that node, are there.
pub(crate) async fn known(
    node: &NodeId,
    entries: &[EntryId],
    executions: &[ExecutionId],
    pool: &Pool,
    place: &Place,
) -> Result<(HashSet<EntryId>, HashSet<ExecutionId>), StoreError> {
    let fault = |error| place.sql("read the journal", &error);
    let (mut ids, mut of) = (HashSet::new(), HashSet::new());
    for part in bulk::chunks(entries) {
        let sql = bulk::values(
            pool.dialect(),
            "SELECT j.id FROM (VALUES ",
            1,
            part.len(),
            ") AS v JOIN pabawi_exec_journal AS j ON j.id = v.column1",
        );
        let mut query = db::query(sql);
        for id in part {
            query = query.bind(id.to_string());
        }
        for row in query.fetch_all(pool).await.map_err(fault)? {
            let id: &str = row.try_get(0).map_err(fault)?;
            ids.insert(id.parse().map_err(|error| place.corrupt(format!("a journal entry: {error}")))?);
        }
    }
    for part in bulk::chunks(executions) {
        let mut sql = bulk::values(
            pool.dialect(),
            "SELECT DISTINCT j.execution_id FROM (VALUES ",
            1,
            part.len(),
            ") AS v JOIN pabawi_exec_journal AS j ON j.execution_id = v.column1 WHERE j.node = ",
        );
        pool.dialect().push_parameter(&mut sql, part.len() + 1);
        let mut query = db::query(sql);
        for id in part {
            query = query.bind(id.to_string());
        }
        for row in query.bind(node.as_str()).fetch_all(pool).await.map_err(fault)? {
            of.insert(super::list::id_of(row.try_get(0).map_err(fault)?, place)?);
        }
    }
    Ok((ids, of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::explained::Explained;

    /// However long the journal is, a page costs the same.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn pages_follow_an_index_in_the_order_of_the_answer() {
        let explained = Explained::new().await;
        let all = JournalQuery::default;
        for (query, index) in [
            (all(), "pabawi_exec_journal_time"),
            (JournalQuery { nodes: vec!["web1".parse().unwrap()], ..all() }, "pabawi_exec_journal_node"),
            (JournalQuery { event_types: vec!["note".into()], ..all() }, "pabawi_exec_journal_type"),
            (
                JournalQuery { execution_id: Some(uuid::Uuid::nil().into()), ..all() },
                "pabawi_exec_journal_execution",
            ),
        ] {
            let sql = search(&query, None, 51, Dialect::Sqlite).unwrap();
            let plan = explained.steps(sql.sql()).await.join("; ");
            assert!(plan.contains(index), "{query:?}: {plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{query:?}: {plan}");
        }
        explained.close().await;
    }
}
