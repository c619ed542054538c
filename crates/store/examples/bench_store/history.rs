//! How long a page of the history takes, and how that grows with the number of results. Every execution has ten nodes of ten
//! thousand; there are twenty users and one who comes rarely.

use std::collections::BTreeSet;
use std::time::Instant;

use jiff::Timestamp;
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{ExecutionStore as _, StoreWrite};
use pabawi_domain::record::ExecutionQuery;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_store::Store;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{Database, Failure, made, measure};

/// Nodes of each execution, and of all.
const EACH: usize = 10;
const ALL: usize = 10_000;
/// Executions that are written at the same time.
const LANES: usize = 128;
/// The time of the first one, in seconds of the Unix epoch; they come every second.
const FIRST: i64 = 1_700_000_000;
/// Whose executions are one in a thousand.
const RARE: &str = "rare";

pub(crate) async fn grow(database: &Database, sizes: &[usize]) -> Result<Value, Failure> {
    let store = database.open().await?;
    let (mut written, mut found) = (0, Vec::new());
    for size in sizes {
        let (executions, begin) = (size / EACH, Instant::now());
        fill(&store, written, executions).await?;
        let seconds = begin.elapsed().as_secs_f64();
        let questions = ask(&store, executions).await?;
        found.push(json!({"size": size, "filled_in_seconds": seconds, "questions": questions}));
        written = executions;
    }
    store.close().await;
    Ok(json!({"sizes": found, "peak_bytes": measure::peak_bytes()?}))
}

async fn fill(store: &Store, from: usize, to: usize) -> Result<(), Failure> {
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let store = store.clone();
        lanes.spawn(async move {
            for number in (from + lane..to).step_by(LANES) {
                one(&store, number).await?;
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(ended) = lanes.join_next().await {
        ended??;
    }
    Ok(())
}

/// One execution from its beginning to its end.
async fn one(store: &Store, number: usize) -> Result<(), Failure> {
    let at = time(number)?;
    let nodes =
        (0..EACH).map(|place| made::node(place_of(number, place))).collect::<Result<Vec<NodeId>, _>>()?;
    let new = made::execution(&user(number), at, &nodes);
    let id = new.id;
    store.create(new).await?;
    // One in ten fails on all of its nodes, another one on one.
    let fails = |place: usize| number % 10 == 3 || (number % 10 == 7 && place == 0);
    let outcome = |place| if fails(place) { NodeOutcome::Exited { code: 1 } } else { NodeOutcome::Succeeded };
    let outcomes: Vec<NodeOutcome> = (0..EACH).map(outcome).collect();
    let mut writes = vec![StoreWrite::Started { id, at }];
    for ((place, node), outcome) in nodes.iter().enumerate().zip(&outcomes) {
        let stdout = Some(made::output(made::printed(place_of(number, place))));
        writes.push(made::started(id, node, at));
        writes.push(made::result(id, node, at, outcome.clone(), stdout));
    }
    writes.push(StoreWrite::Finished { id, at, summary: Box::new(made::summary(&outcomes)) });
    store.append(&writes).await?;
    Ok(())
}

/// Every node comes as often as every other one, each time in other company.
fn place_of(number: usize, place: usize) -> usize {
    (number * EACH + place * 997) % ALL
}

fn user(number: usize) -> String {
    if number % 1000 == 1 { RARE.to_owned() } else { format!("user{:02}", number % 20) }
}

fn time(number: usize) -> Result<Timestamp, Failure> {
    Ok(Timestamp::from_second(FIRST + i64::try_from(number)?)?)
}

async fn ask(store: &Store, executions: usize) -> Result<Value, Failure> {
    let all = ExecutionQuery::default;
    let page = async |query: ExecutionQuery| Ok::<_, Failure>(store.executions(&query).await?);
    let target = |time: usize| made::node(time * 7919 % ALL).map(Some);
    let status = |status| BTreeSet::from([status]);
    let within = |time: usize| -> Result<_, Failure> {
        // A stretch somewhere in the past.
        let first = time * 104_729 % executions.max(1);
        Ok((Some(self::time(first)?), Some(self::time(first + 600)?)))
    };
    let questions = [
        measure::asked("all", async |_| page(all()).await).await?,
        measure::asked("target", async |time| page(ExecutionQuery { target: target(time)?, ..all() }).await)
            .await?,
        measure::asked("target, two pages", async |time| {
            let query = ExecutionQuery { target: target(time)?, ..all() };
            let first = page(query.clone()).await?;
            page(ExecutionQuery { cursor: first.next_cursor, ..query }).await
        })
        .await?,
        measure::asked("target that failed", async |time| {
            page(ExecutionQuery { target: target(time)?, status: status(ExecutionStatus::Failed), ..all() })
                .await
        })
        .await?,
        measure::asked("user", async |time| {
            page(ExecutionQuery { user: Some(user(time * 10)), ..all() }).await
        })
        .await?,
        measure::asked("rare user", async |_| {
            page(ExecutionQuery { user: Some(RARE.into()), ..all() }).await
        })
        .await?,
        measure::asked("status", async |time| {
            let wanted = if time % 2 == 0 { ExecutionStatus::Failed } else { ExecutionStatus::Partial };
            page(ExecutionQuery { status: status(wanted), ..all() }).await
        })
        .await?,
        measure::asked("status that none has", async |_| {
            page(ExecutionQuery { status: status(ExecutionStatus::Interrupted), ..all() }).await
        })
        .await?,
        measure::asked("time", async |time| {
            let (since, until) = within(time)?;
            page(ExecutionQuery { since, until, ..all() }).await
        })
        .await?,
        measure::asked("user and time", async |time| {
            let (since, until) = within(time)?;
            page(ExecutionQuery { user: Some(user(time)), since, until, ..all() }).await
        })
        .await?,
    ];
    Ok(Value::Object(questions.into_iter().collect()))
}
