//! The scripted transport, through the port alone.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, reason = "what a test's own functions meet is the test's failure")]

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{
    ActionEnd, ActionEvent, ConnectRequest, RunningAction, TerminateMode, Transport, TransportError,
};
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};
use tokio::time::Instant;

fn id(name: &str) -> NodeId {
    NodeId::new(name).expect("a good name")
}

fn request(node: &str) -> ConnectRequest {
    ConnectRequest {
        target: Target::new(id(node), Endpoint::default()),
        timeout: Duration::from_secs(10),
        host_keys: None,
        execution: None,
    }
}

async fn start(transport: &ScriptedTransport, node: &str) -> Result<Box<dyn RunningAction>, TransportError> {
    transport
        .connect(&request(node))
        .await?
        .start(Arc::new(Action::Command(CommandAction::new("true"))))
        .await
}

async fn end(running: &mut dyn RunningAction) -> ActionEnd {
    loop {
        if let ActionEvent::Ended(end) = running.next().await {
            return end;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn steps_come_in_order_and_a_dropped_next_loses_nothing() {
    let script = NodeScript::new()
        .stdout("one")
        .waits(Duration::from_secs(5))
        .prints(StreamKind::Stderr, "two", 2)
        .exits(3);
    let transport = ScriptedTransport::new().node(&id("a"), script);
    let mut running = start(&transport, "a").await.expect("starts");
    let begin = Instant::now();
    let mut seen = Vec::new();
    let end = loop {
        match tokio::time::timeout(Duration::from_secs(1), running.next()).await {
            Err(_) => {}
            Ok(ActionEvent::Output { stream, data }) => seen.push((stream, data)),
            Ok(ActionEvent::Ended(end)) => break end,
            Ok(other) => panic!("{other:?}"),
        }
    };
    assert!(matches!(end, ActionEnd::Exited { code: 3 }));
    let text: Vec<_> = seen.iter().map(|(_, data)| &data[..]).collect();
    assert_eq!(text, [b"one", b"two", b"two"]);
    assert_eq!(begin.elapsed(), Duration::from_secs(5), "waiting again does not begin the wait again");
    assert!(matches!(running.next().await, ActionEvent::Ended(ActionEnd::Exited { code: 3 })));
    assert_eq!((transport.counts(&id("a")).starts, transport.counts(&id("a")).ends), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn connects_fail_hang_and_recover_as_scripted() {
    let transport = ScriptedTransport::new()
        .node(&id("refused"), NodeScript::new().connect_fails_times(1, ErrorCode::ConnectionRefused))
        .node(&id("hangs"), NodeScript::new().connect_hangs())
        .node(&id("bad"), NodeScript::new().start_fails(ErrorCode::ChannelRefused, false));
    let error = start(&transport, "refused").await.err().expect("refused");
    assert_eq!((error.error.code, error.may_have_started), (ErrorCode::ConnectionRefused, false));
    assert!(start(&transport, "refused").await.is_ok(), "the second try works");
    let begin = Instant::now();
    let error = start(&transport, "hangs").await.err().expect("too slow");
    assert_eq!(error.error.code, ErrorCode::ConnectTimeout);
    assert_eq!(begin.elapsed(), Duration::from_secs(10));
    assert_eq!(start(&transport, "bad").await.err().expect("refused").error.code, ErrorCode::ChannelRefused);
    assert_eq!(transport.counts(&id("refused")).connects, 2);
    assert_eq!(transport.counts(&id("bad")).starts, 0);
    transport.shutdown().await;
    assert_eq!(start(&transport, "any").await.err().expect("closed").error.code, ErrorCode::ShuttingDown);
}

#[tokio::test(start_paused = true)]
async fn termination_is_honest_and_counted() {
    let unconfirmed = Termination::Unconfirmed { why: "cut".into() };
    let transport = ScriptedTransport::new()
        .node(&id("good"), NodeScript::new().hangs())
        .node(&id("traps"), NodeScript::new().hangs().ignores_term())
        .node(&id("cut"), NodeScript::new().hangs().terminate_reports(unconfirmed.clone()))
        .node(&id("lost"), NodeScript::new().loses_link());
    let graceful = TerminateMode::Graceful { grace: Duration::from_secs(2) };
    for (node, termination, seconds) in
        [("good", Termination::Confirmed, 0), ("traps", Termination::Confirmed, 2), ("cut", unconfirmed, 2)]
    {
        let mut running = start(&transport, node).await.expect("starts");
        let begin = Instant::now();
        assert_eq!(running.terminate(graceful).await, termination, "{node}");
        assert_eq!(begin.elapsed(), Duration::from_secs(seconds), "{node}");
        assert_eq!(transport.counts(&id(node)).terminations, [graceful]);
    }
    let ActionEnd::Failed(error) = end(&mut *start(&transport, "lost").await.expect("starts")).await else {
        panic!("fails")
    };
    assert!(matches!(error.termination, Some(Termination::Unconfirmed { .. })));
    drop(start(&transport, "good").await.expect("starts"));
    assert_eq!(transport.counts(&id("good")).dropped, 1);
    assert_eq!(transport.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn peaks_gates_and_latency_are_as_scripted() {
    let gate = Gate::new();
    let transport = ScriptedTransport::new()
        .latency(7, Duration::from_millis(10)..Duration::from_millis(100))
        .default_script(NodeScript::new().waits_for(&gate));
    let mut tasks = Vec::new();
    for number in 0..20 {
        let transport = transport.clone();
        tasks.push(tokio::spawn(async move {
            let begin = Instant::now();
            let mut running = start(&transport, &format!("n{number}")).await.expect("starts");
            tokio::task::yield_now().await;
            end(&mut *running).await;
            begin.elapsed()
        }));
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(transport.running(), 20, "all wait");
    gate.open();
    let mut times = Vec::new();
    for task in tasks {
        times.push(task.await.expect("ends"));
    }
    assert_eq!((transport.running(), transport.peak_running()), (0, 20));
    assert_eq!(transport.started().len(), 20);
    assert!(times.iter().all(|time| (10..=101).contains(&time.as_millis())), "{times:?}");
    times.sort_unstable();
    times.dedup();
    assert!(times.len() > 10, "nodes differ: {times:?}");
}
