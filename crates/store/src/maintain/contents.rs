//! Whether outputs are there and are what was written.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::StoreError;
use sha2::{Digest as _, Sha256};

use super::check::{Checked, MOST};
use super::target::Target;
use crate::blocking::blocking;
use crate::codec;
use crate::db::{self, Row};
use crate::output_files::{OutputFiles, Variant};

/// Outputs that are looked at together. One that stands in a row has at most 1 MiB.
const AT_ONCE: i64 = 64;
/// Pieces of a large output that are read together, of 512 KiB.
const PIECES_AT_ONCE: i64 = 32;

/// Targets whose output has no row, or is not known to be theirs.
pub(super) async fn references(target: &mut Target, checked: &mut Checked) -> Result<(), StoreError> {
    let place = target.place.clone();
    let fault = |error| place.sql("check outputs", &error);
    for stream in ["stdout", "stderr"] {
        let row = db::query(format!(
            "SELECT count(*) FROM pabawi_exec_targets AS t WHERE t.{stream} IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM pabawi_exec_outputs AS o WHERE o.id = t.{stream})"
        ))
        .at_length()
        .fetch_one(&mut target.conn)
        .await
        .map_err(fault)?;
        let count: i64 = row.try_get(0).map_err(fault)?;
        if count > 0 {
            checked.found.push(format!("{count} results have a {stream} that is not there"));
        }
        let row = db::query(format!(
            "SELECT count(*) FROM pabawi_exec_targets AS t WHERE t.{stream} IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM pabawi_exec_output_uses AS u \
             WHERE u.output = t.{stream} AND u.execution = t.execution)"
        ))
        .at_length()
        .fetch_one(&mut target.conn)
        .await
        .map_err(fault)?;
        let count: i64 = row.try_get(0).map_err(fault)?;
        if count > 0 {
            checked
                .found
                .push(format!("{count} results have a {stream} that retention would take for nobody's"));
        }
    }
    Ok(())
}

/// An output as its row has it.
#[derive(PartialEq, Eq)]
struct Stored {
    id: i64,
    hash: ContentHash,
    total: u64,
    kept: u64,
    is_large: bool,
    body: Vec<u8>,
}

/// How much there is of a content, and its hash.
struct Found {
    bytes: u64,
    hash: ContentHash,
}

/// Looks at the content of every output. Of one of which head and tail are kept, the length is all that can be told.
pub(super) async fn outputs(target: &mut Target, checked: &mut Checked) -> Result<(), StoreError> {
    let place = target.place.clone();
    let fault = |error| place.sql("check outputs", &error);
    let mut after = 0i64;
    // Ends with the first page that is not full; ids rise with every page.
    loop {
        let rows = db::query(
            "SELECT id, hash, total, kept, file, body FROM pabawi_exec_outputs WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(AT_ONCE)
        .fetch_all(&mut target.conn)
        .await
        .map_err(fault)?;
        for row in &rows {
            let id: i64 = row.try_get(0).map_err(fault)?;
            after = id;
            checked.outputs += 1;
            match stored(row) {
                Some(output) => {
                    // Retention, or a run that had all of it, may have changed the row since.
                    if let Some(text) = wrong(&output, target).await?
                        && is_still(&output, target).await?
                    {
                        checked.found.push(text);
                    }
                }
                None => checked.found.push(format!("output {id} is not what was written")),
            }
        }
        if codec::signed(rows.len() as u64) < AT_ONCE || checked.found.len() >= MOST {
            return Ok(());
        }
    }
}

/// Whether the row of an output is as it was.
async fn is_still(output: &Stored, target: &mut Target) -> Result<bool, StoreError> {
    let place = target.place.clone();
    let row = db::query("SELECT id, hash, total, kept, file, body FROM pabawi_exec_outputs WHERE id = $1")
        .bind(output.id)
        .fetch_optional(&mut target.conn)
        .await
        .map_err(|error| place.sql("check outputs", &error))?;
    Ok(row.as_ref().and_then(stored).is_some_and(|now| now == *output))
}

/// `None` where a column holds what was not written by us.
fn stored(row: &Row) -> Option<Stored> {
    let number = |column| row.try_get::<i64>(column).ok();
    let hash: &[u8] = row.try_get(1).ok()?;
    Some(Stored {
        id: number(0)?,
        hash: ContentHash(hash.try_into().ok()?),
        total: u64::try_from(number(2)?).ok()?,
        kept: u64::try_from(number(3)?).ok()?,
        is_large: number(4)? == 1,
        body: row.try_get::<Option<Vec<u8>>>(5).ok()?.unwrap_or_default(),
    })
}

/// What is wrong with an output.
async fn wrong(output: &Stored, target: &mut Target) -> Result<Option<String>, StoreError> {
    // Retention has removed the content of others.
    let is_whole = output.kept == output.total;
    let found = match (output.is_large, target.files.clone()) {
        (false, _) => Found { bytes: output.body.len() as u64, hash: of_bytes(&output.body) },
        (true, Some((_, dir))) => in_file(output, is_whole, dir, target).await?,
        (true, None) => in_pieces(output, is_whole, target).await?,
    };
    let Stored { id, hash, kept, .. } = output;
    if found.bytes != *kept {
        return Ok(Some(format!("the content of output {hash} has {} bytes and not {kept}", found.bytes)));
    }
    // Two rows of one hash cannot be, so that it names the row well enough for people who look for it.
    let is_changed = is_whole && found.hash != *hash;
    Ok(is_changed.then(|| format!("the content of output {hash} (row {id}) is not what was written")))
}

fn of_bytes(bytes: &[u8]) -> ContentHash {
    ContentHash(Sha256::digest(bytes).into())
}

async fn in_file(
    output: &Stored,
    is_whole: bool,
    dir: PathBuf,
    target: &Target,
) -> Result<Found, StoreError> {
    let variant = if is_whole { Variant::Whole } else { Variant::HeadTail };
    let path = OutputFiles::new(dir).path(output.hash, variant);
    let place = target.place.clone();
    blocking(move || match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found { bytes: 0, hash: of_bytes(b"") }),
        read => read.map_err(|error| place.io("read", &path, &error)),
    })
    .await
}

fn read(path: &std::path::Path) -> io::Result<Found> {
    let mut file = File::open(path)?;
    let (mut hash, mut bytes) = (Sha256::new(), 0u64);
    let mut buffer = vec![0; 256 * 1024];
    // Ends with the file.
    loop {
        let count = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..count).filter(|part| !part.is_empty()) else {
            return Ok(Found { bytes, hash: ContentHash(hash.finalize().into()) });
        };
        hash.update(part);
        bytes += count as u64;
    }
}

async fn in_pieces(output: &Stored, is_whole: bool, target: &mut Target) -> Result<Found, StoreError> {
    let place = target.place.clone();
    let fault = |error| place.sql("check outputs", &error);
    let (mut hash, mut bytes, mut after) = (Sha256::new(), 0u64, -1i64);
    // Ends with the first page that is not full.
    loop {
        let rows = db::query(
            "SELECT position, body FROM pabawi_exec_pieces WHERE hash = $1 AND variant = $2 AND position > $3 \
             ORDER BY position LIMIT $4",
        )
        .bind(output.hash.0.as_slice())
        .bind(i64::from(is_whole))
        .bind(after)
        .bind(PIECES_AT_ONCE)
        .fetch_all(&mut target.conn)
        .await
        .map_err(fault)?;
        for row in &rows {
            after = row.try_get(0).map_err(fault)?;
            let body: &[u8] = row.try_get(1).map_err(fault)?;
            hash.update(body);
            bytes += body.len() as u64;
        }
        if codec::signed(rows.len() as u64) < PIECES_AT_ONCE {
            return Ok(Found { bytes, hash: ContentHash(hash.finalize().into()) });
        }
    }
}
