//! Databases of every released schema, kept as they were written, and read by every later version: all fields of all that is in
//! them. One is added with every migration: `PABAWI_GOLDEN=tests/golden cargo test -p pabawi-store --test sqlite golden` writes it.

use std::fs;
use std::path::{Path, PathBuf};

use pabawi_domain::ports::ExecutionStore as _;
use pabawi_store::sqlite::{SqliteOptions, SqliteStore};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::everything;

/// The schema that was the first with the plugins of an execution.
const WITH_PLUGINS: i64 = 10;

/// The databases that are kept, with their versions, in their order.
pub(crate) async fn kept() -> Vec<(i64, PathBuf)> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "db") {
            kept.push((version(&path).await, path));
        }
    }
    kept.sort();
    kept
}

/// A copy of a database in a directory. Beside it is its large output, as a store of every version has had it.
pub(crate) fn copy(golden: &Path, dir: &Path) -> SqliteOptions {
    let path = dir.join("store.db");
    fs::copy(golden, &path).unwrap();
    let (bytes, hash) = everything::large();
    let name = hash.to_string();
    let shelf = dir.join("store.db.outputs").join(&name[..2]);
    fs::create_dir_all(&shelf).unwrap();
    fs::write(shelf.join(name), bytes).unwrap();
    SqliteOptions::new(path)
}

async fn version(path: &Path) -> i64 {
    // Nothing is made beside a database that is kept.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
    let mut conn = options.connect().await.unwrap();
    let sql = "SELECT max(version) FROM pabawi_exec_migrations";
    let version = sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    version
}

/// That all is there of a database that such a version has written; closes it.
pub(crate) async fn check(store: SqliteStore, written_by: i64) {
    everything::check(&store, written_by >= WITH_PLUGINS).await;
    store.close().await;
}

/// R5.5: what any version has written is read by this one, field by field.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_of_every_version_read_as_they_were_written() {
    let mut versions = Vec::new();
    for (written_by, golden) in kept().await {
        let dir = tempfile::tempdir().unwrap();
        versions.push(written_by);
        let options = copy(&golden, dir.path());
        check(SqliteStore::open(options.clone()).await.unwrap(), written_by).await;
        let checked = pabawi_store::maintain::check(&options.into()).await.unwrap();
        assert!(checked.is_sound() && checked.outputs > 0, "schema {written_by}: {checked:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteStore::open(SqliteOptions::new(&path)).await.unwrap();
    everything::write(&store).await;
    store.close().await;
    let current = version(&path).await;
    if let Some(into) = std::env::var_os("PABAWI_GOLDEN") {
        let mut conn = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
        let into = Path::new(&into).join(format!("schema-{current}.db"));
        sqlx::query("VACUUM INTO $1").bind(into.to_str().unwrap()).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        versions.push(current);
    }
    check(SqliteStore::open(SqliteOptions::new(&path)).await.unwrap(), current).await;
    assert!(versions.contains(&current), "schema {current} has no golden database; see the top of this file");
}
