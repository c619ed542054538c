//! Where the time of an execution went (R5.7).

use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_engine::{SlowPhase, SlowReport};
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};

use super::support::{Rig, ann, command, node, settle};

fn of(report: &SlowReport, name: &str, phase: SlowPhase) -> u64 {
    let found = report.slowest.iter().find(|slow| slow.node.as_str() == name).unwrap();
    let place = SlowPhase::ALL.iter().position(|one| *one == phase).unwrap();
    found.phases[place]
}

/// How finely the clock goes on.
const TICK: Duration = Duration::from_millis(10);

fn seconds_of(us: u64) -> u64 {
    (us + 500_000) / 1_000_000
}

/// R5.7: every phase that a node spent its time in is told, and all of them together are all of its time.
#[tokio::test(start_paused = true)]
async fn every_part_of_the_time_has_its_phase() {
    let slow = NodeScript::new()
        .connect_delay(Duration::from_secs(2))
        .waits(Duration::from_secs(3))
        .stdout("x")
        .waits(Duration::from_secs(5));
    let silent = NodeScript::new().waits(Duration::from_secs(1));
    let away = NodeScript::new().connect_fails(ErrorCode::NoRoute);
    let transport =
        ScriptedTransport::new().node(&node("a"), slow).node(&node("b"), silent).node(&node("c"), away);
    let rig = Rig::new(transport).await;
    let clock = std::sync::Arc::clone(&rig.clock);
    let ticking = tokio::spawn(async move {
        for _ in 0..2_000 {
            tokio::time::sleep(TICK).await;
            clock.advance(TICK);
        }
    });
    let mut request = command("a,b,c");
    request.concurrency = Some(1);
    let id = rig.execute(request).await.record.id;
    ticking.abort();
    let report = rig.engine.explain_slow(&ann(), id, 2).await.unwrap();
    assert_eq!((report.nodes, report.slowest.len()), (3, 2), "only the slowest are shown");
    let report = rig.engine.explain_slow(&ann(), id, 10).await.unwrap();
    let seconds = |name, phase| seconds_of(of(&report, name, phase));
    assert_eq!((seconds("a", SlowPhase::FirstByte), seconds("a", SlowPhase::Run)), (3, 5));
    assert_eq!(seconds("a", SlowPhase::Other), 2, "a transport that does not say how long it connected");
    assert_eq!((seconds("b", SlowPhase::Queue), seconds("b", SlowPhase::FirstByte)), (10, 1));
    assert_eq!((seconds("c", SlowPhase::Queue), seconds("c", SlowPhase::Run)), (11, 0));
    for slow in &report.slowest {
        assert_eq!(slow.phases.iter().sum::<u64>(), slow.total_us, "{}", slow.node);
    }
    let queue = report.phases.iter().find(|times| times.phase == SlowPhase::Queue).unwrap();
    assert!(queue.share > 0.6 && seconds_of(queue.max_us) == 11, "{queue:?}");
    assert_eq!(seconds_of(report.wall_us.unwrap()), 11);
}

/// R5.7: an execution that runs is explained as far as it is.
#[tokio::test(start_paused = true)]
async fn a_running_execution_is_explained_as_far_as_it_is() {
    let gate = Gate::new();
    let waits = NodeScript::new().waits_for(&gate);
    let rig = Rig::new(ScriptedTransport::new().node(&node("b"), waits)).await;
    let id = rig.submit(command("a,b")).await;
    settle().await;
    let report = rig.engine.explain_slow(&ann(), id, 10).await.unwrap();
    assert_eq!((report.nodes, report.wall_us), (1, None));
    gate.open();
    rig.wait(id).await;
    assert_eq!(rig.engine.explain_slow(&ann(), id, 10).await.unwrap().nodes, 2);
}
