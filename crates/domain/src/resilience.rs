//! When something is tried again and when it is given up: [`RetryPolicy`], [`BreakerPolicy`].

use std::collections::BTreeSet;

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::validation as check;

/// How often and when a node run is tried again (R7.5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
pub struct RetryPolicy {
    /// Attempts in all, the first one included.
    #[garde(range(min = 1, max = 100))]
    pub attempts: u32,
    /// The wait between two attempts.
    #[garde(dive)]
    pub backoff: Backoff,
    /// Outcomes that are tried again, by their words. Empty means those after which the command cannot have
    /// started.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[garde(skip)]
    pub on: BTreeSet<String>,
    /// The limit over all attempts, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(custom(check::optional_timeout))]
    pub deadline_ms: Option<u64>,
    /// Whether an action that may have run may be run again.
    #[serde(default)]
    #[garde(skip)]
    pub idempotent: bool,
}

/// The wait between two attempts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
pub struct Backoff {
    /// How it grows.
    #[serde(default)]
    #[garde(skip)]
    pub growth: Growth,
    /// The first wait, in milliseconds.
    #[garde(range(min = 1, max = check::MAX_TIMEOUT_MS))]
    pub initial_ms: u64,
    /// The longest wait, in milliseconds.
    #[garde(range(min = 1, max = check::MAX_TIMEOUT_MS))]
    pub max_ms: u64,
    /// The part of the wait that is drawn by chance, 0 to 1.
    #[serde(default)]
    #[garde(range(min = 0.0, max = 1.0))]
    pub jitter: f64,
}

/// How waits grow from one attempt to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Growth {
    /// Always the same.
    Constant,
    /// By the first wait each time.
    Linear,
    /// Doubled each time.
    #[default]
    Exponential,
}

/// When a failing component is no longer asked (R7.7).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
pub struct BreakerPolicy {
    /// Failures within the window that open it.
    #[garde(range(min = 1))]
    pub failures: u32,
    /// The window, in milliseconds.
    #[garde(range(min = 1, max = check::MAX_TIMEOUT_MS))]
    pub window_ms: u64,
    /// How long it stays open, in milliseconds.
    #[garde(range(min = 1, max = check::MAX_TIMEOUT_MS))]
    pub open_ms: u64,
    /// How many may try when that time is over.
    #[garde(range(min = 1))]
    pub probes: u32,
}
