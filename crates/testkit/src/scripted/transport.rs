//! The port's implementation: finds a node's script and counts. Main type: [`ScriptedTransport`].

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::{Action, RunAs};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{
    ConnectRequest, DetachedName, PoolStats, Session, SessionInfo, Transport, TransportError,
};

use super::counts::{Counts, NodeCounts};
use super::running::ScriptedSession;
use super::script::NodeScript;

/// A transport that plays scripts. Cloning it gives the same transport.
#[derive(Debug, Clone)]
pub struct ScriptedTransport {
    name: String,
    scripts: Arc<HashMap<NodeId, Arc<NodeScript>>>,
    default: Arc<NodeScript>,
    latency: Option<(u64, Range<Duration>)>,
    counts: Arc<Counts>,
    closed: Arc<AtomicBool>,
}

impl Default for ScriptedTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl ScriptedTransport {
    /// A transport named `ssh` on which every node succeeds at once.
    #[must_use]
    pub fn new() -> Self {
        Self {
            name: "ssh".to_owned(),
            scripts: Arc::default(),
            default: Arc::default(),
            latency: None,
            counts: Arc::default(),
            closed: Arc::default(),
        }
    }

    /// The name by which endpoints choose it.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The script of every node that has none of its own.
    #[must_use]
    pub fn default_script(mut self, script: NodeScript) -> Self {
        self.default = Arc::new(script);
        self
    }

    /// The script of one node. Has to be given before the transport is used.
    #[must_use]
    pub fn node(mut self, node: &NodeId, script: NodeScript) -> Self {
        Arc::make_mut(&mut self.scripts).insert(node.clone(), Arc::new(script));
        self
    }

    /// Every action takes a time in this range before its first step, different for each node and start but the
    /// same in every run with the same seed.
    #[must_use]
    pub fn latency(mut self, seed: u64, range: Range<Duration>) -> Self {
        self.latency = Some((seed, range));
        self
    }

    /// What was asked of one node.
    #[must_use]
    pub fn counts(&self, node: &NodeId) -> NodeCounts {
        self.counts.node(node, |counts| counts.clone())
    }

    /// Every started action with its node, in order of the start.
    #[must_use]
    pub fn started(&self) -> Vec<(NodeId, Arc<Action>)> {
        self.counts.started()
    }

    /// Calls of connect on all nodes, failed ones included.
    #[must_use]
    pub fn connects(&self) -> u64 {
        self.counts.all_connects()
    }

    /// Actions that run now.
    #[must_use]
    pub fn running(&self) -> u64 {
        self.counts.running.now()
    }

    /// Most actions that ran at once.
    #[must_use]
    pub fn peak_running(&self) -> u64 {
        self.counts.running.peak()
    }

    /// Most connects that were in flight at once.
    #[must_use]
    pub fn peak_connecting(&self) -> u64 {
        self.counts.connecting.peak()
    }

    fn latency_of(&self, node: &NodeId, start: u64) -> Duration {
        let Some((seed, range)) = &self.latency else { return Duration::ZERO };
        let mut hash = *seed ^ start.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in node.as_str().bytes() {
            // FNV-1a: any hash will do that is the same in every run.
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let span = u64::try_from((range.end.saturating_sub(range.start)).as_micros()).unwrap_or(u64::MAX);
        range.start + Duration::from_micros((hash >> 16) % span.max(1))
    }

    async fn reach(
        &self,
        request: &ConnectRequest,
        script: &NodeScript,
        tries: u64,
    ) -> Result<(), TransportError> {
        let node = &request.target.node;
        if let Some(gate) = &script.connect_gate {
            gate.passed().await;
        }
        if script.connect_hangs {
            std::future::pending::<()>().await;
        }
        if !script.connect_delay.is_zero() {
            tokio::time::sleep(script.connect_delay).await;
        }
        match &script.connect_failures {
            Some(failures) if tries <= u64::from(failures.times) => {
                Err(TransportError::before_start(node, failures.code, "scripted failure of the connect"))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Transport for ScriptedTransport {
    fn name(&self) -> &str {
        &self.name
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Box<dyn Session>, TransportError> {
        let node = &request.target.node;
        if self.closed.load(Ordering::SeqCst) {
            return Err(TransportError::before_start(
                node,
                ErrorCode::ShuttingDown,
                "the transport is closed",
            ));
        }
        let mut script = Arc::clone(self.scripts.get(node).unwrap_or(&self.default));
        let (tries, starts) = self.counts.node(node, |counts| {
            counts.connects += 1;
            (counts.connects, counts.starts)
        });
        if script.then.is_some() {
            script = Arc::new(script.after(starts).clone());
        }
        let connecting = self.counts.hold(|counts| &counts.connecting);
        tokio::time::timeout(request.timeout, self.reach(request, &script, tries)).await.unwrap_or_else(
            |_| {
                Err(TransportError::before_start(
                    node,
                    ErrorCode::ConnectTimeout,
                    "scripted connect took too long",
                ))
            },
        )?;
        drop(connecting);
        self.counts.connected.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(ScriptedSession {
            node: node.clone(),
            info: SessionInfo { host_key: script.host_key.clone(), ..SessionInfo::default() },
            script,
            latency: self.latency_of(node, starts),
            held: self.counts.hold(|counts| &counts.sessions),
            counts: Arc::clone(&self.counts),
        }))
    }

    async fn forget(&self, request: &ConnectRequest, name: &DetachedName, _run_as: Option<&RunAs>) -> bool {
        let node = &request.target.node;
        let calls = self.counts.node(node, |counts| {
            counts.forgotten.push(name.clone());
            counts.forgotten.len()
        });
        let script = self.scripts.get(node).unwrap_or(&self.default);
        calls > usize::try_from(script.forget_failures).unwrap_or(usize::MAX)
    }

    fn stats(&self) -> PoolStats {
        let sessions = self.counts.sessions.now();
        PoolStats {
            open: sessions,
            in_use: sessions,
            connecting: self.counts.connecting.now(),
            connects: self.counts.connected.load(Ordering::SeqCst),
            ..PoolStats::default()
        }
    }

    async fn shutdown(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}
