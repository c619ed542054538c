//! The connections that are kept: reused, shared, limited, replaced, closed, and never leaked.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to fail"
)]

mod ssh_support;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use pabawi_domain::action::ProcessOptions;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::host_key::HostKeyPolicy;
use pabawi_domain::ports::{ConnectRequest, Transport};
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::wait;
use pabawi_transport::SshTransport;
use ssh_support::{
    LIMIT, command, connect, finish, run, settings, start, target, target_as, transport, within,
};

/// R8.4: a second command uses the connection of the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_reused() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    for _ in 0..10 {
        assert_eq!(run(&transport, &target(&fleet, 0), "echo hi").await.text(), "hi\n");
    }
    let stats = transport.stats();
    assert_eq!(
        (stats.connects, stats.hits, stats.open, stats.idle, stats.in_use),
        (1, 9, 1, 1, 0),
        "{stats:?}"
    );
    assert_eq!(fleet.open_connections(0).unwrap(), 1);
}

/// Commands at the same time share a connection up to its limit, and then there is a further one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channels_share_connections() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let mut running = Vec::new();
    for _ in 0..10 {
        let action = command(
            "read x; echo done",
            ProcessOptions { stdin: Some(bytes::Bytes::new().into()), ..ProcessOptions::default() },
        );
        running.push(start(&transport, &target(&fleet, 0), action).await.unwrap());
    }
    let stats = transport.stats();
    assert_eq!((stats.open, stats.in_use), (3, 3), "four channels each: {stats:?}");
    for mut running in running {
        finish(&mut *running).await;
    }
    assert_eq!(transport.stats().in_use, 0);
}

/// Whoever asks while a connection is being made gets a channel of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connects_are_shared_while_they_last() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let sessions: Vec<_> = {
        let target = target(&fleet, 0);
        let connects = (0..4).map(|_| connect(&transport, &target));
        let mut sessions = Vec::new();
        let mut set = tokio::task::JoinSet::new();
        for _ in connects {
            let (transport, target) = (transport.clone(), target.clone());
            set.spawn(async move { connect(&transport, &target).await.unwrap() });
        }
        while let Some(session) = set.join_next().await {
            sessions.push(session.unwrap());
        }
        sessions
    };
    assert_eq!(transport.stats().connects, 1);
    assert_eq!(sessions.iter().filter(|session| !session.info().reused).count(), 1);
}

/// Another user, another policy: another connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_a_difference_makes_another_connection() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let user = Fleet::unprivileged_user().unwrap().name;
    assert_eq!(run(&transport, &target(&fleet, 0), "id -un").await.text(), "root\n");
    assert_eq!(run(&transport, &target_as(&fleet, 0, &user), "id -un").await.text(), format!("{user}\n"));
    assert_eq!(transport.stats().connects, 2);
    for (policy, connects) in [(HostKeyPolicy::Off, 3), (HostKeyPolicy::Off, 3), (HostKeyPolicy::Strict, 3)] {
        let request = ConnectRequest {
            target: target(&fleet, 0),
            timeout: Duration::from_secs(20),
            host_keys: Some(policy),
            execution: None,
        };
        drop(within("connecting", transport.connect(&request)).await.unwrap());
        assert_eq!(transport.stats().connects, connects, "{policy:?}");
    }
}

/// A connection that has died is replaced without anybody noticing, whether that was seen or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_connections_are_replaced() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let target = target(&fleet, 0);
    for _ in 0..3 {
        assert_eq!(run(&transport, &target, "echo hi").await.text(), "hi\n");
        assert!(fleet.cut_links(0).unwrap() > 0);
    }
    // Seen: the driver had time to notice. Unseen: leased before the cut.
    assert_eq!(run(&transport, &target, "echo hi").await.text(), "hi\n");
    let session = connect(&transport, &target).await.unwrap();
    assert!(session.info().reused);
    assert!(fleet.cut_links(0).unwrap() > 0);
    let action = command("echo still", ProcessOptions::default());
    let mut running = within("starting", session.start(Arc::new(action))).await.unwrap();
    assert_eq!(finish(&mut *running).await.text(), "still\n");
    let stats = transport.stats();
    assert_eq!((stats.open, stats.in_use), (1, 0), "{stats:?}");
}

/// A node that has gone for good is an error, not an endless replacement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_gone_is_an_error() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = transport(&fleet);
    let session = connect(&transport, &target(&fleet, 0)).await.unwrap();
    fleet.stop_node(0).unwrap();
    let action = command("echo hi", ProcessOptions::default());
    let error = within("starting", session.start(Arc::new(action))).await.err().unwrap();
    // The lease was fresh, so nothing may be replaced silently.
    assert_eq!(error.error.code, ErrorCode::LinkLost, "{error}");
    assert!(!error.may_have_started);
    let error = connect(&transport, &target(&fleet, 0)).await.err().unwrap();
    assert_eq!(error.error.code, ErrorCode::ConnectionRefused, "{error}");
    let stats = transport.stats();
    assert_eq!((stats.open, stats.connecting), (0, 0), "{stats:?}");
    fleet.start_node(0).unwrap();
    assert_eq!(run(&transport, &target(&fleet, 0), "echo back").await.text(), "back\n");
}

/// R8.2: the limits hold, for idle connections, for time, and in all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold() {
    let fleet = Fleet::builder().nodes(6).start().unwrap();
    let mut settings = settings(&fleet);
    settings.pool.max_idle = 2;
    settings.pool.max_connections = 3;
    settings.pool.idle_timeout = Duration::from_millis(600);
    let transport = SshTransport::new(settings);
    let mut set = tokio::task::JoinSet::new();
    for node in 0..6 {
        let (transport, target) = (transport.clone(), target(&fleet, node));
        set.spawn(async move { run(&transport, &target, "echo hi; sleep 0.2").await.text() });
    }
    let mut most = 0;
    while let Some(text) = set.join_next().await {
        assert_eq!(text.unwrap(), "hi\n");
        let stats = transport.stats();
        most = most.max(stats.open + stats.connecting);
    }
    assert!(most <= 3, "{most}");
    let stats = transport.stats();
    assert!(stats.idle <= 2 && stats.connects == 6 && stats.evictions >= 4, "{stats:?}");
    let closed = || transport.stats().open == 0;
    wait::until_async("idle connections to be closed", LIMIT, closed).await.unwrap();
    let gone = || (0..6).all(|node| fleet.open_connections(node).unwrap() == 0);
    wait::until_async("the nodes to be left", LIMIT, gone).await.unwrap();
}

/// When all connections are busy, the wait ends with an error that says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_pool_says_so() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let mut settings = settings(&fleet);
    settings.pool.max_per_host = 1;
    settings.pool.channels_per_connection = 1;
    let transport = SshTransport::new(settings);
    let held = connect(&transport, &target(&fleet, 0)).await.unwrap();
    let request = ConnectRequest {
        target: target(&fleet, 0),
        timeout: Duration::from_millis(300),
        host_keys: None,
        execution: None,
    };
    let error = within("connecting", transport.connect(&request)).await.err().unwrap();
    assert_eq!(error.error.code, ErrorCode::LimitReached, "{error}");
    drop(held);
    assert!(within("connecting", transport.connect(&request)).await.is_ok());
}

/// Room that becomes free goes to those who still wait, whoever has given up before them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_is_not_lost_on_those_who_have_gone() {
    let fleet = Fleet::builder().nodes(3).start().unwrap();
    let mut settings = settings(&fleet);
    settings.pool.max_connections = 1;
    let transport = SshTransport::new(settings);
    let held = connect(&transport, &target(&fleet, 0)).await.unwrap();
    let request = |node| ConnectRequest {
        target: target(&fleet, node),
        timeout: Duration::from_secs(20),
        host_keys: None,
        execution: None,
    };
    let (first, second) = (request(1), request(2));
    let (mut gives_up, mut waits) = (transport.connect(&first), transport.connect(&second));
    // One step takes each into the queue: the pool decides without waiting.
    for connecting in [&mut gives_up, &mut waits] {
        let step = std::future::poll_fn(|cx| Poll::Ready(connecting.as_mut().poll(cx).is_pending()));
        assert!(step.await, "there is room for two");
    }
    drop(gives_up);
    drop(held);
    let session = within("the one who waits", waits).await;
    assert!(session.is_ok(), "{:?}", session.err());
}

/// `MaxStartups` drops connections before their banner: they are made anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_connects_are_made_anew() {
    let fleet = Fleet::builder().nodes(1).max_startups("2:100:2").start().unwrap();
    let mut settings = settings(&fleet);
    settings.pool.channels_per_connection = 1;
    let transport = SshTransport::new(settings);
    let mut set = tokio::task::JoinSet::new();
    for index in 0..12 {
        let (transport, target) = (transport.clone(), target(&fleet, 0));
        set.spawn(async move { (index, run(&transport, &target, "echo in; sleep 0.3").await) });
    }
    while let Some(result) = set.join_next().await {
        let (index, done) = result.unwrap();
        assert_eq!(done.text(), "in\n", "{index}: {:?}", done.end);
    }
}

/// `MaxSessions` below what we would use is learnt, and commands go over further connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_sessions_are_respected() {
    let fleet = Fleet::builder().nodes(1).max_sessions(2).start().unwrap();
    let transport = transport(&fleet);
    let mut set = tokio::task::JoinSet::new();
    for index in 0..8 {
        let (transport, target) = (transport.clone(), target(&fleet, 0));
        set.spawn(async move {
            let done = run(&transport, &target, &format!("sleep 0.5; echo {index}")).await;
            assert_eq!(done.text(), format!("{index}\n"), "{:?}", done.end);
        });
    }
    while let Some(result) = set.join_next().await {
        result.unwrap();
    }
    assert_eq!(transport.stats().in_use, 0);
}

/// A connection whose only slot is held by a process of a command that is over is left for a further one, however long
/// ago that was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_is_never_freed_costs_a_connection_and_no_command() {
    let directory = tempfile::tempdir().unwrap();
    let (script, mark) = (directory.path().join("linger"), directory.path().join("lingers"));
    // Outlives the first command, outside of its process group, so that sshd has nothing to collect. The shell tells of the
    // killed command where nobody reads any more, and must not end by that.
    let text = format!(
        "#!/bin/sh\ntrap : PIPE\nsetsid -w /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"\ncode=$?\n[ ! -e {0} ] || exit $code\n: >{0}\n\
         exec sleep 120 </dev/null >/dev/null 2>&1\n",
        mark.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let force = format!("ForceCommand {}", script.display());
    let fleet = Fleet::builder().nodes(1).max_sessions(1).setting(&force).start().unwrap();
    let transport = transport(&fleet);
    let action = command("echo up; sleep 62", ProcessOptions::default());
    let mut running = start(&transport, &target(&fleet, 0), action).await.unwrap();
    within("output", running.next()).await;
    drop(running);
    wait::until_async("the process to linger", LIMIT, || mark.exists()).await.unwrap();
    let idle = || transport.stats().idle == 1;
    wait::until_async("the connection to be idle", LIMIT, idle).await.unwrap();
    let done = run(&transport, &target(&fleet, 0), "echo in").await;
    assert_eq!(done.text(), "in\n", "{:?}", done.end);
    assert_eq!(transport.stats().connects, 2, "the first one is full");
    let log = fleet.log(0).unwrap();
    assert_eq!(log.matches("no more sessions").count(), 7, "a few times on one connection: {log}");
}

/// Giving up while connecting leaves nothing behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_connects_leave_nothing() {
    let fleet = Fleet::builder().nodes(3).start().unwrap();
    let mut settings = settings(&fleet);
    settings.pool.idle_timeout = Duration::from_millis(200);
    let transport = SshTransport::new(settings);
    for round in 0_u64..30 {
        let target = target(&fleet, usize::try_from(round % 3).unwrap());
        let connecting = connect(&transport, &target);
        let _ = tokio::time::timeout(Duration::from_millis(round), connecting).await;
    }
    let quiet = || {
        let stats = transport.stats();
        stats.open == 0 && stats.connecting == 0
    };
    wait::until_async("the pool to be empty", LIMIT, quiet).await.unwrap();
    let gone = || (0..3).all(|node| fleet.open_connections(node).unwrap() == 0);
    wait::until_async("the nodes to be left", LIMIT, gone).await.unwrap();
}

/// After the shutdown nothing is left and nothing new begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_closes_everything() {
    let fleet = Fleet::builder().nodes(2).start().unwrap();
    let transport = transport(&fleet);
    run(&transport, &target(&fleet, 0), "true").await;
    let mut running =
        start(&transport, &target(&fleet, 1), command("sleep 0.5; echo end", ProcessOptions::default()))
            .await
            .unwrap();
    within("the shutdown", transport.shutdown()).await;
    let error = connect(&transport, &target(&fleet, 0)).await.err().unwrap();
    assert_eq!(error.error.code, ErrorCode::ShuttingDown);
    assert_eq!(finish(&mut *running).await.text(), "end\n", "what runs is let run");
    drop(running);
    let gone = || (0..2).all(|node| fleet.open_connections(node).unwrap() == 0);
    wait::until_async("the nodes to be left", LIMIT, gone).await.unwrap();
}

/// A hundred nodes at once, twice: the second time over what stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_nodes_cold_and_warm() {
    let fleet = Fleet::builder().nodes(100).nodes_per_process(10).shared_host_key().start().unwrap();
    let transport = transport(&fleet);
    for round in 0..2 {
        let mut set = tokio::task::JoinSet::new();
        for node in 0..100 {
            let (transport, target) = (transport.clone(), target(&fleet, node));
            set.spawn(async move {
                let done = run(&transport, &target, &format!("echo {node}")).await;
                assert_eq!(done.text(), format!("{node}\n"), "{:?}", done.end);
                node
            });
        }
        let mut seen = BTreeSet::new();
        while let Some(node) = set.join_next().await {
            seen.insert(node.unwrap());
        }
        assert_eq!(seen.len(), 100);
        assert_eq!(transport.stats().connects, 100, "round {round}");
    }
}
