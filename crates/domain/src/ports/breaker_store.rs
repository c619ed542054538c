//! Port [`BreakerStore`]: where circuit breakers stand, for the time when no process runs and for the others while several
//! do. Best effort: a breaker that is not stored is closed after a restart.

use async_trait::async_trait;

use crate::breaker::BreakerRecord;
use crate::ports::StoreError;

/// What has been stored since somebody looked last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredBreakers {
    /// The breakers, in the order in which they were written, each once.
    pub records: Vec<BreakerRecord>,
    /// How far that goes; whoever gives it back gets what was written later.
    pub mark: u64,
}

/// Remembers breakers.
#[async_trait]
pub trait BreakerStore: Send + Sync + 'static {
    /// Writes where these breakers stand, except for those of which the store has a record with a later
    /// [`since`](crate::breaker::BreakerStatus::since). That a breaker is closed and has seen no failure is remembered for
    /// at least a day, so that other processes learn of it.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written.
    async fn save_breakers(&self, breakers: &[BreakerRecord]) -> Result<(), StoreError>;

    /// The breakers that were written after a mark; all that are remembered with 0.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn breakers(&self, after: u64) -> Result<StoredBreakers, StoreError>;
}
