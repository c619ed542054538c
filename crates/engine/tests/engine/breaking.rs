//! Circuit breakers: who fails again and again is not asked for a while, and that survives a restart.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pabawi_domain::breaker::{BreakerState, Component};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::event::EventKind;
use pabawi_domain::outcome::{NodeOutcome, RejectedBy};
use pabawi_domain::ports::{BreakerStore as _, Metric, MetricsSink};
use pabawi_domain::resilience::BreakerPolicy;
use pabawi_engine::{AllowAll, Engine, EngineLimits};
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};

use super::support::{Names, Rig, ann, command, node, settle};

const POLICY: BreakerPolicy =
    BreakerPolicy { failures: 3, rate: None, window_ms: 60_000, open_ms: 30_000, probes: 1 };

fn limits() -> EngineLimits {
    EngineLimits { node_breaker: Some(POLICY), plugin_breaker: Some(POLICY), ..EngineLimits::default() }
}

async fn rig(store: &Arc<MemoryStore>, transport: ScriptedTransport) -> Rig {
    Rig::on(Arc::clone(store), transport, limits()).await
}

async fn end(rig: &Rig, name: &str) -> NodeOutcome {
    let outcome = rig.execute(command(name)).await;
    rig.outcome(outcome.record.id, name).await
}

fn refuses(times: u32) -> ScriptedTransport {
    let script = NodeScript::new().connect_fails_times(times, ErrorCode::ConnectionRefused);
    ScriptedTransport::new().node(&node("a"), script)
}

/// R7.7, R7.8: after so many failures nobody connects any more, the others are not affected, and one probe
/// opens the way again.
#[tokio::test(start_paused = true)]
async fn a_node_that_fails_again_and_again_is_refused_at_once() {
    let rig = rig(&Arc::new(MemoryStore::new()), refuses(4)).await;
    for _ in 0..3 {
        assert_eq!(end(&rig, "a").await.word(), "unreachable");
    }
    let NodeOutcome::Rejected { by: RejectedBy::Breaker, error } = end(&rig, "a").await else { panic!() };
    assert_eq!((error.code, rig.transport.counts(&node("a")).connects), (ErrorCode::BreakerOpen, 3));
    assert!(error.message.contains("node:a") && error.message.contains("in 30.0 s"), "{}", error.message);
    assert!(end(&rig, "b").await.is_success());
    let all = rig.engine.breakers(&ann()).await.unwrap();
    assert_eq!((all.len(), all[0].state, all[0].failures), (1, BreakerState::Open, 3));

    rig.clock.advance(Duration::from_secs(30));
    assert_eq!(end(&rig, "a").await.word(), "unreachable", "the probe");
    assert_eq!(end(&rig, "a").await.word(), "rejected", "it opened again");
    rig.clock.advance(Duration::from_secs(30));
    assert!(end(&rig, "a").await.is_success(), "the probe succeeds");
    assert!(end(&rig, "a").await.is_success());
    assert_eq!(rig.engine.breakers(&ann()).await.unwrap(), []);
}

/// R7.8: what changes is told where it happened.
#[tokio::test(start_paused = true)]
async fn the_execution_that_opens_a_breaker_tells_so() {
    let rig = rig(&Arc::new(MemoryStore::new()), refuses(99)).await;
    let mut told = Vec::new();
    for _ in 0..4 {
        let outcome = rig.execute(command("a")).await;
        for event in rig.events(outcome.record.id).await.rest().await {
            if let EventKind::BreakerChanged { breaker } = &event.kind {
                told.push((breaker.component.to_string(), breaker.state, breaker.next_probe_at.is_some()));
            }
        }
    }
    assert_eq!(told, [("node:a".to_owned(), BreakerState::Open, true)]);
}

/// What a command does on a node says nothing against the node, and a cancelled run says nothing at all.
#[tokio::test(start_paused = true)]
async fn only_what_cannot_be_reached_counts() {
    let transport = ScriptedTransport::new().default_script(NodeScript::new().exits(1));
    let rig = rig(&Arc::new(MemoryStore::new()), transport).await;
    for _ in 0..9 {
        assert_eq!(end(&rig, "a").await.word(), "exited");
    }
    assert_eq!(rig.engine.breakers(&ann()).await.unwrap(), []);
}

/// R7.4, R7.7: a transport that panics again and again is not called any more, whatever the node.
#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_is_refused_for_every_node() {
    let transport = ScriptedTransport::new().default_script(NodeScript::new().panics());
    let rig = rig(&Arc::new(MemoryStore::new()), transport).await;
    for name in ["a", "b", "c"] {
        assert_eq!(end(&rig, name).await.word(), "pluginFault");
    }
    let refused = end(&rig, "d").await;
    assert_eq!(refused.word(), "rejected");
    assert!(refused.error().unwrap().message.contains("plugin:ssh"), "{refused:?}");
    let component: Component = "plugin:ssh".parse().unwrap();
    assert!(rig.engine.reset_breaker(&ann(), &component).await.unwrap());
    assert!(!rig.engine.reset_breaker(&ann(), &component).await.unwrap());
    assert_eq!(end(&rig, "d").await.word(), "pluginFault");
}

/// R7.7
#[tokio::test(start_paused = true)]
async fn an_open_breaker_survives_a_restart() {
    let store = Arc::new(MemoryStore::new());
    let first = rig(&store, refuses(99)).await;
    for _ in 0..3 {
        end(&first, "a").await;
    }
    // What has changed is stored beside the run, so its end does not wait for that.
    settle().await;
    assert_eq!(store.breakers(0).await.unwrap().records.len(), 1);
    let second = rig(&store, refuses(0)).await;
    assert_eq!(end(&second, "a").await.word(), "rejected");
    second.clock.advance(Duration::from_secs(30));
    assert!(end(&second, "a").await.is_success());
    settle().await;
    assert_eq!(store.breakers(0).await.unwrap().records[0].status.state, BreakerState::Closed);
}

#[derive(Default)]
struct Measured(Mutex<Vec<String>>);

impl MetricsSink for Measured {
    fn record(&self, metric: Metric<'_>) {
        let text = match metric {
            Metric::Count { name, by, labels } => format!("{name}{labels:?} +{by}"),
            Metric::Gauge { name, value, .. } => format!("{name} = {value}"),
            Metric::Duration { name, .. } => name.to_owned(),
            _ => return,
        };
        self.0.lock().unwrap().push(text);
    }
}

struct Panics;

impl MetricsSink for Panics {
    fn record(&self, _: Metric<'_>) {
        panic!("bug in the host")
    }
}

async fn measured(sink: Arc<dyn MetricsSink>) {
    let engine = Engine::builder()
        .store(Arc::new(MemoryStore::new()))
        .transport(Arc::new(refuses(99)))
        .resolver(Arc::new(Names))
        .authorizer(Arc::new(AllowAll))
        .metrics(sink)
        .limits(limits())
        .build()
        .await
        .unwrap();
    for _ in 0..3 {
        engine.execute(ann(), command("a,b")).await.unwrap();
    }
}

/// R5.7, R8.7
#[tokio::test(start_paused = true)]
async fn runs_executions_and_breakers_are_measured() {
    let sink = Arc::new(Measured::default());
    measured(sink.clone()).await;
    let measured = sink.0.lock().unwrap();
    let count = |wanted: &str| measured.iter().filter(|text| text.starts_with(wanted)).count();
    assert_eq!(count("pabawi_node_runs_total[(\"outcome\", \"succeeded\")] +1"), 3);
    assert_eq!(count("pabawi_node_runs_total[(\"outcome\", \"unreachable\")] +1"), 3);
    assert_eq!(count("pabawi_executions_total[(\"status\", \"partial\")] +1"), 3);
    assert_eq!(
        (count("pabawi_execution_targets = 2"), count("pabawi_execution_success_ratio = 0.5")),
        (3, 3)
    );
    assert_eq!(count("pabawi_breaker_changes_total[(\"state\", \"open\")] +1"), 1);
    assert_eq!(count("pabawi_breakers_open = 1"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_panics_hurts_no_run() {
    measured(Arc::new(Panics)).await;
}

/// R7.7: a probe has done its work once its command runs; the others need not wait for the end of it.
#[tokio::test(start_paused = true)]
async fn a_long_command_as_a_probe_lets_the_others_through() {
    let gate = Gate::new();
    let script = NodeScript::new()
        .connect_fails_times(3, ErrorCode::ConnectionRefused)
        .waits_for(&gate)
        .then(NodeScript::new());
    let rig = rig(&Arc::new(MemoryStore::new()), ScriptedTransport::new().node(&node("a"), script)).await;
    for _ in 0..3 {
        end(&rig, "a").await;
    }
    rig.clock.advance(Duration::from_secs(30));
    let long = rig.submit(command("a")).await;
    rig.events(long).await.until_started("a").await;
    settle().await;
    assert!(end(&rig, "a").await.is_success(), "the probe runs, and the way is open");
    gate.open();
    assert_eq!(rig.wait(long).await.summary.progress.succeeded, 1);
}
