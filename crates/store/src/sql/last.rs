//! Nodes by how the last run on them ended.

use jiff::Timestamp;
use pabawi_domain::condition::{LastCondition, LastOutcome};
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::TargetState;

use super::place::Place;
use crate::codec;
use crate::db::{Builder, Pool};

/// The nodes that meet the condition.
pub(crate) async fn nodes(
    condition: &LastCondition,
    now: Timestamp,
    pool: &Pool,
    place: &Place,
) -> Result<Vec<NodeId>, StoreError> {
    let fault = |error| place.sql("look for the last outcomes of nodes", &error);
    let sql = search(condition, now)?;
    let rows = sql.build().fetch_all(pool).await.map_err(fault)?;
    rows.iter()
        .map(|row| {
            let node: &str = row.try_get(0).map_err(fault)?;
            NodeId::new(node).map_err(|error| place.corrupt(format!("a target: {error}")))
        })
        .collect()
}

/// Goes from node to node by the index, and for each from its newest execution back to the first that counts. So the
/// length of the history makes no difference.
fn search(condition: &LastCondition, now: Timestamp) -> Result<Builder, StoreError> {
    let interrupted = codec::state_code(TargetState::Interrupted);
    let never_started = codec::outcome_detail(&NodeOutcome::Cancelled { termination: None })?;
    let mut sql: Builder = Builder::new(
        "WITH RECURSIVE nodes (node) AS (SELECT min(node) FROM pabawi_exec_targets UNION ALL \
         SELECT (SELECT min(t.node) FROM pabawi_exec_targets AS t WHERE t.node > nodes.node) FROM nodes \
         WHERE nodes.node IS NOT NULL) \
         SELECT t.node FROM nodes AS n CROSS JOIN pabawi_exec_targets AS t \
         CROSS JOIN pabawi_exec_executions AS e \
         WHERE e.key = t.execution AND t.node = n.node AND t.execution = \
         (SELECT l.execution FROM pabawi_exec_targets AS l WHERE l.node = n.node AND (l.state = ",
    );
    sql.push_bind(interrupted)
        .push(" OR l.state = ")
        .push_bind(codec::state_code(TargetState::Finished))
        .push(
            " AND l.outcome NOT IN ('skipped', 'rejected') AND NOT (l.outcome = 'cancelled' AND l.detail = ",
        )
        .push_bind(never_started)
        .push(")) ORDER BY l.execution DESC LIMIT 1) AND ");
    match condition.outcome {
        LastOutcome::Interrupted => sql.push("t.state = ").push_bind(interrupted),
        LastOutcome::Failed => {
            sql.push("(t.state = ").push_bind(interrupted).push(" OR t.outcome <> 'succeeded')")
        }
        // How an attempt before the interruption ended is not how the run ended.
        one => sql.push("t.state <> ").push_bind(interrupted).push(" AND t.outcome = ").push_bind(word(one)),
    };
    if let Some(within) = condition.within {
        let since = now.checked_sub(within).unwrap_or(Timestamp::MIN);
        // Nobody saw when an interrupted one ended; it was over when its execution was closed.
        sql.push(" AND coalesce(t.finished_at, e.finished_at) >= ").push_bind(codec::nanos(since));
    }
    Ok(sql)
}

/// The word by which an outcome is stored.
fn word(outcome: LastOutcome) -> &'static str {
    match outcome {
        LastOutcome::TimedOut => "timedOut",
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::explained::Explained;

    #[tokio::test]
    async fn no_table_is_read_from_end_to_end() {
        let explained = Explained::new().await;
        for outcome in LastOutcome::ALL {
            let condition = LastCondition { outcome, within: Some(std::time::Duration::from_secs(1)) };
            let sql = search(&condition, Timestamp::UNIX_EPOCH).unwrap();
            let plan = explained.steps(sql.sql()).await.join("; ");
            // `nodes` is the list that is being made, one entry for each node.
            let scans: Vec<&str> = plan.split("; ").filter(|step| step.starts_with("SCAN")).collect();
            assert!(
                scans.iter().all(|step| ["SCAN n", "SCAN nodes", "SCAN CONSTANT ROW"].contains(step)),
                "{plan}"
            );
            assert!(plan.contains("SEARCH l USING") && plan.contains("pabawi_exec_targets_node"), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
        explained.close().await;
    }
}
