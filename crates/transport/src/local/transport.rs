//! [`LocalTransport`] and its sessions. There is no connection: a session is only a place to start from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::Action;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::host_key::HostKeyPolicy;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::Target;
use pabawi_domain::ports::{
    ConnectRequest, PoolStats, RunningAction, Session, SessionInfo, Transport, TransportError,
};
use pabawi_domain::preview::Approach;

use super::start;

/// Settings of [`LocalTransport`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalOptions {
    /// How long output is waited for after a command has ended, when a child of it keeps a pipe open.
    pub drain_grace: Duration,
    /// The limit for everything before the command itself starts, the change of user included.
    pub start_timeout: Duration,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self { drain_grace: Duration::from_millis(500), start_timeout: Duration::from_secs(30) }
    }
}

/// Runs actions on this machine. Cheap to clone; clones share their statistics.
#[derive(Debug, Clone, Default)]
pub struct LocalTransport {
    options: Arc<LocalOptions>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    closed: AtomicBool,
    in_use: AtomicU64,
    connects: AtomicU64,
}

/// Counts a session or an action as long as it lives.
#[derive(Debug)]
pub(super) struct Lease(Arc<State>);

impl Lease {
    fn new(state: &Arc<State>) -> Self {
        state.in_use.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(state))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.in_use.fetch_sub(1, Ordering::Relaxed);
    }
}

impl LocalTransport {
    /// A transport with these settings.
    pub fn new(options: LocalOptions) -> Self {
        Self { options: Arc::new(options), state: Arc::default() }
    }
}

#[async_trait]
impl Transport for LocalTransport {
    fn name(&self) -> &str {
        "local"
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Box<dyn Session>, TransportError> {
        let node = &request.target.node;
        if self.state.closed.load(Ordering::Acquire) {
            let message = "the local transport has been shut down";
            return Err(TransportError::before_start(node, ErrorCode::ShuttingDown, message));
        }
        self.state.connects.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(LocalSession {
            node: node.clone(),
            options: Arc::clone(&self.options),
            info: SessionInfo::default(),
            lease: Lease::new(&self.state),
        }))
    }

    async fn foresee(&self, targets: &[Target], _: Option<HostKeyPolicy>) -> Vec<Approach> {
        // Whatever an endpoint says, it is this machine.
        targets.iter().map(|_| Approach::default()).collect()
    }

    fn stats(&self) -> PoolStats {
        let in_use = self.state.in_use.load(Ordering::Relaxed);
        let connects = self.state.connects.load(Ordering::Relaxed);
        PoolStats { open: in_use, in_use, connects, ..PoolStats::default() }
    }

    async fn shutdown(&self) {
        // Nothing idles here, and what runs goes on to its end.
        self.state.closed.store(true, Ordering::Release);
    }
}

#[derive(Debug)]
struct LocalSession {
    node: NodeId,
    options: Arc<LocalOptions>,
    info: SessionInfo,
    lease: Lease,
}

#[async_trait]
impl Session for LocalSession {
    fn info(&self) -> &SessionInfo {
        &self.info
    }

    async fn start(self: Box<Self>, action: Arc<Action>) -> Result<Box<dyn RunningAction>, TransportError> {
        start::start(self.node, &self.options, self.lease, &action).await
    }
}
