//! A store in a schema of its own on the server of these tests, and how it is left.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{LazyLock, Mutex, OnceLock};
use std::time::Duration;

use pabawi_store::postgres::{PostgresOptions, PostgresStore};
use pabawi_testkit::postgres::Postgres;
use pabawi_testkit::wait::until_async;

pub(crate) use crate::host::PostgresHost as Host;
pub(crate) use pabawi_store::host::POSTGRES_MIGRATION as MIGRATION;

const DATABASE: &str = "pabawi";

/// The server that the tests of this binary share. It ends with the process.
pub(crate) fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = Postgres::start().unwrap();
        server.create_database(DATABASE).unwrap();
        server
    })
}

/// The schema that stands for a directory.
fn schema(dir: &Path) -> String {
    static MADE: LazyLock<Mutex<BTreeSet<String>>> = LazyLock::new(Mutex::default);
    let name = dir.file_name().unwrap().to_string_lossy();
    let schema = name.bytes().fold("s".to_owned(), |name, byte| format!("{name}{byte:02x}"));
    if MADE.lock().unwrap().insert(schema.clone()) {
        server().query(DATABASE, &format!("CREATE SCHEMA {schema}")).unwrap();
    }
    schema
}

pub(crate) fn options(dir: &Path) -> PostgresOptions {
    PostgresOptions::new(&format!("{}?options=-csearch_path%3D{}", server().url(DATABASE), schema(dir)))
}

/// The URL of an empty schema for a host's tables.
pub(crate) fn host_url(dir: &Path, name: &str) -> String {
    let schema = format!("{}_{name}", schema(dir));
    server().query(DATABASE, &format!("CREATE SCHEMA {schema}")).unwrap();
    format!("{}?options=-csearch_path%3D{schema}", server().url(DATABASE))
}

pub(crate) async fn open(dir: &Path) -> PostgresStore {
    PostgresStore::open(options(dir)).await.unwrap()
}

/// Runs SQL in the schema of a directory; rows one a line, columns apart by `|`.
pub(crate) fn sql(dir: &Path, sql: &str) -> String {
    server().query(DATABASE, &format!("SET search_path TO {}; {sql}", schema(dir))).unwrap()
}

/// Waits until a dropped store is no longer among those that live: its writer ends in the background.
pub(crate) async fn abandon(store: PostgresStore, dir: &Path) {
    let living = || sql(dir, "SELECT count(*) FROM pabawi_exec_owners WHERE seen_at > 0");
    let before = living();
    drop(store);
    until_async("the writer's end", Duration::from_secs(30), || living() != before).await.unwrap();
}

/// Runs SQL behind the store's back, which has to change something.
pub(crate) async fn tamper(dir: &Path, sql: &'static str) {
    // The two databases write bytes differently.
    let sql_here = sql
        .replace("x'00'", "'\\x00'::bytea")
        .replace("x'ff'", "'other'")
        .replace("zeroblob(32)", "decode(repeat('00', 32), 'hex')");
    let changed = crate::opened::sql(dir, &format!("{sql_here} RETURNING 1"));
    assert!(!changed.is_empty(), "{sql} changed nothing");
}

/// How many rows a table has.
pub(crate) async fn rows(dir: &Path, table: &'static str) -> i64 {
    sql(dir, &format!("SELECT count(*) FROM {table}")).trim().parse().unwrap()
}

/// As the version before this one has left it.
pub(crate) async fn forget_the_newest(dir: &Path) {
    sql(
        dir,
        "ALTER TABLE pabawi_exec_executions DROP COLUMN outputs_given_up; \
         INSERT INTO pabawi_exec_marks (name, value) VALUES ('events_stripped', 0); \
         DELETE FROM pabawi_exec_migrations WHERE version = 5",
    );
}

pub(crate) async fn lose_large_outputs(dir: &Path) {
    sql(dir, "DELETE FROM pabawi_exec_pieces");
}

/// A store on what pg_restore(1) makes of a copy, after the tables were lost.
pub(crate) async fn restore(dir: &Path, copy: &Path) -> (tempfile::TempDir, PostgresStore) {
    sql(dir, &format!("DROP SCHEMA {0} CASCADE; CREATE SCHEMA {0}", schema(dir)));
    let done = std::process::Command::new("pg_restore")
        .args(["--exit-on-error", "--dbname", &server().url(DATABASE)])
        .arg(copy)
        .output()
        .expect("pg_restore of Debian's package postgresql-client");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    (tempfile::tempdir().unwrap(), open(dir).await)
}
