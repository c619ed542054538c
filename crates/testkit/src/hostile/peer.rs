//! TCP servers that go wrong before anybody has logged in. Main type: [`HostilePeer`].
//!
//! They never finish a key exchange; what goes wrong after a login is [`super::HostileSsh`]'s matter.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::wire;

/// Time between two bytes of [`HostileKind::SlowBanner`].
const SLOW: Duration = Duration::from_millis(100);

/// How a peer misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HostileKind {
    /// Accepts and says nothing.
    Silent,
    /// Sends a banner that never ends, a byte every 100 ms.
    SlowBanner,
    /// Sends 64 KiB that are not SSH, then nothing.
    Garbage,
    /// Sends lines before its banner without end, as RFC 4253 section 4.2 lets it begin.
    EndlessPreBanner,
    /// Resets the connection as soon as it is accepted.
    ResetOnAccept,
    /// Sends its banner, waits for the client's first packet, and says nothing more.
    KexStalled,
    /// Sends its banner and SSH_MSG_KEXINIT, waits for the client's key exchange, and says nothing more.
    KexStalledAfterInit,
    /// As [`HostileKind::KexStalledAfterInit`], but closes the connection then.
    ClosesInKex,
    /// Sends its banner and SSH_MSG_KEXINIT, then packets of a type that does not exist, without end.
    FloodsKex,
    /// After the banners, announces a packet of 4 GiB.
    OversizedPacket,
}

impl HostileKind {
    /// Every kind, for a test that goes through all of them.
    pub const ALL: [Self; 10] = [
        Self::Silent,
        Self::SlowBanner,
        Self::Garbage,
        Self::EndlessPreBanner,
        Self::ResetOnAccept,
        Self::KexStalled,
        Self::KexStalledAfterInit,
        Self::ClosesInKex,
        Self::FloodsKex,
        Self::OversizedPacket,
    ];
}

/// A hostile TCP server on a loopback address; it ends when this is dropped.
#[derive(Debug)]
pub struct HostilePeer {
    kind: HostileKind,
    address: SocketAddrV4,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicUsize,
    fired: AtomicUsize,
    ended: AtomicUsize,
}

impl HostilePeer {
    /// Starts the peer on a free port of 127.0.0.1, in the current tokio runtime.
    ///
    /// # Errors
    /// What bind(2) says.
    pub async fn start(kind: HostileKind) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let std::net::SocketAddr::V4(address) = listener.local_addr()? else {
            return Err(std::io::ErrorKind::AddrNotAvailable.into());
        };
        let counts = Arc::new(Counts::default());
        let task = tokio::spawn(accept(listener, kind, Arc::clone(&counts)));
        Ok(Self { kind, address, counts, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// How it misbehaves.
    #[must_use]
    pub fn kind(&self) -> HostileKind {
        self.kind
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.counts.accepted.load(Ordering::SeqCst)
    }

    /// How many connections have met the fault so far.
    #[must_use]
    pub fn fired(&self) -> usize {
        self.counts.fired.load(Ordering::SeqCst)
    }

    /// Connections that are still open on the peer's side: 0 when the client has let go of all of them.
    #[must_use]
    pub fn open(&self) -> usize {
        self.accepted().saturating_sub(self.counts.ended.load(Ordering::SeqCst))
    }
}

impl Drop for HostilePeer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, kind: HostileKind, counts: Arc<Counts>) {
    let mut connections = JoinSet::new();
    // Ends with the peer: dropping it aborts this task, and with the set every connection's.
    while let Ok((stream, _)) = listener.accept().await {
        counts.accepted.fetch_add(1, Ordering::SeqCst);
        let counts = Arc::clone(&counts);
        connections.spawn(async move {
            // An error only means that the client has gone, which is how these connections end.
            let _ = misbehave(stream, kind, &counts).await;
            counts.ended.fetch_add(1, Ordering::SeqCst);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn misbehave(stream: TcpStream, kind: HostileKind, counts: &Counts) -> std::io::Result<()> {
    let fired = || counts.fired.fetch_add(1, Ordering::SeqCst);
    if kind == HostileKind::ResetOnAccept {
        // With a linger time of zero, closing sends RST instead of FIN (socket(7)).
        stream.set_zero_linger()?;
        fired();
        return Ok(());
    }
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    match kind {
        HostileKind::Silent | HostileKind::ResetOnAccept => {
            fired();
        }
        HostileKind::SlowBanner => {
            fired();
            return slow_banner(&mut read, &mut write).await;
        }
        HostileKind::Garbage => {
            let garbage: Vec<u8> =
                (0..64 * 1024_u32).map(|n| n.wrapping_mul(167).to_le_bytes()[0] | 0x80).collect();
            write.write_all(&garbage).await?;
            fired();
        }
        HostileKind::EndlessPreBanner => {
            fired();
            let mut line = 0_u64;
            // Ends when the client closes: writing fails then.
            loop {
                line += 1;
                write.write_all(format!("Patience, please, this is line {line}.\r\n").as_bytes()).await?;
            }
        }
        HostileKind::KexStalled => {
            write.write_all(wire::BANNER).await?;
            wire::read_banner(&mut read).await?;
            wire::read_packet(&mut read).await?;
            fired();
        }
        HostileKind::KexStalledAfterInit | HostileKind::ClosesInKex => {
            write.write_all(wire::BANNER).await?;
            write.write_all(&wire::kexinit()).await?;
            wire::read_banner(&mut read).await?;
            wire::read_packet(&mut read).await?;
            wire::read_packet(&mut read).await?;
            fired();
            if kind == HostileKind::ClosesInKex {
                return Ok(());
            }
        }
        HostileKind::FloodsKex => {
            write.write_all(wire::BANNER).await?;
            write.write_all(&wire::kexinit()).await?;
            wire::read_banner(&mut read).await?;
            wire::read_packet(&mut read).await?;
            fired();
            let packet = wire::unknown();
            // Ends when the client closes: writing fails then.
            loop {
                write.write_all(&packet).await?;
            }
        }
        HostileKind::OversizedPacket => {
            write.write_all(wire::BANNER).await?;
            wire::read_banner(&mut read).await?;
            write.write_all(&[0xff; 64]).await?;
            fired();
        }
    }
    until_closed(&mut read).await
}

/// Sends the beginning of a banner and then letters, one byte at a time, until the client has had enough.
async fn slow_banner(
    read: &mut (impl AsyncRead + Unpin),
    write: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let bytes = b"SSH-2.0-".iter().copied().chain(std::iter::repeat(b'z'));
    for byte in bytes {
        write.write_all(&[byte]).await?;
        tokio::select! {
            closed = until_closed(read) => return closed,
            () = tokio::time::sleep(SLOW) => {}
        }
    }
    Ok(())
}

/// Keeps quiet until the client closes.
async fn until_closed(read: &mut (impl AsyncRead + Unpin)) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    while read.read(&mut buffer).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait;

    const LIMIT: Duration = Duration::from_secs(20);

    /// Plays an honest client's first two steps and returns what the peer said until it closed or fell silent.
    async fn talk(peer: &HostilePeer) -> (Vec<u8>, std::io::Result<()>) {
        let mut stream = TcpStream::connect(peer.address()).await.expect("connects");
        let mut said = Vec::new();
        let hello = [wire::BANNER, &wire::kexinit(), &wire::kexinit()].concat();
        if let Err(error) = stream.write_all(&hello).await {
            return (said, Err(error));
        }
        let mut buffer = vec![0; 16 * 1024];
        let deadline = tokio::time::Instant::now() + LIMIT;
        while said.len() < 100_000 && tokio::time::Instant::now() < deadline {
            match tokio::time::timeout(Duration::from_millis(450), stream.read(&mut buffer)).await {
                Ok(Ok(0)) => return (said, Ok(())),
                Ok(Ok(count)) => said.extend_from_slice(&buffer[..count]),
                Ok(Err(error)) => return (said, Err(error)),
                Err(_) if peer.fired() > 0 => {
                    return (said, Err(std::io::ErrorKind::TimedOut.into()));
                }
                Err(_) => {}
            }
            if peer.kind() == HostileKind::SlowBanner && said.len() > 10 {
                return (said, Err(std::io::ErrorKind::TimedOut.into()));
            }
        }
        (said, Err(std::io::ErrorKind::TimedOut.into()))
    }

    #[tokio::test]
    async fn every_peer_does_what_it_says_and_sees_the_client_go() {
        for kind in HostileKind::ALL {
            let peer = HostilePeer::start(kind).await.expect("starts");
            let (said, end) = talk(&peer).await;
            let end = end.map_err(|error| error.kind());
            let kexinit = [wire::BANNER, &wire::kexinit()].concat();
            match kind {
                HostileKind::Silent => assert_eq!(said, b""),
                HostileKind::SlowBanner => assert!(said.starts_with(b"SSH-2.0-z") && said.len() < 50),
                HostileKind::Garbage => assert!(said.len() == 65_536 && !said.starts_with(b"SSH")),
                HostileKind::EndlessPreBanner => {
                    assert!(said.len() >= 100_000 && said.starts_with(b"Patience"));
                }
                HostileKind::ResetOnAccept => assert_eq!(end, Err(std::io::ErrorKind::ConnectionReset)),
                HostileKind::KexStalled => assert_eq!(said, wire::BANNER),
                HostileKind::KexStalledAfterInit => assert_eq!(said, kexinit),
                HostileKind::ClosesInKex => assert_eq!((said, end), (kexinit, Ok(()))),
                HostileKind::FloodsKex => assert!(said.starts_with(&kexinit) && said.len() >= 100_000),
                HostileKind::OversizedPacket => assert!(said.ends_with(&[0xff; 64])),
            }
            if !matches!(kind, HostileKind::ResetOnAccept | HostileKind::ClosesInKex) {
                assert_eq!(end, Err(std::io::ErrorKind::TimedOut), "{kind:?} keeps the connection");
            }
            assert_eq!((peer.accepted(), peer.fired()), (1, 1), "{kind:?}");
            wait::until_async("the peer to see the end", LIMIT, || peer.open() == 0).await.expect("seen");
        }
    }

    #[tokio::test]
    async fn a_dropped_peer_refuses() {
        let peer = HostilePeer::start(HostileKind::Silent).await.expect("starts");
        let address = peer.address();
        drop(peer);
        let deadline = tokio::time::Instant::now() + LIMIT;
        while TcpStream::connect(address).await.is_ok() {
            assert!(tokio::time::Instant::now() < deadline, "still listens");
            tokio::task::yield_now().await;
        }
    }
}
