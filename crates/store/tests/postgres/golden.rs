//! Databases as they were dumped by the version that wrote them, read by every later version: all fields of all that is in them.
//! One is added with every migration: `PABAWI_GOLDEN=tests/golden cargo test -p pabawi-store --test postgres golden` writes it.
//!
//! Schemas from before there were dumps are made by the migrations and filled from the oldest dump.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pabawi_domain::ports::ExecutionStore as _;
use pabawi_store::postgres::{PostgresOptions, PostgresStore};
use pabawi_testkit::postgres::Postgres;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _};

use crate::everything;
use crate::opened::server;

/// The schema that was the first with the plugins of an execution.
const WITH_PLUGINS: i64 = 2;
/// Bytes of a piece of a large output.
const PIECE: usize = 512 * 1024;

/// The migrations of schemas that no version has dumped.
const BEFORE_DUMPS: [(&str, &str); 3] = [
    ("initial", include_str!("../../migrations/postgres/0001_initial.sql")),
    ("plugins", include_str!("../../migrations/postgres/0002_plugins.sql")),
    ("host", include_str!("../../migrations/postgres/0003_host.sql")),
];

/// Takes over what two schemas have in common, with the numbers that come next.
const TAKE_OVER: &str = "
SET session_replication_role = replica;
DO $$
DECLARE of record; columns text;
BEGIN
    FOR of IN SELECT tablename AS name FROM pg_tables AS here WHERE schemaname = 'public'
        AND tablename NOT IN ('pabawi_exec_migrations', 'pabawi_exec_marks')
        AND EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = 'newer' AND tablename = here.tablename)
    LOOP
        SELECT string_agg(quote_ident(here.column_name), ', ') INTO columns
            FROM information_schema.columns AS here JOIN information_schema.columns AS newer
            USING (table_name, column_name)
            WHERE here.table_schema = 'public' AND newer.table_schema = 'newer' AND table_name = of.name
            AND here.is_generated = 'NEVER';
        EXECUTE format('INSERT INTO public.%I (%s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM newer.%1$I', of.name, columns);
    END LOOP;
    PERFORM setval(format('public.%I', sequencename)::regclass, last_value) FROM pg_sequences
        WHERE schemaname = 'newer' AND last_value IS NOT NULL;
    UPDATE public.pabawi_exec_marks AS here SET value = newer.value FROM newer.pabawi_exec_marks AS newer
        WHERE here.name = newer.name;
END $$;
DROP SCHEMA newer CASCADE;";

/// The dumps that are kept, with their versions, in their order.
fn kept() -> Vec<(i64, PathBuf)> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(version) = name.strip_prefix("postgres-").and_then(|name| name.strip_suffix(".sql")) {
            kept.push((version.parse().unwrap(), path));
        }
    }
    kept.sort();
    kept
}

pub(crate) fn version(on: &Postgres, database: &str) -> i64 {
    let sql = "SELECT max(version) FROM pabawi_exec_migrations";
    on.query(database, sql).unwrap().trim().parse().unwrap()
}

/// Makes a database as a version has left it.
pub(crate) async fn fill(on: &Postgres, database: &str, version: i64) {
    on.create_database(database).unwrap();
    let kept = kept();
    let (oldest, dump) = kept.iter().find(|(of, _)| *of >= version).expect("there is a dump");
    let done = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", &on.url(database), "--file"])
        .arg(dump)
        .output()
        .expect("psql of Debian's package postgresql-client");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(self::version(on, database), *oldest);
    with_large(on, database);
    if *oldest > version {
        go_back(on, database, version).await;
    }
    assert_eq!(self::version(on, database), version);
}

/// The pieces of the large output as a store of every version has cut it: they would only take room in the repository.
fn with_large(on: &Postgres, database: &str) {
    let (large, hash) = everything::large();
    let period: String = large[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(large.chunks(8).all(|part| part == &large[..8]));
    let sql = format!(
        "INSERT INTO pabawi_exec_pieces (hash, variant, position, body) \
         SELECT decode('{hash}', 'hex'), 1, n, substring(whole FROM n * {PIECE} + 1 FOR {PIECE}) \
         FROM (SELECT decode(repeat('{period}', {times}), 'hex') AS whole) AS o, generate_series(0, {last}) AS n",
        times = large.len() / 8,
        last = (large.len() - 1) / PIECE,
    );
    on.query(database, &sql).unwrap();
}

/// Makes the schema of an older version, with all of the content that it can hold.
async fn go_back(on: &Postgres, database: &str, version: i64) {
    on.query(database, "ALTER SCHEMA public RENAME TO newer; CREATE SCHEMA public").unwrap();
    let steps = (1i64..).zip(BEFORE_DUMPS).take_while(|(step, _)| *step <= version);
    let migrations = steps.map(|(version, (what, sql))| {
        Migration::new(version, what.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name("pabawi_exec_migrations");
    let options: sqlx::postgres::PgConnectOptions = on.url(database).parse().unwrap();
    let mut conn = options.connect().await.unwrap();
    migrator.run_direct(None, &mut conn, false).await.unwrap();
    conn.close().await.unwrap();
    on.query(database, TAKE_OVER).unwrap();
}

/// That all is there of a database that such a version has written; closes it.
pub(crate) async fn check(store: PostgresStore, written_by: i64) {
    everything::check(&store, written_by >= WITH_PLUGINS).await;
    store.close().await;
}

/// Writes what a program needs to make the database again, without the pieces of large outputs.
fn dump(url: &str, to: &Path) {
    let done = Command::new("pg_dump")
        .args(["--no-owner", "--no-privileges", "--schema=public", "--column-inserts"])
        .args(["--exclude-table-data=pabawi_exec_pieces", "--dbname", url])
        .output()
        .expect("pg_dump of Debian's package postgresql-client");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    // Comments, the schema that each database has, and words that older programs do not know.
    let is_left_out = |line: &&str| {
        line.starts_with("--")
            || line.starts_with('\\')
            || line.contains("SCHEMA public")
            || line.starts_with("SET transaction_timeout")
    };
    let mut lines: Vec<&str> = text.lines().filter(|line| !is_left_out(line)).collect();
    lines.dedup_by(|one, other| one.is_empty() && other.is_empty());
    fs::write(to, lines.join("\n").trim_start().to_owned() + "\n").unwrap();
}

/// R5.5: what any version has written is read by this one, field by field.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_of_every_version_read_as_they_were_written() {
    server().create_database("golden_now").unwrap();
    let url = server().url("golden_now");
    let store = PostgresStore::open(PostgresOptions::new(&url)).await.unwrap();
    everything::write(&store).await;
    store.close().await;
    let current = version(server(), "golden_now");
    if let Some(into) = std::env::var_os("PABAWI_GOLDEN") {
        dump(&url, &Path::new(&into).join(format!("postgres-{current}.sql")));
    }
    check(PostgresStore::open(PostgresOptions::new(&url)).await.unwrap(), current).await;
    let newest = kept().last().map(|(version, _)| *version);
    assert_eq!(newest, Some(current), "the schema has no golden database; see the top of this file");

    for written_by in 1..=current {
        let database = format!("golden_{written_by}");
        fill(server(), &database, written_by).await;
        let options = PostgresOptions::new(&server().url(&database));
        check(PostgresStore::open(options.clone()).await.unwrap(), written_by).await;
        assert_eq!(version(server(), &database), current);
        let checked = pabawi_store::maintain::check(&options.into()).await.unwrap();
        assert!(checked.is_sound() && checked.outputs > 0, "schema {written_by}: {checked:?}");
    }
}
