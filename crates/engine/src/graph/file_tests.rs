//! Tests of graph files: what is understood, what is refused with which place, and what costs how much.

use std::time::Instant;

use pabawi_domain::action::{
    Action, CommandAction, EnvValue, OnLinkLoss, ProcessOptions, RunAs, RunAsMethod, ScriptAction,
    StdinSource, ToolAction, UploadAction,
};
use pabawi_domain::host_key::HostKeyPolicy;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::node::TargetExpression;
use pabawi_domain::output::OutputData;
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::resilience::RetryPolicy;
use pabawi_domain::rollout::{Canary, HealthCheck, Mode, Rolling, Rollout, Share, Stragglers};
use pabawi_domain::secret::Secret;
use pabawi_domain::task::{TaskDef, When};

use super::*;

fn problems(text: &str) -> Vec<String> {
    match parse_graph("g.yaml", text.as_bytes()).unwrap_err() {
        GraphFileError::Invalid { problems, .. } => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{other}"),
    }
}

const GOOD: &str = "
name: release
tasks:
  - name: build
    action: {type: command, command: make}
    targets: builder
    parameters: {version: '1.2', count: 3}
    parameterSchema: {type: object, required: [version]}
  - name: deploy
    after: [build]
    action:
      type: command
      command: install ${tasks.build.nodes.builder.stdout}
      env: {A.B: x, VERSION: v}
    targets: web[01-20]
    rollout: {mode: {type: rolling, waves: [1, 20%]}, maxFailures: 10%}
    retry: {attempts: 3}
";

/// R2.1, R2.7
#[test]
fn yaml_and_json_are_the_same_graph() {
    let good = GOOD.replace("A.B: x, ", "");
    let graph = parse_graph("g.yaml", good.as_bytes()).unwrap();
    let names: Vec<&str> =
        graph.order().iter().map(|task| graph.task(*task).unwrap().name.as_str()).collect();
    assert_eq!(names, ["build", "deploy"]);
    assert_eq!(graph.task(1).unwrap().request.rollout.max_failures, Some(Share::Percent(10.0)));
    let json = serde_json::to_vec(graph.graph()).unwrap();
    assert_eq!(parse_graph("g.json", &json).unwrap(), graph);
}

/// R2.1
#[test]
fn every_fault_is_told_with_file_line_column_and_field() {
    let error = parse_graph("g.yaml", GOOD.as_bytes()).unwrap_err().to_string();
    assert!(
        error.starts_with("g.yaml: line 14 column 12: tasks[1].action.env: \"A.B\" is not a name"),
        "{error}"
    );
    let text = "name: g\ninclude: g.yaml\ntasks:\n- name: a\n  acton: {}\n  targets: [x]\n  concurrency: many\n\
                - name: b\n  targets: x\n  action: {type: comand}\n- action: {type: command, command: x, shell: y}\n";
    assert_eq!(
        problems(text),
        [
            "line 2 column 1: include: unknown key; known are name, tasks",
            "line 4 column 3: tasks[0].action: is missing",
            "line 5 column 3: tasks[0].acton: unknown key; known are name, after, when, parameters, parameterSchema, \
             action, targets, transport, concurrency, timeouts, priority, rollout, retry, debug, hostKeys, \
             idempotencyKey, correlationId, tags, rerunOf, parent",
            "line 6 column 12: tasks[0].targets: invalid type: sequence, expected a string",
            "line 7 column 16: tasks[0].concurrency: invalid type: string \"many\", expected u32",
            "line 10 column 18: tasks[1].action.type: unknown type \"comand\"; known are command, script, upload, \
             download, task, playbook, plan, facts, package",
            "line 11 column 3: tasks[2].name: is missing",
            "line 11 column 3: tasks[2].targets: is missing",
            "line 11 column 39: tasks[2].action.shell: unknown key; known are type, command, env, cwd, umask, runAs, \
             stdin, pty, onLinkLoss, detach",
        ]
    );
    let meaning = "name: g\ntasks:\n- name: a\n  after: [b, zz]\n  action: {type: command, command: ''}\n  targets: x\n\
                   - name: b\n  after: [a]\n  action: {type: command, command: x}\n  targets: x\n  parameters: {n: x}\n  \
                   parameterSchema: {properties: {n: {type: integer}}}\n";
    assert_eq!(
        problems(meaning),
        [
            "line 4 column 11: tasks[0].after[0]: a cycle of 2 tasks: a after b after a",
            "line 4 column 14: tasks[0].after[1]: no task is named \"zz\"",
            "line 5 column 36: tasks[0].action.command: must not be empty; give the command to run",
            "line 11 column 19: tasks[1].parameters.n: \"x\" is not of type \"integer\"",
        ]
    );
}

#[test]
fn what_is_no_document_is_refused() {
    for (text, part) in [
        ("", "must be a mapping, found nothing"),
        ("[]", "must be a mapping, found a list"),
        ("name: g\ntasks: []", "must hold at least one task"),
        ("name: g\nname: h\ntasks: []", "line 2"),
        ("name: [", "line 1"),
        ("a: 1\n---\nb: 2", "document"),
    ] {
        let found = problems(text);
        assert!(found[0].contains(part), "{text}: {found:?}");
    }
    let error = parse_graph("g", b"\xff").unwrap_err().to_string();
    assert_eq!(error, "g: is not a text in UTF-8");
    let error = read_graph(Path::new("/nonexistent/g.yaml")).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/g.yaml: "), "{error}");
}

/// YAML bombs, deep nesting and very many tasks end in bounded time.
#[test]
fn documents_that_are_made_to_hurt_are_refused_quickly() {
    let start = Instant::now();
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{before}]\n");
    }
    assert_eq!(problems(&bomb).len(), 1);
    assert_eq!(problems(&format!("name: g\ntasks: {}", "[".repeat(100_000))).len(), 1);
    assert_eq!(problems(&format!("name: g\ntasks: {}1{}", "[".repeat(60), "]".repeat(60))).len(), 1);
    let large = vec![b' '; usize::try_from(MAX_GRAPH_FILE_BYTES).unwrap() + 1];
    assert!(matches!(parse_graph("g", &large), Err(GraphFileError::TooLarge { .. })));
    // A million tasks by way of an anchor.
    let many = format!(
        "name: g\nx: &t {{name: a, targets: x, action: {{type: command, command: x}}}}\ntasks: [{}]",
        vec!["*t"; 1_000_000].join(",")
    );
    assert_eq!(problems(&many).len(), 1);
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

/// Every field of the domain's types is known here, so that none is refused as unknown.
#[test]
fn the_table_of_keys_is_complete() {
    let mut command = CommandAction::new("x");
    // Without "..", so that a new field has to be written here.
    command.process = ProcessOptions {
        env: [
            ("A".to_owned(), EnvValue::from("b")),
            ("S".to_owned(), EnvValue::Secret { secret: Secret::new("s") }),
        ]
        .into(),
        cwd: Some("/".into()),
        umask: Some(0o22),
        run_as: Some(RunAs {
            user: "root".into(),
            method: RunAsMethod::Su,
            password: Some(Secret::new("p")),
        }),
        stdin: Some(StdinSource::File("/f".into())),
        pty: true,
        on_link_loss: OnLinkLoss::Leave,
        detach: true,
    };
    let mut request = ExecutionRequest::new(Action::Command(command), TargetExpression::new("a"));
    request.transport = "ssh".parse().ok();
    request.concurrency = Some(1);
    request.timeouts.connect_ms = Some(1);
    request.timeouts.node_ms = Some(1);
    request.timeouts.execution_ms = Some(1);
    request.priority = 1;
    request.rollout = Rollout {
        mode: Mode::Rolling(Rolling {
            waves: vec![Share::Count(1)],
            pause_ms: 1,
            health_check: Some(HealthCheck {
                action: Box::new(Action::Command(CommandAction::new("x"))),
                targets: Some(TargetExpression::new("a")),
                timeout_ms: Some(1),
            }),
        }),
        max_failures: Some(Share::Count(1)),
        fail_fast: true,
        canary: Some(Canary { share: Share::Count(1), seed: Some(1) }),
        stragglers: Some(Stragglers::new(2.0)),
    };
    let mut retry = RetryPolicy::new(2);
    retry.on = ["exited".to_owned()].into();
    retry.deadline_ms = Some(1);
    request.retry = Some(retry);
    request.debug = true;
    request.host_keys = Some(HostKeyPolicy::Strict);
    request.idempotency_key = "k".parse().ok();
    request.correlation_id = "c".parse().ok();
    request.tags = ["t".parse().unwrap()].into();
    request.rerun_of = Some(ExecutionId::from_parts(1, [0; 10]));
    request.parent = request.rerun_of;
    let script = ScriptAction {
        name: "s".into(),
        content: OutputData::from(b"x".to_vec()),
        interpreter: Some("/bin/sh".into()),
        arguments: vec!["a".into()],
        process: Default::default(),
    };
    let upload = UploadAction { source: "/a".into(), destination: "/b".into(), mode: Some(0o644) };
    let download = pabawi_domain::action::DownloadAction { source: "/a".into(), destination: "/b".into() };
    let tool = ToolAction {
        plugin: "bolt".parse().ok(),
        name: "t".into(),
        parameters: serde_json::json!({"a": [1]}).as_object().unwrap().clone(),
        sensitive: vec!["/a".into()],
    };
    let mut task = TaskDef {
        name: "t".into(),
        after: vec!["u".into()],
        when: When::Always,
        parameters: serde_json::json!({"a": 1}).as_object().unwrap().clone(),
        parameter_schema: Some(serde_json::json!({})),
        request,
    };
    let mut tasks = vec![task.clone()];
    for action in [
        Action::Script(script),
        Action::Upload(upload),
        Action::Download(download),
        Action::Task(tool.clone()),
        Action::Playbook(tool.clone()),
        Action::Plan(tool.clone()),
        Action::Facts(tool.clone()),
        Action::Package(tool),
    ] {
        task.request.action = action;
        task.request.rollout.mode = Mode::Sequential { stop_at_failure: true };
        tasks.push(task.clone());
    }
    let text = serde_json::to_string(&TaskGraph { name: "g".into(), tasks }).unwrap();
    let tree = document::parse(&text, LIMITS).unwrap();
    let mut problems = Vec::new();
    look(&tree, &GRAPH, "", &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
}
