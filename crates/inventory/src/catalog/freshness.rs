//! [`Freshness`]: how old an answer may be.

use std::time::Duration;

use tokio::time::Instant;

/// How old an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Freshness {
    /// As old as each source's settings allow; a source whose answer is older is waited for.
    #[default]
    Cached,
    /// Whatever is known is given at once, and what is too old is asked for in the background. A source that was
    /// never asked is waited for.
    StaleWhileRevalidate,
    /// No older than this.
    MaxAge(Duration),
    /// Asked for after this moment.
    Forced,
}

/// A [`Freshness`] with the moment at which it was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) freshness: Freshness,
    pub(super) at: Instant,
}

impl Freshness {
    pub(super) fn at(self, at: Instant) -> Asked {
        Asked { freshness: self, at }
    }
}
