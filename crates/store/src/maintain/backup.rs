//! A copy of a database as it is at one moment, while others use it: [`backup`].

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::StoreError;
use serde::Serialize;

use super::target::Target;
use crate::StoreOptions;
use crate::blocking::blocking;
use crate::db;
use crate::output_files::{OutputFiles, Variant, make_private_dir};
use crate::postgres::ServiceFile;
use crate::sql::place::Place;
use crate::sqlite::beside;

/// What [`backup`] has written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// The directory with large outputs, where there are any; it belongs to the file.
    pub outputs: Option<PathBuf>,
    /// How it is brought back.
    pub restore: String,
}

/// Copies a database into a new file that only its owner may read, as it is at one moment; others may go on using it. A SQLite
/// file becomes a SQLite file, with its large outputs in `<path>.outputs`; of a PostgreSQL database, pg_dump(1) writes our
/// tables in its custom format.
///
/// # Errors
/// [`StoreError`]; also when the file is there already.
pub async fn backup(options: &StoreOptions, path: &Path) -> Result<Backup, StoreError> {
    let mut target = Target::connect(options).await?;
    let place = Arc::clone(&target.place);
    let path = std::path::absolute(path).map_err(|error| place.io("use", path, &error))?;
    let begun = target.current().await.and_then(|()| claim(&path, &place));
    let done = match begun {
        Ok(()) => {
            let done = write(&mut target, options, &path).await;
            if done.is_err() {
                // It is ours, and not whole.
                let _ = fs::remove_file(&path);
            }
            done
        }
        Err(error) => Err(error),
    };
    target.close().await;
    let (outputs, restore) = done?;
    File::open(&path).and_then(|file| file.sync_all()).map_err(|error| place.io("sync", &path, &error))?;
    let bytes = fs::metadata(&path).map_err(|error| place.io("look at", &path, &error))?.len();
    Ok(Backup { path, bytes, outputs, restore })
}

/// Makes the file, which must be new.
fn claim(path: &Path, place: &Place) -> Result<(), StoreError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => StoreError::Unavailable(format!(
            "{} is there already, and nothing is overwritten; give another path",
            path.display()
        )),
        _ => place.io("make", path, &error),
    })
}

async fn write(target: &mut Target, options: &StoreOptions, path: &Path) -> Result<Written, StoreError> {
    match options {
        StoreOptions::Sqlite(_) => copy(target, path).await,
        StoreOptions::Postgres(options) => {
            let schema = schema(target).await?;
            let service = ServiceFile::write(&options.url, &target.place)?;
            dump(schema, service, path, &target.place).await
        }
    }
}

/// What was written beside the file, and how all of it is brought back.
type Written = (Option<PathBuf>, String);

async fn copy(target: &mut Target, path: &Path) -> Result<Written, StoreError> {
    let place = Arc::clone(&target.place);
    let fault = |error| place.sql("copy the database", &error);
    let text = path.to_str().ok_or_else(|| {
        StoreError::Unavailable(format!("{} is no text that SQLite can open", path.display()))
    })?;
    db::query("VACUUM INTO $1").bind(text).execute(&mut target.conn).await.map_err(fault)?;
    let rows = db::query("SELECT hash, kept = total FROM pabawi_exec_outputs WHERE file = 1");
    let rows = rows.fetch_all(&mut target.conn).await.map_err(fault)?;
    let mut large = Vec::with_capacity(rows.len());
    for row in &rows {
        let hash: &[u8] = row.try_get(0).map_err(fault)?;
        let hash = hash.try_into().map_err(|_| place.corrupt("a content hash has not 32 bytes"))?;
        let variant = if row.try_get(1).map_err(fault)? { Variant::Whole } else { Variant::HeadTail };
        large.push((ContentHash(hash), variant));
    }
    let shown = place.shown().to_owned();
    let restore =
        format!("put it, and what belongs to it, in the place of {shown} while nobody has that open");
    let Some((_, dir)) = target.files.clone().filter(|_| !large.is_empty()) else {
        return Ok((None, restore));
    };
    let to = beside(path, ".outputs");
    let (from, into) = (OutputFiles::new(dir), OutputFiles::new(to.clone()));
    blocking(move || {
        for (hash, variant) in large {
            let (source, copy) = (from.path(hash, variant), into.path(hash, variant));
            let shelf = copy.parent().unwrap_or(&copy);
            make_private_dir(shelf).map_err(|fault| place.io(fault.doing, &fault.path, &fault.error))?;
            fs::copy(&source, &copy)
                .and_then(|_| File::open(&copy)?.sync_all())
                .map_err(|error| place.io("copy", &source, &error))?;
        }
        Ok(())
    })
    .await?;
    Ok((Some(to), restore))
}

async fn schema(target: &mut Target) -> Result<String, StoreError> {
    let place = Arc::clone(&target.place);
    let fault = |error| place.sql("copy the database", &error);
    let row = db::query("SELECT quote_ident(current_schema()::text)").fetch_one(&mut target.conn).await;
    row.map_err(fault)?.try_get(0).map_err(fault)
}

/// Who may connect and how stands in a file that only its owner may read, and nothing of it in an argument list.
async fn dump(
    schema: String,
    service: ServiceFile,
    path: &Path,
    place: &Arc<Place>,
) -> Result<Written, StoreError> {
    let (into, shown) = (path.to_owned(), place.shown().to_owned());
    let place = Arc::clone(place);
    blocking(move || {
        let run = Command::new("pg_dump")
            .args(["--format=custom", "--no-password"])
            .arg(format!("--table={schema}.pabawi_exec_*"))
            .arg(format!("--file={}", into.display()))
            .env("PGSERVICEFILE", service.path())
            .env("PGSERVICE", ServiceFile::NAME)
            .stdin(Stdio::null())
            .output();
        let output = run.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::Unavailable(
                "pg_dump is not installed; it is in Debian's package postgresql-client".to_owned(),
            ),
            _ => place.io("run", Path::new("pg_dump"), &error),
        })?;
        if output.status.success() {
            return Ok(());
        }
        let told = String::from_utf8_lossy(&output.stderr);
        let told: String = told.trim().chars().take(1000).collect();
        Err(StoreError::Unavailable(format!("copy {shown} with pg_dump: {told}")))
    })
    .await?;
    let restore = format!("pg_restore --clean --if-exists --dbname=DATABASE {}", path.display());
    Ok((None, restore))
}
