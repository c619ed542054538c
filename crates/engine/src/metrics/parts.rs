//! What parts beside the engine have counted: [`PartStats`]. The engine knows nothing else of them.

use pabawi_domain::ports::LogStats;

/// What is counted beside the engine; nothing of a part that is not there.
#[derive(Debug, Clone, Copy, Default)]
pub struct PartStats {
    /// The way to the host's log.
    pub log: Option<LogStats>,
    /// The mirror in the host's database.
    pub mirror: Option<MirrorCounts>,
    /// The host's journal service.
    pub host_journal: Option<MirrorCounts>,
    /// What is old is removed by a schedule.
    pub retention: Option<RetentionCounts>,
}

/// How the mirror in the host's database, or telling its journal service, stands since the start.
#[derive(Debug, Clone, Copy, Default)]
pub struct MirrorCounts {
    /// Whether it works.
    pub up: bool,
    /// Executions and entries that are not there yet.
    pub waiting: u64,
    /// Rows or entries written.
    pub written: u64,
    /// Rows or entries left out.
    pub refused: u64,
    /// Attempts that failed.
    pub failures: u64,
}

/// What the schedule has removed in this process, since the start.
#[derive(Debug, Clone, Copy, Default)]
pub struct RetentionCounts {
    /// How often it was carried out.
    pub worked: u64,
    /// How often that failed.
    pub failed: u64,
    /// Entries of the journal.
    pub entries: u64,
    /// Executions.
    pub executions: u64,
    /// Outputs.
    pub outputs: u64,
}
