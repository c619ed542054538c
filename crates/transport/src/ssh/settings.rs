//! What the SSH transport is told once, [`SshSettings`], and the way to one node, [`Route`].
//!
//! This is the one file that turns configuration, inventory and defaults into a way to a node. It opens no
//! connection and reads no key.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::host_key::HostKeyPolicy;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Target, parse_destination};
use pabawi_domain::ports::{DETACHED_KEPT, TransportError};
use pabawi_domain::secret::Secret;

use crate::ssh_config::{HostSettings, JumpHop, Overrides, SshConfig, StrictHostKeyChecking};

/// Limits of the connection pool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolLimits {
    /// Connections in all, those being made included. A further one waits.
    pub max_connections: usize,
    /// Connections to one host, user and port. A further one waits.
    pub max_per_host: usize,
    /// Commands at the same time on one connection; at most 8, since sshd allows 10 sessions (`MaxSessions`)
    /// and frees them late.
    pub channels_per_connection: usize,
    /// Idle connections that are kept. Each costs about 90 KB.
    pub max_idle: usize,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// Connects in flight, at most. Fewer while several nodes, or this machine, show that they are too many.
    pub max_connecting: usize,
    /// Connects in flight to one host, at most; sshd starts to drop them at 10 (`MaxStartups`). Fewer after it has
    /// dropped some.
    pub max_connecting_per_host: usize,
    /// Whether these two adapt to what nodes and this machine take. Without it they are what they are.
    pub adaptive_connects: bool,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_per_host: 16,
            channels_per_connection: 4,
            max_idle: 128,
            idle_timeout: Duration::from_secs(60),
            max_connecting: 64,
            max_connecting_per_host: 8,
            adaptive_connects: true,
        }
    }
}

/// The hard limit of channels on one connection.
pub(crate) const MAX_CHANNELS: usize = 8;

/// What the SSH transport is told once.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SshSettings {
    /// `ssh_config`; [`SshConfig::empty`] for none.
    pub config: Arc<SshConfig>,
    /// How host keys are checked where neither request nor `ssh_config` says so.
    pub host_keys: HostKeyPolicy,
    /// Lists of known hosts to use instead of those of `ssh_config`. Keys are added to the first.
    pub known_hosts: Option<Vec<PathBuf>>,
    /// Opens private keys that have a passphrase.
    pub passphrase: Option<Secret>,
    /// The login password where the inventory has none.
    pub password: Option<Secret>,
    /// Silence after which a node is asked for a sign of life, where `ssh_config` says nothing.
    pub keepalive: Option<Duration>,
    /// How long a node may take to answer a request for a channel or a command.
    pub request_timeout: Duration,
    /// How long output is still read after the process has ended while a background child keeps the pipe open.
    pub drain_grace: Duration,
    /// How long the way back to a detached command is looked for when the link to it has been lost.
    pub reattach_limit: Duration,
    /// Bytes that the node keeps of each output stream of a detached command; one that writes more is ended.
    pub spool_limit: u64,
    /// Age at which the spool of a detached command for which nobody has come is removed from its node. It is never less
    /// than [`DETACHED_KEPT`](pabawi_domain::ports::DETACHED_KEPT), on which going on after a crash relies.
    pub spool_keep: Duration,
    /// Limits of the pool.
    pub pool: PoolLimits,
}

impl Default for SshSettings {
    fn default() -> Self {
        Self {
            config: Arc::new(SshConfig::empty()),
            host_keys: HostKeyPolicy::Strict,
            known_hosts: None,
            passphrase: None,
            password: None,
            keepalive: Some(Duration::from_secs(15)),
            request_timeout: Duration::from_secs(30),
            drain_grace: Duration::from_millis(500),
            reattach_limit: Duration::from_secs(600),
            spool_limit: 1024 * 1024 * 1024,
            spool_keep: DETACHED_KEPT,
            pool: PoolLimits::default(),
        }
    }
}

/// One login on the way to a node.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    /// What the configuration says about it.
    pub(crate) settings: HostSettings,
    /// Its password.
    pub(crate) password: Option<Secret>,
    /// How its host key is checked.
    pub(crate) policy: HostKeyPolicy,
}

impl Hop {
    /// `user@host:port` for messages.
    pub(crate) fn describe(&self) -> String {
        format!("{}@{}:{}", self.settings.user, self.settings.host_name, self.settings.port)
    }
}

/// The logins on the way to a node, the node itself last.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// Never empty.
    pub(crate) hops: Vec<Hop>,
}

impl Route {
    /// The way to the last jump host, if there is one.
    pub(crate) fn before(&self) -> Option<Route> {
        let (_, before) = self.hops.split_last()?;
        (!before.is_empty()).then(|| Route { hops: before.to_vec() })
    }

    /// Whose limits a connect meets: the address and port of the last hop, as seen from the one before.
    pub(crate) fn host(&self) -> Arc<str> {
        let hops = self.hops.iter().map(|hop| format!("{}:{}", hop.settings.host_name, hop.settings.port));
        hops.collect::<Vec<_>>().join(" ").into()
    }

    /// What tells connections apart: whatever makes a difference to who is logged in where, and how surely.
    pub(crate) fn key(&self) -> String {
        use sha2::Digest as _;
        use std::fmt::Write as _;
        let mut key = String::new();
        for hop in &self.hops {
            let password = hop
                .password
                .as_ref()
                .map_or_else(Vec::new, |password| sha2::Sha256::digest(password.expose()).to_vec());
            // Writing to a string cannot fail.
            let _ = write!(
                key,
                "{}|{:?}|{}|{:?}|{}|{:?}>",
                hop.describe(),
                hop.settings.identity_files,
                hop.settings.identities_only,
                hop.settings.identity_agent,
                hop.policy == HostKeyPolicy::Off,
                password,
            );
        }
        key
    }
}

impl SshSettings {
    /// The way to a target.
    ///
    /// # Errors
    /// [`ErrorCode::BadConfig`] when configuration or inventory make no way.
    pub(crate) fn route(
        &self,
        target: &Target,
        host_keys: Option<HostKeyPolicy>,
    ) -> Result<Route, TransportError> {
        let node = &target.node;
        let endpoint = &target.endpoint;
        let alias = endpoint.host.as_deref().unwrap_or(node.as_str());
        let proxy_jump = match &endpoint.jump {
            None => None,
            Some(jumps) => {
                Some(jumps.iter().map(|jump| jump_hop(node, jump)).collect::<Result<Vec<_>, _>>()?)
            }
        };
        let overrides = Overrides {
            user: endpoint.user.clone(),
            port: endpoint.port,
            identity_files: endpoint.identity_files.clone(),
            proxy_jump,
            connect_timeout: None,
        };
        let bad = |error: crate::ssh_config::SshConfigError| {
            TransportError::before_start(node, ErrorCode::BadConfig, error.to_string()).caused_by(&error)
        };
        let last = self.config.resolve(alias, &overrides).map_err(bad)?;
        let jumps = self.config.resolve_route(&last).map_err(bad)?;
        let mut hops: Vec<Hop> =
            jumps.into_iter().map(|settings| self.hop(settings, None, host_keys)).collect();
        hops.push(self.hop(last, endpoint.password.clone(), host_keys));
        Ok(Route { hops })
    }

    fn hop(
        &self,
        mut settings: HostSettings,
        password: Option<Secret>,
        requested: Option<HostKeyPolicy>,
    ) -> Hop {
        if let Some(files) = &self.known_hosts {
            settings.user_known_hosts_files.clone_from(files);
            settings.global_known_hosts_files = Vec::new();
        }
        let configured = settings.strict_host_key_checking.map(|checking| match checking {
            StrictHostKeyChecking::Yes | StrictHostKeyChecking::Ask => HostKeyPolicy::Strict,
            StrictHostKeyChecking::AcceptNew => HostKeyPolicy::AcceptNew,
            StrictHostKeyChecking::Off => HostKeyPolicy::Off,
        });
        Hop {
            policy: requested.or(configured).unwrap_or(self.host_keys),
            password: password.or_else(|| self.password.clone()),
            settings,
        }
    }
}

fn jump_hop(node: &NodeId, text: &str) -> Result<JumpHop, TransportError> {
    let endpoint = parse_destination(text).map_err(|error| {
        TransportError::before_start(node, ErrorCode::BadConfig, format!("jump host: {error}"))
    })?;
    Ok(JumpHop { user: endpoint.user, host: endpoint.host.unwrap_or_default(), port: endpoint.port })
}
