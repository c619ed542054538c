//! Channels that share a link which is slower than they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use pabawi_testkit::fleet::Fleet;

use super::super::io_buffers::MAX_BACKLOG;
use super::relay::{PIECE, Relay};
use super::{ChannelEvent, ChannelHandle, Driver, exec, login, options};

/// Writes to a channel without end; counts what it took.
fn write_for_ever(channel: ChannelHandle) -> Arc<AtomicUsize> {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    tokio::spawn(async move {
        let block = Bytes::from(vec![0; PIECE]);
        while channel.write(block.clone()).await.is_ok() {
            counter.fetch_add(PIECE, Ordering::SeqCst);
        }
    });
    taken
}

/// Lets everything run that does not wait for the node. All tasks of a test share one thread.
async fn settle(counter: impl Fn() -> usize) {
    let mut before = usize::MAX;
    while before != counter() {
        before = counter();
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    }
}

/// Uploads that would fill any link leave room for the input of another command.
#[tokio::test]
async fn input_gets_out_beside_uploads_that_fill_the_link() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let (relay, link) = Relay::to(&fleet, 0).await;
    let remote = Driver::spawn(login(&fleet, link).await, options());
    let uploads = [
        remote.open(exec("cat >/dev/null")).await.unwrap(),
        remote.open(exec("cat >/dev/null")).await.unwrap(),
    ];
    let quiet = remote.open(exec("cat")).await.unwrap();
    relay.hold();
    let taken = uploads.map(write_for_ever);
    let sum = || taken.iter().map(|taken| taken.load(Ordering::SeqCst)).sum::<usize>();
    settle(sum).await;
    assert!(sum() > MAX_BACKLOG, "the link is not full");

    quiet.write(Bytes::from_static(b"hello\n")).await.unwrap();
    let before = relay.passed();
    // A few times what may wait in front of it.
    for _ in 0..8 * MAX_BACKLOG / PIECE {
        relay.allow(PIECE);
        settle(|| relay.passed()).await;
    }
    assert!(relay.passed() - before > 7 * MAX_BACKLOG, "the link was not slow but closed");
    let said = tokio::time::timeout(Duration::from_secs(20), quiet.next()).await;
    assert!(matches!(&said, Ok(ChannelEvent::Data(_, data)) if &**data == b"hello\n"), "{said:?}");
    // The uploads share what the others leave.
    let [one, other] = taken.map(|taken| taken.load(Ordering::SeqCst));
    assert!(one.abs_diff(other) < one.min(other), "{one} and {other} bytes");
}
