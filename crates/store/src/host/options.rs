//! What can be set about a mirror: [`MirrorOptions`].

use std::time::Duration;

use pabawi_domain::resilience::Backoff;

/// How a mirror works, in tables or in a journal service.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MirrorOptions {
    /// How often the store is looked at when nobody wakes the mirror; 1 s.
    pub look_every: Duration,
    /// How long the host may take for a statement, or for an entry; 30 s.
    pub answer: Duration,
    /// The wait after a failure; 0.5 s, doubled up to 30 s.
    pub backoff: Backoff,
    /// Whether executions stand in the host's tables, so that entries name the rows there and not the executions.
    pub executions: bool,
    /// Whether the journal stands in the tables too; it does not where a journal service of the host has it.
    pub journal: bool,
    /// How much of each stream a result shows, in bytes: the beginning and the end where there is more; 64 KiB.
    pub output_bytes: u32,
    /// The same for executions in debug mode; 1 MiB.
    pub debug_output_bytes: u32,
}

impl Default for MirrorOptions {
    fn default() -> Self {
        Self {
            look_every: Duration::from_secs(1),
            answer: Duration::from_secs(30),
            backoff: Backoff { initial_ms: 500, max_ms: 30_000, jitter: 0.0, ..Backoff::default() },
            executions: true,
            journal: true,
            output_bytes: 64 * 1024,
            debug_output_bytes: 1024 * 1024,
        }
    }
}
