//! Files that an older version has made.

use pabawi_domain::breaker::BreakerState;
use pabawi_domain::journal::{JournalLimit, JournalQuery};
use pabawi_domain::ports::{BreakerStore as _, ExecutionStore as _, JournalStore as _, RetentionStore as _};
use pabawi_store::sqlite::{SqliteOptions, SqliteStore};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _};

use crate::breakers::record;
use crate::journal::{actions, entry};
use crate::records::{node, open};

/// R7.7: breakers that a version before this one has stored are still there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn breakers_of_an_older_database_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (new, path) = (dir.path().join("new.db"), dir.path().join("store.db"));
    SqliteStore::open(SqliteOptions::new(&new)).await.unwrap().close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut conn = options.connect().await.unwrap();
    // The database as that version made it, with its own list of what has been done.
    let attach = format!("ATTACH '{}' AS new", new.display());
    let table: String = {
        sqlx::raw_sql(sqlx::AssertSqlSafe(attach)).execute(&mut conn).await.unwrap();
        let sql = "SELECT sql FROM new.sqlite_master WHERE name = 'pabawi_exec_migrations'";
        sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap()
    };
    sqlx::raw_sql(sqlx::AssertSqlSafe(table)).execute(&mut conn).await.unwrap();
    for sql in [
        include_str!("../../migrations/sqlite/0001_initial.sql"),
        include_str!("../../migrations/sqlite/0002_graphs.sql"),
        include_str!("../../migrations/sqlite/0003_breakers.sql"),
        include_str!("../../migrations/sqlite/0004_plans.sql"),
        "INSERT INTO main.pabawi_exec_migrations SELECT * FROM new.pabawi_exec_migrations WHERE version < 5",
        "INSERT INTO main.pabawi_exec_breakers (component, state, since, failures, next_probe_at) \
         VALUES ('node:a', 'open', 1728000000000000000, 3, 1728000000000000000)",
    ] {
        sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    }
    drop(conn);
    let store = SqliteStore::open(SqliteOptions::new(&path)).await.unwrap();
    let stored = store.breakers(0).await.unwrap();
    assert_eq!(stored.records, [record("node:a", BreakerState::Open, 3, 0)]);
    assert!(stored.mark > 0);
    store.close().await;
}

/// Entries from before chains are read, searched and removed as ever; nothing is said about whether they are what was written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_from_before_chains_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut conn = options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal).connect().await.unwrap();
    let before = [
        ("initial", include_str!("../../migrations/sqlite/0001_initial.sql")),
        ("graphs", include_str!("../../migrations/sqlite/0002_graphs.sql")),
        ("breakers", include_str!("../../migrations/sqlite/0003_breakers.sql")),
        ("plans", include_str!("../../migrations/sqlite/0004_plans.sql")),
        ("breaker changes", include_str!("../../migrations/sqlite/0005_breaker_changes.sql")),
        ("unsettled", include_str!("../../migrations/sqlite/0006_unsettled.sql")),
        ("facts", include_str!("../../migrations/sqlite/0007_facts.sql")),
    ];
    let migrations = (1i64..).zip(before).map(|(version, (what, sql))| {
        Migration::new(version, what.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name("pabawi_exec_migrations");
    migrator.run_direct(None, &mut conn, false).await.unwrap();
    sqlx::query(
        "INSERT INTO pabawi_exec_journal (at, node, event_type, source, user_name, action, summary, details) VALUES \
         (5, 'web1', 'note', 'user', 'ada', 'add_note', 'the first word', NULL), \
         (7, 'web1', 'note', 'user', 'bob', 'add_note', 'the second', '{\"a\":1}'), \
         (6, 'web2', 'note', 'user', 'bob', 'add_note', 'elsewhere', NULL)",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    conn.close().await.unwrap();

    let store = open(dir.path()).await;
    store.append_journal(&[entry("new", "web1", 1), entry("new", "web3", 1)]).await.unwrap();
    let page =
        store.journal(&JournalQuery { nodes: vec![node("web1")], ..JournalQuery::default() }).await.unwrap();
    let told: Vec<_> =
        page.items.iter().map(|one| (one.entry.summary.as_str(), one.seq, one.hash.is_some())).collect();
    assert_eq!(
        told,
        [("did new", Some(3), true), ("the second", Some(2), false), ("the first word", Some(1), false)]
    );
    let found = JournalQuery { text: Some("FIRST word ada".into()), ..JournalQuery::default() };
    assert_eq!(actions(&store, found).await, ["add_note"]);
    let told = store.verify_journal(None).await.unwrap();
    assert_eq!((told.nodes, told.entries, told.unchained, &told.faults), (3, 5, 3, &vec![]));
    let limit = JournalLimit { event_type: Some("note".into()), keep: Some(0), ..JournalLimit::default() };
    let cuts = store.journal_cuts(&[limit]).await.unwrap();
    assert_eq!(cuts[0].entries, 3);
    assert_eq!(store.prune_journal(&cuts, None, 100).await.unwrap().entries, 3);
    assert!(store.verify_journal(None).await.unwrap().is_sound());
}

/// What a host application has of the journal is not brought over again: marks of single entries become one for all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_is_mirrored_from_where_an_older_version_was() {
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/schema-11.db");
    for (marked, mark) in [("key < 0", 0), ("key <= 2", 2), ("key > 0", 3)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        std::fs::copy(&golden, &path).unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
        let mut conn = options.connect().await.unwrap();
        let sql = format!("UPDATE pabawi_exec_journal SET mirrored = 1 WHERE {marked}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        open(dir.path()).await.close().await;
        let mut conn = options.connect().await.unwrap();
        let sql = "SELECT value FROM pabawi_exec_marks WHERE name = 'journal_mirrored'";
        let found: i64 = sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        assert_eq!(found, mark, "{marked}");
    }
}

/// Executions whose events an older version has rid of output are not gone through again; the number up to which it had is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_are_removed_on_from_where_an_older_version_was() {
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/schema-12.db");
    for (stripped, with_outputs) in [("0", 2), ("(SELECT min(key) FROM pabawi_exec_executions)", 1)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        std::fs::copy(&golden, &path).unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
        let mut conn = options.connect().await.unwrap();
        let sql = format!("UPDATE pabawi_exec_marks SET value = {stripped} WHERE name = 'events_stripped'");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        open(dir.path()).await.close().await;
        let mut conn = options.connect().await.unwrap();
        let sql = "SELECT count(*), (SELECT count(*) FROM pabawi_exec_marks WHERE name = 'events_stripped') \
            FROM pabawi_exec_executions WHERE outputs_given_up = 0";
        let found: (i64, i64) = sqlx::query_as(sql).fetch_one(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        assert_eq!(found, (with_outputs, 0), "{stripped}");
    }
}
