//! What carries a session's bytes: a TCP connection, or a channel of another session (ProxyJump). [`Link`].
//!
//! A link only moves bytes. It knows no packet and keeps no buffer beyond one piece of a channel's output.

use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};

use bytes::{Buf as _, Bytes};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::pipe::{ChannelEvent, ChannelHandle};
use super::session::placeholder_fd;

/// Most bytes that one write puts into a channel.
const TUNNEL_WRITE: usize = 64 * 1024;

/// What carries a session's bytes.
#[derive(Debug)]
pub(crate) enum Link {
    /// A socket.
    Tcp(TcpStream),
    /// A `direct-tcpip` channel of the connection to the jump host.
    Tunnel(Tunnel),
}

/// A channel used as a link.
pub(crate) struct Tunnel {
    channel: ChannelHandle,
    rest: Bytes,
    ended: bool,
    placeholder: OwnedFd,
    /// What keeps the jump connection, for as long as the tunnel is used.
    lease: Box<dyn Send + Sync>,
}

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tunnel").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Link {
    /// A link through a channel; `lease` is held for as long as the link lives.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub(crate) fn tunnel(channel: ChannelHandle, lease: Box<dyn Send + Sync>) -> io::Result<Self> {
        let placeholder = placeholder_fd()?;
        Ok(Self::Tunnel(Tunnel { channel, rest: Bytes::new(), ended: false, placeholder, lease }))
    }

    /// The descriptor that libssh2 is told of.
    pub(super) fn fd(&self) -> RawFd {
        match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Tunnel(tunnel) => tunnel.placeholder.as_raw_fd(),
        }
    }

    /// Waits until a read or write, as wanted, may get somewhere. May be dropped at any time.
    pub(super) async fn ready(&self, read: bool, write: bool) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => {
                let interest = match (read, write) {
                    (true, true) => Interest::READABLE | Interest::WRITABLE,
                    (false, true) => Interest::WRITABLE,
                    (true, false) => Interest::READABLE,
                    (false, false) => return std::future::pending().await,
                };
                stream.ready(interest).await.map(drop)
            }
            Self::Tunnel(tunnel) => {
                if read && (!tunnel.rest.is_empty() || tunnel.ended) {
                    return Ok(());
                }
                tokio::select! {
                    () = tunnel.channel.readable(), if read => {}
                    () = tunnel.channel.writable(), if write => {}
                    else => std::future::pending().await,
                }
                Ok(())
            }
        }
    }

    /// Reads what is there; `Ok(0)` is the end, `WouldBlock` means nothing now.
    pub(super) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read(buffer),
            Self::Tunnel(tunnel) => tunnel.try_read(buffer),
        }
    }

    /// Writes what fits; `WouldBlock` means nothing now.
    pub(super) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Tunnel(tunnel) => {
                let n = bytes.len().min(TUNNEL_WRITE);
                let piece = Bytes::copy_from_slice(bytes.get(..n).unwrap_or_default());
                match tunnel.channel.try_write(&piece) {
                    Ok(true) => Ok(n),
                    Ok(false) => Err(ErrorKind::WouldBlock.into()),
                    Err(refused) => Err(io::Error::new(ErrorKind::BrokenPipe, refused)),
                }
            }
        }
    }

    /// Ends the link in both directions.
    pub(super) fn close(self) {
        match self {
            Self::Tcp(stream) => {
                if let Ok(stream) = stream.into_std() {
                    // A socket that the peer has closed already cannot be shut down; that is as good.
                    let _ = stream.shutdown(std::net::Shutdown::Both);
                }
            }
            Self::Tunnel(tunnel) => drop(tunnel),
        }
    }
}

impl Tunnel {
    /// Splits off the channel for someone who moves its bytes in another way.
    pub(super) fn into_parts(self) -> (ChannelHandle, Bytes, OwnedFd, Box<dyn Send + Sync>) {
        (self.channel, self.rest, self.placeholder, self.lease)
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            if self.ended {
                return Ok(0);
            }
            match self.channel.try_next() {
                None => return Err(ErrorKind::WouldBlock.into()),
                Some(ChannelEvent::Data(_, data)) => self.rest = data,
                Some(ChannelEvent::Exit(_)) => {}
                Some(ChannelEvent::Eof | ChannelEvent::Closed) => self.ended = true,
                Some(ChannelEvent::Lost(end)) => {
                    self.ended = true;
                    return Err(io::Error::new(ErrorKind::ConnectionAborted, format!("jump host: {end}")));
                }
            }
        }
        let n = self.rest.len().min(buffer.len());
        if let Some(buffer) = buffer.get_mut(..n) {
            self.rest.copy_to_slice(buffer);
        }
        Ok(n)
    }
}
