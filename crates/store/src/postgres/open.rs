//! Opening a store on PostgreSQL: settings of its connections, the look at the version, migrations, the sweep of what dead
//! processes have left, and this process's row.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::ports::StoreError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgPool};

use super::lease::Lease;
use super::options::PostgresOptions;
use super::pieces::{self, Pieces};
use super::schema::MIGRATIONS;
use super::url;
use crate::db::{self, Connection, Connector, Pool};
use crate::large::LargeOutputs;
use crate::sql::migrations;
use crate::sql::place::Place;
use crate::sql::presence::Presence;
use crate::sql::store::Opened;

/// The oldest server that has all that is used here, as `server_version_num` has it.
const OLDEST: i64 = 120_000;
/// Connections for large outputs and for the heartbeat, which must not wait behind the writer.
const BESIDE_THE_WRITER: u32 = 2;
/// The first half of the advisory lock that an opener holds; the second is a hash of the schema's name. "pabo" in ASCII.
const OPENING: i32 = 0x7061_626f;

/// A connection to a database as it is: nothing is made or brought up to date.
pub(crate) async fn connect(options: &PostgresOptions) -> Result<(Arc<Place>, Connection), StoreError> {
    let (_, place, connector) = connector(options)?;
    let mut conn = connector.connect().await.map_err(|fault| place.sql("connect", &fault))?;
    check_server(&mut conn, &place).await?;
    Ok((place, conn))
}

/// Where the server is, and how the connection that writes is made.
fn connector(options: &PostgresOptions) -> Result<(PgConnectOptions, Arc<Place>, Connector), StoreError> {
    let server = url::parse(&options.url)?.disable_statement_logging();
    let server = match server.get_application_name() {
        Some(_) => server,
        None => server.application_name("pabawi"),
    };
    let place = Arc::new(Place::server(url::shown(&server)));
    let connector = Connector::Postgres {
        options: server.clone().statement_cache_capacity(200),
        setup: setup(options.patience),
        limit: options.patience,
    };
    Ok((server, place, connector))
}

/// Opens the database and brings its schema up to date.
pub(crate) async fn open(options: &PostgresOptions) -> Result<Opened, StoreError> {
    let (server, place, connector) = connector(options)?;
    let mut writer = connector.connect().await.map_err(|fault| place.sql("connect", &fault))?;
    check_server(&mut writer, &place).await?;
    migrations::check_version(&MIGRATIONS, &mut writer, &place).await?;

    let fault = |error| place.sql("wait for others that open the database", &error);
    let lock = format!("({OPENING}, hashtext(current_schema()))");
    db::query(format!("SELECT pg_advisory_lock{lock}")).execute(&mut writer).await.map_err(fault)?;
    // Another process may have brought it up to date since the first look.
    migrations::check_version(&MIGRATIONS, &mut writer, &place).await?;
    migrations::migrate(&MIGRATIONS, &mut writer, &place).await?;
    let beside = pool(&server, BESIDE_THE_WRITER, options.patience, setup(options.patience));
    let lease = Lease::enter(options.lease, Pool::Postgres(beside.clone()), &mut writer, &place).await?;
    sweep(&lease, &mut writer, &place).await?;
    db::query(format!("SELECT pg_advisory_unlock{lock}")).execute(&mut writer).await.map_err(fault)?;

    Ok(Opened {
        place,
        large: LargeOutputs::Pieces(Pieces::new(beside, lease.id().to_owned())),
        inline_output_bytes: options.inline_output_bytes,
        presence: Presence::Lease(lease),
        writer,
        connector,
        readers: readers(&server, options),
    })
}

/// Connections that only read a database as it is.
pub(crate) fn reading(options: &PostgresOptions) -> Result<Pool, StoreError> {
    Ok(readers(&connector(options)?.0, options))
}

fn readers(server: &PgConnectOptions, options: &PostgresOptions) -> Pool {
    let reading = format!("SET default_transaction_read_only = on; {BY_INDEX}");
    Pool::Postgres(pool(server, options.readers.max(1), options.patience, reading))
}

/// What every connection that writes is told first. An acknowledged write is on stable storage.
///
fn setup(patience: Duration) -> String {
    format!("SET synchronous_commit = on; SET lock_timeout = {}; {BY_INDEX}", patience.as_millis())
}

/// Every statement finds its rows by an index, as it does in SQLite, which knows hardly another way. The server would rather
/// read whole tables while they are small, and keep to that plan of a prepared statement when they have grown.
const BY_INDEX: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

fn pool(server: &PgConnectOptions, most: u32, patience: Duration, setup: String) -> PgPool {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(patience)
        .after_connect(move |conn, _| {
            let setup = setup.clone();
            Box::pin(async move { conn.execute(AssertSqlSafe(setup)).await.map(|_| ()) })
        })
        .connect_lazy_with(server.clone())
}

async fn check_server(conn: &mut Connection, place: &Place) -> Result<(), StoreError> {
    let fault = |error| place.sql("look at the server", &error);
    let row = db::query(
        "SELECT current_setting('server_version_num')::bigint, current_setting('server_version'), \
         pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on', \
         current_setting('server_encoding'), current_setting('fsync') = 'on', current_schema()::text",
    )
    .fetch_one(conn)
    .await
    .map_err(fault)?;
    let shown = place.shown();
    if row.try_get::<i64>(0).map_err(fault)? < OLDEST {
        return Err(StoreError::Unavailable(format!(
            "{shown} is PostgreSQL {}; version 12 or later is needed",
            row.try_get::<&str>(1).map_err(fault)?
        )));
    }
    if row.try_get(2).map_err(fault)? {
        return Err(StoreError::ReadOnly(format!(
            "{shown} is a standby or only reads; give the URL of the server that writes"
        )));
    }
    let encoding: &str = row.try_get(3).map_err(fault)?;
    if encoding != "UTF8" {
        return Err(StoreError::Unavailable(format!(
            "{shown} has the encoding {encoding}; make a database with the encoding UTF8"
        )));
    }
    if !row.try_get::<bool>(4).map_err(fault)? {
        tracing::warn!(
            database = shown,
            "the server has fsync off: what it acknowledges does not survive a crash"
        );
    }
    if row.try_get::<Option<&str>>(5).map_err(fault)?.is_none() {
        return Err(StoreError::Unavailable(format!(
            "{shown}: no schema of the search path exists; make one, or name one in the URL with \
             ?options=-csearch_path%3Dname"
        )));
    }
    Ok(())
}

/// Forgets dead processes that have left nothing open, and large outputs that they have left.
async fn sweep(lease: &Lease, conn: &mut Connection, place: &Place) -> Result<(), StoreError> {
    let fault = |error| place.sql("forget dead processes", &error);
    let rows = db::query(
        "SELECT w.id FROM pabawi_exec_owners AS w WHERE w.id <> $1 AND NOT EXISTS \
         (SELECT 1 FROM pabawi_exec_executions AS e WHERE e.owner = w.id AND e.status IN ('queued', 'running')) \
         AND NOT EXISTS (SELECT 1 FROM pabawi_exec_graph_runs AS g WHERE g.owner = w.id)",
    )
    .bind(lease.id())
    .fetch_all(&mut *conn)
    .await
    .map_err(fault)?;
    let mut forgotten = 0;
    for row in rows {
        let id: String = row.try_get(0).map_err(fault)?;
        if lease.is_dead(&id, conn, place).await? {
            let sql = "DELETE FROM pabawi_exec_owners WHERE id = $1";
            forgotten += db::query(sql).bind(id).execute(&mut *conn).await.map_err(fault)?;
        }
    }
    if forgotten > 0 {
        let removed = pieces::sweep(conn, place).await?;
        if removed > 0 {
            tracing::info!(count = removed, "removed large outputs that a dead process left");
        }
    }
    Ok(())
}
