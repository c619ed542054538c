//! The stored node journal.

use pabawi_domain::journal::{JournalQuery, NewJournalEntry};
use pabawi_domain::ports::{JournalStore, StoreError};

use crate::records::{at, new_id, node, open};

/// R11.7, R11.10, R11.11: entries are found by node, execution, type and time, newest first, each once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_read_back_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let execution = new_id();
    let entries: Vec<NewJournalEntry> = (0..300)
        .map(|number| NewJournalEntry {
            node: node(&format!("n{}", number % 3)),
            event_type: if number % 2 == 0 { "command_execution".into() } else { "note".into() },
            source: "ssh".into(),
            execution_id: (number < 100).then_some(execution),
            // Two entries of each second, so that time alone does not tell them apart.
            at: at(number / 2),
            user: (number % 5 == 0).then(|| "ada".to_owned()),
            action: "uptime".into(),
            result_status: Some("succeeded".into()),
            summary: format!("entry {number}"),
            details: [("number".to_owned(), number.into())].into_iter().collect(),
        })
        .collect();
    store.append_journal(&[]).await.unwrap();
    store.append_journal(&entries).await.unwrap();

    let mut query = JournalQuery { limit: Some(7), ..JournalQuery::default() };
    let mut seen = Vec::new();
    for _ in 0..100 {
        let page = store.journal(&query).await.unwrap();
        seen.extend(page.items);
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    let expected: Vec<NewJournalEntry> = entries.iter().rev().cloned().collect();
    assert_eq!(seen.iter().map(|entry| entry.entry.clone()).collect::<Vec<_>>(), expected);
    assert!(seen.windows(2).all(|pair| pair[0].id > pair[1].id));

    let all = || JournalQuery { limit: Some(1000), ..JournalQuery::default() };
    for (query, count) in [
        (JournalQuery { node: Some(node("n1")), ..all() }, 100),
        (JournalQuery { execution_id: Some(execution), ..all() }, 100),
        (JournalQuery { event_type: Some("note".into()), ..all() }, 150),
        (JournalQuery { since: Some(at(10)), until: Some(at(20)), ..all() }, 20),
        (
            JournalQuery {
                node: Some(node("n1")),
                execution_id: Some(execution),
                since: Some(at(48)),
                ..all()
            },
            1,
        ),
    ] {
        assert_eq!(store.journal(&query).await.unwrap().items.len(), count, "{query:?}");
    }
    let other = JournalQuery { cursor: Some("AAAA".into()), ..all() };
    assert!(matches!(store.journal(&other).await, Err(StoreError::BadCursor)));
}
