//! Circuit breakers in the database: what is forgotten, and what others see.

use jiff::{SignedDuration, Timestamp};
use pabawi_domain::breaker::{BreakerRecord, BreakerState, BreakerStatus};
use pabawi_domain::ports::{BreakerStore as _, ExecutionStore as _};

use crate::records::open;

pub(crate) fn record(component: &str, state: BreakerState, failures: u32, hour: i64) -> BreakerRecord {
    let since = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(480_000 + hour);
    let component = component.parse().unwrap();
    let next_probe_at = (state == BreakerState::Open).then_some(since);
    BreakerRecord {
        status: BreakerStatus { component, state, since, failures, next_probe_at },
        recent: Vec::new(),
    }
}

/// R7.7: what one process writes another one reads, and of the order in which they write nothing depends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_agree_about_what_happened_last() {
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (open(dir.path()).await, open(dir.path()).await);
    here.save_breakers(&[record("node:a", BreakerState::Open, 3, 1)]).await.unwrap();
    let first = there.breakers(0).await.unwrap();
    assert_eq!(first.records, [record("node:a", BreakerState::Open, 3, 1)]);
    let reset = record("node:a", BreakerState::Closed, 0, 2);
    there.save_breakers(std::slice::from_ref(&reset)).await.unwrap();
    // It was late to be written.
    here.save_breakers(&[record("node:a", BreakerState::HalfOpen, 3, 1)]).await.unwrap();
    for store in [&here, &there] {
        assert_eq!(store.breakers(first.mark).await.unwrap().records, std::slice::from_ref(&reset));
    }
    here.close().await;
    there.close().await;
}

/// That a breaker is closed is news for a day, and then it needs no row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_closed_for_long_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let early = [
        record("node:closed", BreakerState::Closed, 0, 0),
        record("node:open", BreakerState::Open, 3, 0),
        record("node:counting", BreakerState::Closed, 2, 0),
    ];
    store.save_breakers(&early).await.unwrap();
    store.save_breakers(&[record("node:b", BreakerState::Closed, 0, 24)]).await.unwrap();
    assert_eq!(store.breakers(0).await.unwrap().records.len(), 4);
    store.save_breakers(&[record("node:c", BreakerState::Closed, 0, 25)]).await.unwrap();
    let left: Vec<String> = store
        .breakers(0)
        .await
        .unwrap()
        .records
        .iter()
        .map(|record| record.status.component.to_string())
        .collect();
    assert_eq!(left, ["node:open", "node:counting", "node:b", "node:c"]);
    store.close().await;
}
