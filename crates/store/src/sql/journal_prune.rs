//! Removes what is old of the node journal. What is removed leaves its place in the chain, so that what stays can be verified.

use pabawi_domain::journal::{CHAIN_START, JournalCut, JournalLimit};
use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::StoreError;

use super::place::Place;
use crate::codec;
use crate::db::{self, Builder, Connection, Pool, Row, bulk};

/// What would go, for each limit.
pub(crate) async fn cuts(
    limits: &[JournalLimit],
    pool: &Pool,
    place: &Place,
) -> Result<Vec<JournalCut>, StoreError> {
    let fault = |error| place.sql("look what is old in the journal", &error);
    let mut cuts = Vec::with_capacity(limits.len());
    for limit in limits {
        let mut mark = limit.before.map(|before| (codec::nanos(before), i64::MIN));
        if let Some(keep) = limit.keep {
            // The newest of those that are too many.
            let mut sql = Builder::new("SELECT j.at, j.key FROM pabawi_exec_journal AS j WHERE 1 = 1");
            follows(&mut sql, limit, limits);
            sql.push(" ORDER BY j.at DESC, j.key DESC LIMIT 1 OFFSET ").push_bind(codec::signed(keep));
            if let Some(row) = sql.build().fetch_optional(pool).await.map_err(fault)? {
                let (at, key): (i64, i64) = (row.try_get(0).map_err(fault)?, row.try_get(1).map_err(fault)?);
                let after = (at, key.saturating_add(1));
                mark = Some(mark.map_or(after, |mark| mark.max(after)));
            }
        }
        let mut entries = 0;
        if let Some(mark) = mark {
            let mut sql = Builder::new("SELECT count(*) FROM pabawi_exec_journal AS j WHERE 1 = 1");
            follows(&mut sql, limit, limits);
            older(&mut sql, mark);
            let row = sql.build().fetch_one(pool).await.map_err(fault)?;
            entries = codec::unsigned(row.try_get(0).map_err(fault)?, "a count")?;
        }
        cuts.push(JournalCut { limit: limit.clone(), entries, mark });
    }
    Ok(cuts)
}

/// Removes at most so many entries within the open transaction, and says how many.
pub(crate) async fn prune(
    cuts: &[JournalCut],
    at_most: u32,
    conn: &mut Connection,
    place: &Place,
) -> Result<u64, StoreError> {
    let fault = |error| place.sql("remove what is old from the journal", &error);
    let limits: Vec<JournalLimit> = cuts.iter().map(|cut| cut.limit.clone()).collect();
    let mut room = i64::from(at_most);
    let mut gone = Vec::new();
    for cut in cuts {
        let Some(mark) = cut.mark.filter(|_| room > 0) else { continue };
        let mut sql = Builder::new(
            "SELECT j.key, j.node, j.seq, j.prev, j.hash FROM pabawi_exec_journal AS j WHERE 1 = 1",
        );
        follows(&mut sql, &cut.limit, &limits);
        older(&mut sql, mark);
        sql.push(" ORDER BY j.at, j.key LIMIT ").push_bind(room);
        for row in sql.build().fetch_all(&mut *conn).await.map_err(fault)? {
            gone.push(Gone::of(&row).map_err(fault)?);
            room -= 1;
        }
    }
    for table in ["pabawi_exec_journal_words WHERE rowid", "pabawi_exec_journal WHERE key"] {
        for part in bulk::chunks(&gone) {
            let sql =
                bulk::values(conn.dialect(), &format!("DELETE FROM {table} IN (VALUES "), 1, part.len(), ")");
            let mut query = db::query(sql);
            for one in part {
                query = query.bind(one.key);
            }
            query.execute(&mut *conn).await.map_err(fault)?;
        }
    }
    let removed = gone.len() as u64;
    keep_places(gone, conn).await.map_err(fault)?;
    Ok(removed)
}

/// An entry that goes.
#[derive(Debug)]
struct Gone {
    key: i64,
    node: String,
    seq: i64,
    /// Its hashes; absent where it is older than chains, which end with the next one then.
    hashes: Option<(Vec<u8>, Vec<u8>)>,
}

impl Gone {
    fn of(row: &Row) -> db::Result<Self> {
        let (prev, hash): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.try_get(3)?, row.try_get(4)?);
        Ok(Self { key: row.try_get(0)?, node: row.try_get(1)?, seq: row.try_get(2)?, hashes: prev.zip(hash) })
    }
}

/// Entries of one node in a row.
struct Range {
    node: String,
    first: i64,
    last: i64,
    prev: Vec<u8>,
    hash: Vec<u8>,
}

async fn keep_places(mut gone: Vec<Gone>, conn: &mut Connection) -> db::Result<()> {
    gone.sort_by(|a, b| (&a.node, a.seq).cmp(&(&b.node, b.seq)));
    let mut ranges: Vec<Range> = Vec::new();
    for Gone { node, seq, hashes, .. } in gone {
        let Some((prev, hash)) = hashes else { continue };
        match ranges.last_mut() {
            Some(range) if range.node == node && range.last + 1 == seq => {
                range.last = seq;
                range.hash = hash;
            }
            _ => ranges.push(Range { node, first: seq, last: seq, prev, hash }),
        }
    }
    for mut range in ranges {
        // What is beside it already becomes one with it.
        let rows = db::query(
            "DELETE FROM pabawi_exec_journal_pruned WHERE node = $1 AND (last_seq = $2 OR first_seq = $3) \
             RETURNING first_seq, last_seq, prev, hash",
        )
        .bind(range.node.as_str())
        .bind(range.first.saturating_sub(1))
        .bind(range.last.saturating_add(1))
        .fetch_all(&mut *conn)
        .await?;
        for row in rows {
            let (first, last): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            if last < range.first {
                (range.first, range.prev) = (first, row.try_get(2)?);
            } else {
                (range.last, range.hash) = (last, row.try_get(3)?);
            }
        }
        let whole = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).map_or(CHAIN_START, ContentHash).0.to_vec();
        db::query(
            "INSERT INTO pabawi_exec_journal_pruned (node, first_seq, last_seq, prev, hash) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (node, first_seq) DO NOTHING",
        )
        .bind(range.node)
        .bind(range.first)
        .bind(range.last)
        .bind(whole(range.prev))
        .bind(whole(range.hash))
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Entries that follow this limit: it is about them, and no other one says more.
fn follows(sql: &mut Builder, limit: &JournalLimit, all: &[JournalLimit]) {
    is_about(sql, " AND ", limit);
    for other in all.iter().filter(|other| other.rank() > limit.rank()) {
        is_about(sql, " AND NOT ", other);
    }
}

fn is_about(sql: &mut Builder, before: &str, limit: &JournalLimit) {
    sql.push(before).push("(1 = 1");
    if let Some(event_type) = &limit.event_type {
        sql.push(" AND j.event_type = ").push_bind(event_type.clone());
    }
    if let Some(source) = &limit.source {
        sql.push(" AND j.source = ").push_bind(source.clone());
    }
    sql.push(")");
}

fn older(sql: &mut Builder, (at, key): (i64, i64)) {
    sql.push(" AND (j.at, j.key) < (").push_bind(at).push(", ").push_bind(key).push(")");
}
