//! Records for the tests of this folder.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::{ExecutionId, NodeId, PluginName};
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::output::{CapturedOutput, ContentHash, KeptOutput, OutputData};
use pabawi_domain::ports::{ExecutionStore, StoreWrite, TargetResult};
use pabawi_domain::record::{NewExecution, Page, TargetQuery, TargetRecord};
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_domain::summary::SummaryFold;
use pabawi_store::Store;
use sha2::{Digest, Sha256};

pub(crate) use crate::opened::open;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

pub(crate) fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

pub(crate) fn new_id() -> ExecutionId {
    ExecutionId::from(uuid::Uuid::now_v7())
}

/// An execution of `command` on nodes `n0`, `n1`, ...
pub(crate) fn execution(command: &str, targets: usize) -> NewExecution {
    NewExecution {
        id: new_id(),
        caller: Caller { user: "ada".into(), entry_point: EntryPoint::Cli },
        request: ExecutionRequest::new(
            Action::Command(CommandAction::new(command)),
            TargetExpression::new("n[0-99999]"),
        ),
        targets: (0..targets)
            .map(|number| Target::new(node(&format!("n{number}")), Endpoint::default()))
            .collect(),
        plugins: BTreeSet::from([PluginName::new("ssh").unwrap()]),
        submitted_at: Timestamp::now(),
    }
}

pub(crate) fn start(id: ExecutionId, name: &str, attempt: u32) -> StoreWrite {
    StoreWrite::AttemptStarted { id, node: node(name), attempt, at: at(i64::from(attempt)) }
}

pub(crate) fn result(id: ExecutionId, name: &str, outcome: NodeOutcome, stdout: &[u8]) -> StoreWrite {
    with_output(id, name, outcome, whole(stdout))
}

pub(crate) fn with_output(
    id: ExecutionId,
    name: &str,
    outcome: NodeOutcome,
    stdout: Option<CapturedOutput>,
) -> StoreWrite {
    StoreWrite::TargetFinished(Box::new(TargetResult {
        id,
        node: node(name),
        attempt: 1,
        outcome,
        started_at: Some(at(1)),
        finished_at: at(9),
        stdout,
        stderr: None,
    }))
}

pub(crate) fn hash(bytes: &[u8]) -> ContentHash {
    ContentHash(Sha256::digest(bytes).into())
}

pub(crate) fn whole(bytes: &[u8]) -> Option<CapturedOutput> {
    (!bytes.is_empty()).then(|| CapturedOutput {
        hash: hash(bytes),
        total_bytes: bytes.len() as u64,
        kept: KeptOutput::Whole(OutputData(Bytes::copy_from_slice(bytes))),
    })
}

/// Events with these numbers.
pub(crate) fn events(id: ExecutionId, seqs: impl IntoIterator<Item = u64>) -> StoreWrite {
    let event = |seq| {
        let kind = EventKind::NodeStarted { node: node("n0"), attempt: 1 };
        Arc::new(ExecutionEvent { execution_id: id, seq, at: at(3), kind })
    };
    StoreWrite::Events { id, events: seqs.into_iter().map(event).collect() }
}

pub(crate) fn finished(id: ExecutionId, succeeded: u64) -> StoreWrite {
    let mut fold = SummaryFold::new(succeeded);
    for _ in 0..succeeded {
        fold.start();
        fold.finish(&NodeOutcome::Succeeded, true);
    }
    StoreWrite::Finished { id, at: at(10), summary: Box::new(fold.summary(9000)) }
}

/// The numbers of all stored events, read in pages of `limit`.
pub(crate) async fn stored_events(store: &Store, id: ExecutionId, limit: u32) -> Vec<ExecutionEvent> {
    let (mut events, mut next) = (Vec::new(), 1);
    // Each page that has something reaches further.
    loop {
        let page = store.events(id, next, limit).await.unwrap();
        if page.events.is_empty() {
            return events;
        }
        next = page.next_seq;
        events.extend(page.events);
    }
}

pub(crate) async fn all_targets(store: &Store, id: ExecutionId) -> Vec<TargetRecord> {
    let query = TargetQuery { limit: Some(10_000), ..TargetQuery::default() };
    let page: Page<TargetRecord> = store.targets(id, &query).await.unwrap();
    assert!(page.next_cursor.is_none(), "the tests here stay below a page");
    page.items
}
