//! Requirement 7 on real nodes: attempts after the first, and nodes that are not asked for a while.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use pabawi::{BreakerPolicy, EngineLimits, Framework, TargetQuery};
use pabawi_testkit::wait;
use pabawi_tests::facade::{caller, command};
use pabawi_tests::{Lab, facade, lines_of};
use serde_json::Value;

fn attempts(lab: &Lab, node: &str) -> Vec<(u64, String)> {
    let shown = lab.pab(["executions", "events", "last"]).succeeds().events();
    let of_node = |event: &&Value| event["node"] == node;
    let ends = shown.iter().filter(of_node).filter(|event| event.get("result").is_some());
    ends.map(|event| {
        (event["attempt"].as_u64().unwrap(), event["result"]["outcome"].as_str().unwrap().to_owned())
    })
    .collect()
}

/// R7.5, R7.6
#[test]
fn a_node_that_comes_back_is_reached_by_a_retry() {
    let lab = Lab::new(2);
    lab.fleet().stop_node(1).unwrap();
    let mut running = lab
        .run_events("web[01-02]", "echo up")
        .args(["--retries", "99", "--retry-wait", "200ms", "--retry-growth", "constant"])
        .args(["--log-level", "info", "--log-format", "json"])
        .spawn();
    let failed = running.events_until("a failed attempt", |event| event["type"] == "attemptFailed");
    assert!(failed.iter().any(|event| event["node"] == "web02"));
    lab.fleet().start_node(1).unwrap();
    let ended = running.end();
    assert_eq!(ended.code(), Some(0), "{ended}");
    let ends = attempts(&lab, "web02");
    assert!(ends.len() >= 2, "{ends:?}");
    assert_eq!(ends[0], (1, "unreachable".to_owned()));
    assert_eq!(ends.last().unwrap(), &(ends.len() as u64, "succeeded".to_owned()));
    assert_eq!(attempts(&lab, "web01"), [(1, "succeeded".to_owned())]);
    let log = ended.err();
    assert!(log.contains("attempt failed, trying again") && log.contains("\"attempt\":2"), "{log}");
}

/// R7.5: nothing that may have run is run twice by itself.
#[test]
fn a_command_that_failed_is_repeated_only_when_it_is_idempotent() {
    let lab = Lab::new(1);
    let count = lab.write("count", "");
    let command = format!("echo x >> {0}; test $(wc -l < {0}) -ge 3", count.display());
    let options = ["--retries", "5", "--retry-on", "exited", "--retry-wait", "10ms"];
    let _ = lab.run("web01", &command).args(options).exits(1);
    assert_eq!(lines_of(&count).len(), 1);
    let ran = lab.run("web01", &command).args(options).args(["--idempotent"]).succeeds();
    assert_eq!(lines_of(&count).len(), 3);
    assert!(ran.err().contains("web01: attempt 1: exit status 1; trying again in"), "{ran}");
}

/// R1.6, R7.5
#[test]
fn the_limit_over_all_attempts_ends_them() {
    let lab = Lab::new(1);
    lab.fleet().stop_node(0).unwrap();
    let ran = lab
        .run_events("web01", "true")
        .args(["--retries", "99", "--retry-wait", "100ms", "--retry-growth", "constant"])
        .args(["--retry-deadline", "1s"])
        .exits(3);
    let failed = ran.events().iter().filter(|event| event["type"] == "attemptFailed").count();
    assert!((1..=12).contains(&failed), "{failed}");
}

/// R7.7, R7.8: a node that could not be reached again and again is refused at once, in the next call too, until it is
/// time for a probe or somebody resets it.
#[test]
fn a_node_that_fails_again_and_again_is_refused_until_somebody_says_otherwise() {
    let lab = Lab::new(2);
    lab.fleet().stop_node(1).unwrap();
    let run = || lab.run("web[01-02]", "true").args(["--node-breaker", "2"]);
    for _ in 0..2 {
        let ran = run().exits(1);
        assert!(ran.err().contains("web02  unreachable"), "{ran}");
    }
    lab.fleet().start_node(1).unwrap();
    let refused = run().exits(1);
    assert!(refused.err().contains("web02  rejected"), "{refused}");
    assert!(refused.err().contains("the next probe may pass at"), "{refused}");
    let listed = lab.pab(["breakers", "list", "--format", "ndjson"]).succeeds().events();
    assert_eq!(
        (listed.len(), &listed[0]["component"], &listed[0]["state"]),
        (1, &"node:web02".into(), &"open".into())
    );
    assert!(lab.pab(["breakers", "list"]).succeeds().out().contains("node:web02"));
    let _ = lab.pab(["breakers", "reset", "node:web02"]).succeeds();
    assert_eq!(lab.pab(["breakers", "list", "--format", "json"]).succeeds().json(), Value::Array(vec![]));
    let _ = run().succeeds();
    let bad = lab.pab(["breakers", "reset", "web02"]).exits(2);
    assert!(bad.err().contains("plugin:NAME, node:NAME or group:NAME"), "{bad}");
}

/// R7.7, R7.8: when many nodes of a group cannot be reached the others of it are not asked, in the next call too, until
/// somebody resets its breaker; nodes outside of it are.
#[test]
fn a_group_whose_nodes_cannot_be_reached_is_refused_until_somebody_says_otherwise() {
    let lab = Lab::new(4);
    lab.fleet().stop_node(0).unwrap();
    lab.fleet().stop_node(1).unwrap();
    let text = "groups:\n  dc1: ['web[01-03]']\n  dc2: [web04]\n  site: {children: [dc1, dc2]}\n";
    let inventory = lab.write("nodes.yaml", text);
    let run = |targets: &str, groups: &str| {
        lab.run(targets, "true").args(["--inventory".as_ref(), inventory.as_os_str()]).args([
            "--group-breaker",
            "2",
            "--breaker-groups",
            groups,
            "--concurrency",
            "1",
        ])
    };
    let ran = run("@site", "dc1").exits(1);
    for line in ["web01  unreachable", "web02  unreachable", "web03  rejected"] {
        assert!(ran.err().contains(line), "{ran}");
    }
    assert!(ran.err().contains("group:dc1") && ran.err().contains("the next probe may pass at"), "{ran}");
    assert!(!ran.err().contains("web04  "), "{ran}");
    assert_eq!((lab.connections_seen(2), lab.connections_seen(3)), (0, 1));

    let listed = lab.pab(["breakers", "list", "--format", "ndjson"]).succeeds().events();
    let shown: Vec<_> =
        listed.iter().map(|one| (&one["component"], &one["state"], &one["failures"])).collect();
    assert_eq!(shown, [(&"group:dc1".into(), &"open".into(), &2.into())]);
    let planned = lab
        .on("web03,web04", ["plan", "run", "true", "--group-breaker", "2"])
        .args(["--inventory".as_ref(), inventory.as_os_str()])
        .succeeds();
    assert!(planned.out().contains("group:dc1 is open"), "{planned}");
    assert!(run("web03", "dc1").exits(3).err().contains("web03  rejected"));
    assert!(lab.pab(["breakers", "reset", "group:dc1"]).succeeds().err().contains("is closed now"));
    let _ = run("web03", "dc1").succeeds();

    // What would never refuse anything is no protection.
    assert!(run("web03", "dc1,dc9").exits(2).err().contains("--breaker-groups: unknown group dc9"));
    let none = lab.run("web03", "true").args(["--group-breaker", "2"]).exits(2);
    assert!(none.err().contains("--group-breaker: there are no groups"), "{none}");
}

/// R7.7, R7.8: a `pab` that runs sees what another one does to a breaker.
#[test]
fn a_reset_takes_effect_on_a_pab_that_runs() {
    let lab = Lab::new(1);
    lab.fleet().stop_node(0).unwrap();
    // So many attempts are over long before the minute for which the breaker stays open.
    let mut running = lab
        .run_events("web01", "true")
        .args(["--node-breaker", "1", "--retries", "99", "--retry-wait", "200ms"])
        .args(["--retry-growth", "constant", "--retry-on", "unreachable,rejected"])
        .spawn();
    running.events_until("the breaker", |event| event["type"] == "breakerChanged");
    lab.fleet().start_node(0).unwrap();
    running.events_until("a refused attempt", |event| event["result"]["outcome"] == "rejected");
    let reset = || lab.pab(["breakers", "reset", "node:web01"]).succeeds().err().contains("is closed now");
    // It is stored beside the run.
    wait::until("the reset", Duration::from_secs(10), reset).unwrap();
    let ended = running.end();
    assert_eq!(ended.code(), Some(0), "{ended}");
    assert_eq!(lab.connections_seen(0), 1);
}

/// R7.7, R7.8: two engines over one database, each of which sees what the other one does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_engines_over_one_database_have_the_same_breakers() {
    let lab = Lab::new(1);
    lab.fleet().stop_node(0).unwrap();
    let policy = |failures| BreakerPolicy { failures, open_ms: 3_600_000, ..BreakerPolicy::default() };
    let with = async |failures| {
        let limits = |limits: &mut EngineLimits| {
            limits.node_breaker = Some(policy(failures));
            limits.breaker_poll = Duration::from_millis(20);
        };
        facade::open(&lab, limits, |_| {}).await
    };
    let (opens, patient) = (with(1).await, with(1_000_000).await);
    let code = async |framework: &Framework| {
        let ran = framework.execute(caller(), command("web01", "true")).await.unwrap();
        let targets = framework.targets(&caller(), ran.record.id, &TargetQuery::default()).await.unwrap();
        targets.items[0].result.as_ref().unwrap().word()
    };
    let until = async |wanted: &str| {
        let wait = async {
            while code(&patient).await != wanted {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect(wanted);
    };
    assert_eq!(code(&patient).await, "unreachable");
    assert_eq!(code(&opens).await, "unreachable");
    // By itself it would try a million times.
    until("rejected").await;
    lab.fleet().start_node(0).unwrap();
    assert_eq!((code(&opens).await, code(&patient).await), ("rejected", "rejected"));
    let component = "node:web01".parse().unwrap();
    assert!(patient.reset_breaker(&caller(), &component).await.unwrap());
    assert_eq!(code(&patient).await, "succeeded");
    assert!(!opens.reset_breaker(&caller(), &component).await.unwrap(), "it has read that on being asked");
    assert_eq!(code(&opens).await, "succeeded");
    assert_eq!(opens.breakers(&caller()).await.unwrap(), []);
    for framework in [opens, patient] {
        framework.shutdown(Duration::from_secs(5)).await;
    }
}
