//! [`Lease`]: one opened store on a server that several machines share, and how the others can tell that it lives.
//!
//! Every opened store has a row that says when it was last heard of, by the server's clock. A process that is silent for
//! longer than its lease is taken for dead; the time in which the server itself was down does not count. On the same machine
//! the end of a process is seen at once. Why it is so: docs/decisions/0007.

use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::ports::StoreError;
use sqlx::AssertSqlSafe;
use tokio::task::JoinHandle;
use tracing::Instrument as _;
use uuid::Uuid;

use super::process::Identity;
use crate::codec;
use crate::db::{self, Connection, Pool};
use crate::sql::place::Place;

/// The milliseconds since the Unix epoch by the server's clock.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
/// When the server was started; before that it could hear of nobody.
const SERVER_START: &str = "(extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint";
/// The first half of the advisory lock that a writer holds; the second is the table's number. "pabw" in ASCII.
const WRITING: i32 = 0x7061_6277;
/// The leaving of a process may not take longer: it is taken for dead some time later anyway.
const LEAVING: Duration = Duration::from_secs(5);

/// Whether a transaction has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    Yes,
    /// It has, but another process has taken this one for dead meanwhile.
    TakenForDead,
}

/// One opened store. Dropping it stops the heartbeat.
#[derive(Debug)]
pub(crate) struct Lease {
    id: String,
    identity: Identity,
    lease_ms: i64,
    /// For what must not wait behind the writer.
    pool: Pool,
    heartbeat: JoinHandle<()>,
}

impl Lease {
    /// Writes this store's row and begins to renew it.
    pub(crate) async fn enter(
        lease: Duration,
        pool: Pool,
        conn: &mut Connection,
        place: &Place,
    ) -> Result<Self, StoreError> {
        let id = Uuid::new_v4().to_string();
        let lease_ms = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
        let identity = Identity::own();
        register(&id, &identity, lease_ms, conn).await.map_err(|fault| place.sql(REGISTER, &fault))?;
        let heartbeat = tokio::spawn(beat(id.clone(), lease / 3, pool.clone()).in_current_span());
        Ok(Self { id, identity, lease_ms, pool, heartbeat })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Begins a transaction that may write, in one round trip: waits until nobody else writes, and looks whether this
    /// process still counts as alive. Each statement sees what was committed before it.
    pub(crate) async fn begin(&self, conn: &mut Connection) -> db::Result<Begun> {
        let Connection::Postgres(conn) = conn else { return Err(db::Fault::NoRow) };
        // The id is a UUID of ours.
        let sql = format!(
            "BEGIN; SELECT pg_advisory_xact_lock({WRITING}, 'pabawi_exec_owners'::regclass::oid::int4); \
             SELECT 1 FROM pabawi_exec_owners WHERE id = '{}'",
            self.id
        );
        let rows = db::within(db::ANSWER, sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(conn)).await?;
        Ok(if rows.len() > 1 { Begun::Yes } else { Begun::TakenForDead })
    }

    /// Writes the row of this process again, within the open transaction.
    pub(crate) async fn enter_again(&self, conn: &mut Connection, place: &Place) -> Result<(), StoreError> {
        register(&self.id, &self.identity, self.lease_ms, conn)
            .await
            .map_err(|fault| place.sql(REGISTER, &fault))
    }

    /// Whether the owner of that id is dead, as far as can be told.
    pub(crate) async fn is_dead(
        &self,
        id: &str,
        conn: &mut Connection,
        place: &Place,
    ) -> Result<bool, StoreError> {
        let fault = |error| place.sql("look whether a process lives", &error);
        let row = db::query(format!(
            "SELECT seen_at = 0 OR greatest(seen_at, {SERVER_START}) + lease_ms < {NOW}, \
             process_id, process_start, boot, host FROM pabawi_exec_owners WHERE id = $1"
        ))
        .bind(id)
        .fetch_optional(conn)
        .await
        .map_err(fault)?;
        let Some(row) = row else { return Ok(true) };
        let other = Identity {
            process_id: row.try_get(1).map_err(fault)?,
            process_start: row.try_get(2).map_err(fault)?,
            boot: row.try_get(3).map_err(fault)?,
            host: row.try_get(4).map_err(fault)?,
        };
        Ok(row.try_get(0).map_err(fault)? || self.identity.sees_the_end_of(&other))
    }

    /// Lets the others know that this process is gone. Its row stays where it has executions that are not over.
    pub(crate) async fn leave(self) {
        self.heartbeat.abort();
        let leaving = async {
            let left = db::query("UPDATE pabawi_exec_owners SET seen_at = 0 WHERE id = $1")
                .bind(self.id.as_str())
                .execute(&self.pool)
                .await;
            if let Err(error) = left {
                tracing::debug!(%error, "the others learn later that this process has ended");
            }
            self.pool.close().await;
        };
        // What is not said in time is found out when the lease is over.
        let _ = tokio::time::timeout(LEAVING, leaving).await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.heartbeat.abort();
    }
}

const REGISTER: &str = "register this process";

async fn register(id: &str, identity: &Identity, lease_ms: i64, conn: &mut Connection) -> db::Result<()> {
    db::query(format!(
        "INSERT INTO pabawi_exec_owners (id, process_id, opened_at, seen_at, lease_ms, host, boot, process_start) \
         VALUES ($1, $2, $3, {NOW}, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at"
    ))
    .bind(id)
    .bind(identity.process_id)
    .bind(codec::nanos(Timestamp::now()))
    .bind(lease_ms)
    .bind(identity.host.as_str())
    .bind(identity.boot.as_str())
    .bind(identity.process_start)
    .execute(conn)
    .await
    .map(|_| ())
}

/// Renews the row until it is told to stop. One beat that fails is made good by the next.
async fn beat(id: String, every: Duration, pool: Pool) {
    // Ends with the store.
    loop {
        tokio::time::sleep(every).await;
        let renewed = db::query(format!("UPDATE pabawi_exec_owners SET seen_at = {NOW} WHERE id = $1"))
            .bind(id.as_str())
            .execute(&pool);
        match tokio::time::timeout(every, renewed).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "this process could not say that it lives"),
            Err(_) => tracing::debug!("this process could not say in time that it lives"),
        }
    }
}
