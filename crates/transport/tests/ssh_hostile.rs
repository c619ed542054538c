//! Peers that misbehave: each ends in time with a clear error, and none hurts another node.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to fail"
)]

mod ssh_support;

use std::net::SocketAddrV4;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pabawi_domain::action::ProcessOptions;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::{ActionEnd, ConnectRequest, TerminateMode, Transport, TransportError};
use pabawi_testkit::fleet::{Fleet, KeyFile, KeyType};
use pabawi_testkit::hostile::{HostileKind, HostilePeer, HostileSsh, HostileSshKind};
use pabawi_testkit::wait;
use pabawi_transport::ssh_config::SshConfig;
use pabawi_transport::{SshSettings, SshTransport};
use ssh_support::{Done, LIMIT, command, connect, finish, run, settings, start, target, within};

fn peer(address: SocketAddrV4) -> Target {
    Target::new(
        NodeId::new("hostile").unwrap(),
        Endpoint { host: Some(address.ip().to_string()), port: Some(address.port()), ..Endpoint::default() },
    )
}

/// R7.1: before the login, each kind ends within its time in an error that names what is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_never_let_us_in() {
    let transport = SshTransport::new(SshSettings::default());
    for kind in HostileKind::ALL {
        let hostile = HostilePeer::start(kind).await.unwrap();
        let request = ConnectRequest {
            target: peer(hostile.address()),
            timeout: Duration::from_secs(2),
            host_keys: None,
            execution: None,
        };
        let started = Instant::now();
        let error = within("connecting", transport.connect(&request)).await.err().unwrap();
        let code = error.error.code;
        let expected: &[ErrorCode] = match kind {
            HostileKind::Silent
            | HostileKind::SlowBanner
            | HostileKind::KexStalled
            | HostileKind::KexStalledAfterInit => &[ErrorCode::ConnectTimeout],
            HostileKind::Garbage => &[ErrorCode::ConnectTimeout, ErrorCode::NotSsh],
            HostileKind::EndlessPreBanner => &[ErrorCode::NotSsh],
            HostileKind::ResetOnAccept => &[ErrorCode::ConnectionReset],
            _ => &[ErrorCode::KeyExchange],
        };
        assert!(expected.contains(&code), "{kind:?}: {error}");
        assert!(started.elapsed() < Duration::from_secs(5), "{kind:?}: {:?}", started.elapsed());
        assert!(hostile.fired() > 0, "{kind:?} has not met us");
        let closed = || hostile.open() == 0;
        wait::until_async("the socket to be closed", LIMIT, closed).await.unwrap();
        let stats = transport.stats();
        assert_eq!((stats.open, stats.connecting), (0, 0), "{kind:?}: {stats:?}");
    }
}

/// Sixty peers that never answer, and ten nodes between them that must not wait for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_peers_do_not_hold_others_up() {
    let fleet = Fleet::builder().nodes(10).nodes_per_process(10).start().unwrap();
    let transport = SshTransport::new(settings(&fleet));
    let mut hostile = Vec::new();
    for _ in 0..60 {
        hostile.push(HostilePeer::start(HostileKind::Silent).await.unwrap());
    }
    let mut waiting = tokio::task::JoinSet::new();
    for silent in &hostile {
        let (transport, target) = (transport.clone(), peer(silent.address()));
        waiting.spawn(async move {
            let request =
                ConnectRequest { target, timeout: Duration::from_secs(8), host_keys: None, execution: None };
            transport.connect(&request).await.err().unwrap().error.code
        });
    }
    let all = || hostile.iter().filter(|silent| silent.accepted() > 0).count() == 60;
    wait::until_async("the peers to be waited for", LIMIT, all).await.unwrap();
    let started = Instant::now();
    for node in 0..10 {
        assert_eq!(run(&transport, &target(&fleet, node), "echo in").await.text(), "in\n");
    }
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    while let Some(code) = waiting.join_next().await {
        assert_eq!(code.unwrap(), ErrorCode::ConnectTimeout);
    }
}

/// A transport for a server that lets everybody in and misbehaves then.
fn for_server(server: &HostileSsh, directory: &Path) -> SshTransport {
    let key = KeyFile::generate(KeyType::Ed25519, &directory.join("key"), None).unwrap();
    let known = directory.join("known");
    std::fs::write(&known, server.known_hosts_line()).unwrap();
    let config = directory.join("config");
    let text = format!(
        "IdentityFile {}\nIdentityAgent none\nUserKnownHostsFile {}\nGlobalKnownHostsFile none\nUser root\n",
        key.path.display(),
        known.display()
    );
    std::fs::write(&config, text).unwrap();
    let mut settings = SshSettings::default();
    settings.config = Arc::new(SshConfig::load(&config).unwrap());
    settings.request_timeout = Duration::from_secs(2);
    SshTransport::new(settings)
}

/// The failure of a command whose output is not all there.
fn incomplete(done: &Done, code: ErrorCode, output: &str) -> TransportError {
    let error = done.error().unwrap_or_else(|| panic!("{:?}", done.end));
    assert_eq!((error.error.code, done.text().as_str()), (code, output), "{error}");
    assert!(error.may_have_started, "{error}");
    assert!(matches!(error.termination, Some(Termination::Unconfirmed { .. })), "{:?}", error.termination);
    error.clone()
}

/// After the login, each kind ends in time in what is true of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_misbehave_after_the_login() {
    for kind in HostileSshKind::ALL {
        let server = HostileSsh::start(kind).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let transport = for_server(&server, directory.path());
        let target = peer(server.address());
        let started = Instant::now();
        let request = ConnectRequest {
            target: target.clone(),
            timeout: Duration::from_secs(5),
            host_keys: None,
            execution: None,
        };
        let session = within("connecting", transport.connect(&request)).await;
        if kind == HostileSshKind::AuthNeverAnswered {
            assert_eq!(session.err().unwrap().error.code, ErrorCode::ConnectTimeout);
            assert!(server.fired() > 0);
            continue;
        }
        let action = Arc::new(command("echo hi", ProcessOptions::default()));
        let started_action = within("starting", session.unwrap().start(action)).await;
        let refused = match kind {
            HostileSshKind::ChannelRefused | HostileSshKind::ExecRefused => Some(ErrorCode::ChannelRefused),
            HostileSshKind::OpenNeverAnswered | HostileSshKind::ExecNeverAnswered => {
                Some(ErrorCode::ProtocolViolation)
            }
            // The end of the connection, and not a refusal that would be final.
            HostileSshKind::DisconnectsAtOpen => Some(ErrorCode::LinkLost),
            _ => None,
        };
        if let Some(code) = refused {
            let error = started_action.err().unwrap();
            assert_eq!(error.error.code, code, "{kind:?}: {error}");
            assert!(!error.may_have_started, "{kind:?}");
        } else {
            let mut running = started_action.unwrap();
            if kind == HostileSshKind::Deaf {
                let mode = TerminateMode::Graceful { grace: Duration::from_millis(200) };
                let report = within("terminating", running.terminate(mode)).await;
                assert!(matches!(report, Termination::Unconfirmed { .. }), "{report:?}");
            } else {
                let done = finish(&mut *running).await;
                match kind {
                    HostileSshKind::NoExitStatus => {
                        assert_eq!(done.error_code(), Some(ErrorCode::NoExitStatus), "{:?}", done.end);
                    }
                    HostileSshKind::DropsLink => {
                        assert_eq!(done.error_code(), Some(ErrorCode::LinkLost), "{:?}", done.end);
                    }
                    // What it sends is kept up to a bound, and then the connection is given up.
                    HostileSshKind::Floods => {
                        assert_eq!(done.error_code(), Some(ErrorCode::LinkLost), "{:?}", done.end);
                        let text = done.error().unwrap().to_string();
                        assert!(text.contains("nobody had asked for"), "{text}");
                    }
                    // An exit status is not the end of the output: what has not come is not passed over.
                    HostileSshKind::DropsLinkAfterExit => {
                        let error = incomplete(&done, ErrorCode::LinkLost, "some output\n");
                        assert!(error.to_string().contains("exit status 0"), "{error}");
                    }
                    HostileSshKind::SilentAfterExit => {
                        let error = incomplete(&done, ErrorCode::ProtocolViolation, "some output\n");
                        assert!(error.to_string().contains("exit status 0"), "{error}");
                    }
                    // Whether the command has run is not known.
                    HostileSshKind::NothingButExit => {
                        incomplete(&done, ErrorCode::ProtocolViolation, "");
                    }
                    // It prints an exit status, but never ran our shell.
                    _ => assert!(
                        matches!(done.end, ActionEnd::Failed(_) | ActionEnd::Exited { .. }),
                        "{:?}",
                        done.end
                    ),
                }
            }
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{kind:?}: {:?}", started.elapsed());
        // The server tells of it through a pipe, which may take its time.
        let met = format!("{kind:?} meeting us");
        pabawi_testkit::wait::until_async(&met, Duration::from_secs(10), || server.fired() > 0)
            .await
            .unwrap();
        within("the shutdown", transport.shutdown()).await;
    }
}

/// A refusal on a connection that has been used says nothing of the node: processes of commands that are over may fill
/// it. One on a fresh connection does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_final_on_a_fresh_connection_only() {
    let server = HostileSsh::start(HostileSshKind::ChannelRefused).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let transport = for_server(&server, directory.path());
    let target = peer(server.address());
    let action = || command("true", ProcessOptions::default());
    drop(connect(&transport, &target).await.unwrap());
    let error = start(&transport, &target, action()).await.err().unwrap();
    assert_eq!(error.error.code, ErrorCode::ChannelRefused, "{error}");
    assert_eq!(transport.stats().connects, 2, "one that stood, and one for this command");
    wait::until_async("both refusals", LIMIT, || server.fired() == 2).await.unwrap();
}

/// Output that was on its way when the exit status came is waited for, however long the pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_after_the_exit_status_is_not_lost() {
    let server = HostileSsh::start(HostileSshKind::LateOutput).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let transport = for_server(&server, directory.path());
    let done = run(&transport, &peer(server.address()), "echo hi").await;
    assert_eq!(
        (done.text().as_str(), done.code()),
        ("some output\nlate output\n", Some(0)),
        "{:?}",
        done.end
    );
    wait::until_async("the pause to be met", LIMIT, || server.fired() > 0).await.unwrap();
}

/// A port that is closed, a name that does not exist, an address that is nobody's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_are_not_there() {
    let transport = SshTransport::new(SshSettings::default());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (host, port, code) in [
        ("127.0.0.1", closed.port(), ErrorCode::ConnectionRefused),
        ("no-such-host.invalid", 22, ErrorCode::Dns),
        ("255.255.255.255", 22, ErrorCode::NoRoute),
    ] {
        let mut target = peer("127.0.0.1:1".parse().unwrap());
        target.endpoint.host = Some(host.to_owned());
        target.endpoint.port = Some(port);
        let error =
            start(&transport, &target, command("true", ProcessOptions::default())).await.err().unwrap();
        assert_eq!(error.error.code, code, "{error}");
        assert!(error.to_string().contains("hostile"), "the node is named: {error}");
    }
}
