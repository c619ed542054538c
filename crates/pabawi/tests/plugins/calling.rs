//! Calls of capabilities that are no actions on nodes (R6.4-R6.8, R7.4, R7.8, R9.3-R9.6, R10.2).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::ActionKind;
use pabawi_domain::capability::{Capability, RiskLevel};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::node::Node;
use pabawi_domain::ports::{
    AuthorizationQuery, Authorizer, AuthorizerError, CapabilityCall, Decision, PluginHealth, PluginMethods,
};
use pabawi_domain::request::EntryPoint;
use pabawi_engine::AllowAll;
use pabawi_plugins::host::{CallError, CallFault, CallFaultKind, HostSettings};
use pabawi_testkit::scripted::{Conduct, ScriptedPlugin, capability};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Forbids, Rig, ann, bolt, name, node, settle};

/// `task.list`, which only looks.
fn list() -> Capability {
    Capability {
        name: "task.list".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {"module": {"type": "string"}, "token": {"type": "string"}},
            "additionalProperties": false,
        }),
        result: Some(json!({"type": "array", "items": {"type": "string"}})),
        required_permissions: Vec::new(),
        risk: RiskLevel::Read,
        sensitive: vec!["/token".to_owned()],
        ..capability(ActionKind::Task)
    }
}

fn answering(plugin: ScriptedPlugin, capability: Capability) -> ScriptedPlugin {
    plugin.capabilities([capability]).methods(PluginMethods { run: false, call: true })
}

fn ansible() -> ScriptedPlugin {
    ScriptedPlugin::new(name("ansible"))
}

fn call(parameters: Value) -> CapabilityCall {
    let Value::Object(parameters) = parameters else { panic!("no parameters") };
    CapabilityCall { capability: "task.list".to_owned(), parameters, ..CapabilityCall::default() }
}

fn of(plugin: &str) -> CapabilityCall {
    CapabilityCall { plugin: Some(name(plugin)), ..call(json!({})) }
}

/// An array in an array in an array.
fn deep() -> Value {
    (0..1_000).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}

async fn ask(rig: &Rig, call: CapabilityCall) -> Result<Value, CallError> {
    rig.host.call(&ann(), call).await
}

fn tried(error: CallError) -> Vec<CallFault> {
    match error {
        CallError::Failed { tried } => tried,
        other => panic!("{other:?}"),
    }
}

/// R6.6, R9.3, R10.2: the answer is the plugin's, which sees who asks for what, and where.
#[tokio::test(start_paused = true)]
async fn a_plugin_answers() {
    let plugin = answering(bolt(), list());
    let rig = Rig::new(&[&plugin]).await;
    plugin.next_answer(json!(["package", "service"]));
    let asked = CapabilityCall {
        nodes: vec![node("web1")],
        correlation_id: Some("req-1".parse().unwrap()),
        ..call(json!({"module": "core", "token": "hunter2"}))
    };
    assert_eq!(ask(&rig, asked.clone()).await.unwrap(), json!(["package", "service"]));
    let seen = plugin.asked_for().remove(0);
    assert_eq!((seen.caller, seen.capability), (ann(), asked.capability));
    assert_eq!((seen.parameters, seen.nodes), (asked.parameters, asked.nodes));
    assert_eq!(seen.correlation_id, asked.correlation_id);
}

/// R9.3-R9.6: every violation is told with its field and without a secret, and nobody is called; so is what is no call.
#[tokio::test(start_paused = true)]
async fn a_bad_call_is_told_before_anybody_is_called() {
    let plugin = answering(bolt(), list());
    let rig = Rig::new(&[&plugin]).await;
    let other = |capability: &str| CapabilityCall { capability: capability.to_owned(), ..call(json!({})) };
    for (bad, paths, text) in [
        (
            call(json!({"module": 5, "token": 77_777, "more": 1})),
            vec!["parameters", "parameters.module", "parameters.token"],
            "'more' was unexpected",
        ),
        (of("chef"), vec!["plugin"], "there is no plugin chef; there are: bolt"),
        (
            CapabilityCall { capability: "no.such".to_owned(), ..of("bolt") },
            vec!["plugin"],
            "plugin bolt does not have the capability no.such",
        ),
        (other("task.execute"), vec!["capability"], "is an action on nodes: submit an execution of it"),
    ] {
        let CallError::Invalid(error) = ask(&rig, bad).await.unwrap_err() else { panic!("{text}") };
        let mut told: Vec<&str> = error.fields.iter().map(|field| field.path.as_str()).collect();
        told.sort_unstable();
        assert_eq!(told, paths, "{error}");
        assert!(error.to_string().contains(text) && !error.to_string().contains("77777"), "{error}");
    }
    let mut bad = call(json!({}));
    bad.parameters.insert("module".to_owned(), deep());
    let error = ask(&rig, bad).await.unwrap_err();
    assert_eq!(error.to_string(), "invalid request: parameters.module: is nested more than 128 deep");
    let error = ask(&rig, other("no.such")).await.unwrap_err();
    let text = "no plugin has the capability no.such";
    assert_eq!((error.code(), error.to_string().as_str()), (ErrorCode::Unsupported, text));
    assert!(plugin.asked_for().is_empty());
}

/// R7.4, R9.5: whatever a plugin does instead of answering, the error says which plugin, what and why, in time; no secret of
/// the call is in it.
#[tokio::test(start_paused = true)]
async fn every_fault_of_a_call_is_an_error_that_names_the_plugin() {
    let plugin = answering(bolt(), list());
    let mut settings = HostSettings::default();
    settings.max_result_bytes = 10_000;
    let rig = Rig::with(&[&plugin], Arc::new(AllowAll), settings).await;
    let says = Conduct::Says(ErrorCode::PluginFault, "no way with hunter22".to_owned());
    for (conduct, kind, text) in [
        (Conduct::Fails(ErrorCode::NotFound), CallFaultKind::Failed, "scripted failure of the plugin"),
        (says, CallFaultKind::Failed, "no way with ***"),
        (Conduct::Panics, CallFaultKind::Panicked, "panicked: scripted panic of the plugin"),
        (Conduct::Hangs, CallFaultKind::TimedOut, "did not answer within 60000 ms"),
    ] {
        plugin.next_call(conduct);
        let began = Instant::now();
        let fault = tried(ask(&rig, call(json!({"token": "hunter22"}))).await.unwrap_err()).remove(0);
        assert!(began.elapsed() < Duration::from_secs(61), "{fault}");
        assert_eq!((fault.plugin.as_str(), fault.kind), ("bolt", kind), "{fault}");
        assert_eq!(fault.to_string(), format!("plugin bolt: {text}"));
        let stack = fault.stack.as_deref();
        assert_eq!(stack.is_some(), kind == CallFaultKind::Failed, "{fault}");
        assert!(!stack.unwrap_or_default().contains("hunter22"), "{fault:?}");
    }
    // With a circuit breaker that has seen nothing.
    let rig = Rig::with(&[&plugin], Arc::new(AllowAll), settings).await;
    for (answer, text) in [
        (json!(["a", 5, 6]), "breaks the schema of its results: result[1]: *** is not of type \"string\""),
        (json!({"secret": "canary"}), "*** is not of type \"array\""),
        (json!(["x".repeat(10_000)]), "gave an answer that takes more than 10000 bytes"),
        (deep(), "gave an answer that is nested more than 128 deep"),
    ] {
        plugin.next_answer(answer);
        let fault = tried(ask(&rig, call(json!({}))).await.unwrap_err()).remove(0);
        assert_eq!((fault.kind, fault.code), (CallFaultKind::BadAnswer, ErrorCode::PluginFault), "{fault}");
        assert!(fault.message.contains(text) && !fault.message.contains("canary"), "{fault}");
    }
}

/// R7.4: the limit of the capability is the limit of a call.
#[tokio::test(start_paused = true)]
async fn a_call_has_the_limit_of_its_capability() {
    let plugin = answering(bolt(), Capability { timeout_ms: Some(5_000), ..list() });
    let rig = Rig::new(&[&plugin]).await;
    plugin.next_call(Conduct::Hangs);
    let began = Instant::now();
    let fault = tried(ask(&rig, call(json!({}))).await.unwrap_err()).remove(0);
    assert_eq!(fault.message, "did not answer within 5000 ms");
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

/// R6.8: the choice of the caller decides, else the priority among those that are ready and well.
#[tokio::test(start_paused = true)]
async fn the_plugin_that_goes_first_and_works_answers() {
    let (low, high) = (answering(bolt().priority(1), list()), answering(ansible().priority(9), list()));
    let broken = answering(ScriptedPlugin::new(name("chef")).priority(99), list());
    let broken = broken.initializes(Conduct::Fails(ErrorCode::BadConfig));
    let rig = Rig::new(&[&low, &high, &broken]).await;
    let asked = || (low.asked_for().len(), high.asked_for().len(), broken.asked_for().len());
    high.next_answer(json!([]));
    ask(&rig, call(json!({}))).await.unwrap();
    assert_eq!(asked(), (0, 1, 0), "the one that is ready and goes first");
    low.next_answer(json!([]));
    ask(&rig, of("bolt")).await.unwrap();
    assert_eq!(asked(), (1, 1, 0), "the one that is named");
    high.set_health(PluginHealth::Unhealthy { message: "gone".to_owned() });
    rig.host.check_health(None).await;
    low.next_answer(json!([]));
    ask(&rig, call(json!({}))).await.unwrap();
    assert_eq!(asked(), (2, 1, 0), "the one that is not well is passed over");
    let fault = tried(ask(&rig, of("chef")).await.unwrap_err()).remove(0);
    assert_eq!((fault.kind, fault.code), (CallFaultKind::NotReady, ErrorCode::Unavailable));
    assert!(fault.message.contains("could not get ready: scripted failure"), "{fault}");
}

/// R6.8, R7.4: where one fails with what may pass, the next one answers, if asking twice does no harm.
#[tokio::test(start_paused = true)]
async fn the_next_plugin_answers_where_one_cannot_now() {
    let change = Capability { risk: RiskLevel::Write, ..list() };
    let twice = Capability { idempotent: true, ..change.clone() };
    for (capability, code, goes_on) in [
        (list(), ErrorCode::Unavailable, true),
        (twice, ErrorCode::Unavailable, true),
        (change, ErrorCode::Unavailable, false),
        (list(), ErrorCode::NotFound, false),
    ] {
        let low = answering(bolt().priority(1), capability.clone());
        let high = answering(ansible().priority(9), capability);
        let rig = Rig::new(&[&low, &high]).await;
        high.next_call(Conduct::Fails(code));
        low.next_answer(json!([]));
        let answered = ask(&rig, call(json!({}))).await;
        let asked = (low.asked_for().len(), high.asked_for().len());
        assert_eq!((answered.is_ok(), asked), (goes_on, (usize::from(goes_on), 1)), "{answered:?}");
        if goes_on {
            low.next_call(Conduct::Fails(code));
            high.next_call(Conduct::Fails(code));
            let error = ask(&rig, call(json!({}))).await.unwrap_err();
            let text =
                "plugin ansible: scripted failure of the plugin; plugin bolt: scripted failure of the plugin";
            assert_eq!(
                (error.to_string().as_str(), error.is_retryable()),
                (text, true),
                "all of them are told"
            );
        }
    }
}

/// R7.7, R7.8: a call counts for the circuit breaker of its plugin, which refuses further ones and is asked again after its
/// time; that something is not there says nothing against a plugin.
#[tokio::test(start_paused = true)]
async fn the_breaker_of_a_plugin_counts_its_calls() {
    let (low, high) = (answering(bolt().priority(1), list()), answering(ansible().priority(9), list()));
    let rig = Rig::new(&[&low, &high]).await;
    let policy = rig.engine.limits().plugin_breaker.unwrap();
    let fails = async |conduct: Conduct, times: u32| {
        for _ in 0..times {
            high.next_call(conduct.clone());
            ask(&rig, of("ansible")).await.unwrap_err();
        }
    };
    fails(Conduct::Fails(ErrorCode::NotFound), policy.failures + 5).await;
    assert!(rig.engine.breakers(&ann()).await.unwrap().is_empty());
    fails(Conduct::Panics, policy.failures).await;
    let before = high.asked_for().len();
    let fault = tried(ask(&rig, of("ansible")).await.unwrap_err()).remove(0);
    assert_eq!((fault.kind, fault.code), (CallFaultKind::BreakerOpen, ErrorCode::BreakerOpen));
    low.next_answer(json!([]));
    ask(&rig, call(json!({}))).await.unwrap();
    assert_eq!((high.asked_for().len(), low.asked_for().len()), (before, 1), "it is passed over");
    rig.clock.advance(Duration::from_millis(policy.open_ms + 1));
    high.next_answer(json!([]));
    ask(&rig, of("ansible")).await.unwrap();
    assert!(rig.engine.breakers(&ann()).await.unwrap().is_empty(), "it works again");
}

/// Writes down what it is asked, and forbids one permission.
struct Witness(&'static str, Mutex<Vec<String>>);

struct WitnessAt(Arc<Witness>);

#[async_trait]
impl Authorizer for WitnessAt {
    async fn authorize(&self, query: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        let plugin = query.plugin.map(|plugin| plugin.as_str()).unwrap_or_default();
        self.0.1.lock().unwrap().push(format!("{} {plugin} {}", query.capability, query.nodes.len()));
        Ok(match query.capability == self.0.0 {
            true => Decision::Deny { reason: "it is not yours".to_owned() },
            false => Decision::Allow,
        })
    }
}

/// R6.5, R6.6: the caller needs every permission for the plugin that answers, or the capability's own name; a denial is
/// final.
#[tokio::test(start_paused = true)]
async fn every_permission_is_asked_for_with_the_plugin() {
    let needs = Capability { required_permissions: vec!["a.b".to_owned(), "c.d".to_owned()], ..list() };
    for (forbidden, capability, expected) in [
        ("", needs.clone(), vec!["a.b ansible 1", "c.d ansible 1"]),
        ("c.d", needs.clone(), vec!["a.b ansible 1", "c.d ansible 1"]),
        ("a.b", needs, vec!["a.b ansible 1"]),
        ("task.list", list(), vec!["task.list ansible 1"]),
    ] {
        let (low, high) =
            (answering(bolt().priority(1), list()), answering(ansible().priority(9), capability));
        let witness = Arc::new(Witness(forbidden, Mutex::default()));
        let authorizer = Arc::new(WitnessAt(Arc::clone(&witness)));
        let rig = Rig::with(&[&low, &high], authorizer, HostSettings::default()).await;
        high.next_answer(json!([]));
        let asked = CapabilityCall { nodes: vec![node("web1")], ..call(json!({})) };
        let answered = ask(&rig, asked).await;
        assert_eq!(*witness.1.lock().unwrap(), expected);
        match answered {
            Ok(_) => assert_eq!(forbidden, ""),
            Err(error) => {
                assert_eq!(error, CallError::Denied { reason: "it is not yours".to_owned() });
                assert!(high.asked_for().is_empty() && low.asked_for().is_empty(), "nobody is asked");
            }
        }
    }
}

/// R6.4, R10.2: where a plugin lists nodes or knows facts and answers no calls, these are asked.
#[tokio::test(start_paused = true)]
async fn sources_answer_for_a_plugin_that_answers_no_calls() {
    let named = |text: &str| Capability {
        name: text.to_owned(),
        parameters: json!({"type": "object"}),
        result: None,
        ..list()
    };
    let facts = json!({"os": {"family": "Debian"}}).as_object().unwrap().clone();
    let with = |conduct: Conduct| {
        let plugin = bolt().capabilities([named("inventory.list"), named("facts.get")]);
        plugin.lists([Node::named(node("a"))], conduct.clone()).knows(facts.clone(), conduct)
    };
    let of = |capability: &str, nodes: &[&str]| CapabilityCall {
        capability: capability.to_owned(),
        nodes: nodes.iter().map(|name| node(name)).collect(),
        ..CapabilityCall::default()
    };
    let rig = Rig::new(&[&with(Conduct::Good)]).await;
    let listed = ask(&rig, of("inventory.list", &[])).await.unwrap();
    assert_eq!(listed["nodes"][0]["id"], "a");
    let known = ask(&rig, of("facts.get", &["a", "b"])).await.unwrap();
    assert_eq!((&known["facts"][1]["node"], &known["facts"][1]["facts"]), (&json!("b"), &json!(facts)));
    assert_eq!(ask(&rig, of("facts.get", &[])).await.unwrap_err().code(), ErrorCode::Validation);
    let rig = Rig::new(&[&with(Conduct::Panics)]).await;
    for capability in ["inventory.list", "facts.get"] {
        let error = ask(&rig, of(capability, &["a"])).await.unwrap_err();
        assert_eq!(error.to_string(), "plugin bolt: panicked: scripted panic of the plugin", "{capability}");
    }
}

/// R8.2: a plugin has a limited number of calls at once; who waits for too long is told so, and it says nothing against the
/// plugin.
#[tokio::test(start_paused = true)]
async fn calls_at_once_are_limited() {
    let quick = Capability { name: "task.show".to_owned(), timeout_ms: Some(5_000), ..list() };
    let plugin = bolt().capabilities([list(), quick]).methods(PluginMethods { run: false, call: true });
    let mut settings = HostSettings::default();
    settings.max_calls = 2;
    let rig = Arc::new(Rig::with(&[&plugin], Arc::new(AllowAll), settings).await);
    let begun = |capability: &str| {
        let (rig, call) =
            (Arc::clone(&rig), CapabilityCall { capability: capability.to_owned(), ..of("bolt") });
        tokio::spawn(async move { ask(&rig, call).await })
    };
    (0..2).for_each(|_| plugin.next_call(Conduct::Slow(Duration::from_secs(3))));
    let slow = [begun("task.list"), begun("task.list")];
    settle().await;
    let began = Instant::now();
    plugin.next_answer(json!([]));
    assert_eq!(begun("task.show").await.unwrap().unwrap(), json!([]));
    assert_eq!(
        (began.elapsed().as_secs(), slow.iter().all(|call| call.is_finished())),
        (3, true),
        "it waited"
    );
    (0..2).for_each(|_| plugin.next_call(Conduct::Hangs));
    let _hanging = [begun("task.list"), begun("task.list")];
    settle().await;
    let fault = tried(begun("task.show").await.unwrap().unwrap_err()).remove(0);
    let text = "has 2 calls under way, none of which ended within 5000 ms (HostSettings::max_calls)";
    assert_eq!(
        (fault.kind, fault.message.as_str(), fault.code),
        (CallFaultKind::Busy, text, ErrorCode::LimitReached)
    );
    assert_eq!(plugin.asked_for().len(), 5, "it was not called");
}

/// R6.6: a plugin asks another one for whoever it works for, whose permissions count, and is marked as the way it came by.
#[tokio::test(start_paused = true)]
async fn a_plugin_asks_another_one() {
    let reports = Capability { name: "reports.list".to_owned(), result: None, ..list() };
    let asks = || answering(bolt(), reports.clone()).asks_a_peer(of("ansible"));
    let call = || CapabilityCall { capability: "reports.list".to_owned(), ..call(json!({})) };
    let (one, other) = (asks(), answering(ansible(), list()));
    let rig = Rig::new(&[&one, &other]).await;
    other.next_answer(json!(["package"]));
    assert_eq!(ask(&rig, call()).await.unwrap(), json!(["package"]));
    let seen = other.asked_for().remove(0);
    assert_eq!((seen.caller.user, seen.caller.entry_point), ("ann".to_owned(), EntryPoint::Plugin));
    other.next_call(Conduct::Fails(ErrorCode::NotFound));
    let fault = tried(ask(&rig, call()).await.unwrap_err()).remove(0);
    assert_eq!((fault.plugin.as_str(), fault.code), ("bolt", ErrorCode::NotFound));
    // Another instance finds the others too.
    rig.host.reload(Arc::new(asks()), Value::Null).await.unwrap();
    other.next_answer(json!([]));
    assert_eq!(ask(&rig, call()).await.unwrap(), json!([]));

    let rig = Rig::with(&[&one, &other], Arc::new(Forbids(&["task.list"])), HostSettings::default()).await;
    let before = other.asked_for().len();
    let fault = tried(ask(&rig, call()).await.unwrap_err()).remove(0);
    assert_eq!((fault.code, fault.message.as_str()), (ErrorCode::Denied, "denied: task.list is not yours"));
    assert_eq!(other.asked_for().len(), before);
}

/// R7.4, R8.2: plugins that ask each other in a circle come to an end.
#[tokio::test(start_paused = true)]
async fn plugins_that_ask_each_other_in_a_circle_end() {
    let one = answering(bolt(), list()).asks_a_peer(of("ansible"));
    let other = answering(ansible(), list()).asks_a_peer(of("bolt"));
    let mut settings = HostSettings::default();
    settings.max_calls = 4;
    let rig = Rig::with(&[&one, &other], Arc::new(AllowAll), settings).await;
    let began = Instant::now();
    ask(&rig, of("bolt")).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(61), "{:?}", began.elapsed());
    assert!(one.asked_for().len() <= 4 && other.asked_for().len() <= 4);
}
