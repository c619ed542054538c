//! Opening a store: directories and permissions, the look at the version, migrations, the owner's row, and
//! the sweep of output files that a crash has left behind.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::StoreError;
use rustix::fs::{Access, access};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::options::{SqliteOptions, beside};
use super::owner::{Opening, Owner, Owners};
use super::schema::MIGRATIONS;
use super::sole::Sole;
use crate::blocking::blocking;
use crate::codec;
use crate::db::{self, Connection, Connector, Pool, bulk};
use crate::large::LargeOutputs;
use crate::output_files::{FileFault, Found, OutputFiles, Variant, make_private_dir};
use crate::sql::migrations;
use crate::sql::place::Place;
use crate::sql::presence::Presence;
use crate::sql::store::Opened;

/// Opens the file, making it when it is missing.
pub(crate) async fn open(options: &SqliteOptions) -> Result<Opened, StoreError> {
    let path = std::path::absolute(&options.path).map_err(|error| {
        StoreError::Unavailable(format!("{} is no usable path: {error}", options.path.display()))
    })?;
    let outputs_dir = options.outputs_dir.clone().unwrap_or_else(|| beside(&path, ".outputs"));
    let mut place = Arc::new(Place::file(path.clone()));
    let files = OutputFiles::new(outputs_dir.clone());
    let owners = Owners::new(beside(&path, ".owners"));

    if fs::metadata(&path).is_ok_and(|found| found.len() > 0) {
        check_writable(&path, &place)?;
        if options.beside_other_sqlite {
            let path = path.clone();
            place = Arc::new(place.solely(blocking(move || Sole::take(&path, || Ok(()))).await?));
        }
        check_version(&path, options, &place).await?;
    }
    let opening;
    (place, opening) = {
        let (path, owners, options) = (path.clone(), owners.clone(), options.clone());
        blocking(move || {
            let make = || prepare(&path, &outputs_dir, &place);
            let place = match options.beside_other_sqlite {
                true => Arc::new(place.solely(Sole::take(&path, make)?)),
                false => {
                    make()?;
                    Arc::clone(&place)
                }
            };
            let opening = owners.opening(options.busy_timeout, &place)?;
            Ok((place, opening))
        })
        .await?
    };

    let connector = Connector::Sqlite(writer_options(&path, options));
    let mut writer = connector.connect().await.map_err(|fault| place.sql("open the database", &fault))?;
    // Another process may have brought it up to date since the first look.
    migrations::check_version(&MIGRATIONS, &mut writer, &place).await?;
    check_wal(&mut writer, &place).await?;
    migrations::migrate(&MIGRATIONS, &mut writer, &place).await?;
    sweep(&owners, &opening, &files, &mut writer, &place).await?;
    let owner = owners.enter(&opening, &place)?;
    register(&owner, &mut writer, &place).await?;
    drop(opening);

    Ok(Opened {
        readers: reading(&path, options),
        place,
        large: LargeOutputs::Files(files),
        inline_output_bytes: options.inline_output_bytes,
        presence: Presence::LockFile { owners, owner },
        writer,
        connector,
    })
}

/// Connections that only read the file as it is.
pub(crate) fn reading(path: &Path, options: &SqliteOptions) -> Pool {
    Pool::Sqlite(
        SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .acquire_timeout(options.busy_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(base_options(path, options).read_only(true)),
    )
}

/// A connection to a file as it is, with the path and the directory of large outputs: nothing is made or brought up to date.
pub(crate) async fn connect(
    options: &SqliteOptions,
) -> Result<(Arc<Place>, Connection, (PathBuf, PathBuf)), StoreError> {
    let path = std::path::absolute(&options.path).map_err(|error| {
        StoreError::Unavailable(format!("{} is no usable path: {error}", options.path.display()))
    })?;
    let place = Arc::new(Place::file(path.clone()));
    if !fs::metadata(&path).is_ok_and(|found| found.len() > 0) {
        let shown = place.shown();
        return Err(StoreError::Unavailable(format!("there is no database at {shown}; look at the path")));
    }
    check_writable(&path, &place)?;
    let connector = Connector::Sqlite(base_options(&path, options));
    let conn = connector.connect().await.map_err(|fault| place.sql("open the database", &fault))?;
    let outputs = options.outputs_dir.clone().unwrap_or_else(|| beside(&path, ".outputs"));
    Ok((place, conn, (path, outputs)))
}

fn base_options(path: &Path, options: &SqliteOptions) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(options.busy_timeout)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

fn writer_options(path: &Path, options: &SqliteOptions) -> SqliteConnectOptions {
    base_options(path, options)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .statement_cache_capacity(200)
        // On macOS only F_FULLFSYNC reaches the disk (https://www.sqlite.org/pragma.html#pragma_fullfsync).
        .pragma("fullfsync", "ON")
        .pragma("checkpoint_fullfsync", "ON")
        // A page that many transactions change is copied into the database once for all of them: 16 MiB.
        .pragma("wal_autocheckpoint", "4096")
        .pragma("journal_size_limit", "67108864")
        // 32 MiB: hashes of outputs and nodes of a long journal come in any order, each to a page of its own.
        .pragma("cache_size", "-32768")
        // What takes a statement back when it fails: beside the pages in memory, and not in a file made and removed each time.
        .pragma("temp_store", "MEMORY")
}

/// Looks at the version on a connection that changes nothing, before anything else is made or changed.
async fn check_version(path: &Path, options: &SqliteOptions, place: &Place) -> Result<(), StoreError> {
    let connector = Connector::Sqlite(base_options(path, options));
    let mut conn = connector.connect().await.map_err(|fault| place.sql("open the database", &fault))?;
    let checked = migrations::check_version(&MIGRATIONS, &mut conn, place).await;
    // Nothing was written, so that nothing can be lost by a failing close.
    let _ = conn.close().await;
    checked
}

/// SQLite opens a file that it may not write for reading and says so only at the first write.
///
/// The file is asked about, not opened: closing any descriptor of a file drops all POSIX locks that this
/// process holds on it (fcntl(2)), also those of another store that has it open.
fn check_writable(path: &Path, place: &Place) -> Result<(), StoreError> {
    access(path, Access::READ_OK | Access::WRITE_OK).map_err(|errno| place.io("open", path, &errno.into()))
}

/// Makes the directories and the empty database file, which nobody else may read.
fn prepare(path: &Path, outputs_dir: &Path, place: &Place) -> Result<(), StoreError> {
    let made = |fault: FileFault| place.io(fault.doing, &fault.path, &fault.error);
    if let Some(dir) = path.parent() {
        make_private_dir(dir).map_err(made)?;
    }
    make_private_dir(outputs_dir).map_err(made)?;
    let fault = |error| place.io("make", path, &error);
    if fs::metadata(path).is_ok_and(|found| found.len() > 0) {
        // In use perhaps, so it must not be opened: see `check_writable`.
        return Ok(());
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(fault)?;
    let found = file.metadata().map_err(fault)?;
    // SQLite gives its other files the same mode. The mode of a database that is in use is its owner's
    // business; that of an empty file is ours.
    if found.len() == 0 && found.permissions().mode() & 0o777 != 0o600 {
        file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(fault)?;
    }
    Ok(())
}

/// Not every file system can do it, and SQLite then stays with a mode in which readers and the writer wait
/// for each other.
async fn check_wal(conn: &mut Connection, place: &Place) -> Result<(), StoreError> {
    let fault = |error| place.sql("switch to write-ahead logging", &error);
    let row = db::query("PRAGMA journal_mode").fetch_one(conn).await.map_err(fault)?;
    let mode: String = row.try_get(0).map_err(fault)?;
    if mode.eq_ignore_ascii_case("wal") {
        return Ok(());
    }
    Err(StoreError::Unavailable(format!(
        "{} cannot use write-ahead logging (journal mode is {mode}); put it on a local file system",
        place.shown()
    )))
}

async fn register(owner: &Owner, conn: &mut Connection, place: &Place) -> Result<(), StoreError> {
    db::query("INSERT INTO pabawi_exec_owners (id, process_id, opened_at) VALUES ($1, $2, $3)")
        .bind(owner.id())
        .bind(i64::from(std::process::id()))
        .bind(codec::nanos(Timestamp::now()))
        .execute(conn)
        .await
        .map(|_| ())
        .map_err(|error| place.sql("register this process", &error))
}

/// Removes output files that no row points to. They come from processes that died between bringing a file
/// to its place and committing the row, so there is something to do only after a process has died; and it is
/// done only while no other process has the store open, since a file that is about to be pointed to looks
/// the same.
async fn sweep(
    owners: &Owners,
    opening: &Opening,
    files: &OutputFiles,
    conn: &mut Connection,
    place: &Place,
) -> Result<(), StoreError> {
    let survey = owners.survey(opening, place)?;
    if survey.any_alive || survey.dead.is_empty() {
        return Ok(());
    }
    let listed = {
        let files = files.clone();
        blocking(move || Ok(files.list())).await?
    };
    let found = listed.map_err(|fault| place.io(fault.doing, &fault.path, &fault.error))?;
    let kept = referenced(&found, conn, place).await?;
    let orphans: Vec<PathBuf> = found
        .into_iter()
        .filter(|found| found.output.is_none_or(|output| !kept.contains(&output)))
        .map(|found| found.path)
        .collect();
    if !orphans.is_empty() {
        tracing::info!(count = orphans.len(), "removing output files that a dead process left");
    }
    let locks = unowned(survey.dead, conn, place).await?;
    db::query(
        "DELETE FROM pabawi_exec_owners WHERE NOT EXISTS (SELECT 1 FROM pabawi_exec_executions AS e \
         WHERE e.owner = pabawi_exec_owners.id AND e.status IN ('queued', 'running'))",
    )
    .execute(&mut *conn)
    .await
    .map_err(|error| place.sql("forget dead processes", &error))?;
    blocking(move || {
        for path in orphans.iter().chain(&locks) {
            if let Err(error) = fs::remove_file(path) {
                tracing::warn!(path = %path.display(), %error, "failed to remove a leftover file");
            }
        }
        Ok(())
    })
    .await
}

async fn referenced(
    found: &[Found],
    conn: &mut Connection,
    place: &Place,
) -> Result<HashSet<(ContentHash, Variant)>, StoreError> {
    let fault = |error| place.sql("look for leftover outputs", &error);
    let hashes: Vec<ContentHash> =
        found.iter().filter_map(|found| found.output.map(|(hash, _)| hash)).collect();
    let mut kept = HashSet::new();
    for chunk in bulk::chunks(&hashes) {
        let sql = bulk::values(
            conn.dialect(),
            "SELECT o.hash, o.kept = o.total FROM (VALUES ",
            1,
            chunk.len(),
            ") AS v JOIN pabawi_exec_outputs AS o ON o.hash = v.column1 WHERE o.file = 1",
        );
        let mut query = db::query(sql);
        for hash in chunk {
            query = query.bind(hash.0.as_slice());
        }
        for row in query.fetch_all(&mut *conn).await.map_err(fault)? {
            let hash: &[u8] = row.try_get(0).map_err(fault)?;
            let hash = hash.try_into().map(ContentHash);
            let hash = hash.map_err(|_| place.corrupt("a content hash has not 32 bytes"))?;
            let whole: bool = row.try_get(1).map_err(fault)?;
            kept.insert((hash, if whole { Variant::Whole } else { Variant::HeadTail }));
        }
    }
    Ok(kept)
}

/// Of the dead owners' lock files, those whose owner has no execution that is still to be closed: the others
/// are forgotten when that is done.
async fn unowned(
    dead: Vec<PathBuf>,
    conn: &mut Connection,
    place: &Place,
) -> Result<Vec<PathBuf>, StoreError> {
    let fault = |error| place.sql("look for dead processes", &error);
    let rows =
        db::query("SELECT DISTINCT owner FROM pabawi_exec_executions WHERE status IN ('queued', 'running')")
            .fetch_all(conn)
            .await
            .map_err(fault)?;
    let needed = rows
        .iter()
        .map(|row| row.try_get::<String>(0))
        .collect::<db::Result<HashSet<String>>>()
        .map_err(fault)?;
    let owner = |path: &PathBuf| path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("").to_owned();
    Ok(dead.into_iter().filter(|path| !needed.contains(&owner(path))).collect())
}
