//! How long a page of the journal takes, and how that grows with the number of entries, of ten thousand nodes.

use std::time::Instant;

use jiff::Timestamp;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::journal::{JournalQuery, NewJournalEntry, event};
use pabawi_domain::ports::{ExecutionStore as _, JournalStore as _};
use pabawi_store::Store;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{Database, Failure, made, measure};

/// Nodes that have entries.
const NODES: usize = 10_000;
/// Entries in one call; all of them of one execution.
const BATCH: usize = 1000;
/// Calls at the same time, so that the next entries are made while others are written.
const LANES: usize = 4;
/// The time of the first entry, in seconds of the Unix epoch; they come every second.
const FIRST: i64 = 1_700_000_000;

pub(crate) async fn grow(database: &Database, sizes: &[usize]) -> Result<Value, Failure> {
    let store = database.open().await?;
    let (mut written, mut found) = (0, Vec::new());
    for size in sizes {
        let begin = Instant::now();
        fill(&store, written, *size).await?;
        let seconds = begin.elapsed().as_secs_f64();
        let questions = ask(&store, *size).await?;
        found.push(json!({"size": size, "filled_in_seconds": seconds, "questions": questions}));
        written = *size;
    }
    store.close().await;
    Ok(json!({"sizes": found, "peak_bytes": measure::peak_bytes()?}))
}

async fn fill(store: &Store, from: usize, to: usize) -> Result<(), Failure> {
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let store = store.clone();
        lanes.spawn(async move {
            for first in (from + lane * BATCH..to).step_by(LANES * BATCH) {
                let entries = (first..to.min(first + BATCH)).map(entry).collect::<Result<Vec<_>, _>>()?;
                store.append_journal(&entries).await?;
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(ended) = lanes.join_next().await {
        ended??;
    }
    Ok(())
}

fn entry(number: usize) -> Result<NewJournalEntry, Failure> {
    let node = made::node(number % NODES)?;
    let at = Timestamp::from_second(FIRST + i64::try_from(number)?)?;
    let mut entry = made::entry(execution(number), &node, at, Some(made::output(made::printed(number)).hash));
    if number % 1000 == 7 {
        entry.event_type = event::PUPPET_RUN.into();
    }
    Ok(entry)
}

/// One for all entries of a batch.
fn execution(number: usize) -> ExecutionId {
    uuid::Uuid::from_u128((number / BATCH) as u128).into()
}

async fn ask(store: &Store, entries: usize) -> Result<Value, Failure> {
    let all = JournalQuery::default;
    let page = async |query: JournalQuery| Ok::<_, Failure>(store.journal(&query).await?);
    let nodes = |time: usize| Ok::<_, Failure>(vec![made::node(time * 7919 % NODES)?]);
    let questions = [
        measure::asked("node", async |time| page(JournalQuery { nodes: nodes(time)?, ..all() }).await)
            .await?,
        measure::asked("all", async |_| page(all()).await).await?,
        measure::asked("all, two pages", async |_| {
            let first = page(all()).await?;
            page(JournalQuery { cursor: first.next_cursor, ..all() }).await
        })
        .await?,
        measure::asked("all up to a time", async |time| {
            let until = FIRST + i64::try_from(time * 104_729 % entries)?;
            page(JournalQuery { until: Some(Timestamp::from_second(until)?), ..all() }).await
        })
        .await?,
        measure::asked("type", async |_| {
            page(JournalQuery { event_types: vec![event::PUPPET_RUN.into()], ..all() }).await
        })
        .await?,
        measure::asked("execution", async |time| {
            let execution_id = Some(execution(time * 104_729 % entries));
            page(JournalQuery { execution_id, ..all() }).await
        })
        .await?,
    ];
    Ok(Value::Object(questions.into_iter().collect()))
}
