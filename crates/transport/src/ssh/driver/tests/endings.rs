//! Ends of a session that libssh2 meets while it does something for one channel.

use std::time::Duration;

use bytes::Bytes;
use pabawi_testkit::fleet::{Fleet, KeyFile, KeyType};
use pabawi_testkit::hostile::{HostileSsh, HostileSshKind};
use tokio::net::TcpStream;

use super::relay::Relay;
use super::{
    ChannelEvent, Connection, Driver, HOST_KEYS, Link, LinkEnd, MadeFor, OpenError, exec, login, options,
};

/// Long enough on any machine.
const LIMIT: Duration = Duration::from_secs(20);

/// A goodbye in answer to a request for a channel is no refusal of that channel.
#[tokio::test]
async fn a_goodbye_at_the_open_is_the_end_of_the_connection() {
    let server = HostileSsh::start(HostileSshKind::DisconnectsAtOpen).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let key = KeyFile::generate(KeyType::Ed25519, &directory.path().join("key"), None).unwrap();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let names = HOST_KEYS.map(str::to_owned);
    let mut connection = Connection::new(Link::Tcp(stream), &names, MadeFor::Driver).unwrap();
    connection.handshake().await.unwrap();
    let pem = std::fs::read(&key.path).unwrap();
    connection.step(|session| session.auth_key("root", key.public.trim(), &pem)).await.unwrap();
    let remote = Driver::spawn(connection, options());
    // Two, of which the second has not been sent yet.
    let (first, second) = tokio::join!(remote.open(exec("true")), remote.open(exec("true")));
    for answer in [first, second] {
        let Err(OpenError::Lost { end: LinkEnd::ClosedByPeer(text), requested: false }) = &answer else {
            panic!("{answer:?}");
        };
        assert_eq!(text, ": closed for today");
    }
    assert!(remote.is_gone());
    pabawi_testkit::wait::until_async("the goodbye", LIMIT, || server.fired() > 0).await.unwrap();
}

/// A packet that was changed on its way ends the connection, also when libssh2 meets it while it wants to write: else
/// output would go on behind a hole.
#[tokio::test]
async fn a_changed_packet_that_is_met_while_writing_ends_the_connection() {
    // With AES-GCM a changed packet is met again and again; with a MAC of its own it is dropped, and the next one is
    // as good as any.
    let fleet = Fleet::builder().nodes(1).setting("Ciphers aes128-ctr").start().unwrap();
    let (relay, link) = Relay::to(&fleet, 0).await;
    let remote = Driver::spawn(login(&fleet, link).await, options());
    // Nobody reads this input, so that there is always some that waits for the node's window: each turn of the driver
    // begins with an attempt to write it.
    let stuck = remote.open(exec("sleep 60")).await.unwrap();
    let echo = remote.open(exec("cat")).await.unwrap();
    let block = Bytes::from(vec![0; 64 * 1024]);
    // 2 MiB are sshd's window (channels.h, CHAN_SES_WINDOW_DEFAULT), 64 KiB more fit into the pipe to the process.
    for _ in 0..32 + 3 {
        tokio::time::timeout(LIMIT, stuck.write(block.clone())).await.unwrap().unwrap();
    }
    relay.spoil_next();
    echo.write(Bytes::from_static(b"hello\n")).await.unwrap();
    for channel in [&stuck, &echo] {
        let event = tokio::time::timeout(LIMIT, channel.next()).await;
        assert!(matches!(event, Ok(ChannelEvent::Lost(LinkEnd::Protocol(_)))), "{event:?}");
    }
    assert!(relay.has_spoilt() && remote.is_gone());
}
