//! The JSON shapes that callers, stores and subscribers see, held fast by snapshots: a change of one is a
//! change for everybody and must be seen in review.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::str::FromStr;

use jiff::Timestamp;
use pabawi_domain::action::{
    Action, CommandAction, DownloadAction, EnvValue, OnLinkLoss, RunAs, RunAsMethod, ScriptAction,
    StdinSource, UploadAction,
};
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::host_key::{HostKeyAcceptance, HostKeyKnowledge, HostKeyPolicy, HostKeySeen};
use pabawi_domain::id::{ExecutionId, IdempotencyKey, NodeId, PluginName, Tag};
use pabawi_domain::node::{Endpoint, TargetExpression};
use pabawi_domain::outcome::{NodeOutcome, RejectedBy, SkipReason, Survivor, Termination, TimeoutPhase};
use pabawi_domain::output::{ContentHash, StreamKind};
use pabawi_domain::pace::ProgressReport;
use pabawi_domain::ports::ConnectPhases;
use pabawi_domain::preview::{
    BasisFile, BasisTarget, ExecutionPreview, Permission, PlanChange, PlanHash, PreviewBasis, PreviewLimits,
    PreviewTarget, Reach, StoredPlan,
};
use pabawi_domain::request::{Attach, Caller, EntryPoint, ExecutionRequest};
use pabawi_domain::resilience::RetryPolicy;
use pabawi_domain::rollout::{Canary, HealthCheck, Mode, Rolling, Rollout, Share, Stragglers};
use pabawi_domain::secret::Secret;
use pabawi_domain::summary::{Progress, SummaryFold};
use pabawi_domain::task::{
    GraphEvent, GraphEventKind, GraphRunRecord, SkipWhy, TaskCounts, TaskDef, TaskGraph, TaskProgress,
    TaskRecord, TaskStatus, When,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn node() -> NodeId {
    NodeId::new("web1").unwrap()
}

fn failure(code: ErrorCode) -> NodeError {
    NodeError::new(node(), code, "the reason")
}

fn id() -> ExecutionId {
    ExecutionId::from_str("018f0000-0000-7000-8000-000000000001").unwrap()
}

/// A quarter of the nodes after ten seconds.
fn report() -> ProgressReport {
    let mut counts = Progress::of_targets(8);
    for _ in 0..3 {
        counts.start();
    }
    counts.finish(&NodeOutcome::Succeeded, true);
    counts.finish(&NodeOutcome::Exited { code: 1 }, true);
    let started_at = Timestamp::UNIX_EPOCH;
    ProgressReport::at(Timestamp::from_second(10).unwrap(), counts, Some(started_at), 2)
}

/// Every shape must be read back as what it was written from.
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "{json}");
}

#[test]
fn requests() {
    let mut command = CommandAction::new("uname -a");
    command.process.env.insert("LANG".into(), "C".into());
    command.process.env.insert("TOKEN".into(), EnvValue::Secret { secret: Secret::new("not shown") });
    command.process.cwd = Some("/srv".into());
    command.process.umask = Some(0o027);
    command.process.run_as = Some(RunAs {
        user: "root".into(),
        method: RunAsMethod::Sudo,
        password: Some(Secret::new("not shown")),
    });
    command.process.stdin = Some(StdinSource::Bytes("input".into()));
    command.process.pty = true;
    command.process.on_link_loss = OnLinkLoss::Leave;
    let mut full = ExecutionRequest::new(Action::Command(command), TargetExpression::new("web[1-3]"));
    full.concurrency = Some(10);
    full.timeouts.node_ms = Some(30_000);
    full.priority = 5;
    full.debug = true;
    full.rollout = Rollout {
        mode: Mode::Rolling(Rolling {
            waves: vec![Share::Count(1), Share::Percent(20.0)],
            pause_ms: 500,
            health_check: Some(HealthCheck {
                action: Box::new(Action::Command(CommandAction::new("systemctl is-active nginx"))),
                targets: None,
                timeout_ms: Some(10_000),
            }),
        }),
        max_failures: Some(Share::Percent(5.0)),
        fail_fast: false,
        canary: Some(Canary { share: Share::Count(10), seed: Some(7) }),
        stragglers: Some(Stragglers::new(3.0)),
    };
    full.retry = Some(RetryPolicy::new(3));
    full.host_keys = Some(HostKeyPolicy::AcceptNew);
    full.idempotency_key = Some(IdempotencyKey::new("deploy-42").unwrap());
    full.tags.insert(Tag::new("deploy").unwrap());

    let script = Action::Script(ScriptAction {
        name: "probe.py".into(),
        content: "print(1)".into(),
        interpreter: Some("/usr/bin/python3".into()),
        arguments: vec!["-v".into()],
        process: Default::default(),
    });
    let up =
        Action::Upload(UploadAction { source: "/a".into(), destination: "/b".into(), mode: Some(0o640) });
    let down = Action::Download(DownloadAction { source: "/b".into(), destination: "/a".into() });
    for action in [script.clone(), up.clone(), down.clone()] {
        round_trip(&action);
    }
    insta::assert_json_snapshot!("requests", (full, script, up, down));
}

/// What a caller says, and what only the engine does.
#[test]
fn detached_requests() {
    let mut command = CommandAction::new("true");
    command.process.detach = true;
    let mut request = ExecutionRequest::new(Action::Command(command), TargetExpression::new("web1"));
    request.check().unwrap();
    request.attach = vec![Attach {
        execution: ExecutionId::from_parts(1, [7; 10]),
        attempt: 2,
        nodes: vec![NodeId::new("web1").unwrap()],
        started_at: Timestamp::UNIX_EPOCH,
    }];
    round_trip(&request);
    let shape = serde_json::to_value(&request).unwrap();
    assert_eq!(shape["action"]["detach"], true);
    let attach = serde_json::json!([{
        "execution": ExecutionId::from_parts(1, [7; 10]), "attempt": 2, "nodes": ["web1"],
        "startedAt": "1970-01-01T00:00:00Z",
    }]);
    assert_eq!(shape["attach"], attach);
    let process = request.action.process_mut().unwrap();
    process.stdin = Some(StdinSource::Bytes("input".into()));
    process.pty = true;
    let error = request.check().unwrap_err();
    let paths: Vec<&str> = error.fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(paths, ["action.stdin", "action.pty"], "{error}");
}

#[test]
fn outcomes() {
    let all = vec![
        NodeOutcome::Succeeded,
        NodeOutcome::Exited { code: 255 },
        NodeOutcome::Signalled { signal: "SEGV".into() },
        NodeOutcome::TimedOut { phase: TimeoutPhase::Run, termination: Some(Termination::Confirmed) },
        NodeOutcome::Unreachable {
            error: failure(ErrorCode::LinkLost),
            termination: Some(Termination::Unconfirmed { why: "the link was lost".into() }),
        },
        NodeOutcome::AuthFailed { error: failure(ErrorCode::AuthFailed) },
        NodeOutcome::HostKeyRejected { error: failure(ErrorCode::HostKeyChanged) },
        NodeOutcome::RunAsDenied { error: failure(ErrorCode::RunAsDenied) },
        NodeOutcome::Failed { error: failure(ErrorCode::BadWorkingDirectory) },
        NodeOutcome::Cancelled {
            termination: Some(Termination::Survivors {
                processes: vec![Survivor { pid: 42, command: "sleep 600".into() }],
            }),
        },
        NodeOutcome::Skipped { why: SkipReason::Interrupted },
        NodeOutcome::Rejected { by: RejectedBy::Policy, error: failure(ErrorCode::Denied) },
        NodeOutcome::PluginFault { error: failure(ErrorCode::PluginFault) },
    ];
    all.iter().for_each(round_trip);
    insta::assert_json_snapshot!("outcomes", all);
}

#[test]
fn events() {
    let mut fold = SummaryFold::new(1);
    fold.start();
    fold.finish(&NodeOutcome::Succeeded, true);
    let kinds = vec![
        EventKind::Queued { targets: 1 },
        EventKind::Started,
        EventKind::NodeStarted { node: node(), attempt: 1 },
        EventKind::NodeConnected {
            node: node(),
            reused: false,
            phases: ConnectPhases { tcp_us: 120, ..Default::default() },
        },
        EventKind::HostKeyException {
            node: node(),
            key: HostKeySeen {
                algorithm: "ssh-ed25519".into(),
                fingerprint: "SHA256:abc".into(),
                accepted: HostKeyAcceptance::Added,
            },
        },
        EventKind::Output {
            node: node(),
            stream: StreamKind::Stderr,
            offset: 0,
            data: bytes::Bytes::from_static(b"\xffx").into(),
        },
        EventKind::CopyProgress { node: node(), done_bytes: 1, total_bytes: None },
        EventKind::AttemptFailed {
            node: node(),
            attempt: 1,
            result: NodeOutcome::Unreachable {
                error: failure(ErrorCode::ConnectionRefused),
                termination: None,
            },
            retry_in_ms: 1000,
        },
        EventKind::WaveStarted { wave: 1, waves: 3, nodes: 5 },
        EventKind::WaveFinished {
            wave: 1,
            health_check: Some(id()),
            unhealthy: Some("1 of 5 nodes did not succeed".into()),
            pause_ms: 0,
        },
        EventKind::RolloutStopped { why: SkipReason::MaxFailures, failures: 3, skipped: 90 },
        EventKind::StragglerLimit { p95_ms: 900, limit_ms: 2700 },
        EventKind::Backpressure { on: true, used_bytes: 50_331_648, limit_bytes: 67_108_864 },
        EventKind::NodeFinished {
            node: node(),
            attempt: 1,
            result: NodeOutcome::Succeeded,
            duration_ms: 12,
            phases: Some(pabawi_domain::phases::RunPhases {
                start_us: 2_000,
                first_byte_us: Some(3_000),
                run_us: 9_000,
                drain_us: 40,
            }),
            stdout: Some(pabawi_domain::output::ContentHash([1; 32])),
            stderr: None,
            progress: fold.progress(),
        },
        EventKind::Progress(report()),
        EventKind::CancelRequested { by: "operator".into(), nodes: None, kill: false },
        EventKind::Finished { summary: fold.summary(15) },
        EventKind::Gap { last_seq: 9 },
    ];
    let events: Vec<ExecutionEvent> = kinds
        .into_iter()
        .zip(1..)
        .map(|(kind, seq)| ExecutionEvent { execution_id: id(), seq, at: Timestamp::UNIX_EPOCH, kind })
        .collect();
    events.iter().for_each(round_trip);
    insta::assert_json_snapshot!("events", events);
}

#[test]
fn plans() {
    let mut request =
        ExecutionRequest::new(Action::Command(CommandAction::new("true")), TargetExpression::new("web1"));
    request.rollout.canary = Some(Canary { share: Share::Percent(10.0), seed: Some(7) });
    let reach = Reach {
        host: Some("10.0.0.1".into()),
        port: Some(22),
        user: Some("ops".into()),
        jump: vec!["ops@gate:22".into()],
    };
    let ssh = PluginName::new("ssh").unwrap();
    let sha256 = ContentHash([7; 32]);
    let file = BasisFile { what: "/srv/app".into(), bytes: 3, mode: Some(0o644), sha256 };
    let basis = PreviewBasis {
        format: PreviewBasis::FORMAT,
        request: request.clone(),
        targets: vec![BasisTarget {
            node: node(),
            transport: ssh.clone(),
            endpoint: Endpoint { user: Some("ops".into()), ..Endpoint::default() },
            reach: reach.clone(),
            place: Some(1),
        }],
        files: vec![file.clone()],
    };
    let plan = StoredPlan {
        hash: PlanHash(sha256),
        caller: Caller { user: "ann".into(), entry_point: EntryPoint::Cli },
        created_at: Timestamp::UNIX_EPOCH,
        expires_at: Timestamp::UNIX_EPOCH,
        request: request.clone(),
        basis,
        surface: serde_json::json!({"inventory": ["/nodes.yaml"]}),
    };
    round_trip(&plan);
    insta::assert_json_snapshot!("stored_plan", plan);
    let target = |permission, host_key| PreviewTarget {
        node: node(),
        transport: ssh.clone(),
        reach: reach.clone(),
        run_as: Some("root".into()),
        wave: Some(1),
        host_key,
        permission,
        fault: None,
    };
    let preview = ExecutionPreview {
        hash: plan.hash,
        created_at: plan.created_at,
        expires_at: plan.expires_at,
        action_kind: request.action.kind(),
        action_text: request.action.text(),
        request,
        limits: PreviewLimits {
            concurrency: 100,
            connect_ms: 10_000,
            attempts: 1,
            ..PreviewLimits::default()
        },
        denied: None,
        waves: vec![2],
        targets: vec![
            target(Permission::Allowed, Some(HostKeyKnowledge::Known)),
            target(Permission::Denied { reason: "not yours".into() }, Some(HostKeyKnowledge::Revoked)),
        ],
        files: vec![file],
        breakers: Vec::new(),
        applied_by: Some(id()),
    };
    round_trip(&preview);
    insta::assert_json_snapshot!("preview", preview);
    let nodes = vec![node()];
    let changes = vec![
        PlanChange::NoLongerValid { field: "targets".into(), message: "the reason".into() },
        PlanChange::NodesAdded { nodes: nodes.clone() },
        PlanChange::NodesGone { nodes: nodes.clone() },
        PlanChange::EndpointChanged { node: node(), before: "ssh a".into(), after: "ssh b".into() },
        PlanChange::WavesChanged { nodes: nodes.clone() },
        PlanChange::FileChanged { what: "/srv/app".into() },
        PlanChange::RequestChanged { fields: vec!["concurrency".into()] },
        PlanChange::Denied { nodes, reason: "not yours".into() },
        PlanChange::OtherVersion,
    ];
    changes.iter().for_each(round_trip);
    insta::assert_json_snapshot!("plan_changes", changes);
}

#[test]
fn graphs() {
    let task = TaskDef {
        name: "deploy".into(),
        after: vec!["build".into()],
        when: When::Always,
        parameters: serde_json::json!({"count": 3}).as_object().unwrap().clone(),
        parameter_schema: Some(serde_json::json!({"type": "object"})),
        request: ExecutionRequest::new(
            Action::Command(CommandAction::new("install ${tasks.build.nodes.web1.stdout}")),
            TargetExpression::new("web[1-3]"),
        ),
    };
    let at = Timestamp::from_str("2026-11-23T10:00:00.5Z").unwrap();
    let mut record = TaskRecord::queued(1, "deploy");
    record.status = TaskStatus::Partial;
    record.reason = Some("1 of 3 nodes did not succeed (1 exited); web2: exit status 3".into());
    record.executions = vec![id()];
    (record.started_at, record.finished_at) = (Some(at), Some(at));
    record.nodes = Some(Progress::of_targets(3));
    let mut skipped = TaskRecord::queued(2, "verify");
    skipped.status = TaskStatus::Skipped;
    skipped.skipped = Some(SkipWhy::Prerequisite { task: "deploy".into(), status: TaskStatus::Partial });
    let mut counts = TaskCounts::default();
    counts.add(TaskStatus::Partial, None);
    counts.add(TaskStatus::Skipped, skipped.skipped.as_ref());
    let run = GraphRunRecord {
        id: id(),
        caller: Caller { user: "ann".into(), entry_point: EntryPoint::Cli },
        name: "release".into(),
        status: counts.status(),
        counts,
        submitted_at: at,
        started_at: Some(at),
        finished_at: None,
    };
    let event = |seq, kind| GraphEvent { graph_id: id(), seq, at, counts, kind };
    let tasks = vec![TaskProgress { position: 1, name: "deploy".into(), nodes: report() }];
    let events = vec![
        event(1, GraphEventKind::TaskStarted { task: TaskRecord::queued(1, "deploy") }),
        event(2, GraphEventKind::TaskEnded { task: record }),
        event(3, GraphEventKind::TaskEnded { task: skipped }),
        event(4, GraphEventKind::Gap { missed: 7 }),
        event(12, GraphEventKind::Progress { nodes: report().counts, pace: report().pace, tasks }),
        event(13, GraphEventKind::Finished { run }),
    ];
    let graph = TaskGraph { name: "release".into(), tasks: vec![task] };
    round_trip(&graph);
    events.iter().for_each(round_trip);
    insta::assert_json_snapshot!("graphs", (graph, events));
}
