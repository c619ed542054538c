//! One run of a tool for many nodes (R8.3).

use std::time::Duration;

use pabawi_domain::summary::ExecutionStatus;
use pabawi_testkit::scripted::NodeScript;
use tokio::time::Instant;

use crate::support::{Rig, bolt, node, task};

fn sizes(plugin: &pabawi_testkit::scripted::ScriptedPlugin) -> Vec<usize> {
    plugin.runs().iter().map(|run| run.run.targets.len()).collect()
}

/// R8.3, R2.8: a thousand nodes that may all run cost one run of the tool.
#[tokio::test(start_paused = true)]
async fn nodes_that_may_run_together_are_one_run() {
    let plugin = bolt().default_script(NodeScript::new().stdout("done\n"));
    let rig = Rig::new(&[&plugin]).await;
    let ended = rig.execute(task("many*1000", 1000)).await;
    assert_eq!(ended.summary.status, ExecutionStatus::Completed);
    assert_eq!(ended.summary.progress.succeeded, 1000);
    assert_eq!(sizes(&plugin), [1000]);
    let stats = rig.tool_runs("bolt");
    assert_eq!((stats.runs, stats.nodes, stats.last, stats.largest), (1, 1000, 1000, 1000));
    assert_eq!((stats.running, stats.waiting), (0, 0));
    let run = &plugin.runs()[0].run;
    assert_eq!(run.execution_id, ended.record.id);
    assert_eq!(run.action.kind().as_str(), "task");
}

/// R8.3, R8.2: the limit on nodes at once is the size of the runs.
#[tokio::test(start_paused = true)]
async fn runs_are_as_large_as_the_permits_allow() {
    let plugin = bolt().default_script(NodeScript::new().waits(Duration::from_secs(10)));
    let rig = Rig::new(&[&plugin]).await;
    let began = Instant::now();
    let ended = rig.execute(task("many*1000", 50)).await;
    assert_eq!(ended.summary.progress.succeeded, 1000);
    assert_eq!(sizes(&plugin), [50; 20]);
    assert!(began.elapsed() < Duration::from_millis(201_000), "{:?}", began.elapsed());
}

/// R8.3: nodes of a run end one after the other, as with a tool that works with forks of its own, and those who come
/// for their permits wait for company, but not for long.
#[tokio::test(start_paused = true)]
async fn those_who_come_one_by_one_are_gathered() {
    let mut plugin = bolt();
    for number in 0..200_u64 {
        let script = NodeScript::new().waits(Duration::from_millis(10 * (number % 50 + 1)));
        plugin = plugin.node(&node(&format!("many{number}")), script);
    }
    let rig = Rig::new(&[&plugin]).await;
    let ended = rig.execute(task("many*200", 50)).await;
    assert_eq!(ended.summary.progress.succeeded, 200);
    assert!(plugin.runs().len() <= 12, "{:?}", sizes(&plugin));
    // One that never ends holds nobody up.
    let plugin = bolt().node(&node("a"), NodeScript::new().waits(Duration::from_secs(100)));
    let plugin = plugin.node(&node("b"), NodeScript::new().waits(Duration::from_secs(100)));
    let rig = Rig::new(&[&plugin]).await;
    let began = Instant::now();
    rig.execute(task("a,b,c,d", 3)).await;
    assert_eq!(sizes(&plugin), [3, 1]);
    assert!(began.elapsed() < Duration::from_millis(100_500), "{:?}", began.elapsed());
}

/// R8.3: a run has a bound, and executions do not share one.
#[tokio::test(start_paused = true)]
async fn a_run_is_bounded_and_of_one_execution() {
    let plugin = bolt().default_script(NodeScript::new().waits(Duration::from_secs(1)));
    let rig = Rig::new(&[&plugin]).await;
    let (one, other) = (rig.submit(task("many*1200", 1200)).await, rig.submit(task("a,b", 2)).await);
    rig.wait(one).await;
    rig.wait(other).await;
    for (id, expected) in [(one, vec![200, 1000]), (other, vec![2])] {
        let runs = plugin.runs();
        let of_it = runs.iter().filter(|run| run.run.execution_id == id);
        let mut sizes: Vec<usize> = of_it.map(|run| run.run.targets.len()).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, expected);
    }
}

/// R1.4, R1.5: what is special about a node stays with it.
#[tokio::test(start_paused = true)]
async fn each_node_of_a_run_has_its_own_output_and_end() {
    let plugin = bolt()
        .node(&node("a"), NodeScript::new().stdout("out of a").stderr("err of a"))
        .node(&node("b"), NodeScript::new().stdout("out of b").exits(3))
        .node(&node("c"), NodeScript::new().signalled("SEGV"));
    let rig = Rig::new(&[&plugin]).await;
    let ended = rig.execute(task("a,b,c", 3)).await;
    assert_eq!(ended.summary.status, ExecutionStatus::Partial);
    assert_eq!(sizes(&plugin), [3]);
    let id = ended.record.id;
    assert_eq!(rig.outcome(id, "a").await.word(), "succeeded");
    assert_eq!(rig.outcome(id, "b").await.exit_code(), Some(3));
    assert_eq!(rig.outcome(id, "c").await.word(), "signalled");
}
