//! Questions that PostgreSQL answers by the same way whatever it believes of how the rows are spread: before anything was
//! counted (ANALYZE), after it, and where the count is far off.

use jiff::Timestamp;
use pabawi_domain::ports::ExecutionStore as _;
use pabawi_domain::record::ExecutionQuery;
use pabawi_domain::summary::ExecutionStatus;

use crate::opened::{open, sql};
use crate::records::execution;

/// Executions, each on ten of a thousand nodes; one in ten has failed.
const EXECUTIONS: u32 = 10_000;

/// A long history of executions like the one that is there, of which nothing is counted by itself.
const FILL: &str = "
    ALTER TABLE pabawi_exec_executions SET (autovacuum_enabled = false);
    ALTER TABLE pabawi_exec_targets SET (autovacuum_enabled = false);
    INSERT INTO pabawi_exec_executions (key, id, owner, user_name, entry_point, action_kind, status, submitted_at, progress,
        action_text, request)
    SELECT 1000 + n, CAST(CAST(lpad(to_hex(n), 32, '0') AS uuid) AS text), '', e.user_name, e.entry_point, e.action_kind,
        CASE WHEN n % 10 = 3 THEN 'failed' ELSE 'completed' END, 1000 + n, e.progress, e.action_text, e.request
    FROM pabawi_exec_executions AS e, generate_series(1, EXECUTIONS) AS n;
    INSERT INTO pabawi_exec_targets (execution, position, node, state, attempt)
    SELECT 1000 + n, place, 'node' || (n * 7 + place * 97) % 1000, 2, 1
    FROM generate_series(1, EXECUTIONS) AS n, generate_series(0, 9) AS place";

/// Rows that were read from an index so far. What a session has read is counted when it ends.
fn read(dir: &std::path::Path, index: &str) -> u64 {
    let sum = format!(
        "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = current_schema AND indexrelname = '{index}'"
    );
    sql(dir, &sum).trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_targets_history_is_read_by_the_target() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let store = open(dir).await;
    store.create(execution("uname", 1)).await.unwrap();
    store.close().await;
    sql(dir, &FILL.replace("EXECUTIONS", &EXECUTIONS.to_string()));
    let beliefs = [
        ("nothing is counted", "SELECT 1"),
        ("all is counted", "ANALYZE pabawi_exec_executions; ANALYZE pabawi_exec_targets"),
        (
            "two nodes are said to be all",
            "ALTER TABLE pabawi_exec_targets ALTER COLUMN node SET (n_distinct = 2); ANALYZE pabawi_exec_targets",
        ),
    ];
    for (belief, set) in beliefs {
        sql(dir, set);
        let indexes =
            ["pabawi_exec_targets_node", "pabawi_exec_executions_status", "pabawi_exec_executions_pkey"];
        let before = indexes.map(|index| read(dir, index));
        let store = open(dir).await;
        // The server plans a statement for its values five times, and then perhaps once for all.
        for number in 0..10 {
            let query = ExecutionQuery {
                target: format!("node{}", number * 10 + 7).parse().ok(),
                status: [ExecutionStatus::Failed].into(),
                until: Some(Timestamp::now()),
                ..ExecutionQuery::default()
            };
            let found = store.executions(&query).await.unwrap();
            assert_eq!(found.items.len(), 10, "{belief}");
        }
        store.close().await;
        let after = indexes.map(|index| read(dir, index));
        let [nodes, statuses, keys] = [0, 1, 2].map(|at| after[at] - before[at]);
        // A node has a hundred executions, of which ten have failed.
        assert!((100..=1_100).contains(&nodes), "{belief}: {nodes} targets");
        assert!(statuses <= 10, "{belief}: {statuses} executions by their status");
        assert!(keys <= 1_100 + 10 * 60, "{belief}: {keys} executions by their key");
    }
}
