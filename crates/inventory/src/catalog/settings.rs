//! [`SourceSettings`]: how a source is asked.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::ports::InventorySource;

/// A source and how it is asked.
pub type ConfiguredSource = (Arc<dyn InventorySource>, SourceSettings);

/// How a source is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSettings {
    /// Higher wins where two sources disagree; the source's own when absent.
    pub priority: Option<i32>,
    /// How long an answer is good.
    pub ttl: Duration,
    /// How long a failure is remembered before the source is asked again.
    pub error_ttl: Duration,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// Whether it is asked at all.
    pub enabled: bool,
}

impl Default for SourceSettings {
    /// Five minutes, ten seconds after a failure, thirty seconds to answer.
    fn default() -> Self {
        Self {
            priority: None,
            ttl: Duration::from_secs(300),
            error_ttl: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            enabled: true,
        }
    }
}
