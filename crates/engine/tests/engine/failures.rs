//! A node that fails, cannot be reached or hangs hurts no other, and says why.

use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::event::EventKind;
use pabawi_domain::host_key::{HostKeyAcceptance, HostKeySeen};
use pabawi_domain::outcome::{NodeOutcome, Termination};
use pabawi_domain::summary::ExecutionStatus;
use pabawi_testkit::scripted::{NodeScript, ScriptedTransport};
use tokio::time::Instant;

use super::support::{Rig, command, node};

/// R7.1, R7.2: the others run at their own pace, and the status is partial.
#[tokio::test(start_paused = true)]
async fn an_unreachable_node_delays_nobody() {
    let transport = ScriptedTransport::new()
        .default_script(NodeScript::new().waits(Duration::from_secs(1)))
        .node(&node("dead"), NodeScript::new().connect_fails(ErrorCode::NoRoute))
        .node(&node("mute"), NodeScript::new().connect_hangs());
    let rig = Rig::new(transport).await;
    let begin = Instant::now();
    let id = rig.submit(command("dead,mute,a,b")).await;
    let mut events = rig.events(id).await;
    events.until_finished("a").await;
    assert_eq!(begin.elapsed().as_secs(), 1);
    let summary = rig.wait(id).await.summary;
    assert_eq!(summary.status, ExecutionStatus::Partial);
    assert_eq!((summary.progress.succeeded, summary.progress.failed), (2, 2));
    assert_eq!((summary.outcomes["unreachable"], summary.outcomes["timedOut"]), (1, 1));
}

/// R7.3, R1.8: node, kind of error and reason.
#[tokio::test(start_paused = true)]
async fn errors_say_node_kind_and_reason() {
    let fails = |code| NodeScript::new().connect_fails(code);
    let transport = ScriptedTransport::new()
        .node(&node("dns"), fails(ErrorCode::Dns))
        .node(&node("key"), fails(ErrorCode::HostKeyChanged))
        .node(&node("auth"), fails(ErrorCode::AuthFailed))
        .node(&node("sudo"), NodeScript::new().start_fails(ErrorCode::RunAsDenied, false))
        .node(&node("disk"), NodeScript::new().fails(ErrorCode::RemoteFile, "no space left"))
        .node(&node("killed"), NodeScript::new().signalled("SEGV"))
        .node(&node("code"), NodeScript::new().exits(255));
    let rig = Rig::new(transport).await;
    let outcome = rig.execute(command("dns,key,auth,sudo,disk,killed,code")).await;
    assert_eq!(outcome.summary.status, ExecutionStatus::Failed);
    let id = outcome.record.id;
    for (name, word, code) in [
        ("dns", "unreachable", ErrorCode::Dns),
        ("key", "hostKeyRejected", ErrorCode::HostKeyChanged),
        ("auth", "authFailed", ErrorCode::AuthFailed),
        ("sudo", "runAsDenied", ErrorCode::RunAsDenied),
        ("disk", "failed", ErrorCode::RemoteFile),
    ] {
        let result = rig.outcome(id, name).await;
        let error = result.error().unwrap();
        assert_eq!((result.word(), error.code, error.node.as_str()), (word, code, name));
        assert!(!error.message.is_empty());
    }
    assert_eq!(rig.outcome(id, "killed").await, NodeOutcome::Signalled { signal: "SEGV".into() });
    assert_eq!(rig.outcome(id, "code").await, NodeOutcome::Exited { code: 255 });
}

/// A link that is lost while the command runs leaves it unknown what became of the command.
#[tokio::test(start_paused = true)]
async fn a_lost_link_is_unreachable_and_unconfirmed() {
    let transport = ScriptedTransport::new()
        .node(&node("a"), NodeScript::new().stdout("begun\n").loses_link())
        .node(&node("b"), NodeScript::new().start_fails(ErrorCode::ProtocolViolation, true));
    let rig = Rig::new(transport).await;
    let outcome = rig.execute(command("a,b")).await;
    assert_eq!(outcome.summary.unconfirmed, 2);
    for name in ["a", "b"] {
        let result = rig.outcome(outcome.record.id, name).await;
        assert_eq!(result.word(), "unreachable");
        assert!(matches!(result.termination(), Some(Termination::Unconfirmed { .. })), "{result:?}");
    }
    assert_eq!(rig.stored(outcome.record.id, "a").await.stdout.unwrap().total_bytes, 6);
}

/// R7.4: a fault inside a transport is one node's fault, and what it printed before is kept.
#[tokio::test(start_paused = true)]
async fn a_panic_in_a_transport_hurts_only_its_node() {
    let panics = NodeScript::new().stdout("so far\n").waits(Duration::from_millis(1)).panics();
    let rig = Rig::new(ScriptedTransport::new().node(&node("a"), panics)).await;
    let mut request = command("a,b,c");
    request.concurrency = Some(1);
    let outcome = rig.execute(request).await;
    let progress = outcome.summary.progress;
    assert_eq!((progress.succeeded, progress.failed, progress.running), (2, 1, 0));
    let target = rig.stored(outcome.record.id, "a").await;
    let Some(NodeOutcome::PluginFault { error }) = target.result else { panic!("{:?}", target.result) };
    assert!(error.message.contains("scripted panic"), "{error}");
    assert_eq!((target.attempt, target.stdout.unwrap().total_bytes), (1, 7));
    super::support::settle().await;
    assert_eq!(rig.engine.stats().node_runs, 0, "its permit came back");
}

/// Accepting a host key that was not known is told, stored and journalled.
#[tokio::test(start_paused = true)]
async fn accepted_host_keys_are_journalled() {
    let script = |accepted| {
        NodeScript::new().host_key(HostKeySeen {
            algorithm: "ssh-ed25519".into(),
            fingerprint: "SHA256:abc".into(),
            accepted,
        })
    };
    let transport = ScriptedTransport::new()
        .node(&node("known"), script(HostKeyAcceptance::Known))
        .node(&node("added"), script(HostKeyAcceptance::Added))
        .node(&node("off"), script(HostKeyAcceptance::Unchecked));
    let rig = Rig::new(transport).await;
    let id = rig.submit(command("known,added,off")).await;
    let events = rig.events(id).await.rest().await;
    let mut told: Vec<&str> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::HostKeyException { node, .. } => Some(node.as_str()),
            _ => None,
        })
        .collect();
    told.sort_unstable();
    assert_eq!(told, ["added", "off"]);
    rig.engine.shutdown(Duration::from_secs(1)).await;
    let entries = rig.store.journal_entries();
    let mut written: Vec<_> = entries
        .iter()
        .map(|one| (one.entry.node.as_str(), one.entry.result_status.as_deref(), one.entry.execution_id))
        .collect();
    written.sort();
    assert_eq!(written, [("added", Some("added"), Some(id)), ("off", Some("unchecked"), Some(id))]);
    assert!(entries.iter().all(|one| one.entry.event_type == "host_key_exception"));
}
