//! What equal outputs of many nodes take on disk: all of them together as much as one.

use std::path::Path;

use bytes::Bytes;
use jiff::Timestamp;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{ExecutionStore as _, StoreWrite};
use serde_json::{Value, json};

use crate::{Database, Failure, made, measure};

/// Nodes in one transaction.
const NODES: usize = 500;

pub(crate) async fn write(database: &Database, count: usize, bytes: usize) -> Result<Value, Failure> {
    if database.url().is_some() {
        return Err("what outputs take on disk is measured of a SQLite file".into());
    }
    let file = Path::new(database.name());
    let store = database.open().await?;
    let nodes = (0..count).map(made::node).collect::<Result<Vec<_>, _>>()?;
    let new = made::execution("bench", Timestamp::now(), &nodes);
    let (id, at) = (new.id, Timestamp::now());
    store.create(new).await?;
    store.close().await;
    let before = measure::database_bytes(file)?;

    let store = database.open().await?;
    // Bytes that do not repeat, so that nothing but their equality saves anything.
    let mut seed = 1u64;
    let noise = (0..bytes).map(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed.to_be_bytes()[0]
    });
    let stdout = made::output(noise.collect::<Bytes>());
    for nodes in nodes.chunks(NODES) {
        let ended = |node| made::result(id, node, at, NodeOutcome::Succeeded, Some(stdout.clone()));
        store.append(&nodes.iter().map(ended).collect::<Vec<_>>()).await?;
    }
    let summary = Box::new(made::summary(&vec![NodeOutcome::Succeeded; count]));
    store.append(&[StoreWrite::Finished { id, at, summary }]).await?;
    store.close().await;
    let after = measure::database_bytes(file)?;
    Ok(json!({"outputs": count, "targets_bytes": before, "bytes": after}))
}
