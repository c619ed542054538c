//! What the tables of a host do not have yet, and that they have it now. A mark stands with each execution, since they end in any
//! order. Of the journal one number says it for all: entries do not change, and their keys rise in the order of the commits.

use pabawi_domain::id::ExecutionId;
use pabawi_domain::journal::JournalEntry;
use pabawi_domain::ports::StoreError;
use pabawi_domain::summary::{ExecutionStatus, Progress};

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

    /// The first entries that the host does not have, in the order in which they were written, each with its key. One that
    /// is damaged is an error of its own.
    pub(crate) async fn unmirrored_entries(
        &self,
        at_most: i64,
    ) -> Result<Vec<(i64, Result<UnmirroredEntry, StoreError>)>, StoreError> {
        let (pool, place) = self.readers();
        let fault = |error| place.sql("look for what is to be mirrored", &error);
        let rows = db::query(format!(
            "SELECT {COLUMNS}, {SUPERSEDED}, (SELECT e.progress FROM pabawi_exec_executions AS e \
             WHERE e.id = j.execution_id) FROM pabawi_exec_journal AS j WHERE j.key > {MARK} ORDER BY j.key LIMIT $1"
        ))
        .bind(at_most)
        .fetch_all(pool)
        .await
        .map_err(fault)?;
        rows.iter().map(|row| Ok((row.try_get(0).map_err(fault)?, unmirrored(row, place)))).collect()
    }

    /// How many executions and entries the host does not have.
    pub(crate) async fn unmirrored(&self) -> Result<u64, StoreError> {
        let (pool, place) = self.readers();
        let fault = |error| place.sql("count what is to be mirrored", &error);
        let row = db::query(format!(
            "SELECT (SELECT count(*) FROM pabawi_exec_executions WHERE mirrored = 0) \
             + (SELECT count(*) FROM pabawi_exec_journal WHERE key > {MARK})"
        ))
        .fetch_one(pool)
        .await
        .map_err(fault)?;
        codec::unsigned(row.try_get(0).map_err(fault)?, "a number")
    }

    /// Remembers that the host has these.
    pub(crate) async fn mirrored(&self, done: Mirrored) -> Result<(), StoreError> {
        self.writer().mirrored(done).await
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
