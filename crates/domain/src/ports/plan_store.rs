//! Port [`PlanStore`]: plans that were shown and may be applied later.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::ports::StoreError;
use crate::preview::{PlanHash, PlanHead, StoredPlan};

/// Remembers plans.
#[async_trait]
pub trait PlanStore: Send + Sync + 'static {
    /// Writes a plan down, in place of one of the same hash. It is on stable storage when this returns, and holds no
    /// secret even if the caller forgot to take them out.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written.
    async fn save_plan(&self, plan: &StoredPlan) -> Result<(), StoreError>;

    /// The plan of that hash.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn plan(&self, hash: PlanHash) -> Result<Option<StoredPlan>, StoreError>;

    /// Plans whose hash begins with these hexadecimal digits (in lower case; all for none), newest first, at most
    /// `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn plans(&self, beginning: &str, limit: u32) -> Result<Vec<PlanHead>, StoreError>;

    /// Forgets plans that expired before that time. How many those were.
    ///
    /// # Errors
    /// [`StoreError`]; then none was forgotten.
    async fn forget_plans(&self, expired_before: Timestamp) -> Result<u64, StoreError>;
}
