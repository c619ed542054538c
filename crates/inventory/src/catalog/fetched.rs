//! [`Fetched`]: what came of asking a source.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::ports::InventorySnapshot;
use tokio::time::Instant;

use super::freshness::{Asked, Freshness};
use super::settings::SourceSettings;

/// What came of asking a source, and the last good answer.
#[derive(Debug)]
pub(super) struct Fetched {
    /// When the source was asked.
    pub(super) started: Instant,
    /// How long it took.
    pub(super) duration: Duration,
    /// The source's mark at that time.
    pub(super) revision: Option<u64>,
    /// The last good answer: this one's, or an earlier one's when this one failed.
    pub(super) good: Option<Good>,
    /// Why this one failed.
    pub(super) failure: Option<Failure>,
}

/// A good answer.
#[derive(Debug, Clone)]
pub(super) struct Good {
    pub(super) snapshot: Arc<InventorySnapshot>,
    /// When it was asked for, UTC.
    pub(super) fetched_at: Timestamp,
    /// The same by the clock that only goes forward.
    pub(super) started: Instant,
}

/// Why a source gave no answer.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) timed_out: bool,
}

impl Fetched {
    /// Whether this is good enough for who asks.
    pub(super) fn meets(&self, asked: Asked, settings: &SourceSettings, revision: Option<u64>) -> bool {
        let age = asked.at.saturating_duration_since(self.started);
        let limit = match asked.freshness {
            Freshness::StaleWhileRevalidate => return true,
            Freshness::Forced => return self.started >= asked.at,
            Freshness::Cached => settings.ttl,
            Freshness::MaxAge(most) => most,
        };
        let limit = if self.failure.is_some() { limit.min(settings.error_ttl) } else { limit };
        // What was asked for later than the question is never too old for it.
        self.started >= asked.at || (age < limit && (revision.is_none() || revision == self.revision))
    }

    /// Whether the last good answer is the same one.
    pub(super) fn is_same_data(&self, other: &Self) -> bool {
        match (&self.good, &other.good) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one.snapshot, &other.snapshot),
            (None, None) => true,
            _ => false,
        }
    }
}
