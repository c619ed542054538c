//! [`Pieces`]: large outputs in the database, cut into pieces, since machines share no directory.
//!
//! All pieces of an output come in one transaction, before the row that points to them is written. What a process has left
//! that died in between is removed by [`sweep`].

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::output::{CapturedOutput, ContentHash, KeptOutput};
use pabawi_domain::ports::StoreError;
use sqlx::{PgPool, Postgres, Transaction};
use tokio::io::AsyncReadExt as _;

use crate::codec;
use crate::db::{self, ANSWER, Connection, Fault, Pool, within};
use crate::output_files::Variant;
use crate::sql::place::Place;

/// Bytes of a piece.
const PIECE: usize = 512 * 1024;

/// Whether no row points to the large output `l`.
const UNUSED: &str = "NOT EXISTS (SELECT 1 FROM pabawi_exec_outputs AS o WHERE o.hash = l.hash AND o.file = 1 \
     AND l.variant = CASE WHEN o.kept = o.total THEN 1 ELSE 0 END)";

/// Large outputs in the database.
#[derive(Debug, Clone)]
pub(crate) struct Pieces {
    pool: PgPool,
    /// Who this process is, so that nobody removes what it is about to point to.
    owner: String,
}

/// Where the bytes of an output come from.
enum Source<'a> {
    Memory(Vec<Bytes>),
    File(&'a Path),
}

impl Pieces {
    pub(crate) fn new(pool: PgPool, owner: String) -> Self {
        Self { pool, owner }
    }

    /// Takes an output over. It is on stable storage when this returns.
    pub(crate) async fn keep(&self, output: &CapturedOutput, place: &Arc<Place>) -> Result<(), StoreError> {
        let variant = Variant::of(output);
        let source = match &output.kept {
            KeptOutput::Whole(data) => Source::Memory(vec![data.0.clone()]),
            KeptOutput::HeadTail { head, tail } => Source::Memory(vec![head.0.clone(), tail.0.clone()]),
            KeptOutput::Spilled { path } => Source::File(path),
        };
        let bytes = match &source {
            Source::Memory(parts) => parts.iter().map(|part| part.len() as u64).sum(),
            Source::File(_) => output.total_bytes,
        };
        let fault = |error: sqlx::Error| place.sql("write a large output", &Fault::Driver(error));
        let mut transaction = within(ANSWER, self.pool.begin()).await.map_err(fault)?;
        let claiming = self.claim(output.hash, variant, bytes, &mut transaction);
        let is_new = within(ANSWER, claiming).await.map_err(fault)?;
        if is_new {
            match &source {
                Source::Memory(parts) => {
                    let joined = parts.concat();
                    for (position, piece) in joined.chunks(PIECE).enumerate() {
                        write(output.hash, variant, position, piece.to_vec(), &mut transaction)
                            .await
                            .map_err(fault)?;
                    }
                }
                Source::File(path) => {
                    self.write_file(output.hash, bytes, path, &mut transaction, place).await?;
                }
            }
        }
        within(ANSWER, transaction.commit()).await.map_err(fault)?;
        if let Source::File(path) = source {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    // The content is safe; a leftover in the caller's spill directory harms nobody.
                    tracing::debug!(path = %path.display(), %error, "spilled output was not removed");
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Says that this process is about to point to the output; whether its pieces are still to be written.
    async fn claim(
        &self,
        hash: ContentHash,
        variant: Variant,
        bytes: u64,
        transaction: &mut Transaction<'_, Postgres>,
    ) -> sqlx::Result<bool> {
        sqlx::query(
            "INSERT INTO pabawi_exec_large (hash, variant, bytes, owner, used_at) \
             VALUES ($1, $2, $3, $4, (extract(epoch FROM clock_timestamp()) * 1000)::bigint) \
             ON CONFLICT (hash, variant) DO UPDATE SET owner = excluded.owner, used_at = excluded.used_at",
        )
        .bind(hash.0.as_slice())
        .bind(code(variant))
        .bind(codec::signed(bytes))
        .bind(self.owner.as_str())
        .execute(&mut **transaction)
        .await?;
        // They come all together or not at all, and an output that has none is not large.
        let any = sqlx::query("SELECT 1 FROM pabawi_exec_pieces WHERE hash = $1 AND variant = $2 LIMIT 1")
            .bind(hash.0.as_slice())
            .bind(code(variant))
            .fetch_optional(&mut **transaction)
            .await?;
        Ok(any.is_none())
    }

    async fn write_file(
        &self,
        hash: ContentHash,
        bytes: u64,
        path: &Path,
        transaction: &mut Transaction<'_, Postgres>,
        place: &Arc<Place>,
    ) -> Result<(), StoreError> {
        let failed = |error: io::Error| place.io("take over the spilled output", path, &error);
        let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
        let mut found = 0u64;
        for position in 0.. {
            let mut piece = Vec::with_capacity(PIECE);
            let limit = codec::unsigned(PIECE as i64, "the size of a piece")?;
            (&mut file).take(limit).read_to_end(&mut piece).await.map_err(failed)?;
            found += piece.len() as u64;
            let is_last = piece.len() < PIECE;
            if !piece.is_empty() {
                write(hash, Variant::Whole, position, piece, transaction)
                    .await
                    .map_err(|error| place.sql("write a large output", &Fault::Driver(error)))?;
            }
            if is_last || found > bytes {
                break;
            }
        }
        if found == bytes {
            return Ok(());
        }
        let why = format!("it has {found} bytes and {bytes} were announced");
        Err(failed(io::Error::new(io::ErrorKind::InvalidData, why)))
    }

    /// Removes an output that no row points to, unless it was used within that time.
    pub(crate) async fn remove_settled(
        &self,
        hash: ContentHash,
        variant: Variant,
        unless_within: Duration,
        place: &Place,
    ) -> Result<(), StoreError> {
        let within = i64::try_from(unless_within.as_millis()).unwrap_or(i64::MAX);
        db::query(format!(
            "DELETE FROM pabawi_exec_large AS l WHERE l.hash = $1 AND l.variant = $2 \
             AND l.used_at < (extract(epoch FROM clock_timestamp()) * 1000)::bigint - $3 AND {UNUSED}"
        ))
        .bind(hash.0.as_slice())
        .bind(code(variant))
        .bind(within)
        .execute(&Pool::Postgres(self.pool.clone()))
        .await
        .map(|_| ())
        .map_err(|fault| place.sql("remove old outputs", &fault))
    }

    /// At most `max_bytes` from `offset`.
    pub(crate) async fn read(
        &self,
        hash: ContentHash,
        variant: Variant,
        offset: u64,
        max_bytes: u32,
        place: &Place,
    ) -> Result<Vec<u8>, StoreError> {
        let fault = |error| place.sql("read an output", &error);
        let size = PIECE as u64;
        let end = offset.saturating_add(u64::from(max_bytes));
        let rows = db::query(
            "SELECT l.bytes, p.body FROM pabawi_exec_large AS l LEFT JOIN pabawi_exec_pieces AS p \
             ON p.hash = l.hash AND p.variant = l.variant AND p.position BETWEEN $3 AND $4 \
             WHERE l.hash = $1 AND l.variant = $2 ORDER BY p.position",
        )
        .bind(hash.0.as_slice())
        .bind(code(variant))
        .bind(codec::signed(offset / size))
        .bind(codec::signed(end.saturating_sub(1) / size))
        .fetch_all(&Pool::Postgres(self.pool.clone()))
        .await
        .map_err(fault)?;
        let Some(first) = rows.first() else {
            return Err(place.corrupt(format!("the content of output {hash} is gone")));
        };
        let total = codec::unsigned(first.try_get(0).map_err(fault)?, "an output's length")?;
        let mut read = Vec::new();
        for row in &rows {
            if let Some(body) = row.try_get::<Option<&[u8]>>(1).map_err(fault)? {
                read.extend_from_slice(body);
            }
        }
        let wanted = usize::try_from(end.min(total).saturating_sub(offset)).unwrap_or(usize::MAX);
        let skip = usize::try_from(offset % size).unwrap_or(usize::MAX);
        let part: Vec<u8> = read.into_iter().skip(skip).take(wanted).collect();
        if part.len() < wanted {
            return Err(place.corrupt(format!("a piece of output {hash} is gone")));
        }
        Ok(part)
    }
}

async fn write(
    hash: ContentHash,
    variant: Variant,
    position: usize,
    piece: Vec<u8>,
    transaction: &mut Transaction<'_, Postgres>,
) -> sqlx::Result<()> {
    let sql = "INSERT INTO pabawi_exec_pieces (hash, variant, position, body) VALUES ($1, $2, $3, $4)";
    let query = sqlx::query(sql)
        .bind(hash.0.as_slice())
        .bind(code(variant))
        .bind(codec::signed(position as u64))
        .bind(piece);
    within(ANSWER, query.execute(&mut **transaction)).await.map(|_| ())
}

/// The number of a variant in its column.
fn code(variant: Variant) -> i64 {
    match variant {
        Variant::HeadTail => 0,
        Variant::Whole => 1,
    }
}

/// Removes large outputs that no row points to and that nobody alive is about to point to. How many there were.
pub(crate) async fn sweep(conn: &mut Connection, place: &Place) -> Result<u64, StoreError> {
    db::query(format!(
        "DELETE FROM pabawi_exec_large AS l WHERE \
         NOT EXISTS (SELECT 1 FROM pabawi_exec_owners AS w WHERE w.id = l.owner) AND {UNUSED}"
    ))
    .execute(conn)
    .await
    .map_err(|fault| place.sql("remove leftover outputs", &fault))
}
