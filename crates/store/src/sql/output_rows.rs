//! Outputs by content hash: finding the ids of known ones, writing new ones, reading parts of them.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use pabawi_domain::output::{ContentHash, OutputData};
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::{Omission, OutputChunk, OutputRef};

use super::place::Place;
use super::write::NewlyKnown;
use crate::codec;
use crate::db::{self, Connection, Pool, Row, bulk};
use crate::large::LargeOutputs;
use crate::output_files::Variant;
use crate::row::OutputRow;

/// Hashes that are remembered; past this many, all are forgotten.
const REMEMBERED: usize = 65_536;

/// A stored output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownOutput {
    pub(crate) id: i64,
    pub(crate) whole: bool,
    /// Retention has removed its content.
    pub(crate) gone: bool,
}

/// Outputs that are known to be stored, so that the ten-thousandth equal one costs no look-up. Ids are never
/// used twice; that outputs were removed is told to every process by a number in the database.
#[derive(Debug, Default)]
pub(crate) struct KnownOutputs {
    by_hash: HashMap<ContentHash, KnownOutput>,
    /// How often outputs had been removed when the first of them was learned.
    removals: i64,
}

impl KnownOutputs {
    /// Forgets what is remembered when outputs were removed since.
    pub(crate) fn renew(&mut self, removals: i64) {
        if self.removals != removals {
            self.by_hash.clear();
            self.removals = removals;
        }
    }

    /// Takes over what a committed transaction has written or found.
    pub(crate) fn learn(&mut self, newly_known: NewlyKnown) {
        if self.by_hash.len() + newly_known.len() > REMEMBERED {
            self.by_hash.clear();
        }
        self.by_hash.extend(newly_known);
    }
}

/// Sees that every output is stored. Returns their ids in the same order, and what was not known before.
pub(crate) async fn write_outputs(
    outputs: &[OutputRow],
    known: &KnownOutputs,
    conn: &mut Connection,
    place: &Place,
) -> Result<(Vec<i64>, NewlyKnown), StoreError> {
    let fault = |error| place.sql("write outputs", &error);
    let serves = |known: &KnownOutput, output: &OutputRow| !known.gone && (known.whole || !output.is_whole());
    let mut found = NewlyKnown::new();
    let unsure: Vec<&OutputRow> = outputs
        .iter()
        .filter(|output| !known.by_hash.get(&output.hash).is_some_and(|known| serves(known, output)))
        .collect();
    for chunk in bulk::chunks(&unsure) {
        let sql = bulk::values(
            conn.dialect(),
            "SELECT o.id, o.hash, o.kept = o.total, o.kept = 0 AND o.total > 0 FROM (VALUES ",
            1,
            chunk.len(),
            ") AS v JOIN pabawi_exec_outputs AS o ON o.hash = v.column1",
        );
        let mut query = db::query(sql);
        for output in chunk {
            query = query.bind(output.hash.0.as_slice());
        }
        for row in query.fetch_all(&mut *conn).await.map_err(fault)? {
            let whole: bool = row.try_get(2).map_err(fault)?;
            let id = row.try_get(0).map_err(fault)?;
            let gone: bool = row.try_get(3).map_err(fault)?;
            found.insert(hash_of(&row, 1, place)?, KnownOutput { id, whole, gone });
        }
    }
    let new: Vec<&&OutputRow> = unsure.iter().filter(|output| !found.contains_key(&output.hash)).collect();
    for output in &unsure {
        if let Some(held) = found.get_mut(&output.hash)
            && !serves(held, output)
        {
            replace(held.id, output, conn).await.map_err(fault)?;
            (held.whole, held.gone) = (output.is_whole(), false);
        }
    }
    for chunk in bulk::chunks(&new) {
        let sql = bulk::values(
            conn.dialect(),
            "INSERT INTO pabawi_exec_outputs (hash, total, kept, head, file, body) VALUES ",
            6,
            chunk.len(),
            " RETURNING id, hash",
        );
        let mut query = db::query(sql);
        for output in chunk {
            query = query
                .bind(output.hash.0.as_slice())
                .bind(output.total)
                .bind(output.kept)
                .bind(output.head)
                .bind(i64::from(output.body.is_none()))
                .bind(output.body.as_ref().map(joined));
        }
        let rows = query.fetch_all(&mut *conn).await.map_err(fault)?;
        for row in rows {
            let id = row.try_get(0).map_err(fault)?;
            let hash = hash_of(&row, 1, place)?;
            let whole = chunk.iter().any(|output| output.hash == hash && output.is_whole());
            found.insert(hash, KnownOutput { id, whole, gone: false });
        }
    }
    let ids = outputs
        .iter()
        .map(|output| {
            found
                .get(&output.hash)
                .or_else(|| known.by_hash.get(&output.hash))
                .map(|known| known.id)
                .ok_or_else(|| place.corrupt(format!("output {} was written and has no id", output.hash)))
        })
        .collect::<Result<Vec<i64>, StoreError>>()?;
    Ok((ids, found))
}

/// The whole content takes the place of its head and tail, and any that of none.
async fn replace(id: i64, output: &OutputRow, conn: &mut Connection) -> db::Result<()> {
    db::query(
        "UPDATE pabawi_exec_outputs SET total = $2, kept = $3, head = $4, file = $5, body = $6 WHERE id = $1",
    )
    .bind(id)
    .bind(output.total)
    .bind(output.kept)
    .bind(output.head)
    .bind(i64::from(output.body.is_none()))
    .bind(output.body.as_ref().map(joined))
    .execute(conn)
    .await
    .map(|_| ())
}

fn joined(parts: &[Bytes; 2]) -> Vec<u8> {
    parts.concat()
}

fn hash_of(row: &Row, column: usize, place: &Place) -> Result<ContentHash, StoreError> {
    let bytes: &[u8] = row.try_get(column).map_err(|error| place.sql("read an output", &error))?;
    bytes.try_into().map(ContentHash).map_err(|_| place.corrupt("a content hash has not 32 bytes"))
}

/// Points of the outputs `ids` names, by id.
pub(crate) async fn output_refs(
    ids: &[i64],
    pool: &Pool,
    place: &Place,
) -> Result<HashMap<i64, OutputRef>, StoreError> {
    let fault = |error| place.sql("read outputs", &error);
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut refs = HashMap::with_capacity(ids.len());
    let rows = db::query(format!(
        "SELECT o.id, o.hash, o.total, o.kept FROM {} CROSS JOIN pabawi_exec_outputs AS o WHERE o.id = v.value",
        pool.dialect().numbers("$1", "v")
    ))
    .bind(codec::to_json(&ids, "ids")?)
    .fetch_all(pool)
    .await
    .map_err(fault)?;
    for row in &rows {
        let total = codec::unsigned(row.try_get(2).map_err(fault)?, "an output's length")?;
        let kept = codec::unsigned(row.try_get(3).map_err(fault)?, "an output's length")?;
        refs.insert(
            row.try_get(0).map_err(fault)?,
            OutputRef {
                hash: hash_of(row, 1, place)?,
                total_bytes: total,
                omitted_bytes: total.saturating_sub(kept),
            },
        );
    }
    Ok(refs)
}

/// A part of a stored output.
pub(crate) async fn read_output(
    hash: ContentHash,
    offset: u64,
    max_bytes: u32,
    pool: &Pool,
    large: &LargeOutputs,
    place: &Arc<Place>,
) -> Result<Option<OutputChunk>, StoreError> {
    let fault = |error| place.sql("read an output", &error);
    // substr() counts from 1, and bytes where it is given a blob. PostgreSQL has it for numbers of 32 bits.
    let found = db::query(
        "SELECT total, kept, head, file, substr(body, CAST($2 AS INTEGER) + 1, CAST($3 AS INTEGER)) \
         FROM pabawi_exec_outputs WHERE hash = $1",
    )
    .bind(hash.0.as_slice())
    .bind(codec::signed(offset).min(i64::from(i32::MAX) - 1))
    .bind(i64::from(max_bytes).min(i64::from(i32::MAX)))
    .fetch_optional(pool)
    .await
    .map_err(fault)?;
    let Some(row) = found else { return Ok(None) };
    let number = |column: usize| codec::unsigned(row.try_get(column).map_err(fault)?, "an output's length");
    let (total_bytes, kept_bytes, head) = (number(0)?, number(1)?, number(2)?);
    let is_large: i64 = row.try_get(3).map_err(fault)?;
    let data = if is_large == 0 {
        row.try_get::<Option<Vec<u8>>>(4).map_err(fault)?.unwrap_or_default()
    } else {
        let variant = if kept_bytes == total_bytes { Variant::Whole } else { Variant::HeadTail };
        let data = large.read(hash, variant, offset, max_bytes, place).await?;
        let expected = kept_bytes.saturating_sub(offset).min(u64::from(max_bytes));
        if (data.len() as u64) < expected {
            let found = data.len();
            return Err(
                place.corrupt(format!("output {hash} ends early: {found} bytes of {expected} are there"))
            );
        }
        data
    };
    let omitted = total_bytes.saturating_sub(kept_bytes);
    Ok(Some(OutputChunk {
        data: OutputData(Bytes::from(data)),
        omission: (omitted > 0).then_some(Omission { at: head, bytes: omitted }),
        kept_bytes,
        total_bytes,
    }))
}
