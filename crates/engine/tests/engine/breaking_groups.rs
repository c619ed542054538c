//! Circuit breakers of groups: when many nodes of one cannot be reached, the rest of it is not asked for a while.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::breaker::BreakerState;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::event::EventKind;
use pabawi_domain::id::{ExecutionId, GroupName};
use pabawi_domain::resilience::BreakerPolicy;
use pabawi_engine::EngineLimits;
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};

use super::support::{Rig, ann, command, node, settle};

const POLICY: BreakerPolicy =
    BreakerPolicy { failures: 3, rate: None, window_ms: 60_000, open_ms: 30_000, probes: 2 };

fn limits() -> EngineLimits {
    EngineLimits { group_breaker: Some(POLICY), ..EngineLimits::default() }
}

/// Nodes whose names begin with `d` are down.
fn transport() -> ScriptedTransport {
    let down = || NodeScript::new().connect_fails(ErrorCode::ConnectionRefused);
    (0..9).fold(ScriptedTransport::new(), |transport, number| {
        transport.node(&node(&format!("d{number}")), down())
    })
}

async fn rig(store: &Arc<MemoryStore>) -> Rig {
    Rig::on(Arc::clone(store), transport(), limits()).await
}

/// Runs one node after the other; the words of their outcomes.
async fn run(rig: &Rig, targets: &str) -> (ExecutionId, Vec<&'static str>) {
    let mut request = command(targets);
    request.concurrency = Some(1);
    let id = rig.execute(request).await.record.id;
    let mut words = Vec::new();
    for target in targets.split(',') {
        let name = target.split('@').next().unwrap();
        words.push(rig.outcome(id, name).await.word());
    }
    (id, words)
}

async fn words(rig: &Rig, targets: &str) -> Vec<&'static str> {
    run(rig, targets).await.1
}

async fn states(rig: &Rig) -> Vec<(String, BreakerState)> {
    let all = rig.engine.breakers(&ann()).await.unwrap();
    all.into_iter().map(|breaker| (breaker.component.to_string(), breaker.state)).collect()
}

/// R7.7, R7.8: the nodes of a group that fails are refused at once with the time of the next probe, those of others are
/// not, and the execution that met it tells so.
#[tokio::test(start_paused = true)]
async fn the_rest_of_a_group_that_fails_is_refused_at_once() {
    let rig = rig(&Arc::new(MemoryStore::new())).await;
    let (id, words) = run(&rig, "d1@dc1,d2@dc1,d3@dc1,up1@dc1,up2@dc2,d4@dc1,d5@dc2,up3").await;
    assert_eq!(
        words,
        [
            "unreachable",
            "unreachable",
            "unreachable",
            "rejected",
            "succeeded",
            "rejected",
            "unreachable",
            "succeeded"
        ]
    );
    let refused = rig.outcome(id, "up1").await;
    let error = refused.error().unwrap();
    assert_eq!(error.code, ErrorCode::BreakerOpen);
    assert!(error.message.contains("group:dc1") && error.message.contains("in 30.0 s"), "{}", error.message);
    assert_eq!(rig.transport.counts(&node("up1")).connects, 0);
    let told: Vec<_> = rig
        .events(id)
        .await
        .rest()
        .await
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::BreakerChanged { breaker } => Some((breaker.component.to_string(), breaker.state)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [("group:dc1".to_owned(), BreakerState::Open)]);
    assert_eq!(
        states(&rig).await,
        [("group:dc1".to_owned(), BreakerState::Open), ("group:dc2".to_owned(), BreakerState::Closed)]
    );
}

/// R7.7
#[tokio::test(start_paused = true)]
async fn one_node_that_is_down_does_not_close_off_its_group() {
    let rig = rig(&Arc::new(MemoryStore::new())).await;
    for _ in 0..9 {
        assert_eq!(words(&rig, "d1@dc1,up1@dc1").await, ["unreachable", "succeeded"]);
    }
    assert_eq!(words(&rig, "d2@dc1,d3@dc1,up1@dc1").await, ["unreachable", "unreachable", "rejected"]);
}

/// What commands do on the nodes of a group says nothing against it.
#[tokio::test(start_paused = true)]
async fn only_what_counts_for_a_node_counts_for_its_groups() {
    let transport = ScriptedTransport::new().default_script(NodeScript::new().exits(1));
    let rig = Rig::with(transport, limits()).await;
    assert_eq!(words(&rig, "a@dc1,b@dc1,c@dc1,d@dc1").await, ["exited"; 4]);
    assert_eq!(states(&rig).await, []);
}

/// R7.7: several may try when the time is over, so that a node that is down for good does not speak for the others.
#[tokio::test(start_paused = true)]
async fn a_probe_that_succeeds_opens_the_way_to_the_group() {
    let rig = rig(&Arc::new(MemoryStore::new())).await;
    words(&rig, "d1@dc1,d2@dc1,d3@dc1").await;
    rig.clock.advance(Duration::from_secs(30));
    assert_eq!(words(&rig, "d1@dc1,up1@dc1,up2@dc1").await, ["unreachable", "succeeded", "succeeded"]);
    assert_eq!(states(&rig).await, []);
    assert_eq!(words(&rig, "d1@dc1,d2@dc1,d3@dc1").await, ["unreachable"; 3]);
    rig.clock.advance(Duration::from_secs(30));
    assert_eq!(words(&rig, "d1@dc1,d2@dc1,up1@dc1").await, ["unreachable", "unreachable", "rejected"]);
    assert_eq!(states(&rig).await, [("group:dc1".to_owned(), BreakerState::Open)]);
}

/// R7.7
#[tokio::test(start_paused = true)]
async fn no_more_probes_are_under_way_than_the_policy_allows() {
    let gate = Gate::new();
    let transport = ["a", "b"]
        .into_iter()
        .fold(transport(), |all, name| all.node(&node(name), NodeScript::new().connect_waits_for(&gate)));
    let rig = Rig::with(transport, limits()).await;
    words(&rig, "d1@dc1,d2@dc1,d3@dc1").await;
    rig.clock.advance(Duration::from_secs(30));
    let probing = rig.submit(command("a@dc1,b@dc1")).await;
    settle().await;
    let (id, words) = run(&rig, "c@dc1").await;
    assert_eq!(words, ["rejected"]);
    assert!(rig.outcome(id, "c").await.error().unwrap().message.contains("a probe is under way"));
    gate.open();
    assert_eq!(rig.wait(probing).await.summary.progress.succeeded, 2);
    assert_eq!(self::words(&rig, "c@dc1").await, ["succeeded"]);
}

/// R7.7
#[tokio::test(start_paused = true)]
async fn breakers_of_groups_and_what_they_count_survive_a_restart() {
    let store = Arc::new(MemoryStore::new());
    let first = rig(&store).await;
    words(&first, "d1@dc1,d2@dc1,d1@dc1").await;
    settle().await;
    let second = rig(&store).await;
    assert_eq!(words(&second, "d1@dc1,d2@dc1").await, ["unreachable"; 2], "they are counted already");
    assert_eq!(words(&second, "d3@dc1,up1@dc1").await, ["unreachable", "rejected"]);
    settle().await;
    let third = rig(&store).await;
    assert_eq!(words(&third, "up1@dc1").await, ["rejected"]);
    third.clock.advance(Duration::from_secs(30));
    assert_eq!(words(&third, "up1@dc1").await, ["succeeded"]);
}

/// A group that contains others may be left out, so that one bad data centre does not close off all of them.
#[tokio::test(start_paused = true)]
async fn only_the_groups_that_are_named_have_breakers() {
    let store = Arc::new(MemoryStore::new());
    let all = rig(&store).await;
    words(&all, "d1@dc1+site,d2@dc1+site,d3@dc1+site").await;
    assert_eq!(words(&all, "up1@dc2+site").await, ["rejected"]);

    let named = EngineLimits { breaker_groups: [GroupName::new("dc1").unwrap()].into(), ..limits() };
    let rig = Rig::with(transport(), named).await;
    words(&rig, "d1@dc1+site,d2@dc1+site,d3@dc1+site").await;
    assert_eq!(words(&rig, "up1@dc2+site,up2@dc1+site").await, ["succeeded", "rejected"]);
    assert_eq!(states(&rig).await, [("group:dc1".to_owned(), BreakerState::Open)]);
}

/// R7.7: a node that is refused for itself does not use up a probe of its group.
#[tokio::test(start_paused = true)]
async fn a_node_that_is_refused_anyway_is_no_probe() {
    let node_breaker = Some(BreakerPolicy { failures: 1, open_ms: 300_000, ..POLICY });
    let rig = Rig::with(transport(), EngineLimits { node_breaker, ..limits() }).await;
    words(&rig, "d1@dc1,d2@dc1,d3@dc1").await;
    rig.clock.advance(Duration::from_secs(30));
    assert_eq!(words(&rig, "d1@dc1,d2@dc1,d3@dc1").await, ["rejected"; 3]);
    assert_eq!(states(&rig).await[3], ("group:dc1".to_owned(), BreakerState::Open));
    assert_eq!(words(&rig, "up1@dc1").await, ["succeeded"]);
}
