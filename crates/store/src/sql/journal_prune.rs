//! Removes what is old of the node journal. What is removed leaves its place in the chain, so that what stays can be verified.

use std::cmp::Reverse;

use pabawi_domain::journal::{CHAIN_START, JournalCut, JournalLimit, PrunedJournal};
use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::StoreError;

use super::limits::{Limit, follows, number};
use super::place::Place;
use crate::codec;
use crate::db::{self, Builder, Connection, Pool, Row, bulk};

/// Entries that one step looks at.
const AT_ONCE: usize = 2_000;

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

/// The place before the first entry behind `from` that goes; absent where none does.
pub(crate) async fn next(
    cuts: &[JournalCut],
    from: Option<(i64, i64)>,
    pool: &Pool,
    place: &Place,
) -> Result<Option<(i64, i64)>, StoreError> {
    let fault = |error| place.sql("look what is old in the journal", &error);
    let limits: Vec<JournalLimit> = cuts.iter().map(|cut| cut.limit.clone()).collect();
    let mut first: Option<(i64, i64)> = None;
    for cut in cuts {
        let Some(mark) = cut.mark else { continue };
        let mut sql = Builder::new("SELECT j.at, j.key FROM pabawi_exec_journal AS j WHERE 1 = 1");
        follows(&mut sql, &cut.limit, &limits);
        if let Some((at, key)) = from {
            sql.push(" AND (j.at, j.key) > (").push_bind(at).push(", ").push_bind(key).push(")");
        }
        older(&mut sql, first.map_or(mark, |first| first.min(mark)));
        sql.push(" ORDER BY j.at, j.key LIMIT 1");
        if let Some(row) = sql.build().fetch_optional(pool).await.map_err(fault)? {
            first = Some((row.try_get(0).map_err(fault)?, row.try_get(1).map_err(fault)?));
        }
    }
    Ok(first.map(|(at, key)| (at, key.saturating_sub(1))))
}

/// Removes at most so many entries behind a place within the open transaction.
pub(crate) async fn prune(
    cuts: &[JournalCut],
    from: (i64, i64),
    at_most: u32,
    conn: &mut Connection,
    place: &Place,
) -> Result<PrunedJournal, StoreError> {
    let fault = |error| place.sql("remove what is old from the journal", &error);
    let Some(mark) = cuts.iter().filter_map(|cut| cut.mark).max() else {
        return Ok(PrunedJournal::default());
    };
    let mut rows = Vec::new();
    // First those of the same moment: SQLite finds no place in its index by both columns of a row at once.
    for is_same in [true, false] {
        let room = AT_ONCE - rows.len();
        let sql = looked_at(cuts, from, is_same, mark, room).build();
        rows.extend(sql.fetch_all(&mut *conn).await.map_err(fault)?);
    }
    let (mut gone, mut seen, mut last) = (Vec::new(), 0, from);
    for row in &rows {
        if gone.len() as u64 >= u64::from(at_most.max(1)) {
            break;
        }
        last = (row.try_get(5).map_err(fault)?, row.try_get(0).map_err(fault)?);
        seen += 1;
        let cut = usize::try_from(row.try_get::<i64>(6).map_err(fault)?).ok().and_then(|cut| cuts.get(cut));
        if cut.and_then(|cut| cut.mark).is_some_and(|mark| last < mark) {
            gone.push(Gone::of(row).map_err(fault)?);
        }
    }
    let is_all = seen == rows.len() && rows.len() < AT_ONCE;
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
    let entries = gone.len() as u64;
    keep_places(gone, conn).await.map_err(fault)?;
    Ok(PrunedJournal { entries, next: (!is_all).then_some(last) })
}

/// The next entries behind a place, of its moment or of later ones, whatever becomes of them: each with the number of the cut that
/// it follows or -1.
fn looked_at(
    cuts: &[JournalCut],
    (at, key): (i64, i64),
    is_same: bool,
    mark: (i64, i64),
    room: usize,
) -> Builder {
    let mut ranked: Vec<(usize, &JournalLimit)> = cuts.iter().map(|cut| &cut.limit).enumerate().collect();
    ranked.sort_by_key(|(_, limit)| Reverse(limit.rank()));
    let mut sql = Builder::new("SELECT j.key, j.node, j.seq, j.prev, j.hash, j.at, ");
    number(&mut sql, &ranked);
    sql.push(" FROM pabawi_exec_journal AS j WHERE 1 = 1");
    if is_same {
        sql.push(" AND j.at = ").push_bind(at).push(" AND j.key > ").push_bind(key);
    } else {
        sql.push(" AND j.at > ").push_bind(at);
    }
    older(&mut sql, mark);
    sql.push(" ORDER BY j.at, j.key LIMIT ").push_bind(codec::signed(room as u64));
    sql
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

impl Limit for JournalLimit {
    fn rank(&self) -> u8 {
        self.rank()
    }

    fn is_about(&self, sql: &mut Builder, before: &str) {
        sql.push(before).push("(1 = 1");
        if let Some(event_type) = &self.event_type {
            sql.push(" AND j.event_type = ").push_bind(event_type.clone());
        }
        if let Some(source) = &self.source {
            sql.push(" AND j.source = ").push_bind(source.clone());
        }
        sql.push(")");
    }
}

fn older(sql: &mut Builder, (at, key): (i64, i64)) {
    sql.push(" AND (j.at, j.key) < (").push_bind(at).push(", ").push_bind(key).push(")");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::explained::Explained;

    /// However many entries stand before, a step begins at its place and reads in the order of time.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_step_begins_where_the_last_one_ended() {
        let explained = Explained::new().await;
        let limit = |event_type: Option<&str>, source: Option<&str>| JournalCut {
            limit: JournalLimit {
                event_type: event_type.map(Into::into),
                source: source.map(Into::into),
                ..JournalLimit::default()
            },
            entries: 1,
            mark: Some((9, 9)),
        };
        let cuts = [limit(None, None), limit(Some("note"), None), limit(Some("start"), Some("bolt"))];
        for (is_same, place) in [(true, "at=? AND key>?"), (false, "at>? AND at<?")] {
            let sql = looked_at(&cuts, (1, 1), is_same, (9, 9), 5);
            let plan = explained.steps(sql.sql()).await;
            assert_eq!(plan, [format!("SEARCH j USING INDEX pabawi_exec_journal_time ({place})")]);
        }
        explained.close().await;
    }
}
