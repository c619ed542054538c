//! A host's database that a test can break, and what the tests of the mirror write into the store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::ExecutionId;
use pabawi_domain::journal::NewJournalEntry;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{
    ExecutionStore as _, HostDatabase, HostDatabaseError, HostDialect, HostRow, HostValue, StoreWrite,
    TargetResult,
};
use pabawi_domain::record::NewExecution;
use pabawi_domain::summary::SummaryFold;
use pabawi_store::Store;
use pabawi_store::host::{HostMirror, MirrorHealth, MirrorOptions};
use serde_json::Value;

use crate::journal::entry;
use crate::opened::Host;
use crate::records::{at, events, execution, node, result, start, whole};

pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A host's database that fails, hangs, or is counted, as a test wants.
pub(crate) struct Gate {
    pub(crate) host: Host,
    /// Statements that are let through until all fail; `u64::MAX` for all.
    left: AtomicU64,
    /// Statements that never get an answer.
    pub(crate) hanging: AtomicU64,
    failed: AtomicUsize,
}

impl Gate {
    pub(crate) fn new(host: Host) -> Arc<Self> {
        let (left, hanging) = (AtomicU64::new(u64::MAX), AtomicU64::new(0));
        Arc::new(Self { host, left, hanging, failed: AtomicUsize::new(0) })
    }

    pub(crate) fn let_through(&self, statements: u64) {
        self.left.store(statements, Ordering::SeqCst);
    }

    pub(crate) fn failed(&self) -> usize {
        self.failed.load(Ordering::SeqCst)
    }

    async fn pass(&self) -> Result<(), HostDatabaseError> {
        let one_less = |left: u64| if left == u64::MAX { Some(left) } else { left.checked_sub(1) };
        let passes =
            |count: &AtomicU64| count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
        if self.hanging.load(Ordering::SeqCst) > 0 && passes(&self.hanging) {
            self.failed.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        if passes(&self.left) {
            return Ok(());
        }
        self.failed.fetch_add(1, Ordering::SeqCst);
        Err(HostDatabaseError::Unavailable("the test says so".into()))
    }

    /// Rows as JSON, in the order of the first column.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<Value> {
        let rows = self.host.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| serde_json::to_value(row).unwrap()).collect()
    }

    /// Everything that the mirror may have written.
    pub(crate) async fn everything(&self) -> BTreeMap<&'static str, Vec<Value>> {
        let mut all = BTreeMap::new();
        for table in ["executions", "batch_executions", "journal_entries", "migrations"] {
            all.insert(table, self.rows(&format!("SELECT * FROM {table} ORDER BY id")).await);
        }
        all
    }
}

#[async_trait]
impl HostDatabase for Gate {
    fn dialect(&self) -> HostDialect {
        self.host.dialect()
    }

    async fn query(&self, sql: &str, parameters: &[HostValue]) -> Result<Vec<HostRow>, HostDatabaseError> {
        self.pass().await?;
        self.host.query(sql, parameters).await
    }

    async fn execute(&self, sql: &str, parameters: &[HostValue]) -> Result<u64, HostDatabaseError> {
        self.pass().await?;
        self.host.execute(sql, parameters).await
    }
}

/// Looks when it is told to, and waits little.
pub(crate) fn options() -> MirrorOptions {
    let mut options = MirrorOptions::default();
    options.look_every = Duration::from_secs(3600);
    options.backoff.initial_ms = 1;
    options.backoff.max_ms = 5;
    options
}

pub(crate) fn mirror(store: &Store, host: &Arc<Gate>) -> HostMirror {
    HostMirror::start(store.clone(), host.clone(), options())
}

pub(crate) async fn settled(mirror: &HostMirror) -> MirrorHealth {
    tokio::time::timeout(LIMIT, mirror.settled()).await.expect("it catches up");
    mirror.health()
}

pub(crate) fn id(number: u8) -> ExecutionId {
    ExecutionId::from_parts(1_790_000_000_000 + u64::from(number), [number; 10])
}

/// An execution with the id of that number, submitted so many seconds after the others.
pub(crate) fn numbered(number: u8, command: &str, targets: usize, user: &str) -> NewExecution {
    let mut new = execution(command, targets);
    new.id = id(number);
    new.caller.user = user.into();
    new.submitted_at = at(i64::from(number));
    new
}

pub(crate) fn ended(id: ExecutionId, outcomes: &[NodeOutcome]) -> StoreWrite {
    let mut fold = SummaryFold::new(outcomes.len() as u64);
    for outcome in outcomes {
        fold.start();
        fold.finish(outcome, true);
    }
    StoreWrite::Finished { id, at: at(10), summary: Box::new(fold.summary(9000)) }
}

pub(crate) fn failed_with(id: ExecutionId, name: &str, outcome: &NodeOutcome, stderr: &[u8]) -> StoreWrite {
    StoreWrite::TargetFinished(Box::new(TargetResult {
        id,
        node: node(name),
        attempt: 1,
        outcome: outcome.clone(),
        started_at: Some(at(1)),
        finished_at: at(9),
        stdout: None,
        stderr: whole(stderr),
    }))
}

pub(crate) fn entry_of(id: ExecutionId, on: &str) -> NewJournalEntry {
    NewJournalEntry { execution_id: Some(id), user: Some("omar".into()), ..entry(&id.to_string(), on, 9) }
}

/// An execution on one node, from its beginning to its end.
pub(crate) async fn one_node(store: &Store, number: u8) {
    let id = id(number);
    store.create(numbered(number, "uptime", 1, "omar")).await.unwrap();
    store.append(&[StoreWrite::Started { id, at: at(0) }, start(id, "n0", 1)]).await.unwrap();
    let journal = StoreWrite::Journal { id, entry: Box::new(entry_of(id, "n0")) };
    store
        .append(&[result(id, "n0", NodeOutcome::Succeeded, b"up 3 days\n"), journal, events(id, 1..=2)])
        .await
        .unwrap();
    store.append(&[ended(id, &[NodeOutcome::Succeeded])]).await.unwrap();
}

/// One on three nodes, of which one fails and one cannot be reached.
pub(crate) async fn three_nodes(store: &Store, number: u8, user: &str) {
    let id = id(number);
    store.create(numbered(number, "false", 3, user)).await.unwrap();
    let starts = ["n0", "n1", "n2"].map(|name| start(id, name, 1));
    store.append(&[StoreWrite::Started { id, at: at(0) }]).await.unwrap();
    store.append(&starts).await.unwrap();
    let [good, exited, gone] = outcomes();
    store.append(&[result(id, "n0", good.clone(), b"ok\n")]).await.unwrap();
    store
        .append(&[failed_with(id, "n1", &exited, b"no\n"), failed_with(id, "n2", &gone, b"")])
        .await
        .unwrap();
    let entries =
        ["n0", "n1", "n2"].map(|name| StoreWrite::Journal { id, entry: Box::new(entry_of(id, name)) });
    store.append(&entries).await.unwrap();
    store.append(&[ended(id, &[good, exited, gone])]).await.unwrap();
}

pub(crate) fn outcomes() -> [NodeOutcome; 3] {
    let error = NodeError {
        node: node("n2"),
        code: ErrorCode::ConnectionRefused,
        message: "connection refused".into(),
        causes: Vec::new(),
        plugin: None,
    };
    [
        NodeOutcome::Succeeded,
        NodeOutcome::Exited { code: 3 },
        NodeOutcome::Unreachable { error, termination: None },
    ]
}

pub(crate) fn json_of(row: &Value, column: &str) -> Value {
    serde_json::from_str(row[column].as_str().unwrap()).unwrap()
}
