//! Progress with rate and estimate, of executions and of graphs: as events and when it is asked for.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::event::EventKind;
use pabawi_domain::pace::ProgressReport;
use pabawi_domain::task::GraphEventKind;
use pabawi_engine::EngineLimits;
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};

use super::graphs::{GraphRig, graph};
use super::support::{Events, Rig, ann, command, node, settle};

/// Time passes for everybody.
async fn pass(rig: &Rig, time: Duration) {
    settle().await;
    rig.clock.advance(time);
    tokio::time::sleep(time).await;
    settle().await;
}

fn waits_for(name: &str, gate: &Gate) -> ScriptedTransport {
    ScriptedTransport::new().node(&node(name), NodeScript::new().waits_for(gate))
}

/// Ended, running, queued, the rate and the time that is left.
fn line(report: &ProgressReport) -> (u64, u64, u64, f64, Option<u64>) {
    let (counts, pace) = (report.counts, report.pace.unwrap());
    assert_eq!(report.completed, counts.completed());
    (report.completed, counts.running, counts.queued, pace.per_second, pace.remaining_ms)
}

async fn reports(events: &mut Events) -> Vec<ProgressReport> {
    let all = events.rest().await;
    let at = |wanted: fn(&EventKind) -> bool| all.iter().rposition(|event| wanted(&event.kind));
    if let Some(last) = at(|kind| matches!(kind, EventKind::Progress(_))) {
        assert_eq!(Some(last + 1), at(EventKind::is_last), "the last one comes right before the end");
    }
    let reports = all.iter().filter_map(|event| match &event.kind {
        EventKind::Progress(report) => Some(*report),
        _ => None,
    });
    reports.collect()
}

/// R2.6, R5.4
#[tokio::test(start_paused = true)]
async fn an_execution_tells_its_rate_and_when_it_will_be_done() {
    let (second, last) = (Gate::new(), Gate::new());
    let transport = waits_for("n2", &second).node(&node("n3"), NodeScript::new().waits_for(&last).exits(1));
    let rig = Rig::new(transport).await;
    let mut request = command("n1,n2,n3,n4");
    request.concurrency = Some(2);
    let id = rig.submit(request).await;
    let mut events = rig.events(id).await;
    let second_is_in = Duration::from_secs(2);
    pass(&rig, second_is_in).await;
    let asked = rig.engine.progress(&ann(), id).await.unwrap();
    assert_eq!(line(&asked), (1, 2, 1, 0.5, Some(6_000)));
    // Another process knows it too.
    let other = Rig::on(Arc::clone(&rig.store), ScriptedTransport::new(), EngineLimits::default()).await;
    other.clock.advance(second_is_in);
    assert_eq!(other.engine.progress(&ann(), id).await.unwrap(), asked);
    // Nothing changes, so nothing is told.
    pass(&rig, Duration::from_secs(58)).await;
    second.open();
    pass(&rig, Duration::from_secs(60)).await;
    last.open();
    rig.wait(id).await;
    let told = reports(&mut events).await;
    let told: Vec<_> = told.iter().map(line).collect();
    let expected = [
        (1, 2, 1, 0.5, Some(6_000)),
        // At once after a silence, then a second later what came with it.
        (2, 1, 1, 1.0 / 30.0, Some(60_000)),
        (3, 1, 0, 0.025, Some(40_000)),
        (4, 0, 0, 1.0 / 30.0, Some(0)),
    ];
    assert_eq!(told, expected);
    let after = rig.engine.progress(&ann(), id).await.unwrap();
    assert_eq!((after.counts.succeeded, after.counts.failed, line(&after).4), (3, 1, Some(0)));
    assert_eq!(line(&after).3, 4.0 / 120.0, "on average over all of it");
}

/// As many nodes as there may be: one a second.
#[tokio::test(start_paused = true)]
async fn progress_is_told_once_a_second_at_most() {
    let transport = ScriptedTransport::new().latency(7, Duration::from_millis(100)..Duration::from_secs(2));
    let rig = Rig::new(transport).await;
    let mut request = command("many*300");
    request.concurrency = Some(20);
    let id = rig.submit(request).await;
    let mut events = rig.events(id).await;
    let begun = tokio::time::Instant::now();
    rig.wait(id).await;
    let seconds = begun.elapsed().as_secs();
    let told = reports(&mut events).await;
    assert!(seconds >= 10, "{seconds}");
    assert!((seconds..=seconds + 1).contains(&(told.len() as u64)), "{} in {seconds} s", told.len());
    assert!(told.is_sorted_by_key(|report| report.completed));
    assert_eq!(told.last().unwrap().completed, 300);
}

#[tokio::test(start_paused = true)]
async fn what_is_small_or_short_tells_no_progress() {
    let slow = ScriptedTransport::new().node(&node("n1"), NodeScript::new().waits(Duration::from_secs(60)));
    let rig = Rig::new(slow).await;
    for targets in ["n1", "n2,n3,n4"] {
        let id = rig.submit(command(targets)).await;
        let mut events = rig.events(id).await;
        rig.wait(id).await;
        assert_eq!(reports(&mut events).await, []);
    }
}

/// R2.6
#[tokio::test(start_paused = true)]
async fn a_graph_tells_how_far_each_of_its_tasks_is() {
    let gate = Gate::new();
    let rig = GraphRig::new(waits_for("n3", &gate)).await;
    let (id, mut events) = rig.submit(graph("a n1,n2\n b n3,n4 after=a\n c n1 after=b")).await;
    pass(&rig.rig, Duration::from_secs(2)).await;
    let view = rig.graphs.status(&ann(), id).await.unwrap();
    let [running] = view.running.as_slice() else { panic!("{view:?}") };
    assert_eq!((running.name.as_str(), line(&running.nodes)), ("b", (1, 1, 0, 0.5, Some(2_000))));
    assert_eq!(view.pace.unwrap().remaining_ms, Some(4_000), "one task of three in two seconds");
    pass(&rig.rig, Duration::from_secs(60)).await;
    gate.open();
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        if let GraphEventKind::Progress { nodes, pace, tasks } = &event.kind {
            let tasks: Vec<_> = tasks.iter().map(|task| (task.position, task.nodes.completed)).collect();
            told.push((nodes.completed(), nodes.total, pace.unwrap().remaining_ms.is_some(), tasks));
        }
    }
    assert_eq!(told, [(3, 4, true, vec![(1, 1)]), (5, 5, true, vec![])]);
}
