//! Requirement 4, facts, with real nodes: by the command line and by the facade.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::time::Duration;

use pabawi::facts::{
    FactPath, FactProvider, FactProviderError, Freshness, NodeFacts, ProviderOptions, parse_condition,
};
use pabawi::ports::{AuthorizationQuery, Authorizer, AuthorizerError, Clock as _, Decision};
use pabawi::ssh::{SshConfig, SshSettings};
use pabawi::{AllowAll, Caller, ErrorCode, Framework, FrameworkBuilder, NodeId, TargetExpression};
use pabawi_testkit::clock::ManualClock;
use pabawi_tests::{Lab, Pab, facade};
use serde_json::{Value, json};

fn facts(lab: &Lab, arguments: &[&str]) -> Pab {
    let pab = lab.pab(["facts"]).args(arguments);
    pab.args(["--ssh-config".as_ref(), lab.fleet().ssh_config().as_os_str()])
}

fn executions(lab: &Lab) -> usize {
    lab.pab(["executions", "list", "--tag", "pabawi-facts", "--format", "ndjson"]).succeeds().events().len()
}

fn path(text: &str) -> FactPath {
    FactPath::new(text).unwrap()
}

/// R4.1, R4.3, R4.4, R4.8: the first question gathers, the next ones do not, until the facts are too old or somebody
/// wants them anew. Gathering is an execution in the history.
#[test]
fn facts_are_gathered_when_they_are_wanted_and_missing_or_too_old() {
    let lab = Lab::new(2);
    let shown = facts(&lab, &["show", "web[01-02]", "--format", "json"]).succeeds().json();
    let machine = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    for (index, node) in ["web01", "web02"].iter().enumerate() {
        let one = &shown[index];
        assert_eq!(one["node"], *node);
        assert_eq!(
            (&one["facts"]["kernel"], &one["facts"]["kernelrelease"]),
            (&json!("Linux"), &json!(machine.trim()))
        );
        let ssh = one["providers"].as_array().unwrap().iter().find(|one| one["provider"] == "ssh").unwrap();
        assert!(ssh["factCount"].as_u64().unwrap() > 20, "{ssh}");
    }
    assert_eq!(executions(&lab), 1, "both nodes in one execution");
    let seen = lab.all_connections_seen();

    let again = facts(&lab, &["show", "web[01-02]", "--format", "json"]).succeeds().json();
    assert_eq!(again[0]["facts"], shown[0]["facts"]);
    assert_eq!((lab.all_connections_seen(), executions(&lab)), (seen, 1), "what holds is not gathered again");
    let table = facts(&lab, &["show", "web01"]).succeeds();
    let line = table.out().lines().find(|line| line.contains(" kernel ")).map(str::to_owned);
    assert!(line.is_some_and(|line| line.starts_with("web01") && line.ends_with("Linux")), "{table}");

    let _ = facts(&lab, &["get", "kernel", "web01", "--max-age", "0s"]).succeeds();
    assert_eq!(executions(&lab), 2, "too old is gathered again");
    let forced = facts(&lab, &["refresh", "web[01-02]"]).succeeds();
    assert!(forced.out().lines().any(|line| line.starts_with("web02  ssh ")), "{forced}");
    assert_eq!(executions(&lab), 3, "by force");
    assert!(lab.all_connections_seen() > seen);
}

/// R4.1, R4.6: a node that cannot be reached costs only its own facts, and it is said.
#[test]
fn a_node_that_is_down_costs_only_its_own_facts() {
    let lab = Lab::new(2);
    let _ = facts(&lab, &["refresh", "web02"]).succeeds();
    lab.fleet().stop_node(1).unwrap();
    let ran = facts(&lab, &["refresh", "web[01-02]", "--format", "json"]).exits(1);
    let shown = ran.json();
    let names = |index: usize| -> Vec<String> {
        let providers = shown[index]["providers"].as_array().unwrap();
        providers.iter().map(|one| one["provider"].as_str().unwrap().to_owned()).collect()
    };
    assert!(names(0).contains(&"ssh".to_owned()) && !names(1).contains(&"ssh".to_owned()), "{ran}");
    assert_eq!(shown[1]["failures"][0]["code"], "connection_refused");
    assert!(ran.err().contains("web02: provider ssh: "), "{ran}");
    // What was gathered before is still known, and marked by its age.
    let found = lab.pab(["facts", "query", "kernel=Linux"]).succeeds();
    assert_eq!(found.out(), "web01\nweb02\n");
}

/// R4.1: one fact, conditions over all nodes, the forms of the results, and what is not understood.
#[test]
fn facts_are_shown_found_and_explained() {
    let lab = Lab::new(2);
    let address = lab.fleet().nodes()[0].address;
    let (host, port) = (address.ip(), address.port());
    let nodes = format!("nodes:\n  - {{name: web01, host: {host}, port: {port}, metadata: {{rack: 7}}}}\n");
    let inventory = lab.write("nodes.yaml", nodes);
    let get = |arguments: &[&str]| facts(&lab, &[&["get"], arguments].concat());
    let cpus = get(&["processors.count", "web[01-02]", "--format", "ndjson"]).succeeds().events();
    assert_eq!(cpus.len(), 2);
    assert_eq!(cpus[0]["sources"][0]["winner"]["provider"], "ssh");
    let table = get(&["memory.system.total_bytes", "web01"]).succeeds();
    assert!(table.out().starts_with("NODE   FACT "), "{table}");
    let missing = get(&["no.such.fact", "web01"]).exits(1);
    assert!(missing.out().contains("no.such.fact"), "{missing}");
    let listed = facts(&lab, &["explain", "web01", "rack", "--format", "json"])
        .args(["--inventory".as_ref(), inventory.as_os_str()])
        .succeeds()
        .json();
    assert_eq!(
        (&listed[0]["winner"]["provider"], &listed[0]["winner"]["value"]),
        (&json!("inventory"), &json!(7))
    );
    let query = |condition: &str| lab.pab(["facts", "query", condition]).succeeds();
    assert_eq!(query("rack=7").out(), "web01\n");
    let explained = facts(&lab, &["explain", "web01", "os"]).succeeds();
    assert!(
        explained.out().lines().any(|line| line.starts_with("os.family ") && line.contains(" wins ")),
        "{explained}"
    );

    assert_eq!(query("kernel=Linux").out(), "web01\nweb02\n");
    assert_eq!(query("processors.count>=1").out(), "web01\nweb02\n");
    assert_eq!(query("kernelrelease>99").out(), "");
    let json = lab.pab(["facts", "query", "kernel~^Lin", "--format", "json"]).succeeds().json();
    assert_eq!(json, json!(["web01", "web02"]));

    let pabawi = facts(&lab, &["show", "web01", "--pabawi", "--format", "json"]).succeeds().json();
    assert_eq!(pabawi[0]["nodeId"], "web01");
    assert!(pabawi[0]["facts"]["memory"]["system"]["total"].as_str().unwrap().ends_with("iB"), "{pabawi}");
    let raw = facts(&lab, &["show", "web01", "--raw", "--format", "yaml"]).succeeds();
    assert!(raw.out().contains("provider: ssh"), "{raw}");

    for (arguments, part) in [
        (&["facts", "query", "=x"][..], "CONDITION: invalid fact"),
        (&["facts", "query", "a~("], "regular expression"),
        (&["facts", "get", "a..b", "web01"], "PATH: invalid fact"),
        (&["facts", "show", "web01", "--raw"], "--raw: needs --format"),
        (&["facts", "explain", "web[01-02]"], "name one"),
    ] {
        let mut pab = lab.pab(arguments);
        if arguments[1] != "query" {
            pab = pab.args(["--ssh-config".as_ref(), lab.fleet().ssh_config().as_os_str()]);
        }
        let ran = pab.exits(2);
        assert!(ran.err().contains(part), "{ran}");
    }
}

fn builder(lab: &Lab) -> FrameworkBuilder {
    let mut settings = SshSettings::default();
    settings.config = Arc::new(SshConfig::load(lab.fleet().ssh_config()).unwrap());
    Framework::builder().database(lab.database()).ssh(settings)
}

/// A plugin's provider.
struct Cmdb;

#[async_trait::async_trait]
impl FactProvider for Cmdb {
    fn name(&self) -> &str {
        "cmdb"
    }

    fn priority(&self) -> i32 {
        90
    }

    async fn collect(&self, _: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        let facts = json!({"owner": "web team", "os": {"family": "Own"}});
        let answer = |node: &NodeId| {
            Ok(NodeFacts {
                node: node.clone(),
                facts: facts.as_object().unwrap().clone(),
                raw: Some(json!({"OWNER": "web team"})),
                warnings: vec![],
                gathered_at: ManualClock::default().now(),
            })
        };
        nodes.iter().map(answer).collect()
    }
}

/// R4.2, R4.4: facts hold for as long as they are configured to, by the framework's clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_expire_by_the_frameworks_clock() {
    struct Shared(Arc<ManualClock>);
    impl pabawi::ports::Clock for Shared {
        fn now(&self) -> jiff::Timestamp {
            self.0.now()
        }
    }
    let lab = Lab::new(1);
    let clock = Arc::new(ManualClock::default());
    let times = ProviderOptions { ttl: Duration::from_secs(3600), ..ProviderOptions::default() };
    let framework = builder(&lab).authorizer(AllowAll).clock(Shared(Arc::clone(&clock))).fact_times(times);
    let framework = framework.open().await.unwrap();
    let ask = async |freshness| {
        let web = TargetExpression::new("web01");
        framework.facts().collect(&facade::caller(), &web, freshness).await.unwrap().remove(0)
    };
    let first = ask(Freshness::Cached).await;
    clock.advance(Duration::from_secs(3599));
    assert_eq!(ask(Freshness::Cached).await.layers()[0].collected_at, first.layers()[0].collected_at);
    clock.advance(Duration::from_secs(1));
    let ssh = |merged: &pabawi::facts::MergedFacts| {
        merged.layers().iter().find(|layer| &*layer.provider == "ssh").unwrap().collected_at
    };
    let later = ask(Freshness::Cached).await;
    assert_eq!(ssh(&later).duration_since(ssh(&first)).as_secs(), 3600, "what has expired is collected anew");
    framework.shutdown(Duration::from_secs(5)).await;
}

/// R4.5, R4.6, R4.7: a provider of a plugin stands beside those that are built in, and wins where its priority is higher.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn providers_of_plugins_are_merged_by_their_priority() {
    let lab = Lab::new(1);
    let framework = builder(&lab).authorizer(AllowAll).open().await.unwrap();
    framework.facts().register(Arc::new(Cmdb), ProviderOptions::default()).unwrap();
    let names: Vec<String> = framework.facts().providers().iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["cmdb", "facter", "ssh", "inventory"]);
    let web = TargetExpression::new("web01");
    let caller = facade::caller();
    let merged = framework.facts().collect(&caller, &web, Freshness::Cached).await.unwrap().remove(0);
    assert_eq!(merged.get(&path("owner")), Some(&json!("web team")));
    assert_eq!(merged.get(&path("kernel")), Some(&json!("Linux")), "others give what it does not");
    assert_eq!(merged.get(&path("os.family")), Some(&json!("Own")));
    let explained = merged.explain(Some(&path("os.family")));
    assert_eq!((&*explained[0].winner.provider, &*explained[0].losers[0].provider), ("cmdb", "ssh"));
    let raw = merged.layers().iter().find(|layer| &*layer.provider == "cmdb").unwrap().facts.raw.clone();
    assert_eq!(raw, Some(json!({"OWNER": "web team"})), "what its tool said stays reachable");
    let own = parse_condition("os.family=Own").unwrap();
    let found = framework.facts().matching(&caller, &own).await.unwrap();
    assert_eq!(found, [NodeId::new("web01").unwrap()]);
    let twice = framework.facts().register(Arc::new(Cmdb), ProviderOptions::default()).unwrap_err();
    assert!(twice.to_string().contains("registered already"), "{twice}");
    framework.shutdown(Duration::from_secs(5)).await;
}

/// Lets a user see facts, but run nothing; and another one nothing at all.
struct Rules;

#[async_trait::async_trait]
impl Authorizer for Rules {
    async fn authorize(&self, query: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        let allowed = match query.caller.user.as_str() {
            "reader" => query.capability == "facts.show",
            "admin" => true,
            _ => false,
        };
        let reason = || format!("{} may not {}", query.caller.user, query.capability);
        Ok(if allowed { Decision::Allow } else { Decision::Deny { reason: reason() } })
    }
}

/// R4.1: facts are shown to who may see them, and gathered for who may run something on the nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_are_behind_the_authorizer() {
    let lab = Lab::new(1);
    let framework = builder(&lab).authorizer(Rules).open().await.unwrap();
    let web = TargetExpression::new("web01");
    let user = |name: &str| Caller { user: name.to_owned(), ..facade::caller() };
    let ask = async |name: &str, freshness| framework.facts().collect(&user(name), &web, freshness).await;
    let error = ask("stranger", Freshness::Cached).await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string()),
        (ErrorCode::Denied, "denied: stranger may not facts.show".to_owned())
    );
    let merged = ask("reader", Freshness::Cached).await.unwrap().remove(0);
    let told: Vec<String> = merged.failures().map(ToString::to_string).collect();
    assert!(
        told.iter().any(|text| text.contains("provider ssh") && text.contains("script.execute")),
        "{told:?}"
    );
    assert!(
        ask("admin", Freshness::Cached).await.unwrap()[0].get(&path("kernel")).is_some(),
        "a denial is not cached"
    );
    let cached = ask("reader", Freshness::Cached).await.unwrap().remove(0);
    assert_eq!(cached.get(&path("kernel")), Some(&Value::from("Linux")));
    let error = ask("reader", Freshness::Forced).await.unwrap_err();
    assert!(error.to_string().contains("facts.collect"), "{error}");
    let kernel = parse_condition("kernel").unwrap();
    assert!(framework.facts().matching(&user("stranger"), &kernel).await.is_err());
    framework.shutdown(Duration::from_secs(5)).await;
}
