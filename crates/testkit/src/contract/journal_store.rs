//! What every [`JournalStore`] must do. Main entry: [`journal_store_contract!`](crate::journal_store_contract). What survives a
//! killed process, and what becomes of a store that somebody tampers with, is tested beside each store.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use pabawi_domain::journal::{EntryId, JournalEntry, JournalQuery, NewJournalEntry, event};
use pabawi_domain::ports::{JournalStore, StoreError};
use serde_json::json;

use super::records::{at, good, id, node};

/// An empty journal.
pub struct JournalSubject {
    /// The store.
    pub store: Arc<dyn JournalStore>,
    // A directory or server that has to live as long as the store.
    _keep: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for JournalSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JournalSubject")
    }
}

impl JournalSubject {
    /// A subject; `keep` is dropped after the store.
    pub fn new(store: Arc<dyn JournalStore>, keep: impl Any + Send + Sync) -> Self {
        Self { store, _keep: Box::new(keep) }
    }

    async fn write(&self, entries: &[NewJournalEntry]) {
        good("write the journal", self.store.append_journal(entries).await);
    }

    async fn read(&self, query: JournalQuery) -> Vec<JournalEntry> {
        let query = JournalQuery { limit: Some(1_000), ..query };
        let page = good("read the journal", self.store.journal(&query).await);
        assert_eq!(page.next_cursor, None, "{query:?}");
        page.items
    }

    /// The actions that a question finds.
    async fn found(&self, query: JournalQuery) -> Vec<String> {
        self.read(query).await.into_iter().map(|found| found.entry.action).collect()
    }

    async fn is_sound(&self) {
        let told = good("verify the journal", self.store.verify_journal(None).await);
        assert!(told.is_sound(), "{told:?}");
    }
}

/// Makes a module with one test for each rule of the contract.
///
/// The second argument is an `async fn() -> JournalSubject` that gives an empty store; each test calls it anew. The crate that
/// uses the macro needs tokio with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! journal_store_contract {
    ($module:ident, $subject:path) => {
        $crate::journal_store_contract!(@tests $module, $subject;
            entries_are_read_back_newest_first, an_entry_is_written_once, entries_are_found_by_every_field,
            words_are_found_whatever_stands_around_them, a_note_is_changed_by_another_entry,
            every_node_has_a_chain_of_its_own, odd_times_and_texts_are_kept, what_is_known_is_told);
    };
    (@tests $module:ident, $subject:path; $($test:ident),* $(,)?) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    $crate::contract::journal_store::$test(&$subject().await).await;
                }
            )*
        }
    };
}

fn entry(name: &str, on: &str, seconds: i64) -> NewJournalEntry {
    NewJournalEntry {
        id: EntryId::derived(&[name]),
        node: node(on),
        event_type: event::COMMAND.into(),
        source: "ssh".into(),
        execution_id: None,
        at: at(seconds),
        user: Some("ada".into()),
        action: name.into(),
        result_status: Some("succeeded".into()),
        summary: format!("did {name}"),
        details: [("n".to_owned(), json!({"a": [1, 2.5, null], "ü": "text"}))].into_iter().collect(),
        supersedes: None,
    }
}

/// R11.7, R11.10, R11.11: entries come back as they were written, newest first, page by page, each once.
pub async fn entries_are_read_back_newest_first(subject: &JournalSubject) {
    subject.write(&[]).await;
    let entries: Vec<NewJournalEntry> = (0..300)
        // Two of each second, so that time alone does not tell them apart.
        .map(|number: i64| NewJournalEntry {
            execution_id: (number < 100).then_some(id(1)),
            ..entry(&format!("e{number}"), &format!("n{}", number % 3), number / 2)
        })
        .collect();
    subject.write(&entries).await;
    let mut query = JournalQuery { limit: Some(7), ..JournalQuery::default() };
    let mut seen = Vec::new();
    for _ in 0..100 {
        let page = good("read the journal", subject.store.journal(&query).await);
        seen.extend(page.items);
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    let expected: Vec<NewJournalEntry> = entries.iter().rev().cloned().collect();
    assert_eq!(seen.iter().map(|found| found.entry.clone()).collect::<Vec<_>>(), expected);
    assert!(seen.iter().all(|found| found.hash.is_some() && !found.is_live && !found.superseded));
    for bad in ["AAAA", "", "' OR 1=1 --", "\0"] {
        let query = JournalQuery { cursor: Some(bad.into()), ..JournalQuery::default() };
        let answer = subject.store.journal(&query).await;
        assert!(matches!(answer, Err(StoreError::BadCursor)), "{bad:?}: {answer:?}");
    }
}

/// What is written again, in the same call or later, stands there once.
pub async fn an_entry_is_written_once(subject: &JournalSubject) {
    let first = entry("a", "web1", 1);
    subject.write(&[first.clone(), first.clone()]).await;
    subject
        .write(&[entry("b", "web1", 2), NewJournalEntry { summary: "other".into(), ..first.clone() }])
        .await;
    let read = subject.read(JournalQuery::default()).await;
    assert_eq!(read.iter().map(|found| found.seq).collect::<Vec<_>>(), [Some(2), Some(1)]);
    assert_eq!(read.last().map(|found| &found.entry), Some(&first));
    subject.is_sound().await;
}

/// Each field narrows; of a list any one has to fit.
pub async fn entries_are_found_by_every_field(subject: &JournalSubject) {
    let base = |name, on, seconds| entry(name, on, seconds);
    subject
        .write(&[
            NewJournalEntry { execution_id: Some(id(1)), ..base("a", "web1", 1) },
            NewJournalEntry { execution_id: Some(id(1)), source: "bolt".into(), ..base("b", "web2", 2) },
            NewJournalEntry { event_type: event::NOTE.into(), user: None, ..base("c", "web1", 3) },
            NewJournalEntry {
                result_status: Some("exited".into()),
                user: Some("bob".into()),
                ..base("d", "web3", 4)
            },
            NewJournalEntry { result_status: None, ..base("e", "web3", 5) },
        ])
        .await;
    let all = JournalQuery::default;
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    for (query, expected) in [
        (all(), &["e", "d", "c", "b", "a"][..]),
        (JournalQuery { nodes: vec![node("web1")], ..all() }, &["c", "a"]),
        (JournalQuery { nodes: vec![node("web1"), node("web2"), node("none")], ..all() }, &["c", "b", "a"]),
        (JournalQuery { execution_id: Some(id(1)), ..all() }, &["b", "a"]),
        (JournalQuery { event_types: texts(&["note"]), ..all() }, &["c"]),
        (JournalQuery { event_types: texts(&["note", "no_such_type"]), ..all() }, &["c"]),
        (JournalQuery { sources: texts(&["bolt"]), ..all() }, &["b"]),
        (JournalQuery { users: texts(&["bob", "ada"]), nodes: vec![node("web3")], ..all() }, &["e", "d"]),
        (JournalQuery { users: texts(&["nobody"]), ..all() }, &[]),
        (JournalQuery { users: texts(&["a%", "_da", "' OR 1=1"]), ..all() }, &[]),
        (JournalQuery { statuses: texts(&["exited"]), ..all() }, &["d"]),
        (JournalQuery { since: Some(at(2)), until: Some(at(4)), ..all() }, &["c", "b"]),
        (JournalQuery { since: Some(at(4)), until: Some(at(2)), ..all() }, &[]),
    ] {
        assert_eq!(subject.found(query.clone()).await, expected, "{query:?}");
    }
}

/// A search is for words and their beginnings; no character means anything to it.
pub async fn words_are_found_whatever_stands_around_them(subject: &JournalSubject) {
    let of =
        |name: &str, summary: &str| NewJournalEntry { summary: summary.into(), ..entry(name, "web1", 1) };
    let mut deep = of("deep", "quiet");
    deep.details = [("stderr".to_owned(), json!([{"line": "segfault at 0"}]))].into_iter().collect();
    subject
        .write(&[
            of("nginx", "Restarted NGINX-1.25 (100% done)"),
            of("markup", "<b>bold_text</b> \"quoted\" it's * ^ :"),
            of("accents", "Straße ΑΒΓ naïve 中文"),
            deep,
        ])
        .await;
    for (text, expected) in [
        ("nginx", &["nginx"][..]),
        ("NGINX restarted", &["nginx"]),
        ("ngi", &["nginx"]),
        ("ginx", &[]),
        ("100%", &["nginx"]),
        ("bold_text", &["markup"]),
        ("<b>", &["markup"]),
        ("\"quoted\"", &["markup"]),
        ("straße", &["accents"]),
        ("αβγ", &["accents"]),
        ("中文", &["accents"]),
        ("segfault", &["deep"]),
        ("nginx OR bold", &[]),
        ("nginx NOT restarted", &[]),
        ("nginx NEAR(restarted)", &[]),
        ("words:nginx", &[]),
        ("ada succeeded deep", &["deep"]),
        ("%", &[]),
        ("_", &[]),
        ("*", &[]),
        ("\"", &[]),
        ("'; DROP TABLE pabawi_exec_journal; --", &[]),
        ("", &[]),
        ("\0", &[]),
    ] {
        let query = JournalQuery { text: Some(text.into()), ..JournalQuery::default() };
        assert_eq!(subject.found(query).await, expected, "{text:?}");
    }
}

/// R11.6: another version stands in the place of a note; what was there before stays.
pub async fn a_note_is_changed_by_another_entry(subject: &JournalSubject) {
    let note = |name: &str, seconds, supersedes: Option<&NewJournalEntry>| NewJournalEntry {
        event_type: event::NOTE.into(),
        supersedes: supersedes.map(|old| old.id),
        ..entry(name, "web1", seconds)
    };
    let first = note("first", 1, None);
    let second = note("second", 2, Some(&first));
    let third = note("third", 3, Some(&second));
    subject.write(&[first.clone(), note("other", 1, None)]).await;
    subject.write(std::slice::from_ref(&second)).await;
    subject.write(std::slice::from_ref(&third)).await;
    // Written again, it is known.
    subject.write(std::slice::from_ref(&second)).await;
    for bad in [
        note("twice", 4, Some(&first)),
        note("of nothing", 4, Some(&note("gone", 0, None))),
        NewJournalEntry { node: node("web2"), ..note("elsewhere", 4, Some(&third)) },
    ] {
        let answer = subject.store.append_journal(&[entry("innocent", "web1", 9), bad.clone()]).await;
        assert!(matches!(answer, Err(StoreError::Superseded)), "{bad:?}: {answer:?}");
    }
    assert_eq!(subject.found(JournalQuery::default()).await, ["third", "other"]);
    let all = subject.read(JournalQuery { superseded: true, ..JournalQuery::default() }).await;
    let told: Vec<_> = all.iter().map(|found| (found.entry.action.as_str(), found.superseded)).collect();
    assert_eq!(told, [("third", false), ("second", true), ("other", false), ("first", true)]);
    for one in [&first, &second, &third] {
        let versions = good("read versions", subject.store.journal_versions(one.id).await);
        let names: Vec<_> = versions.iter().map(|found| found.entry.action.as_str()).collect();
        assert_eq!(names, ["first", "second", "third"]);
    }
    assert_eq!(good("read versions", subject.store.journal_versions(EntryId::derived(&["no"])).await), []);
    subject.is_sound().await;
}

/// Entries are numbered for each node, and each is bound to the one before it.
pub async fn every_node_has_a_chain_of_its_own(subject: &JournalSubject) {
    for round in 0..3 {
        let names = ["web1", "web2", "web1"];
        let entries: Vec<_> =
            (0..).zip(names).map(|(number, on)| entry(&format!("{round}.{number}"), on, round)).collect();
        subject.write(&entries).await;
    }
    let read = subject.read(JournalQuery { nodes: vec![node("web1")], ..JournalQuery::default() }).await;
    assert_eq!(
        read.iter().rev().map(|found| found.seq).collect::<Vec<_>>(),
        (1..=6).map(Some).collect::<Vec<_>>()
    );
    let hashes: std::collections::HashSet<_> = read.iter().map(|found| found.hash).collect();
    assert_eq!(hashes.len(), 6);
    let told = good("verify the journal", subject.store.verify_journal(Some(&node("web1"))).await);
    assert!(told.is_sound(), "{told:?}");
    assert_eq!((told.nodes, told.entries), (1, 6));
    assert_eq!(told.head.map(|head| (head.seq, Some(head.hash))), read.first().map(|last| (6, last.hash)));
    let told = good("verify the journal", subject.store.verify_journal(None).await);
    assert_eq!((told.nodes, told.entries, told.fault_count), (2, 9, 0));
}

/// Times before 1970 and in the future, and texts of every kind, come back as they were given; only a NUL does not.
pub async fn odd_times_and_texts_are_kept(subject: &JournalSubject) {
    let odd = "'; DROP TABLE x; --\n\u{1b}[31mred\u{7}\r\t\u{202e}😀 <script>alert(1)</script>";
    let mut times: Vec<NewJournalEntry> = Vec::new();
    for (name, text) in [("past", "1901-02-03T04:05:06.000000007Z"), ("future", "2199-01-01T00:00:00Z")] {
        let Ok(at) = text.parse::<Timestamp>() else { unreachable!("the time is good") };
        times.push(NewJournalEntry {
            at,
            summary: odd.into(),
            user: Some(odd.into()),
            ..entry(name, "web1", 0)
        });
    }
    subject.write(&times).await;
    let read = subject.read(JournalQuery::default()).await;
    assert!(read.iter().map(|found| &found.entry).eq(times.iter().rev()), "{read:?}");
    subject.write(&[NewJournalEntry { summary: "a\0b".into(), ..entry("nul", "web2", 0) }]).await;
    let read = subject.read(JournalQuery { nodes: vec![node("web2")], ..JournalQuery::default() }).await;
    assert_eq!(read.first().map(|found| found.entry.summary.as_str()), Some("a\u{fffd}b"));
    subject.is_sound().await;
}

/// What somebody else tells too can be told from what is new.
pub async fn what_is_known_is_told(subject: &JournalSubject) {
    let written = NewJournalEntry { execution_id: Some(id(1)), ..entry("a", "web1", 1) };
    subject.write(std::slice::from_ref(&written)).await;
    let asked = [written.id, EntryId::derived(&["unknown"])];
    let known = good("ask", subject.store.journalled(&node("web1"), &asked, &[id(1), id(2)]).await);
    assert_eq!(known, ([written.id].into(), [id(1)].into()));
    let known = good("ask", subject.store.journalled(&node("web2"), &[], &[id(1)]).await);
    assert_eq!(known, Default::default());
}
