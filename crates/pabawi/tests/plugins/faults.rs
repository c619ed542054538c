//! What a plugin can do wrong, and what becomes of its nodes (R7.4).

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::ActionKind;
use pabawi_domain::breaker::BreakerState;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::event::EventKind;
use pabawi_domain::outcome::{NodeOutcome, Termination};
use pabawi_domain::summary::ExecutionStatus;
use pabawi_engine::AllowAll;
use pabawi_plugins::host::HostSettings;
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{Conduct, NodeScript, ScriptedPlugin, capability};
use tokio::time::Instant;

use crate::support::{Rig, ann, bolt, node, settle, task};

/// R7.4, R7.3: whatever a plugin does at the start, every node of that run gets a fault that names node, plugin and code,
/// in time, and what had been started is ended.
#[tokio::test(start_paused = true)]
async fn every_fault_of_a_start_is_the_outcome_of_its_nodes() {
    let cases = [
        (Conduct::Fails(ErrorCode::Unavailable), "scripted failure of the plugin", ErrorCode::Unavailable),
        (Conduct::Panics, "scripted panic of the plugin", ErrorCode::PluginFault),
        (Conduct::Hangs, "did not start the tool within 60000 ms", ErrorCode::PluginFault),
        (
            Conduct::LeavesOut(1),
            "answered for 2 nodes where 3 were asked for; missing: c",
            ErrorCode::PluginFault,
        ),
        (Conduct::LeavesOut(3), "answered for 0 nodes", ErrorCode::PluginFault),
        (Conduct::Adds(node("x")), "not asked for, or twice: x", ErrorCode::PluginFault),
        (Conduct::Doubles, "missing: c; not asked for, or twice: a", ErrorCode::PluginFault),
    ];
    for (conduct, text, code) in cases {
        let plugin = bolt().default_script(NodeScript::new().hangs()).node(&node("d"), NodeScript::new());
        let rig = Rig::new(&[&plugin]).await;
        plugin.next_run(conduct.clone());
        let began = Instant::now();
        let ended = rig.execute(task("a,b,c", 3)).await;
        assert!(began.elapsed() < Duration::from_secs(61), "{conduct:?}: {:?}", began.elapsed());
        assert_eq!(ended.summary.status, ExecutionStatus::Failed, "{conduct:?}");
        for name in ["a", "b", "c"] {
            let NodeOutcome::PluginFault { error } = rig.outcome(ended.record.id, name).await else {
                panic!("{conduct:?}: {name}")
            };
            assert_eq!((error.node.as_str(), error.code), (name, code), "{conduct:?}");
            assert!(error.message.contains(text), "{conduct:?}: {error}");
            let trace = error.plugin.unwrap();
            assert_eq!(trace.name.as_str(), "bolt");
            let stack = matches!(conduct, Conduct::Fails(_)).then_some("at scripted.rb:7");
            assert_eq!(trace.stack.as_deref(), stack, "{conduct:?}");
        }
        assert_eq!(plugin.running(), 0, "{conduct:?}: what was started was ended");
        let next = rig.execute(task("d", 1)).await;
        assert_eq!(next.summary.status, ExecutionStatus::Completed, "{conduct:?}: the plugin is asked again");
    }
}

/// R7.4, R7.2: a fault on one node costs that node.
#[tokio::test(start_paused = true)]
async fn a_panic_on_one_node_costs_that_node() {
    let plugin = bolt()
        .node(&node("a"), NodeScript::new().stdout("half").panics())
        .node(&node("b"), NodeScript::new().fails(ErrorCode::NoRoute, "no way to b"));
    let rig = Rig::new(&[&plugin]).await;
    let ended = rig.execute(task("a,b,c", 3)).await;
    assert_eq!(ended.summary.status, ExecutionStatus::Partial);
    let id = ended.record.id;
    let NodeOutcome::PluginFault { error } = rig.outcome(id, "a").await else { panic!() };
    assert!(error.message.contains("plugin bolt: panicked: scripted panic on a"), "{error}");
    assert_eq!(rig.outcome(id, "b").await.word(), "unreachable", "the tool's own words keep their meaning");
    assert_eq!(rig.outcome(id, "c").await.word(), "succeeded");
}

/// R7.4: what a plugin says of a fault is kept up to a size, wherever it says it.
#[tokio::test(start_paused = true)]
async fn words_of_a_plugin_are_cut() {
    let long = "w".repeat(1_000_000);
    let plugin = bolt().node(&node("b"), NodeScript::new().fails(ErrorCode::NoRoute, &long)).node(
        &node("c"),
        NodeScript::new().hangs().terminate_reports(Termination::Unconfirmed { why: long.clone() }),
    );
    let rig = Rig::new(&[&plugin]).await;
    plugin.next_run(Conduct::Says(ErrorCode::PluginFault, long.clone()));
    let mut last = task("c", 1);
    last.timeouts.node_ms = Some(1_000);
    for request in [task("a", 1), task("b", 1), last] {
        let name = request.targets.as_str().to_owned();
        let ended = rig.execute(request).await;
        let outcome = serde_json::to_string(&rig.outcome(ended.record.id, &name).await).unwrap();
        assert!(outcome.len() < 34_000, "{name}: {}", outcome.len());
        assert!(outcome.contains("w... [cut: 1000000 bytes in all]"), "{name}");
    }
}

/// R7.4: a tool that does not come to its end within the limit of the capability is ended.
#[tokio::test(start_paused = true)]
async fn the_limit_of_a_capability_ends_a_tool_that_hangs() {
    let mut limited = capability(ActionKind::Task);
    limited.timeout_ms = Some(30_000);
    let plugin = bolt().capabilities([limited]).node(&node("a"), NodeScript::new().hangs());
    let rig = Rig::new(&[&plugin]).await;
    let began = Instant::now();
    let ended = rig.execute(task("a,b", 2)).await;
    assert!(began.elapsed() < Duration::from_secs(31), "{:?}", began.elapsed());
    let NodeOutcome::PluginFault { error } = rig.outcome(ended.record.id, "a").await else { panic!() };
    assert!(error.message.contains("did not end within 30000 ms"), "{error}");
    assert_eq!(error.causes, ["termination confirmed"]);
    assert_eq!(rig.outcome(ended.record.id, "b").await.word(), "succeeded");
    assert_eq!(plugin.counts(&node("a")).terminations.len(), 1);
}

/// R1.7: the limit of a node's run is the engine's, for tools too, also while the plugin is still starting its tool.
#[tokio::test(start_paused = true)]
async fn the_limit_of_a_node_holds() {
    let plugin = bolt().node(&node("a"), NodeScript::new().hangs());
    let rig = Rig::new(&[&plugin]).await;
    let mut request = task("a,b", 2);
    request.timeouts.node_ms = Some(5_000);
    let ended = rig.execute(request.clone()).await;
    let outcome = rig.outcome(ended.record.id, "a").await;
    assert_eq!((outcome.word(), outcome.termination()), ("timedOut", Some(&Termination::Confirmed)));
    plugin.next_run(Conduct::Hangs);
    let began = Instant::now();
    let ended = rig.execute(request).await;
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let outcome = rig.outcome(ended.record.id, "b").await;
    assert!(matches!(outcome.termination(), Some(Termination::Unconfirmed { .. })), "{outcome:?}");
}

/// R7.7, R7.8: a plugin that fails again and again is left alone for a time, and asked again after it.
#[tokio::test(start_paused = true)]
async fn the_breaker_of_a_plugin_opens_and_closes() {
    let plugin = bolt();
    let rig = Rig::new(&[&plugin]).await;
    let policy = rig.engine.limits().plugin_breaker.unwrap();
    plugin.next_run(Conduct::Fails(ErrorCode::PluginFault));
    let many = policy.failures + 5;
    let ended = rig.execute(task(&format!("many*{many}"), many)).await;
    assert_eq!(ended.summary.status, ExecutionStatus::Failed);
    let breakers = rig.engine.breakers(&ann()).await.unwrap();
    let states: Vec<String> =
        breakers.iter().map(|one| format!("{} {}", one.component, one.state.as_str())).collect();
    assert_eq!(states, ["plugin:bolt open"]);
    let refused = rig.execute(task("a", 1)).await;
    assert_eq!(rig.outcome(refused.record.id, "a").await.word(), "rejected");
    assert_eq!(plugin.runs().len(), 1, "the plugin was not asked");
    rig.clock.advance(Duration::from_millis(policy.open_ms + 1));
    let works = rig.execute(task("a", 1)).await;
    assert_eq!(works.summary.status, ExecutionStatus::Completed);
    assert!(rig.engine.breakers(&ann()).await.unwrap().is_empty());
}

/// Opens the breaker of `bolt` and waits until a probe may pass.
async fn opened(rig: &Rig, plugin: &ScriptedPlugin) {
    let policy = rig.engine.limits().plugin_breaker.unwrap();
    plugin.next_run(Conduct::Panics);
    rig.execute(task(&format!("many*{}", policy.failures), policy.failures)).await;
    assert_eq!(rig.engine.breakers(&ann()).await.unwrap()[0].state, BreakerState::Open);
    rig.clock.advance(Duration::from_millis(policy.open_ms + 1));
}

async fn word(rig: &Rig, name: &str) -> &'static str {
    let ended = rig.execute(task(name, 1)).await;
    rig.outcome(ended.record.id, name).await.word()
}

/// R7.7, R7.8: a probe has shown that the plugin works when the tool has been started and has said something, or has gone on
/// for a while without a word; others need not wait for its end. A tool that breaks at once has shown nothing.
#[tokio::test(start_paused = true)]
async fn a_probe_that_works_lets_others_through_before_its_end() {
    let hour = Duration::from_secs(3_600);
    let plugin = bolt()
        .node(&node("speaks"), NodeScript::new().waits(Duration::from_secs(3)).stdout("hello").waits(hour))
        .node(&node("silent"), NodeScript::new().waits(hour))
        .node(&node("breaks"), NodeScript::new().waits(Duration::from_secs(3)).panics());
    for (probe, early, works) in [("speaks", 2, true), ("silent", 9, true), ("breaks", 2, false)] {
        let rig = Rig::new(&[&plugin]).await;
        opened(&rig, &plugin).await;
        let id = rig.submit(task(probe, 1)).await;
        tokio::time::sleep(Duration::from_secs(early)).await;
        assert_eq!(word(&rig, "x").await, "rejected", "{probe}: nobody knows yet");
        tokio::time::sleep(Duration::from_secs(2)).await;
        let breakers = rig.engine.breakers(&ann()).await.unwrap();
        assert_eq!(breakers.is_empty(), works, "{probe}: {breakers:?}");
        assert_eq!(word(&rig, "x").await, if works { "succeeded" } else { "rejected" }, "{probe}");
        if works {
            let told = rig.store.stored_events(id);
            let closed = |kind: &EventKind| matches!(kind, EventKind::BreakerChanged { breaker } if breaker.state == BreakerState::Closed);
            assert!(told.iter().any(|event| closed(&event.kind)), "{told:?}");
        }
    }
}

/// R7.8: what a probe has shown while it runs is seen by other processes on the same store.
#[tokio::test(start_paused = true)]
async fn what_a_probe_has_shown_is_seen_by_other_processes() {
    let store = Arc::new(MemoryStore::new());
    let plugin =
        bolt().node(&node("speaks"), NodeScript::new().stdout("hello").waits(Duration::from_secs(3_600)));
    let here = Rig::over(Arc::clone(&store), &[&plugin], Arc::new(AllowAll), HostSettings::default()).await;
    opened(&here, &plugin).await;
    settle().await;
    let other = bolt();
    let there = Rig::over(store, &[&other], Arc::new(AllowAll), HostSettings::default()).await;
    assert_eq!(there.engine.breakers(&ann()).await.unwrap()[0].state, BreakerState::Open);
    here.submit(task("speaks", 1)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    there.clock.advance(Duration::from_secs(1));
    assert_eq!(word(&there, "x").await, "succeeded");
    assert!(there.engine.breakers(&ann()).await.unwrap().is_empty());
}
