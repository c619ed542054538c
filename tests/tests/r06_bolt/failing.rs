//! What Bolt itself does wrong, and runs that are ended.

use std::time::Duration;

use pabawi::ports::TerminateMode;
use pabawi::{CancelScope, ErrorCode, NodeOutcome, Termination, TimeoutPhase};
use pabawi_testkit::{process, wait};
use pabawi_tests::facade::caller;
use pabawi_tests::own_memory;
use pabawi_tests::{LIMIT, unique};
use serde_json::json;

use crate::rig::{BOLT, Place, Rig, command, error, outcome, request, task};

/// R7.3: what is wrong with all of a run is told by each node, with Bolt's kind.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_run_is_told_by_all_nodes() {
    // With exit status 0, too.
    for rig in [Rig::new().await, Rig::mode("calm").await] {
        for (name, parameters, code, part) in [
            (
                "nosuch",
                json!({}),
                ErrorCode::BadConfig,
                "[bolt/unknown-task] Could not find a task named 'nosuch'",
            ),
            (
                "package",
                json!({"name": "x", "action": "install", "nosuch": 1}),
                ErrorCode::Validation,
                "[bolt/validation-error] Task package: has no parameter named 'nosuch'",
            ),
            (
                "package",
                json!({"name": "x"}),
                ErrorCode::Validation,
                "expects a value for parameter 'action'",
            ),
        ] {
            let targets = rig.run("web[1-2]", task(name, parameters)).await;
            assert_eq!(targets.len(), 2);
            for target in targets {
                assert_eq!(outcome(&target).word(), "failed");
                let (found, message) = error(&target);
                assert!(found == code && message.contains(part), "{found} {message}");
            }
        }
        let targets = rig.run("auth1,web1", task("echo", json!({"message": "x"}))).await;
        assert_eq!(outcome(&targets[0]).word(), "authFailed", "whatever the exit status is");
        assert_eq!(outcome(&targets[1]), &NodeOutcome::Succeeded);
    }
}

/// R7.4: exit status 0 with nonsense, with silence and with half an answer is no success, and says what was printed.
#[tokio::test(flavor = "multi_thread")]
async fn bolt_is_not_believed_by_its_exit_status() {
    for (mode, parts) in [
        ("garbage", &["cannot be understood: something that is no JSON", "Bolt has met an unexpected"][..]),
        ("empty", &["there is no JSON, and it printed nothing (exit status 0)"]),
        ("silent", &["it printed nothing (exit status 3)", "it said: no more files"]),
        ("truncated", &["the JSON breaks off; its output begins: { \"items\": ["]),
        ("killed", &["was ended by SIGKILL before it was done with this node"]),
    ] {
        let rig = Rig::mode(mode).await;
        let targets = rig.run("web[1-2]", command("echo hello")).await;
        let last = &targets[1];
        assert_eq!(outcome(last).word(), "pluginFault", "{mode}");
        for part in parts {
            assert!(error(last).1.contains(part), "{mode}: {:?}", last.result);
        }
        if ["truncated", "killed"].contains(&mode) {
            assert_eq!(outcome(&targets[0]), &NodeOutcome::Succeeded, "it was done before");
            assert_eq!(rig.stdout(&targets[0]).await, "hello\n");
        }
    }
}

/// R7.5
#[tokio::test(flavor = "multi_thread")]
async fn a_bolt_that_ignores_the_signal_is_killed() {
    let rig = Rig::mode("deaf").await;
    let id = rig.framework.submit(caller(), request("web1", command("true"))).await.unwrap();
    let own = rig.private().display().to_string();
    let working = || process::all().iter().any(|one| one.command_line.contains(&own));
    wait::until_async("bolt to work", BOLT, working).await.unwrap();
    let mode = TerminateMode::Graceful { grace: Duration::from_millis(500) };
    rig.framework.cancel(&caller(), id, CancelScope::All, mode).await.unwrap();
    let done = tokio::time::timeout(LIMIT, rig.framework.wait(&caller(), id)).await.unwrap().unwrap();
    assert_eq!(done.summary.progress.cancelled, 1);
    let left = outcome(&rig.targets(id).await[0]).termination().cloned();
    assert!(
        matches!(&left, Some(Termination::Unconfirmed { why }) if why.contains("nobody looked")),
        "{left:?}"
    );
    wait::until_async("bolt to be gone", LIMIT, || !working()).await.unwrap();
    wait::until_async("its files to be gone", LIMIT, || rig.run_directories().is_empty()).await.unwrap();
}

/// R7.5: what Bolt has started here goes with it, also what left its process group.
#[tokio::test(flavor = "multi_thread")]
async fn children_of_bolt_go_with_it() {
    let sleep = format!("3{}", unique());
    let variables = [("STANDIN_MODE", "children"), ("STANDIN_SLEEP", sleep.as_str())];
    let rig = Rig::with(Place::new(), &variables, json!({})).await;
    let id = rig.framework.submit(caller(), request("web1", command("true"))).await.unwrap();
    let line = format!("sleep {sleep}");
    let count = || process::all().iter().filter(|one| one.command_line == line).count();
    wait::until_async("its children to sleep", BOLT, || count() == 2).await.unwrap();
    let mode = TerminateMode::Graceful { grace: Duration::from_secs(1) };
    rig.framework.cancel(&caller(), id, CancelScope::All, mode).await.unwrap();
    tokio::time::timeout(LIMIT, rig.framework.wait(&caller(), id)).await.unwrap().unwrap();
    wait::until_async("its children to be gone", LIMIT, || count() == 0).await.unwrap();
}

/// R7.5: a run that takes too long is ended, and the nodes have timed out.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_takes_too_long_has_timed_out() {
    let late = [("STANDIN_MODE", "late")];
    let rig = Rig::with(Place::new(), &late, json!({"timeoutMs": 1_500})).await;
    for target in rig.run("web[1-2]", command("true")).await {
        let NodeOutcome::TimedOut { phase: TimeoutPhase::Run, termination: Some(left) } = outcome(&target)
        else {
            panic!("{:?}", target.result)
        };
        assert!(matches!(left, Termination::Unconfirmed { .. }), "{left:?}");
    }
    let own = rig.private().display().to_string();
    assert!(!process::all().iter().any(|one| one.command_line.contains(&own)), "it is gone by then");
    wait::until_async("its files to be gone", LIMIT, || rig.run_directories().is_empty()).await.unwrap();
    // The limit of a request is shorter.
    let rig = Rig::mode("late").await;
    let mut limited = request("web1", command("true"));
    limited.timeouts.node_ms = Some(2_000);
    let done = rig.framework.execute(caller(), limited);
    let done = tokio::time::timeout(BOLT, done).await.unwrap().unwrap();
    let targets = rig.targets(done.record.id).await;
    assert_eq!(outcome(&targets[0]).word(), "timedOut", "{:?}", targets[0].result);
    assert!(outcome(&targets[0]).termination().is_some());
}

/// R8: what a node printed is held nowhere as a whole, though Bolt prints it as one text.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_kept_in_part_and_counted_in_whole() {
    const MIB: u64 = 1024;
    let variables = [("STANDIN_MODE", "flood"), ("STANDIN_MIB", "1024")];
    let rig = Rig::with(Place::new(), &variables, json!({})).await;
    let before = own_memory(std::process::id()).unwrap();
    let targets = rig.run("web1", command("true")).await;
    let grown = own_memory(std::process::id()).unwrap().saturating_sub(before);
    assert_eq!(outcome(&targets[0]), &NodeOutcome::Succeeded, "{:?}", targets[0].result);
    let stdout = targets[0].stdout.unwrap();
    assert_eq!(stdout.total_bytes, MIB << 20);
    assert!(stdout.omitted_bytes > 0);
    assert!(grown < 400 << 20, "{grown} bytes more than before");
    // The same without JSON is given up at once.
    let variables = [("STANDIN_MODE", "noise"), ("STANDIN_MIB", "1024")];
    let rig = Rig::with(Place::new(), &variables, json!({})).await;
    let targets = rig.run("web1", command("true")).await;
    assert_eq!(outcome(&targets[0]).word(), "pluginFault");
    assert!(error(&targets[0]).1.len() < 10_000, "its message is short");
}
