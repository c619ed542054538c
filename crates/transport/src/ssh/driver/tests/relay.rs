//! A link to a real server on which a test decides how much goes out, and can change what comes in: [`Relay`].
//!
//! Nothing here waits for a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use pabawi_domain::output::StreamKind;
use pabawi_testkit::fleet::Fleet;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};

use super::super::pipe::{ChannelEvent, ChannelHandle, Pipe};
use super::Link;

/// Bytes that pass at a time.
pub(super) const PIECE: usize = 32 * 1024;
/// More than any test sends.
const PLENTY: usize = 1 << 40;

/// The far end of a link; its task ends with the link or the server.
#[derive(Clone)]
pub(super) struct Relay {
    allowed: Arc<Semaphore>,
    passed: Arc<AtomicUsize>,
    spoil: Arc<AtomicBool>,
}

impl Relay {
    /// A link to a node, through which everything passes at first.
    pub(super) async fn to(fleet: &Fleet, node: usize) -> (Self, Link) {
        let stream = TcpStream::connect(fleet.node(node).unwrap().address).await.unwrap();
        let notify = Arc::new(Notify::new());
        let pipe = Pipe::new(Arc::clone(&notify));
        let link = Link::tunnel(ChannelHandle::new(Arc::clone(&pipe)), Box::new(())).unwrap();
        let relay =
            Self { allowed: Arc::new(Semaphore::new(PLENTY)), passed: Arc::default(), spoil: Arc::default() };
        tokio::spawn(relay.clone().pass(stream, pipe, notify));
        (relay, link)
    }

    /// Nothing goes out any more.
    pub(super) fn hold(&self) {
        self.allowed.forget_permits(PLENTY);
    }

    /// That many more bytes may go out.
    pub(super) fn allow(&self, bytes: usize) {
        self.allowed.add_permits(bytes);
    }

    /// Changes the last byte of what comes in next.
    pub(super) fn spoil_next(&self) {
        self.spoil.store(true, Ordering::SeqCst);
    }

    /// Whether what was to be changed has come.
    pub(super) fn has_spoilt(&self) -> bool {
        !self.spoil.load(Ordering::SeqCst)
    }

    /// Bytes that have gone out.
    pub(super) fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }

    async fn pass(self, mut stream: TcpStream, pipe: Arc<Pipe>, notify: Arc<Notify>) {
        let mut buffer = vec![0; 64 * 1024];
        while !pipe.wants_close() {
            let piece = pipe.front().map(|front| front.slice(..front.len().min(PIECE)));
            let len = u32::try_from(piece.as_ref().map_or(0, Bytes::len)).unwrap();
            tokio::select! {
                () = notify.notified() => {}
                permit = self.allowed.acquire_many(len), if len > 0 => {
                    permit.unwrap().forget();
                    let piece = piece.unwrap();
                    if stream.write_all(&piece).await.is_err() {
                        break;
                    }
                    pipe.written(piece.len());
                    self.passed.fetch_add(piece.len(), Ordering::SeqCst);
                }
                read = stream.read(&mut buffer), if pipe.has_room() => match read {
                    Ok(0) | Err(_) => break,
                    Ok(n) => {
                        if self.spoil.swap(false, Ordering::SeqCst) {
                            buffer[n - 1] ^= 1;
                        }
                        let data = Bytes::copy_from_slice(&buffer[..n]);
                        pipe.push(ChannelEvent::Data(StreamKind::Stdout, data));
                    }
                }
            }
        }
        pipe.push(ChannelEvent::Closed);
    }
}
