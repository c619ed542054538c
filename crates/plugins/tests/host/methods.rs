//! What a plugin says to have and has not (R6.3, R6.4).

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::ActionKind;
use pabawi_domain::capability::Capability;
use pabawi_domain::node::Node;
use pabawi_domain::ports::{PluginHealth, PluginMethods};
use pabawi_plugins::host::{PluginHost, PluginState, RegisterError};
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::scripted::{Conduct, ScriptedPlugin, capability};
use serde_json::{Map, Value, json};

use crate::living::{host, name, plugin, reason};

fn named(text: &str) -> Capability {
    Capability { name: text.to_owned(), ..capability(ActionKind::Task) }
}

fn refused(plugin: ScriptedPlugin) -> Vec<String> {
    let mut registering = PluginHost::builder(Arc::new(ManualClock::default()));
    match registering.plugin(Arc::new(plugin), Value::Null) {
        Ok(()) => Vec::new(),
        Err(RegisterError::Invalid { error, .. }) => error.fields.iter().map(ToString::to_string).collect(),
        Err(other) => panic!("{other}"),
    }
}

/// R6.4: an action needs the method run, everything else the method call; which one is missing is told at the registration.
#[test]
fn a_capability_whose_method_is_missing_is_refused() {
    let all = || {
        let actions = ActionKind::ALL.iter().map(|kind| named(kind.capability()));
        actions.chain([named("task.list"), named("inventory.list"), named("facts.get")])
    };
    let with = |run, call| refused(plugin("bolt").capabilities(all()).methods(PluginMethods { run, call }));
    assert_eq!(with(true, true), Vec::<String>::new());
    let call =
        "capabilities[9].name: \"task.list\" needs the method call, which the plugin says it does not have";
    assert_eq!(with(true, false), [call]);
    let run = with(false, true);
    assert_eq!(run.len(), ActionKind::ALL.len(), "{run:?}");
    assert!(run.iter().all(|fault| fault.contains("needs the method run")), "{run:?}");
}

/// R6.4: a source of nodes or a provider of facts that is announced and not there is seen when the plugin has got ready; a
/// method call stands in for it.
#[tokio::test(start_paused = true)]
async fn a_source_that_is_announced_has_to_be_there() {
    for (announced, method) in [("inventory.list", "inventory"), ("facts.get", "facts")] {
        let bad = plugin("bad").capabilities([named(announced)]);
        let there = plugin("there")
            .capabilities([named(announced)])
            .lists([Node::named("a".parse().unwrap())], Conduct::Good)
            .knows(Map::new(), Conduct::Good);
        let methods = PluginMethods { run: false, call: true };
        let called = plugin("called").capabilities([named(announced)]).methods(methods);
        let host = host(&[&bad, &there, &called]).await;
        let text = format!(
            "has the capability {announced}, and its method {method} returns nothing, nor has it the method call"
        );
        assert_eq!(reason(&host, "bad"), text);
        assert_eq!(
            (reason(&host, "there"), reason(&host, "called")),
            ("Ready".to_owned(), "Ready".to_owned())
        );
    }
}

/// R7.4: a panic and a call that does not return when a plugin is asked what it has are the state of that plugin alone.
#[tokio::test]
async fn a_plugin_that_breaks_when_it_is_asked_what_it_has_is_not_ready() {
    let mut settings = pabawi_plugins::host::HostSettings::default();
    settings.initialize_timeout = Duration::from_millis(50);
    let mut registering = PluginHost::builder(Arc::new(ManualClock::default())).settings(settings);
    let good = plugin("good");
    for plugin in [
        plugin("panics").panics_when_asked(),
        plugin("blocks").blocks_when_asked(Duration::from_millis(500)),
        good.clone(),
    ] {
        registering.plugin(Arc::new(plugin), Value::Null).unwrap();
    }
    let host = registering.start().await;
    let asked = "when it was asked for its inventory, its facts and how it ends";
    assert_eq!(reason(&host, "panics"), format!("panicked: scripted panic of the plugin, {asked}"));
    assert_eq!(reason(&host, "blocks"), format!("did not answer within 50 ms, {asked}"));
    assert_eq!(host.plugin(&name("good")).unwrap().state, PluginState::Ready);
}

/// R6.7: what a plugin says of its health is taken as far as it makes sense.
#[tokio::test(start_paused = true)]
async fn garbage_in_the_health_of_a_plugin_is_left_out() {
    let ill = plugin("bolt").capabilities([named("task.execute"), named("plan.execute")]);
    let host = host(&[&ill]).await;
    let text = |text: &str| text.to_owned();
    let mut failing = vec![text("task.execute"), text("task.execute"), String::new(), text("\u{0}")];
    failing.extend((0..100_000).map(|at| format!("made.up{at}")));
    ill.set_health(PluginHealth::Degraded {
        message: "x".repeat(1_000_000),
        working: vec![text("plan.execute"), text("task.execute"), text("no.such")],
        failing,
    });
    let health = host.check_health(None).await.remove(0).health.unwrap().health;
    let PluginHealth::Degraded { message, working, failing } = health else { panic!("{health:?}") };
    assert_eq!((working, failing), (vec![text("plan.execute")], vec![text("task.execute")]));
    assert!(message.len() < 17_000, "{}", message.len());
    let end =
        "... [cut: 1000000 bytes in all] (100004 names of capabilities that it does not have, or twice)";
    assert!(message.ends_with(end), "{}", message.split_at(16_380).1);
    let listed = host.capabilities();
    let available: Vec<(&str, bool)> =
        listed.iter().map(|one| (one.capability.name.as_str(), one.available)).collect();
    assert_eq!(available, [("plan.execute", true), ("task.execute", false)]);
}

/// R6.3, R9.3: a plugin that says too much of itself is refused with the limit, and so is a schema that nobody can use.
#[test]
fn a_plugin_that_says_too_much_of_itself_is_refused() {
    let many = (0..1_001).map(|number| named(&format!("task.t{number}")));
    let methods = PluginMethods { run: true, call: true };
    let told = refused(plugin("bolt").capabilities(many).methods(methods));
    assert_eq!(told, ["capabilities: are 1001, at most 1000 are taken"]);
    let with = |change: &dyn Fn(&mut Capability)| {
        let mut capability = capability(ActionKind::Task);
        change(&mut capability);
        refused(plugin("bolt").capabilities([capability])).join("; ")
    };
    let long = || "x".repeat(10 * 1024 * 1024);
    for (told, expected) in [
        (with(&|it| it.description = long()), "description: has 10485760 bytes, at most 4096 are taken"),
        (with(&|it| it.name = long()), "xx... [cut: 10485760 bytes in all]\" must be category.verb"),
        (with(&|it| it.parameters = json!({"description": long()})), "it takes more than 1048576 bytes"),
        (with(&|it| it.result = Some(json!({"type": [long()]}))), "it takes more than 1048576 bytes"),
        (
            with(&|it| it.parameters = json!({"pattern": "(a{1000}){1000}{1000}"})),
            "parameters: is no JSON Schema",
        ),
        (with(&|it| it.parameters = json!({"type": ["x".repeat(500_000)]})), "parameters: is no JSON Schema"),
    ] {
        assert!(told.contains(expected) && told.len() < 20_000, "{expected}: {} bytes", told.len());
    }
}

/// R7.4: a plugin that does not return when it is asked what it can do is not registered, and holds nobody up.
#[test]
fn a_plugin_that_does_not_say_what_it_is_is_refused() {
    let mut settings = pabawi_plugins::host::HostSettings::default();
    settings.health_timeout = Duration::from_millis(50);
    let mut registering = PluginHost::builder(Arc::new(ManualClock::default())).settings(settings);
    let began = std::time::Instant::now();
    let silent = plugin("bolt").blocks_when_asked_about_itself(Duration::from_secs(3));
    let refused = registering.plugin(Arc::new(silent), Value::Null).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(refused.to_string(), "a plugin did not answer within 50 ms when it was asked about itself");
    registering.plugin(Arc::new(plugin("bolt")), Value::Null).unwrap();
}
