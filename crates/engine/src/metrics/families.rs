//! Every metric that there is: [`FAMILIES`]. `docs/metrics.md` has the same table, and a test compares them.

use pabawi_domain::metrics::MetricKind;

/// A metric without its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FamilyInfo {
    /// Its name, which ends in its unit.
    pub name: &'static str,
    /// What kind it is.
    pub kind: MetricKind,
    /// The names of its labels. Values of labels are words of the framework and names of plugins, transports and sources, never
    /// names of nodes, users or executions.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

macro_rules! families {
    ($($variant:ident = $kind:ident $name:literal [$($label:literal)*], $help:literal;)*) => {
        /// Names a metric.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Name { $($variant),* }

        /// Every metric that there is.
        pub const FAMILIES: &[FamilyInfo] = &[
            $(FamilyInfo { name: $name, kind: MetricKind::$kind, labels: &[$($label),*], help: $help }),*
        ];
    };
}

families! {
    Executions = Counter "pabawi_executions_total" ["status"], "Executions that have ended.";
    ExecutionDuration = Histogram "pabawi_execution_duration_seconds" ["status"], "How long executions took, without waiting in the queue.";
    ExecutionTargets = Gauge "pabawi_execution_targets" [], "Targets of the execution that ended last.";
    SuccessRatio = Gauge "pabawi_execution_success_ratio" [], "Part of the targets of the execution that ended last which succeeded, from 0 to 1.";
    Targets = Counter "pabawi_targets_total" ["result"], "Targets of executions that have ended, by what became of them.";
    NodeRuns = Counter "pabawi_node_runs_total" ["outcome"], "Runs on nodes that have ended.";
    NodeRunDuration = Histogram "pabawi_node_run_duration_seconds" ["outcome"], "How long runs on nodes took, their last attempt.";
    Phase = Histogram "pabawi_phase_seconds" ["phase"], "Where the time of attempts on nodes went.";
    Operation = Histogram "pabawi_operation_duration_seconds" ["operation"], "How long operations took, by who does what.";
    Retries = Counter "pabawi_retries_total" [], "Attempts that were followed by another one.";
    OutputBytes = Counter "pabawi_node_output_bytes_total" ["stream"], "Bytes that programs on nodes have printed.";
    InputBytes = Counter "pabawi_node_input_bytes_total" [], "Bytes of scripts and standard input that were given to programs on nodes, files aside.";
    CopiedBytes = Counter "pabawi_copied_bytes_total" ["direction"], "Bytes of files that were copied.";
    QueuedExecutions = Gauge "pabawi_queued_executions" [], "Executions that wait in the queue.";
    LiveExecutions = Gauge "pabawi_live_executions" [], "Executions that wait or run.";
    PendingTargets = Gauge "pabawi_pending_targets" [], "Targets of executions that have not ended.";
    PermitsInUse = Gauge "pabawi_node_permits_in_use" [], "Nodes that run.";
    Permits = Gauge "pabawi_node_permits" [], "Nodes that may run at once.";
    Authorizations = Counter "pabawi_authorizations_total" ["decision"], "Answers of the authorizer.";
    AuthorizationDuration = Histogram "pabawi_authorization_duration_seconds" [], "How long the authorizer took to answer.";
    PluginCalls = Counter "pabawi_plugin_calls_total" ["plugin" "result"], "Calls of plugins that are no runs on nodes.";
    SourceAnswers = Counter "pabawi_source_answers_total" ["source" "result"], "Answers of sources of nodes, and of providers of facts for each node.";
    StoreUp = Gauge "pabawi_store_up" [], "1 while the store can write, else 0.";
    StoreCommits = Counter "pabawi_store_commits_total" [], "Transactions of the store.";
    StoreWrites = Counter "pabawi_store_writes_total" [], "Writes in transactions of the store.";
    WritesPerCommit = Gauge "pabawi_store_writes_per_commit" [], "Writes in the last transaction.";
    StoreFailures = Counter "pabawi_store_failures_total" [], "Transactions of the store that failed and were tried again.";
    StoreDuration = Histogram "pabawi_store_write_duration_seconds" [], "How long transactions of the store took.";
    EntriesLost = Counter "pabawi_journal_entries_lost_total" [], "Journal entries that could not be written: denials and calls of plugins.";
    BreakerChanges = Counter "pabawi_breaker_changes_total" ["state"], "Changes of circuit breakers, by the state after them.";
    BreakersOpen = Gauge "pabawi_breakers_open" [], "Circuit breakers that are open.";
    Backpressure = Gauge "pabawi_backpressure" [], "1 while output in memory holds nodes back, else 0.";
    BackpressureTimes = Counter "pabawi_backpressure_total" [], "How often it was told that output in memory holds nodes back.";
    Buffered = Gauge "pabawi_buffered_output_bytes" [], "Bytes of output in memory.";
    BufferedLimit = Gauge "pabawi_buffered_output_limit_bytes" [], "Bytes of output that may be in memory.";
    Connections = Gauge "pabawi_connections" ["transport"], "Connections that stand.";
    ConnectionsIdle = Gauge "pabawi_connections_idle" ["transport"], "Connections that stand and have no action.";
    ConnectsInFlight = Gauge "pabawi_connects_in_flight" ["transport"], "Connections that are being made.";
    ConnectLimit = Gauge "pabawi_connect_limit" ["transport"], "Connections that may be in the making at once now.";
    ConnectOverloads = Gauge "pabawi_connect_overloads" ["transport"], "Connects that met an overload and were tried again, since the start.";
    Connects = Counter "pabawi_connects_total" ["transport"], "Connections that were made.";
    ConnectionHits = Counter "pabawi_connection_hits_total" ["transport"], "Actions that were given a connection which stood.";
    ConnectionEvictions = Counter "pabawi_connection_evictions_total" ["transport"], "Connections that were closed since they were idle, dead or too many.";
    ToolRuns = Gauge "pabawi_tool_runs" ["transport"], "Runs of a plugin's tool, since the start.";
    ToolRunNodes = Gauge "pabawi_tool_run_nodes" ["transport"], "Nodes in all runs of the tool, since the start.";
    ToolRunNodesLast = Gauge "pabawi_tool_run_nodes_last" ["transport"], "Nodes in the last run of the tool.";
    ToolRunNodesLargest = Gauge "pabawi_tool_run_nodes_largest" ["transport"], "Most nodes in one run of the tool.";
    MirrorUp = Gauge "pabawi_mirror_up" [], "1 while the mirror in the host's database works, else 0.";
    MirrorWaiting = Gauge "pabawi_mirror_waiting" [], "Executions and journal entries that the host's database does not have yet.";
    MirrorRows = Counter "pabawi_mirror_rows_total" [], "Rows written to the host's database.";
    MirrorRefused = Counter "pabawi_mirror_rows_refused_total" [], "Rows that the host's database did not take, or that are damaged in the store.";
    MirrorFailures = Counter "pabawi_mirror_failures_total" [], "Attempts to mirror that failed and were made again.";
    HostJournalUp = Gauge "pabawi_host_journal_up" [], "1 while the host's journal service works, else 0.";
    HostJournalWaiting = Gauge "pabawi_host_journal_waiting" [], "Journal entries that the host's journal service does not have yet.";
    HostJournalEntries = Counter "pabawi_host_journal_entries_total" [], "Journal entries that the host's journal service has taken.";
    HostJournalRefused = Counter "pabawi_host_journal_entries_refused_total" [], "Journal entries that the host's journal service did not take, or that are damaged in the store.";
    HostJournalFailures = Counter "pabawi_host_journal_failures_total" [], "Attempts to tell the host's journal service that failed and were made again.";
    RetentionRuns = Counter "pabawi_retention_runs_total" ["result"], "How often this process has removed what is old, by its schedule.";
    RetentionRemoved = Counter "pabawi_retention_removed_total" ["what"], "What was removed by the schedule.";
    LogRecords = Counter "pabawi_log_records_total" [], "Records that the log sink was given.";
    LogDropped = Counter "pabawi_log_records_dropped_total" [], "Records that the log sink was too slow for.";
    LogPanics = Counter "pabawi_log_sink_panics_total" [], "Calls of the log sink that panicked.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_those_that_prometheus_allows_and_counters_end_in_total() {
        let names: BTreeSet<&str> = FAMILIES.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), FAMILIES.len());
        for FamilyInfo { name, kind, labels, help } in FAMILIES {
            let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(name.starts_with("pabawi_") && is_word(name), "{name}");
            assert!(labels.iter().all(|label| is_word(label) && *label != "le"), "{name}");
            assert_eq!(*kind == MetricKind::Counter, name.ends_with("_total"), "{name}");
            assert!(help.ends_with('.'), "{name}");
        }
        assert_eq!(FAMILIES[Name::LogPanics as usize].name, "pabawi_log_sink_panics_total");
    }
}
