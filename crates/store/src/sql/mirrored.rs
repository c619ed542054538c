//! What the tables of a host do not have yet, and that they have it now. A mark stands with each execution, since they end in any
//! order. Of the journal one number says it for all: entries do not change, and their keys rise in the order of the commits.

use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::journal::JournalEntry;
use pabawi_domain::ports::StoreError;
use pabawi_domain::summary::{ExecutionStatus, Progress};
use uuid::Uuid;

use super::journal_list::{COLUMNS, SUPERSEDED, entry};
use super::list::id_of;
use super::place::Place;
use super::store::Store;
use crate::codec;
use crate::db::{self, Connection, Row};

/// The key of the entry up to which the host has all.
const MARK: &str = "(SELECT m.value FROM pabawi_exec_marks AS m WHERE m.name = 'journal_mirrored')";

/// What the host has now.
#[derive(Debug, Default)]
pub(crate) struct Mirrored {
    /// Keys of executions with the status that was mirrored: one that has changed since is mirrored again.
    pub(crate) executions: Vec<(i64, ExecutionStatus)>,
    /// The key of the entry up to which all are there.
    pub(crate) entries: Option<i64>,
}

/// Whose turn it is to tell a journal service of the host, by a mark that says whose it is and until when: so is it one process at
/// a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    owner: TurnOwner,
    now: Timestamp,
    /// For how long; not at all to give it up.
    lasts: Duration,
}

/// Bits of the mark that say whose turn it is; those above are milliseconds since the Unix epoch.
const OWNER_BITS: u32 = 20;

/// One that may have a turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TurnOwner(i64);

impl TurnOwner {
    /// One that is no other, as far as chance can tell.
    pub(crate) fn new() -> Self {
        let [a, b, c, ..] = *Uuid::new_v4().as_bytes();
        Self(i64::from(u32::from_be_bytes([0, a, b, c])) & ((1 << OWNER_BITS) - 1))
    }

    /// A turn of it from now on.
    pub(crate) fn turn(self, lasts: Duration) -> Turn {
        Turn { owner: self, now: Timestamp::now(), lasts }
    }

    /// The mark of a turn of it.
    fn mark(self, until: Timestamp) -> i64 {
        (until.as_millisecond() << OWNER_BITS) | self.0
    }
}

/// An entry that the host does not have.
#[derive(Debug)]
pub(crate) struct UnmirroredEntry {
    pub(crate) entry: JournalEntry,
    /// How many targets the execution has that it tells of; absent without one, and when that is gone.
    pub(crate) targets: Option<u64>,
}

impl Store {
    /// Keys and ids of executions that the host does not have to their end, from after a key.
    pub(crate) async fn unmirrored_executions(
        &self,
        after: i64,
        at_most: i64,
    ) -> Result<Vec<(i64, ExecutionId)>, StoreError> {
        let (pool, place) = self.readers();
        let fault = |error| place.sql("look for what is to be mirrored", &error);
        let rows = db::query(
            "SELECT key, id FROM pabawi_exec_executions WHERE mirrored = 0 AND key > $1 ORDER BY key LIMIT $2",
        )
        .bind(after)
        .bind(at_most)
        .fetch_all(pool)
        .await
        .map_err(fault)?;
        rows.iter()
            .map(|row| Ok((row.try_get(0).map_err(fault)?, id_of(row.try_get(1).map_err(fault)?, place)?)))
            .collect()
    }

    /// The first entries that the host does not have, from after a key where there is one, in the order in which they were
    /// written, each with its key. One that is damaged is an error of its own.
    pub(crate) async fn unmirrored_entries(
        &self,
        after: Option<i64>,
        at_most: i64,
    ) -> Result<Vec<(i64, Result<UnmirroredEntry, StoreError>)>, StoreError> {
        let (pool, place) = self.readers();
        let fault = |error| place.sql("look for what is to be mirrored", &error);
        let rows = db::query(format!(
            "SELECT {COLUMNS}, {SUPERSEDED}, (SELECT e.progress FROM pabawi_exec_executions AS e \
             WHERE e.id = j.execution_id) FROM pabawi_exec_journal AS j WHERE j.key > {MARK} AND j.key > $1 ORDER BY j.key LIMIT $2"
        ))
        .bind(after.unwrap_or(i64::MIN))
        .bind(at_most)
        .fetch_all(pool)
        .await
        .map_err(fault)?;
        rows.iter().map(|row| Ok((row.try_get(0).map_err(fault)?, unmirrored(row, place)))).collect()
    }

    /// How many executions the host does not have to their end.
    pub(crate) async fn count_unmirrored_executions(&self) -> Result<u64, StoreError> {
        self.count("SELECT count(*) FROM pabawi_exec_executions WHERE mirrored = 0").await
    }

    /// How many entries the host does not have.
    pub(crate) async fn count_unmirrored_entries(&self) -> Result<u64, StoreError> {
        self.count(format!("SELECT count(*) FROM pabawi_exec_journal WHERE key > {MARK}")).await
    }

    async fn count(&self, sql: impl Into<String>) -> Result<u64, StoreError> {
        let (pool, place) = self.readers();
        let fault = |error| place.sql("count what is to be mirrored", &error);
        let row = db::query(sql.into()).fetch_one(pool).await.map_err(fault)?;
        codec::unsigned(row.try_get(0).map_err(fault)?, "a number")
    }

    /// Remembers that the host has these.
    pub(crate) async fn mirrored(&self, done: Mirrored) -> Result<(), StoreError> {
        self.writer().mirrored(done).await
    }

    /// Takes, keeps or gives up a turn; `false` where it is another's.
    pub(crate) async fn turn(&self, turn: Turn) -> Result<bool, StoreError> {
        self.writer().turn(turn).await
    }
}

fn unmirrored(row: &Row, place: &Place) -> Result<UnmirroredEntry, StoreError> {
    let (_, entry) = entry(row, place)?;
    let progress: Option<&str> =
        row.try_get(16).map_err(|error| place.sql("look for what is to be mirrored", &error))?;
    let progress: Option<Progress> = progress.map(|json| codec::from_json(json, "the counts")).transpose()?;
    Ok(UnmirroredEntry { entry, targets: progress.map(|progress| progress.total) })
}

/// Marks them within the open transaction.
pub(super) async fn mark(done: &Mirrored, conn: &mut Connection, place: &Place) -> Result<(), StoreError> {
    let fault = |error| place.sql("remember what was mirrored", &error);
    for (key, status) in &done.executions {
        db::query("UPDATE pabawi_exec_executions SET mirrored = 1 WHERE key = $1 AND status = $2")
            .bind(*key)
            .bind(status.as_str())
            .execute(&mut *conn)
            .await
            .map_err(fault)?;
    }
    if let Some(key) = done.entries {
        // Another process may be further.
        db::query("UPDATE pabawi_exec_marks SET value = $1 WHERE name = 'journal_mirrored' AND value < $1")
            .bind(key)
            .execute(conn)
            .await
            .map_err(fault)?;
    }
    Ok(())
}

/// Nobody has a turn for longer: a mark beyond that is of a clock which went wrong.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Takes a turn within the open transaction.
pub(super) async fn take_turn(turn: Turn, conn: &mut Connection, place: &Place) -> Result<bool, StoreError> {
    let fault = |error| place.sql("look whose turn it is to tell the host's journal", &error);
    let Turn { owner, now, lasts } = turn;
    let after = |lasts: Duration| now.checked_add(lasts).unwrap_or(Timestamp::MAX);
    let marked = db::query(
        "INSERT INTO pabawi_exec_marks (name, value) VALUES ('journal_turn', $1) ON CONFLICT (name) \
         DO UPDATE SET value = excluded.value WHERE pabawi_exec_marks.value <= $2 \
         OR pabawi_exec_marks.value % $3 = $4 OR pabawi_exec_marks.value > $5 RETURNING value",
    )
    .bind(owner.mark(after(lasts)))
    .bind(TurnOwner(0).mark(now))
    .bind(1_i64 << OWNER_BITS)
    .bind(owner.0)
    .bind(TurnOwner(0).mark(after(LONGEST)))
    .fetch_optional(conn)
    .await
    .map_err(fault)?;
    Ok(marked.is_some())
}
