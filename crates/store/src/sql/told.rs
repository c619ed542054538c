//! [`Told`]: what a caller tells of its writes, in events and entries of the journal. To encode it takes longer than all the
//! rest, and so it is done while the rest is being written.

use pabawi_domain::ports::StoreError;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::row::RowWrite;

/// What a caller tells of its writes.
#[derive(Debug)]
pub(crate) enum Told {
    Coming(oneshot::Receiver<Rows>),
    Here(Rows),
}

/// The rows of it, or why there are none.
type Rows = Result<Vec<RowWrite>, StoreError>;

impl Told {
    pub(crate) fn nothing() -> Self {
        Self::Here(Ok(Vec::new()))
    }

    /// Something that comes later, and the way for it. The writer waits for it within a transaction: whoever has the way must
    /// not wait for anything itself.
    pub(crate) fn later() -> (oneshot::Sender<Rows>, Self) {
        let (way, coming) = oneshot::channel();
        (way, Self::Coming(coming))
    }

    /// The rows, or why there are none, once that is known. They may be asked for again.
    pub(crate) async fn rows(&mut self) -> Result<&[RowWrite], StoreError> {
        if let Self::Coming(coming) = self {
            // A caller that has gone meanwhile was not told that anything is written.
            *self = Self::Here(coming.await.unwrap_or(Err(StoreError::Closed)));
        }
        match self {
            Self::Here(rows) => rows.as_deref().map_err(StoreError::clone),
            Self::Coming(_) => Ok(&[]),
        }
    }
}

/// Has another thread take up the task that was woken last. Tokio keeps it for the thread of the present task, which comes to
/// it only when that one waits (the LIFO slot of its scheduler, from which nobody steals); a newer task takes its place.
pub(crate) fn give_way() {
    if let Ok(runtime) = Handle::try_current() {
        drop(runtime.spawn(std::future::ready(())));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;
    use pabawi_domain::action::{Action, CommandAction};
    use pabawi_domain::id::{ExecutionId, NodeId};
    use pabawi_domain::node::{Endpoint, Target, TargetExpression};
    use pabawi_domain::ports::ExecutionStore as _;
    use pabawi_domain::record::{NewExecution, TargetQuery, TargetState};
    use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};

    use super::*;
    use crate::sqlite::{SqliteOptions, SqliteStore};

    fn started(id: ExecutionId, node: &str) -> Vec<RowWrite> {
        let node: NodeId = node.parse().unwrap();
        vec![RowWrite::AttemptStarted { id, node, attempt: 1, at: 1 }, RowWrite::Told { id }]
    }

    /// Of writes that share a transaction, one of which cannot be told, the others are written.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_cannot_be_told_is_not_written_and_holds_up_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(SqliteOptions::new(dir.path().join("store.db"))).await.unwrap();
        let id = ExecutionId::from(uuid::Uuid::now_v7());
        let target = |node: &str| Target::new(node.parse().unwrap(), Endpoint::default());
        let new = NewExecution {
            id,
            caller: Caller { user: "ada".into(), entry_point: EntryPoint::Cli },
            request: ExecutionRequest::new(
                Action::Command(CommandAction::new("true")),
                TargetExpression::new("all"),
            ),
            targets: ["a", "b", "c"].map(target).to_vec(),
            plugins: BTreeSet::new(),
            submitted_at: Timestamp::UNIX_EPOCH,
        };
        store.create(new).await.unwrap();
        let writer = store.writer();
        let bad = || Err(StoreError::Unavailable("cannot be encoded".to_owned()));
        let (a, b, c) = tokio::join!(
            writer.append(started(id, "a"), || Ok(Vec::new())),
            writer.append(started(id, "b"), bad),
            writer.append(started(id, "c"), || Ok(Vec::new())),
        );
        assert!(a.is_ok() && c.is_ok(), "{a:?}, {c:?}");
        assert!(b.unwrap_err().to_string().contains("cannot be encoded"));
        let targets = store.targets(id, &TargetQuery::default()).await.unwrap().items;
        let states: Vec<TargetState> = targets.iter().map(|target| target.state).collect();
        assert_eq!(states, [TargetState::Running, TargetState::Queued, TargetState::Running]);
        store.close().await;
    }

    #[tokio::test]
    async fn rows_can_be_asked_for_again_and_are_missed_when_their_caller_has_gone() {
        let id = ExecutionId::from(uuid::Uuid::nil());
        let (way, mut told) = Told::later();
        way.send(Ok(started(id, "a"))).unwrap();
        for _ in 0..2 {
            assert_eq!(told.rows().await.unwrap().len(), 2);
        }
        let (way, mut told) = Told::later();
        drop(way);
        for _ in 0..2 {
            assert!(matches!(told.rows().await, Err(StoreError::Closed)));
        }
    }
}
