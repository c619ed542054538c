//! The catalog: how fresh an answer is, who asks, and what a source that fails costs the others. Time is paused, so
//! that waiting is free and exact.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::Node;
use pabawi_domain::ports::{InventorySnapshot, InventorySource, InventorySourceError};
use pabawi_inventory::{Catalog, Freshness, SourceSettings, SourceState, View};

/// What a scripted source does when it is asked.
type Answer = dyn Fn(u32) -> Result<Vec<&'static str>, &'static str> + Send + Sync;

/// Counts how often it is asked, takes a second for an answer, and says what its script says.
struct Scripted {
    name: &'static str,
    asked: AtomicU32,
    revision: AtomicU32,
    takes: Duration,
    /// Its priority, while it is there.
    stands: Mutex<Option<i32>>,
    answer: Box<Answer>,
}

fn scripted(
    name: &'static str,
    answer: impl Fn(u32) -> Result<Vec<&'static str>, &'static str> + Send + Sync + 'static,
) -> Arc<Scripted> {
    Arc::new(Scripted {
        name,
        asked: AtomicU32::new(0),
        revision: AtomicU32::new(0),
        takes: Duration::from_secs(1),
        stands: Mutex::new(Some(0)),
        answer: Box::new(answer),
    })
}

impl Scripted {
    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl InventorySource for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    fn priority(&self) -> i32 {
        self.stands.lock().unwrap().unwrap_or_default()
    }

    fn is_there(&self) -> bool {
        self.stands.lock().unwrap().is_some()
    }

    fn revision(&self) -> Option<u64> {
        match self.revision.load(Ordering::SeqCst) {
            u32::MAX => None,
            revision => Some(revision.into()),
        }
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::time::sleep(self.takes).await;
        match (self.answer)(turn) {
            Ok(names) => Ok(InventorySnapshot {
                nodes: names.iter().map(|name| Node::named(NodeId::new(name).unwrap())).collect(),
                ..InventorySnapshot::default()
            }),
            Err(message) => Err(InventorySourceError {
                source_name: self.name.to_owned(),
                message: message.to_owned(),
                retryable: true,
            }),
        }
    }
}

const SETTINGS: SourceSettings = SourceSettings {
    priority: None,
    ttl: Duration::from_secs(60),
    error_ttl: Duration::from_secs(5),
    timeout: Duration::from_secs(3),
    enabled: true,
};

fn catalog(sources: &[&Arc<Scripted>]) -> Arc<Catalog> {
    Arc::new(Catalog::new(
        sources.iter().map(|source| (Arc::clone(source) as Arc<dyn InventorySource>, SETTINGS)),
    ))
}

fn names(view: &View) -> Vec<&str> {
    view.inventory.nodes().iter().map(|node| node.id.as_str()).collect()
}

/// R3.5, R3.6: within its time an answer is given again, after it the source is asked.
#[tokio::test(start_paused = true)]
async fn an_answer_is_good_for_its_time() {
    let source = scripted("s", |turn| Ok(if turn == 1 { vec!["a"] } else { vec!["a", "b"] }));
    let catalog = catalog(&[&source]);
    assert_eq!(names(&catalog.read(Freshness::Cached).await), ["a"]);
    tokio::time::advance(Duration::from_secs(58)).await;
    let cached = catalog.read(Freshness::Cached).await;
    assert_eq!((names(&cached), source.asked()), (vec!["a"], 1));
    assert_eq!(cached.reports[0].age_ms, Some(59_000));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(names(&catalog.read(Freshness::Cached).await), ["a", "b"]);
    assert_eq!(source.asked(), 2);
    catalog.read(Freshness::MaxAge(Duration::from_secs(30))).await;
    assert_eq!(source.asked(), 2);
    tokio::time::advance(Duration::from_secs(31)).await;
    catalog.read(Freshness::MaxAge(Duration::from_secs(30))).await;
    assert_eq!(source.asked(), 3);
}

/// R3.4, R3.5: whoever comes while a source is being asked waits for the same answer; a forced read is never given one
/// that was asked for before it.
#[tokio::test(start_paused = true)]
async fn five_hundred_readers_ask_once() {
    let source = scripted("s", |_| Ok(vec!["a"]));
    let catalog = catalog(&[&source]);
    let read = |freshness: Freshness| {
        let catalog = Arc::clone(&catalog);
        tokio::spawn(async move { catalog.read(freshness).await.inventory })
    };
    let readers: Vec<_> = (0..500).map(|_| read(Freshness::Cached)).collect();
    let mut inventories = Vec::new();
    for reader in readers {
        inventories.push(reader.await.unwrap());
    }
    assert_eq!(source.asked(), 1);
    // One merge for all of them, too.
    assert!(inventories.iter().all(|inventory| Arc::ptr_eq(inventory, &inventories[0])));

    let first = read(Freshness::Forced);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(source.asked(), 2);
    let late: Vec<_> = (0..500).map(|_| read(Freshness::Forced)).collect();
    for reader in late {
        reader.await.unwrap();
    }
    first.await.unwrap();
    assert_eq!(source.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_stale_is_given_at_once_and_asked_for_behind() {
    let source = scripted("s", |turn| Ok(if turn == 1 { vec!["a"] } else { vec!["b"] }));
    let catalog = catalog(&[&source]);
    assert_eq!(names(&catalog.read(Freshness::StaleWhileRevalidate).await), ["a"]);
    tokio::time::advance(Duration::from_secs(120)).await;
    for _ in 0..10 {
        assert_eq!(names(&catalog.read(Freshness::StaleWhileRevalidate).await), ["a"]);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(names(&catalog.read(Freshness::StaleWhileRevalidate).await), ["b"]);
    assert_eq!(source.asked(), 2);
}

/// R3.7: one source that fails, hangs or panics takes nothing from the others, and keeps what it told before.
#[tokio::test(start_paused = true)]
async fn a_source_that_fails_fails_alone() {
    let good = scripted("good", |_| Ok(vec!["a"]));
    let fails = scripted("fails", |turn| if turn == 1 { Ok(vec!["old"]) } else { Err("no route") });
    let never = scripted("never", |_| Err("HTTP 503"));
    let mut hangs = scripted("hangs", |_| Ok(vec!["h"]));
    Arc::get_mut(&mut hangs).unwrap().takes = Duration::from_secs(3600);
    let panics = scripted("panics", |_| panic!("a defect of the source"));
    let catalog = catalog(&[&good, &fails, &never, &hangs, &panics]);
    let started = tokio::time::Instant::now();
    let view = catalog.read(Freshness::Cached).await;
    // They are asked side by side: the slowest sets the time.
    assert!(started.elapsed() < Duration::from_secs(4));
    assert_eq!(names(&view), ["a", "old"]);
    let states: Vec<SourceState> = view.reports.iter().map(|report| report.state).collect();
    assert_eq!(
        states,
        [
            SourceState::Healthy,
            SourceState::Healthy,
            SourceState::Unavailable,
            SourceState::Unavailable,
            SourceState::Unavailable
        ]
    );
    assert!(view.reports[3].timed_out && !view.reports[2].timed_out);
    assert_eq!(view.missing().count(), 3);

    tokio::time::advance(Duration::from_secs(70)).await;
    let view = catalog.read(Freshness::Cached).await;
    assert_eq!(names(&view), ["a", "old"]);
    assert_eq!(
        (view.reports[1].state, view.reports[1].error.as_deref()),
        (SourceState::Stale, Some("no route"))
    );
    assert!(view.problems()[0].contains("fails: no route; used as it was 7"), "{:?}", view.problems());
    // A failure is remembered for a while too.
    let asked = fails.asked();
    catalog.read(Freshness::Cached).await;
    assert_eq!(fails.asked(), asked);
    tokio::time::advance(Duration::from_secs(6)).await;
    catalog.read(Freshness::Cached).await;
    assert_eq!(fails.asked(), asked + 1);
}

#[tokio::test(start_paused = true)]
async fn who_stops_waiting_does_not_stop_the_others() {
    let source = scripted("s", |_| Ok(vec!["a"]));
    let catalog = catalog(&[&source]);
    let impatient = tokio::time::timeout(Duration::from_millis(100), catalog.read(Freshness::Cached)).await;
    assert!(impatient.is_err());
    assert_eq!(names(&catalog.read(Freshness::Cached).await), ["a"]);
    assert_eq!(source.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_switched_off_is_never_asked() {
    let source = scripted("s", |_| Ok(vec!["a"]));
    let off = SourceSettings { enabled: false, ..SETTINGS };
    let catalog = Catalog::new([(Arc::clone(&source) as Arc<dyn InventorySource>, off)]);
    let view = catalog.read(Freshness::Forced).await;
    assert_eq!((names(&view).len(), source.asked(), view.reports[0].state), (0, 0, SourceState::Disabled));
    assert_eq!(view.missing().count(), 0);
}

/// R3.4: a change of a source's mark is seen by the next reader, and by a watch without one.
#[tokio::test(start_paused = true)]
async fn a_changed_source_is_asked_before_its_time() {
    let source = scripted("s", |turn| Ok(if turn == 1 { vec!["a"] } else { vec!["b"] }));
    let catalog = catalog(&[&source]);
    catalog.read(Freshness::Cached).await;
    source.revision.store(1, Ordering::SeqCst);
    assert_eq!(names(&catalog.read(Freshness::Cached).await), ["b"]);
    let mut changes = catalog.changes();
    let watch = catalog.watch(Duration::from_secs(1));
    changes.changed().await.unwrap();
    let before = source.asked();
    source.revision.store(2, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(source.asked(), before + 1);
    drop(watch);
    source.revision.store(3, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(source.asked(), before + 1);
}

/// R3.5: a source that only knows a mark before it was asked holds for its time all the same.
#[tokio::test(start_paused = true)]
async fn a_source_without_a_mark_holds_for_its_time() {
    let source = scripted("s", |_| Ok(vec!["a"]));
    let catalog = catalog(&[&source]);
    catalog.read(Freshness::Cached).await;
    source.revision.store(u32::MAX, Ordering::SeqCst);
    catalog.read(Freshness::Cached).await;
    assert_eq!(source.asked(), 1);
}

/// R3.4: a source that is not there is as if it had never been added; it joins when it comes, and another priority counts.
#[tokio::test(start_paused = true)]
async fn sources_come_and_go() {
    let (one, other) = (scripted("one", |_| Ok(vec!["a"])), scripted("other", |_| Ok(vec!["a"])));
    *one.stands.lock().unwrap() = Some(1);
    *other.stands.lock().unwrap() = None;
    let catalog = Catalog::new([(Arc::clone(&one) as _, SETTINGS), (Arc::clone(&other) as _, SETTINGS)]);
    let first = async || {
        let view = catalog.read(Freshness::Cached).await;
        let shown: Vec<String> = view.reports.iter().map(|report| report.name.clone()).collect();
        let source = view.inventory.nodes().first().and_then(|node| node.source.clone());
        (shown.join(" "), source)
    };
    let told = |shown: &str, source: &str| (shown.to_owned(), Some(source.to_owned()));
    assert_eq!(first().await, told("one", "one"));
    assert_eq!((other.asked(), catalog.is_empty()), (0, false));
    *other.stands.lock().unwrap() = Some(0);
    assert_eq!(first().await, told("one other", "one"));
    *other.stands.lock().unwrap() = Some(2);
    assert_eq!((first().await, other.asked()), (told("one other", "other"), 1));
    *one.stands.lock().unwrap() = None;
    assert_eq!(first().await, told("other", "other"));
    *other.stands.lock().unwrap() = None;
    assert_eq!((first().await, catalog.is_empty()), ((String::new(), None), true));
}
