//! The journal of a store told to a journal service of a host: in Pabawi's shape, in order, each entry until it is taken.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::journal::{EntryId, NewJournalEntry};
use pabawi_domain::ports::{
    ExecutionStore as _, HostEntry, HostJournal, HostJournalError, JournalStore as _,
};
use pabawi_store::host::{HostMirror, MirrorOptions, MirrorState};
use pabawi_testkit::wait::until_async;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::journal::entry;
use crate::mirrored::{LIMIT, id, one_node, options, settled, three_nodes};
use crate::opened::{open, tamper};

/// What a service does with an entry.
enum Conduct {
    Take,
    Refuse,
    Fail,
    /// It takes it when the gate is opened.
    Wait,
}

type Behaviour = Box<dyn Fn(&HostEntry) -> Conduct + Send>;

/// A journal service that behaves as a test wants.
struct Book {
    conduct: Mutex<Behaviour>,
    taken: Mutex<Vec<HostEntry>>,
    asked: AtomicUsize,
    open: AtomicUsize,
    gate: Notify,
}

impl Book {
    fn new(conduct: impl Fn(&HostEntry) -> Conduct + Send + 'static) -> Arc<Self> {
        let zero = AtomicUsize::default;
        Arc::new(Self {
            conduct: Mutex::new(Box::new(conduct)),
            taken: Mutex::default(),
            asked: zero(),
            open: zero(),
            gate: Notify::new(),
        })
    }

    fn behave(&self, conduct: impl Fn(&HostEntry) -> Conduct + Send + 'static) {
        *self.conduct.lock().unwrap() = Box::new(conduct);
    }

    fn taken(&self) -> Vec<HostEntry> {
        self.taken.lock().unwrap().clone()
    }

    /// The actions of what it has, in the order in which it was taken.
    fn actions(&self) -> Vec<String> {
        self.taken().into_iter().map(|entry| entry.action).collect()
    }
}

#[async_trait]
impl HostJournal for Book {
    async fn record(&self, entry: &HostEntry) -> Result<(), HostJournalError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.open.fetch_add(1, Ordering::SeqCst);
        let conduct = (self.conduct.lock().unwrap())(entry);
        let done = match conduct {
            Conduct::Refuse => Err(HostJournalError::Refused("not this one".into())),
            Conduct::Fail => Err(HostJournalError::Unavailable("the test says so".into())),
            Conduct::Take => Ok(()),
            Conduct::Wait => {
                self.gate.notified().await;
                Ok(())
            }
        };
        if done.is_ok() {
            self.taken.lock().unwrap().push(entry.clone());
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
        done
    }
}

fn teller(store: &pabawi_store::Store, book: &Arc<Book>, options: MirrorOptions) -> HostMirror {
    HostMirror::start_journal(store.clone(), book.clone(), options)
}

fn numbered(count: i64) -> Vec<NewJournalEntry> {
    (0..count).map(|number| entry(&format!("a{number:04}"), "n0", number)).collect()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("a{number:04}")).collect()
}

/// R10.5, R11.10, R11.11: every entry is told in Pabawi's shape, with the execution that it belongs to, or with the row of it where the
/// host has such rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_told_in_pabawis_shape() {
    for has_rows in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        let book = Book::new(|_| Conduct::Take);
        one_node(&store, 1).await;
        three_nodes(&store, 2, "omar").await;
        let mut how = options();
        how.executions = has_rows;
        let teller = teller(&store, &book, how);
        let health = settled(&teller).await;
        assert_eq!(
            (health.state, health.waiting, health.written, health.refused),
            (MirrorState::CaughtUp, 0, 4, 0)
        );
        let taken = book.taken();
        let nodes: Vec<&str> = taken.iter().map(|entry| entry.node_id.as_str()).collect();
        assert_eq!(nodes, ["n0", "n0", "n1", "n2"]);
        let mut whole = serde_json::to_value(&taken[0]).unwrap();
        let entry_id = whole["details"]["entryId"].take();
        let known = store.journal(&Default::default()).await.unwrap();
        assert!(known.items.iter().any(|one| entry_id == one.entry.id.to_string()));
        let details = json!({"n": 9, "executionId": id(1).to_string(), "resultStatus": "succeeded", "user": "omar",
            "entryId": null, "occurredAt": "2026-09-21T14:13:29.000Z"});
        let expected = json!({"nodeId": "n0", "nodeUri": "ssh:n0", "eventType": "command_execution", "source": "ssh",
            "action": id(1).to_string(), "summary": format!("did {}", id(1)), "details": details, "userId": "omar"});
        assert_eq!(whole, expected);
        // Of an execution on several nodes Pabawi has a batch with a row for each.
        let of_several: Vec<&Value> = taken[1..].iter().map(|entry| &entry.details["executionId"]).collect();
        let different: HashSet<&str> = of_several.iter().map(|id| id.as_str().unwrap()).collect();
        if has_rows {
            assert_eq!(different.len(), 3);
            assert!(taken[1..].iter().all(|entry| entry.details["batchId"] == id(2).to_string()));
        } else {
            assert_eq!(different, HashSet::from([id(2).to_string().as_str()]));
            assert!(taken[1..].iter().all(|entry| !entry.details.contains_key("batchId")));
        }
        teller.stop().await;
        assert_eq!(teller.health().state, MirrorState::Ended);
    }
}

/// R10.5: what the host's tables do not take, a user that it does not know or a word, is told without, and the details have it. That is
/// found out once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_host_does_not_know_is_told_in_the_details() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let book = Book::new(|entry| match entry.user_id.as_deref() == Some("ada") || entry.source == "azure" {
        true => Conduct::Refuse,
        false => Conduct::Take,
    });
    let from = |number: i64, user: &str, event_type: &str, source: &str| NewJournalEntry {
        user: Some(user.into()),
        event_type: event_type.into(),
        source: source.into(),
        ..entry(&format!("a{number:04}"), "n0", number)
    };
    let teller = teller(&store, &book, options());
    let tell = async |entries: &[NewJournalEntry]| {
        let before = book.taken().len();
        let asked = book.asked.load(Ordering::SeqCst);
        store.append_journal(entries).await.unwrap();
        assert_eq!(settled(&teller).await.waiting, 0);
        let told: Vec<_> = book.taken()[before..]
            .iter()
            .map(|entry| (entry.user_id.clone(), entry.event_type.clone(), entry.source.clone()))
            .collect();
        (told, book.asked.load(Ordering::SeqCst) - asked)
    };
    let told = |user: Option<&str>, event_type: &str, source: &str| {
        (user.map(str::to_owned), event_type.to_owned(), source.to_owned())
    };
    let (seen, asked) = tell(&[from(0, "ada", "note", "user")]).await;
    assert_eq!((seen, asked), (vec![told(None, "note", "user")], 2));
    assert_eq!(book.taken()[0].details["user"], "ada");
    let (seen, asked) = tell(&[from(1, "ada", "note", "user"), from(2, "omar", "state_change", "aws")]).await;
    assert_eq!(
        (seen, asked),
        (vec![told(None, "note", "user"), told(Some("omar"), "state_change", "aws")], 2)
    );
    let (seen, asked) = tell(&[from(3, "omar", "state_change", "azure")]).await;
    assert_eq!((seen, asked), (vec![told(Some("omar"), "unknown", "system")], 2));
    let last = book.taken().pop().unwrap();
    assert_eq!(
        (&last.details["source"], &last.details["eventType"]),
        (&json!("azure"), &json!("state_change"))
    );
    let (seen, asked) = tell(&[from(4, "omar", "reboot", "azure")]).await;
    assert_eq!((seen, asked), (vec![told(Some("omar"), "reboot", "system")], 1));
}

/// R11.6: of a note that was edited before it was told the newest version is told, and a later one names the one before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_version_names_the_one_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let book = Book::new(|_| Conduct::Take);
    let note = |number: i64| EntryId::derived(&["note", &number.to_string()]);
    let version = |number: i64| NewJournalEntry {
        id: note(number),
        supersedes: (number > 1).then(|| note(number - 1)),
        ..entry(&format!("version {number}"), "n0", number)
    };
    store.append_journal(&[version(1)]).await.unwrap();
    store.append_journal(&[version(2)]).await.unwrap();
    let teller = teller(&store, &book, options());
    settled(&teller).await;
    store.append_journal(&[version(3)]).await.unwrap();
    settled(&teller).await;
    assert_eq!(book.actions(), ["version 2", "version 3"]);
    assert_eq!(book.taken()[1].details["supersedes"], note(2).to_string());
}

/// R7.4, R10.5: a service that fails or gives no answer holds nobody up, everybody is told, and each entry is taken afterwards once,
/// in their order; also one whose answer came too late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_fails_or_hangs_holds_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let book = Book::new(|_| Conduct::Fail);
    let mut patience = options();
    patience.answer = Duration::from_secs(2);
    let teller = teller(&store, &book, patience);
    store.append_journal(&numbered(100)).await.unwrap();
    teller.wake();
    until_async("failures", LIMIT, || teller.health().failures > 3).await.unwrap();
    let health = teller.health();
    assert_eq!(
        (health.state, health.written, health.waiting, health.refused),
        (MirrorState::Failing, 0, 100, 0)
    );
    assert!(health.last_error.unwrap().contains("the test says so"));
    // Who fails is asked little.
    let (asked, failures) = (book.asked.load(Ordering::SeqCst), teller.health().all_failures);
    assert!(asked as u64 <= 2 * (failures + 1), "{asked} calls in {failures} looks");

    book.behave(|_| Conduct::Wait);
    let silent =
        || teller.health().last_error.is_some_and(|error| error.contains("has not answered for 2 s"));
    until_async("calls without an answer", LIMIT, silent).await.unwrap();
    assert_eq!(book.open.load(Ordering::SeqCst), 2, "more calls are not opened");
    book.behave(|_| Conduct::Take);
    book.gate.notify_waiters();
    let health = settled(&teller).await;
    assert_eq!(
        (health.state, health.waiting, health.written, health.last_error),
        (MirrorState::CaughtUp, 0, 100, None)
    );
    let mut actions = book.actions();
    // The two that have waited have ended in any order.
    actions[..2].sort();
    assert_eq!(actions, names(100));
    store.close().await;
    teller.wake();
    until_async("its end", LIMIT, || teller.health().state == MirrorState::Ended).await.unwrap();
}

/// R8.3: where there is much to tell several calls are open at once, and not without a bound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_open_at_once_and_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let book = Book::new(|_| Conduct::Take);
    let teller = teller(&store, &book, options());
    store.append_journal(&numbered(300)).await.unwrap();
    settled(&teller).await;
    let told: HashSet<String> = book.actions().into_iter().collect();
    assert_eq!((book.actions().len(), told.len()), (300, 300));
    // All that may be open wait for the gate.
    book.behave(|_| Conduct::Wait);
    store.append_journal(&numbered(400)[300..]).await.unwrap();
    teller.wake();
    let most = || book.open.load(Ordering::SeqCst);
    until_async("several calls", LIMIT, || most() > 1).await.unwrap();
    assert!(most() <= 32, "{}", most());
    book.behave(|_| Conduct::Take);
    book.gate.notify_waiters();
    settled(&teller).await;
    assert_eq!(book.actions().len(), 400);
}

/// Bad input: an entry that the service never takes while it takes others, and one that is damaged, are left out and told; no other
/// is lost or told twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_is_never_taken_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let book = Book::new(|entry| if entry.action == "a0003" { Conduct::Refuse } else { Conduct::Take });
    store.append_journal(&numbered(60)).await.unwrap();
    tamper(dir.path(), "UPDATE pabawi_exec_journal SET id = 'nonsense' WHERE seq = 21").await;
    let teller = teller(&store, &book, options());
    until_async("all others", LIMIT, || book.taken().len() == 58).await.unwrap();
    let health = settled(&teller).await;
    assert_eq!((health.refused, health.written, health.waiting), (2, 58, 0));
    let mut actions = book.actions();
    actions.sort();
    let expected: Vec<String> =
        names(60).into_iter().filter(|name| !["a0003", "a0020"].contains(&name.as_str())).collect();
    assert_eq!(actions, expected);
    // Where nothing is taken it is the service that fails, and nothing is left out.
    book.behave(|_| Conduct::Refuse);
    store.append_journal(&[entry("last", "n0", 99)]).await.unwrap();
    teller.wake();
    let failures = teller.health().all_failures;
    until_async("failures", LIMIT, || teller.health().all_failures > failures + 10).await.unwrap();
    book.behave(|_| Conduct::Take);
    assert_eq!(settled(&teller).await.refused, 2);
    assert_eq!(book.actions().pop().unwrap(), "last");
}

/// R10.5: one that ends in the middle, in order or not, leaves the rest to the next: nothing is lost, and only what was being told is told
/// again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_goes_on_where_one_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let book = Book::new(|_| Conduct::Take);
    for round in 0..6usize {
        let until = format!("a{:04}", 10 * round + 5);
        book.behave(move |entry| if entry.action < until { Conduct::Take } else { Conduct::Wait });
        let first = i64::try_from(10 * round).unwrap();
        store.append_journal(&numbered(first + 10)[10 * round..]).await.unwrap();
        let broken = teller(&store, &book, options());
        broken.wake();
        until_async("calls that wait", LIMIT, || book.open.load(Ordering::SeqCst) > 0).await.unwrap();
        // In order, or as a process that dies.
        if round % 2 == 0 {
            broken.stop().await;
        }
        drop(broken);
        until_async("its end", LIMIT, || {
            // A call that was given up does not come to its end.
            Arc::strong_count(&book) == 1
        })
        .await
        .unwrap();
        book.open.store(0, Ordering::SeqCst);
        if round % 2 == 1 {
            let next = teller(&store, &book, options());
            book.behave(|_| Conduct::Take);
            let before = book.taken().len();
            // It is still the turn of the one that died.
            let health = settled(&next).await;
            assert_eq!((health.state, book.taken().len()), (MirrorState::CatchingUp, before));
            // Its time is over.
            tamper(dir.path(), "UPDATE pabawi_exec_marks SET value = 1 WHERE name = 'journal_turn'").await;
            settled(&next).await;
            next.stop().await;
            assert_eq!(book.actions().last().unwrap(), &format!("a{:04}", 10 * round + 9));
        }
    }
    let mut counts = BTreeMap::new();
    for action in book.actions() {
        *counts.entry(action).or_insert(0) += 1;
    }
    assert_eq!(counts.keys().cloned().collect::<Vec<_>>(), names(60), "nothing is lost");
    let again: usize = counts.values().map(|count| count - 1).sum();
    // Six ends, and no more in each than were taken in a round that did not end.
    assert!(again <= 6 * 32, "{counts:?}");
}

/// R10.5: two at once, and one in tables before, do not tell anything twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_at_once_tell_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let book = Book::new(|_| Conduct::Take);
    let mut often = options();
    often.look_every = Duration::from_millis(1);
    let tellers = [0, 1, 2].map(|_| teller(&store, &book, often.clone()));
    for some in numbered(200).chunks(7) {
        store.append_journal(some).await.unwrap();
    }
    until_async("all of them", LIMIT, || book.taken().len() >= 200).await.unwrap();
    let none_waits = || tellers.iter().all(|teller| teller.health().waiting == 0);
    until_async("nothing to wait", LIMIT, none_waits).await.unwrap();
    assert_eq!(book.actions().len(), 200);
    let told: HashSet<String> = book.actions().into_iter().collect();
    assert_eq!(told.len(), 200);
    // The one whose turn it is ends, and another takes over at once.
    for teller in &tellers[..2] {
        teller.stop().await;
    }
    store.append_journal(&numbered(201)[200..]).await.unwrap();
    until_async("the last", LIMIT, || book.actions().last().is_some_and(|last| last == "a0200"))
        .await
        .unwrap();
    assert_eq!(book.actions().len(), 201);
    // A mark that is far in the future is that of a clock which went wrong.
    tellers[2].stop().await;
    let wrong = "UPDATE pabawi_exec_marks SET value = 9000000000000000000 WHERE name = 'journal_turn'";
    tamper(dir.path(), wrong).await;
    let last = teller(&store, &book, options());
    store.append_journal(&numbered(202)[201..]).await.unwrap();
    settled(&last).await;
    assert_eq!(book.actions().last().unwrap(), "a0201");
}
