//! Where the time of an execution went: [`Engine::explain_slow`], folded from its stored events into a [`SlowReport`].

use std::collections::HashMap;

use jiff::Timestamp;
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::phases::micros_between;
use pabawi_domain::request::Caller;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::subscribe::SubscriptionMode;

/// Events that are read at once.
const BATCH: usize = 1000;

/// A part of a node's time, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SlowPhase {
    /// Waiting for its turn: concurrency, waves and their pauses, earlier attempts and the waits between them.
    Queue,
    /// Waiting for a permit to connect.
    ConnectWait,
    /// Name resolution.
    Dns,
    /// TCP connection.
    Tcp,
    /// Banner and key exchange.
    KeyExchange,
    /// Authentication.
    Authentication,
    /// Opening a channel and starting the action.
    Start,
    /// From the start to the first byte of output, or to the end where there was none.
    FirstByte,
    /// From the first byte of output to the end.
    Run,
    /// From the end until its output was told and kept.
    Drain,
    /// All else: waiting for the authorizer, the store and this machine.
    Other,
}

impl SlowPhase {
    /// All of them, in their order.
    pub const ALL: [Self; 11] = [
        Self::Queue,
        Self::ConnectWait,
        Self::Dns,
        Self::Tcp,
        Self::KeyExchange,
        Self::Authentication,
        Self::Start,
        Self::FirstByte,
        Self::Run,
        Self::Drain,
        Self::Other,
    ];

    /// What a person reads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::ConnectWait => "connect wait",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::KeyExchange => "key exchange",
            Self::Authentication => "authentication",
            Self::Start => "start",
            Self::FirstByte => "first byte",
            Self::Run => "run",
            Self::Drain => "drain",
            Self::Other => "other",
        }
    }
}

/// Where the time of an execution went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlowReport {
    /// From its start to its end, in microseconds; absent while it runs.
    pub wall_us: Option<u64>,
    /// Nodes that have ended.
    pub nodes: u64,
    /// Each phase over all nodes that have ended, in the order of [`SlowPhase::ALL`].
    pub phases: Vec<PhaseTimes>,
    /// The nodes that took longest, the longest first.
    pub slowest: Vec<SlowNode>,
}

/// One phase over all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhaseTimes {
    /// Which one.
    pub phase: SlowPhase,
    /// Half of the nodes took at most so long, in microseconds.
    pub median_us: u64,
    /// 95 of 100 nodes took at most so long, in microseconds.
    pub p95_us: u64,
    /// The longest, in microseconds.
    pub max_us: u64,
    /// Its part of the time of all nodes together, from 0 to 1.
    pub share: f64,
}

/// A node and where its time went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlowNode {
    /// The node.
    pub node: NodeId,
    /// How it ended.
    pub result: NodeOutcome,
    /// Its attempts.
    pub attempts: u32,
    /// From the start of the execution to its end, in microseconds.
    pub total_us: u64,
    /// In the order of [`SlowPhase::ALL`], in microseconds.
    pub phases: Vec<u64>,
}

impl SlowNode {
    /// The phase that took longest.
    pub fn longest(&self) -> Option<(SlowPhase, u64)> {
        SlowPhase::ALL.into_iter().zip(self.phases.iter().copied()).max_by_key(|(_, us)| *us)
    }
}

impl Engine {
    /// Where the time of an execution went, with the `most` nodes that took longest. Of one that runs, as far as it is.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn explain_slow(
        &self,
        caller: &Caller,
        id: ExecutionId,
        most: usize,
    ) -> Result<SlowReport, EngineError> {
        let ends_at = self.status(caller, id).await?.status.is_final();
        let mut events = self.events(caller, id, 1, SubscriptionMode::GapWhenSlow).await?;
        let mut fold = Fold::default();
        // Ends with the stream, or with what there is of an execution that runs.
        loop {
            let next = events.next_batch(BATCH);
            let batch = match ends_at {
                true => next.await?,
                false => match tokio::time::timeout(self.limits().follow_poll, next).await {
                    Ok(batch) => batch?,
                    Err(_) => None,
                },
            };
            let Some(batch) = batch else { break };
            batch.iter().for_each(|event| fold.take(event));
        }
        Ok(fold.report(most))
    }
}

/// What has been seen so far.
#[derive(Default)]
struct Fold {
    started: Option<Timestamp>,
    finished: Option<Timestamp>,
    running: HashMap<NodeId, Begun>,
    nodes: Vec<SlowNode>,
}

/// A node that has begun.
#[derive(Default)]
struct Begun {
    at: Option<Timestamp>,
    connect: [u64; 5],
}

impl Fold {
    fn take(&mut self, event: &ExecutionEvent) {
        match &event.kind {
            EventKind::Started => self.started = Some(event.at),
            EventKind::NodeStarted { node, .. } => {
                let begun = Begun { at: Some(event.at), ..Begun::default() };
                self.running.insert(node.clone(), begun);
            }
            EventKind::NodeConnected { node, phases, .. } => {
                self.running.entry(node.clone()).or_default().connect = phases.parts().map(|(_, us)| us);
            }
            EventKind::NodeFinished { node, attempt, result, phases, .. } => {
                let begun = self.running.remove(node).unwrap_or_default();
                let total = self.started.map_or(0, |start| micros_between(start, event.at));
                let queue = match (self.started, begun.at) {
                    (Some(start), Some(at)) => micros_between(start, at),
                    // It was never begun: all of it was waiting.
                    _ => total,
                };
                let run = phases.unwrap_or_default().parts().map(|(_, us)| us);
                // In the order of [`SlowPhase::ALL`].
                let mut phases: Vec<u64> = [queue].into_iter().chain(begun.connect).chain(run).collect();
                let known = phases.iter().fold(0, |sum: u64, us| sum.saturating_add(*us));
                phases.push(total.saturating_sub(known));
                let (node, result) = (node.clone(), result.clone());
                self.nodes.push(SlowNode { node, result, attempts: *attempt, total_us: total, phases });
            }
            EventKind::Finished { .. } => self.finished = Some(event.at),
            _ => {}
        }
    }

    fn report(mut self, most: usize) -> SlowReport {
        let all: u64 = self.nodes.iter().flat_map(|node| &node.phases).sum();
        let phases = SlowPhase::ALL.into_iter().enumerate().map(|(place, phase)| {
            let mut times: Vec<u64> =
                self.nodes.iter().filter_map(|node| node.phases.get(place).copied()).collect();
            times.sort_unstable();
            let at = |percent: usize| {
                let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
                times.get(place).copied().unwrap_or_default()
            };
            let sum: u64 = times.iter().sum();
            let share = if all == 0 { 0.0 } else { sum as f64 / all as f64 };
            PhaseTimes { phase, median_us: at(50), p95_us: at(95), max_us: at(100), share }
        });
        let phases = phases.collect();
        self.nodes.sort_by(|a, b| b.total_us.cmp(&a.total_us).then_with(|| a.node.cmp(&b.node)));
        let nodes = self.nodes.len() as u64;
        self.nodes.truncate(most);
        let wall_us = self.started.zip(self.finished).map(|(start, end)| micros_between(start, end));
        SlowReport { wall_us, nodes, phases, slowest: self.nodes }
    }
}
