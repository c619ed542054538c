//! Port [`BreakerStore`]: where circuit breakers stand when no process runs. Best effort: a breaker that is not stored
//! is closed after a restart.

use async_trait::async_trait;

use crate::breaker::BreakerRecord;
use crate::ports::StoreError;

/// Remembers breakers.
#[async_trait]
pub trait BreakerStore: Send + Sync + 'static {
    /// Writes where these breakers stand. One that is closed and has seen no failure lately is forgotten.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written.
    async fn save_breakers(&self, breakers: &[BreakerRecord]) -> Result<(), StoreError>;

    /// The breakers that are remembered, by component.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn breakers(&self) -> Result<Vec<BreakerRecord>, StoreError>;
}
