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

impl RunPhases {
    /// The parts in their order, each with its word and in microseconds. The time from the start to the end of the action is
    /// two of them: until the first byte of output, or all of it where there was none, and the rest.
    pub fn parts(&self) -> [(&'static str, u64); 4] {
        let first = self.first_byte_us.unwrap_or(self.run_us).min(self.run_us);
        [
            ("start", self.start_us),
            ("firstByte", first),
            ("run", self.run_us - first),
            ("drain", self.drain_us),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_action_is_cut_at_its_first_byte() {
        let of = |first_byte_us| {
            let phases = RunPhases { start_us: 1, first_byte_us, run_us: 10, drain_us: 2 };
            phases.parts().map(|(_, us)| us)
        };
        assert_eq!(of(Some(4)), [1, 4, 6, 2]);
        assert_eq!(of(None), [1, 10, 0, 2], "it printed nothing");
        assert_eq!(of(Some(11)), [1, 10, 0, 2], "two clocks were read");
    }
}
