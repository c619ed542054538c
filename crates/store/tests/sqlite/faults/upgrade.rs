//! Databases of older versions that are brought up to date while the disk fails, is full, or the power is lost: afterwards each
//! is whole in its version, one between, or the new one, and the next opening finds all that was in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, iter};

use pabawi_domain::ports::{ExecutionStore as _, StoreError};
use pabawi_store::sqlite::{SqliteOptions, SqliteStore};
use pabawi_testkit::wait::until_async;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::disk::{Disk, Done, Left};
use super::library::{Errno, Fault, Kind, Watched, watched};
use crate::filling::Ballast;
use crate::{child, children, golden};

/// More operations of a kind than an upgrade has: where a sweep ends at the latest.
const MOST: u32 = 2_000;
/// What is left after a loss of power is worked out so often for each synchronisation.
const SEEDS: u64 = 2;
/// What every opening or version writes for itself.
const OF_THE_VERSION: [&str; 3] = ["pabawi_exec_migrations", "pabawi_exec_owners", "pabawi_exec_marks"];

/// What the database of a version looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shape {
    version: i64,
    /// The SQL of all tables and indexes.
    schema: BTreeSet<String>,
    /// How many rows each table has.
    rows: BTreeMap<String, i64>,
}

impl Shape {
    async fn of(path: &Path) -> Self {
        let mut conn =
            sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.expect("it opens");
        for pragma in ["PRAGMA integrity_check", "PRAGMA foreign_key_check"] {
            let found: Vec<String> = sqlx::query_scalar(pragma).fetch_all(&mut conn).await.unwrap();
            assert!(found.is_empty() || found == ["ok"], "{found:?}");
        }
        let version: i64 = one(&mut conn, "SELECT max(version) FROM pabawi_exec_migrations").await;
        let done = "SELECT count(*) FROM pabawi_exec_migrations WHERE success";
        assert_eq!(one(&mut conn, done).await, version, "each migration has come to its end");
        let sql = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL";
        let schema: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap();
        // What full-text search keeps for itself is not counted.
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'pabawi_exec_%' \
                   AND name NOT LIKE 'pabawi_exec_journal_words_%'";
        let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap();
        let mut rows = BTreeMap::new();
        for table in tables.into_iter().filter(|table| !OF_THE_VERSION.contains(&table.as_str())) {
            let count = one(&mut conn, &format!("SELECT count(*) FROM {table}")).await;
            rows.insert(table, count);
        }
        conn.close().await.unwrap();
        Self { version, schema: schema.into_iter().collect(), rows }
    }
}

async fn one(conn: &mut SqliteConnection, sql: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(conn).await.unwrap()
}

/// The databases that are kept, each with what it looks like.
struct Kept {
    all: Vec<(Shape, PathBuf)>,
}

impl Kept {
    async fn new(aside: &Path) -> Self {
        let mut all = Vec::new();
        for (_, golden) in golden::kept().await {
            let dir = tempfile::tempdir_in(aside).unwrap();
            all.push((Shape::of(&golden::copy(&golden, dir.path()).path).await, golden));
        }
        Self { all }
    }

    fn newest(&self) -> i64 {
        self.all.last().unwrap().0.version
    }

    /// Those that are to be brought up to date.
    fn older(&self) -> &[(Shape, PathBuf)] {
        let older = self.all.split_last().unwrap().1;
        assert!(older.len() >= 3, "databases of three older versions are kept");
        older
    }

    /// The version of what is left of a database that was `before`. It is looked at in a copy.
    async fn whole(&self, dir: &Path, before: &Shape) -> i64 {
        let copy = tempfile::tempdir().unwrap();
        for name in ["store.db", "store.db-wal", "store.db-journal"] {
            if dir.join(name).exists() {
                fs::copy(dir.join(name), copy.path().join(name)).unwrap();
            }
        }
        let found = Shape::of(&copy.path().join("store.db")).await;
        assert!(found.version >= before.version, "{} after {}", found.version, before.version);
        let (expected, _) = self.all.iter().find(|(shape, _)| shape.version == found.version).unwrap();
        assert!(found.schema == expected.schema, "a part of schema {}: {:#?}", found.version, found.schema);
        for (table, count) in &before.rows {
            assert_eq!(found.rows.get(table), Some(count), "{table} of schema {}", found.version);
        }
        found.version
    }

    /// The next opening finds all that was in it.
    async fn goes_on(&self, options: &SqliteOptions, before: &Shape) {
        let store = SqliteStore::open(options.clone()).await.unwrap();
        golden::check(store, before.version).await;
        assert_eq!(Shape::of(&options.path).await.version, self.newest());
    }
}

/// A copy with write-ahead logging, as every version has left its databases.
async fn copy(golden: &Path, dir: &Path) -> SqliteOptions {
    fs::create_dir_all(dir).unwrap();
    let options = golden::copy(golden, dir);
    let raw = sqlx::sqlite::SqliteConnectOptions::new().filename(&options.path);
    let mut conn = raw.connect().await.unwrap();
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode = WAL").fetch_one(&mut conn).await.unwrap();
    assert_eq!(mode, "wal");
    conn.close().await.unwrap();
    options
}

/// Waits until what a failed opening has dropped is closed, which is done in the background.
async fn closed(dir: &Path) {
    let is_open = || {
        let open = fs::read_dir("/proc/self/fd").unwrap().flatten();
        open.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|path| path.starts_with(dir))
    };
    until_async("the end of a connection", Duration::from_secs(30), || !is_open()).await.unwrap();
}

/// An upgrade that fails somewhere; how often the fault struck, and the version of what it left.
async fn upgrade(faults: &Watched, kept: &Kept, of: &(Shape, PathBuf), fault: Fault) -> (u32, i64) {
    let (before, golden) = of;
    let dir = faults.disk().join("old");
    let options = copy(golden, &dir).await;
    faults.arm(fault);
    let opened = SqliteStore::open(options.clone()).await;
    let has_opened = opened.is_ok();
    match opened {
        Ok(store) => store.close().await,
        Err(error) => assert!(error.is_retryable(), "{fault:?}: {error:?}"),
    }
    closed(&dir).await;
    let struck = faults.struck();
    faults.disarm();
    let left = kept.whole(&dir, before).await;
    assert!(!has_opened || left == kept.newest(), "{fault:?}: it said that it is up to date");
    kept.goes_on(&options, before).await;
    fs::remove_dir_all(&dir).unwrap();
    faults.forget();
    (struck, left)
}

/// Operations of a kind that fail in their turn, from the first to the last: of so many one, and of the upgrades that the oldest
/// database has too, fewer.
async fn sweep(faults: &Watched, fault: Fault, stride: u32, least: u32) {
    let kept = Kept::new(&faults.aside("kept")).await;
    for (of, stride) in kept.older().iter().zip(iter::once(stride).chain(iter::repeat(4 * stride))) {
        let (mut nth, mut versions) = (1, BTreeSet::new());
        // Ends with the first that is not there any more.
        loop {
            let (struck, left) = upgrade(faults, &kept, of, Fault { nth, ..fault }).await;
            versions.insert(left);
            if struck == 0 {
                break;
            }
            nth += stride;
            assert!(nth < MOST, "{fault:?}: it does not come to its end");
        }
        let version = of.0.version;
        assert!(nth > least, "{fault:?}: only {nth} operations failed in the upgrade of {version}");
        assert!(versions.contains(&version), "{fault:?}: none left the database as it was: {versions:?}");
        assert!(versions.contains(&kept.newest()), "{fault:?}: none came after the upgrade: {versions:?}");
    }
}

/// R5.5: one write of an upgrade fails, any one; then every few all from some one on.
#[test]
fn an_upgrade_whose_write_fails_is_told_and_nothing_is_lost() {
    watched("faults::upgrade::an_upgrade_whose_write_fails_is_told_and_nothing_is_lost", async |faults| {
        for (errno, lasting, stride) in
            [(Errno::Eio, false, 1), (Errno::Enospc, false, 3), (Errno::Eio, true, 5)]
        {
            let fault = Fault { kind: Kind::Write, nth: 1, errno, lasting };
            sweep(&faults, fault, stride, 20).await;
        }
    });
}

/// R5.5: one synchronisation of an upgrade fails, any one; one name cannot be made or removed.
#[test]
fn an_upgrade_that_is_not_synchronised_is_told_and_nothing_is_lost() {
    watched(
        "faults::upgrade::an_upgrade_that_is_not_synchronised_is_told_and_nothing_is_lost",
        async |faults| {
            for (kind, errno, lasting, least) in [
                (Kind::Sync, Errno::Eio, false, 4),
                (Kind::Sync, Errno::Eio, true, 4),
                (Kind::Name, Errno::Enospc, false, 3),
            ] {
                sweep(&faults, Fault { kind, nth: 1, errno, lasting }, 1, least).await;
            }
        },
    );
}

/// R5.5: the power goes at any synchronisation of an upgrade, and right before it.
#[test]
fn an_upgrade_survives_the_loss_of_power() {
    watched("faults::upgrade::an_upgrade_survives_the_loss_of_power", async |watched| {
        const SAID: &str = "up to date";
        let kept = Kept::new(&watched.aside("kept")).await;
        for (before, golden) in kept.older() {
            let dir = watched.disk().join("old");
            let options = copy(golden, &dir).await;
            watched.forget();
            let mut disk = Disk::of(&watched.disk());
            let store = SqliteStore::open(options).await.unwrap();
            watched.note(SAID);
            store.close().await;
            let trace = Done::all(&watched.trace());

            let (mut points, mut seed, mut is_new, mut versions) = (0, 1, false, BTreeSet::new());
            for done in &trace {
                let is_sync = matches!(done, Done::Sync { .. } | Done::SyncDir { .. });
                let mut left = Vec::new();
                if is_sync {
                    left.extend((0..SEEDS).map(|more| (disk.clone(), Left::Some(seed + more))));
                    seed += SEEDS;
                }
                disk.does(done);
                is_new |= matches!(done, Done::Note(text) if text == SAID);
                if is_sync {
                    left.push((disk.clone(), Left::Nothing));
                    points += 1;
                }
                for (disk, left) in left {
                    let dir = watched.aside("left");
                    disk.make(left, &dir);
                    let options = SqliteOptions::new(dir.join("old/store.db"));
                    let version = kept.whole(&dir.join("old"), before).await;
                    assert!(!is_new || version == kept.newest(), "schema {version} after it said so");
                    versions.insert(version);
                    kept.goes_on(&options, before).await;
                    fs::remove_dir_all(dir).unwrap();
                }
            }
            assert!(is_new && points > 4, "only {points} synchronisations");
            let all: BTreeSet<i64> = (before.version..=kept.newest()).collect();
            assert_eq!(versions, all, "the power goes between any two migrations");
            fs::remove_dir_all(&dir).unwrap();
        }
    });
}

/// Bad input: a disk without room for an upgrade is told as such, the database stays whole, and with room the upgrade is made.
#[test]
fn an_upgrade_on_a_full_disk_is_refused_and_made_later() {
    const NAME: &str = "faults::upgrade::an_upgrade_on_a_full_disk_is_refused_and_made_later";
    /// More room than this is not needed.
    const ENOUGH: u64 = 2 << 20;
    let Some(disk) = child::directory() else {
        let dir = tempfile::tempdir().unwrap();
        return children::on_small_disk(NAME, dir.path(), "6m");
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let aside = tempfile::tempdir().unwrap();
        let kept = Kept::new(aside.path()).await;
        for (before, golden) in kept.older() {
            let (mut refused, mut versions) = (0, BTreeSet::new());
            for room in (0..ENOUGH).step_by(8 << 10) {
                let dir = disk.join("old");
                let options = copy(golden, &dir).await;
                let ballast = Ballast::leaving(room, &disk);
                let opened = SqliteStore::open(options.clone()).await;
                let done = opened.is_ok();
                match opened {
                    Ok(store) => store.close().await,
                    Err(error) => {
                        refused += 1;
                        assert!(matches!(error, StoreError::Full(_)), "{room} bytes: {error:?}");
                        assert!(error.to_string().contains("free some space"), "{error}");
                    }
                }
                closed(&dir).await;
                versions.insert(kept.whole(&dir, before).await);
                ballast.drop();
                kept.goes_on(&options, before).await;
                fs::remove_dir_all(&dir).unwrap();
                if done {
                    break;
                }
            }
            let version = before.version;
            assert!(refused > 3, "only {refused} upgrades of {version} found the disk full");
            assert!(versions.contains(&version) && versions.contains(&kept.newest()), "{versions:?}");
        }
    });
}
