//! The stored node journal: what somebody who tampers with the file leaves behind, what becomes of a journal from before chains,
//! and that retention keeps what stays verifiable.

use std::sync::Arc;

use pabawi_domain::journal::{EntryId, JournalLimit, JournalQuery, NewJournalEntry, PrunedJournal, event};
use pabawi_domain::ports::{ExecutionStore as _, JournalStore as _, RetentionStore as _};
use pabawi_store::Store;
use pabawi_testkit::contract::JournalSubject;

use crate::opened::tamper;
use crate::records::{at, node, open};

async fn empty() -> JournalSubject {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    JournalSubject::new(Arc::new(store), dir)
}

pabawi_testkit::journal_store_contract!(contract, super::empty);

pub(crate) fn entry(name: &str, on: &str, seconds: i64) -> NewJournalEntry {
    NewJournalEntry {
        id: EntryId::derived(&[name, on]),
        node: node(on),
        event_type: event::COMMAND.into(),
        source: "ssh".into(),
        execution_id: None,
        at: at(seconds),
        user: Some("ada".into()),
        action: name.into(),
        result_status: Some("succeeded".into()),
        summary: format!("did {name}"),
        details: [("n".to_owned(), seconds.into())].into_iter().collect(),
        supersedes: None,
    }
}

pub(crate) async fn actions(store: &Store, query: JournalQuery) -> Vec<String> {
    let page = store.journal(&JournalQuery { limit: Some(1000), ..query }).await.unwrap();
    page.items.into_iter().map(|found| found.entry.action).collect()
}

/// R11.13: whoever edits, removes or inserts an entry in the file is found out, with node and entry; what is written afterwards
/// is written all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tampering_is_found_by_node_and_entry() {
    for (sql, expected) in [
        (
            "UPDATE pabawi_exec_journal SET summary = 'nothing' WHERE node = 'web1' AND seq = 3",
            "node web1: entry 3 (ID) was edited",
        ),
        (
            "UPDATE pabawi_exec_journal SET at = at + 1 WHERE node = 'web1' AND seq = 5",
            "node web1: entry 5 (ID) was edited",
        ),
        (
            "UPDATE pabawi_exec_journal SET user_name = NULL WHERE node = 'web1' AND seq = 1",
            "node web1: entry 1 (ID) was edited",
        ),
        (
            "UPDATE pabawi_exec_journal SET hash = x'00' WHERE node = 'web1' AND seq = 2",
            "node web1: entry 2 (ID) was edited",
        ),
        (
            "UPDATE pabawi_exec_journal SET summary = x'ff' WHERE node = 'web1' AND seq = 4",
            "node web1: entry 4 (ID) was edited",
        ),
        ("DELETE FROM pabawi_exec_journal WHERE node = 'web1' AND seq = 3", "node web1: entry 3 was removed"),
        ("DELETE FROM pabawi_exec_journal WHERE node = 'web1' AND seq = 5", "node web1: entry 5 was removed"),
        (
            "DELETE FROM pabawi_exec_journal WHERE node = 'web1'",
            "node web1: entry 1 and those up to 5 were removed",
        ),
        (
            "INSERT INTO pabawi_exec_journal (id, at, node, seq, event_type, source, action, summary, prev, hash) \
             SELECT '00000000-0000-4000-8000-000000000000', at, node, seq + 1, event_type, source, action, summary, hash, \
             zeroblob(32) FROM pabawi_exec_journal WHERE node = 'web1' AND seq = 5",
            "node web1: entry 6 (ID) was inserted",
        ),
        (
            "INSERT INTO pabawi_exec_journal (id, at, node, seq, event_type, source, action, summary, prev, hash) \
             VALUES ('00000000-0000-4000-8000-000000000000', 1, 'ghost', 1, 'note', 'user', 'x', 'y', zeroblob(32), zeroblob(32))",
            "node ghost: entry 1 (ID) was inserted",
        ),
        ("DELETE FROM pabawi_exec_journal_heads WHERE node = 'web1'", "node web1: entry 1 (ID) was inserted"),
        (
            "UPDATE pabawi_exec_journal_heads SET hash = zeroblob(32) WHERE node = 'web1'",
            "node web1: entry 5 is the last and the chain is recorded to end otherwise",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        for number in 1..=5 {
            store.append_journal(&[entry(&number.to_string(), "web1", number)]).await.unwrap();
            store.append_journal(&[entry(&number.to_string(), "web2", number)]).await.unwrap();
        }
        assert!(store.verify_journal(None).await.unwrap().is_sound());
        tamper(dir.path(), sql).await;
        let told = store.verify_journal(None).await.unwrap();
        let first = told.faults.first().unwrap_or_else(|| panic!("{sql}: not found"));
        let id = first.id.clone().unwrap_or_default();
        assert_eq!(first.to_string().replace(&id, if id.is_empty() { "" } else { "ID" }), expected, "{sql}");
        assert!(told.faults.iter().all(|fault| fault.node != "web2"), "{sql}: {told:?}");
        assert!(store.verify_journal(Some(&node("web2"))).await.unwrap().is_sound(), "{sql}");
        // Nobody can keep results from being written by it.
        store.append_journal(&[entry("after", "web1", 9), entry("after", "web2", 9)]).await.unwrap();
        let after = JournalQuery { text: Some("after".into()), ..JournalQuery::default() };
        assert_eq!(actions(&store, after).await, ["after", "after"], "{sql}");
        store.close().await;
    }
}

/// R11.13: entries go by the limit that says most about them, by age or number, in small steps; the chains of what stays are
/// sound all the while, and what is removed behind retention's back is still found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_keeps_chains_verifiable() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut entries = Vec::new();
    for number in 0..200 {
        let on = format!("web{}", number % 3);
        let mut one = entry(&format!("e{number}"), &on, number);
        match number % 4 {
            1 => one.event_type = event::NOTE.into(),
            2 => one.source = "bolt".into(),
            3 => (one.event_type, one.source) = ("start".into(), "bolt".into()),
            _ => {}
        }
        entries.push(one);
    }
    store.append_journal(&entries).await.unwrap();
    let limits = [
        JournalLimit { before: Some(at(100)), ..JournalLimit::default() },
        // Says nothing, so notes stay.
        JournalLimit { event_type: Some("note".into()), ..JournalLimit::default() },
        JournalLimit { source: Some("bolt".into()), keep: Some(10), ..JournalLimit::default() },
        JournalLimit {
            source: Some("bolt".into()),
            event_type: Some("start".into()),
            before: Some(at(150)),
            keep: Some(1000),
        },
    ];
    let cuts = store.journal_cuts(&limits).await.unwrap();
    assert_eq!(cuts.iter().map(|cut| cut.entries).collect::<Vec<_>>(), [25, 0, 40, 37]);
    assert_eq!(actions(&store, JournalQuery::default()).await.len(), 200, "looking removes nothing");

    let (mut steps, mut from) = (0, None);
    loop {
        let step = store.prune_journal(&cuts, from, 7).await.unwrap();
        assert!(step.entries <= 7);
        let told = store.verify_journal(None).await.unwrap();
        assert!(told.is_sound(), "after step {steps}: {told:?}");
        steps += 1;
        assert!(steps < 100);
        from = step.next;
        if from.is_none() {
            break;
        }
        // Others write meanwhile.
        store.append_journal(&[entry(&format!("step{steps}"), "web1", 500 + steps)]).await.unwrap();
    }
    let left = actions(&store, JournalQuery::default()).await;
    assert_eq!(left.iter().filter(|name| name.starts_with('e')).count(), 200 - 25 - 40 - 37);
    let told = store.verify_journal(None).await.unwrap();
    assert_eq!((told.pruned, told.entries), (102, left.len() as u64));
    // What is gone is found by no word.
    let found = JournalQuery { text: Some("e0".into()), ..JournalQuery::default() };
    assert_eq!(actions(&store, found).await, Vec::<String>::new());

    tamper(dir.path(), "DELETE FROM pabawi_exec_journal WHERE action = 'e197'").await;
    let told = store.verify_journal(None).await.unwrap();
    assert_eq!(told.faults.len(), 1, "{told:?}");
    assert_eq!(
        (told.faults[0].node.as_str(), told.faults[0].to_string().contains("was removed")),
        ("web2", true)
    );
}

/// R11.13: what another limit keeps is passed over, once and not again by each step; a step looks at so many entries and no more,
/// also where it removes none, and others write between two of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_looks_at_so_many_entries_and_the_next_one_goes_on() {
    const LOOKED_AT: i64 = 2_000;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    // The last 600 are of one moment.
    let kept_at = |number: i64| number != 0 && number != 2_500 && number < 5_000;
    let entries: Vec<_> = (0..5_600)
        .map(|number| {
            let event_type = if kept_at(number) { event::NOTE } else { event::COMMAND };
            NewJournalEntry {
                event_type: event_type.into(),
                ..entry(&format!("e{number}"), "web1", number.min(5_000))
            }
        })
        .collect();
    for part in entries.chunks(700) {
        store.append_journal(part).await.unwrap();
    }
    let limits = [
        JournalLimit { before: Some(at(10_000)), ..JournalLimit::default() },
        JournalLimit { event_type: Some(event::NOTE.into()), ..JournalLimit::default() },
    ];
    let cuts = store.journal_cuts(&limits).await.unwrap();
    assert_eq!(cuts.iter().map(|cut| cut.entries).collect::<Vec<_>>(), [602, 0]);

    let (mut from, mut gone) = (None, Vec::new());
    let seconds = |(nanos, _)| nanos / 1_000_000_000 - at(0).as_second();
    loop {
        let step = store.prune_journal(&cuts, from, 500).await.unwrap();
        let number = gone.len();
        gone.push((step.entries, step.next.map(seconds)));
        assert!(number < 10, "{gone:?}");
        store.append_journal(&[entry(&format!("step{number}"), "web1", 20_000)]).await.unwrap();
        from = step.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(
        gone,
        [(1, Some(LOOKED_AT - 1)), (1, Some(2_500 + LOOKED_AT - 1)), (500, Some(5_000)), (100, None)]
    );
    let told = store.verify_journal(None).await.unwrap();
    assert!(told.is_sound(), "{told:?}");
    assert_eq!((told.pruned, told.entries), (602, 5_600 - 602 + 4), "what is kept and what came meanwhile");
    assert_eq!(store.journal_cuts(&limits).await.unwrap()[0].entries, 0);
    // Nothing is left from its beginning on, whoever starts there.
    assert_eq!(store.prune_journal(&cuts, None, 500).await.unwrap(), PrunedJournal::default());
}

/// Entries that are written together with a node's result are there when the result is, and no others keep them back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_write_chains_without_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let lanes = (0..8).map(|lane| {
        let store = store.clone();
        tokio::spawn(async move {
            for round in 0..40 {
                let entries: Vec<_> = (0..5)
                    .map(|n| entry(&format!("{lane}.{round}.{n}"), &format!("web{}", n % 2), round))
                    .collect();
                store.append_journal(&entries).await.unwrap();
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.unwrap();
    }
    let told = store.verify_journal(None).await.unwrap();
    assert_eq!((told.nodes, told.entries, &told.faults), (2, 1600, &vec![]));
    store.close().await;
}
