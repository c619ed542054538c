//! Port [`Clock`]: what time it is. Records take their times from it, so that tests can set it. Waiting is
//! the runtime's business and not here.

use jiff::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now, UTC.
    fn now(&self) -> Timestamp;
}
