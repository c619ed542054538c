//! Looks whether the journal is what was written: reads every node's chain within one transaction for each node, so that what is
//! written or pruned meanwhile is no fault.

use pabawi_domain::id::NodeId;
use pabawi_domain::journal::{
    CHAIN_START, ChainFault, ChainFaultKind, ChainHead, ChainWalk, JournalVerification, LinkContent,
    PrunedRange, StoredLink,
};
use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::StoreError;

use super::place::Place;
use crate::codec;
use crate::db::{self, Pool, Row, Snapshot};

/// Nodes, and entries of one, that are read at once.
const AT_ONCE: i64 = 1_000;

/// Looks at one node, or at all.
pub(crate) async fn verify(
    node: Option<&NodeId>,
    pool: &Pool,
    place: &Place,
) -> Result<JournalVerification, StoreError> {
    let mut told = JournalVerification::default();
    if let Some(node) = node {
        told.head = verify_node(node.as_str(), &mut told, pool, place).await?;
        return Ok(told);
    }
    let mut after = String::new();
    // Ends with the first page that is not full; names rise with every page.
    loop {
        let nodes = nodes(&after, pool).await.map_err(|error| place.sql("read the journal", &error))?;
        for node in &nodes {
            verify_node(node, &mut told, pool, place).await?;
        }
        match nodes.last() {
            Some(last) if codec::signed(nodes.len() as u64) >= AT_ONCE => after.clone_from(last),
            _ => return Ok(told),
        }
    }
}

/// Nodes with entries or with a chain. One with entries alone has lost the end of its chain.
async fn nodes(after: &str, pool: &Pool) -> db::Result<Vec<String>> {
    let rows = db::query(
        "SELECT node FROM (SELECT node FROM pabawi_exec_journal_heads WHERE node > $1 \
         UNION SELECT DISTINCT node FROM pabawi_exec_journal WHERE node > $1) AS n ORDER BY node LIMIT $2",
    )
    .bind(after)
    .bind(AT_ONCE)
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

async fn verify_node(
    node: &str,
    told: &mut JournalVerification,
    pool: &Pool,
    place: &Place,
) -> Result<Option<ChainHead>, StoreError> {
    let fault = |error| place.sql("read the journal", &error);
    let mut snapshot = pool.snapshot().await.map_err(fault)?;
    walk(node, told, &mut snapshot).await.map_err(fault)
}

async fn walk(
    node: &str,
    told: &mut JournalVerification,
    snapshot: &mut Snapshot,
) -> db::Result<Option<ChainHead>> {
    let head = head(node, snapshot).await?;
    let pruned = pruned(node, snapshot).await?;
    let mut walk = ChainWalk::new(node, head, &pruned, told);
    let mut after = (i64::MIN, i64::MIN);
    // Ends with the first page that is not full.
    loop {
        let rows = db::query(
            "SELECT key, seq, id, at, event_type, source, execution_id, user_name, action, result_status, summary, \
             details, supersedes, prev, hash FROM pabawi_exec_journal \
             WHERE node = $1 AND (seq, key) > ($2, $3) ORDER BY seq, key LIMIT $4",
        )
        .bind(node)
        .bind(after.0)
        .bind(after.1)
        .bind(AT_ONCE)
        .fetch_all(&mut *snapshot)
        .await?;
        for row in &rows {
            after = (row.try_get(1)?, row.try_get(0)?);
            match link(node, row) {
                Ok(link) => walk.step(&link, told),
                // A column that cannot be read, such as a text that is none, was not written by us.
                Err(_) => told.fault(ChainFault {
                    node: node.to_owned(),
                    seq: u64::try_from(after.0).unwrap_or(0),
                    id: row.try_get(2).ok(),
                    kind: ChainFaultKind::Edited,
                }),
            }
        }
        if codec::signed(rows.len() as u64) < AT_ONCE {
            walk.end(told);
            return Ok(head);
        }
    }
}

fn link(node: &str, row: &Row) -> db::Result<StoredLink> {
    let id: String = row.try_get(2)?;
    let seq = u64::try_from(row.try_get::<i64>(1)?).unwrap_or(0);
    let prev = hash(row, 13)?;
    let content = LinkContent {
        node,
        seq,
        id: &id,
        at: row.try_get(3)?,
        event_type: row.try_get(4)?,
        source: row.try_get(5)?,
        execution_id: row.try_get(6)?,
        user: row.try_get(7)?,
        action: row.try_get(8)?,
        result_status: row.try_get(9)?,
        summary: row.try_get(10)?,
        details: row.try_get(11)?,
        supersedes: row.try_get(12)?,
    };
    let computed = content.hash(prev.unwrap_or(CHAIN_START));
    Ok(StoredLink { seq, prev, hash: hash(row, 14)?, computed, id })
}

async fn head(node: &str, snapshot: &mut Snapshot) -> db::Result<Option<ChainHead>> {
    let row = db::query("SELECT seq, hash, unchained FROM pabawi_exec_journal_heads WHERE node = $1")
        .bind(node)
        .fetch_optional(snapshot)
        .await?;
    let number = |row: &Row, column: usize| row.try_get::<i64>(column).map(|n| u64::try_from(n).unwrap_or(0));
    row.map(|row| {
        Ok(ChainHead {
            seq: number(&row, 0)?,
            hash: hash(&row, 1)?.unwrap_or(CHAIN_START),
            unchained: number(&row, 2)?,
        })
    })
    .transpose()
}

async fn pruned(node: &str, snapshot: &mut Snapshot) -> db::Result<Vec<PrunedRange>> {
    let rows = db::query(
        "SELECT first_seq, last_seq, prev, hash FROM pabawi_exec_journal_pruned WHERE node = $1 ORDER BY first_seq",
    )
    .bind(node)
    .fetch_all(snapshot)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(PrunedRange {
                first: u64::try_from(row.try_get::<i64>(0)?).unwrap_or(0),
                last: u64::try_from(row.try_get::<i64>(1)?).unwrap_or(0),
                prev: hash(row, 2)?.unwrap_or(CHAIN_START),
                hash: hash(row, 3)?.unwrap_or(CHAIN_START),
            })
        })
        .collect()
}

/// One of another length is none.
fn hash(row: &Row, column: usize) -> db::Result<Option<ContentHash>> {
    let bytes: Option<&[u8]> = row.try_get(column)?;
    Ok(bytes.and_then(|bytes| bytes.try_into().ok()).map(ContentHash))
}
