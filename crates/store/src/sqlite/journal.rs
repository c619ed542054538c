//! The stored part of the node journal: entries are added and read, never changed.

use pabawi_domain::id::NodeId;
use pabawi_domain::journal::{JournalEntry, JournalQuery, NewJournalEntry};
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::Page;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, QueryBuilder, Row, Sqlite, SqliteConnection, SqlitePool};

use super::bulk;
use super::place::Place;
use crate::codec;
use crate::cursor::{Cursor, fingerprint};

/// Writes entries within the open transaction.
pub(crate) async fn append(
    entries: &[NewJournalEntry],
    conn: &mut SqliteConnection,
    place: &Place,
) -> Result<(), StoreError> {
    for chunk in bulk::chunks(entries) {
        let sql = bulk::values(
            "INSERT INTO pabawi_exec_journal (at, node, event_type, source, execution_id, user_name, \
             action, result_status, summary, details) VALUES ",
            10,
            chunk.len(),
            "",
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for entry in chunk {
            let details = if entry.details.is_empty() {
                None
            } else {
                Some(codec::to_json(&entry.details, "details of a journal entry")?)
            };
            query = query
                .bind(codec::nanos(entry.at))
                .bind(entry.node.as_str())
                .bind(entry.event_type.as_str())
                .bind(entry.source.as_str())
                .bind(entry.execution_id.map(|id| id.to_string()))
                .bind(entry.user.as_deref())
                .bind(entry.action.as_str())
                .bind(entry.result_status.as_deref())
                .bind(entry.summary.as_str())
                .bind(details);
        }
        query.execute(&mut *conn).await.map_err(|error| place.sql("write the journal", &error))?;
    }
    Ok(())
}

/// Entries, newest first: by their time, then by their number.
pub(crate) async fn page(
    query: &JournalQuery,
    pool: &SqlitePool,
    place: &Place,
) -> Result<Page<JournalEntry>, StoreError> {
    let question = JournalQuery { limit: None, cursor: None, ..query.clone() };
    let fingerprint = fingerprint("journal", &question)?;
    let limit = codec::page_size(query.limit, 50, 1000);
    let mut sql: QueryBuilder<Sqlite> = QueryBuilder::new(
        "SELECT id, at, node, event_type, source, execution_id, user_name, action, result_status, summary, \
         details FROM pabawi_exec_journal WHERE 1 = 1",
    );
    if let Some(node) = &query.node {
        sql.push(" AND node = ").push_bind(node.as_str().to_owned());
    }
    if let Some(id) = query.execution_id {
        sql.push(" AND execution_id = ").push_bind(id.to_string());
    }
    if let Some(event_type) = &query.event_type {
        sql.push(" AND event_type = ").push_bind(event_type.clone());
    }
    if let Some(since) = query.since {
        sql.push(" AND at >= ").push_bind(codec::nanos(since));
    }
    if let Some(until) = query.until {
        sql.push(" AND at < ").push_bind(codec::nanos(until));
    }
    if let Some(cursor) = &query.cursor {
        let cursor = Cursor::decode(cursor, fingerprint)?;
        sql.push(" AND (at, id) < (").push_bind(cursor.at).push(", ").push_bind(cursor.tie).push(")");
    }
    // One more than asked for tells whether there is more.
    sql.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(limit.saturating_add(1));
    let rows = sql.build().fetch_all(pool).await.map_err(|error| place.sql("read the journal", &error))?;
    let more = codec::signed(rows.len() as u64) > limit;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let items = rows
        .iter()
        .take(wanted)
        .map(|row| entry(row, place))
        .collect::<Result<Vec<JournalEntry>, StoreError>>()?;
    let next_cursor = items.last().filter(|_| more).map(|last| {
        let (at, tie) = (codec::nanos(last.entry.at), codec::signed(last.id));
        Cursor { at, tie, fingerprint }.encode()
    });
    Ok(Page { items, next_cursor })
}

fn entry(row: &SqliteRow, place: &Place) -> Result<JournalEntry, StoreError> {
    let fault = |error| place.sql("read the journal", &error);
    let node: &str = row.try_get(2).map_err(fault)?;
    let execution: Option<&str> = row.try_get(5).map_err(fault)?;
    let details: Option<&str> = row.try_get(10).map_err(fault)?;
    Ok(JournalEntry {
        id: codec::unsigned(row.try_get(0).map_err(fault)?, "a journal entry's number")?,
        entry: NewJournalEntry {
            node: NodeId::new(node).map_err(|error| place.corrupt(format!("a journal entry: {error}")))?,
            event_type: row.try_get(3).map_err(fault)?,
            source: row.try_get(4).map_err(fault)?,
            execution_id: execution
                .map(|id| id.parse().map_err(|error| place.corrupt(format!("a journal entry: {error}"))))
                .transpose()?,
            at: codec::timestamp(row.try_get(1).map_err(fault)?),
            user: row.try_get(6).map_err(fault)?,
            action: row.try_get(7).map_err(fault)?,
            result_status: row.try_get(8).map_err(fault)?,
            summary: row.try_get(9).map_err(fault)?,
            details: details
                .map(|details| codec::from_json(details, "details of a journal entry"))
                .transpose()?
                .unwrap_or_default(),
        },
    })
}
