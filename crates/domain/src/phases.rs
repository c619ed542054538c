//! Where a node's time went: [`RunPhases`], beside the phases of connecting
//! ([`ConnectPhases`](crate::ports::ConnectPhases)).

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From one moment to a later one, in microseconds; 0 where the clock was set back between them.
pub fn micros_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_microsecond().saturating_sub(from.as_microsecond())).unwrap_or(0)
}

/// How long each part of an attempt took once its node was reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunPhases {
    /// Opening a channel and starting the action, in microseconds.
    pub start_us: u64,
    /// From the start to the first byte of output, in microseconds; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_us: Option<u64>,
    /// From the start to the end of the action, in microseconds.
    pub run_us: u64,
    /// From the end of the action until its output was told and kept, in microseconds.
    pub drain_us: u64,
}
