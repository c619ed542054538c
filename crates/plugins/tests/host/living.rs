//! The host of plugins by itself, with scripted plugins in tokio's paused time: registration, getting ready, how they are,
//! and letting go.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::ActionKind;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::PluginName;
use pabawi_domain::ports::PluginHealth;
use pabawi_plugins::host::{PluginHost, PluginHostBuilder, PluginState, RegisterError};
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::scripted::{Conduct, ScriptedPlugin, capability};
use serde_json::{Value, json};
use tokio::time::Instant;

pub(crate) fn name(text: &str) -> PluginName {
    PluginName::new(text).unwrap()
}

pub(crate) fn plugin(text: &str) -> ScriptedPlugin {
    ScriptedPlugin::new(name(text))
}

fn builder() -> PluginHostBuilder {
    PluginHost::builder(Arc::new(ManualClock::default()))
}

pub(crate) async fn host(plugins: &[&ScriptedPlugin]) -> PluginHost {
    let mut registering = builder();
    for plugin in plugins {
        registering.plugin(Arc::new((*plugin).clone()), Value::Null).unwrap();
    }
    registering.start().await
}

pub(crate) fn reason(host: &PluginHost, plugin: &str) -> String {
    match host.plugin(&name(plugin)).unwrap().state {
        PluginState::Failed { message, .. } => message,
        other => format!("{other:?}"),
    }
}

/// R6.3, R6.4, R10.2: a capability that others could not use is refused, with everything that is wrong with it.
#[test]
fn what_a_plugin_says_of_itself_is_checked() {
    let mut bad = capability(ActionKind::Task);
    bad.name = "Install package".to_owned();
    bad.description = " ".to_owned();
    bad.parameters = json!({"type": "strin"});
    bad.result = Some(json!(5));
    bad.required_permissions = vec![String::new()];
    bad.sensitive = vec!["password".to_owned()];
    bad.timeout_ms = Some(0);
    let twice = capability(ActionKind::Task);
    let wrong =
        plugin("bolt").capabilities([bad, twice.clone(), twice]).config_schema(json!({"pattern": "("}));
    let RegisterError::Invalid { plugin: of, error } =
        builder().plugin(Arc::new(wrong), Value::Null).unwrap_err()
    else {
        panic!()
    };
    let paths: Vec<&str> = error.fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(of, name("bolt"));
    assert_eq!(
        paths,
        [
            "capabilities[0].name",
            "capabilities[0].description",
            "capabilities[0].requiredPermissions[0]",
            "capabilities[0].sensitive[0]",
            "capabilities[0].timeoutMs",
            "capabilities[0].result",
            "capabilities[0].parameters",
            "capabilities[2].name",
            "configSchema",
        ],
        "{error}"
    );
    let mut registering = builder();
    registering.plugin(Arc::new(plugin("bolt")), Value::Null).unwrap();
    let again = registering.plugin(Arc::new(plugin("bolt")), Value::Null).unwrap_err();
    assert!(matches!(again, RegisterError::Duplicate(_)), "{again}");
}

/// R9.8, R6.2: the configuration is checked before the plugin sees it, every violation with its path.
#[tokio::test(start_paused = true)]
async fn a_bad_configuration_stops_its_plugin_alone() {
    let schema = json!({
        "type": "object",
        "required": ["project"],
        "properties": {"retry": {"properties": {"count": {"type": "integer"}}}},
    });
    let (bad, good) = (plugin("bolt").config_schema(schema.clone()), plugin("ansible").config_schema(schema));
    let mut registering = builder();
    registering.plugin(Arc::new(bad.clone()), json!({"retry": {"count": "x"}})).unwrap();
    registering.plugin(Arc::new(good.clone()), json!({"project": "/srv"})).unwrap();
    let host = registering.start().await;
    let PluginState::Failed { fields, .. } = host.plugin(&name("bolt")).unwrap().state else { panic!() };
    let mut paths: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["config", "config.retry.count"]);
    assert_eq!(bad.calls(), Vec::<String>::new(), "it was not called");
    assert_eq!(host.plugin(&name("ansible")).unwrap().state, PluginState::Ready);
    assert_eq!(good.configs(), [json!({"project": "/srv"})]);
}

/// R9.8: a configuration holds secrets, so that what is wrong with it is told without its values.
#[tokio::test(start_paused = true)]
async fn a_bad_configuration_is_told_without_its_values() {
    let schema = json!({"type": "object", "properties": {"token": {"type": "integer"}}, "maxProperties": 1});
    let bad = plugin("bolt").config_schema(schema);
    let mut registering = builder();
    registering.plugin(Arc::new(bad), json!({"token": "hunter2", "other": "hunter3"})).unwrap();
    let host = registering.start().await;
    let status = host.plugin(&name("bolt")).unwrap();
    let PluginState::Failed { fields, .. } = &status.state else { panic!() };
    assert_eq!(fields.len(), 2, "{fields:?}");
    assert!(!format!("{status:?}").contains("hunter"), "{status:?}");
}

/// R9.8: a plugin of Rust may repeat secrets of its configuration in what it says of its failures, as an error, in a panic or of its
/// health; nobody sees them.
#[tokio::test(start_paused = true)]
async fn secrets_of_a_configuration_are_not_told() {
    let schema = json!({"type": "object", "properties": {
        "host": {"type": "string"},
        "token": {"type": "string", "writeOnly": true},
        "login": {"type": "object", "properties": {"password": {"type": "string", "format": "password"}}},
    }});
    let config = json!({"host": "pve", "token": "canary-token", "login": {"password": "canary-pass"}});
    let says = || Conduct::Says(ErrorCode::Unavailable, "401 for canary-pass at pve".to_owned());
    let fails = plugin("fails").config_schema(schema.clone()).initializes(says());
    let ill = plugin("ill").config_schema(schema.clone());
    let mut registering = builder();
    registering.plugin(Arc::new(fails), config.clone()).unwrap();
    registering.plugin(Arc::new(ill.clone()), config.clone()).unwrap();
    registering.plugin(Arc::new(plugin("needs").depends_on([name("fails")])), Value::Null).unwrap();
    let host = registering.start().await;
    let state = host.plugin(&name("fails")).unwrap().state;
    let PluginState::Failed { message, stack: Some(stack), .. } = &state else { panic!("{state:?}") };
    assert_eq!(
        (message.as_str(), stack.as_str()),
        ("401 for *** at pve (unavailable)", "401 for *** at pve")
    );
    assert!(reason(&host, "needs").contains("401 for ***"), "{}", reason(&host, "needs"));
    assert_eq!(ill.configs(), std::slice::from_ref(&config), "the plugin itself gets them");

    let message = || "token canary-token expired".to_owned();
    for health in [
        PluginHealth::Unhealthy { message: message() },
        PluginHealth::Degraded { message: message(), working: vec![], failing: vec![] },
    ] {
        ill.set_health(health);
        let shown = format!("{:?}", host.check_health(Some(&name("ill"))).await);
        assert!(shown.contains("token *** expired") && !shown.contains("canary"), "{shown}");
    }
    let anew = plugin("ill").config_schema(schema).initializes(says());
    let error = host.reload(Arc::new(anew), config).await.unwrap_err().to_string();
    assert!(error.contains("401 for *** at pve"), "{error}");
}

/// R6.7, R7.4: each gets ready after those it depends on; one that fails, panics, hangs, or can never be ready stops those
/// that depend on it and no other.
#[tokio::test(start_paused = true)]
async fn plugins_get_ready_in_their_order_and_hurt_nobody_else() {
    let plugins = [
        plugin("app").depends_on([name("base")]),
        plugin("base").initializes(Conduct::Slow(Duration::from_secs(5))),
        plugin("fails").initializes(Conduct::Fails(ErrorCode::BadConfig)),
        plugin("panics").initializes(Conduct::Panics),
        plugin("hangs").initializes(Conduct::Hangs),
        plugin("needs-hangs").depends_on([name("hangs")]),
        plugin("needs-gone").depends_on([name("gone")]),
        plugin("one").depends_on([name("other")]),
        plugin("other").depends_on([name("one")]),
    ];
    let began = Instant::now();
    let host = host(&plugins.iter().collect::<Vec<_>>()).await;
    assert!(began.elapsed() < Duration::from_secs(31), "{:?}", began.elapsed());
    for (name, text) in [
        ("app", "Ready"),
        ("base", "Ready"),
        ("fails", "scripted failure of the plugin (bad_config)"),
        ("panics", "panicked: scripted panic of the plugin"),
        ("hangs", "was not ready within 30000 ms"),
        ("needs-hangs", "depends on plugin hangs, which could not get ready: was not ready within 30000 ms"),
        ("needs-gone", "depends on plugin gone, which is not registered"),
        ("one", "depends on itself: one -> other -> one"),
        ("other", "depends on itself: other -> one -> other"),
    ] {
        assert_eq!(reason(&host, name), text, "{name}");
    }
    assert_eq!(plugins[5].calls(), Vec::<String>::new(), "it was not called");
}

/// R6.7: how plugins are is asked in rounds and on demand, each with a deadline, and remembered.
#[tokio::test(start_paused = true)]
async fn how_plugins_are_is_asked_and_remembered() {
    let (well, ill) = (plugin("bolt"), plugin("ansible"));
    let host = host(&[&well, &ill]).await;
    ill.health_conduct(Conduct::Hangs);
    let began = Instant::now();
    let all = host.check_health(None).await;
    assert!(began.elapsed() <= Duration::from_secs(11), "{:?}", began.elapsed());
    assert_eq!(all[0].health.as_ref().unwrap().health, PluginHealth::Healthy);
    let expected = PluginHealth::Unhealthy { message: "did not answer within 10000 ms".to_owned() };
    assert_eq!(all[1].health.as_ref().unwrap().health, expected);
    ill.health_conduct(Conduct::Panics);
    let all = host.check_health(Some(&name("ansible"))).await;
    let expected = PluginHealth::Unhealthy { message: "panicked: scripted panic of the plugin".to_owned() };
    assert_eq!((all.len(), &all[0].health.as_ref().unwrap().health), (1, &expected));
    assert_eq!(host.plugin(&name("ansible")).unwrap().health, all[0].health, "it is remembered");
    let asked = |plugin: &ScriptedPlugin| plugin.calls().iter().filter(|call| *call == "health").count();
    let degraded = PluginHealth::Degraded {
        message: "no Python".to_owned(),
        working: vec![],
        failing: vec!["task.execute".to_owned()],
    };
    ill.set_health(degraded.clone());
    let before = asked(&well);
    tokio::time::sleep(Duration::from_secs(125)).await;
    let rounds = asked(&well) - before;
    assert!((1..=3).contains(&rounds), "every minute while one is not well: {rounds}");
    assert_eq!(host.plugin(&name("ansible")).unwrap().health.unwrap().health, degraded);
    ill.set_health(PluginHealth::Healthy);
    tokio::time::sleep(Duration::from_secs(61)).await;
    let before = asked(&well);
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert!(asked(&well) - before <= 1, "every five minutes when all are well");
}

/// R6.7: each is shut down before those it depends on, and one that hangs does not take the others' turn.
#[tokio::test(start_paused = true)]
async fn plugins_are_let_go_in_reverse() {
    let base = plugin("base");
    let hangs = plugin("hangs").depends_on([name("base")]).shuts_down(Conduct::Hangs);
    let panics = plugin("panics").depends_on([name("hangs")]).shuts_down(Conduct::Panics);
    let never = plugin("never").initializes(Conduct::Panics);
    let host = host(&[&base, &hangs, &panics, &never]).await;
    let began = Instant::now();
    let faults = host.shutdown(Duration::from_secs(20)).await;
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    let told: Vec<(&str, &str)> =
        faults.iter().map(|fault| (fault.plugin.as_str(), fault.message.as_str())).collect();
    let panicked = "panicked when it was shut down: scripted panic of the plugin";
    assert_eq!(told, [("panics", panicked), ("hangs", "did not let go within 10000 ms")]);
    assert_eq!(base.calls().last().unwrap(), "shutdown");
    assert!(!never.calls().contains(&"shutdown".to_owned()), "it was never ready");
    assert!(host.plugins().iter().all(|plugin| plugin.state == PluginState::Stopped));
    assert!(host.shutdown(Duration::from_secs(1)).await.is_empty(), "twice is once");
}

/// R6.7: the deadline of a shutdown is one for all, however many hang, side by side or one behind the other; each is asked.
#[tokio::test(start_paused = true)]
async fn plugins_are_let_go_within_one_deadline() {
    let mut plugins: Vec<ScriptedPlugin> = (0..20).map(|at| plugin(&format!("p{at}"))).collect();
    for at in 0..10 {
        plugins.push(plugin(&format!("q{at}")).depends_on([name(&format!("p{at}"))]));
    }
    plugins.push(plugin("r").depends_on([name("q0")]));
    let plugins: Vec<ScriptedPlugin> =
        plugins.into_iter().map(|plugin| plugin.shuts_down(Conduct::Hangs)).collect();
    let host = host(&plugins.iter().collect::<Vec<_>>()).await;
    let began = Instant::now();
    let faults = host.shutdown(Duration::from_secs(6)).await;
    assert!(began.elapsed() <= Duration::from_millis(6_001), "{:?}", began.elapsed());
    assert_eq!(faults.len(), 31, "{faults:?}");
    assert_eq!(faults[0].plugin, name("r"));
    assert_eq!(faults[0].message, "did not let go within 2000 ms");
    assert!(plugins.iter().all(|plugin| plugin.calls().last().unwrap() == "shutdown"));
}
