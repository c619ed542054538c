//! The shapes of Pabawi v1.4 itself, as its own plugins answer: SSH, Bolt, Ansible, and the clouds.

use std::time::Duration;

use pabawi_domain::action::{Action, RunAs, RunAsMethod, ToolAction};
use pabawi_domain::node::TargetExpression;
use pabawi_domain::output::StreamKind::Stdout;
use pabawi_domain::ports::Plugin as _;
use pabawi_domain::request::ExecutionRequest;
use pabawi_plugins::v1::V1Settings;
use pabawi_testkit::v1::{V1Conduct, V1Object, node_result, result_of};
use serde_json::{Value, json};

use super::support::{V1Rig, command, named_task};
use crate::support::name;
use V1Conduct::{Returns, Streams};

fn answers(status: &str, entry: Value) -> V1Conduct {
    Returns(result_of(status, &[node_result("web1", status, entry)]))
}

fn ssh() -> V1Object {
    let operation = json!({"name": "operation", "type": "string", "required": true,
                           "validation": {"enum": ["install", "remove", "update"]}});
    let list = json!([
        {"name": "command", "description": "Execute shell command on target nodes", "parameters": [
            {"name": "command", "type": "string", "required": true},
            {"name": "sudo", "type": "boolean", "required": false, "default": false},
            {"name": "timeout", "type": "number", "required": false}]},
        {"name": "package", "parameters": [operation, {"name": "package", "type": "string", "required": true}]},
    ]);
    V1Object::new("ssh", "both").on("listCapabilities", Returns(list))
}

/// R10.8, R7.3: what the SSH plugin answers.
#[tokio::test(start_paused = true)]
async fn ssh_results_keep_their_meaning() {
    let minus = |error: &str| {
        let output = json!({"stdout": "", "stderr": error, "exitCode": -1});
        answers("failed", json!({"output": output, "error": error}))
    };
    let failed =
        |code: i64| answers("failed", json!({"output": {"stdout": "o", "stderr": "e\n", "exitCode": code}}));
    let up = json!({"output": {"stdout": "up 3 days\n", "stderr": "", "exitCode": 0}});
    let other = json!({"id": "ssh-1-a", "type": "command", "status": "failed", "results": [],
                       "error": "Unsupported action type: task"});
    for (conduct, begins) in [
        (answers("success", up), "succeeded|up 3 days\n|"),
        (failed(2), "exit status 2|o|e\n"),
        (failed(255), "exit status 255|o|e\n"),
        (minus("Connection timeout after 30 seconds"), "timed out while connecting|"),
        (minus("Command timeout after 30 seconds"), "failed: Command timeout after 30 seconds|"),
        (minus("connect ECONNREFUSED 10.0.0.1:22"), "unreachable: connect ECONNREFUSED 10.0.0.1:22|"),
        (minus("All configured authentication methods failed"), "login refused: All configured"),
        (minus("Host key verification failed"), "host key refused: Host key verification failed|"),
        (minus("Network is unreachable"), "unreachable: Network is unreachable|"),
        (Returns(other), "failed: Unsupported action type: task|"),
    ] {
        let what = format!("{conduct:?}");
        let object = ssh().on("executeAction", conduct);
        let line = V1Rig::new(&object).await.run(command("v1-ssh", "uptime", "web1")).await.line();
        assert!(line.starts_with(begins), "{what}: {line}");
    }
}

/// R10.8: SSH is called with its timeout in seconds and sudo as a parameter; what it has no place for is refused.
#[tokio::test(start_paused = true)]
async fn ssh_is_called_as_in_v1() {
    let object = ssh();
    let mut settings = V1Settings::default();
    settings.action_timeout = Duration::from_secs(90);
    let rig = V1Rig::with(&object, settings).await;
    let mut request = command("v1-ssh", "id", "web1,10.0.0.9");
    let Action::Command(action) = &mut request.action else { panic!() };
    action.process.run_as =
        Some(RunAs { user: "root".to_owned(), method: RunAsMethod::Sudo, password: None });
    let ended = rig.rig.execute(request).await;
    assert_eq!(ended.summary.progress.succeeded, 2);
    let mut calls = object.calls_of("executeAction");
    calls.sort_by_key(|call| call.args[0]["target"].to_string());
    let metadata = json!({"executionId": ended.record.id.to_string()});
    let expected = |target: &str| {
        json!([{"type": "command", "target": target, "action": "id", "parameters": {"sudo": true}, "timeout": 90,
                "metadata": metadata}])
    };
    assert_eq!(Value::Array(calls[0].args.clone()), expected("10.0.0.9"));
    assert_eq!(Value::Array(calls[1].args.clone()), expected("web1"));
    assert!(calls[0].streams);
    let mut refused = command("v1-ssh", "id", "web1");
    let Action::Command(action) = &mut refused.action else { panic!() };
    action.process.cwd = Some("/tmp".to_owned());
    let seen = rig.run(refused).await;
    assert!(seen.line().starts_with("failed: action.cwd: "), "{}", seen.line());
    assert_eq!(object.calls_of("executeAction").len(), 2, "nothing was run without it");
}

fn bolt() -> V1Object {
    let list = json!([
        {"name": "command", "parameters": [{"name": "command", "type": "string", "required": true}]},
        {"name": "task", "parameters": [
            {"name": "task", "type": "string", "required": true},
            {"name": "parameters", "type": "object", "required": false}]},
    ]);
    V1Object::new("bolt", "both").on("listCapabilities", Returns(list))
}

/// R10.8: what Bolt answers: the node's output, not the JSON that its tool streams.
#[tokio::test(start_paused = true)]
async fn bolt_results_keep_their_meaning() {
    let raw = vec![(Stdout, "{\"items\":[{\"target\":\"web1\"}]}".to_owned())];
    let of_command = answers("success", json!({"output": {"stdout": "root\n", "stderr": "", "exitCode": 0}}));
    let error = "[puppetlabs.tasks/task-error] The task failed with exit code 1 (exit code 1)\n\nOutput:\nno such user";
    let failed = json!({"error": error, "output": {"stdout": "no such user", "exitCode": 1},
                        "value": {"_output": "no such user"}});
    let unknown = json!({"id": "exec_1_a", "status": "failed", "targetNodes": ["web1"], "results": [],
                         "error": "something unknown"});
    let unparsed = V1Conduct::rejects("BoltParseError", "Failed to parse Bolt JSON output");
    let raw_error = vec![(Stdout, "Could not parse".to_owned())];
    for (conduct, expected) in [
        (Streams(raw, Box::new(of_command)), "succeeded|root\n|"),
        (
            answers("success", json!({"value": {"status": "installed", "version": "1.2"}})),
            "succeeded|{\"status\":\"installed\",\"version\":\"1.2\"}|",
        ),
        (
            answers("failed", failed),
            "exit status 1|no such user|[puppetlabs.tasks/task-error] The task failed",
        ),
        (Returns(unknown), "failed: something unknown|"),
        (
            Streams(raw_error, Box::new(unparsed)),
            "plugin fault: plugin bolt: executeAction was rejected: BoltParseError: Failed to parse Bolt JSON \
             output|Could not parse|",
        ),
        (
            V1Conduct::rejects("BoltTaskParameterError", "Invalid parameters for task 'package'"),
            "failed: Invalid parameters for task 'package'|",
        ),
        (
            V1Conduct::rejects("BoltTimeoutError", "Bolt command execution exceeded timeout of 300000ms"),
            "failed: Bolt command execution exceeded timeout of 300000ms|",
        ),
    ] {
        let what = format!("{conduct:?}");
        let object = bolt().on("executeAction", conduct);
        let rig = V1Rig::new(&object).await;
        let parameters = json!({"name": "nginx", "task": "x", "parameters": "odd"});
        let line = rig.run(named_task("package", &parameters)).await.line();
        assert!(line.starts_with(expected), "{what}: {line}");
        let call = &object.calls_of("executeAction")[0];
        assert_eq!(call.args[0]["parameters"], parameters, "unchanged");
        assert_eq!((&call.args[0]["timeout"], call.streams), (&Value::Null, true), "Bolt reads no timeout");
    }
}

/// R10.8: what Ansible answers, live and at the end, and how its playbooks and packages are called.
#[tokio::test(start_paused = true)]
async fn ansible_results_keep_their_meaning() {
    let raw = "web1 | CHANGED | rc=0 >>\nroot\n";
    let output = json!({"output": {"stdout": raw.trim_end(), "stderr": "", "exitCode": 0}});
    let streams = Streams(vec![(Stdout, raw.to_owned())], Box::new(answers("success", output)));
    let list = json!([{"name": "command"}, {"name": "package"}, {"name": "playbook"}]);
    let object =
        V1Object::new("ansible", "both").on("listCapabilities", Returns(list)).on("executeAction", streams);
    let rig = V1Rig::new(&object).await;
    let seen = rig.run(command("ansible", "whoami", "web1")).await;
    assert_eq!(seen.line(), format!("succeeded|{raw}|"), "streamed, and not told again");
    let tool = |tool: &str, parameters: &Value| ToolAction {
        plugin: Some(name("ansible")),
        name: tool.to_owned(),
        parameters: parameters.as_object().unwrap().clone(),
        ..ToolAction::default()
    };
    let on = |action: Action| ExecutionRequest::new(action, TargetExpression::new("web1"));
    let variables = json!({"extraVars": {"a": 1}});
    rig.run(on(Action::Playbook(tool("site.yml", &variables)))).await;
    rig.run(on(Action::Package(tool("nginx", &json!({"ensure": "latest"}))))).await;
    let calls = object.calls_of("executeAction");
    let called = |place: usize| {
        let action = &calls[place].args[0];
        json!([action["type"], action["action"], action["parameters"]])
    };
    assert_eq!(called(1), json!(["plan", "site.yml", variables]));
    assert_eq!(called(2), json!(["task", "package", {"packageName": "nginx", "ensure": "latest"}]));
    let failed = "web1 | FAILED | rc=1 >>\nno";
    let output = json!({"stdout": failed, "stderr": "", "exitCode": 2});
    object.set("executeAction", answers("failed", json!({"output": output, "error": failed})));
    let seen = rig.run(command("ansible", "false", "web1")).await;
    assert_eq!(seen.line(), format!("exit status 2|{failed}|"));
}

/// R10.8: machines of a cloud are told what to do by tasks of these names, under the ids that the plugin has for them.
#[tokio::test(start_paused = true)]
async fn single_actions_of_a_cloud_are_tasks() {
    let nodes = json!([{"id": "proxmox:pve:7", "name": "web1", "uri": "proxmox://pve/7"}]);
    let object = V1Object::new("proxmox", "both")
        .on("listCapabilities", Returns(json!([{"name": "start"}, {"name": "stop"}])))
        .on("getInventory", Returns(nodes));
    let rig = V1Rig::new(&object).await;
    assert_eq!(rig.run(named_task("start", &json!({}))).await.outcome.word(), "succeeded");
    rig.adapter.inventory().unwrap().fetch().await.unwrap();
    assert_eq!(rig.run(named_task("stop", &json!({}))).await.outcome.word(), "succeeded");
    let calls = object.calls_of("executeAction");
    let targets: Vec<&Value> = calls.iter().map(|call| &call.args[0]["target"]).collect();
    assert_eq!(targets, [&json!("web1"), &json!("proxmox:pve:7")]);
}
