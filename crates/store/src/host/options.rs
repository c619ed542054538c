//! What can be set about a mirror: [`MirrorOptions`].

use std::time::Duration;

use pabawi_domain::resilience::Backoff;

/// How a mirror works.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MirrorOptions {
    /// How often the store is looked at when nobody wakes the mirror; 1 s.
    pub look_every: Duration,
    /// How long the host's database may take for a statement; 30 s.
    pub answer: Duration,
    /// The wait after a failure; 0.5 s, doubled up to 30 s.
    pub backoff: Backoff,
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
            output_bytes: 64 * 1024,
            debug_output_bytes: 1024 * 1024,
        }
    }
}
