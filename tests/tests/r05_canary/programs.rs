//! Secrets that a program gives to the facade.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use pabawi::inventory::UnknownNames;
use pabawi::log::{LogLevel, LogRecord, LogSink, RecordLayer};
use pabawi::plugin::CapabilityCall;
use pabawi::ssh::{SshConfig, SshSettings};
use pabawi::{
    Action, AllowAll, CommandAction, EngineLimits, EnvValue, ExecutionId, ExecutionRequest, Framework,
    JournalQuery, PluginName, RunAs, RunAsMethod, Secret, StdinSource, SubscriptionMode, TargetExpression,
    TargetQuery, ToolAction,
};
use pabawi_testkit::canary::{Canary, Lookout, Places};
use pabawi_testkit::fleet::{Fleet, KeyType};
use pabawi_tests::Lab;
use pabawi_tests::facade::caller;
use pabawi_tests::gossip::{GOSSIP, Gossip};
use serde_json::json;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::bench::OWN;
use crate::telltale;

const LIMIT: Duration = Duration::from_secs(60);

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

fn task(how: &str, secret: &str) -> ExecutionRequest {
    let parameters = json!({"login": {"password": secret}, "how": how});
    let tool = ToolAction {
        name: how.to_owned(),
        parameters: parameters.as_object().unwrap().clone(),
        ..ToolAction::default()
    };
    let mut request = ExecutionRequest::new(Action::Task(tool), TargetExpression::new("n1"));
    request.timeouts.node_ms = Some(1_000);
    request.transport = Some(PluginName::new(GOSSIP).unwrap());
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
    let looking = Lookout::start(vec![directory.path().to_owned()], &[OWN], std::slice::from_ref(&canary));
    let framework = Framework::builder()
        .authorizer(AllowAll)
        .database(directory.path().join("e.db"))
        .ssh(SshSettings::default())
        .unknown_names(UnknownNames::AreNodes)
        .plugin(Gossip::trusted(), json!({}))
        // It fails more often than a breaker would let it.
        .limits(limits)
        .log_sink(sink.clone())
        .log_level(LogLevel::Debug)
        .open()
        .await
        .unwrap();
    let mut places = Places::default();
    for how in ["works", "fails", "panics", "hangs", "breaks", "ends badly", "talks too long"] {
        for debug in [false, true] {
            let mut request = task(how, &canary.text);
            request.debug = debug;
            let outcome = framework.execute(caller(), request).await.unwrap();
            assert_eq!(outcome.summary.progress.succeeded, u64::from(how == "works"), "{how}: {outcome:?}");
            places.add(format!("outcome of {how}"), format!("{outcome:?}"));
            add_execution(&framework, outcome.record.id, how, &mut places).await;
        }
    }
    for how in ["fails", "panics", "hangs", "talks too long", "answers wrongly"] {
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
    let looking = Lookout::start(vec![lab.path("")], &[OWN], &canaries);
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
    assert!(places.text("stored output of login 1").contains("[[quoted:***]]"));
    places.are_clean(&canaries);
}
