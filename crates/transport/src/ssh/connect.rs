//! From a way to a node to a logged-in connection: [`Dialer`].
//!
//! Each phase is timed, all of them together have one deadline, and a peer that misbehaves in any of them ends in
//! an error that says in which. Nothing is tried again here; an error says whether it was an overload, after which the
//! pool may try again.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::host_key::HostKeySeen;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{ConnectPhases, TransportError};
use pabawi_domain::secret::Secret;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::auth::{Credentials, LoginError, login};
use super::driver::{Connection, DriveError, Link, LinkEnd, MadeFor};
use super::host_key::HostKeys;
use super::pool::Overload;
use super::settings::Hop;
use crate::keys::KeyCache;
use crate::known_hosts::KnownHostsCache;

/// Makes connections. Cloning shares the caches of keys and known hosts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dialer {
    keys: KeyCache,
    known_hosts: KnownHostsCache,
    passphrase: Option<Secret>,
}

/// A connection that is logged in.
#[derive(Debug)]
pub(crate) struct Dialed {
    pub(crate) connection: Connection,
    pub(crate) host_key: HostKeySeen,
    pub(crate) phases: ConnectPhases,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct DialError {
    pub(crate) error: TransportError,
    /// What was too much, where that is the reason.
    pub(crate) overload: Option<Overload>,
}

impl From<TransportError> for DialError {
    fn from(error: TransportError) -> Self {
        Self { error, overload: None }
    }
}

/// Where the bytes of a connection go through.
#[async_trait::async_trait]
pub(crate) trait Carrier: Send + Sync {
    /// Makes a link to `host` and `port`; the two times are those of name resolution and of the connection, in
    /// microseconds.
    async fn link(&self, node: &NodeId, host: &str, port: u16) -> Result<(Link, u64, u64), DialError>;
}

/// The network of this machine.
#[derive(Debug)]
pub(crate) struct Direct;

/// A phase with a deadline, for the message of a timeout.
struct Deadline<'a> {
    node: &'a NodeId,
    hop: &'a Hop,
    at: Instant,
    started: Instant,
}

impl Deadline<'_> {
    async fn run<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, DialError>>,
    ) -> Result<T, DialError> {
        match tokio::time::timeout_at(self.at, work).await {
            Ok(result) => result,
            Err(_) => Err(TransportError::before_start(
                self.node,
                ErrorCode::ConnectTimeout,
                format!(
                    "{} did not {what} within {:.1} s; check address, port and firewall, or allow more time",
                    self.hop.describe(),
                    self.started.elapsed().as_secs_f64(),
                ),
            )
            .into()),
        }
    }
}

impl Dialer {
    pub(crate) fn new(passphrase: Option<Secret>) -> Self {
        Self { passphrase, ..Self::default() }
    }

    /// The lists of known hosts that logins use.
    pub(crate) fn known_hosts(&self) -> KnownHostsCache {
        self.known_hosts.clone()
    }

    /// Connects, checks the host key and logs in. May be dropped at any time.
    ///
    /// # Errors
    /// [`DialError`] before the start of anything.
    pub(crate) async fn dial(
        &self,
        node: &NodeId,
        hop: &Hop,
        carrier: &dyn Carrier,
        made_for: MadeFor,
        deadline: Instant,
    ) -> Result<Dialed, DialError> {
        let limit = Deadline { node, hop, at: deadline, started: Instant::now() };
        let (host_keys, credentials, algorithms) = self.prepare(node, hop).await?;
        let mut phases = ConnectPhases::default();
        let connecting = carrier.link(node, &hop.settings.host_name, hop.settings.port);
        let (link, dns_us, tcp_us) = limit.run("accept a connection", connecting).await?;
        phases.dns_us = dns_us;
        phases.tcp_us = tcp_us;
        let mut connection = Connection::new(link, &algorithms, made_for)
            .map_err(|error| internal(node, &format!("no SSH session can be made: {error}")))?;
        let started = Instant::now();
        let shaking = async {
            match connection.handshake().await {
                Ok(()) => Ok(Ok(())),
                Err(error) => Ok(Err(error)),
            }
        };
        if let Err(error) = limit.run("finish the SSH key exchange", shaking).await? {
            let overload = refusal(&mut connection, &error);
            return Err(DialError { overload, error: handshake_error(node, hop, &mut connection, &error) });
        }
        phases.kex_us = micros(started);
        let accepted = {
            let blob = connection.session().host_key().unwrap_or_default();
            let host_keys = Arc::clone(&host_keys);
            blocking(node, move || host_keys.check(&blob)).await?
        };
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                connection.close();
                return Err(error.into());
            }
        };
        let started = Instant::now();
        let user = &hop.settings.user;
        let logging_in = async {
            match login(&mut connection, user, &credentials).await {
                Ok(()) => Ok(()),
                Err(LoginError::Refused(code, message)) => {
                    let message = format!("{}: {message}", hop.describe());
                    Err(TransportError::before_start(node, code, message).into())
                }
                Err(LoginError::Drive(error)) => Err(login_error(node, hop, &mut connection, &error).into()),
            }
        };
        limit.run("finish the login", logging_in).await?;
        phases.auth_us = micros(started);
        let host_key = accepted.seen.clone();
        blocking(node, move || host_keys.remember(&accepted)).await??;
        Ok(Dialed { connection, host_key, phases })
    }

    async fn prepare(
        &self,
        node: &NodeId,
        hop: &Hop,
    ) -> Result<(Arc<HostKeys>, Credentials, Vec<String>), TransportError> {
        let host_keys = Arc::new(HostKeys::new(node, hop, &self.known_hosts));
        let (keys, hop, passphrase) = (self.keys.clone(), hop.clone(), self.passphrase.clone());
        let for_thread = Arc::clone(&host_keys);
        let (algorithms, credentials) = blocking(node, move || {
            (for_thread.algorithms(), Credentials::load(&hop, &keys, passphrase.as_ref()))
        })
        .await?;
        Ok((host_keys, credentials, algorithms?))
    }
}

#[async_trait::async_trait]
impl Carrier for Direct {
    async fn link(&self, node: &NodeId, host: &str, port: u16) -> Result<(Link, u64, u64), DialError> {
        let started = Instant::now();
        let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => match tokio::net::lookup_host((host, port)).await {
                Ok(addresses) => addresses.collect(),
                Err(error) => {
                    return Err(TransportError::before_start(
                        node,
                        ErrorCode::Dns,
                        format!(
                            "the name {host} cannot be resolved: {error}; check the name or set HostName"
                        ),
                    )
                    .caused_by(&error)
                    .into());
                }
            },
        };
        let dns_us = micros(started);
        let started = Instant::now();
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let mut overload = None;
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // Without it only latency is lost.
                    let _ = stream.set_nodelay(true);
                    return Ok((Link::Tcp(stream), dns_us, micros(started)));
                }
                Err(error) => {
                    overload = tcp_overload(address, &error);
                    last = error;
                }
            }
        }
        Err(DialError { overload, error: tcp_error(node, host, port, &last) })
    }
}

fn tcp_error(node: &NodeId, host: &str, port: u16, error: &io::Error) -> TransportError {
    let (code, advice) = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            (ErrorCode::ConnectionRefused, "nothing listens there; check the port and that sshd runs")
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            (ErrorCode::ConnectionReset, "the peer or a firewall cut it")
        }
        io::ErrorKind::TimedOut => (ErrorCode::ConnectTimeout, "check the address and the firewall"),
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable => (ErrorCode::NoRoute, "check the address and the network"),
        io::ErrorKind::NotFound => (ErrorCode::Dns, "check the name"),
        _ if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS)) => {
            (ErrorCode::LimitReached, "raise the limit of open files (ulimit -n) or lower the concurrency")
        }
        _ => (ErrorCode::NoRoute, "check the address and the network"),
    };
    TransportError::before_start(
        node,
        code,
        format!("cannot connect to {host} port {port}: {error}; {advice}"),
    )
    .caused_by(error)
}

/// What was too much for a TCP connection, where that is the reason. A refused one means that nothing listens there.
fn tcp_overload(address: SocketAddr, error: &io::Error) -> Option<Overload> {
    match error.raw_os_error()? {
        libc::EMFILE | libc::ENFILE | libc::ENOBUFS => Some(Overload::Here),
        // No port is left for this destination. With IPv6 it also says that this machine has no address at all.
        libc::EADDRNOTAVAIL if address.is_ipv4() => Some(Overload::Here),
        libc::ECONNRESET | libc::ECONNABORTED => Some(Overload::Node),
        _ => None,
    }
}

/// What was too much for a peer that ended the connection before its banner, where that is the reason.
fn refusal(connection: &mut Connection, error: &DriveError) -> Option<Overload> {
    let greeting = connection.session().greeting();
    if greeting.starts_with("Not allowed at this time") {
        return Some(Overload::Penalty);
    }
    let dropped = matches!(error, DriveError::Link(LinkEnd::ClosedByPeer(_) | LinkEnd::Io(_)))
        && (greeting.is_empty() || greeting.starts_with("Exceeded MaxStartups"));
    dropped.then_some(Overload::Node)
}

fn handshake_error(
    node: &NodeId,
    hop: &Hop,
    connection: &mut Connection,
    error: &DriveError,
) -> TransportError {
    let greeting = connection.session().greeting();
    let who = hop.describe();
    let is_ssh = greeting.contains("SSH-");
    let (code, message) = match error {
        _ if greeting.starts_with("Not allowed at this time") => (
            ErrorCode::ConnectionReset,
            format!(
                "{who} refuses this address for a while after failed logins (PerSourcePenalties of its sshd); wait \
                 at least 15 s before trying again"
            ),
        ),
        DriveError::NoBanner => (
            ErrorCode::NotSsh,
            format!("{who} sent 64 KiB without an SSH banner, first {greeting:?}; check the port"),
        ),
        DriveError::TooMuch => (
            ErrorCode::KeyExchange,
            format!(
                "{who} sent 1 MiB without finishing the key exchange, first {greeting:?}; check the port"
            ),
        ),
        DriveError::Link(_)
            if !is_ssh && !greeting.is_empty() && !greeting.starts_with("Exceeded MaxStartups") =>
        {
            (ErrorCode::NotSsh, format!("{who} does not speak SSH, it said {greeting:?}; check the port"))
        }
        DriveError::Link(end) if is_ssh => {
            (ErrorCode::KeyExchange, format!("{who} ended the key exchange: {end}"))
        }
        DriveError::Link(end) => (
            ErrorCode::ConnectionReset,
            format!(
                "{who} dropped the connection before its SSH banner: {end}; it may be overloaded (MaxStartups)"
            ),
        ),
        DriveError::Ssh(error) if !is_ssh => (
            ErrorCode::NotSsh,
            format!("{who} does not speak SSH ({error}), it said {greeting:?}; check the port"),
        ),
        DriveError::Ssh(error) => (
            ErrorCode::KeyExchange,
            format!(
                "no SSH connection could be agreed on with {who}: {error}; its algorithms may be too old"
            ),
        ),
    };
    TransportError::before_start(node, code, message).caused_by(error)
}

fn login_error(node: &NodeId, hop: &Hop, connection: &mut Connection, error: &DriveError) -> TransportError {
    let said = connection.session().disconnect_text();
    let (code, message) = match (said, error) {
        (Some(text), _) => {
            let code = if text.contains("authentication failures") {
                ErrorCode::AuthFailed
            } else {
                ErrorCode::ConnectionReset
            };
            (code, format!("{} ended the login: {text}", hop.describe()))
        }
        (None, DriveError::Link(end)) => {
            (ErrorCode::ConnectionReset, format!("{} ended the login: {end}", hop.describe()))
        }
        (None, error) => {
            (ErrorCode::ProtocolViolation, format!("the login at {} failed: {error}", hop.describe()))
        }
    };
    TransportError::before_start(node, code, message).caused_by(error)
}

/// Runs work that reads files on a thread where that is allowed.
async fn blocking<T: Send + 'static>(
    node: &NodeId,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, TransportError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| internal(node, &format!("reading keys and known hosts failed: {error}")))
}

fn internal(node: &NodeId, message: &str) -> TransportError {
    TransportError::before_start(node, ErrorCode::Internal, message)
}

/// Microseconds since `started`.
pub(crate) fn micros(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}
