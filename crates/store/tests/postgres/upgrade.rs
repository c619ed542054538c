//! A database of an older version whose upgrade is cut at any of its statements: afterwards it is whole in its version, one
//! between, or the new one, and the next opening finds all that was in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pabawi_domain::ports::{ExecutionStore as _, StoreError};
use pabawi_store::postgres::{PostgresOptions, PostgresStore};
use pabawi_testkit::postgres::{End, Postgres};
use pabawi_testkit::wait::until_async;

use crate::golden::{check, fill, version};
use crate::opened::server;

/// More statements than an upgrade has.
const MOST: u32 = 200;

/// Counts each change of the schema and each step of the migrations' list, and at one of them ends the session or waits. Numbers
/// that a sequence has given are not taken back with the transaction.
const TRAP: &str = "
CREATE SCHEMA trap;
CREATE SEQUENCE trap.seen;
CREATE TABLE trap.set (nth BIGINT, waits BOOLEAN);
CREATE FUNCTION trap.here() RETURNS VOID LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('trap.seen') = (SELECT nth FROM trap.set) THEN
        IF NOT (SELECT waits FROM trap.set) THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
        PERFORM pg_sleep(600);
    END IF;
END $$;
CREATE FUNCTION trap.row() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM trap.here(); RETURN NULL; END $$;
CREATE FUNCTION trap.change() RETURNS event_trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM trap.here(); END $$;
CREATE TRIGGER trap AFTER INSERT OR UPDATE ON public.pabawi_exec_migrations
    FOR EACH ROW EXECUTE FUNCTION trap.row();
CREATE EVENT TRIGGER trap ON ddl_command_end EXECUTE FUNCTION trap.change();";

/// All columns, constraints and indexes.
const SCHEMA: &str = "
SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity
    FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, column_name;
SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2;
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1;";

/// What every opening or version writes for itself.
const OF_THE_VERSION: [&str; 3] = ["pabawi_exec_migrations", "pabawi_exec_owners", "pabawi_exec_marks"];

/// What a filled database of the first schema has, and what the schema of each version is.
struct Old {
    schemas: BTreeMap<i64, String>,
    /// Asks how many rows each of its tables has, and the answer.
    counts: String,
    rows: String,
}

impl Old {
    const TEMPLATE: &'static str = "upgrade_1";

    async fn new(on: &Postgres) -> Self {
        on.create_database("upgrade_newest").unwrap();
        let url = on.url("upgrade_newest");
        PostgresStore::open(PostgresOptions::new(&url)).await.unwrap().close().await;
        let newest = version(on, "upgrade_newest");
        let mut schemas = BTreeMap::from([(newest, on.query("upgrade_newest", SCHEMA).unwrap())]);
        for version in 1..newest {
            let database = format!("upgrade_{version}");
            fill(on, &database, version).await;
            schemas.insert(version, on.query(&database, SCHEMA).unwrap());
        }
        let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
        let tables = on.query(Self::TEMPLATE, tables).unwrap();
        let tables = tables.lines().filter(|table| !OF_THE_VERSION.contains(table));
        let count = |table: &str| format!("SELECT '{table}', count(*) FROM {table}");
        let counts = tables.map(count).collect::<Vec<_>>().join(" UNION ALL ");
        let rows = on.query(Self::TEMPLATE, &counts).unwrap();
        on.query(Self::TEMPLATE, TRAP).unwrap();
        Self { schemas, counts, rows }
    }

    fn newest(&self) -> i64 {
        *self.schemas.last_key_value().unwrap().0
    }

    /// A copy of it whose upgrade is cut at the statement of that number.
    fn cut_at(on: &Postgres, nth: u32, waits: bool) -> (String, PostgresOptions) {
        let database = format!("upgrade_cut_{nth}");
        let (template, set) = (Self::TEMPLATE, format!("INSERT INTO trap.set VALUES ({nth}, {waits})"));
        on.query("postgres", &format!("CREATE DATABASE {database} TEMPLATE {template}")).unwrap();
        on.query(&database, &set).unwrap();
        let options = PostgresOptions::new(&on.url(&database));
        (database, options)
    }

    /// The version of what is left, which is whole; the next opening finds all that was in it.
    async fn survives(&self, on: &Postgres, database: &str, options: PostgresOptions) -> i64 {
        let left = version(on, database);
        let schema = on.query(database, SCHEMA).unwrap();
        assert!(schema == self.schemas[&left], "a part of schema {left}: {schema}");
        assert_eq!(on.query(database, &self.counts).unwrap(), self.rows, "schema {left}");
        on.query(database, "UPDATE trap.set SET nth = 0").unwrap();
        check(PostgresStore::open(options).await.unwrap(), 1).await;
        assert_eq!(version(on, database), self.newest());
        on.query("postgres", &format!("DROP DATABASE {database} WITH (FORCE)")).unwrap();
        left
    }
}

/// R5.5: the session that upgrades is ended at any of its statements.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_whose_session_is_ended_leaves_a_whole_database() {
    let old = Old::new(server()).await;
    let (mut nth, mut versions) = (0, BTreeSet::new());
    // Ends with the first upgrade that has fewer statements.
    loop {
        nth += 1;
        assert!(nth < MOST, "it does not come to its end");
        let (database, options) = Old::cut_at(server(), nth, false);
        let opened = PostgresStore::open(options.clone()).await;
        let has_opened = opened.is_ok();
        match opened {
            Ok(store) => store.close().await,
            Err(error) => {
                assert!(matches!(error, StoreError::Unavailable(_)), "{nth}: {error:?}");
                let seen = server().query(&database, "SELECT last_value FROM trap.seen").unwrap();
                assert_eq!(seen, format!("{nth}\n"), "it was cut there: {error}");
            }
        }
        let left = old.survives(server(), &database, options).await;
        assert!(!has_opened || left == old.newest(), "it said that it is up to date");
        versions.insert(left);
        if has_opened {
            break;
        }
    }
    assert!(nth > 15, "only {nth} statements");
    assert_eq!(versions, old.schemas.keys().copied().collect(), "it is cut between any two migrations");
}

/// R5.5: the server is stopped at once in the middle of an upgrade, at every fourth of its statements.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_whose_server_is_stopped_leaves_a_whole_database() {
    let mut server = Postgres::start().unwrap();
    let old = Old::new(&server).await;
    let mut versions = BTreeSet::new();
    for nth in [3, 7, 11, 15] {
        let (database, options) = Old::cut_at(&server, nth, true);
        let opening = tokio::spawn(PostgresStore::open(options.clone()));
        let waits = || {
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
            server.query("postgres", sql).unwrap() == "1\n"
        };
        until_async("the upgrade to come so far", Duration::from_secs(60), waits).await.unwrap();
        server.stop(End::Immediate);
        let error = opening.await.unwrap().unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{nth}: {error:?}");
        server.start_again().unwrap();
        versions.insert(old.survives(&server, &database, options).await);
    }
    assert!(versions.len() > 2, "it is stopped in several migrations: {versions:?}");
}
