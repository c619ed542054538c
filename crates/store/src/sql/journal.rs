//! Writes entries of the node journal, each at the end of its node's chain.

use std::collections::{HashMap, HashSet};

use pabawi_domain::journal::CHAIN_START;
use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::StoreError;

use super::place::Place;
use crate::codec;
use crate::db::{self, Connection, Dialect, Fault, Step, Steps, bulk, run_steps};
use crate::journal_row::EntryRow;

/// What is being done when it fails.
const WRITE: &str = "write the journal";
/// Entries that are looked up at once.
const AT_ONCE: usize = 1024;

/// The end of a node's chain.
struct Head {
    seq: u64,
    hash: ContentHash,
}

/// Sees that no entry is to stand in the place of one that is not there, or in whose place another one stands.
pub(crate) async fn check(
    entries: &[EntryRow],
    conn: &mut Connection,
    place: &Place,
) -> Result<(), StoreError> {
    for entry in entries {
        let Some(old) = &entry.supersedes else { continue };
        let row = db::query(
            "SELECT EXISTS (SELECT 1 FROM pabawi_exec_journal WHERE id = $1 AND node = $2), \
             EXISTS (SELECT 1 FROM pabawi_exec_journal WHERE supersedes = $1 AND id <> $3)",
        )
        .bind(old)
        .bind(entry.node.as_str())
        .bind(&entry.id)
        .fetch_one(&mut *conn)
        .await
        .map_err(|error| place.sql("read the journal", &error))?;
        let flag = |column: usize| {
            row.try_get::<bool>(column).map_err(|error| place.sql("read the journal", &error))
        };
        if !flag(0)? || flag(1)? {
            return Err(StoreError::Superseded);
        }
    }
    Ok(())
}

/// Writes entries within the open transaction, in their order; those that are known are left as they are. What has to be
/// done `before` them is done on the way.
pub(crate) async fn append(
    entries: &[EntryRow],
    mut before: Steps<'_>,
    conn: &mut Connection,
    place: &Place,
) -> Result<(), StoreError> {
    let mut seen = HashSet::with_capacity(entries.len());
    let entries: Vec<&EntryRow> = entries.iter().filter(|entry| seen.insert(&*entry.id)).collect();
    let fault = |(doing, fault)| place.sql(doing, &fault);
    for chunk in entries.chunks(AT_ONCE) {
        append_chunk(chunk, &mut before, conn).await.map_err(fault)?;
    }
    run_steps(before, conn).await.map_err(fault)
}

async fn append_chunk(
    chunk: &[&EntryRow],
    before: &mut Steps<'_>,
    conn: &mut Connection,
) -> Result<(), (&'static str, Fault)> {
    let fault = |fault| (WRITE, fault);
    let known = known(chunk, conn).await.map_err(fault)?;
    let new: Vec<&EntryRow> = chunk.iter().filter(|entry| !known.contains(&*entry.id)).copied().collect();
    if new.is_empty() {
        return Ok(());
    }
    let mut heads = heads(&new, conn).await.map_err(fault)?;
    let dialect = conn.dialect();
    let steps: Steps<'_> = Box::new(before.chain(inserts(&new, &mut heads, dialect)));
    run_steps(steps, conn).await?;
    let first = first_key(&new, conn).await.map_err(fault)?;
    // Words take the longest, and so come first.
    let steps: Steps<'_> =
        Box::new(std::iter::once(words(&new, first, dialect)).chain(new_heads(&heads, dialect)));
    run_steps(steps, conn).await
}

/// Each entry behind the one before it of its node, whose heads move on.
fn inserts<'s, 'a>(
    new: &'s [&'a EntryRow],
    heads: &'s mut HashMap<&'a str, Head>,
    dialect: Dialect,
) -> Steps<'s> {
    Box::new(bulk::chunks(new).map(move |part| {
        let sql = bulk::values(
            dialect,
            "INSERT INTO pabawi_exec_journal (id, at, node, seq, event_type, source, execution_id, user_name, action, \
             result_status, summary, details, supersedes, prev, hash) VALUES ",
            15,
            part.len(),
            "",
        );
        let mut query = db::query(sql);
        for entry in part {
            let head = heads.entry(entry.node.as_str()).or_insert(Head { seq: 0, hash: CHAIN_START });
            let (seq, prev) = (head.seq.saturating_add(1), head.hash);
            *head = Head { seq, hash: entry.hash(seq, prev) };
            query = query
                .bind(&entry.id)
                .bind(entry.at)
                .bind(entry.node.as_str())
                .bind(codec::signed(seq))
                .bind(&entry.event_type)
                .bind(&entry.source)
                .bind(&entry.execution_id)
                .bind(&entry.user)
                .bind(&entry.action)
                .bind(&entry.result_status)
                .bind(&entry.summary)
                .bind(&entry.details)
                .bind(&entry.supersedes)
                .bind(prev.0.to_vec())
                .bind(head.hash.0.to_vec());
        }
        (WRITE, query)
    }))
}

/// The key of the first of entries that have just been written. They follow each other, since nobody else writes meanwhile.
async fn first_key(entries: &[&EntryRow], conn: &mut Connection) -> db::Result<i64> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Err(Fault::NoRow) };
    let key = "(SELECT key FROM pabawi_exec_journal WHERE id =";
    let row = db::query(format!("SELECT {key} $1), {key} $2)")).bind(&first.id).bind(&last.id);
    let row = row.fetch_one(&mut *conn).await?;
    let (first, last): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    let places = codec::signed(entries.len() as u64).saturating_sub(1);
    if last.checked_sub(first) != Some(places) {
        return Err(Fault::Keys { first, last, count: entries.len() });
    }
    Ok(first)
}

/// The words of entries whose keys follow each other, in one statement: after each one FTS5 writes what it has collected, and
/// merges it later.
fn words(entries: &[&EntryRow], first: i64, dialect: Dialect) -> Step {
    let sql = format!(
        "INSERT INTO pabawi_exec_journal_words (rowid, words) SELECT CAST($1 AS BIGINT) + v.place, v.value FROM {}",
        dialect.texts_in_order("$2", "v")
    );
    let words = json_list(entries.iter().map(|entry| &*entry.words));
    (WRITE, db::query(sql).bind(first).bind(words))
}

async fn known(chunk: &[&EntryRow], conn: &mut Connection) -> db::Result<HashSet<String>> {
    let ids = json_list(chunk.iter().map(|entry| &*entry.id));
    let sql = format!(
        "SELECT j.id FROM {} CROSS JOIN pabawi_exec_journal AS j WHERE j.id = v.value",
        conn.dialect().texts("$1", "v")
    );
    db::query(sql).bind(ids).fetch_all(conn).await?.iter().map(|row| row.try_get(0)).collect()
}

async fn heads<'a>(entries: &[&'a EntryRow], conn: &mut Connection) -> db::Result<HashMap<&'a str, Head>> {
    let nodes: HashSet<&str> = entries.iter().map(|entry| entry.node.as_str()).collect();
    let sql = format!(
        "SELECT h.node, h.seq, h.hash FROM {} CROSS JOIN pabawi_exec_journal_heads AS h WHERE h.node = v.value",
        conn.dialect().texts("$1", "v")
    );
    let mut heads = HashMap::with_capacity(nodes.len());
    for row in db::query(sql).bind(json_list(nodes.iter().copied())).fetch_all(conn).await? {
        let (node, hash): (&str, &[u8]) = (row.try_get(0)?, row.try_get(2)?);
        let Some(node) = nodes.get(node) else { continue };
        let seq = u64::try_from(row.try_get::<i64>(1)?).unwrap_or(0);
        // One that was tampered with does not keep results from being written; a look at the chain tells.
        let hash = hash.try_into().map_or(CHAIN_START, ContentHash);
        heads.insert(*node, Head { seq, hash });
    }
    Ok(heads)
}

/// Ids and names of nodes as a JSON list: one parameter, and one statement, however many there are.
fn json_list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    serde_json::Value::from_iter(texts).to_string()
}

fn new_heads(heads: &HashMap<&str, Head>, dialect: Dialect) -> std::vec::IntoIter<Step> {
    let heads: Vec<(&&str, &Head)> = heads.iter().collect();
    let statement = |part: &[(&&str, &Head)]| {
        let sql = bulk::values(
            dialect,
            "INSERT INTO pabawi_exec_journal_heads (node, seq, hash, unchained) VALUES ",
            4,
            part.len(),
            " ON CONFLICT (node) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
        );
        let mut query = db::query(sql);
        for (node, head) in part {
            query = query.bind(**node).bind(codec::signed(head.seq)).bind(head.hash.0.to_vec()).bind(0i64);
        }
        (WRITE, query)
    };
    bulk::chunks(&heads).map(statement).collect::<Vec<Step>>().into_iter()
}
