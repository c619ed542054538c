//! Requirement 6 with plugins that are programs: the ones that the document shows, and those that do everything wrong.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pabawi::external::{ExternalPlugin, load};
use pabawi::plugin::{CapabilityCall, PluginState};
use pabawi::ports::{
    ActionEnd, ActionEvent, Plugin as _, PluginCall, PluginHealth, PluginRun, RunningAction, TerminateMode,
};
use pabawi::{
    Action, AllowAll, CancelScope, CommandAction, Endpoint, EnvValue, ErrorCode, ExecutionId,
    ExecutionRequest, Framework, NodeError, NodeId, NodeOutcome, PluginName, Secret, Target,
    TargetExpression, TargetQuery, TargetRecord, Termination, ToolAction,
};
use pabawi_testkit::{process, wait};
use pabawi_tests::facade::caller;
use pabawi_tests::workspace;
use serde_json::{Value, json};

/// The machine may be busy.
const LIMIT: Duration = Duration::from_secs(60);

/// Programs in a directory of their own.
struct Programs(tempfile::TempDir);

impl Programs {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        // Written by another process: a program that this one has open for writing, if only in a child that is just being
        // made for another test, cannot be run (execve(2), ETXTBSY).
        let mut install = Command::new("install");
        let install = install.args(["-m", "755", "/dev/stdin"]).arg(&path).stdin(Stdio::piped());
        let mut install = install.spawn().unwrap();
        install.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(install.wait().unwrap().success());
        path
    }

    /// A shell script that describes itself as a plugin of that name and does `does` for every other word. Tasks have half
    /// a minute.
    fn script(&self, name: &str, does: &str) -> PathBuf {
        let capability = |name: &str| {
            json!({"name": name, "description": "Does it", "parameters": {"type": "object"}, "risk": "execute",
                   "requiredPermissions": [], "timeoutMs": 30_000})
        };
        let description = json!({
            "name": name, "version": "1", "description": "A test", "methods": {"run": true, "call": true},
            "configSchema": {"properties": {"token": {"type": "string", "writeOnly": true}}},
            "capabilities": [capability("task.execute"), capability("command.execute"), capability("thing.do")],
        });
        let text = format!(
            "#!/bin/sh\nif [ \"$1\" = describe ]; then cat <<'EOF'\n{description}\nEOF\nexit; fi\n{does}\n"
        );
        self.program(name, &text)
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The program that the document shows in that language.
fn shown(language: &str) -> String {
    let text = std::fs::read_to_string(workspace().join("docs/external-plugins.md")).unwrap();
    let block = text.split(&format!("```{language}\n")).nth(1).unwrap_or_else(|| panic!("no {language}"));
    block.split("```").next().unwrap().to_owned()
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

fn task(parameters: &Value) -> Action {
    Action::Task(ToolAction {
        name: "thing".to_owned(),
        parameters: parameters.as_object().unwrap().clone(),
        ..ToolAction::default()
    })
}

async fn framework(programs: &Programs, paths: &[(PathBuf, Value)]) -> Framework {
    let mut builder = Framework::builder().database(programs.path("executions.db")).authorizer(AllowAll);
    for (path, config) in paths {
        builder = builder.external_plugin(path, config.clone());
    }
    builder.open().await.unwrap()
}

async fn targets(framework: &Framework, id: ExecutionId) -> Vec<TargetRecord> {
    framework.targets(&caller(), id, &TargetQuery::default()).await.unwrap().items
}

/// R6.1, R6.2, R6.3, R6.7
#[tokio::test(flavor = "multi_thread")]
async fn the_shell_script_of_the_document_is_a_plugin() {
    let programs = Programs::new();
    let lookup = programs.program("lookup", &shown("sh"));
    let framework = framework(&programs, &[(lookup, json!({}))]).await;
    let listed = framework.plugins().plugin(&PluginName::new("lookup").unwrap()).unwrap();
    assert_eq!((&listed.state, listed.metadata.version.as_str()), (&PluginState::Ready, "1.0"));

    let request = ExecutionRequest::new(task(&json!({})), TargetExpression::new("localhost,nowhere.invalid"));
    let done = framework.execute(caller(), request).await.unwrap();
    let all = targets(&framework, done.record.id).await;
    let of = |name: &str| all.iter().find(|target| target.target.node == node(name)).unwrap();
    assert_eq!(of("localhost").result, Some(NodeOutcome::Succeeded));
    let output = of("localhost").stdout.as_ref().unwrap();
    let text = framework.output(&caller(), output.hash, 0, 1_000).await.unwrap().unwrap();
    assert!(text.data.to_text().contains("localhost"), "{text:?}");
    let Some(NodeOutcome::Unreachable { error, termination: None }) = &of("nowhere.invalid").result else {
        panic!("{:?}", of("nowhere.invalid"))
    };
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::Dns, "has no address"));
    framework.shutdown(LIMIT).await;
}

/// A program is asked anew what it is when it is put in place of its older self.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_was_changed_is_loaded_anew() {
    let programs = Programs::new();
    let path = programs.script("greeter", "exit 0");
    let framework = framework(&programs, &[(path.clone(), json!({}))]).await;
    let name = PluginName::new("greeter").unwrap();
    let version = || framework.plugins().plugin(&name).unwrap().metadata.version;
    assert_eq!(version(), "1");
    let text = std::fs::read_to_string(&path).unwrap().replace("\"version\":\"1\"", "\"version\":\"2\"");
    programs.program("greeter", &text);
    let plugin = load(&path).await.unwrap();
    framework.plugins().reload(Arc::new(plugin), json!({})).await.unwrap();
    assert_eq!(version(), "2");
    framework.shutdown(LIMIT).await;
}

/// R6.1, R6.2, R6.7, R3.1, R4.5
#[tokio::test(flavor = "multi_thread")]
async fn the_python_program_of_the_document_is_a_plugin() {
    let programs = Programs::new();
    let cmdb = programs.program("cmdb.py", &shown("python"));
    let file = programs.path("hosts.json");
    std::fs::write(&file, json!({"web1": {"address": "192.0.2.1", "rack": "A7"}}).to_string()).unwrap();
    let config = json!({"path": file});

    let plugin = load(&cmdb).await.unwrap();
    plugin.initialize(config.clone()).await.unwrap();
    assert_eq!(plugin.health().await, PluginHealth::Healthy);
    let listed = plugin.inventory().unwrap().fetch().await.unwrap();
    assert_eq!(listed.nodes[0].endpoint.host.as_deref(), Some("192.0.2.1"));
    let nodes = [node("web1"), node("web2"), node("web1")];
    let known = plugin.facts().unwrap().collect(&caller(), &nodes).await;
    assert_eq!(known[0].as_ref().unwrap().facts["cmdb"]["rack"], "A7");
    assert_eq!(known[1].as_ref().unwrap_err().error.code, ErrorCode::NotFound);
    assert_eq!(known[0], known[2]);
    let shown = ask(&plugin, "host.show", &json!({"host": "web1"})).await.unwrap();
    assert_eq!(shown, json!({"address": "192.0.2.1", "rack": "A7"}));
    let error = ask(&plugin, "host.show", &json!({"host": "web2"})).await.unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::NotFound, "parameters.host: there is no web2")
    );
    let error = ask(&plugin, "host.show", &json!({})).await.unwrap_err();
    assert!(error.code == ErrorCode::PluginFault && error.message == "KeyError('host')", "{error}");
    assert!(error.stack.unwrap().starts_with("Traceback (most recent call last):"));
    let listed = ask(&plugin, "inventory.list", &json!({})).await.unwrap();
    assert_eq!((&listed["nodes"][0]["id"], &listed["groups"][0]["name"]), (&json!("web1"), &json!("cmdb")));
    let mut asked = call("facts.get", &json!({}));
    asked.nodes = nodes[..2].to_vec();
    let known = plugin.call(asked).await.unwrap();
    assert_eq!((&known["facts"][0]["node"], &known["errors"][0]["node"]), (&json!("web1"), &json!("web2")));

    // Through the framework it is a source, and what it says is checked before it is asked.
    let framework =
        framework(&programs, &[(cmdb.clone(), config), (cmdb.clone(), json!({"paths": 1}))]).await;
    let all = framework.resolve(&TargetExpression::new("all")).await.unwrap();
    assert_eq!(all.iter().map(|target| target.node.as_str()).collect::<Vec<_>>(), ["web1"]);
    let asked = |parameters: Value| CapabilityCall {
        capability: "host.show".to_owned(),
        parameters: parameters.as_object().unwrap().clone(),
        ..CapabilityCall::default()
    };
    let shown = framework.call(&caller(), asked(json!({"host": "web1"}))).await.unwrap();
    assert_eq!(shown["rack"], "A7");
    let error = framework.call(&caller(), asked(json!({"hots": "web1"}))).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Validation, "{error}");
    let second = framework.plugins().plugin(&PluginName::new("cmdb-2").unwrap()).unwrap();
    assert!(
        matches!(&second.state, PluginState::Failed { message, .. } if message.contains("plugin cmdb is already registered")),
        "{:?}",
        second.state
    );
    framework.shutdown(LIMIT).await;
    std::fs::remove_file(&file).unwrap();
    assert!(
        matches!(plugin.health().await, PluginHealth::Unhealthy { message } if message.starts_with("config.path: "))
    );
    let other = load(&cmdb).await.unwrap();
    let error = other.initialize(json!({"path": file})).await.unwrap_err();
    assert!(error.code == ErrorCode::BadConfig && error.message.starts_with("config.path: "), "{error}");
}

fn call(capability: &str, parameters: &Value) -> PluginCall {
    PluginCall {
        capability: capability.to_owned(),
        parameters: parameters.as_object().unwrap().clone(),
        caller: caller(),
        correlation_id: None,
        nodes: Vec::new(),
    }
}

async fn ask(
    plugin: &ExternalPlugin,
    capability: &str,
    parameters: &Value,
) -> Result<Value, pabawi::ports::PluginError> {
    tokio::time::timeout(LIMIT, plugin.call(call(capability, parameters))).await.unwrap()
}

/// R6.2, R6.7
#[tokio::test(flavor = "multi_thread")]
async fn a_program_may_have_a_life() {
    let programs = Programs::new();
    let description = json!({
        "name": "life", "version": "1", "description": "A test",
        "methods": {"call": true, "initialize": true, "health": true, "shutdown": true},
        "capabilities": [{"name": "thing.do", "description": "Does it", "parameters": true, "risk": "read",
                          "requiredPermissions": []}],
    });
    let does = "echo $1 >>life.log; case $1 in health|initialize) cat $1.json ;; *) echo '{\"result\": null}' ;; esac";
    let text = format!("#!/bin/sh\nif [ \"$1\" = describe ]; then echo '{description}'; exit; fi\n{does}\n");
    let path = programs.program("life", &text);
    let says = |word: &str, answer: &Value| {
        std::fs::write(programs.path(&format!("{word}.json")), answer.to_string()).unwrap();
    };
    let name = PluginName::new("life").unwrap();
    says(
        "initialize",
        &json!({"error": {"code": "bad_config", "message": "no key", "stack": "line 7", "details": [1]}}),
    );
    let failing = framework(&programs, &[(path.clone(), json!({}))]).await;
    let state = failing.plugins().plugin(&name).unwrap().state;
    let expected = ("no key (bad_config)".to_owned(), Some("line 7\ndetails: [1]".to_owned()));
    assert!(
        matches!(&state, PluginState::Failed { message, stack, .. } if (message, stack) == (&expected.0, &expected.1)),
        "{state:?}"
    );
    failing.shutdown(LIMIT).await;

    says("initialize", &json!({"result": "fine"}));
    let framework = framework(&programs, &[(path, json!({}))]).await;
    assert_eq!(framework.plugins().plugin(&name).unwrap().state, PluginState::Ready);
    let degraded = PluginHealth::Degraded {
        message: "slow".to_owned(),
        working: Vec::new(),
        failing: vec!["thing.do".to_owned()],
    };
    let unhealthy = |message: &str| PluginHealth::Unhealthy { message: message.to_owned() };
    for (answer, expected) in [
        (json!({"result": {"state": "healthy"}}), PluginHealth::Healthy),
        (
            json!({"result": {"state": "degraded", "message": "slow", "working": [], "failing": ["thing.do"]}}),
            degraded,
        ),
        (json!({"result": {"state": "unhealthy", "message": "gone"}}), unhealthy("gone")),
        (json!({"error": {"code": "unavailable", "message": "no answer"}}), unhealthy("no answer")),
    ] {
        says("health", &answer);
        let status = framework.plugins().check_health(Some(&name)).await;
        assert_eq!(status[0].health.clone().unwrap().health, expected);
    }
    says("health", &json!({"result": {"state": "sick"}}));
    let status = framework.plugins().check_health(Some(&name)).await;
    let health = status[0].health.clone().unwrap().health;
    assert!(
        matches!(&health, PluginHealth::Unhealthy { message } if message.contains("health: result: unknown variant `sick`")),
        "{health:?}"
    );
    framework.shutdown(LIMIT).await;
    let log = std::fs::read_to_string(programs.path("life.log")).unwrap();
    let words: Vec<&str> = log.lines().filter(|word| *word != "health").collect();
    assert_eq!(words, ["initialize", "initialize", "shutdown"], "in its own directory");
}

/// One run of a program on these nodes: what each has written, and how it ended.
async fn run(plugin: &ExternalPlugin, nodes: &[&str], action: Action) -> Vec<(String, ActionEnd)> {
    let mut all = Vec::new();
    for (_, mut part) in start(plugin, nodes, action).await {
        let mut output = String::new();
        let end = loop {
            match tokio::time::timeout(LIMIT, part.next()).await.unwrap() {
                ActionEvent::Output { data, .. } => output += &String::from_utf8_lossy(&data),
                ActionEvent::Ended(end) => break end,
                other => panic!("{other:?}"),
            }
        };
        all.push((output, end));
    }
    all
}

async fn start(
    plugin: &ExternalPlugin,
    nodes: &[&str],
    action: Action,
) -> Vec<(NodeId, Box<dyn RunningAction>)> {
    let password = Some(Secret::new("hunter-endpoint"));
    let targets = nodes
        .iter()
        .map(|name| Target::new(node(name), Endpoint { password: password.clone(), ..Endpoint::default() }));
    let run = PluginRun {
        execution_id: ExecutionId::from_parts(0, [7; 10]),
        correlation_id: None,
        action: Arc::new(action),
        targets: targets.collect(),
    };
    tokio::time::timeout(LIMIT, plugin.run(run)).await.unwrap().unwrap()
}

/// A plugin that was got ready, with a token.
async fn ready(path: &Path) -> ExternalPlugin {
    let plugin = load(path).await.unwrap();
    plugin.initialize(json!({"token": "hunter-config"})).await.unwrap();
    plugin
}

fn failed(end: &ActionEnd) -> &NodeError {
    match end {
        ActionEnd::Failed(failure) => &failure.error,
        other => panic!("{other:?}"),
    }
}

/// R7.4: what a program prints about its nodes, or does not, and what is said about it for web2.
#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_a_fault_of_the_nodes_that_have_not_ended() {
    let programs = Programs::new();
    let good = r#"echo '{"node": "web1", "stdout": "fine", "exited": 0}'"#;
    let mut cases: Vec<(&str, String, &str)> = [
        ("silent", "exit 0", "ended with exit status 0 and said nothing of this node"),
        (
            "failing",
            "echo 'no such thing' >&2; exit 3",
            "exit status 3 and said nothing of this node; it said: no such thing",
        ),
        ("killed", "kill -KILL $$", "was ended by SIGKILL before it was done with this node"),
        (
            "garbage",
            "echo Hello; sleep 100",
            "cannot be understood: line 2: expected value (column 1): Hello",
        ),
        (
            "stranger",
            r#"echo '{"node": "web3", "exited": 0}'; sleep 100"#,
            "line 2: node \"web3\" is none of those",
        ),
        (
            "twice",
            r#"echo '{"node": "web1", "exited": 0}'; sleep 100"#,
            "line 2: node web1 has ended in line 1",
        ),
        ("unknown", r#"echo '{"node": "web2", "exit": 0}'; sleep 100"#, "line 2: unknown field `exit`"),
        ("endless", "head -c 1073741824 /dev/zero; sleep 100", "printed a line of more than 1048576 bytes"),
        ("half", r#"printf '{"node": "web2", "ex'"#, "line 2: EOF while parsing"),
    ]
    .map(|(name, does, part)| (name, format!("{good}\n{does}"), part))
    .into();
    cases.push(("early", format!("exec 0<&-\n{good}\nexit 0"), "said nothing of this node"));
    for (name, does, part) in cases {
        let plugin = ready(&programs.script(name, &does)).await;
        let began = Instant::now();
        // More than a pipe holds, so that a program that reads nothing leaves it there.
        let found = run(&plugin, &["web1", "web2"], task(&json!({"much": "x".repeat(1_000_000)}))).await;
        assert!(
            matches!(found[0], (ref text, ActionEnd::Exited { code: 0 }) if text == "fine"),
            "{name}: {found:?}"
        );
        let error = failed(&found[1].1);
        assert!(error.code == ErrorCode::PluginFault && error.message.contains(part), "{name}: {error}");
        assert_eq!(error.plugin.as_ref().unwrap().name.as_str(), name);
        assert!(began.elapsed() < LIMIT / 2, "{name} took {:?}", began.elapsed());
    }
}

/// What others see of a process holds nothing of a request, and its log shows no secret of the configuration.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_reach_the_program_and_nobody_else() {
    let programs = Programs::new();
    let seen = programs.path("seen");
    let does = format!(
        "{{ tr '\\0' ' ' </proc/$$/cmdline; env; }} >'{0}'\nread -r line\nprintf '%s' \"$line\" >'{0}.line'\n\
         echo 'token hunter-config is bad' >&2\nexit 1",
        seen.display()
    );
    let plugin = ready(&programs.script("spy", &does)).await;
    let mut command = CommandAction::new("echo hunter-text");
    command.process.env.insert("TOKEN".to_owned(), EnvValue::Secret { secret: Secret::new("hunter-env") });
    let found = run(&plugin, &["web1"], Action::Command(command)).await;
    let error = failed(&found[0].1);
    let told = format!("{error:?}");
    assert!(told.contains("token *** is bad") && !told.contains("hunter-config"), "{told}");
    let outside = std::fs::read_to_string(&seen).unwrap();
    assert!(outside.contains("/spy run ") && !outside.contains("hunter"), "{outside}");
    let line: Value =
        serde_json::from_str(&std::fs::read_to_string(programs.path("seen.line")).unwrap()).unwrap();
    assert_eq!(
        (&line["protocol"], &line["request"], &line["capability"]),
        (&json!(1), &json!("run"), &json!("command.execute"))
    );
    assert_eq!(line["config"], json!({"token": "hunter-config"}));
    assert_eq!(line["action"]["env"]["TOKEN"]["secret"], "hunter-env");
    assert_eq!(line["targets"][0]["endpoint"]["password"], "hunter-endpoint");

    let error = ask(&plugin, "thing.do", &json!({"password": "hunter-call"})).await.unwrap_err();
    assert!(
        error.message.contains("printed nothing") && error.message.contains("ended with exit status 1"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("hunter-config"), "{error:?}");
    let line: Value =
        serde_json::from_str(&std::fs::read_to_string(programs.path("seen.line")).unwrap()).unwrap();
    assert_eq!((&line["request"], &line["parameters"]["password"]), (&json!("call"), &json!("hunter-call")));
    assert_eq!(line["caller"], json!({"user": "tester", "entryPoint": "rust"}));
}

/// A process of the test's own is gone.
fn is_gone(file: &Path) -> bool {
    let pid: i32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
    process::ProcessInfo::read(pid).is_none_or(|info| info.is_zombie())
}

/// R8.8: what is ended is gone, with all that it has started.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_to_end_is_gone_with_its_children() {
    let programs = Programs::new();
    let (own, child) = (programs.path("own"), programs.path("child"));
    let ignores = format!(
        "trap '' TERM\n(trap '' TERM; while :; do sleep 1; done) & echo $! >'{}'\necho $$ >'{}'\nwhile :; do sleep 1; done",
        child.display(),
        own.display()
    );
    let plugin = ready(&programs.script("stubborn", &ignores)).await;
    let mut parts = start(&plugin, &["web1", "web2"], task(&json!({}))).await;
    wait::until_async("the program runs", LIMIT, || own.exists() && child.exists()).await.unwrap();
    let grace = Duration::from_millis(300);
    let ended =
        tokio::time::timeout(LIMIT, parts[0].1.terminate(TerminateMode::Graceful { grace })).await.unwrap();
    assert_eq!(ended, Termination::Confirmed);
    assert!(is_gone(&own) && is_gone(&child));
    assert!(!plugin.ends_single_nodes(task(&json!({})).kind()), "one process works on all of them");

    // What is left running at a good end is ended too.
    let leaves =
        format!("sleep 1000 & echo $! >'{}'\necho '{{\"node\": \"web1\", \"exited\": 0}}'", child.display());
    let plugin = ready(&programs.script("leaving", &leaves)).await;
    let found = run(&plugin, &["web1"], task(&json!({}))).await;
    assert!(matches!(found[0].1, ActionEnd::Exited { code: 0 }), "{found:?}");
    wait::until_async("the child is gone", LIMIT, || is_gone(&child)).await.unwrap();
}

/// R8.8: through the framework too, by SIGTERM and with the grace.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_execution_ends_its_program() {
    let programs = Programs::new();
    let (began, ended) = (programs.path("began"), programs.path("ended"));
    let does = format!(
        "trap 'echo x >\"{}\"; exit 1' TERM\necho x >'{}'\nwhile :; do sleep 0.1; done",
        ended.display(),
        began.display()
    );
    let path = programs.script("waiting", &does);
    let framework = framework(&programs, &[(path, json!({}))]).await;
    let request = ExecutionRequest::new(task(&json!({})), TargetExpression::new("web1,web2"));
    let id = framework.submit(caller(), request).await.unwrap();
    wait::until_async("the program runs", LIMIT, || began.exists()).await.unwrap();
    let mode = TerminateMode::Graceful { grace: Duration::from_secs(5) };
    framework.cancel(&caller(), id, CancelScope::All, mode).await.unwrap();
    let done = tokio::time::timeout(LIMIT, framework.wait(&caller(), id)).await.unwrap().unwrap();
    assert_eq!(done.summary.progress.cancelled, 2, "{:?}", done.summary);
    assert!(ended.exists(), "it was asked to end before it was killed");
    for target in targets(&framework, id).await {
        let outcome = target.result.unwrap();
        assert_eq!(outcome.termination(), Some(&Termination::Confirmed), "{outcome:?}");
    }
    framework.shutdown(LIMIT).await;
}

/// R7.3: what does not answer a call as it should, and what is said then.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_goes_wrong_is_a_clear_error() {
    let programs = Programs::new();
    for (name, does, code, part) in [
        ("huge", "head -c 1073741824 /dev/zero", ErrorCode::LimitReached, "wrote more than 67108864 bytes"),
        (
            "silent",
            "exit 0",
            ErrorCode::PluginFault,
            "printed nothing where one line of JSON is expected, and ended with exit status 0",
        ),
        (
            "prose",
            "echo hello world",
            ErrorCode::PluginFault,
            "line 1: expected value (column 1): hello world",
        ),
        (
            "late",
            r#"echo '{"result": 1}'; exit 9"#,
            ErrorCode::PluginFault,
            "gave a result, and ended with exit status 9",
        ),
        (
            "two",
            r#"echo '{"result": 1}'; echo more"#,
            ErrorCode::PluginFault,
            "printed 2 lines where one is expected; line 2 is: more",
        ),
        (
            "refusing",
            r#"echo '{"error": {"code": "unavailable", "message": "try later"}}'; exit 4"#,
            ErrorCode::Unavailable,
            "try later",
        ),
    ] {
        let plugin = ready(&programs.script(name, does)).await;
        let error = ask(&plugin, "thing.do", &json!({})).await.unwrap_err();
        assert!(error.code == code && error.message.contains(part), "{name}: {} {error}", error.code);
    }
    // A program that reads nothing of what it is told, which is more than a pipe holds.
    let plugin = ready(&programs.script("deaf", r#"exec 0<&-; echo '{"result": "done"}'"#)).await;
    let answer = ask(&plugin, "thing.do", &json!({"much": "x".repeat(1_000_000)})).await.unwrap();
    assert_eq!(answer, "done");
    // A file that has changed meanwhile.
    let path = programs.script("changed", "exit 0");
    let plugin = ready(&path).await;
    mode(&path, 0o757);
    let error = ask(&plugin, "thing.do", &json!({})).await.unwrap_err();
    assert!(error.code == ErrorCode::BadConfig && error.message.contains("chmod o-w"), "{error}");
    assert!(
        matches!(plugin.health().await, PluginHealth::Unhealthy { message } if message.contains("chmod o-w"))
    );
    // What has its limit from the capability.
    let text =
        std::fs::read_to_string(programs.script("slow", "sleep 1000")).unwrap().replace("30000", "300");
    let plugin = ready(&programs.program("slow", &text)).await;
    let error = ask(&plugin, "thing.do", &json!({})).await.unwrap_err();
    assert!(
        error.code == ErrorCode::Unavailable && error.message.contains("did not end within 300ms"),
        "{error}"
    );
    let found = run(&plugin, &["web1"], task(&json!({}))).await;
    assert!(failed(&found[0].1).message.contains("did not end within 300ms"), "{found:?}");
}

/// R6.2, R6.4, R7.4: each is in its place in the list with the reason, and the good one works.
#[tokio::test(flavor = "multi_thread")]
async fn programs_that_cannot_be_plugins_stop_no_other() {
    let programs = Programs::new();
    let good = programs.script("good", r#"echo '{"node": "web1", "exited": 0}'"#);
    let writable = programs.script("writable", "exit 0");
    mode(&writable, 0o777);
    let plain = programs.script("plain", "exit 0");
    mode(&plain, 0o644);
    let bad = |name: &str, text: &str| programs.program(name, text);
    let ssh = programs.script("ssh", "exit 0");
    let needs = programs.script("needs", "exit 0");
    let text = std::fs::read_to_string(&needs).unwrap();
    let needs = programs.program("needs", &text.replace("\"call\":true", "\"call\":false"));
    let cases: Vec<(PathBuf, &str, &str)> = vec![
        (programs.path("Missing.sh"), "missing", "No such file"),
        ("relative/greeter".into(), "greeter", "must be an absolute path"),
        (writable, "writable", "run anything as this user and read the plugin's secrets"),
        (plain, "plain", "is not executable"),
        (
            bad("prose", "#!/bin/sh\necho usage: prose FILE >&2; exit 2"),
            "prose",
            "describe: ended with exit status 2",
        ),
        (bad("nothing", "#!/bin/sh\nexit 0"), "nothing", "describe: printed nothing"),
        (bad("garbage", "#!/bin/sh\necho hello"), "garbage", "describe: line 1: is no JSON"),
        (
            bad("half", "#!/bin/sh\necho '{\"name\": \"half\"}'"),
            "half",
            "\"capabilities\" is a required property",
        ),
        (bad("huge", "#!/bin/sh\nhead -c 1073741824 /dev/zero"), "huge", "wrote more than 1048576 bytes"),
        (bad("hanging", "#!/bin/sh\nsleep 1000"), "hanging", "did not end within 10s"),
        (bad("lost", "#!/no/such/shell\n"), "lost", "failed to start"),
        (ssh, "ssh-2", "plugin ssh is already registered"),
        (needs, "needs", "capabilities[2].name: \"thing.do\" needs the method call"),
        (good.clone(), "good-2", "plugin good is already registered"),
    ];
    let mut paths = vec![(good, json!({}))];
    paths.extend(cases.iter().map(|(path, ..)| (path.clone(), json!({}))));
    let began = Instant::now();
    let framework = framework(&programs, &paths).await;
    assert!(began.elapsed() < LIMIT, "all are asked at the same time: {:?}", began.elapsed());
    for (path, name, part) in &cases {
        let status = framework.plugins().plugin(&PluginName::new(name).unwrap());
        let status = status.unwrap_or_else(|| panic!("{name} is in the list"));
        let PluginState::Failed { message, stack, .. } = &status.state else { panic!("{name}: {status:?}") };
        assert!(message.contains(part) && message.contains(&path.display().to_string()), "{name}: {message}");
        if *name == "prose" {
            assert_eq!(stack.as_deref(), Some("usage: prose FILE"));
        }
    }
    let request = ExecutionRequest::new(task(&json!({})), TargetExpression::new("web1"));
    let done = framework.execute(caller(), request).await.unwrap();
    assert_eq!(done.summary.progress.succeeded, 1);
    framework.shutdown(LIMIT).await;
}
