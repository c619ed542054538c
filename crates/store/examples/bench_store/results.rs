//! How many results are durable in a second: one execution on very many nodes, from the one caller that the engine is. Its
//! recorder gives about a thousand writes to a transaction.

use std::time::Instant;

use jiff::Timestamp;
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{ExecutionStore as _, StoreWrite};
use serde_json::{Value, json};

use crate::made::{self, Events};
use crate::{Database, Failure, measure};

/// Nodes whose results are in one transaction; with each stand its entry and the start of a later one.
const NODES: usize = 330;

pub(crate) async fn write(database: &Database, count: usize, journal: bool) -> Result<Value, Failure> {
    let store = database.open().await?;
    let nodes = (0..count).map(made::node).collect::<Result<Vec<_>, _>>()?;
    let new = made::execution("bench", Timestamp::now(), &nodes);
    let id = new.id;
    let begin = Instant::now();
    store.create(new).await?;
    let create_seconds = begin.elapsed().as_secs_f64();

    let chunks: Vec<&[NodeId]> = nodes.chunks(NODES).collect();
    let mut events = Events::of(id);
    let (begin, cpu) = (Instant::now(), measure::cpu_seconds()?);
    // What is made here is made while the clock runs, as in the engine.
    for at in 0..=chunks.len() {
        let (ended, next) = (at.checked_sub(1).and_then(|at| chunks.get(at)), chunks.get(at));
        let mut writes = match ended {
            Some(nodes) => ends(id, (at - 1) * NODES, nodes, journal, &mut events),
            None => vec![StoreWrite::Started { id, at: Timestamp::now() }],
        };
        writes.extend(
            next.iter().flat_map(|nodes| nodes.iter()).map(|node| made::started(id, node, Timestamp::now())),
        );
        store.append(&writes).await?;
    }
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), measure::cpu_seconds()? - cpu);
    let summary = Box::new(made::summary(&vec![NodeOutcome::Succeeded; count]));
    store.append(&[StoreWrite::Finished { id, at: Timestamp::now(), summary }]).await?;
    store.close().await;
    Ok(json!({
        "results": count,
        "results_per_second": count as f64 / seconds,
        "cpu_us_each": cpu * 1e6 / count as f64,
        "targets_created_per_second": count as f64 / create_seconds,
        "peak_bytes": measure::peak_bytes()?,
    }))
}

fn ends(
    id: ExecutionId,
    first: usize,
    nodes: &[NodeId],
    journal: bool,
    events: &mut Events,
) -> Vec<StoreWrite> {
    let mut writes = Vec::with_capacity(nodes.len() * 3 + 1);
    let mut told = Vec::with_capacity(nodes.len() * 3);
    for (place, node) in nodes.iter().enumerate() {
        let (at, printed) = (Timestamp::now(), made::printed(first + place));
        let stdout = made::output(printed.clone());
        let hash = stdout.hash;
        told.extend(events.of_node(node, &printed, hash));
        writes.push(made::result(id, node, at, NodeOutcome::Succeeded, Some(stdout)));
        if journal {
            let target = (u32::try_from(first + place).unwrap_or(u32::MAX), node);
            writes.push(StoreWrite::Journal { id, entry: Box::new(made::entry(id, target, at, Some(hash))) });
        }
    }
    writes.push(StoreWrite::Events { id, events: told });
    writes
}
