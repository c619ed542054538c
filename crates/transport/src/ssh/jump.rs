//! The way through a jump host (ProxyJump): [`Jump`].
//!
//! A node behind a jump host is reached by a channel of the connection to it (RFC 4254 section 7.2), and the session
//! with the node runs through that channel. Connections through one jump host share its connection.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::TransportError;
use tokio::time::Instant;

use super::connect::{Carrier, DialError, micros};
use super::driver::{ChannelHandle, ChannelKind, Link, OpenError};
use super::pool::{Lease, Pool, Purpose, Wanted};

/// How long a jump connection that stood already may be silent while it owes an answer.
const SILENCE: Duration = Duration::from_secs(5);
/// Jump connections that are tried before giving up.
const MAX_BUSY: usize = 16;

/// A jump host as carrier.
#[derive(Debug)]
pub(crate) struct Jump {
    pool: Pool,
    wanted: Wanted,
    /// The place that [`Self::through`] got, until it is used.
    first: Mutex<Option<Lease>>,
}

impl Jump {
    /// Makes sure that the jump host's connection stands.
    ///
    /// # Errors
    /// The error of the jump host's own connection, named as such.
    pub(crate) async fn through(pool: Pool, wanted: Wanted) -> Result<Self, TransportError> {
        let mut jump = Self { pool, wanted, first: Mutex::new(None) };
        jump.first = Mutex::new(Some(jump.lease(false).await?));
        Ok(jump)
    }

    fn name(&self) -> String {
        self.wanted.route().hops.last().map_or_else(String::new, super::settings::Hop::describe)
    }

    /// Opens a channel. `None` when `doubt` is justified: nothing at all has come from the jump host meanwhile. Since it
    /// is asked for a sign of life, this tells it from a node that it cannot reach, for which the caller's limit holds.
    async fn open(
        &self,
        lease: &Lease,
        kind: ChannelKind,
        doubt: bool,
    ) -> Option<Result<ChannelHandle, OpenError>> {
        let asked = Instant::now();
        let mut opening = std::pin::pin!(lease.remote().open(kind));
        // Time is left for another connection.
        let limit = SILENCE.min(self.wanted.timeout() / 2);
        match tokio::time::timeout(limit, &mut opening).await {
            Ok(opened) => Some(opened),
            Err(_) if doubt && !lease.remote().heard_since(asked) => None,
            Err(_) => Some(opening.await),
        }
    }

    async fn lease(&self, fresh: bool) -> Result<Lease, TransportError> {
        // Boxed: the way to a jump host may lead over another one.
        let lease = match fresh {
            true => Box::pin(self.pool.acquire_fresh(&self.wanted, Purpose::Tunnel)).await,
            false => Box::pin(self.pool.acquire(&self.wanted, Purpose::Tunnel)).await,
        };
        lease.map_err(|mut error| {
            error.error.causes.insert(0, format!("jump host: {}", error.error.code));
            error.error.message = format!("the jump host {} failed: {}", self.name(), error.error.message);
            // Host key and login failures keep their codes: it matters more what failed than where.
            if !matches!(
                error.error.code,
                ErrorCode::HostKeyUnknown
                    | ErrorCode::HostKeyChanged
                    | ErrorCode::HostKeyRevoked
                    | ErrorCode::AuthFailed
                    | ErrorCode::NoCredentials
                    | ErrorCode::BadKey
                    | ErrorCode::BadConfig
                    | ErrorCode::ShuttingDown
            ) {
                error.error.code = ErrorCode::JumpFailed;
            }
            error
        })
    }
}

#[async_trait::async_trait]
impl Carrier for Jump {
    async fn link(&self, node: &NodeId, host: &str, port: u16) -> Result<(Link, u64, u64), DialError> {
        let started = Instant::now();
        let (mut fresh, mut replaced) = (false, false);
        let mut busy = 0;
        // A jump connection that turns out to be dead is replaced once; one that waits for another node is left to
        // those who wait there, as often as there may be connections.
        loop {
            let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
            let lease = match first {
                Some(lease) => lease,
                None => self.lease(std::mem::take(&mut fresh)).await?,
            };
            let asked = Instant::now();
            let kind = ChannelKind::Tunnel { host: host.to_owned(), port };
            let doubt = lease.reused && !replaced;
            let Some(opened) = self.open(&lease, kind, doubt).await else {
                lease.retire_silent(asked);
                replaced = true;
                continue;
            };
            match opened {
                Ok(channel) => {
                    let link = Link::tunnel(channel, Box::new(lease)).map_err(|error| {
                        TransportError::before_start(
                            node,
                            ErrorCode::LimitReached,
                            format!("no descriptor for the way through {}: {error}", self.name()),
                        )
                    })?;
                    return Ok((link, 0, micros(started)));
                }
                Err(OpenError::Lost { .. }) if doubt => (fresh, replaced) = (true, true),
                Err(OpenError::Busy) if busy < MAX_BUSY => busy += 1,
                Err(error) => {
                    return Err(TransportError::before_start(
                        node,
                        ErrorCode::JumpFailed,
                        format!(
                            "the jump host {} cannot reach {host} port {port}: {error}; check the address as seen \
                             from there, and AllowTcpForwarding of its sshd",
                            self.name()
                        ),
                    )
                    .into());
                }
            }
        }
    }
}
