//! Detached commands: their names, when their nodes may forget them, and going back to them after a crash.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::action::{RunAs, RunAsMethod};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::{DETACHED_KEPT, DetachedName, ExecutionStore as _, StoreError};
use pabawi_domain::request::{Attach, ExecutionRequest};
use pabawi_domain::resilience::RetryPolicy;
use pabawi_domain::secret::Secret;
use pabawi_domain::task::{GraphEventKind, GraphStatus};
use pabawi_engine::{
    EngineLimits, RerunOptions, RerunSecrets, RerunSelection, ResumeOptions, Resumed, SubmitError,
    parse_graph,
};
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::scripted::{Gate, NodeScript, ScriptedTransport};

use super::graphs::GraphRig;
use super::support::{Rig, ann, command, node, settle};

fn detached(targets: &str) -> ExecutionRequest {
    let mut request = command(targets);
    request.action.process_mut().unwrap().detach = true;
    request
}

fn name(execution: ExecutionId, name: &str, attempt: u32, may_exist: bool) -> DetachedName {
    DetachedName { execution, node: node(name), attempt, may_exist }
}

#[tokio::test(start_paused = true)]
async fn each_command_has_a_name_of_its_own_and_is_forgotten_at_its_end() {
    let rig = Rig::new(ScriptedTransport::new().node(&node("n2"), NodeScript::new().exits(3))).await;
    let id = rig.execute(detached("n1,n2")).await.record.id;
    for node_name in ["n1", "n2"] {
        let counts = rig.transport.counts(&node(node_name));
        assert_eq!((counts.detached, counts.settled), (vec![name(id, node_name, 1, false)], 1));
    }
    let plain = rig.execute(command("n3")).await;
    assert_eq!(plain.summary.progress.succeeded, 1);
    assert_eq!(rig.transport.counts(&node("n3")).detached, []);
}

/// A crash before the result is stored has to find everything on the node.
#[tokio::test(start_paused = true)]
async fn a_node_forgets_nothing_before_the_result_is_stored() {
    let gate = Gate::new();
    let rig = Rig::new(ScriptedTransport::new().default_script(NodeScript::new().waits_for(&gate))).await;
    let id = rig.submit(detached("n1")).await;
    rig.events(id).await.until_started("n1").await;
    settle().await;
    rig.store.fail(Some(StoreError::Unavailable("gone fishing".into())));
    gate.open();
    tokio::time::sleep(Duration::from_secs(20)).await;
    let counts = rig.transport.counts(&node("n1"));
    assert_eq!((counts.ends, counts.settled), (1, 0));
    rig.store.fail(None);
    rig.wait(id).await;
    assert_eq!(rig.transport.counts(&node("n1")).settled, 1);
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_a_command_of_its_own() {
    let rig = Rig::new(ScriptedTransport::new().default_script(NodeScript::new().exits(1))).await;
    let mut request = detached("n1");
    let mut retry = RetryPolicy::new(2);
    retry.idempotent = true;
    retry.on = ["exited".to_owned()].into();
    request.retry = Some(retry);
    let id = rig.execute(request).await.record.id;
    let counts = rig.transport.counts(&node("n1"));
    assert_eq!(counts.detached, [name(id, "n1", 1, false), name(id, "n1", 2, false)]);
    assert_eq!(counts.settled, 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_cannot_name_the_commands_of_others() {
    let rig = Rig::new(ScriptedTransport::new()).await;
    let old = rig.execute(detached("n1")).await.record.id;
    let mut request = detached("n1");
    let started_at = Timestamp::UNIX_EPOCH;
    request.attach = vec![Attach { execution: old, attempt: 1, nodes: vec![node("n1")], started_at }];
    let error = rig.engine.submit(ann(), request).await.unwrap_err();
    assert!(
        matches!(&error, SubmitError::Invalid(fields) if fields.to_string().contains("attach")),
        "{error}"
    );
}

/// The process dies while the commands of `names` run; the others wait.
async fn crash(rig: Rig, id: ExecutionId, names: &[&str]) -> Arc<MemoryStore> {
    for name in names {
        rig.events(id).await.until_started(name).await;
    }
    settle().await;
    rig.store.orphan_all();
    let store = Arc::clone(&rig.store);
    // Nothing of the process of before may do anything any more.
    std::mem::forget(rig);
    store
}

async fn resume(rig: &Rig, id: ExecutionId) -> Result<Resumed, SubmitError> {
    rig.engine.resume(ann(), id, false, RerunSecrets::default()).await
}

#[tokio::test(start_paused = true)]
async fn after_crashes_a_command_keeps_the_name_it_was_started_under() {
    let hangs = || ScriptedTransport::new().default_script(NodeScript::new().hangs());
    let rig = Rig::new(hangs()).await;
    let mut request = detached("n1,n2,n3");
    request.concurrency = Some(2);
    let first = rig.submit(request).await;
    let store = crash(rig, first, &["n1", "n2"]).await;

    let rig = Rig::on(store, hangs(), EngineLimits::default()).await;
    let resumed = resume(&rig, first).await.unwrap();
    assert_eq!((resumed.nodes, resumed.unknown, resumed.attached.len()), (3, vec![], 2));
    let second = resumed.id;
    let store = crash(rig, second, &["n1", "n2"]).await;

    let rig = Rig::on(store, ScriptedTransport::new(), EngineLimits::default()).await;
    let third = resume(&rig, second).await.unwrap().id;
    let summary = rig.wait(third).await.summary;
    assert_eq!(summary.progress.succeeded, 3);
    let names = |at: &str| rig.transport.counts(&node(at)).detached;
    assert_eq!(names("n1"), [name(first, "n1", 1, true)]);
    assert_eq!(names("n2"), [name(first, "n2", 1, true)]);
    assert_eq!(names("n3"), [name(third, "n3", 1, false)], "nothing was started there");
    // Nothing is left to go on with, and a rerun is a command of its own.
    assert!(resume(&rig, second).await.unwrap_err().to_string().contains("nothing is left"));
    let again = rig.engine.rerun(ann(), third, RerunSelection::All, RerunOptions::default()).await.unwrap();
    rig.wait(again).await;
    assert_eq!(names("n1").last(), Some(&name(again, "n1", 1, false)));
}

/// Those that the second process had not come to were started by the first one all the same.
#[tokio::test(start_paused = true)]
async fn what_a_resume_had_not_come_to_is_not_taken_for_never_started() {
    let hangs = || ScriptedTransport::new().default_script(NodeScript::new().hangs());
    for by_rerun in [false, true] {
        let rig = Rig::new(hangs()).await;
        let first = rig.submit(detached("n1,n2")).await;
        let store = crash(rig, first, &["n1", "n2"]).await;
        let one_by_one = EngineLimits { max_node_runs: 1, ..EngineLimits::default() };
        let rig = Rig::on(store, hangs(), one_by_one).await;
        let second = resume(&rig, first).await.unwrap().id;
        let store = crash(rig, second, &["n1"]).await;

        let rig = Rig::on(store, ScriptedTransport::new(), EngineLimits::default()).await;
        let third = match by_rerun {
            false => resume(&rig, second).await.unwrap().id,
            true => {
                let all = RerunSelection::NotStarted;
                rig.status(second).await;
                rig.engine.rerun(ann(), second, all, RerunOptions::default()).await.unwrap()
            }
        };
        rig.wait(third).await;
        assert_eq!(rig.transport.counts(&node("n2")).detached, [name(first, "n2", 1, true)]);
    }
}

/// R2.10: the tasks of a graph are gone back to as well, also after the process that went back has died.
#[tokio::test(start_paused = true)]
async fn a_resumed_graph_goes_back_to_the_commands_of_its_tasks() {
    let hangs = || ScriptedTransport::new().default_script(NodeScript::new().hangs());
    let text = "name: g\ntasks:\n\
        - {name: work, targets: 'n1,n2,n3', concurrency: 2, action: {type: command, command: work, detach: true}}\n\
        - {name: last, targets: n4, after: [work], action: {type: command, command: last}}\n";
    let mut store = Arc::new(MemoryStore::new());
    let mut graph = None;
    let mut first = None;
    for _ in 0..2 {
        let rig = GraphRig::on(Arc::clone(&store), hangs(), EngineLimits::default()).await;
        let mut events = match graph {
            None => rig.submit(parse_graph("g", text.as_bytes()).unwrap()).await.1,
            Some(id) => rig.graphs.resume(ann(), id, ResumeOptions::default()).await.unwrap(),
        };
        graph = Some(events.id());
        let task = loop {
            let event = events.next().await.unwrap();
            if let GraphEventKind::TaskStarted { task } = &event.kind {
                break task.clone();
            }
        };
        first.get_or_insert(task.executions[0]);
        rig.graphs.leave(Duration::from_secs(60)).await;
        store = crash(rig.rig, *task.executions.last().unwrap(), &["n1", "n2"]).await;
    }
    let (id, first) = (graph.unwrap(), first.unwrap());
    let rig = GraphRig::on(store, ScriptedTransport::new(), EngineLimits::default()).await;
    let before = rig.graphs.status(&ann(), id).await.unwrap();
    let reason = before.tasks[0].reason.clone().unwrap();
    assert!(reason.contains("a resume goes back to it"), "{reason}");
    rig.graphs.resume(ann(), id, ResumeOptions::default()).await.unwrap();
    let view = rig.graphs.wait(&ann(), id).await.unwrap();
    assert_eq!((view.run.status, view.tasks[0].executions.len()), (GraphStatus::Completed, 3));
    let names = |at: &str| rig.rig.transport.counts(&node(at)).detached;
    assert_eq!(names("n1"), [name(first, "n1", 1, true)]);
    assert_eq!(names("n2"), [name(first, "n2", 1, true)]);
    assert_eq!(names("n3"), [name(view.tasks[0].executions[2], "n3", 1, false)], "nothing was started there");
}

/// The process dies when the result is stored and before the node has forgotten the command. The next one that reaches
/// the node, for whatever, lets it forget; nobody goes there for that alone.
#[tokio::test(start_paused = true)]
async fn what_a_node_still_keeps_is_taken_away_by_the_next_run_there() {
    let gate = Gate::new();
    let slow = NodeScript::new().settle_waits_for(&gate);
    let rig = Rig::new(ScriptedTransport::new().node(&node("n1"), slow)).await;
    let _ = rig.execute(detached("n2")).await;
    let id = rig.submit(detached("n1")).await;
    rig.events(id).await.until_finished("n1").await;
    let store = crash(rig, id, &[]).await;
    let kept = name(id, "n1", 1, true);
    assert_eq!(store.unsettled().await.unwrap(), vec![kept.clone()]);

    let fails_first = NodeScript::new().forget_fails_times(1);
    let rig =
        Rig::on(store, ScriptedTransport::new().node(&node("n1"), fails_first), EngineLimits::default())
            .await;
    let _ = rig.execute(command("n2")).await;
    assert_eq!(rig.transport.connects(), 1);
    for calls in [1, 2, 2] {
        let _ = rig.execute(command("n1")).await;
        assert_eq!(rig.transport.counts(&node("n1")).forgotten, vec![kept.clone(); calls]);
    }
    assert_eq!(rig.store.unsettled().await.unwrap(), []);
    assert_eq!(rig.transport.counts(&node("n2")).forgotten, []);
}

/// At another place, or as another user, the command is not to be found; and a node that was not reached is not asked.
#[tokio::test(start_paused = true)]
async fn a_node_is_asked_only_where_and_as_whom_the_command_was_started() {
    let gate = Gate::new();
    let slow = NodeScript::new().settle_waits_for(&gate);
    let rig = Rig::new(ScriptedTransport::new().node(&node("n1"), slow)).await;
    let mut request = detached("n1");
    let sudo = |user: &str, password: &str| RunAs {
        user: user.to_owned(),
        method: RunAsMethod::Sudo,
        password: Some(Secret::new(password)),
    };
    request.action.process_mut().unwrap().run_as = Some(sudo("deploy", "first"));
    let id = rig.submit(request.clone()).await;
    rig.events(id).await.until_finished("n1").await;
    let store = crash(rig, id, &[]).await;

    let lost = NodeScript::new().connect_fails_times(1, ErrorCode::ConnectionRefused);
    let rig = Rig::on(store, ScriptedTransport::new().node(&node("n1"), lost), EngineLimits::default()).await;
    let asked = || rig.transport.counts(&node("n1")).forgotten.len();
    let mut other = command("n1");
    other.action.process_mut().unwrap().run_as = Some(sudo("root", "other"));
    // Not reached, without the password, as another user.
    for request in [request.clone(), command("n1"), other] {
        let _ = rig.execute(request).await;
        assert_eq!(asked(), 0);
    }
    let _ = rig.execute(request).await;
    assert_eq!(asked(), 1);
}

/// A spool that is not there is a proof only as long as none is removed for its age.
#[tokio::test(start_paused = true)]
async fn what_was_started_too_long_ago_is_left_alone() {
    let hangs = ScriptedTransport::new().default_script(NodeScript::new().hangs());
    let rig = Rig::new(hangs).await;
    let id = rig.submit(detached("n1")).await;
    let store = crash(rig, id, &["n1"]).await;
    let rig = Rig::on(store, ScriptedTransport::new(), EngineLimits::default()).await;
    rig.clock.advance(DETACHED_KEPT);
    let error = resume(&rig, id).await.unwrap_err();
    assert!(error.to_string().contains("what came of it is not known on n1"), "{error}");
    assert_eq!(rig.transport.started().len(), 0);
}
