//! [`Presence`]: this process among those that have the store open, and how it tells which of the others are dead.

use pabawi_domain::ports::StoreError;

use crate::db::{self, Connection};
use crate::postgres::lease::{Begun, Lease};
use crate::sql::place::Place;
use crate::sqlite::owner::{Owner, Owners};

/// This process among those that have the store open.
#[derive(Debug)]
pub(crate) enum Presence {
    /// Every process locks a file of its own.
    LockFile { owners: Owners, owner: Owner },
    /// Every process says now and then that it lives.
    Lease(Lease),
}

impl Presence {
    /// The owner of what is recorded here.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::LockFile { owner, .. } => owner.id(),
            Self::Lease(lease) => lease.id(),
        }
    }

    /// Begins a transaction that may write. Nobody else writes until it ends.
    ///
    /// Plain statements and not the driver's transactions: SQLite rolls back by itself after some faults
    /// (<https://www.sqlite.org/lang_transaction.html>, section 3.1), and the driver then counts one
    /// transaction too many for ever.
    pub(crate) async fn begin(&self, conn: &mut Connection) -> db::Result<Begun> {
        match self {
            Self::LockFile { .. } => db::query("BEGIN IMMEDIATE").execute(conn).await.map(|_| Begun::Yes),
            Self::Lease(lease) => lease.begin(conn).await,
        }
    }

    /// Counts as alive again, within the open transaction, after another process has taken this one for dead.
    pub(crate) async fn enter_again(&self, conn: &mut Connection, place: &Place) -> Result<(), StoreError> {
        match self {
            // A lock is held until the process ends.
            Self::LockFile { .. } => Ok(()),
            Self::Lease(lease) => lease.enter_again(conn, place).await,
        }
    }

    /// Whether the owner of that id is dead, as far as can be told.
    pub(crate) async fn is_dead(
        &self,
        id: &str,
        conn: &mut Connection,
        place: &Place,
    ) -> Result<bool, StoreError> {
        match self {
            Self::LockFile { owners, .. } => Ok(owners.is_dead(id)),
            Self::Lease(lease) => lease.is_dead(id, conn, place).await,
        }
    }

    /// Removes what a dead owner has left outside the database.
    pub(crate) fn forget(&self, id: &str) {
        match self {
            Self::LockFile { owners, .. } => owners.forget(id),
            Self::Lease(_) => {}
        }
    }

    /// Lets the others know that this process is gone. Everything it had to write is written.
    pub(crate) async fn leave(self) {
        match self {
            Self::LockFile { owner, .. } => owner.leave(),
            Self::Lease(lease) => lease.leave().await,
        }
    }
}
