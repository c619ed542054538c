//! What runs on nodes, when it goes well or a node fails by itself.

use std::path::Path;
use std::sync::Arc;

use pabawi::ports::{ActionEnd, ActionEvent, Plugin as _, PluginRun};
use pabawi::{
    Action, CommandAction, Endpoint, EnvValue, ErrorCode, ExecutionId, NodeId, NodeOutcome, OutputData,
    ProcessOptions, ScriptAction, Secret, Target,
};
use pabawi_testkit::{process, wait};
use pabawi_tests::facade::caller;
use pabawi_tests::{LIMIT, unique};
use serde_json::{Value, json};

use crate::rig::{BOLT, Place, Rig, command, error, mode_for_others, name, outcome, request, task, tool};

/// R6.5, R8.3: one process for all nodes; what a command printed is kept as it is, by stream and node.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_on_all_nodes_in_one_process() {
    let rig = Rig::new().await;
    let canary = format!("canary{}", unique());
    let mut action = CommandAction::new(format!(
        "echo \"$TARGET {canary} ä $PLAIN $(pwd) $(umask)\"; printf 'no end' >&2; exit 3"
    ));
    action.process = ProcessOptions {
        env: [("PLAIN".to_owned(), EnvValue::from("it's $HOME"))].into(),
        cwd: Some("/usr".to_owned()),
        umask: Some(0o027),
        ..ProcessOptions::default()
    };
    let targets = rig.run("web[1-3]", Action::Command(action)).await;
    assert_eq!(targets.len(), 3);
    for target in &targets {
        assert_eq!(outcome(target).exit_code(), Some(3), "{:?}", target.result);
        let expected = format!("{} {canary} ä it's $HOME /usr 0027\n", target.target.node);
        assert_eq!(rig.stdout(target).await, expected);
        assert_eq!(rig.stderr(target).await, "no end");
    }
    let calls = rig.place.calls();
    assert_eq!((rig.runs(), calls.len()), (1, 1), "{calls:?}");
    assert!(calls[0].starts_with("command run --format=json --project="), "{calls:?}");
    assert!(calls[0].contains("/targets -- @") && !calls[0].contains(&canary), "{calls:?}");
    wait::until_async("the files to be gone", LIMIT, || rig.run_directories().is_empty()).await.unwrap();
    let nowhere = ProcessOptions { cwd: Some("/nonexistent".to_owned()), ..ProcessOptions::default() };
    let nowhere = CommandAction { process: nowhere, ..CommandAction::new("true") };
    let targets = rig.run("web1", Action::Command(nowhere)).await;
    assert_eq!(error(&targets[0]).0, ErrorCode::BadWorkingDirectory, "{:?}", targets[0].result);
    let mut secret = CommandAction::new("true");
    let value = EnvValue::Secret { secret: Secret::new("hunter2") };
    secret.process.env.insert("TOKEN".to_owned(), value);
    let (code, message) = error(&rig.run("web1", Action::Command(secret)).await[0]);
    assert!(
        code == ErrorCode::Validation && message.starts_with("action.env.TOKEN: is a secret"),
        "{message}"
    );
}

/// R6.5, R9.3: a script with its arguments as they are, also such as look like options of Bolt.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_runs_with_its_arguments() {
    let rig = Rig::new().await;
    let script = |content: &str, interpreter: Option<&str>| {
        Action::Script(ScriptAction {
            name: "look it.sh".to_owned(),
            content: OutputData::from(content.as_bytes().to_vec()),
            interpreter: interpreter.map(str::to_owned),
            arguments: vec!["it's".to_owned(), "--targets=all".to_owned(), "-n $(id)".to_owned()],
            process: ProcessOptions {
                env: [("PLAIN".to_owned(), EnvValue::from("a=b"))].into(),
                ..ProcessOptions::default()
            },
        })
    };
    let text = "#!/bin/sh\nprintf '%s|' \"$@\"; echo \"$PLAIN\"; echo error >&2; echo \"$0\"; exit 4\n";
    for target in rig.run("web[1-2]", script(text, None)).await {
        assert_eq!(outcome(&target).exit_code(), Some(4), "{:?}", target.result);
        let stdout = rig.stdout(&target).await;
        let (arguments, path) = stdout.trim_end().split_once('\n').unwrap();
        assert_eq!(arguments, "it's|--targets=all|-n $(id)|a=b");
        assert!(path.ends_with("/s.look_it.sh"), "{path}");
        let gone = || !Path::new(path).exists();
        wait::until_async("the script to be gone", LIMIT, gone).await.unwrap();
        assert_eq!(rig.stderr(&target).await, "error\n");
    }
    let python = "import sys\nprint(sys.argv[1:])\n";
    let targets = rig.run("web1", script(python, Some("/usr/bin/python3"))).await;
    let stdout = rig.stdout(&targets[0]).await;
    assert_eq!(stdout, "[\"it's\", '--targets=all', '-n $(id)']\n", "{:?}", targets[0].result);
}

/// R6.5: any task, its parameters by a file; its text, and its result as one line of JSON.
#[tokio::test(flavor = "multi_thread")]
async fn tasks_give_their_result() {
    let rig = Rig::new().await;
    for target in rig.run("web[1-2]", task("echo", json!({"message": "--help {{x}}", "times": 2}))).await {
        assert_eq!(outcome(&target), &NodeOutcome::Succeeded);
        let line = format!("--help {{{{x}}}} on {}\n", target.target.node);
        assert_eq!(rig.stdout(&target).await, line.repeat(2));
    }
    let parameters = json!({"name": "nginx", "action": "install", "_noop": true});
    let targets = rig.run("web1", task("package", parameters)).await;
    let result: Value = serde_json::from_str(&rig.stdout(&targets[0]).await).unwrap();
    assert_eq!(result, json!({"status": "installed", "version": "1.0", "noop": true, "name": "nginx"}));
    let targets = rig.run("web1", task("fail", json!({}))).await;
    assert_eq!(outcome(&targets[0]).exit_code(), Some(5));
    assert_eq!(rig.stdout(&targets[0]).await, "half done");
    let said = "[puppetlabs.tasks/task-error] The task failed with exit code 5\n";
    assert_eq!(rig.stderr(&targets[0]).await, said);
    let facts = rig.run("web[1-2]", Action::Facts(tool("facts", json!({})))).await;
    let result: Value = serde_json::from_str(&rig.stdout(&facts[1]).await).unwrap();
    assert_eq!(
        (&result["os"]["family"], &result["networking"]["hostname"]),
        (&"Debian".into(), &"web2".into())
    );
    assert_eq!(rig.runs(), 4, "one for each run, however many nodes");
    // R9.3: nothing is recorded of what breaks the schema.
    for (name, parameters, part) in [
        ("echo", json!({"_catch_errors": true}), "action.parameters"),
        ("--version", json!({}), "action.name"),
        ("echo", json!({"_run_as": "-x"}), "action.parameters._run_as"),
    ] {
        let refused = rig.framework.execute(caller(), request("web1", task(name, parameters))).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(part), "{refused}");
    }
    let targets = rig.run("web1", task("no/such", json!({}))).await;
    assert!(error(&targets[0]).1.starts_with("action.name: must be a name"), "{:?}", targets[0].result);
}

/// R7.3: each node has its own outcome, whatever became of the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_in_part_has_an_outcome_for_each_node() {
    let rig = Rig::new().await;
    let nodes = "web1,refused1,slow1,noname1,auth1,newkey1,oldkey1,nosudo1";
    let targets = rig.run(nodes, command("[ \"$TARGET\" = web1 ]")).await;
    let found = |node: &str| targets.iter().find(|target| target.target.node.as_str() == node).unwrap();
    assert_eq!(outcome(found("web1")), &NodeOutcome::Succeeded);
    for (node, word, code) in [
        ("refused1", "unreachable", Some(ErrorCode::ConnectionRefused)),
        ("slow1", "timedOut", None),
        ("noname1", "unreachable", Some(ErrorCode::Dns)),
        ("auth1", "authFailed", Some(ErrorCode::AuthFailed)),
        ("newkey1", "hostKeyRejected", Some(ErrorCode::HostKeyUnknown)),
        ("oldkey1", "hostKeyRejected", Some(ErrorCode::HostKeyChanged)),
        ("nosudo1", "runAsDenied", Some(ErrorCode::RunAsPasswordNeeded)),
    ] {
        let target = found(node);
        assert_eq!(outcome(target).word(), word, "{:?}", target.result);
        assert_eq!(outcome(target).error().map(|error| error.code), code, "{node}");
    }
    assert_eq!(rig.runs(), 1);
    let targets = rig.run("web1", task("broken", json!({}))).await;
    assert_eq!(error(&targets[0]), (ErrorCode::ToolFailed, "[mymodule/broken] nothing works".to_owned()));
}

/// R6.5, R7.3: a plan, whose nodes have their own result or that of the plan.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_has_a_result_for_each_node() {
    let rig = Rig::new().await;
    let plan = |name: &str, parameters: Value| Action::Plan(tool(name, parameters));
    for target in rig.run("web[1-2]", plan("greet", json!({"whom": "you"}))).await {
        assert_eq!(outcome(&target), &NodeOutcome::Succeeded);
        assert_eq!(rig.stdout(&target).await, "{\"greeting\":\"hello you\"}\n");
        assert_eq!(rig.stderr(&target).await, "Starting: plan greet\n");
    }
    let targets = rig.run("auth1,web1", plan("deploy", json!({"version": "1.2"}))).await;
    assert_eq!(outcome(&targets[0]).word(), "authFailed");
    assert_eq!(rig.stdout(&targets[1]).await, "{\"version\":\"1.2\"}\n");
    assert_eq!(outcome(&targets[1]), &NodeOutcome::Succeeded);
    let targets = rig.run("auth1,web1", plan("abort", json!({}))).await;
    assert_eq!(outcome(&targets[0]).word(), "authFailed", "it has the error of its own");
    let (code, message) = error(&targets[1]);
    assert!(
        code == ErrorCode::ToolFailed && message.starts_with("[bolt/run-failure] Plan aborted"),
        "{message}"
    );
    let targets = rig.run("web1", plan("nosuch", json!({}))).await;
    assert!(error(&targets[0]).1.starts_with("[bolt/unknown-plan]"), "{:?}", targets[0].result);
    let asked = request("web1", plan("greet", json!({"targets": "all"})));
    assert!(
        rig.framework.execute(caller(), asked).await.unwrap_err().to_string().contains("action.parameters")
    );
}

/// R9.5: secrets are in files of this user alone, and nowhere else; the files go with the run.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_private_files_and_in_no_argument() {
    let rig = Rig::new().await;
    let canary = format!("canary{}", unique());
    let go = rig.place.path("go");
    let mut action = tool("hold", json!({"token": canary, "go": go}));
    action.sensitive = vec!["/token".to_owned()];
    let id = rig.framework.submit(caller(), request("web1", Action::Task(action))).await.unwrap();
    let own = rig.private().display().to_string();
    let working = || process::all().iter().any(|one| one.command_line.contains(&own));
    wait::until_async("the task to wait", BOLT, working).await.unwrap();
    let directory = rig.run_directories().pop().unwrap();
    assert!(std::fs::read_to_string(directory.join("params.json")).unwrap().contains(&canary));
    for path in [directory.clone(), directory.join("params.json"), directory.join("inventory.yaml")] {
        assert_eq!(mode_for_others(&path), 0, "{}", path.display());
    }
    for one in process::all() {
        assert!(!one.command_line.contains(&canary), "{one:?}");
        let environment = std::fs::read(format!("/proc/{}/environ", one.pid)).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&environment).contains(&canary), "{one:?}");
    }
    std::fs::write(&go, "").unwrap();
    let done = tokio::time::timeout(BOLT, rig.framework.wait(&caller(), id)).await.unwrap().unwrap();
    assert_eq!(done.summary.progress.succeeded, 1);
    let stdout = rig.stdout(&rig.targets(id).await[0]).await;
    assert_eq!(stdout, "***", "what is a secret is not kept");
    wait::until_async("the files to be gone", LIMIT, || !directory.exists()).await.unwrap();
}

/// R8.3: thousands of targets are one process, whose command line is no longer than that of one.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_targets_are_one_process_and_a_short_command_line() {
    let place = Place::new();
    let mut settings = place.settings(&[]);
    settings["concurrency"] = 500.into();
    let plugin = pabawi::bolt::plugin(name());
    plugin.initialize(settings).await.unwrap();
    let names =
        (0..5_000).map(|number| format!("node-with-a-long-name-in-a-long-domain-{number}.example.org"));
    let target = |name: String| Target::new(NodeId::new(name).unwrap(), Endpoint::default());
    let run = PluginRun {
        execution_id: ExecutionId::from_parts(1, [7; 10]),
        correlation_id: None,
        action: Arc::new(task("broken", json!({}))),
        targets: names.map(target).collect(),
    };
    let parts = plugin.run(run).await.unwrap();
    assert_eq!(parts.len(), 5_000);
    for (node, mut part) in parts {
        let end = tokio::time::timeout(BOLT, part.next()).await.unwrap();
        let ActionEvent::Ended(ActionEnd::Failed(failure)) = end else { panic!("{node}: {end:?}") };
        assert_eq!((failure.error.node, failure.error.code), (node, ErrorCode::ToolFailed));
    }
    let calls = place.calls();
    assert_eq!(calls.len(), 1);
    assert!(calls[0].len() < 1_000 && calls[0].contains("--concurrency=500"), "{}", calls[0]);
}
