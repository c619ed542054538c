//! Reading events: order, numbers without gaps, replay from any number, readers that are slow.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::StoreError;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_engine::{CancelScope, EngineLimits, SubscriptionMode};
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};

use super::support::{Events, GRACEFUL, Rig, ann, command, node, settle};

fn seqs(events: &[Arc<ExecutionEvent>]) -> Vec<u64> {
    events.iter().map(|event| event.seq).collect()
}

fn word(event: &ExecutionEvent) -> &'static str {
    match event.kind {
        EventKind::Queued { .. } => "queued",
        EventKind::Started => "started",
        EventKind::NodeStarted { .. } => "nodeStarted",
        EventKind::NodeConnected { .. } => "nodeConnected",
        EventKind::Output { .. } => "output",
        EventKind::NodeFinished { .. } => "nodeFinished",
        EventKind::Finished { .. } => "finished",
        EventKind::Gap { .. } => "gap",
        _ => "other",
    }
}

/// Prints past the stored limit, so that some of its events are only seen live.
fn chatty(pieces: u64) -> NodeScript {
    NodeScript::new().prints(StreamKind::Stdout, vec![b'x'; 1024], pieces)
}

/// R5.4, R1.4: everything in order, numbered from 1 without gaps, for every reader the same.
#[tokio::test(start_paused = true)]
async fn events_come_in_order_without_gaps() {
    let script = NodeScript::new().stdout("one\n").stderr("two\n").stdout("three\n").exits(2);
    let rig = Rig::new(ScriptedTransport::new().node(&node("a"), script)).await;
    let id = rig.submit(command("a")).await;
    let mut readers = [rig.events(id).await, rig.events(id).await];
    let live = readers[0].rest().await;
    assert_eq!(readers[1].rest().await, live);
    assert_eq!(seqs(&live), (1..=live.len() as u64).collect::<Vec<_>>());
    let words: Vec<_> = live.iter().map(|event| word(event)).collect();
    let output = ["output"; 3];
    let expected =
        [&["queued", "started", "nodeStarted", "nodeConnected"][..], &output, &["nodeFinished", "finished"]];
    assert_eq!(words, expected.concat());
    let streams: Vec<_> = live
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Output { stream, offset, data, .. } => Some((*stream, *offset, data.to_text())),
            _ => None,
        })
        .collect();
    let expected = [
        (StreamKind::Stdout, 0, "one\n".to_owned()),
        (StreamKind::Stderr, 0, "two\n".to_owned()),
        (StreamKind::Stdout, 4, "three\n".to_owned()),
    ];
    assert_eq!(streams, expected);
    assert_eq!(rig.events(id).await.rest().await, live, "replayed from the store");
}

/// R5.4: from any number on, live and replayed.
#[tokio::test(start_paused = true)]
async fn a_reader_begins_anywhere() {
    let gate = Gate::new();
    let script = NodeScript::new().stdout("a").stdout("b").waits_for(&gate).stdout("c");
    let rig = Rig::new(ScriptedTransport::new().default_script(script)).await;
    let id = rig.submit(command("x,y")).await;
    rig.events(id).await.until(|kind| matches!(kind, EventKind::Output { .. })).await;
    settle().await;
    let late = rig.engine.events(&ann(), id, 4, SubscriptionMode::GapWhenSlow).await.unwrap();
    let ahead = rig.engine.events(&ann(), id, 9, SubscriptionMode::GapWhenSlow).await.unwrap();
    gate.open();
    let (late, ahead) = (Events(late).rest().await, Events(ahead).rest().await);
    let all = rig.events(id).await.rest().await;
    assert_eq!((late.as_slice(), ahead.as_slice()), (&all[3..], &all[8..]));
    for from in 1..=all.len() {
        let mut replay =
            Events(rig.engine.events(&ann(), id, from as u64, Default::default()).await.unwrap());
        assert_eq!(replay.rest().await, all[from - 1..]);
    }
}

/// R5.4: behind the end there is nothing: neither in this process nor in another one does the stream tell the end again, and
/// who waits there while the execution runs is let go when it ends.
#[tokio::test(start_paused = true)]
async fn behind_the_end_a_stream_ends() {
    let gate = Gate::new();
    let script = NodeScript::new().stdout("a").waits_for(&gate);
    let store = Arc::new(MemoryStore::new());
    let transport = ScriptedTransport::new().default_script(script);
    let rig = Rig::on(store.clone(), transport, EngineLimits::default()).await;
    let other = Rig::on(store, ScriptedTransport::new(), EngineLimits::default()).await;
    let id = rig.submit(command("x")).await;
    rig.events(id).await.until(|kind| matches!(kind, EventKind::Output { .. })).await;
    settle().await;
    let far = async |rig: &Rig, seq, mode| Events(rig.engine.events(&ann(), id, seq, mode).await.unwrap());
    let waiting = [
        far(&rig, 1000, SubscriptionMode::GapWhenSlow).await,
        far(&rig, 1000, SubscriptionMode::SlowTheSource).await,
        far(&other, 1000, SubscriptionMode::GapWhenSlow).await,
    ];
    let waiting = tokio::spawn(async {
        let mut told = Vec::new();
        for mut reader in waiting {
            told.extend(reader.rest().await);
        }
        told
    });
    settle().await;
    assert!(!waiting.is_finished(), "it may still come to that number");
    gate.open();
    assert_eq!(waiting.await.unwrap(), []);
    let all = rig.events(id).await.rest().await;
    let last = all.last().unwrap();
    assert_eq!(word(last), "finished");
    for rig in [&rig, &other] {
        let end = far(rig, last.seq, SubscriptionMode::GapWhenSlow).await.rest().await;
        assert_eq!(end, std::slice::from_ref(last), "the end has one number");
        for behind in [1, 2, 1000] {
            let told = far(rig, last.seq + behind, SubscriptionMode::GapWhenSlow).await.rest().await;
            assert_eq!(told, [], "{behind} behind the end");
        }
    }
}

/// A reader that is too slow is told what it misses; what is stored it gets all the same.
#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_a_gap_for_what_is_not_stored() {
    let limits =
        EngineLimits { event_ring: 8, stored_output_event_bytes: 10 * 1024, ..EngineLimits::default() };
    let rig = Rig::with(ScriptedTransport::new().default_script(chatty(100)), limits).await;
    let id = rig.submit(command("a")).await;
    let mut slow = rig.events(id).await;
    // It begins to read when everything is over; the execution was not slowed down.
    rig.wait(id).await;
    settle().await;
    let events = slow.rest().await;
    let words: Vec<_> = events.iter().map(|event| word(event)).collect();
    assert_eq!(words.iter().filter(|word| **word == "gap").count(), 1, "{words:?}");
    assert_eq!(words.last(), Some(&"finished"));
    // Numbers and gap together leave nothing out.
    let mut next = 1;
    for event in &events {
        assert_eq!(event.seq, next);
        next = match event.kind {
            EventKind::Gap { last_seq } => last_seq + 1,
            _ => event.seq + 1,
        };
    }
    let output = |event: &&Arc<ExecutionEvent>| matches!(event.kind, EventKind::Output { .. });
    assert!(events.iter().filter(output).count() >= 10, "the stored ones are there");
    assert_eq!(next, 4 + 100 + 2 + 1);
}

/// While it runs, too, what is stored comes without gaps, also where the store gives fewer events at once than it is asked for.
#[tokio::test(start_paused = true)]
async fn a_slow_reader_misses_nothing_that_is_stored() {
    let gate = Gate::new();
    let script = chatty(2_000).waits_for(&gate);
    let limits =
        EngineLimits { event_ring: 8, stored_output_event_bytes: 4 * 1024 * 1024, ..EngineLimits::default() };
    let rig = Rig::with(ScriptedTransport::new().default_script(script), limits).await;
    let id = rig.submit(command("a")).await;
    let subscribed = async || rig.engine.events(&ann(), id, 1, SubscriptionMode::GapWhenSlow).await.unwrap();
    let last = |kind: &EventKind| matches!(kind, EventKind::Output { offset, .. } if *offset == 1999 * 1024);
    Events(subscribed().await).until(last).await;
    settle().await;
    let (mut slow, mut told) = (subscribed().await, subscribed().await);
    let mut seen = Vec::new();
    while !seen.last().is_some_and(|event: &Arc<ExecutionEvent>| last(&event.kind)) {
        seen.extend(slow.next_batch(1_000).await.unwrap().unwrap());
    }
    assert_eq!(seqs(&seen), (1..=4 + 2_000).collect::<Vec<_>>());
    assert!(seen.iter().all(|event| word(event) != "gap"));
    // As JSON it is the same.
    let mut json = Vec::new();
    while json.len() < seen.len() {
        for event in told.next_told(50).await.unwrap().unwrap() {
            let mut text = Vec::new();
            event.write(&mut text).unwrap();
            json.push(serde_json::from_slice::<ExecutionEvent>(&text).unwrap());
        }
    }
    assert!(json.iter().eq(seen.iter().map(AsRef::as_ref)));
    gate.open();
    rig.wait(id).await;
}

/// A reader that may not miss anything slows the nodes down and gets everything.
#[tokio::test(start_paused = true)]
async fn a_reader_slows_the_source() {
    let limits = EngineLimits {
        event_ring: 8,
        stored_output_event_bytes: 0,
        output_in_flight_bytes: 16 * 1024,
        ..EngineLimits::default()
    };
    let rig = Rig::with(ScriptedTransport::new().default_script(chatty(5000)), limits).await;
    let mode = SubscriptionMode::SlowTheSource;
    let (_, mut reader) = rig.engine.submit_and_follow(ann(), command("a"), mode).await.unwrap();
    settle().await;
    assert_eq!(rig.transport.counts(&node("a")).ends, 0, "it cannot run ahead of its reader");
    let mut bytes = 0;
    let mut next = 1;
    while let Some(batch) = reader.next_batch(50).await.unwrap() {
        for event in batch {
            assert_eq!(event.seq, next);
            next += 1;
            if let EventKind::Output { data, offset, .. } = &event.kind {
                assert_eq!(*offset, bytes);
                bytes += data.0.len() as u64;
            }
        }
    }
    assert_eq!(bytes, 5000 * 1024);
}

/// A reader that holds an execution lets go of it when it is dropped; before that, cancelling works.
#[tokio::test(start_paused = true)]
async fn a_dropped_reader_holds_nothing() {
    let limits = EngineLimits {
        event_ring: 4,
        output_in_flight_bytes: 4096,
        stored_output_event_bytes: 0,
        ..EngineLimits::default()
    };
    let transport =
        ScriptedTransport::new().default_script(chatty(3000)).node(&node("b"), chatty(3000).hangs());
    let rig = Rig::with(transport, limits).await;
    let hold = async |id| rig.engine.events(&ann(), id, 1, SubscriptionMode::SlowTheSource).await.unwrap();
    let first = rig.submit(command("a")).await;
    let reader = hold(first).await;
    settle().await;
    assert_eq!(rig.status(first).await.status, ExecutionStatus::Running);
    drop(reader);
    assert_eq!(rig.wait(first).await.summary.status, ExecutionStatus::Completed);

    let second = rig.submit(command("b")).await;
    let reader = hold(second).await;
    rig.events(second).await.until_started("b").await;
    settle().await;
    rig.engine.cancel(&ann(), second, CancelScope::All, GRACEFUL).await.unwrap();
    settle().await;
    assert_eq!(rig.transport.counts(&node("b")).terminations, [GRACEFUL], "the process is ended at once");
    drop(reader);
    assert_eq!(rig.wait(second).await.summary.status, ExecutionStatus::Cancelled);
}

/// A reader of one execution never slows another one.
#[tokio::test(start_paused = true)]
async fn a_held_execution_does_not_hold_others() {
    let limits = EngineLimits {
        event_ring: 4,
        output_in_flight_bytes: 4096,
        stored_output_event_bytes: 0,
        ..EngineLimits::default()
    };
    let rig = Rig::with(ScriptedTransport::new().default_script(chatty(500)), limits).await;
    let held = rig.submit(command("a")).await;
    let _reader = rig.engine.events(&ann(), held, 1, SubscriptionMode::SlowTheSource).await.unwrap();
    settle().await;
    assert_eq!(rig.execute(command("b,c")).await.summary.status, ExecutionStatus::Completed);
    assert_eq!(rig.transport.counts(&node("a")).ends, 0);
}

/// R5.4: events of an execution that another process runs are followed through the store.
#[tokio::test(start_paused = true)]
async fn events_of_another_process_are_followed() {
    let store = Arc::new(MemoryStore::new());
    let script = NodeScript::new().stdout("x").waits(Duration::from_secs(5)).stdout("y");
    let runner =
        Rig::on(store.clone(), ScriptedTransport::new().default_script(script), EngineLimits::default())
            .await;
    let other = Rig::on(store, ScriptedTransport::new(), EngineLimits::default()).await;
    let id = runner.submit(command("a,b")).await;
    let followed = other.events(id).await.rest().await;
    assert_eq!(followed, runner.events(id).await.rest().await);
    assert_eq!(followed.last().map(|event| word(event)), Some("finished"));
}

/// Every stream ends with the result, also that of an execution whose process died before it could tell.
#[tokio::test(start_paused = true)]
async fn the_stream_of_an_interrupted_execution_ends_too() {
    let store = Arc::new(MemoryStore::new());
    let hangs = ScriptedTransport::new().default_script(NodeScript::new().hangs());
    let died = Rig::on(store.clone(), hangs, EngineLimits::default()).await;
    let id = died.submit(command("a,b")).await;
    died.events(id).await.until_started("b").await;
    store.orphan_all();
    let next = Rig::on(store, ScriptedTransport::new(), EngineLimits::default()).await;
    let events = next.events(id).await.rest().await;
    let Some(EventKind::Finished { summary }) = events.last().map(|event| &event.kind) else { panic!() };
    assert_eq!((summary.status, summary.progress.interrupted), (ExecutionStatus::Interrupted, 2));
    assert_eq!(seqs(&events), (1..=events.len() as u64).collect::<Vec<_>>());
}

/// A store that cannot read for a while is an error that the reader may try again, and loses nothing.
#[tokio::test(start_paused = true)]
async fn a_replay_goes_on_after_the_store_failed() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    let id = rig.execute(command("a")).await.record.id;
    settle().await;
    let mut reader = rig.engine.events(&ann(), id, 1, SubscriptionMode::GapWhenSlow).await.unwrap();
    assert_eq!(reader.next_batch(2).await.unwrap().unwrap().len(), 2);
    rig.store.fail(Some(StoreError::Unavailable("busy".into())));
    assert!(reader.next_batch(2).await.unwrap_err().is_retryable());
    rig.store.fail(None);
    let rest = Events(reader).rest().await;
    assert_eq!((rest[0].seq, rest.last().map(|event| word(event))), (3, Some("finished")));
}
