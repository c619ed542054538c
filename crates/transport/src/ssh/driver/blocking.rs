//! A connection handed over to blocking code, as SFTP needs it: [`BlockingSession`].
//!
//! `ssh2`'s SFTP types switch the session to blocking mode when they are dropped, and libssh2 then polls the real
//! socket; with bytes in our buffers that hangs. So such a session gets a real socket back and no driver task.
//! Use it only where blocking is allowed (`tokio::task::spawn_blocking`).

use std::cell::UnsafeCell;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::connection::Connection;
use super::io_buffers::IoBuffers;
use super::link::{Link, Tunnel};
use super::pipe::ChannelEvent;

/// The socket under a blocking session.
#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    /// One end of a socket pair whose other end a task joins to the tunnel. The second descriptor is the one that
    /// libssh2 was told of; it is a duplicate of the first.
    Pair(UnixStream, #[expect(dead_code, reason = "held so that it stays open")] OwnedFd),
}

/// A logged-in session in blocking mode.
pub(crate) struct BlockingSession {
    // Dropped in this order: the session still calls the callbacks, which use the buffers.
    session: ssh2::Session,
    _io: Box<UnsafeCell<IoBuffers>>,
    socket: Socket,
}

// SAFETY: the buffers are only reached through the session's callbacks, which run inside calls on the session;
// `ssh2::Session` serialises those by a mutex and is `Send` itself.
unsafe impl Send for BlockingSession {}

impl std::fmt::Debug for BlockingSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockingSession").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl BlockingSession {
    /// The session. Clones of it and objects made from it must be gone before this is dropped.
    pub(crate) fn session(&self) -> &ssh2::Session {
        &self.session
    }
}

impl Drop for BlockingSession {
    fn drop(&mut self) {
        // With a dead socket nothing that libssh2 does while it frees the session can wait.
        let _ = match &self.socket {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Socket::Pair(stream, _) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Connection {
    /// Turns the connection into a blocking session. Every single wait for the node is limited to `timeout`.
    ///
    /// Must be called on a tokio runtime when the connection runs through a jump host: a task then joins the two.
    ///
    /// # Errors
    /// When a socket cannot be taken over or made, and when the connection was not made for this.
    pub(crate) fn into_blocking(self, timeout: Duration) -> io::Result<BlockingSession> {
        let Self { session, link } = self;
        let socket = match link {
            Link::Tcp(stream) => Socket::Tcp(stream.into_std()?),
            Link::Tunnel(tunnel) => join(tunnel)?,
        };
        let (session, io) = session
            .into_blocking_parts()
            .ok_or_else(|| io::Error::other("the session was made for a driver task"))?;
        session.set_timeout(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
        Ok(BlockingSession { session, _io: io, socket })
    }
}

/// Puts a socket pair in the place of the tunnel's placeholder, and a task between the pair and the channel.
fn join(tunnel: Tunnel) -> io::Result<Socket> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    let (channel, rest, placeholder, lease) = tunnel.into_parts();
    // SAFETY: both descriptors are open and owned here; the placeholder's old file is closed by it, which nobody
    // else uses.
    if unsafe { libc::dup2(theirs.as_raw_fd(), placeholder.as_raw_fd()) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let ours = tokio::net::UnixStream::from_std(ours)?;
    // It is given the work of somebody else's span and logs nothing.
    tokio::spawn(async move {
        let _lease = lease;
        let (mut from, mut to) = ours.into_split();
        if to.write_all(&rest).await.is_err() {
            return;
        }
        // Two loops, so that a full socket in one direction does not stop the other. Each ends with its side.
        let down = async {
            loop {
                match channel.next().await {
                    ChannelEvent::Data(_, data) => {
                        if to.write_all(&data).await.is_err() {
                            return;
                        }
                    }
                    ChannelEvent::Exit(_) => {}
                    ChannelEvent::Eof | ChannelEvent::Closed | ChannelEvent::Lost(_) => return,
                }
            }
        };
        let up = async {
            let mut buffer = vec![0_u8; 64 * 1024];
            loop {
                match from.read(&mut buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(n) => {
                        let piece = bytes::Bytes::copy_from_slice(buffer.get(..n).unwrap_or_default());
                        if channel.write(piece).await.is_err() {
                            return;
                        }
                    }
                }
            }
        };
        tokio::select! {
            () = down => {}
            () = up => {}
        }
    });
    Ok(Socket::Pair(theirs, placeholder))
}
