//! Requirement 5, what must not be told: secrets of every kind go through runs that succeed, fail, time out and panic, in debug
//! mode and without, and then everything that was said, shown, stored or left behind is searched for them, in every form.
//!
//! Each search has its control: the same text, given as something that is no secret, is found by it.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use pabawi::inventory::UnknownNames;
use pabawi::log::{LogLevel, LogRecord, LogSink, RecordLayer};
use pabawi::plugin::{Capability, CapabilityCall, RiskLevel};
use pabawi::ports::{
    ActionEnd, ActionEvent, Plugin, PluginCall, PluginError, PluginHealth, PluginMetadata, PluginMethods,
    PluginRun, RunningAction, TerminateMode, TransportError,
};
use pabawi::ssh::{SshConfig, SshSettings};
use pabawi::{
    Action, AllowAll, CommandAction, EngineLimits, EnvValue, ErrorCode, ExecutionId, ExecutionRequest,
    Framework, JournalQuery, NodeError, NodeId, OutputData, PluginName, RunAs, RunAsMethod, Secret,
    StdinSource, StreamKind, SubscriptionMode, TargetExpression, TargetQuery, Termination, ToolAction,
};
use pabawi_testkit::fleet::{Fleet, KeyType};
use pabawi_tests::canary::{Canary, Lookout, Places};
use pabawi_tests::facade::caller;
use pabawi_tests::{Lab, Pab};
use serde_json::{Value, json};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

const LIMIT: Duration = Duration::from_secs(60);
/// In the names of folders that hold the tester's own secrets.
const OWN: &str = "testers-own";

/// What a node runs: it says the variable `TOKEN`, and what it reads, in every form that tools write them in, also in two
/// pieces with a pause between them.
const TELLTALE: &str = r#"
import base64, html, json, os, shlex, sys, time, urllib.parse
said = [value for value in (os.environ.get('TOKEN', ''), sys.stdin.read().strip()) if value]
for text in said:
    raw = text.encode()
    forms = [text, shlex.quote(text), json.dumps(text), json.dumps(text, ensure_ascii=False), json.dumps({'a': [text]}),
             urllib.parse.quote(text), urllib.parse.quote(text, safe=''), urllib.parse.quote_plus(text), raw.hex(), raw.hex().upper(),
             html.escape(text), html.escape(text, quote=False), text.replace("'", "''")]
    for before in (b'', b'u', b'us', b'usr'):
        forms.append(base64.b64encode(before + raw).decode())
        forms.append(base64.urlsafe_b64encode(before + raw + b' more').decode())
    for stream in (sys.stdout, sys.stderr):
        for form in forms:
            print('<' + form + '>', file=stream)
        half = len(text) // 3
        print('cut ' + text[:half], end='', file=stream, flush=True)
        time.sleep(0.05)
        print(text[half:] + ' here', file=stream, flush=True)
print('all said', flush=True)
"#;

/// A command line that runs [`TELLTALE`] and then something else.
fn telltale(then: &str) -> String {
    format!("/usr/bin/python3 -c '{}'\n{then}", TELLTALE.replace('\'', "'\\''"))
}

fn own_file(lab: &Lab, name: &str, content: &str) -> PathBuf {
    let folder = lab.path(OWN);
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// How `pab` is called, and with which exit status it ends.
struct Scenario {
    name: &'static str,
    command: String,
    arguments: &'static [&'static str],
    exit: i32,
}

fn scenarios() -> Vec<Scenario> {
    let one = |name, command: String, arguments, exit| Scenario { name, command, arguments, exit };
    vec![
        one("success", telltale("true"), &[], 0),
        // The shell says what it could not run.
        one("failure", telltale("cd \"/nowhere/$TOKEN\"; exec \"/nowhere/$TOKEN\""), &["--retries", "1"], 1),
        one("time-out", telltale("sleep 60"), &["--timeout", "2s"], 1),
        // More than is kept in memory of complete output, so that it goes through a file.
        one(
            "debug",
            telltale(
                "i=0; while [ $i -lt 70000 ]; do echo \"$i is the number of the secret $TOKEN\"; i=$((i+1)); done",
            ),
            &["--debug"],
            0,
        ),
    ]
}

/// Runs every scenario in every format, and gathers what `pab` printed and what can be asked of it afterwards.
fn run_all(lab: &Lab, given: &dyn Fn(Pab) -> Pab, places: &mut Places) {
    for format in ["table", "json", "ndjson", "yaml"] {
        for (number, Scenario { name, command, arguments, exit }) in scenarios().into_iter().enumerate() {
            let log = if number % 2 == 0 { "json" } else { "text" };
            let call = lab.run("web01", &command).args(arguments).args(["--format", format]);
            let call =
                call.args(["--log-level", "trace", "--log-format", log, "--correlation-id", "canary-test"]);
            let metrics = lab.path("metrics.prom");
            let call = given(call.args(["--metrics-file".as_ref(), metrics.as_os_str()]));
            let ran = call.limit(LIMIT).ran();
            assert_eq!(ran.code(), Some(exit), "{name} as {format}: {ran}");
            let (out, place) = (ran.out(), format!("{name} as {format}"));
            assert!(name == "time-out" || format == "ndjson" || out.contains("all said"), "{place}: {ran}");
            places.add(format!("output of {place}"), ran.stdout);
            places.add(format!("log and errors of {place}, {log}"), ran.stderr);
            places.add(format!("metrics of {place}"), std::fs::read(&metrics).unwrap());
        }
        for words in [
            &["executions", "list"][..],
            &["executions", "show", "last"],
            &["executions", "events", "last"],
            &["executions", "output", "last", "--node", "web01"],
            &["executions", "explain-slow", "last"],
        ] {
            let takes_format = !["events", "output"].contains(&words[1]);
            let call = lab.pab(words).args(["--log-level", "trace"]);
            let ran = if takes_format { call.args(["--format", format]) } else { call }.succeeds();
            places.add(format!("{} as {format}", words.join(" ")), ran.stdout);
            places.add(format!("log of {} as {format}", words.join(" ")), ran.stderr);
        }
    }
    for words in [
        &["executions", "export", "last"][..],
        &["executions", "report", "last", "--html"],
        &["journal", "list", "--format", "ndjson"],
        &["breakers", "list"],
        &["plan", "run", "true", "--targets", "web01", "--hosts", "web01"],
    ] {
        let ran = lab.pab(words).args(["--log-level", "trace"]).succeeds();
        places.add(words.join(" "), ran.stdout);
        places.add(format!("log of {}", words.join(" ")), ran.stderr);
    }
    for file in lab.database().parent().unwrap().read_dir().unwrap().flatten() {
        let path = file.path();
        if path.is_dir() && !path.to_string_lossy().contains(OWN) {
            places.add_folder(&path);
        } else if path.is_file() {
            places.add(format!("file {}", path.display()), std::fs::read(&path).unwrap());
        }
    }
}

fn lookout(lab: &Lab, canaries: &[Canary]) -> Lookout {
    Lookout::start(vec![lab.path("")], OWN, canaries.to_vec())
}

/// R5.1, R5.6, R5.10, R5.11: a secret variable, a secret on standard input and a password for sudo are nowhere after runs of
/// every kind through `pab`: not in the log at the level trace, in no format of its output, in no event, not in the database
/// with its log and files, in no error, in no process list and in no temporary file.
#[test]
fn secrets_given_to_pab_are_nowhere() {
    let user = Fleet::password_user().unwrap();
    let lab = Lab::with(Fleet::builder().user(&user.name));
    let rules = format!("{} ALL=(ALL) ALL\nDefaults timestamp_timeout=0", user.name);
    let _rules = lab.fleet().sudo_rules(&rules).unwrap();
    let password = Canary::of("password for sudo", user.password.as_deref().unwrap());
    let (token, input) = (Canary::new("variable"), Canary::new("standard input"));
    let canaries = [token.clone(), input.clone(), password.clone()];
    let password_file = own_file(&lab, "password", &password.text);
    let input_file = own_file(&lab, "input", &input.text);
    let looking = lookout(&lab, &canaries);
    let mut places = Places::default();
    let given = |call: Pab| {
        call.env("TOKEN", &token.text)
            .args(["--secret-env", "TOKEN", "--run-as", "root"])
            .args(["--run-as-password-file".as_ref(), password_file.as_os_str()])
            .args(["--secret-stdin".as_ref(), input_file.as_os_str()])
    };
    run_all(&lab, &given, &mut places);
    // A wrong password, a node that is down, and what is refused.
    let wrong = own_file(&lab, "wrong", &token.text.replace(['\u{e9}', '\n'], ""));
    let ran = lab.run("web01", "true").args(["--run-as", "root", "--log-level", "trace"]);
    let ran = ran.args(["--run-as-password-file".as_ref(), wrong.as_os_str()]).exits(3);
    places.add("log of a wrong password", ran.stderr);
    let ran = lab.run("web01", "true").args(["--secret-param", &format!("/p={}", token.text)]).ran();
    places.add("errors of an option that does not exist", ran.stderr);
    lab.fleet().stop_node(0).unwrap();
    let ran = given(lab.run("web01", "true").args(["--log-level", "trace", "--format", "json"])).exits(3);
    places.add("output of a node that is down", ran.stdout);
    places.add("log of a node that is down", ran.stderr);
    places.extend(looking.seen());
    for (place, least) in [
        ("log", 16),
        ("output of", 16),
        ("metrics", 16),
        ("pabawi.db", 1),
        ("ps", 1),
        ("events last", 4),
        ("pabawi.db.outputs", 1),
    ] {
        let (count, bytes) = places.size(place);
        assert!(count >= least && bytes > 0, "{place} was looked at: {count} times, {bytes} bytes");
    }
    // The option is the tester's own leak: it is in pab's own arguments, and in nothing that comes of them.
    let found: Vec<String> = canaries.iter().flat_map(|canary| places.with(canary)).collect();
    let real: Vec<&String> = found.iter().filter(|line| !line.contains("is in ps")).collect();
    assert!(real.is_empty(), "{real:#?}");
    assert!(found.iter().all(|line| line.contains("the variable is in ps")), "{found:#?}");
}

/// The control: what is no secret is found in the output, the log, the events, the database, its files and the process list,
/// by the same search.
#[test]
fn what_is_no_secret_is_found_in_the_same_places() {
    let lab = Lab::new(1);
    let canary = Canary::new("text");
    let looking = lookout(&lab, std::slice::from_ref(&canary));
    let mut places = Places::default();
    let (head, _) = canary.text.split_once(' ').unwrap();
    let script = own_file(&lab, "said", &canary.text);
    let given = |call: Pab| {
        call.args(["--env", &format!("TOKEN={}", canary.text), "--tag", head])
            .args(["--stdin".as_ref(), script.as_os_str()])
    };
    run_all(&lab, &given, &mut places);
    let ran = lab.run("web01", &format!("echo {head}")).args(["--log-level", "trace"]).succeeds();
    places.add("log of a command", ran.stderr);
    places.extend(looking.seen());
    for place in [
        "output of success as table",
        "output of success as json",
        "output of success as ndjson",
        "output of success as yaml",
        "output of failure",
        "output of time-out",
        "output of debug",
        "log of a command",
        "executions show",
        "executions export",
        "executions report",
        "executions events",
        "executions output",
        "pabawi.db",
        "pabawi.db.outputs",
        "ps",
        "temporary file",
    ] {
        assert!(places.has(place, &canary), "{place} has it");
    }
}

/// Everything that was logged in this process, by anybody.
fn logged() -> &'static Mutex<Vec<String>> {
    static LINES: OnceLock<&'static Mutex<Vec<String>>> = OnceLock::new();
    LINES.get_or_init(|| {
        let lines: &'static Mutex<Vec<String>> = Box::leak(Box::default());
        let layer = RecordLayer::new(move |metadata, record| {
            let line = format!("{} {record:?}", metadata.target());
            lines.lock().unwrap().push(line);
        });
        let subscriber = Registry::default().with(layer).with(pabawi::log::layer());
        tracing::subscriber::set_global_default(subscriber).unwrap();
        pabawi::log::note_panics();
        lines
    })
}

/// Keeps what it is given.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<LogRecord>>>);

impl LogSink for Kept {
    fn log(&self, record: &LogRecord) {
        self.0.lock().unwrap().push(record.clone());
    }
}

/// A plugin that tells what it was trusted with wherever it can.
struct Gossip;

impl Gossip {
    fn error(secret: &str) -> PluginError {
        PluginError {
            plugin: PluginName::new("gossip").unwrap(),
            code: ErrorCode::ToolFailed,
            message: format!("login with {secret:?} failed"),
            stack: Some(format!("Error: {secret}\n    at login (plugin.js:7)")),
        }
    }

    fn capability(name: &str) -> Capability {
        Capability {
            name: name.to_owned(),
            description: "Gossips".to_owned(),
            parameters: json!({"properties": {"login": {"properties": {"password": {"type": "string"}}}}}),
            result: Some(json!({"type": "array"})),
            required_permissions: Vec::new(),
            risk: RiskLevel::Execute,
            sensitive: vec!["/login/password".to_owned()],
            commands: Vec::new(),
            idempotent: false,
            timeout_ms: Some(300),
        }
    }
}

fn secret_of(parameters: &serde_json::Map<String, Value>) -> String {
    parameters["login"]["password"].as_str().unwrap().to_owned()
}

#[async_trait]
impl Plugin for Gossip {
    fn metadata(&self) -> PluginMetadata {
        PluginMetadata {
            name: PluginName::new("gossip").unwrap(),
            version: "1.0.0".into(),
            description: "Tells everything".into(),
            priority: 5,
            depends_on: Vec::new(),
        }
    }

    fn capabilities(&self) -> Vec<Capability> {
        vec![Self::capability("task.execute"), Self::capability("task.show")]
    }

    fn methods(&self) -> PluginMethods {
        PluginMethods { run: true, call: true }
    }

    async fn initialize(&self, _: Value) -> Result<(), PluginError> {
        Ok(())
    }

    async fn health(&self) -> PluginHealth {
        PluginHealth::Healthy
    }

    async fn shutdown(&self) {}

    async fn call(&self, call: PluginCall) -> Result<Value, PluginError> {
        let secret = secret_of(&call.parameters);
        match call.parameters["how"].as_str().unwrap() {
            "fails" => Err(Self::error(&secret)),
            "panics" => panic!("called with {secret}"),
            "hangs" => std::future::pending().await,
            // Not what its schema says.
            _ => Ok(json!({ "secret": secret })),
        }
    }

    async fn run(&self, run: PluginRun) -> Result<Vec<(NodeId, Box<dyn RunningAction>)>, PluginError> {
        let tool = run.action.tool().unwrap();
        let secret = secret_of(&tool.parameters);
        match tool.name.as_str() {
            "fails" => return Err(Self::error(&secret)),
            "panics" => panic!("run with {secret}"),
            _ => {}
        }
        let of_node = |node: &NodeId| -> Box<dyn RunningAction> {
            Box::new(Gossiping {
                node: node.clone(),
                how: tool.name.clone(),
                secret: secret.clone(),
                said: false,
            })
        };
        Ok(run.targets.iter().map(|target| (target.node.clone(), of_node(&target.node))).collect())
    }
}

struct Gossiping {
    node: NodeId,
    how: String,
    secret: String,
    said: bool,
}

#[async_trait]
impl RunningAction for Gossiping {
    async fn next(&mut self) -> ActionEvent {
        if !std::mem::replace(&mut self.said, true) {
            let data = OutputData::from(format!("it is {}\n", self.secret).into_bytes()).0;
            return ActionEvent::Output { stream: StreamKind::Stdout, data };
        }
        match self.how.as_str() {
            "hangs" => std::future::pending().await,
            "breaks" => panic!("in the middle with {}", self.secret),
            "ends badly" => {
                let mut error =
                    NodeError::new(self.node.clone(), ErrorCode::ToolFailed, format!("of {}", self.secret));
                error.causes.push(format!("because of {}", self.secret));
                ActionEvent::Ended(ActionEnd::Failed(TransportError {
                    error,
                    may_have_started: true,
                    termination: None,
                }))
            }
            _ => ActionEvent::Ended(ActionEnd::Exited { code: 0 }),
        }
    }

    async fn terminate(&mut self, _: TerminateMode) -> Termination {
        Termination::Unconfirmed { why: format!("{} may still be used", self.secret) }
    }
}

fn task(how: &str, secret: &str) -> ExecutionRequest {
    let parameters = json!({"login": {"password": secret}, "how": how});
    let tool = ToolAction {
        name: how.to_owned(),
        parameters: parameters.as_object().unwrap().clone(),
        ..ToolAction::default()
    };
    let mut request = ExecutionRequest::new(Action::Task(tool), TargetExpression::new("n1"));
    request.timeouts.node_ms = Some(1_000);
    request.transport = Some(PluginName::new("gossip").unwrap());
    request
}

/// What can be asked about an execution.
async fn add_execution(framework: &Framework, id: ExecutionId, what: &str, places: &mut Places) {
    let me = caller();
    let mut events = framework.events(&me, id, 1, SubscriptionMode::GapWhenSlow).await.unwrap();
    let mut all = String::new();
    let mut pieces = String::new();
    while let Some(batch) = events.next_batch(1000).await.unwrap() {
        for event in batch {
            let event = serde_json::to_value(&*event).unwrap();
            // A secret that is cut over two events would be in neither of them.
            pieces.push_str(event["data"].as_str().unwrap_or_default());
            all.push_str(&format!("{event}\n"));
        }
    }
    places.add(format!("events of {what}"), all);
    places.add(format!("pieces of output of {what}"), pieces);
    let record = framework.status(&me, id).await.unwrap();
    places
        .add(format!("record of {what}"), format!("{record:?} {}", serde_json::to_string(&record).unwrap()));
    let targets = framework.targets(&me, id, &TargetQuery::default()).await.unwrap().items;
    let attempts = framework.attempts(&me, id, None).await.unwrap();
    places.add(format!("results of {what}"), format!("{} {}", json!(targets), json!(attempts)));
    for output in targets.into_iter().flat_map(|target| [target.stdout, target.stderr]).flatten() {
        let chunk = framework.output(&me, output.hash, 0, u32::MAX).await.unwrap().unwrap();
        places.add(format!("stored output of {what}"), chunk.data.as_ref().to_vec());
    }
}

/// What a framework and its process have said when all is over.
fn add_rest(sink: &Kept, directory: &Path, places: &mut Places) {
    places.add("log at the level trace", logged().lock().unwrap().join("\n"));
    places.add("log sink", serde_json::to_string(&*sink.0.lock().unwrap()).unwrap());
    places.add_folder(directory);
}

/// R5.6, R6.6, R7.4: secret parameters of a plugin that tells them in its output, its errors, their causes and stacks, its
/// panics and its reports are in none of what the framework tells or keeps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_given_to_a_plugin_are_nowhere() {
    logged();
    let directory = tempfile::tempdir().unwrap();
    let canary = Canary::new("parameter");
    let sink = Kept::default();
    let limits = EngineLimits { plugin_breaker: None, ..EngineLimits::default() };
    let looking = Lookout::start(vec![directory.path().to_owned()], OWN, vec![canary.clone()]);
    let framework = Framework::builder()
        .authorizer(AllowAll)
        .database(directory.path().join("e.db"))
        .ssh(SshSettings::default())
        .unknown_names(UnknownNames::AreNodes)
        .plugin(Gossip, json!({}))
        // It fails more often than a breaker would let it.
        .limits(limits)
        .log_sink(sink.clone())
        .log_level(LogLevel::Debug)
        .open()
        .await
        .unwrap();
    let mut places = Places::default();
    for how in ["works", "fails", "panics", "hangs", "breaks", "ends badly"] {
        for debug in [false, true] {
            let mut request = task(how, &canary.text);
            request.debug = debug;
            let outcome = framework.execute(caller(), request).await.unwrap();
            assert_eq!(outcome.summary.progress.succeeded, u64::from(how == "works"), "{how}: {outcome:?}");
            places.add(format!("outcome of {how}"), format!("{outcome:?}"));
            add_execution(&framework, outcome.record.id, how, &mut places).await;
        }
    }
    for how in ["fails", "panics", "hangs", "answers wrongly"] {
        let parameters = json!({"login": {"password": canary.text}, "how": how});
        let call = CapabilityCall {
            plugin: None,
            capability: "task.show".into(),
            parameters: parameters.as_object().unwrap().clone(),
            nodes: Vec::new(),
            correlation_id: None,
        };
        let error = framework.call(&caller(), call).await.unwrap_err();
        places.add(format!("error of a call that {how}"), format!("{error} {error:?}"));
    }
    // Of the wrong type: refused, without being shown.
    let mut refused = task("works", &canary.text);
    let tool = refused.action.tool_mut().unwrap();
    tool.parameters["login"]["password"] = json!([canary.text]);
    let error = framework.submit(caller(), refused).await.unwrap_err();
    places.add("error of a bad parameter", format!("{error} {error:?}"));
    places.add("metrics", format!("{}{}", framework.metrics_prometheus(), json!(framework.metrics())));
    let journal = framework.journal(&caller(), &JournalQuery::default()).await.unwrap();
    places.add("journal", json!(journal.items).to_string());
    places.add("files while it is open", std::fs::read(directory.path().join("e.db-wal")).unwrap());
    framework.shutdown(LIMIT).await;
    places.extend(looking.seen());
    add_rest(&sink, directory.path(), &mut places);
    // The places have what would have had the secret: each is said with its mark.
    let text = |word: &str| places.text(word);
    assert!(text("stored output of works").contains("it is ***"));
    assert!(
        text("events of fails").contains("at login (plugin.js:7)")
            && text("log sink").contains("at login (plugin.js:7)")
    );
    assert!(text("results of panics").contains("run with ***") && text("log at").contains("run with ***"));
    assert!(text("results of hangs").contains("*** may still be used"));
    assert!(text("results of breaks").contains("in the middle with ***"), "{}", text("results of breaks"));
    assert!(text("results of ends badly").contains("because of ***"));
    assert!(text("error of a call that panics").contains("called with ***"));
    places.are_clean(&[canary]);
}

/// R5.6: the passphrase of a key, a password to log in with and one for sudo, given by a program, right and wrong, are in
/// nothing that the framework tells or keeps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_of_logins_are_nowhere() {
    logged();
    let user = Fleet::password_user().unwrap();
    let passphrase = Canary::plain("passphrase");
    let lab = Lab::with(
        Fleet::builder()
            .user(&user.name)
            .user_key_with_passphrase(KeyType::Ed25519, &passphrase.text)
            .password_login(),
    );
    let password = Canary::of("password", user.password.as_deref().unwrap());
    let (wrong, token) = (Canary::plain("wrong password"), Canary::new("variable"));
    let canaries = [passphrase.clone(), password.clone(), wrong.clone(), token.clone()];
    let looking = lookout(&lab, &canaries);
    let rules = format!("{} ALL=(ALL) ALL\nDefaults timestamp_timeout=0", user.name);
    let _rules = lab.fleet().sudo_rules(&rules).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let sink = Kept::default();
    let mut places = Places::default();
    let by =
        |passphrase: Option<&Canary>, password: Option<&Canary>| (passphrase.cloned(), password.cloned());
    for (number, (key, login), sudo, works) in [
        (1, by(Some(&passphrase), None), &password, 1),
        (2, by(Some(&passphrase), None), &wrong, 0),
        (3, by(None, Some(&password)), &password, 1),
        (4, by(Some(&wrong), Some(&wrong)), &password, 0),
    ] {
        let mut ssh = SshSettings::default();
        ssh.config = Arc::new(SshConfig::load(lab.fleet().ssh_config()).unwrap());
        ssh.passphrase = key.map(|canary| Secret::new(canary.text));
        ssh.password = login.map(|canary| Secret::new(canary.text));
        let builder =
            Framework::builder().authorizer(AllowAll).database(directory.path().join("e.db")).ssh(ssh);
        let framework = builder.log_sink(sink.clone()).log_level(LogLevel::Debug).open().await.unwrap();
        let mut command = CommandAction::new(telltale("true"));
        command
            .process
            .env
            .insert("TOKEN".into(), EnvValue::Secret { secret: Secret::new(token.text.as_str()) });
        // It says back what it reads, which is the password for sudo here.
        command.process.stdin = Some(StdinSource::Secret(Secret::new(password.text.as_str())));
        let password = Some(Secret::new(sudo.text.as_str()));
        command.process.run_as = Some(RunAs { user: "root".into(), method: RunAsMethod::Sudo, password });
        let request = ExecutionRequest::new(Action::Command(command), TargetExpression::new("web01"));
        let outcome = framework.execute(caller(), request).await.unwrap();
        assert_eq!(outcome.summary.progress.succeeded, works, "{number}: {outcome:?}");
        places.add(format!("outcome {number}"), format!("{outcome:?}"));
        add_execution(&framework, outcome.record.id, &format!("login {number}"), &mut places).await;
        places.add("metrics", framework.metrics_prometheus());
        framework.shutdown(LIMIT).await;
    }
    places.extend(looking.seen());
    add_rest(&sink, directory.path(), &mut places);
    assert!(places.text("stored output of login 1").contains("<***>"));
    places.are_clean(&canaries);
}
