//! A node that waits for another one before it answers.

use std::net::SocketAddrV4;
use std::time::Duration;

use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::hostile::BlackHole;
use pabawi_testkit::wait;

use super::{ChannelKind, OpenError, connect, exec, run};

/// Long enough on any machine.
const LIMIT: Duration = Duration::from_secs(30);

fn tunnel(address: SocketAddrV4) -> ChannelKind {
    ChannelKind::Tunnel { host: address.ip().to_string(), port: address.port() }
}

/// Requests behind a tunnel to an address that does not answer are sent away untouched, and the channels that stand
/// go on; when the answer has come, all is as before.
#[tokio::test]
async fn nobody_waits_behind_a_tunnel_that_leads_nowhere() {
    let fleet = Fleet::builder().nodes(2).start().unwrap();
    let hole = BlackHole::start().await.unwrap();
    let remote = connect(&fleet).await;
    let running = remote.open(exec("cat")).await.unwrap();
    let nowhere = tokio::spawn({
        let (remote, kind) = (remote.clone(), tunnel(hole.address()));
        async move { remote.open(kind).await }
    });
    wait::until_async("the request to be on its way", LIMIT, || remote.channels() == 2).await.unwrap();
    let before = tokio::time::Instant::now();
    let other = tunnel(fleet.node(1).unwrap().address);
    let behind = async { tokio::join!(remote.open(other.clone()), remote.open(exec("true"))) };
    let (tunnel, command) = tokio::time::timeout(LIMIT, behind).await.unwrap();
    assert_eq!((tunnel.err(), command.err()), (Some(OpenError::Busy), Some(OpenError::Busy)));
    assert!(remote.is_stuck() && !nowhere.is_finished());
    // From now on at once: the pool has been told, and whoever comes nevertheless need not wait.
    assert_eq!(remote.open(exec("true")).await.err(), Some(OpenError::Busy));
    // The node itself is there, and has been asked for a sign of that.
    wait::until_async("a sign of life", LIMIT, || remote.heard_since(before)).await.unwrap();
    running.write(bytes::Bytes::from_static(b"still\n")).await.unwrap();
    running.send_eof();
    assert_eq!(super::drain(&running).await.out, b"still\n");

    drop(hole);
    let refused = tokio::time::timeout(LIMIT, nowhere).await.unwrap().unwrap();
    assert!(matches!(refused, Err(OpenError::Refused(_))), "{refused:?}");
    assert!(remote.open(other).await.is_ok());
    assert!(!remote.is_stuck());
    assert_eq!(run(&remote, "echo in").await.out, b"in\n");
}
