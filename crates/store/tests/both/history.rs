//! Questions about the history beyond those of the contract.

use std::collections::BTreeSet;

use pabawi_domain::id::{CorrelationId, Tag};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{ExecutionStore, StoreError};
use pabawi_domain::record::{ExecutionQuery, TargetQuery};
use pabawi_domain::summary::ExecutionStatus;

use crate::records::{at, execution, finished, node, open, result};

async fn texts(store: &impl ExecutionStore, query: ExecutionQuery) -> Vec<String> {
    let page = store.executions(&query).await.unwrap();
    page.items.into_iter().map(|record| record.action_text).collect()
}

/// R5.8: no character of a searched text is special, and letter case does not matter in any script.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_is_searched_literally_and_in_any_case() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for command in ["df -h /100%", "df -h /1000", "a_b", "axb", "ŻÓŁW ΟΔΟΣ x", "back\\slash", "quo'te"]
    {
        store.create(execution(command, 1)).await.unwrap();
    }
    for (text, found) in [
        ("100%", vec!["df -h /100%"]),
        ("A_B", vec!["a_b"]),
        ("%", vec!["df -h /100%"]),
        ("_", vec!["a_b"]),
        ("żółw οδο", vec!["ŻÓŁW ΟΔΟΣ x"]),
        ("οδοσ", vec!["ŻÓŁW ΟΔΟΣ x"]),
        ("K\\S", vec!["back\\slash"]),
        ("'", vec!["quo'te"]),
        ("' OR 1=1 --", vec![]),
    ] {
        let query = ExecutionQuery { text: Some(text.into()), ..ExecutionQuery::default() };
        assert_eq!(texts(&store, query).await, found, "{text}");
    }
}

/// R5.8: tags, targets and correlation ids are matched exactly and together with all the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_restriction_holds_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for number in 0..30i64 {
        let mut new = execution(&format!("c{number}"), 3 + usize::try_from(number % 2).unwrap());
        new.submitted_at = at(number);
        new.caller.user = if number < 15 { "ada".into() } else { "bob".into() };
        new.request.tags = ["deploy".to_owned(), format!("n-{}", number % 3)]
            .iter()
            .map(|tag| Tag::new(tag).unwrap())
            .collect();
        new.request.correlation_id = Some(CorrelationId::new(format!("req-{}", number % 5)).unwrap());
        let id = new.id;
        store.create(new).await.unwrap();
        if number % 4 == 0 {
            store.append(&[result(id, "n0", NodeOutcome::Succeeded, b""), finished(id, 1)]).await.unwrap();
        }
    }
    let all = ExecutionQuery::default;
    let tag = |tag: &str| Some(Tag::new(tag).unwrap());
    let done = BTreeSet::from([ExecutionStatus::Completed]);
    let both = BTreeSet::from([ExecutionStatus::Completed, ExecutionStatus::Queued]);
    let cases = [
        (ExecutionQuery { tag: tag("deploy"), limit: Some(1000), ..all() }, 30),
        (ExecutionQuery { tag: tag("deplo"), ..all() }, 0),
        (ExecutionQuery { tag: tag("n-1"), ..all() }, 10),
        (ExecutionQuery { tag: tag("n-1"), user: Some("ada".into()), ..all() }, 5),
        (ExecutionQuery { target: Some(node("n3")), ..all() }, 15),
        (ExecutionQuery { target: Some(node("n3")), tag: tag("n-0"), ..all() }, 5),
        (ExecutionQuery { target: Some(node("n")), ..all() }, 0),
        (ExecutionQuery { status: done.clone(), ..all() }, 8),
        (ExecutionQuery { status: both, ..all() }, 30),
        (ExecutionQuery { status: done, target: Some(node("n3")), ..all() }, 0),
        (ExecutionQuery { since: Some(at(10)), until: Some(at(20)), ..all() }, 10),
        (ExecutionQuery { until: Some(at(5)), tag: tag("deploy"), ..all() }, 5),
        (ExecutionQuery { since: Some(at(28)), target: Some(node("n3")), ..all() }, 1),
        (
            ExecutionQuery {
                correlation_id: Some(CorrelationId::new("req-2").unwrap()),
                text: Some("C1".into()),
                ..all()
            },
            2,
        ),
    ];
    for (query, count) in cases {
        let found = texts(&store, query.clone()).await;
        assert_eq!(found.len(), count, "{query:?}: {found:?}");
        let numbers: Vec<i64> = found.iter().map(|text| text[1..].parse().unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] > pair[1]), "newest first: {numbers:?}");
    }
}

/// A cursor is good for its own question and for no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_belongs_to_its_question() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for _ in 0..5 {
        // All in the same nanosecond: none is lost between two pages.
        let mut new = execution("same", 5);
        new.submitted_at = at(1);
        store.create(new).await.unwrap();
    }
    let mut query = ExecutionQuery { limit: Some(2), ..ExecutionQuery::default() };
    let first = store.executions(&query).await.unwrap();
    query.cursor = first.next_cursor.clone();
    query.limit = Some(1000);
    let rest = store.executions(&query).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next_cursor), (2, 3, None));
    assert!(rest.items.iter().all(|record| !first.items.contains(record)));

    query.user = Some("ada".into());
    assert!(matches!(store.executions(&query).await, Err(StoreError::BadCursor)));
    let target_query = TargetQuery { cursor: first.next_cursor, ..TargetQuery::default() };
    let id = first.items[0].id;
    assert!(matches!(store.targets(id, &target_query).await, Err(StoreError::BadCursor)));
    let page = store.targets(id, &TargetQuery { limit: Some(2), ..TargetQuery::default() }).await.unwrap();
    let other = TargetQuery { cursor: page.next_cursor, ..TargetQuery::default() };
    assert_eq!(store.targets(id, &other).await.unwrap().items.len(), 3);
    let elsewhere = first.items[1].id;
    assert!(matches!(store.targets(elsewhere, &other).await, Err(StoreError::BadCursor)));
    // A limit outside its range is brought to the nearest good one.
    let none = ExecutionQuery { limit: Some(0), ..ExecutionQuery::default() };
    assert_eq!(store.executions(&none).await.unwrap().items.len(), 1);
}

/// Large scripts do not add up to a page that fills the memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_large_requests_ends_early() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for _ in 0..5 {
        store.create(execution(&"x".repeat(6_000_000), 1)).await.unwrap();
    }
    let mut query = ExecutionQuery::default();
    let (mut seen, mut pages) = (0, 0);
    for _ in 0..10 {
        let page = store.executions(&query).await.unwrap();
        assert!((1..=3).contains(&page.items.len()), "12 MB a record, 32 MiB a page");
        seen += page.items.len();
        pages += 1;
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages), (5, 3));
}

/// R5.5: an execution knows its reruns.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reruns_are_listed_with_their_original() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let original = execution("first", 1);
    store.create(original.clone()).await.unwrap();
    let mut reruns = Vec::new();
    for _ in 0..3 {
        let mut again = execution("again", 1);
        again.request.rerun_of = Some(original.id);
        reruns.push(again.id);
        store.create(again).await.unwrap();
    }
    assert_eq!(store.execution(original.id).await.unwrap().unwrap().reruns, reruns);
    let query = ExecutionQuery { rerun_of: Some(original.id), ..ExecutionQuery::default() };
    assert_eq!(texts(&store, query).await.len(), 3);
}
