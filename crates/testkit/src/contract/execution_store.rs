//! What every [`ExecutionStore`](pabawi_domain::ports::ExecutionStore) must do.
//!
//! Main entry: [`execution_store_contract!`](crate::execution_store_contract), which makes a test of each
//! function here. What survives a killed process is tested beside each store, for only it knows how to die.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::condition::{LastCondition, LastOutcome};
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::{IdempotencyKey, PluginName, Tag};
use pabawi_domain::outcome::{NodeOutcome, SkipReason, Termination, TimeoutPhase};
use pabawi_domain::output::{CapturedOutput, KeptOutput, OutputData, StreamKind};
use pabawi_domain::ports::{CancelRequest, Created, DetachedName, StoreError, StoreWrite, TerminateMode};
use pabawi_domain::record::{ExecutionQuery, NewExecution, Omission, TargetQuery, TargetState};
use pabawi_domain::summary::{ExecutionStatus, SummaryFold};

use super::records::{
    StoreSubject, at, attempt, event, execution, good, hash, id, node, plugins, result, whole,
};

/// Makes a module with one test for each rule of the contract.
///
/// The second argument is an `async fn() -> StoreSubject` that gives an empty store; each test calls it anew. The
/// crate that uses the macro needs tokio with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! execution_store_contract {
    ($module:ident, $subject:path) => {
        $crate::execution_store_contract!(@tests $module, $subject;
            what_is_created_is_read_back, an_idempotency_key_creates_once, a_run_is_followed_to_its_end,
            attempts_are_kept_in_order, a_failed_attempt_keeps_its_end, outputs_are_kept_by_content, a_shortened_output_tells_its_hole,
            a_spilled_output_is_taken_over, equal_outputs_are_grouped, events_are_read_as_json, events_are_read_from_any_number,
            the_last_event_is_found,
            history_is_found_by_every_field, pages_show_everything_once, targets_are_found_by_outcome, what_nodes_keep_is_remembered,
            nodes_are_found_by_their_last_outcome,
            a_cancel_request_is_taken_once, unknown_things_are_none, a_closed_store_says_so);
    };
    (@tests $module:ident, $subject:path; $($test:ident),* $(,)?) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    $crate::contract::execution_store::$test(&$subject().await).await;
                }
            )*
        }
    };
}

const FAILED: NodeOutcome = NodeOutcome::Exited { code: 3 };

/// The ids that a question finds, newest first.
async fn found(subject: &StoreSubject, query: ExecutionQuery) -> Vec<u8> {
    let page = good("list", subject.store.executions(&query).await);
    let number = |record: &pabawi_domain::record::ExecutionRecord| {
        (0..=u8::MAX).find(|number| id(*number) == record.id).unwrap_or(u8::MAX)
    };
    page.items.iter().map(number).collect()
}

/// R5.5: what was accepted is in the history at once, with all its targets waiting.
pub async fn what_is_created_is_read_back(subject: &StoreSubject) {
    let new = execution(1, "ada", "uptime", &["web2", "web1"]);
    subject.created(&new).await;
    let Some(record) = good("read", subject.store.execution(new.id).await) else {
        unreachable!("it was stored")
    };
    assert_eq!((record.id, &record.caller, &record.request), (new.id, &new.caller, &new.request));
    assert_eq!((record.action_text.as_str(), record.status), ("uptime", ExecutionStatus::Queued));
    assert_eq!((record.progress.total, record.progress.queued), (2, 2));
    assert_eq!((record.submitted_at, record.started_at, record.finished_at), (new.submitted_at, None, None));
    assert_eq!(record.summary, None);
    let page = good("list", subject.store.targets(new.id, &TargetQuery::default()).await);
    let targets: Vec<_> = page.items.iter().map(|item| (item.position, &item.target, item.state)).collect();
    let expected: Vec<_> =
        (0_u64..).zip(&new.targets).map(|(n, target)| (n, target, TargetState::Queued)).collect();
    assert_eq!(targets, expected, "in the order of the plan");
    assert_eq!(page.next_cursor, None);
}

/// R3.3: a node is found by its newest run that came to it and is over.
pub async fn nodes_are_found_by_their_last_outcome(subject: &StoreSubject) {
    let error = NodeError::new(node("web3"), ErrorCode::ConnectionRefused, "no route");
    let unreachable = NodeOutcome::Unreachable { error, termination: None };
    let timed_out =
        NodeOutcome::TimedOut { phase: TimeoutPhase::Run, termination: Some(Termination::Confirmed) };
    let cancelled = |termination| NodeOutcome::Cancelled { termination };
    let first = execution(1, "ada", "uptime", &["web1", "web2", "web3", "web4"]);
    let second = execution(2, "bob", "uptime", &["web2", "web4", "web5"]);
    let third = execution(3, "ada", "uptime", &["web1", "web6"]);
    let running = execution(4, "ada", "uptime", &["web3"]);
    for new in [&first, &second, &third, &running] {
        subject.created(new).await;
    }
    // The newer one is written first: what counts is the order of submission.
    let skipped = NodeOutcome::Skipped { why: SkipReason::Interrupted };
    subject.finished(&second, &[(NodeOutcome::Succeeded, b""), (skipped, b""), (cancelled(None), b"")]).await;
    let ends = [(NodeOutcome::Succeeded, &b""[..]), (FAILED, b""), (unreachable, b""), (FAILED, b"")];
    subject.finished(&first, &ends).await;
    subject.finished(&third, &[(timed_out, b""), (cancelled(Some(Termination::Confirmed)), b"")]).await;
    subject
        .append(&[StoreWrite::Started { id: running.id, at: at(40) }, attempt(running.id, &node("web3"))])
        .await;
    for (outcome, expected) in [
        (LastOutcome::Succeeded, &["web2"][..]),
        (LastOutcome::Failed, &["web1", "web3", "web4", "web6"]),
        (LastOutcome::Unreachable, &["web3"]),
        (LastOutcome::TimedOut, &["web1"]),
        (LastOutcome::Cancelled, &["web6"]),
        (LastOutcome::Interrupted, &[]),
    ] {
        // They ended at 12.
        for (within, now, is_recent) in [(None, 900, true), (Some(60), 72, true), (Some(60), 73, false)] {
            let condition = LastCondition { outcome, within: within.map(Duration::from_secs) };
            let mut found = good("search", subject.store.nodes_by_last(&condition, at(now)).await);
            found.sort();
            let expected: Vec<_> = expected.iter().filter(|_| is_recent).map(|name| node(name)).collect();
            assert_eq!(found, expected, "{condition:?} at {now}");
        }
    }
}

/// The same key names the execution that has it and stores nothing.
pub async fn an_idempotency_key_creates_once(subject: &StoreSubject) {
    let with_key = |number, command| -> NewExecution {
        let mut new = execution(number, "ada", command, &["web1"]);
        new.request.idempotency_key = IdempotencyKey::new("deploy-7").ok();
        assert!(new.request.idempotency_key.is_some());
        new
    };
    subject.created(&with_key(1, "uptime")).await;
    for (number, command, same_request) in [(2, "uptime", true), (3, "reboot", false)] {
        let created = good("create", subject.store.create(with_key(number, command)).await);
        assert_eq!(created, Created::Existing { id: id(1), same_request });
        assert_eq!(good("read", subject.store.execution(id(number)).await), None);
    }
    let query =
        ExecutionQuery { idempotency_key: IdempotencyKey::new("deploy-7").ok(), ..Default::default() };
    assert_eq!(found(subject, query).await, [1]);
}

/// R2.2, R2.3, R2.6: status and counts follow what was written.
pub async fn a_run_is_followed_to_its_end(subject: &StoreSubject) {
    let new = execution(1, "ada", "uptime", &["web1", "web2"]);
    subject.created(&new).await;
    subject.append(&[StoreWrite::Started { id: new.id, at: at(10) }, attempt(new.id, &node("web1"))]).await;
    let Some(record) = good("read", subject.store.execution(new.id).await) else {
        unreachable!("it was stored")
    };
    assert_eq!((record.status, record.started_at), (ExecutionStatus::Running, Some(at(10))));
    assert_eq!((record.progress.running, record.progress.queued), (1, 1));

    subject.append(&[result(new.id, &node("web1"), NodeOutcome::Succeeded, whole(b"up\n"))]).await;
    let Some(record) = good("read", subject.store.execution(new.id).await) else {
        unreachable!("it was stored")
    };
    assert_eq!((record.progress.succeeded, record.progress.queued), (1, 1));
    for (since, ended) in [(at(0), 1), (at(1_000), 0)] {
        assert_eq!(good("count", subject.store.ended_since(new.id, since).await), ended);
    }

    subject.finished(&new, &[(NodeOutcome::Succeeded, b"up\n"), (FAILED, b"")]).await;
    let Some(record) = good("read", subject.store.execution(new.id).await) else {
        unreachable!("it was stored")
    };
    assert_eq!((record.status, record.finished_at), (ExecutionStatus::Partial, Some(at(30))));
    assert_eq!(
        record.summary.map(|summary| (summary.status, summary.duration_ms)),
        Some((ExecutionStatus::Partial, 20_000))
    );
    let page = good("list", subject.store.targets(new.id, &TargetQuery::default()).await);
    let ends: Vec<_> =
        page.items.iter().map(|item| (item.state, item.result.clone(), item.attempt)).collect();
    let finished = TargetState::Finished;
    assert_eq!(ends, [(finished, Some(NodeOutcome::Succeeded), 1), (finished, Some(FAILED), 1)]);
    assert_eq!(
        page.items.first().and_then(|item| item.stdout).map(|output| output.hash),
        Some(hash(b"up\n"))
    );
}

/// R7.6: every attempt is there with its own end.
pub async fn attempts_are_kept_in_order(subject: &StoreSubject) {
    let new = execution(1, "ada", "uptime", &["web1", "web2"]);
    subject.created(&new).await;
    let web1 = node("web1");
    let start = |node: &str, attempt, seconds| StoreWrite::AttemptStarted {
        id: new.id,
        node: self::node(node),
        attempt,
        at: at(seconds),
    };
    subject
        .append(&[
            StoreWrite::Started { id: new.id, at: at(10) },
            start("web1", 1, 11),
            start("web2", 1, 12),
            start("web1", 2, 13),
        ])
        .await;
    let all = good("list", subject.store.attempts(new.id, None).await);
    let shown: Vec<_> =
        all.iter().map(|entry| (entry.node.as_str(), entry.attempt, entry.started_at)).collect();
    assert_eq!(shown, [("web1", 1, at(11)), ("web2", 1, at(12)), ("web1", 2, at(13))]);
    let own = good("list", subject.store.attempts(new.id, Some(&web1)).await);
    assert_eq!(own.iter().map(|entry| entry.attempt).collect::<Vec<_>>(), [1, 2]);
}

/// R7.6: an attempt that is followed by another keeps its own end; until then its target waits.
pub async fn a_failed_attempt_keeps_its_end(subject: &StoreSubject) {
    let new = execution(1, "ada", "uptime", &["web1", "web2"]);
    subject.created(&new).await;
    let web1 = node("web1");
    let start = |attempt, seconds| StoreWrite::AttemptStarted {
        id: new.id,
        node: node("web1"),
        attempt,
        at: at(seconds),
    };
    let failed = |attempt, seconds, code| StoreWrite::AttemptFailed {
        id: new.id,
        node: node("web1"),
        attempt,
        at: at(seconds),
        outcome: NodeOutcome::Exited { code },
    };
    subject.append(&[StoreWrite::Started { id: new.id, at: at(10) }, start(1, 11)]).await;
    subject.append(&[failed(1, 12, 7)]).await;
    // The same write may come twice.
    subject.append(&[failed(1, 12, 7)]).await;
    let ends = async || -> Vec<_> {
        let all = good("list", subject.store.attempts(new.id, Some(&web1)).await);
        all.into_iter().map(|entry| (entry.attempt, entry.finished_at, entry.result)).collect()
    };
    let first = (1, Some(at(12)), Some(NodeOutcome::Exited { code: 7 }));
    assert_eq!(ends().await, std::slice::from_ref(&first));
    let Some(record) = good("read", subject.store.execution(new.id).await) else { unreachable!("recorded") };
    assert_eq!((record.progress.queued, record.progress.running), (2, 0));
    let target = async || {
        let page = good("list", subject.store.targets(new.id, &TargetQuery::default()).await);
        page.items.into_iter().next().map(|target| (target.state, target.attempt))
    };
    assert_eq!(target().await, Some((TargetState::Queued, 1)));
    // In one transaction too.
    subject.append(&[start(2, 14), failed(2, 15, 8), start(3, 17)]).await;
    let second = (2, Some(at(15)), Some(NodeOutcome::Exited { code: 8 }));
    assert_eq!(ends().await, [first.clone(), second.clone(), (3, None, None)]);
    assert_eq!(target().await, Some((TargetState::Running, 3)));
    let mut last = result(new.id, &web1, NodeOutcome::Succeeded, None);
    if let StoreWrite::TargetFinished(result) = &mut last {
        (result.attempt, result.started_at, result.finished_at) = (3, Some(at(17)), at(18));
    }
    subject.append(&[last]).await;
    assert_eq!(ends().await, [first, second, (3, Some(at(18)), Some(NodeOutcome::Succeeded))]);
}

/// R5.10: a complete output is read back byte for byte, in parts of any size.
pub async fn outputs_are_kept_by_content(subject: &StoreSubject) {
    let bytes: Vec<u8> = (0..=255_u8).cycle().take(300_000).collect();
    let new = execution(1, "ada", "dump", &["web1", "web2"]);
    subject.created(&new).await;
    subject.finished(&new, &[(NodeOutcome::Succeeded, &bytes), (NodeOutcome::Succeeded, &bytes)]).await;
    let mut read = Vec::new();
    // Ends at the end of the output; a store that never gives bytes fails the assertion below.
    while read.len() < bytes.len() {
        let offset = u64::try_from(read.len()).unwrap_or(0);
        let chunk = good("read", subject.store.output(hash(&bytes), offset, 70_001).await);
        let Some(chunk) = chunk else { unreachable!("the output was stored") };
        assert!(!chunk.data.0.is_empty() && chunk.data.0.len() <= 70_001, "{} bytes", chunk.data.0.len());
        assert_eq!((chunk.total_bytes, chunk.kept_bytes, chunk.omission), (300_000, 300_000, None));
        read.extend_from_slice(&chunk.data.0);
    }
    assert!(read == bytes, "every byte is the same");
}

/// R5.11: a shortened output says how much is missing and where.
pub async fn a_shortened_output_tells_its_hole(subject: &StoreSubject) {
    let new = execution(1, "ada", "dump", &["web1"]);
    subject.created(&new).await;
    let output = CapturedOutput {
        hash: hash(b"the long one"),
        total_bytes: 1_000_000,
        kept: KeptOutput::HeadTail {
            head: OutputData(Bytes::from_static(b"head")),
            tail: OutputData(Bytes::from_static(b"the tail")),
        },
    };
    subject.append(&[attempt(new.id, &node("web1"))]).await;
    subject.append(&[result(new.id, &node("web1"), NodeOutcome::Succeeded, Some(output.clone()))]).await;
    let chunk = good("read", subject.store.output(output.hash, 0, 1000).await);
    let Some(chunk) = chunk else { unreachable!("the output was stored") };
    assert_eq!(&chunk.data.0[..], b"headthe tail");
    assert_eq!((chunk.kept_bytes, chunk.total_bytes), (12, 1_000_000));
    assert_eq!(chunk.omission, Some(Omission { at: 4, bytes: 999_988 }));
    let page = good("list", subject.store.targets(new.id, &TargetQuery::default()).await);
    let reference = page.items.first().and_then(|item| item.stdout);
    assert_eq!(reference.map(|output| output.omitted_bytes), Some(999_988));
}

/// R5.10: a file with a large output becomes the store's own.
pub async fn a_spilled_output_is_taken_over(subject: &StoreSubject) {
    let bytes: Vec<u8> = (0..=255_u8).rev().cycle().take(3_000_000).collect();
    let Ok(directory) = tempfile::tempdir() else { unreachable!("a temporary directory can be made") };
    let path = directory.path().join("spilled");
    assert!(std::fs::write(&path, &bytes).is_ok());
    let new = execution(1, "ada", "dump", &["web1"]);
    subject.created(&new).await;
    let output = CapturedOutput {
        hash: hash(&bytes),
        total_bytes: 3_000_000,
        kept: KeptOutput::Spilled { path: path.clone() },
    };
    subject.append(&[attempt(new.id, &node("web1"))]).await;
    subject.append(&[result(new.id, &node("web1"), NodeOutcome::Succeeded, Some(output))]).await;
    assert!(!path.exists(), "the file was taken over");
    let chunk = good("read", subject.store.output(hash(&bytes), 2_999_990, 1000).await);
    assert!(chunk.is_some_and(|chunk| Some(&chunk.data.0[..]) == bytes.get(2_999_990..)));
}

/// "Three variants over ten thousand nodes" is one question.
pub async fn equal_outputs_are_grouped(subject: &StoreSubject) {
    let new = execution(1, "ada", "version", &["a", "b", "c", "d", "e", "f"]);
    subject.created(&new).await;
    let ends = ["one", "two", "one", "", "two", "one"].map(|text| (NodeOutcome::Succeeded, text.as_bytes()));
    subject.finished(&new, &ends).await;
    let groups = good("group", subject.store.output_groups(new.id, StreamKind::Stdout).await);
    let shown: Vec<_> = groups
        .iter()
        .map(|group| {
            let names: Vec<&str> = group.nodes.iter().map(|node| node.as_str()).collect();
            (group.output.map(|output| output.hash), names.join(""))
        })
        .collect();
    let expected = [
        (Some(hash(b"one")), "acf".to_owned()),
        (Some(hash(b"two")), "be".to_owned()),
        (None, "d".to_owned()),
    ];
    assert_eq!(shown, expected, "the largest group first");
}

/// R5.4: events are read from any number on, in pieces, once each.
pub async fn events_are_read_from_any_number(subject: &StoreSubject) {
    let new = execution(1, "ada", "uptime", &["web1"]);
    subject.created(&new).await;
    let events = |range: std::ops::RangeInclusive<u64>| StoreWrite::Events {
        id: new.id,
        events: range.map(|seq| event(new.id, seq)).collect(),
    };
    subject.append(&[events(1..=100)]).await;
    subject.append(&[events(101..=101), events(105..=250)]).await;
    let (mut seen, mut next) = (Vec::new(), 1);
    // A page of a store that works always reaches further.
    for _ in 0..1000 {
        let page = good("read", subject.store.events(new.id, next, 40).await);
        assert!(page.events.len() <= 40);
        assert!(page.events.iter().all(|found| *found == *event(new.id, found.seq)), "as it was stored");
        seen.extend(page.events.iter().map(|event| event.seq));
        if page.next_seq == next {
            break;
        }
        next = page.next_seq;
    }
    assert_eq!(seen, (1..=101).chain(105..=250).collect::<Vec<u64>>());
    let page = good("read", subject.store.events(new.id, 200, 5).await);
    assert_eq!(page.events.iter().map(|event| event.seq).collect::<Vec<_>>(), [200, 201, 202, 203, 204]);
    let page = good("read", subject.store.events(new.id, 300, 5).await);
    assert_eq!(
        (page.events.as_slice(), page.next_seq),
        (&[][..], 300),
        "behind the last one there is nothing"
    );
}

/// R5.4: as JSON they are the same events, and the last one is known.
pub async fn events_are_read_as_json(subject: &StoreSubject) {
    let new = execution(1, "ada", "uptime", &["web1"]);
    subject.created(&new).await;
    let end = ExecutionEvent {
        kind: EventKind::Finished { summary: SummaryFold::new(1).summary(7) },
        ..ExecutionEvent::clone(&event(new.id, 30))
    };
    let stored: Vec<_> =
        (1..=12).chain(15..=20).map(|seq| event(new.id, seq)).chain([Arc::new(end)]).collect();
    for events in stored.chunks(5) {
        subject.append(&[StoreWrite::Events { id: new.id, events: events.to_vec() }]).await;
    }
    for from in [1, 4, 13, 15, 30, 31] {
        let (mut told, mut next) = (Vec::new(), from);
        // A page of a store that works reaches further, or is the last one.
        for _ in 0..100 {
            let page = good("read", subject.store.event_texts(new.id, next).await);
            next = page.next_seq;
            told.extend(page.events);
            if !page.has_more {
                break;
            }
        }
        let wanted: Vec<_> = stored.iter().filter(|event| event.seq >= from).collect();
        assert_eq!(told.len(), wanted.len(), "from {from}");
        assert_eq!(next, 31.max(from));
        for (told, wanted) in told.iter().zip(wanted) {
            assert_eq!((told.seq, told.at), (wanted.seq, wanted.at));
            assert_eq!(told.is_last, wanted.kind.is_last());
            let [mut whole, mut unnamed, mut other] = [const { Vec::new() }; 3];
            assert!(told.write(&mut whole).is_ok() && told.write_unnamed(&mut unnamed).is_ok());
            assert!(wanted.write_unnamed(&mut other).is_ok());
            assert_eq!(whole, serde_json::to_vec(wanted.as_ref()).unwrap_or_default());
            assert_eq!(unnamed, other);
        }
    }
}

/// R5.4: the last stored event is found, whatever its number is.
pub async fn the_last_event_is_found(subject: &StoreSubject) {
    let (told, silent) = (execution(1, "ada", "uptime", &["web1"]), execution(2, "ada", "uptime", &["web1"]));
    for new in [&told, &silent] {
        subject.created(new).await;
    }
    let events = |range: std::ops::RangeInclusive<u64>| StoreWrite::Events {
        id: told.id,
        events: range.map(|seq| event(told.id, seq)).collect(),
    };
    for (range, last) in [(1..=40, 40), (45..=60, 60)] {
        subject.append(&[events(range)]).await;
        let found = good("find the last event", subject.store.last_event(told.id).await);
        assert_eq!(found.as_ref(), Some(&*event(told.id, last)), "as it was stored");
    }
    assert_eq!(good("find the last event", subject.store.last_event(silent.id).await), None);
    assert_eq!(good("find the last event", subject.store.last_event(id(9)).await), None);
}

/// R5.8: by time, user, target, status, plugin, text and tag; all that are given hold at once.
pub async fn history_is_found_by_every_field(subject: &StoreSubject) {
    let mut tagged = execution(3, "bob", "echo 50% done_now", &["db1"]);
    tagged.request.tags = Tag::new("deploy").into_iter().collect();
    assert_eq!(tagged.request.tags.len(), 1);
    let with = |names: &[&str], new: NewExecution| NewExecution { plugins: plugins(names), ..new };
    let tagged = with(&["bolt", "ssh"], tagged);
    for new in [
        with(&["bolt"], execution(1, "ada", "Uptime", &["web1", "web2"])),
        execution(2, "ada", "echo 500 done", &["web2"]),
    ] {
        subject.created(&new).await;
    }
    subject.created(&tagged).await;
    subject.finished(&execution(2, "ada", "echo 500 done", &["web2"]), &[(FAILED, b"")]).await;

    let all = ExecutionQuery::default;
    let text = |text: &str| ExecutionQuery { text: Some(text.to_owned()), ..all() };
    let plugin = |name: &str| ExecutionQuery { plugin: PluginName::new(name).ok(), ..all() };
    let status = |status| ExecutionQuery { status: BTreeSet::from([status]), ..all() };
    let cases: [(&str, ExecutionQuery, &[u8]); 18] = [
        ("everything, newest first", all(), &[3, 2, 1]),
        ("since", ExecutionQuery { since: Some(at(2)), ..all() }, &[3, 2]),
        ("until", ExecutionQuery { until: Some(at(2)), ..all() }, &[1]),
        ("user", ExecutionQuery { user: Some("ada".to_owned()), ..all() }, &[2, 1]),
        ("target", ExecutionQuery { target: Some(node("web2")), ..all() }, &[2, 1]),
        ("another target", ExecutionQuery { target: Some(node("web")), ..all() }, &[]),
        ("failed", status(ExecutionStatus::Failed), &[2]),
        ("queued", status(ExecutionStatus::Queued), &[3, 1]),
        ("letter case", text("uptime"), &[1]),
        ("a percent sign is itself", text("50%"), &[3]),
        ("an underscore is itself", text("done_"), &[3]),
        ("a quote is harmless", text("' OR 1=1 --"), &[]),
        ("tag", ExecutionQuery { tag: Tag::new("deploy").ok(), ..all() }, &[3]),
        ("plugin", plugin("bolt"), &[3, 1]),
        ("another plugin", plugin("bol"), &[]),
        (
            "plugin, tag and target",
            ExecutionQuery {
                tag: Tag::new("deploy").ok(),
                target: tagged.targets.first().map(|target| target.node.clone()),
                ..plugin("ssh")
            },
            &[3],
        ),
        (
            "two fields",
            ExecutionQuery { user: Some("ada".to_owned()), target: Some(node("web1")), ..all() },
            &[1],
        ),
        ("limit", ExecutionQuery { limit: Some(2), ..all() }, &[3, 2]),
    ];
    for (what, query, expected) in cases {
        assert_eq!(found(subject, query.clone()).await, expected, "{what}");
        let totals = good("count", subject.store.totals(&query).await);
        let in_all = if query.limit.is_some() { 3 } else { expected.len() };
        assert_eq!(totals.total, in_all as u64, "{what}: {totals:?}");
        let failed = expected.contains(&2) as u64;
        assert_eq!(totals.by_status.get(&ExecutionStatus::Failed), Some(&failed), "{what}: {totals:?}");
    }
    let Some(record) = good("read", subject.store.execution(tagged.id).await) else {
        unreachable!("it was stored")
    };
    assert_eq!(record.plugins, tagged.plugins);
}

/// Paging shows each execution and each target once, also when new ones come meanwhile; a cursor from
/// elsewhere is refused.
pub async fn pages_show_everything_once(subject: &StoreSubject) {
    for number in 1..=25 {
        subject.created(&execution(number, "ada", "uptime", &["web1"])).await;
    }
    let mut query = ExecutionQuery { limit: Some(10), ..Default::default() };
    let mut seen = Vec::new();
    for turn in 0..10 {
        let page = good("list", subject.store.executions(&query).await);
        seen.extend(page.items.iter().map(|record| record.id));
        if turn == 0 {
            subject.created(&execution(100, "ada", "uptime", &["web1"])).await;
        }
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=25).rev().map(id).collect::<Vec<_>>());
    query.cursor = Some("not a cursor of yours".to_owned());
    assert!(matches!(subject.store.executions(&query).await, Err(StoreError::BadCursor)));

    let names: Vec<String> = (0..25).map(|number| format!("n{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    subject.created(&execution(101, "ada", "uptime", &names)).await;
    let mut query = TargetQuery { limit: Some(7), ..Default::default() };
    let mut seen = Vec::new();
    for _ in 0..10 {
        let page = good("list", subject.store.targets(id(101), &query).await);
        seen.extend(page.items.iter().map(|record| record.target.node.clone()));
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, names.iter().map(|name| node(name)).collect::<Vec<_>>());
}

/// What `rerun --failed` and `last(failed)` ask.
pub async fn targets_are_found_by_outcome(subject: &StoreSubject) {
    let new = execution(1, "ada", "uptime", &["a", "b", "c"]);
    subject.created(&new).await;
    subject
        .finished(&new, &[(NodeOutcome::Succeeded, b""), (FAILED, b""), (NodeOutcome::Succeeded, b"")])
        .await;
    let names = async |query: TargetQuery| -> String {
        let page = good("list", subject.store.targets(new.id, &query).await);
        page.items.iter().map(|item| item.target.node.to_string()).collect()
    };
    let outcome =
        |word: &str| TargetQuery { outcomes: BTreeSet::from([word.to_owned()]), ..Default::default() };
    assert_eq!(names(outcome("exited")).await, "b");
    assert_eq!(names(outcome("succeeded")).await, "ac");
    assert_eq!(names(TargetQuery { nodes: vec![node("c"), node("b")], ..Default::default() }).await, "bc");
    assert_eq!(names(TargetQuery { state: Some(TargetState::Queued), ..Default::default() }).await, "");
}

/// What nodes keep of detached commands is remembered until they have forgotten it, whoever saw to that.
pub async fn what_nodes_keep_is_remembered(subject: &StoreSubject) {
    let (first, second) = (execution(1, "ada", "deploy", &["a", "b"]), execution(2, "ada", "uptime", &["a"]));
    subject.created(&first).await;
    subject.created(&second).await;
    let name =
        |at: &str, attempt| DetachedName { execution: first.id, node: node(at), attempt, may_exist: true };
    let kept = |name: DetachedName| StoreWrite::Unsettled {
        id: first.id,
        name: DetachedName { may_exist: false, ..name },
    };
    let succeeded = result(first.id, &node("a"), NodeOutcome::Succeeded, None);
    // The same again is the same.
    for _ in 0..2 {
        subject
            .append(&[succeeded.clone(), kept(name("a", 1)), kept(name("b", 2)), kept(name("b", 3))])
            .await;
    }
    let left = good("read", subject.store.unsettled().await);
    assert_eq!(left.len(), 3);
    for name in [name("a", 1), name("b", 2), name("b", 3)] {
        assert!(left.contains(&name), "{left:?}");
    }
    subject.append(&[StoreWrite::Settled { id: second.id, name: name("a", 1) }]).await;
    subject.append(&[StoreWrite::Settled { id: first.id, name: name("b", 3) }]).await;
    assert_eq!(good("read", subject.store.unsettled().await), [name("b", 2)]);
}

/// R8.8: word left for the process that runs an execution reaches it once.
pub async fn a_cancel_request_is_taken_once(subject: &StoreSubject) {
    let new = execution(1, "ada", "sleep 1000", &["a", "b"]);
    subject.created(&new).await;
    assert_eq!(good("take", subject.store.take_cancel_requests().await), []);
    let request = CancelRequest {
        id: new.id,
        nodes: Some(vec![node("b")]),
        mode: TerminateMode::Graceful { grace: std::time::Duration::from_millis(1500) },
        by: "bob".to_owned(),
    };
    good("request", subject.store.request_cancel(request.clone()).await);
    assert_eq!(good("take", subject.store.take_cancel_requests().await), [request]);
    assert_eq!(good("take", subject.store.take_cancel_requests().await), []);
}

/// Asking for what is not there is no error.
pub async fn unknown_things_are_none(subject: &StoreSubject) {
    let store = &subject.store;
    assert_eq!(good("read", store.execution(id(9)).await), None);
    assert_eq!(good("read", store.output(hash(b"nothing"), 0, 10).await), None);
    assert_eq!(good("list", store.targets(id(9), &TargetQuery::default()).await).items, []);
    assert_eq!(good("list", store.attempts(id(9), None).await), []);
    assert_eq!(good("read", store.events(id(9), 1, 10).await).events, []);
    assert_eq!(good("group", store.output_groups(id(9), StreamKind::Stdout).await), []);
    assert_eq!(found(subject, ExecutionQuery::default()).await, Vec::<u8>::new());
}

/// After `close` nothing is taken any more, and what was written before is not lost by it.
pub async fn a_closed_store_says_so(subject: &StoreSubject) {
    let new = execution(1, "ada", "uptime", &["web1"]);
    subject.created(&new).await;
    subject.store.close().await;
    let started = [StoreWrite::Started { id: new.id, at: at(10) }];
    assert!(matches!(subject.store.append(&started).await, Err(StoreError::Closed)));
    assert!(matches!(subject.store.create(execution(2, "ada", "x", &["a"])).await, Err(StoreError::Closed)));
}
