//! What is said to a driver task and what it answers. Plain values; nothing here acts.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::pipe::{ChannelHandle, Pipe};
use super::session::SshError;

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkEnd {
    /// The node closed it.
    #[error("the node closed the connection{0}")]
    ClosedByPeer(String),
    /// The socket failed.
    #[error("the connection broke: {0}")]
    Io(String),
    /// Nothing came from the node for too long.
    #[error("the node has not been heard of for {0} s")]
    Silent(u64),
    /// The SSH protocol failed.
    #[error("{0}")]
    Protocol(SshError),
    /// The node sent what nobody had asked for, more than is kept; the number is in MiB.
    #[error("the node sent {0} MiB that nobody had asked for")]
    Flooded(usize),
    /// We closed it.
    #[error("the connection was closed by this side")]
    ByUs,
}

/// What kind of channel is wanted.
#[derive(Debug, Clone)]
pub(crate) enum ChannelKind {
    /// A command (RFC 4254 section 6.5), with a terminal on request.
    Exec {
        /// The command line for the login shell.
        command: String,
        /// Encoded terminal modes (RFC 4254 section 8), when a terminal is wanted.
        pty: Option<Vec<u8>>,
    },
    /// A TCP connection made by the node (RFC 4254 section 7.2).
    Tunnel {
        /// Name or address for the node to connect to.
        host: String,
        /// TCP port.
        port: u16,
    },
}

/// Why a channel could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenError {
    /// The node refused the channel; the reason is libssh2's.
    #[error("{0}")]
    Refused(String),
    /// Another request keeps the connection busy; nothing has been sent for this one, and another connection may do.
    #[error("the connection waits for the answer to another request")]
    Busy,
    /// The channel was opened, and the node refused to start the command on it.
    #[error("{0}")]
    RequestRefused(String),
    /// The node refused the terminal.
    #[error("the node gave no terminal")]
    NoTerminal,
    /// The connection ended before the command was accepted. `requested` tells whether the command had been
    /// sent.
    #[error("{end}")]
    Lost {
        /// Why.
        end: LinkEnd,
        /// Whether the command line may have reached the node.
        requested: bool,
    },
}

/// A request to the driver task.
#[derive(Debug)]
pub(super) enum Request {
    /// Open a channel and start what it is for.
    Open(OpenRequest),
    /// Say goodbye when the last channel is gone, or at once.
    Shutdown {
        /// Do not wait for channels.
        now: bool,
    },
}

/// A channel that somebody waits for.
#[derive(Debug)]
pub(super) struct OpenRequest {
    pub(super) kind: ChannelKind,
    pub(super) pipe: Arc<Pipe>,
    pub(super) reply: oneshot::Sender<Result<ChannelHandle, OpenError>>,
}
