//! The driver against a real sshd: what the measurements in blocking mode did not show, the raw channel calls
//! joined with memory buffers and one task.

use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::output::StreamKind;
use pabawi_testkit::fleet::Fleet;
use tokio::net::TcpStream;

use super::*;

mod endings;
mod fairness;
mod relay;
mod stuck;

const HOST_KEYS: [&str; 1] = ["ssh-ed25519"];

async fn login(fleet: &Fleet, link: Link) -> Connection {
    login_for(fleet, link, MadeFor::Driver).await
}

async fn login_for(fleet: &Fleet, link: Link, made_for: MadeFor) -> Connection {
    let names: Vec<String> = HOST_KEYS.iter().map(|name| (*name).to_owned()).collect();
    let mut connection = Connection::new(link, &names, made_for).unwrap();
    connection.handshake().await.unwrap();
    let key = fleet.user_key();
    let pem = std::fs::read(&key.path).unwrap();
    let public = std::fs::read_to_string(key.path.with_extension("pub")).unwrap();
    connection.step(|session| session.auth_key(fleet.user(), public.trim(), &pem)).await.unwrap();
    connection
}

async fn tcp(fleet: &Fleet, node: usize) -> Link {
    let address = fleet.node(node).unwrap().address;
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    Link::Tcp(stream)
}

fn options() -> DriverOptions {
    DriverOptions { keepalive: None, keepalive_max: 3 }
}

async fn connect(fleet: &Fleet) -> Remote {
    Driver::spawn(login(fleet, tcp(fleet, 0).await).await, options())
}

fn exec(command: &str) -> ChannelKind {
    ChannelKind::Exec { command: command.to_owned(), pty: None }
}

#[derive(Debug, Default)]
struct Seen {
    out: Vec<u8>,
    err: Vec<u8>,
    exit: Option<ExitReport>,
    eof: bool,
}

async fn drain(handle: &ChannelHandle) -> Seen {
    let mut seen = Seen::default();
    loop {
        match handle.next().await {
            ChannelEvent::Data(StreamKind::Stdout, data) => seen.out.extend_from_slice(&data),
            ChannelEvent::Data(StreamKind::Stderr, data) => seen.err.extend_from_slice(&data),
            ChannelEvent::Exit(report) => seen.exit = Some(report),
            ChannelEvent::Eof => seen.eof = true,
            ChannelEvent::Closed => return seen,
            ChannelEvent::Lost(end) => panic!("lost: {end}"),
        }
    }
}

async fn run(remote: &Remote, command: &str) -> Seen {
    drain(&remote.open(exec(command)).await.unwrap()).await
}

#[tokio::test]
async fn streams_exit_status_and_signal_come_apart() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let remote = connect(&fleet).await;
    let seen = run(&remote, "echo out; echo err >&2; exit 255").await;
    assert_eq!(
        (seen.out.as_slice(), seen.err.as_slice(), seen.exit, seen.eof),
        (b"out\n".as_slice(), b"err\n".as_slice(), Some(ExitReport::Status(255)), true)
    );
    let seen = run(&remote, "kill -9 $$").await;
    assert_eq!(seen.exit, Some(ExitReport::Signal("KILL".into())));
    let seen = run(&remote, "true").await;
    assert_eq!(seen.exit, Some(ExitReport::Status(0)));
}

#[tokio::test]
async fn input_reaches_the_process_whole_and_its_end_too() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let remote = connect(&fleet).await;
    let handle = remote.open(exec("sha256sum")).await.unwrap();
    let block = Bytes::from(vec![b'x'; 100_000]);
    for _ in 0..50 {
        handle.write(block.clone()).await.unwrap();
    }
    handle.send_eof();
    let seen = drain(&handle).await;
    let expected = std::process::Command::new("sh")
        .args(["-c", "head -c 5000000 /dev/zero | tr '\\0' x | sha256sum"])
        .output()
        .unwrap();
    assert_eq!(seen.out, expected.stdout);
}

/// R8.5: more output than any buffer holds comes through whole, and an unread channel does not stop others.
#[tokio::test]
async fn an_unread_channel_neither_grows_nor_stops_the_others() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let remote = connect(&fleet).await;
    let unread = remote.open(exec("head -c 20000000 /dev/zero")).await.unwrap();
    for _ in 0..20 {
        assert_eq!(run(&remote, "echo hi").await.out, b"hi\n");
    }
    let seen = drain(&unread).await;
    assert_eq!(seen.out.len(), 20_000_000);
    assert_eq!(seen.exit, Some(ExitReport::Status(0)));
}

#[tokio::test]
async fn many_channels_start_and_end_at_once_without_mixing_replies() {
    let fleet = Fleet::builder().nodes(1).setting("RekeyLimit 256K").start().unwrap();
    let remote = connect(&fleet).await;
    for _ in 0..12 {
        let mut tasks = Vec::new();
        for index in 0..5 {
            let remote = remote.clone();
            tasks.push(tokio::spawn(async move {
                let seen = run(&remote, &format!("head -c 300000 /dev/zero; exit {index}")).await;
                assert_eq!(seen.out.len(), 300_000);
                assert_eq!(seen.exit, Some(ExitReport::Status(index)));
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_lost_connection_is_told_to_every_channel() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let remote = connect(&fleet).await;
    let handle = remote.open(exec("echo before; sleep 60")).await.unwrap();
    assert!(matches!(handle.next().await, ChannelEvent::Data(_, _)));
    assert!(fleet.cut_links(0).unwrap() > 0);
    assert!(matches!(handle.next().await, ChannelEvent::Lost(_)));
    assert!(remote.is_gone());
    assert!(matches!(remote.open(exec("true")).await, Err(OpenError::Lost { requested: false, .. })));
}

#[tokio::test]
async fn a_silent_node_is_noticed_by_the_clock() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let connection = login(&fleet, tcp(&fleet, 0).await).await;
    let options = DriverOptions { keepalive: Some(Duration::from_millis(2100)), keepalive_max: 1 };
    let remote = Driver::spawn(connection, options);
    let handle = remote.open(exec("sleep 60")).await.unwrap();
    fleet.freeze_node(0).unwrap();
    let end = tokio::time::timeout(Duration::from_secs(20), handle.next()).await;
    fleet.thaw_node(0).unwrap();
    assert!(matches!(end, Ok(ChannelEvent::Lost(LinkEnd::Silent(_)))), "{end:?}");
}

#[tokio::test]
async fn an_idle_connection_answers_the_nodes_keepalives() {
    let fleet = Fleet::builder()
        .nodes(1)
        .setting("ClientAliveInterval 1")
        .setting("ClientAliveCountMax 1")
        .start()
        .unwrap();
    let remote = connect(&fleet).await;
    run(&remote, "true").await;
    // Two unanswered questions would end the connection after two seconds.
    let limit = tokio::time::Instant::now() + Duration::from_secs(4);
    while tokio::time::Instant::now() < limit {
        assert!(!remote.is_gone(), "the node gave up on us: {}", remote.end());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(run(&remote, "echo alive").await.out, b"alive\n");
}

#[tokio::test]
async fn a_session_runs_through_a_channel_of_another() {
    let fleet = Fleet::builder().nodes(2).start().unwrap();
    let outer = connect(&fleet).await;
    let address = fleet.node(1).unwrap().address;
    let kind = ChannelKind::Tunnel { host: address.ip().to_string(), port: address.port() };
    let channel = outer.open(kind).await.unwrap();
    let link = Link::tunnel(channel, Box::new(outer.clone())).unwrap();
    let remote = Driver::spawn(login(&fleet, link).await, options());
    let seen = run(&remote, "head -c 3000000 /dev/zero; echo $SSH_CONNECTION >&2").await;
    assert_eq!(seen.out.len(), 3_000_000);
    assert!(String::from_utf8_lossy(&seen.err).contains(&format!(" {} ", address.ip())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_can_be_handed_to_blocking_code_directly_and_through_a_jump() {
    let fleet = Fleet::builder().nodes(2).start().unwrap();
    let outer = connect(&fleet).await;
    let address = fleet.node(1).unwrap().address;
    let kind = ChannelKind::Tunnel { host: address.ip().to_string(), port: address.port() };
    let tunnel = Link::tunnel(outer.open(kind).await.unwrap(), Box::new(outer.clone())).unwrap();
    for link in [tcp(&fleet, 0).await, tunnel] {
        let connection = login_for(&fleet, link, MadeFor::Blocking).await;
        let blocking = connection.into_blocking(Duration::from_secs(10)).unwrap();
        let path = fleet.directory().join("sftp-test");
        let read = tokio::task::spawn_blocking(move || {
            use std::io::{Read as _, Write as _};
            let data = vec![b'd'; 2_000_000];
            {
                let sftp = blocking.session().sftp().unwrap();
                sftp.create(&path).unwrap().write_all(&data).unwrap();
                let mut back = Vec::new();
                sftp.open(&path).unwrap().read_to_end(&mut back).unwrap();
                back == data
            }
        });
        assert!(tokio::time::timeout(Duration::from_secs(30), read).await.unwrap().unwrap());
    }
}
