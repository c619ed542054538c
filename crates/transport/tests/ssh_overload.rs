//! More connects than nodes take: fewer are made at a time, and none is lost.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to fail"
)]

mod ssh_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::ports::{ConnectRequest, Transport};
use pabawi_testkit::fleet::{Fleet, FleetBuilder};
use pabawi_transport::{SshSettings, SshTransport};
use ssh_support::{run, settings, target, within};
use tokio::io::AsyncWriteExt as _;

/// One sshd for many addresses that takes two logins at a time.
fn crowded(nodes: usize) -> FleetBuilder {
    Fleet::builder().nodes(nodes).nodes_per_process(16).max_startups("2:100:2").log_level("VERBOSE")
}

/// Runs a command on each of these nodes at once; every one of them has to succeed.
async fn run_on(transport: &SshTransport, fleet: &Fleet, nodes: impl Iterator<Item = usize>) {
    let mut set = tokio::task::JoinSet::new();
    for node in nodes {
        let (transport, target) = (transport.clone(), target(fleet, node));
        set.spawn(async move { (node, run(&transport, &target, "echo in").await) });
    }
    while let Some(result) = within("the next command", set.join_next()).await {
        let (node, done) = result.unwrap();
        assert_eq!(done.text(), "in\n", "{node}: {:?}", done.end);
    }
}

fn with(fleet: &Fleet, change: impl FnOnce(&mut SshSettings)) -> SshTransport {
    let mut settings = settings(fleet);
    change(&mut settings);
    SshTransport::new(settings)
}

/// R8.6: forty nodes whose servers take two logins at a time, all at once. Nobody is lost, the limit falls, and what is
/// tried in vain stays within bounds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_connects_adapts_and_loses_none() {
    const NODES: usize = 40;
    let fleet = crowded(NODES).start().unwrap();
    let transport = with(&fleet, |_| {});
    let before = transport.stats();
    assert_eq!((before.connect_limit, before.overloads), (64, 0));
    run_on(&transport, &fleet, 0..NODES).await;
    let stats = transport.stats();
    assert_eq!(stats.connects, NODES as u64);
    assert!(stats.overloads >= 1, "the servers refused some: {stats:?}");
    assert!(stats.overloads <= 4 * NODES as u64, "{stats:?}");
    assert!((1..64).contains(&stats.connect_limit), "{stats:?}");
    // Each sshd has one log for all its addresses.
    let logs: Vec<String> = (0..NODES).step_by(16).map(|node| fleet.log(node).unwrap()).collect();
    let lines = || logs.iter().flat_map(|log| log.lines());
    let taken = lines().filter(|line| line.starts_with("Connection from ")).count();
    assert_eq!(taken, NODES, "whoever was let in was not given up");
}

/// R8.6: the same behind one address, where the host's own window narrows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_at_one_address_loses_none() {
    let fleet = crowded(1).start().unwrap();
    let transport = with(&fleet, |settings| {
        settings.pool.channels_per_connection = 1;
        settings.pool.max_per_host = 40;
    });
    run_on(&transport, &fleet, std::iter::repeat_n(0, 40)).await;
    let stats = transport.stats();
    assert!(stats.overloads >= 1, "the server refused some: {stats:?}");
    assert!(stats.overloads <= 4 * 40, "{stats:?}");
    assert_eq!(stats.connect_limit, 64, "one host alone does not slow the others");
}

/// R8.6: a port where nothing listens is no overload and is told at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_connection_is_no_overload() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = with(&fleet, |_| {});
    fleet.stop_node(0).unwrap();
    let done = run(&transport, &target(&fleet, 0), "true").await;
    assert_eq!(done.error_code(), Some(ErrorCode::ConnectionRefused), "{done:?}");
    assert_eq!(transport.stats().overloads, 0);
}

/// A server that refuses this address for a while is not asked again in that time: asking makes it longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_penalty_is_waited_out_or_told_and_never_tried_against() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(b"Not allowed at this time\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    let transport = SshTransport::new(SshSettings::default());
    let endpoint = Endpoint { host: Some("127.0.0.1".to_owned()), port: Some(port), ..Endpoint::default() };
    let target = Target::new(NodeId::new("strict").unwrap(), endpoint);
    let request =
        ConnectRequest { target, timeout: Duration::from_secs(5), host_keys: None, execution: None };
    for _ in 0..3 {
        let error = within("the refusal", transport.connect(&request)).await.err().expect("refused");
        assert_eq!(error.error.code, ErrorCode::ConnectionReset, "{error}");
        assert!(error.to_string().contains("PerSourcePenalties"), "{error}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    server.abort();
}
