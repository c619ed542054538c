//! Nodes behind jump hosts, over one and two of them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to fail"
)]

mod ssh_support;

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pabawi_domain::action::ProcessOptions;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::{ConnectRequest, TerminateMode, Transport};
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::hostile::BlackHole;
use pabawi_testkit::wait;
use pabawi_transport::ssh_config::SshConfig;
use pabawi_transport::{SshSettings, SshTransport};
use ssh_support::{LIMIT, command, connect, finish, run, settings, start, target, transport, within};

/// Node `node` by way of the given nodes, the first one first.
fn through(fleet: &Fleet, jumps: &[usize], node: usize) -> Target {
    let mut target = target(fleet, node);
    let name = |index: &usize| fleet.node(*index).unwrap().name.clone();
    target.endpoint.jump = Some(jumps.iter().map(name).collect());
    target
}

/// What the node sees as the other end of the connection.
fn peer_of(fleet: &Fleet, node: usize) -> String {
    let address = fleet.node(node).unwrap().address;
    format!(" {} {}\n", address.ip(), address.port())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_and_two_hops() {
    let fleet = Fleet::builder().nodes(3).start().unwrap();
    let transport = transport(&fleet);
    let text = "echo $SSH_CONNECTION | sed 's/^[^ ]* [^ ]*//'; head -c 5000000 /dev/zero | wc -c >&2";
    let done = run(&transport, &through(&fleet, &[0], 1), text).await;
    assert_eq!(
        (done.text(), done.err.as_slice()),
        (peer_of(&fleet, 1), b"5000000\n".as_slice()),
        "{:?}",
        done.end
    );
    assert_eq!(transport.stats().connects, 2);
    let done = run(&transport, &through(&fleet, &[0, 1], 2), text).await;
    assert_eq!(done.text(), peer_of(&fleet, 2), "{:?}", done.end);
    // The way to the second hop stood already.
    assert_eq!(transport.stats().connects, 3);
    let done = run(&transport, &through(&fleet, &[0, 1], 2), "head -c 20000000 /dev/zero").await;
    assert_eq!(done.out.len(), 20_000_000);
    assert_eq!(transport.stats().connects, 3);
}

/// Fifteen nodes behind one jump host, at once, over one connection to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jump_host_is_shared() {
    let fleet = Fleet::builder().nodes(16).nodes_per_process(4).start().unwrap();
    let transport = transport(&fleet);
    let mut set = tokio::task::JoinSet::new();
    for node in 1..16 {
        let (transport, target) = (transport.clone(), through(&fleet, &[0], node));
        set.spawn(async move {
            let done = run(&transport, &target, &format!("echo {node}")).await;
            assert_eq!(done.text(), format!("{node}\n"), "{:?}", done.end);
        });
    }
    while let Some(result) = set.join_next().await {
        result.unwrap();
    }
    assert_eq!(transport.stats().connects, 16, "one jump host and fifteen nodes");
}

/// The jump host's link is the link of all behind it; a new one is made for what comes after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_jump_host_is_noticed_and_replaced() {
    let fleet = Fleet::builder().nodes(2).start().unwrap();
    let transport = transport(&fleet);
    let target = through(&fleet, &[0], 1);
    let mut running =
        start(&transport, &target, command("echo up; sleep 60", ProcessOptions::default())).await.unwrap();
    within("output", running.next()).await;
    assert!(fleet.cut_links(0).unwrap() > 0);
    let done = finish(&mut *running).await;
    assert_eq!(done.error_code(), Some(ErrorCode::LinkLost), "{:?}", done.end);
    assert_eq!(run(&transport, &target, "echo again").await.text(), "again\n");
}

/// Termination and its confirmation work through a jump host as they do directly.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_behind_a_jump_host_are_ended() {
    let fleet = Fleet::builder().nodes(2).start().unwrap();
    let transport = transport(&fleet);
    let action = command("trap '' TERM; echo up; sleep 61; sleep 61", ProcessOptions::default());
    let mut running = start(&transport, &through(&fleet, &[0], 1), action).await.unwrap();
    within("output", running.next()).await;
    let mode = TerminateMode::Graceful { grace: Duration::from_secs(1) };
    assert_eq!(within("terminating", running.terminate(mode)).await, Termination::Confirmed);
}

/// What goes wrong on the way is told apart from what goes wrong at the node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_name_the_hop() {
    let fleet = Fleet::builder().nodes(3).node_setting(1, "AllowTcpForwarding no").start().unwrap();
    let transport = transport(&fleet);
    // The jump host does not forward.
    let error = connect(&transport, &through(&fleet, &[1], 2)).await.err().unwrap();
    assert_eq!(error.error.code, ErrorCode::JumpFailed, "{error}");
    // Behind it nothing listens.
    fleet.stop_listener(2).unwrap();
    let error = connect(&transport, &through(&fleet, &[0], 2)).await.err().unwrap();
    assert_eq!(error.error.code, ErrorCode::JumpFailed, "{error}");
    assert!(error.to_string().contains(&fleet.node(0).unwrap().address.ip().to_string()), "{error}");
    // The jump host itself is gone.
    fleet.stop_node(0).unwrap();
    let error = connect(&transport, &through(&fleet, &[0], 1)).await.err().unwrap();
    assert_eq!(error.error.code, ErrorCode::JumpFailed, "{error}");
    assert!(error.to_string().contains("jump host"), "{error}");
    // Its host key is not known.
    let mut settings = settings(&fleet);
    settings.known_hosts = Some(vec![fleet.directory().join("nobody")]);
    let error = connect(&SshTransport::new(settings), &through(&fleet, &[1], 2)).await.err().unwrap();
    assert_eq!(error.error.code, ErrorCode::HostKeyUnknown, "{error}");
    let stats = transport.stats();
    assert_eq!((stats.in_use, stats.connecting), (0, 0), "{stats:?}");
}

/// Nothing is kept once the node's connection is closed: tunnel, lease and jump connection go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_on_the_way() {
    let fleet = Fleet::builder().nodes(2).start().unwrap();
    let mut settings = settings(&fleet);
    settings.pool.idle_timeout = Duration::from_millis(300);
    let transport = Arc::new(SshTransport::new(settings));
    assert_eq!(run(&transport, &through(&fleet, &[0], 1), "echo in").await.text(), "in\n");
    let gone = || (0..2).all(|node| fleet.open_connections(node).unwrap() == 0);
    wait::until_async("all connections to be closed", LIMIT, gone).await.unwrap();
    let stats = transport.stats();
    assert_eq!((stats.open, stats.in_use, stats.connecting), (0, 0, 0), "{stats:?}");
}

/// A node that the jump host waits for in vain holds up nobody but itself: the others behind the same jump host get
/// there over a further connection to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_cannot_be_reached_holds_up_no_other() {
    let fleet = Fleet::builder().nodes(6).log_level("DEBUG1").start().unwrap();
    let hole = BlackHole::start().await.unwrap();
    let transport = transport(&fleet);
    // From here on there is a connection to the jump host, which all share.
    assert_eq!(run(&transport, &through(&fleet, &[0], 1), "echo in").await.text(), "in\n");
    let request = ConnectRequest {
        target: Target::new(
            NodeId::new("nowhere").unwrap(),
            Endpoint {
                host: Some(hole.address().ip().to_string()),
                port: Some(hole.address().port()),
                jump: Some(vec![fleet.node(0).unwrap().name.clone()]),
                ..Endpoint::default()
            },
        ),
        timeout: LIMIT,
        host_keys: None,
        execution: None,
    };
    let nowhere = tokio::spawn({
        let transport = transport.clone();
        async move { transport.connect(&request).await.map(drop) }
    });
    let line = format!("target {} port {}", hole.address().ip(), hole.address().port());
    let tries = || fleet.log(0).unwrap().contains(&line);
    wait::until_async("the jump host to try it", LIMIT, tries).await.unwrap();
    let mut set = tokio::task::JoinSet::new();
    for node in 2..6 {
        let (transport, target) = (transport.clone(), through(&fleet, &[0], node));
        set.spawn(async move {
            let done = run(&transport, &target, &format!("echo {node}")).await;
            assert_eq!(done.text(), format!("{node}\n"), "{:?}", done.end);
        });
    }
    while let Some(result) = set.join_next().await {
        result.unwrap();
    }
    assert!(!nowhere.is_finished(), "the jump host does not wait");
    assert_eq!(transport.stats().connects, 7, "five nodes, and twice the jump host");
    // Once nobody waits for the node any more, the connection that does serves those who use it, and nobody else.
    nowhere.abort();
    assert_eq!(run(&transport, &through(&fleet, &[0], 1), "echo in").await.text(), "in\n");
}

/// Stands between us and a node, and can fall silent without closing anything.
struct Proxy {
    address: SocketAddr,
    silence: tokio::sync::watch::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    async fn to(node: SocketAddrV4) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (silence, silenced) = tokio::sync::watch::channel(());
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let mut silenced = silenced.clone();
                silenced.mark_unchanged();
                connections.spawn(async move {
                    let mut far = tokio::net::TcpStream::connect(node).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = silenced.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self { address, silence, task }
    }

    /// Nothing passes any more on the connections that stand; later ones are as before.
    fn silence(&self) {
        self.silence.send_replace(());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A connection to a jump host that is dead without anybody having noticed is replaced, long before keepalives tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jump_host_that_has_fallen_silent_is_connected_to_anew() {
    let fleet = Fleet::builder().nodes(4).start().unwrap();
    let jump = fleet.node(0).unwrap();
    let proxy = Proxy::to(jump.address).await;
    let known = fleet.directory().join("proxied");
    let key = &jump.host_keys[0].public;
    std::fs::write(&known, format!("[127.0.0.1]:{} {key}\n", proxy.address.port())).unwrap();
    let config = fleet.directory().join("proxied-config");
    let text = format!(
        "Host proxied\n  HostName 127.0.0.1\n  Port {}\n  UserKnownHostsFile {}\n{}",
        proxy.address.port(),
        known.display(),
        fleet.ssh_config_text()
    );
    std::fs::write(&config, text).unwrap();
    let mut settings = SshSettings::default();
    settings.config = Arc::new(SshConfig::load(&config).unwrap());
    let transport = SshTransport::new(settings);
    let behind = |node: usize| {
        let mut target = target(&fleet, node);
        target.endpoint.jump = Some(vec!["proxied".to_owned()]);
        target
    };
    assert_eq!(run(&transport, &behind(1), "echo in").await.text(), "in\n");
    proxy.silence();
    let started = Instant::now();
    let (two, three) = (behind(2), behind(3));
    let (two, three) = tokio::join!(run(&transport, &two, "echo 2"), run(&transport, &three, "echo 3"));
    assert_eq!((two.text(), three.text()), ("2\n".into(), "3\n".into()), "{:?} {:?}", two.end, three.end);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    assert_eq!(transport.stats().connects, 5, "three nodes, and twice the jump host");
}
