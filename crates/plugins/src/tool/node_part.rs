//! What the engine reads of one node: [`NodePart`], fed by the task that reads the tool.

use async_trait::async_trait;
use bytes::Bytes;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{ActionEnd, ActionEvent, RunningAction, TerminateMode};
use tokio::sync::{mpsc, oneshot};

use super::delivery::{Last, STALL};
use super::fault::fault;

/// A node wants the tool to be ended.
pub(super) struct Order {
    pub(super) node: NodeId,
    pub(super) mode: TerminateMode,
    pub(super) answer: oneshot::Sender<Termination>,
}

/// One node of a run.
pub(super) struct NodePart {
    pub(super) plugin: PluginName,
    pub(super) node: NodeId,
    pub(super) output: mpsc::Receiver<(StreamKind, Bytes)>,
    /// Comes when `output` has ended.
    pub(super) last: oneshot::Receiver<Last>,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) over: Option<ActionEnd>,
}

impl NodePart {
    fn lost(&self) -> ActionEnd {
        let text = format!("the task of plugin {} that read its tool is gone", self.plugin);
        fault(&self.plugin, &self.node, &text, "", None)
    }
}

#[async_trait]
impl RunningAction for NodePart {
    async fn next(&mut self) -> ActionEvent {
        if let Some(end) = &self.over {
            return ActionEvent::Ended(end.clone());
        }
        if let Some((stream, data)) = self.output.recv().await {
            return ActionEvent::Output { stream, data };
        }
        match (&mut self.last).await {
            Ok(Last { end, is_cut: false }) => {
                self.over = Some(end.clone());
                ActionEvent::Ended(end)
            }
            Ok(Last { end, is_cut: true }) => {
                self.over = Some(end);
                let secs = STALL.as_secs();
                let mark = format!("\n[pabawi: output is missing here, since nobody read it for {secs} s]\n");
                ActionEvent::Output { stream: StreamKind::Stderr, data: mark.into() }
            }
            Err(_) => {
                let end = self.lost();
                self.over = Some(end.clone());
                ActionEvent::Ended(end)
            }
        }
    }

    async fn terminate(&mut self, mode: TerminateMode) -> Termination {
        // What is unread is discarded, and the tool is not to wait for it.
        self.output.close();
        while self.output.try_recv().is_ok() {}
        let (answer, answered) = oneshot::channel();
        let order = Order { node: self.node.clone(), mode, answer };
        let gone = || Termination::Unconfirmed {
            why: format!("the task of plugin {} that read its tool is gone", self.plugin),
        };
        if self.orders.send(order).await.is_err() {
            return gone();
        }
        answered.await.unwrap_or_else(|_| gone())
    }
}
