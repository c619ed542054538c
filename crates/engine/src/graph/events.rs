//! [`GraphEvents`]: what happens in a graph run of this process, as it happens. A reader that is too slow is told how
//! much it has missed; the records have it.

use std::sync::Arc;

use pabawi_domain::id::ExecutionId;
use pabawi_domain::task::{GraphEvent, GraphEventKind};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Events that wait for a slow reader.
pub(super) const WAITING: usize = 4_096;

/// The events of one run from the moment of subscription on.
#[derive(Debug)]
pub struct GraphEvents {
    pub(super) run: ExecutionId,
    pub(super) receiver: Receiver<Arc<GraphEvent>>,
    /// The last event that was given.
    pub(super) last: Option<Arc<GraphEvent>>,
}

impl GraphEvents {
    /// The run.
    pub fn id(&self) -> ExecutionId {
        self.run
    }

    /// The next event; `None` after the end of the run, and when its process gives it up. May be dropped and called
    /// anew without loss.
    pub async fn next(&mut self) -> Option<Arc<GraphEvent>> {
        match self.receiver.recv().await {
            Ok(event) => {
                self.last = Some(Arc::clone(&event));
                Some(event)
            }
            Err(RecvError::Lagged(missed)) => {
                let (seq, at, counts) = self.last.as_ref().map_or_else(
                    || (1, jiff::Timestamp::UNIX_EPOCH, Default::default()),
                    |last| (last.seq + 1, last.at, last.counts),
                );
                let kind = GraphEventKind::Gap { missed };
                Some(Arc::new(GraphEvent { graph_id: self.run, seq, at, counts, kind }))
            }
            Err(RecvError::Closed) => None,
        }
    }
}
