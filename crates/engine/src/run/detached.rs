//! The names by which detached commands are found again: [`DetachedNames`]. A command that an execution goes on with
//! keeps the name that it was started under, whatever attempt it is followed with, so that it is never run a second time.

use std::collections::HashMap;

use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::ports::{ConnectRequest, DetachedName, RunningAction, Transport};
use pabawi_domain::request::ExecutionRequest;
use tokio::sync::oneshot;

use super::context::RunContext;
use crate::emit::Message;

/// How the detached commands of one execution are named.
#[derive(Debug)]
pub(crate) struct DetachedNames {
    execution: ExecutionId,
    /// Started for an earlier execution.
    earlier: HashMap<NodeId, (ExecutionId, u32)>,
}

impl DetachedNames {
    /// The names for a request whose command is detached.
    pub(crate) fn of(execution: ExecutionId, request: &ExecutionRequest) -> Option<Self> {
        request.action.process().filter(|process| process.detach)?;
        let groups = request.attach.iter();
        let earlier = groups.flat_map(|group| {
            group.nodes.iter().map(|node| (node.clone(), (group.execution, group.attempt)))
        });
        Some(Self { execution, earlier: earlier.collect() })
    }

    /// The name of an attempt.
    pub(crate) fn name(&self, node: &NodeId, attempt: u32) -> DetachedName {
        let earlier = self.earlier.get(node).copied();
        let (execution, attempt) = earlier.unwrap_or((self.execution, attempt));
        DetachedName { execution, node: node.clone(), attempt, may_exist: earlier.is_some() }
    }
}

/// Lets the node forget a detached action, with `is_result` when the result that was told to the hub is stored. Without
/// that, a crash between the two would lose the result, and the action would pass for one that was never started.
pub(super) async fn settle(
    context: &RunContext,
    kept: Option<(DetachedName, Box<dyn RunningAction>)>,
    is_result: bool,
) {
    let Some((name, mut running)) = kept else { return };
    if is_result {
        let (durable, is_durable) = oneshot::channel();
        // A hub that is gone has stored nothing.
        if context.hub.send(Message::WhenStored { durable }).await.is_err() || is_durable.await.is_err() {
            return;
        }
    }
    if !running.settle().await {
        context.unsettled.add(name);
    } else if is_result {
        let _ = context.hub.send(Message::Settled { name: Box::new(name) }).await;
    }
}

/// Lets the node, which was reached, forget what earlier processes have left there.
pub(super) async fn settle_left(context: &RunContext, transport: &dyn Transport, request: &ConnectRequest) {
    for name in context.unsettled.settle(transport, request, &context.action).await {
        // A hub that is gone has told so itself; it is forgotten once more then.
        let _ = context.hub.send(Message::Settled { name: Box::new(name) }).await;
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use pabawi_domain::action::{Action, CommandAction};
    use pabawi_domain::node::TargetExpression;
    use pabawi_domain::request::Attach;

    use super::*;

    #[test]
    fn what_was_started_before_keeps_its_name() {
        let (old, new) = (ExecutionId::from_parts(1, [1; 10]), ExecutionId::from_parts(2, [2; 10]));
        let [web1, web2] = ["web1", "web2"].map(|name| NodeId::new(name).unwrap());
        let mut request =
            ExecutionRequest::new(Action::Command(CommandAction::new("true")), TargetExpression::new("web1"));
        assert!(DetachedNames::of(new, &request).is_none());
        request.action.process_mut().unwrap().detach = true;
        request.attach = vec![Attach {
            execution: old,
            attempt: 3,
            nodes: vec![web1.clone()],
            started_at: Timestamp::UNIX_EPOCH,
        }];
        let names = DetachedNames::of(new, &request).unwrap();
        for attempt in [1, 2] {
            let name = names.name(&web1, attempt);
            assert_eq!((name.execution, name.attempt, name.may_exist), (old, 3, true));
            let name = names.name(&web2, attempt);
            assert_eq!((name.execution, name.attempt, name.may_exist), (new, attempt, false));
        }
    }
}
