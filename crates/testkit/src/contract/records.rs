//! Records to be stored by a store under test. Main type: [`StoreSubject`]. Everything here is made up and the
//! same in every run.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::{ExecutionId, NodeId, PluginName};
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::output::{CapturedOutput, ContentHash, KeptOutput, OutputData};
use pabawi_domain::ports::{Created, ExecutionStore, StoreError, StoreWrite, TargetResult};
use pabawi_domain::record::NewExecution;
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_domain::summary::SummaryFold;
use sha2::{Digest, Sha256};

/// An empty store.
pub struct StoreSubject {
    /// The store.
    pub store: Arc<dyn ExecutionStore>,
    // A directory or server that has to live as long as the store.
    _keep: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for StoreSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreSubject")
    }
}

impl StoreSubject {
    /// A subject; `keep` is dropped after the store.
    pub fn new(store: Arc<dyn ExecutionStore>, keep: impl Any + Send + Sync) -> Self {
        Self { store, _keep: Box::new(keep) }
    }

    /// Stores a new execution and fails the test when it exists already.
    pub(super) async fn created(&self, execution: &NewExecution) {
        let created = good("create", self.store.create(execution.clone()).await);
        assert_eq!(created, Created::New);
    }

    pub(super) async fn append(&self, writes: &[StoreWrite]) {
        good("append", self.store.append(writes).await);
    }

    /// Brings an execution to its end: each node gets the outcome and the output on stdout.
    pub(super) async fn finished(&self, execution: &NewExecution, ends: &[(NodeOutcome, &[u8])]) {
        let id = execution.id;
        let mut fold = SummaryFold::new(u64::try_from(execution.targets.len()).unwrap_or(0));
        let mut writes = vec![StoreWrite::Started { id, at: at(10) }];
        for (target, (outcome, stdout)) in execution.targets.iter().zip(ends) {
            fold.start();
            fold.finish(outcome, true);
            writes.push(attempt(id, &target.node));
            writes.push(result(id, &target.node, outcome.clone(), whole(stdout)));
        }
        writes.push(StoreWrite::Finished { id, at: at(30), summary: Box::new(fold.summary(20_000)) });
        self.append(&writes).await;
    }
}

/// What a store returns when it does its job; a failure fails the test.
#[expect(clippy::panic, reason = "a contract fails by panicking, and this error has to be seen")]
pub(super) fn good<T>(what: &str, result: Result<T, StoreError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the store can {what}: {error}"),
    }
}

/// So many seconds after the beginning of 2026, UTC.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The id of the `number`-th execution; later ones sort after earlier ones.
pub(super) fn id(number: u8) -> ExecutionId {
    let millis = at(i64::from(number)).duration_since(Timestamp::UNIX_EPOCH).as_millis();
    ExecutionId::from_parts(u64::try_from(millis).unwrap_or(0), [number; 10])
}

/// A good node name.
#[expect(clippy::panic, reason = "a contract's own names are good")]
pub(super) fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap_or_else(|error| panic!("{error}"))
}

/// Good names of plugins.
#[expect(clippy::panic, reason = "a contract's own names are good")]
pub(super) fn plugins(names: &[&str]) -> BTreeSet<PluginName> {
    names.iter().map(|name| PluginName::new(name).unwrap_or_else(|error| panic!("{error}"))).collect()
}

/// An execution of a command by a user on nodes, submitted `number` seconds after the beginning.
pub(super) fn execution(number: u8, user: &str, command: &str, nodes: &[&str]) -> NewExecution {
    let action = Action::Command(CommandAction::new(command));
    NewExecution {
        id: id(number),
        caller: Caller { user: user.to_owned(), entry_point: EntryPoint::Rust },
        request: ExecutionRequest {
            tags: BTreeSet::new(),
            ..ExecutionRequest::new(action, TargetExpression::new(nodes.join(",")))
        },
        targets: nodes.iter().map(|name| Target::new(node(name), Endpoint::default())).collect(),
        plugins: plugins(&["ssh"]),
        submitted_at: at(i64::from(number)),
    }
}

pub(super) fn attempt(id: ExecutionId, node: &NodeId) -> StoreWrite {
    StoreWrite::AttemptStarted { id, node: node.clone(), attempt: 1, at: at(11) }
}

pub(super) fn result(
    id: ExecutionId,
    node: &NodeId,
    outcome: NodeOutcome,
    stdout: Option<CapturedOutput>,
) -> StoreWrite {
    StoreWrite::TargetFinished(Box::new(TargetResult {
        id,
        node: node.clone(),
        attempt: 1,
        outcome,
        started_at: Some(at(11)),
        finished_at: at(12),
        stdout,
        stderr: None,
    }))
}

pub(super) fn hash(bytes: &[u8]) -> ContentHash {
    ContentHash(Sha256::digest(bytes).into())
}

/// A complete output; none for no bytes.
pub(super) fn whole(bytes: &[u8]) -> Option<CapturedOutput> {
    (!bytes.is_empty()).then(|| CapturedOutput {
        hash: hash(bytes),
        total_bytes: u64::try_from(bytes.len()).unwrap_or(0),
        kept: KeptOutput::Whole(OutputData(Bytes::copy_from_slice(bytes))),
    })
}

pub(super) fn event(id: ExecutionId, seq: u64) -> Arc<ExecutionEvent> {
    let at =
        at(20).checked_add(SignedDuration::from_millis(i64::try_from(seq).unwrap_or(0))).unwrap_or(at(20));
    let kind = EventKind::NodeStarted { node: node("web1"), attempt: u32::try_from(seq).unwrap_or(0) };
    Arc::new(ExecutionEvent { execution_id: id, seq, at, kind })
}
