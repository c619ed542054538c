//! Ending one node of a run, and all of them (R1.9, R8.8).

use std::time::Duration;

use pabawi_domain::outcome::{NodeOutcome, Termination};
use pabawi_domain::ports::TerminateMode;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_engine::CancelScope;
use pabawi_testkit::scripted::{Conduct, Gate, NodeScript};
use tokio::time::Instant;

use crate::support::{Rig, ann, bolt, node, settle, task};

const GRACEFUL: TerminateMode = TerminateMode::Graceful { grace: Duration::from_secs(2) };

/// R8.8: where the tool can, one node is ended and the others go on.
#[tokio::test(start_paused = true)]
async fn one_node_is_ended_alone_where_the_tool_can() {
    let gate = Gate::new();
    let plugin = bolt().default_script(NodeScript::new().waits_for(&gate));
    let rig = Rig::new(&[&plugin]).await;
    let id = rig.submit(task("a,b,c", 3)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    rig.engine.cancel(&ann(), id, CancelScope::Nodes(vec![node("b")]), GRACEFUL).await.unwrap();
    settle().await;
    assert_eq!(plugin.running(), 2);
    gate.open();
    let ended = rig.wait(id).await;
    assert_eq!(ended.summary.progress.succeeded, 2);
    let outcome = rig.outcome(id, "b").await;
    assert_eq!(outcome, NodeOutcome::Cancelled { termination: Some(Termination::Confirmed) });
    assert_eq!(plugin.counts(&node("a")).terminations, []);
}

/// R8.8: where it cannot, that is said, and the tool is ended with the last of them.
#[tokio::test(start_paused = true)]
async fn a_tool_that_ends_for_all_is_ended_when_all_are_to_end() {
    let plugin = bolt().ends_all_nodes_together().default_script(NodeScript::new().hangs());
    let rig = Rig::new(&[&plugin]).await;
    let id = rig.submit(task("a,b,c", 3)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    rig.engine.cancel(&ann(), id, CancelScope::Nodes(vec![node("b")]), GRACEFUL).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let outcome = rig.outcome(id, "b").await;
    let NodeOutcome::Cancelled { termination: Some(Termination::Unconfirmed { why }) } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(why.contains("cannot be ended on one node; it goes on for 2 others"), "{why}");
    assert_eq!(plugin.running(), 3, "the tool goes on");
    rig.engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.unwrap();
    rig.wait(id).await;
    for name in ["a", "c"] {
        let outcome = rig.outcome(id, name).await;
        assert_eq!(outcome, NodeOutcome::Cancelled { termination: Some(Termination::Confirmed) }, "{name}");
    }
    settle().await;
    assert_eq!(plugin.running(), 0);
    assert_eq!(plugin.counts(&node("b")).terminations.len(), 1, "with the others");
}

/// R8.8: a cancellation of everything is confirmed for everything, whatever the tool can.
#[tokio::test(start_paused = true)]
async fn all_nodes_are_ended_together() {
    for plugin in [bolt(), bolt().ends_all_nodes_together()] {
        let plugin = plugin.default_script(NodeScript::new().hangs());
        let rig = Rig::new(&[&plugin]).await;
        let id = rig.submit(task("many*100", 100)).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let began = Instant::now();
        rig.engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.unwrap();
        let ended = rig.wait(id).await;
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        assert_eq!(ended.summary.status, ExecutionStatus::Cancelled);
        for name in ["many0", "many99"] {
            let outcome = rig.outcome(id, name).await;
            assert_eq!(outcome, NodeOutcome::Cancelled { termination: Some(Termination::Confirmed) });
        }
        assert_eq!(plugin.running(), 0);
    }
}

/// R8.8: a node that still waits for the run is taken out of it; one whose run is being started is ended as soon as it is.
#[tokio::test(start_paused = true)]
async fn nodes_are_ended_before_and_while_the_tool_is_started() {
    let gate = Gate::new();
    let plugin = bolt().default_script(NodeScript::new().hangs());
    let rig = Rig::new(&[&plugin]).await;
    plugin.next_run(Conduct::Gated(gate.clone()));
    let id = rig.submit(task("a,b,c", 2)).await;
    settle().await;
    assert_eq!(rig.tool_runs("bolt").waiting, 2);
    rig.engine.cancel(&ann(), id, CancelScope::Nodes(vec![node("a")]), GRACEFUL).await.unwrap();
    settle().await;
    let outcome = rig.outcome(id, "a").await;
    assert_eq!(outcome, NodeOutcome::Cancelled { termination: Some(Termination::Confirmed) });
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(plugin.runs()[0].nodes(), ["b", "c"], "one has gone, and one has come in its place");
    rig.engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.unwrap();
    settle().await;
    gate.open();
    let ended = rig.wait(id).await;
    assert_eq!(ended.summary.status, ExecutionStatus::Cancelled);
    assert_eq!(rig.outcome(id, "b").await.termination(), Some(&Termination::Confirmed));
    assert_eq!(plugin.running(), 0);
}

/// R8.8, R6.7: a node that was let go of is ended with the last of the others, and only then is the plugin shut down.
#[tokio::test(start_paused = true)]
async fn a_node_that_was_let_go_of_is_ended_before_its_plugin() {
    let slow = NodeScript::new().hangs().terminate_delay(Duration::from_secs(1));
    let plugin =
        bolt().ends_all_nodes_together().default_script(NodeScript::new().hangs()).node(&node("b"), slow);
    let rig = Rig::new(&[&plugin]).await;
    let id = rig.submit(task("a,b", 2)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    rig.engine.cancel(&ann(), id, CancelScope::Nodes(vec![node("b")]), GRACEFUL).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((rig.outcome(id, "b").await.word(), plugin.running()), ("cancelled", 2));
    let closing = tokio::spawn({
        let host = rig.host.clone();
        async move { host.shutdown(Duration::from_secs(30)).await }
    });
    settle().await;
    rig.engine.cancel(&ann(), id, CancelScope::All, GRACEFUL).await.unwrap();
    rig.wait(id).await;
    assert_eq!((plugin.running(), plugin.running_at_shutdown()), (1, None), "it is being ended");
    assert_eq!(closing.await.unwrap(), []);
    assert_eq!((plugin.running(), plugin.running_at_shutdown()), (0, Some(0)));
    assert_eq!(plugin.counts(&node("b")).terminations.len(), 1);
}

/// R8.8: a node for which nobody waits any more when the tool has been started leaves alone where the tool cannot end one
/// node: the others go on, and it is ended with them.
#[tokio::test(start_paused = true)]
async fn a_node_that_was_given_up_during_the_start_ends_no_other() {
    for (alone, ended_at_once) in [(bolt(), 1), (bolt().ends_all_nodes_together(), 0)] {
        let (start, work) = (Gate::new(), Gate::new());
        let plugin = alone
            .default_script(NodeScript::new().waits_for(&work))
            .node(&node("b"), NodeScript::new().hangs());
        let rig = Rig::new(&[&plugin]).await;
        plugin.next_run(Conduct::Gated(start.clone()));
        let id = rig.submit(task("a,b", 2)).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        rig.engine.cancel(&ann(), id, CancelScope::Nodes(vec![node("b")]), GRACEFUL).await.unwrap();
        tokio::time::sleep(Duration::from_secs(15)).await;
        let outcome = rig.outcome(id, "b").await;
        assert!(matches!(outcome.termination(), Some(Termination::Unconfirmed { .. })), "{outcome:?}");
        start.open();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let terminations = |name: &str| plugin.counts(&node(name)).terminations.len();
        assert_eq!((terminations("a"), terminations("b")), (0, ended_at_once));
        work.open();
        assert_eq!(rig.wait(id).await.summary.progress.succeeded, 1);
        settle().await;
        assert_eq!((terminations("a"), terminations("b"), plugin.running()), (0, 1, 0));
    }
}
