//! The port: [`SshTransport`].

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::{Action, RunAs};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::host_key::HostKeyPolicy;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::Target;
use pabawi_domain::ports::{
    ConnectRequest, DETACHED_KEPT, DetachedName, PoolStats, RunningAction, Session, SessionInfo, Transport,
    TransportError,
};
use pabawi_domain::preview::Approach;

use super::connect::Dialer;
use super::foresee::foresee;
use super::pool::{Lease, Pool, Purpose, Wanted};
use super::process::{
    Detach, Detached, Job, LaunchError, Launched, Limits, Process, Spool, Surroundings, prepare, spool_name,
};
use super::settings::SshSettings;
use crate::known_hosts::KnownHostsCache;
use crate::ssh_config::SshConfig;

/// Attempts to find a connection that takes the command, before anything has started. Each refusal teaches the pool
/// that one connection takes one command less; with a few connections of four commands each and a small `MaxSessions`
/// the same command can meet several of these lessons.
const LAUNCHES: usize = 16;
/// How long in-use connections may take to end at a shutdown.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// Seconds in a day.
const DAY: u64 = 24 * 60 * 60;

/// Nodes over SSH. Connections are pooled; cloning shares the pool. Needs a tokio runtime.
#[derive(Debug, Clone)]
pub struct SshTransport {
    pool: Pool,
    /// Those that count now. What has begun goes on by those that it began with.
    settings: Arc<RwLock<Arc<SshSettings>>>,
    known_hosts: KnownHostsCache,
}

impl SshTransport {
    /// A transport without connections.
    pub fn new(settings: SshSettings) -> Self {
        let dialer = Dialer::new(settings.passphrase.clone());
        let known_hosts = dialer.known_hosts();
        let pool = Pool::new(settings.pool.clone(), dialer, settings.keepalive);
        Self { pool, settings: Arc::new(RwLock::new(Arc::new(settings))), known_hosts }
    }

    /// Nodes are reached by this configuration from now on. What runs goes on as it was begun, connections to which nothing has
    /// changed are used further, and the limits of the pool hold for all of them together.
    pub fn use_config(&self, config: Arc<SshConfig>) {
        let mut settings = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        *settings = Arc::new(SshSettings { config, ..(**settings).clone() });
    }

    fn settings(&self) -> Arc<SshSettings> {
        // Nothing in here can panic half way, so a poisoned lock holds whole settings.
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn wanted(&self, request: &ConnectRequest) -> Result<Wanted, TransportError> {
        let route = self.settings().route(&request.target, request.host_keys)?;
        // ssh_config may ask for less time than the request allows.
        let configured = route.hops.last().and_then(|hop| hop.settings.connect_timeout);
        let timeout = configured.map_or(request.timeout, |configured| configured.min(request.timeout));
        Ok(Wanted::new(&request.target.node, Arc::new(route), timeout))
    }

    /// What a process on a node needs beside what was launched.
    fn surroundings(&self, node: NodeId, wanted: Wanted) -> Surroundings {
        let settings = self.settings();
        Surroundings {
            node,
            wanted,
            pool: self.pool.clone(),
            drain_grace: settings.drain_grace,
            request_timeout: settings.request_timeout,
        }
    }
}

#[async_trait]
impl Transport for SshTransport {
    fn name(&self) -> &str {
        "ssh"
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Box<dyn Session>, TransportError> {
        let wanted = self.wanted(request)?;
        let lease = self.pool.acquire(&wanted, Purpose::Command).await?;
        Ok(Box::new(SshSession::new(self.clone(), request.target.node.clone(), wanted, lease)))
    }

    async fn forget(&self, request: &ConnectRequest, name: &DetachedName, run_as: Option<&RunAs>) -> bool {
        let Ok(wanted) = self.wanted(request) else { return false };
        let around = self.surroundings(request.target.node.clone(), wanted);
        Spool::of(around, spool_name(name), run_as.cloned()).remove().await
    }

    async fn foresee(&self, targets: &[Target], host_keys: Option<HostKeyPolicy>) -> Vec<Approach> {
        let (settings, cache) = (self.settings(), self.known_hosts.clone());
        foresee(settings, cache, targets, host_keys).await
    }

    fn stats(&self) -> PoolStats {
        self.pool.stats()
    }

    async fn shutdown(&self) {
        self.pool.close();
        let limit = tokio::time::Instant::now() + SHUTDOWN;
        // Connections in use end with their action; waiting for the idle ones is a matter of a goodbye.
        while self.pool.stats().idle > 0 && tokio::time::Instant::now() < limit {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A lease on a connection, good for one action.
struct SshSession {
    transport: SshTransport,
    node: NodeId,
    wanted: Wanted,
    lease: Lease,
    info: SessionInfo,
}

impl SshSession {
    fn new(transport: SshTransport, node: NodeId, wanted: Wanted, lease: Lease) -> Self {
        let info = SessionInfo {
            host_key: Some(lease.host_key().clone()),
            reused: lease.reused,
            phases: lease.phases,
        };
        Self { transport, node, wanted, lease, info }
    }

    async fn run(self, job: Job) -> Result<Box<dyn RunningAction>, TransportError> {
        let (around, lease, launched) = self.launch(&job).await?;
        Ok(Box::new(Process::new(around, job, lease, launched)))
    }

    fn surroundings(&self) -> Surroundings {
        self.transport.surroundings(self.node.clone(), self.wanted.clone())
    }

    async fn launch(self, job: &Job) -> Result<(Surroundings, Lease, Launched), TransportError> {
        let around = self.surroundings();
        let Self { transport, node, wanted, mut lease, .. } = self;
        let timeout = transport.settings().request_timeout;
        let mut replaced = false;
        let mut launches = 1;
        // At most `LAUNCHES` turns. Nothing has started on the node when a launch fails, so that another connection
        // may be tried: once when the one that was leased has turned out to be dead, and when the node gives no
        // further session on one that carries others.
        let launched = loop {
            let fresh = match job.launch(&node, &lease, timeout).await {
                Ok(launched) => break launched,
                Err(LaunchError::Dead(_)) if lease.reused && !replaced => true,
                Err(LaunchError::Full(_)) if launches < LAUNCHES => false,
                Err(error) => return Err(error.into_inner()),
            };
            replaced |= fresh;
            launches += 1;
            drop(lease);
            lease = match fresh {
                true => transport.pool.acquire_fresh(&wanted, Purpose::Command).await?,
                false => transport.pool.acquire(&wanted, Purpose::Command).await?,
            };
        };
        Ok((around, lease, launched))
    }
}

#[async_trait]
impl Session for SshSession {
    fn info(&self) -> &SessionInfo {
        &self.info
    }

    async fn start(self: Box<Self>, action: Arc<Action>) -> Result<Box<dyn RunningAction>, TransportError> {
        if let Some(job) = prepare(&action, None) {
            return (*self).run(job).await;
        }
        match action.as_ref() {
            Action::Upload(_) | Action::Download(_) => {
                let Self { transport, node, wanted, .. } = *self;
                let dialed = transport.pool.dial(&wanted).await?;
                let limit = transport.settings().request_timeout;
                let session = dialed.connection.into_blocking(limit).map_err(|error| {
                    TransportError::before_start(
                        &node,
                        ErrorCode::Internal,
                        format!("the connection cannot be used for a copy: {error}"),
                    )
                })?;
                super::copy::start(node, session, action)
            }
            other => Err(TransportError::before_start(
                &self.node,
                ErrorCode::Unsupported,
                format!("the SSH transport cannot do a {}; a plugin has to", other.kind()),
            )),
        }
    }

    async fn start_detached(
        self: Box<Self>,
        action: Arc<Action>,
        name: DetachedName,
    ) -> Result<Box<dyn RunningAction>, TransportError> {
        let settings = self.transport.settings();
        let detach = Detach {
            name: spool_name(&name),
            limit: settings.spool_limit,
            days: settings.spool_keep.max(DETACHED_KEPT).as_secs().div_ceil(DAY),
        };
        let limits = Limits { reattach: settings.reattach_limit, spool_bytes: settings.spool_limit };
        let unsupported =
            |what: String| TransportError::before_start(&self.node, ErrorCode::Unsupported, what);
        let job = prepare(&action, Some(&detach))
            .ok_or_else(|| unsupported(format!("a {} cannot be detached", action.kind())))?;
        if job.needs_terminal() {
            let text = "doas asks for its password on a terminal, which a detached command cannot have";
            return Err(unsupported(text.to_owned()));
        }
        if name.may_exist {
            let around = self.surroundings();
            return Ok(Box::new(Detached::new(around, detach.name, job, self.lease, None, limits)));
        }
        let (around, lease, launched) = self.launch(&job).await?;
        Ok(Box::new(Detached::new(around, detach.name, job, lease, Some(launched), limits)))
    }
}

#[cfg(test)]
mod tests {
    use pabawi_domain::node::Endpoint;

    use super::*;

    /// Both handles are of one transport, with one pool.
    #[tokio::test]
    async fn another_configuration_counts_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let transport = SshTransport::new(SshSettings::default());
        let other = transport.clone();
        let target = Target::new(NodeId::new("web1").unwrap(), Endpoint::default());
        let mut shown = Vec::new();
        for address in ["192.0.2.1", "192.0.2.2"] {
            let path = folder.path().join("config");
            std::fs::write(&path, format!("Host web1\n HostName {address}\n User ops\n")).unwrap();
            transport.use_config(Arc::new(SshConfig::load(&path).unwrap()));
            let ways = other.foresee(std::slice::from_ref(&target), Some(HostKeyPolicy::Off)).await;
            shown.extend(ways.iter().map(|way| way.reach.to_string()));
        }
        assert_eq!(shown, ["ops@192.0.2.1:22", "ops@192.0.2.2:22"]);
    }
}
