//! The journal service of a host, by the framework as a program uses it: executions on this machine by the real transport, alone and
//! beside a mirror in Pabawi's tables in a real SQLite file.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pabawi::host_database::{HostDatabase as _, HostValue, MirrorOptions, MirrorState};
use pabawi::host_journal::{HostEntry, HostJournal, HostJournalError};
use pabawi::metrics::MetricValue;
use pabawi::{
    Action, AllowAll, Caller, CommandAction, EntryPoint, ExecutionOutcome, ExecutionRequest, Framework,
    PluginName, TargetExpression,
};
use pabawi_testkit::pabawi_host::PabawiHost;
use pabawi_testkit::wait::until_async;

const LIMIT: Duration = Duration::from_secs(30);

/// A journal service that fails or hangs when the test says so.
#[derive(Default)]
struct Book {
    taken: Mutex<Vec<HostEntry>>,
    fails: AtomicBool,
    hangs: AtomicBool,
}

impl Book {
    fn taken(&self) -> Vec<HostEntry> {
        self.taken.lock().unwrap().clone()
    }
}

#[async_trait]
impl HostJournal for Book {
    async fn record(&self, entry: &HostEntry) -> Result<(), HostJournalError> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.fails.load(Ordering::SeqCst) {
            return Err(HostJournalError::Unavailable("the test says so".into()));
        }
        self.taken.lock().unwrap().push(entry.clone());
        Ok(())
    }
}

fn often() -> MirrorOptions {
    let mut options = MirrorOptions::default();
    options.look_every = Duration::from_millis(20);
    options.backoff.initial_ms = 10;
    options.backoff.max_ms = 50;
    options
}

async fn open(directory: &Path, book: &Arc<Book>, tables: Option<&Arc<PabawiHost>>) -> Framework {
    let mut builder = Framework::builder().authorizer(AllowAll).database(directory.join("executions.db"));
    if let Some(tables) = tables {
        builder = builder.host_database(Arc::clone(tables) as _, often());
    }
    builder.host_journal(Arc::clone(book) as _, often()).open().await.unwrap()
}

async fn run(framework: &Framework, command: &str) -> ExecutionOutcome {
    let caller = Caller { user: "omar".into(), entry_point: EntryPoint::Rust };
    let action = Action::Command(CommandAction::new(command));
    let mut request = ExecutionRequest::new(action, TargetExpression::new("a,b"));
    request.transport = Some(PluginName::new("local").unwrap());
    framework.execute(caller, request).await.unwrap()
}

async fn arrived(framework: &Framework) {
    tokio::time::timeout(LIMIT, framework.mirrored()).await.unwrap();
}

fn metric(framework: &Framework, name: &str) -> f64 {
    let snapshot = framework.metrics();
    let family = snapshot.families.iter().find(|family| family.name == name).unwrap();
    let MetricValue::Number(number) = family.samples[0].value else { panic!("{family:?}") };
    number
}

async fn count(tables: &PabawiHost, from: &str) -> i64 {
    let rows = tables.query(&format!("SELECT count(*) AS n FROM {from}"), &[]).await.unwrap();
    let Some(HostValue::Int(count)) = rows[0].get("n") else { panic!("{rows:?}") };
    *count
}

/// R10.5, R11.1, R11.10: the entries of a run are told to the service, each once, while the framework is open; health and metrics tell
/// how it goes, also while the service fails, which no execution notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_is_told_also_after_the_service_has_failed() {
    let directory = tempfile::tempdir().unwrap();
    let book = Arc::new(Book::default());
    let framework = open(directory.path(), &book, None).await;
    let outcome = run(&framework, "exit 3").await;
    arrived(&framework).await;
    let mut nodes: Vec<_> = book.taken().iter().map(|entry| entry.node_id.clone()).collect();
    nodes.sort();
    assert_eq!(nodes, ["a", "b"]);
    for entry in book.taken() {
        assert_eq!(
            (entry.event_type.as_str(), entry.user_id.as_deref()),
            ("command_execution", Some("omar"))
        );
        assert_eq!(entry.details["executionId"], outcome.record.id.to_string());
        assert_eq!(entry.details["resultStatus"], "exited");
    }
    assert_eq!(metric(&framework, "pabawi_host_journal_up"), 1.0);
    assert_eq!(metric(&framework, "pabawi_host_journal_entries_total"), 2.0);
    assert!(framework.mirror_health().is_none());

    book.fails.store(true, Ordering::SeqCst);
    run(&framework, "true").await;
    let failing =
        || framework.host_journal_health().is_some_and(|health| health.failures > 2 && health.waiting == 2);
    until_async("failures", LIMIT, failing).await.unwrap();
    assert_eq!(framework.host_journal_health().unwrap().state, MirrorState::Failing);
    assert_eq!(metric(&framework, "pabawi_host_journal_up"), 0.0);
    assert_eq!(metric(&framework, "pabawi_host_journal_waiting"), 2.0);
    book.fails.store(false, Ordering::SeqCst);
    arrived(&framework).await;
    assert_eq!(book.taken().len(), 4);
    assert!(metric(&framework, "pabawi_host_journal_failures_total") > 2.0);
    framework.shutdown(Duration::from_secs(5)).await;
    assert_eq!(framework.host_journal_health().unwrap().state, MirrorState::Ended);
}

/// R10.5: beside a mirror in the tables of the host, entries go to the service only, and name the rows of the executions. What was in
/// the tables already is not told again, and what was told is not written there later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_mirror_each_entry_is_written_once() {
    let directory = tempfile::tempdir().unwrap();
    let tables = Arc::new(PabawiHost::start(&directory.path().join("pabawi.db")).unwrap());
    let book = Arc::new(Book::default());
    let only_tables = async || {
        let builder = Framework::builder().authorizer(AllowAll);
        let builder = builder.database(directory.path().join("executions.db"));
        builder.host_database(Arc::clone(&tables) as _, often()).open().await.unwrap()
    };
    let framework = only_tables().await;
    run(&framework, "true").await;
    arrived(&framework).await;
    framework.shutdown(Duration::from_secs(5)).await;
    assert_eq!(count(&tables, "journal_entries").await, 2);

    let framework = open(directory.path(), &book, Some(&tables)).await;
    let outcome = run(&framework, "echo hello").await;
    arrived(&framework).await;
    assert_eq!((book.taken().len(), count(&tables, "journal_entries").await), (2, 2));
    assert_eq!((count(&tables, "executions").await, framework.mirror_health().unwrap().waiting), (4, 0));
    let rows = tables.query("SELECT id, batch_id FROM executions", &[]).await.unwrap();
    for entry in book.taken() {
        let row = HostValue::from(entry.details["executionId"].as_str().unwrap());
        let batch = HostValue::from(outcome.record.id.to_string());
        assert!(rows.iter().any(|one| one["id"] == row && one["batch_id"] == batch), "{entry:?}");
        assert_eq!(entry.details["batchId"], outcome.record.id.to_string());
    }
    framework.shutdown(Duration::from_secs(5)).await;

    let framework = only_tables().await;
    run(&framework, "true").await;
    arrived(&framework).await;
    assert_eq!((book.taken().len(), count(&tables, "journal_entries").await), (2, 4));
    framework.shutdown(Duration::from_secs(5)).await;
}

/// R7.4: the end waits for the service, and not for long: what it does not have is told by the next framework.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_tells_what_it_can() {
    let directory = tempfile::tempdir().unwrap();
    let book = Arc::new(Book::default());
    book.hangs.store(true, Ordering::SeqCst);
    let framework = open(directory.path(), &book, None).await;
    run(&framework, "true").await;
    let begun = Instant::now();
    framework.shutdown(Duration::from_secs(5)).await;
    assert!(begun.elapsed() < LIMIT, "an answer that never comes is not waited for");
    assert_eq!(book.taken().len(), 0);

    book.hangs.store(false, Ordering::SeqCst);
    let framework = open(directory.path(), &book, None).await;
    run(&framework, "true").await;
    // Nobody has waited for it, and the end does.
    framework.shutdown(Duration::from_secs(5)).await;
    assert_eq!(book.taken().len(), 4);
}
