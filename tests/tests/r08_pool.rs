//! Requirement 8.2 and 8.4 through the Rust crate: connections are kept, counted, limited and replaced.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use pabawi::ports::PoolStats;
use pabawi::{ExecutionStatus, Framework};
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::wait;
use pabawi_tests::facade::{caller, command, open};
use pabawi_tests::{LIMIT, Lab};

fn ssh_stats(framework: &Framework) -> PoolStats {
    let stats = framework.stats();
    stats.transports.iter().find(|(name, _)| name == "ssh").expect("the ssh transport").1
}

/// R8.4
#[tokio::test(flavor = "multi_thread")]
async fn the_second_command_uses_the_connections_of_the_first() {
    let lab = Lab::new(3);
    let framework = open(&lab, |_| {}, |_| {}).await;
    for _ in 0..4 {
        let done = framework.execute(caller(), command("web[01-03]", "true")).await.unwrap();
        assert_eq!(done.summary.status, ExecutionStatus::Completed);
    }
    for node in 0..3 {
        assert_eq!(lab.connections_seen(node), 1, "one connection for four commands");
    }
    let stats = ssh_stats(&framework);
    assert_eq!((stats.connects, stats.hits, stats.open), (3, 9, 3), "{stats:?}");
    wait::until_async("the connections to be idle", LIMIT, || ssh_stats(&framework).idle == 3).await.unwrap();
    framework.shutdown(LIMIT).await;
    let closed = || (0..3).all(|node| lab.fleet().open_connections(node).unwrap() == 0);
    wait::until_async("the connections to be closed", LIMIT, closed).await.unwrap();
}

/// R8.4
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_died_while_idle_is_replaced_without_anybody_noticing() {
    let lab = Lab::new(1);
    let framework = open(&lab, |_| {}, |_| {}).await;
    let run = async || framework.execute(caller(), command("web01", "true")).await.unwrap().summary.status;
    assert_eq!(run().await, ExecutionStatus::Completed);
    assert!(lab.fleet().cut_links(0).unwrap() > 0);
    assert_eq!(run().await, ExecutionStatus::Completed);
    assert_eq!(lab.connections_seen(0), 2);
    // Also when the whole server was away in between.
    lab.fleet().stop_node(0).unwrap();
    lab.fleet().start_node(0).unwrap();
    assert_eq!(run().await, ExecutionStatus::Completed);
    framework.shutdown(LIMIT).await;
}

/// R8.4
#[tokio::test(flavor = "multi_thread")]
async fn several_commands_share_a_connection_within_what_the_server_allows() {
    let lab = Lab::with(Fleet::builder().max_sessions(2));
    let framework = open(&lab, |_| {}, |_| {}).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (framework, request) = (framework.clone(), command("web01", "sleep 0.3"));
        tasks.spawn(async move { framework.execute(caller(), request).await.unwrap().summary });
    }
    for summary in tasks.join_all().await {
        assert_eq!(summary.status, ExecutionStatus::Completed, "{summary:?}");
    }
    let stats = ssh_stats(&framework);
    assert!(stats.connects < 8, "connections were shared: {stats:?}");
    framework.shutdown(LIMIT).await;
}

/// R8.2
#[tokio::test(flavor = "multi_thread")]
async fn the_global_limit_holds_over_all_executions() {
    let lab = Lab::new(4);
    let framework = open(&lab, |limits| limits.max_node_runs = 2, |_| {}).await;
    let place = lab.path("here");
    std::fs::create_dir(&place).unwrap();
    // Each notes how many are there while it is.
    let text = format!(
        "set -- $SSH_CONNECTION; f={0}/$3.$$; : > $f; sleep 0.2; ls {0} | wc -l >> {0}.seen; rm $f",
        place.display()
    );
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (framework, request) = (framework.clone(), command("web[01-04]", &text));
        tasks.spawn(async move { framework.execute(caller(), request).await.unwrap().summary.status });
    }
    for status in tasks.join_all().await {
        assert_eq!(status, ExecutionStatus::Completed);
    }
    let seen: Vec<u32> = pabawi_tests::lines_of(&lab.path("here.seen"))
        .iter()
        .map(|line| line.trim().parse().unwrap())
        .collect();
    assert_eq!(seen.len(), 12);
    assert!(seen.iter().all(|count| *count <= 2), "{seen:?}");
    framework.shutdown(LIMIT).await;
}

/// R8.2, R8.4
#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaks_after_errors() {
    let lab = Lab::with(Fleet::builder().nodes(3).node_setting(1, "PubkeyAuthentication no"));
    let framework = open(&lab, |_| {}, |_| {}).await;
    lab.fleet().stop_node(2).unwrap();
    for _ in 0..3 {
        let mut request = command("web[01-03]", "exit 1");
        request.timeouts.connect_ms = Some(10_000);
        let done = framework.execute(caller(), request).await.unwrap();
        assert_eq!(done.summary.status, ExecutionStatus::Failed);
    }
    let settled = || {
        let stats = ssh_stats(&framework);
        (stats.open, stats.in_use, stats.connecting) == (1, 0, 0)
    };
    wait::until_async("only the good connection to be left", LIMIT, settled).await.unwrap();
    let closed = || lab.fleet().open_connections(1).unwrap() == 0;
    wait::until_async("the refused connections to be closed", LIMIT, closed).await.unwrap();
    framework.shutdown(LIMIT).await;
}
