//! The call of a plugin for all nodes of a run, and whether its answer can be used: [`Start`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::ports::{PluginError, PluginRun, RunningAction, TerminateMode};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::desk::{Note, Waiter};
use super::fault::Fault;
use super::node_action::abandon;
use super::tool_run::{Place, RunCounts, ToolRun};
use crate::host::guard::{Broke, guarded};
use crate::host::instance::RunGuard;
use crate::host::slot::Slot;
use crate::together;

/// Most names that a message lists.
const NAMED: usize = 5;
/// So long an action that nobody wants is given to end.
const UNWANTED: Duration = Duration::from_secs(10);

type Running = Vec<(NodeId, Box<dyn RunningAction>)>;

/// Nodes that are to become one run.
pub(super) struct Start {
    pub(super) slot: Arc<Slot>,
    pub(super) waiters: Vec<Waiter>,
    pub(super) counts: Arc<RunCounts>,
    pub(super) desk: mpsc::UnboundedSender<Note>,
}

impl Start {
    /// Calls the plugin and gives every node its part, or the fault. Bounded in time.
    pub(super) async fn run(self) {
        let Self { slot, waiters, counts, desk } = self;
        let Some(first) = waiters.first() else { return };
        let guard = match slot.enter() {
            Ok(guard) => guard,
            Err(why) => {
                let fault = Fault::new(slot.name(), why);
                return refuse(waiters, |node| fault.on(node, false), &desk);
            }
        };
        let (kind, plugin) = (first.action.kind(), guard.plugin().clone());
        let limit = guard.limit_of(kind);
        let deadline = limit.and_then(|limit| Some((Instant::now().checked_add(limit)?, limit)));
        let ends_single_nodes = guard.ends_single_nodes(kind);
        let request = PluginRun {
            execution_id: first.execution.id,
            correlation_id: first.execution.correlation_id.clone(),
            action: Arc::clone(&first.action),
            targets: waiters.iter().map(|waiter| waiter.target.clone()).collect(),
        };
        let patience = slot.start_limit();
        let answer = call(&guard, request, patience).await;
        let answer = match answer {
            Ok(running) => matched(&plugin, &waiters, running).await,
            Err(fault) => Err(fault),
        };
        let run = ToolRun::new(guard, waiters.len(), deadline, ends_single_nodes, &counts);
        match answer {
            Ok(mut running) => {
                for waiter in waiters {
                    let place = Place::new(&run, waiter.execution.id, &desk);
                    let Some(action) = running.remove(&waiter.target.node) else { continue };
                    if let Err(Ok((action, place))) = waiter.answer.send(Ok((action, place))) {
                        // Nobody waited for the end of the start.
                        tokio::spawn(abandon(action, place).in_current_span());
                    }
                }
            }
            Err(fault) => {
                let fault = fault.without_secrets(waiters.first().map(|waiter| &*waiter.action));
                let execution_id = waiters.first().map(|waiter| waiter.execution.id);
                tracing::error!(?execution_id, %plugin, nodes = waiters.len(), fault = %fault.message,
                    stack = fault.stack.as_deref(), "plugin failed");
                refuse(waiters, |node| fault.on(node, true), &desk);
            }
        }
    }
}

fn refuse(
    waiters: Vec<Waiter>,
    why: impl Fn(&NodeId) -> pabawi_domain::ports::TransportError,
    desk: &mpsc::UnboundedSender<Note>,
) {
    for waiter in waiters {
        let error = why(&waiter.target.node);
        // Whoever has gone away needs no answer; a desk that is gone counts no longer.
        let _ = waiter.answer.send(Err(error));
        let _ = desk.send(Note::Ended(waiter.execution.id));
    }
}

async fn call(guard: &RunGuard, request: PluginRun, patience: Duration) -> Result<Running, Fault> {
    let name = guard.plugin();
    match guarded(async { guard.tool().run(request).await }, patience).await {
        Ok(Ok(running)) => Ok(running),
        // Whatever name it gives itself.
        Ok(Err(error)) => Err(PluginError { plugin: name.clone(), ..error }.into()),
        Err(Broke::Panicked(panic)) => {
            Err(Fault::panicked(name, "panicked when the tool was to be started", panic))
        }
        Err(Broke::Late(patience)) => {
            let ms = patience.as_millis();
            Err(Fault::new(name, format!("did not start the tool within {ms} ms")))
        }
    }
}

/// The actions by node. An answer that does not fit cannot be told apart from one for other nodes, so all of it is ended.
async fn matched(
    plugin: &PluginName,
    waiters: &[Waiter],
    running: Running,
) -> Result<HashMap<NodeId, Box<dyn RunningAction>>, Fault> {
    let answered = running.len();
    let mut by_node = HashMap::with_capacity(answered);
    let mut unwanted = Vec::new();
    let mut wrong = Vec::new();
    let asked: std::collections::HashSet<&NodeId> =
        waiters.iter().map(|waiter| &waiter.target.node).collect();
    for (node, action) in running {
        if asked.contains(&node) && !by_node.contains_key(&node) {
            by_node.insert(node, action);
        } else {
            wrong.push(node);
            unwanted.push(action);
        }
    }
    let missing: Vec<&NodeId> = asked.iter().copied().filter(|node| !by_node.contains_key(*node)).collect();
    if missing.is_empty() && wrong.is_empty() {
        return Ok(by_node);
    }
    let mut text = format!("answered for {answered} nodes where {} were asked for", asked.len());
    for (what, nodes) in [("missing", missing), ("not asked for, or twice", wrong.iter().collect())] {
        if !nodes.is_empty() {
            let names: Vec<&str> = nodes.iter().take(NAMED).map(|node| node.as_str()).collect();
            let more = if nodes.len() > NAMED { ", ..." } else { "" };
            text.push_str(&format!("; {what}: {}{more}", names.join(", ")));
        }
    }
    text.push_str("; what it had started was ended");
    unwanted.extend(by_node.into_values());
    let mut ending = tokio::task::JoinSet::new();
    for action in unwanted {
        ending.spawn(end(action).in_current_span());
    }
    // Each is bounded in time.
    together::all(ending).await;
    Err(Fault::new(plugin, text))
}

/// Ends an action that nobody wants.
async fn end(mut action: Box<dyn RunningAction>) {
    // What comes of it is nobody's business: the node has its outcome.
    let _ = guarded(async move { action.terminate(TerminateMode::Kill).await }, UNWANTED).await;
}
