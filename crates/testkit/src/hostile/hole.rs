//! An address at which connecting is never answered. Main type: [`BlackHole`].
//!
//! It looks like a machine behind a firewall that drops what it does not like: neither accepted nor refused.

use std::net::SocketAddrV4;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Silence after which the queue counts as full; the kernel answers on loopback at once.
const SILENCE: Duration = Duration::from_millis(500);
/// More connections than any queue of one place holds.
const MOST: usize = 64;

/// A listener whose queue is full, so that the kernel drops further requests (listen(2)). When it is dropped, those
/// who still try are refused.
#[derive(Debug)]
pub struct BlackHole {
    address: SocketAddrV4,
    // The listener keeps the queue, and these fill it.
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl BlackHole {
    /// Makes one on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// What bind(2) and connect(2) say, and `TimedOut` when the queue does not get full.
    pub async fn start() -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let listener = socket.listen(1)?;
        let std::net::SocketAddr::V4(address) = listener.local_addr()? else {
            return Err(std::io::ErrorKind::AddrNotAvailable.into());
        };
        let mut queued = Vec::new();
        while queued.len() < MOST {
            match tokio::time::timeout(SILENCE, TcpStream::connect(address)).await {
                Ok(stream) => queued.push(stream?),
                Err(_) => return Ok(Self { address, _listener: listener, _queued: queued }),
            }
        }
        Err(std::io::ErrorKind::TimedOut.into())
    }

    /// Where nobody answers.
    #[must_use]
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_answers_until_it_is_gone() {
        let hole = BlackHole::start().await.expect("starts");
        let address = hole.address();
        let mut trying = tokio::spawn(TcpStream::connect(address));
        assert!(tokio::time::timeout(2 * SILENCE, &mut trying).await.is_err(), "somebody answered");
        drop(hole);
        // The kernel asks again after one second and after three.
        let end =
            tokio::time::timeout(Duration::from_secs(20), trying).await.expect("answered").expect("ran");
        assert_eq!(end.err().map(|error| error.kind()), Some(std::io::ErrorKind::ConnectionRefused));
    }
}
