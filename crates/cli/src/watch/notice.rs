//! What a person should know while an execution goes on, besides the output: waves, attempts that failed, a rollout
//! that stopped. Main function: [`notice`].

use std::time::Duration;

use pabawi::{EventKind, SkipReason};

use crate::args::format_duration;
use crate::text::{Colour, escape_for_terminal};

/// A line about the event, where it deserves one.
pub(super) fn notice(event: &EventKind) -> Option<(Colour, String)> {
    match event {
        EventKind::AttemptFailed { node, attempt, result, retry_in_ms } => {
            let why = escape_for_terminal(result.describe().as_bytes());
            let wait = format_duration(Duration::from_millis(*retry_in_ms));
            Some((Colour::Yellow, format!("{node}: attempt {attempt}: {why}; trying again in {wait}")))
        }
        EventKind::WaveStarted { wave, waves, nodes } => {
            let plural = if *nodes == 1 { "" } else { "s" };
            Some((Colour::Bold, format!("wave {wave} of {waves}: {nodes} node{plural}")))
        }
        EventKind::WaveFinished { wave, health_check, unhealthy: Some(why), .. } => {
            let see = health_check.map(|id| format!(": pab executions show {id}")).unwrap_or_default();
            let why = escape_for_terminal(why.as_bytes());
            Some((Colour::Red, format!("wave {wave} is not well: {why}{see}")))
        }
        EventKind::RolloutStopped { why, failures, skipped } => {
            let why = match why {
                SkipReason::HealthCheckFailed => "the health check did not succeed".to_owned(),
                _ => format!("{failures} failed"),
            };
            Some((Colour::Red, format!("stopped: {why}; {skipped} nodes are not started")))
        }
        EventKind::StragglerLimit { p95_ms, limit_ms } => {
            let (p95, limit) = (Duration::from_millis(*p95_ms), Duration::from_millis(*limit_ms));
            let (p95, limit) = (format_duration(p95), format_duration(limit));
            Some((Colour::Yellow, format!("95 of 100 took at most {p95}; nodes are ended after {limit}")))
        }
        EventKind::Backpressure { on: true, limit_bytes, .. } => Some((
            Colour::Yellow,
            format!("nodes are held: output in memory has reached its budget of {limit_bytes} bytes"),
        )),
        EventKind::Backpressure { on: false, .. } => {
            Some((Colour::Yellow, "nodes are read again".to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use pabawi::{NodeId, NodeOutcome};

    use super::*;

    /// R7.6
    #[test]
    fn attempts_and_waves_are_told_in_a_line() {
        let node = NodeId::new("web1").unwrap();
        let failed = EventKind::AttemptFailed {
            node,
            attempt: 2,
            result: NodeOutcome::Exited { code: 7 },
            retry_in_ms: 1_500,
        };
        let text = |event| notice(event).map(|(_, text)| text).unwrap_or_default();
        assert_eq!(text(&failed), "web1: attempt 2: exit status 7; trying again in 1.5s");
        assert_eq!(text(&EventKind::WaveStarted { wave: 1, waves: 3, nodes: 1 }), "wave 1 of 3: 1 node");
        let stopped = EventKind::RolloutStopped { why: SkipReason::MaxFailures, failures: 3, skipped: 90 };
        assert_eq!(text(&stopped), "stopped: 3 failed; 90 nodes are not started");
        let well = EventKind::WaveFinished { wave: 1, health_check: None, unhealthy: None, pause_ms: 0 };
        assert_eq!(notice(&well), None);
    }
}
