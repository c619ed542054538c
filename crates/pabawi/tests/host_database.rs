//! The mirror in a host's own database, by the framework as a program uses it: executions on this machine by the real transport,
//! Pabawi's tables in a real SQLite file.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pabawi::host_database::{
    HostDatabase, HostDatabaseError, HostDialect, HostRow, HostValue, MirrorOptions, MirrorState,
};
use pabawi::metrics::MetricValue;
use pabawi::{
    Action, AllowAll, Caller, CommandAction, EntryPoint, ExecutionRequest, ExecutionStatus, Framework,
    PluginName, TargetExpression,
};
use pabawi_testkit::pabawi_host::PabawiHost;
use pabawi_testkit::wait::until_async;

const LIMIT: Duration = Duration::from_secs(30);

/// A host's database that fails or hangs when the test says so.
struct Host {
    sqlite: PabawiHost,
    fails: AtomicBool,
    hangs: AtomicBool,
}

impl Host {
    fn new(directory: &Path) -> Arc<Self> {
        let sqlite = PabawiHost::start(&directory.join("pabawi.db")).unwrap();
        Arc::new(Self { sqlite, fails: AtomicBool::new(false), hangs: AtomicBool::new(false) })
    }

    async fn count(&self, from: &str) -> i64 {
        let rows = self.sqlite.query(&format!("SELECT count(*) AS n FROM {from}"), &[]).await.unwrap();
        let Some(HostValue::Int(count)) = rows[0].get("n") else { panic!("{rows:?}") };
        *count
    }

    async fn gate(&self) -> Result<(), HostDatabaseError> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        match self.fails.load(Ordering::SeqCst) {
            true => Err(HostDatabaseError::Unavailable("the test says so".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl HostDatabase for Host {
    fn dialect(&self) -> HostDialect {
        HostDialect::Sqlite
    }

    async fn query(&self, sql: &str, parameters: &[HostValue]) -> Result<Vec<HostRow>, HostDatabaseError> {
        self.gate().await?;
        self.sqlite.query(sql, parameters).await
    }

    async fn execute(&self, sql: &str, parameters: &[HostValue]) -> Result<u64, HostDatabaseError> {
        self.gate().await?;
        self.sqlite.execute(sql, parameters).await
    }
}

/// How often the mirror looks.
fn every(look_every: Duration) -> MirrorOptions {
    let mut options = MirrorOptions::default();
    options.look_every = look_every;
    options.backoff.initial_ms = 10;
    options.backoff.max_ms = 50;
    options
}

async fn open(directory: &Path, host: &Arc<Host>, options: MirrorOptions) -> Framework {
    let host = Arc::clone(host) as Arc<dyn HostDatabase>;
    let builder = Framework::builder().authorizer(AllowAll).database(directory.join("executions.db"));
    builder.host_database(host, options).open().await.unwrap()
}

/// Runs a command under two names.
async fn run(framework: &Framework) {
    let caller = Caller { user: "omar".into(), entry_point: EntryPoint::Rust };
    let action = Action::Command(CommandAction::new("echo done"));
    let mut request = ExecutionRequest::new(action, TargetExpression::new("a,b"));
    request.transport = Some(PluginName::new("local").unwrap());
    let outcome = framework.execute(caller, request).await.unwrap();
    assert_eq!(outcome.summary.status, ExecutionStatus::Completed);
}

/// Waits for the mirror; the host has so many rows of executions then, and as many entries.
async fn arrived(framework: &Framework, host: &Host, rows: i64) {
    tokio::time::timeout(LIMIT, framework.mirrored()).await.unwrap();
    assert_eq!((host.count("executions").await, host.count("journal_entries").await), (rows, rows));
}

fn metric(framework: &Framework, name: &str) -> f64 {
    let snapshot = framework.metrics();
    let family = snapshot.families.iter().find(|family| family.name == name).unwrap();
    let MetricValue::Number(number) = family.samples[0].value else { panic!("{family:?}") };
    number
}

/// R5.9, R10.5: what ran is found in Pabawi's tables while the framework is open, and health and metrics tell how it goes, also
/// while the host's database fails, which no execution notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_is_found_in_the_hosts_tables_also_after_they_have_failed() {
    let directory = tempfile::tempdir().unwrap();
    let host = Host::new(directory.path());
    let framework = open(directory.path(), &host, every(Duration::from_millis(20))).await;
    run(&framework).await;
    arrived(&framework, &host, 2).await;
    assert_eq!(host.count("executions WHERE status = 'success'").await, 2);
    assert_eq!(host.count("batch_executions WHERE status = 'success' AND user_id = 'id-omar'").await, 1);
    assert_eq!(host.count("executions WHERE results LIKE '%done%'").await, 2);
    assert_eq!(metric(&framework, "pabawi_mirror_up"), 1.0);
    assert!(metric(&framework, "pabawi_mirror_rows_total") >= 5.0);

    host.fails.store(true, Ordering::SeqCst);
    run(&framework).await;
    let failing =
        || framework.mirror_health().is_some_and(|health| health.failures > 2 && health.waiting == 3);
    until_async("failures", LIMIT, failing).await.unwrap();
    let health = framework.mirror_health().unwrap();
    assert_eq!(health.state, MirrorState::Failing);
    assert!(health.last_error.unwrap().contains("the test says so"));
    assert_eq!(metric(&framework, "pabawi_mirror_up"), 0.0);
    assert_eq!(metric(&framework, "pabawi_mirror_waiting"), 3.0, "an execution and two entries");

    host.fails.store(false, Ordering::SeqCst);
    arrived(&framework, &host, 4).await;
    assert!(metric(&framework, "pabawi_mirror_failures_total") > 2.0);
    framework.shutdown(Duration::from_secs(5)).await;
    assert_eq!(framework.mirror_health().unwrap().state, MirrorState::Ended);
}

/// R5.9: the end waits for the host's database, and not for long: what is not there is brought over by the next framework.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_brings_over_what_it_can() {
    let directory = tempfile::tempdir().unwrap();
    let host = Host::new(directory.path());
    // Nobody looks by himself.
    let rarely = || every(Duration::from_secs(3600));
    let framework = open(directory.path(), &host, rarely()).await;
    tokio::time::timeout(LIMIT, framework.mirrored()).await.unwrap();
    run(&framework).await;
    framework.shutdown(Duration::from_secs(5)).await;
    assert_eq!((host.count("executions").await, host.count("journal_entries").await), (2, 2));

    host.hangs.store(true, Ordering::SeqCst);
    let framework = open(directory.path(), &host, rarely()).await;
    run(&framework).await;
    let begun = Instant::now();
    framework.shutdown(Duration::from_secs(5)).await;
    assert!(begun.elapsed() < LIMIT, "an answer that never comes is not waited for");
    assert_eq!(host.count("executions").await, 2);

    host.hangs.store(false, Ordering::SeqCst);
    let framework = open(directory.path(), &host, rarely()).await;
    tokio::time::timeout(LIMIT, framework.mirrored()).await.unwrap();
    assert_eq!((host.count("executions").await, host.count("journal_entries").await), (4, 4));
    framework.shutdown(Duration::from_secs(5)).await;
}
