//! The plugin on a real PuppetDB: its calls, and how it says that it is.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::ports::{Plugin as _, PluginCall, PluginError, PluginHealth};
use pabawi_domain::schema::ParameterSchema;
use pabawi_plugins::puppetdb::PuppetDbPlugin;
use pabawi_testkit::puppetdb::PuppetDb;
use serde_json::{Value, json};

use super::{caller, certname};

/// Nodes that have reports with events.
const RAN: [&str; 2] = ["ran1.example.org", "ran2.example.org"];
/// How the runs of each ended, the newest first, an hour between each two.
const RUNS: [(i64, &str); 3] = [(1, "failed"), (2, "changed"), (3, "unchanged")];

async fn plugin(puppetdb: &PuppetDb) -> PuppetDbPlugin {
    let plugin = PuppetDbPlugin::new(PluginName::new(PuppetDbPlugin::NAME).unwrap());
    plugin
        .initialize(json!({"url": format!("http://{}", puppetdb.plain()), "facts": ["os.family"]}))
        .await
        .unwrap();
    plugin
}

fn call(capability: &str, nodes: &[&str], parameters: &Value) -> PluginCall {
    PluginCall {
        capability: capability.to_owned(),
        parameters: parameters.as_object().unwrap().clone(),
        caller: caller(),
        correlation_id: None,
        nodes: nodes.iter().map(|name| NodeId::new(name).unwrap()).collect(),
    }
}

/// Asks as the host does: what is given and what comes back hold to the schemas.
async fn ask(
    plugin: &PuppetDbPlugin,
    capability: &str,
    nodes: &[&str],
    parameters: Value,
) -> Result<Value, PluginError> {
    let all = plugin.capabilities();
    let declared = all.iter().find(|one| one.name == capability).unwrap();
    let fits = |schema: &Value, value: &Value| {
        let faults = ParameterSchema::new(schema).unwrap().violations("value", value, &[]);
        assert!(faults.is_empty(), "{capability} {value}: {faults:?}");
    };
    fits(&declared.parameters, &parameters);
    let answer = plugin.call(call(capability, nodes, &parameters)).await?;
    fits(declared.result.as_ref().unwrap(), &answer);
    Ok(answer)
}

fn texts<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
}

/// A run of that node so many hours ago: one file of three properties at the same time, and a service that was left out.
fn load(puppetdb: &PuppetDb, now: Timestamp, node: &str, hours: i64, status: &str) -> Timestamp {
    let at = now.checked_sub(SignedDuration::from_hours(hours)).unwrap();
    let event = |property: &str, status: &str, old: Value| {
        json!({"timestamp": at, "status": status, "name": "change", "property": property, "old_value": old,
               "new_value": "new", "message": format!("{property} changed"), "corrective_change": false})
    };
    let resource = |kind: &str, title: &str, skipped: bool, events: Value| {
        json!({"skipped": skipped, "timestamp": at, "resource_type": kind, "resource_title": title,
               "file": "/site.pp", "line": 3, "containment_path": ["Stage[main]", "Motd"],
               "corrective_change": false, "events": events})
    };
    let events = json!([
        event("content", "success", json!({"md5": [1, 2.5]})),
        event("mode", "failure", json!("0644")),
        event("owner", "noop", Value::Null),
    ]);
    let report = json!({
        "producer_timestamp": at, "start_time": at, "end_time": at,
        "metrics": [{"category": "resources", "name": "total", "value": 7},
                    {"category": "resources", "name": "failed", "value": 1},
                    {"category": "time", "name": "config_retrieval", "value": 0.5}],
        "logs": [{"level": "err", "message": "mode failed", "source": "/File[/etc/motd]", "tags": ["file"],
                  "time": at, "file": "/site.pp", "line": 3}],
        "resources": [resource("File", "/etc/motd", false, events), resource("Service", "ssh", true, json!([]))],
    });
    puppetdb.store_report_with(node, "staging", status, &report).unwrap();
    at
}

pub(super) async fn the_plugin_answers(puppetdb: &PuppetDb) {
    // Milliseconds are all that PuppetDB keeps. Events that are older than 14 days are not taken.
    let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
    let now = now.checked_sub(SignedDuration::from_mins(5)).unwrap();
    let at = tokio::task::block_in_place(|| {
        let resources = json!([
            {"type": "File", "title": "/etc/motd", "exported": false, "file": "/site.pp", "line": 3,
             "tags": ["file", "motd"], "aliases": [], "parameters": {"content": "hello", "mode": "0644"}},
            {"type": "Class", "title": "Motd", "exported": false, "file": null, "line": null,
             "tags": ["class"], "aliases": [], "parameters": {}},
        ]);
        let edges = json!([{"source": {"type": "Class", "title": "Motd"},
                            "target": {"type": "File", "title": "/etc/motd"}, "relationship": "contains"}]);
        puppetdb.replace_catalog(RAN[0], "staging", &resources, &edges).unwrap();
        let mut at = Vec::new();
        for (hours, status) in RUNS {
            for node in RAN {
                at.push(load(puppetdb, now, node, hours, status));
            }
        }
        at
    });
    let plugin = plugin(puppetdb).await;
    assert_eq!(plugin.health().await, PluginHealth::Healthy);
    nodes_and_facts(&plugin).await;
    let another = || {
        load(puppetdb, now, "late.example.org", 0, "changed");
    };
    reports(&plugin, &at, &another).await;
    events(&plugin).await;
    catalogs(&plugin).await;
    queries(&plugin).await;
}

async fn nodes_and_facts(plugin: &PuppetDbPlugin) {
    let listed = ask(plugin, "inventory.list", &[], json!({})).await.unwrap();
    let ids = texts(&listed["nodes"], "id");
    assert!(ids.contains(&RAN[0]) && ids.contains(&certname(1).as_str()), "{ids:?}");
    let from_source = plugin.inventory().unwrap().fetch().await.unwrap();
    assert_eq!(listed["nodes"], json!(from_source.nodes));

    let (one, two) = (certname(1), certname(2));
    let nodes = [one.as_str(), "unknown.example.org", two.as_str(), one.as_str()];
    let some =
        json!({"names": ["os.release.major", "kernel", "kernel", "networking.ip", "none.such", "nothing"]});
    let found = ask(plugin, "facts.get", &nodes, some).await.unwrap();
    assert_eq!(texts(&found["facts"], "node"), [&one, &two, &one]);
    let expected =
        json!({"kernel": "Linux", "os": {"release": {"major": "12"}}, "networking": {"ip": "10.0.0.1"}});
    assert_eq!(found["facts"][0]["facts"], expected);
    assert_eq!(found["facts"][0], found["facts"][2]);
    assert_eq!(
        (&found["errors"][0]["node"], &found["errors"][0]["code"]),
        (&json!(nodes[1]), &json!("not_found"))
    );
    let all = ask(plugin, "facts.get", &nodes[..1], json!({})).await.unwrap();
    let collected = plugin.facts().unwrap().collect(&caller(), &[NodeId::new(nodes[0]).unwrap()]).await;
    assert_eq!(all["facts"], json!([collected[0].as_ref().unwrap()]));
    let error = ask(plugin, "facts.get", &[], json!({})).await.unwrap_err();
    assert!(error.code == ErrorCode::Validation && error.message.starts_with("nodes: "), "{error}");
}

async fn reports(plugin: &PuppetDbPlugin, at: &[Timestamp], another: &dyn Fn()) {
    let staging = json!({"environment": "staging"});
    let all = ask(plugin, "reports.list", &[], staging).await.unwrap();
    let times = texts(&all["reports"], "producedAt");
    let mut sorted = times.clone();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!((times.len(), &times), (at.len(), &sorted), "the newest first");
    assert_eq!(times[0].parse::<Timestamp>().unwrap(), at[0]);
    assert!(all.get("nextCursor").is_none() && all["warnings"] == json!([]), "{all}");
    let first = &all["reports"][0];
    assert_eq!(
        (&first["status"], &first["type"], &first["noop"]),
        (&json!("failed"), &json!("agent"), &json!(false))
    );

    // Page by page, while newer reports come in; two are of the same time.
    let mut pages = Vec::new();
    let mut parameters = json!({"environment": "staging", "limit": 1});
    for page in 0..=at.len() {
        let answer = ask(plugin, "reports.list", &[], parameters.clone()).await.unwrap();
        pages.extend(answer["reports"].as_array().unwrap().clone());
        let Some(next) = answer.get("nextCursor") else { break };
        assert!(page < at.len(), "there is an end");
        tokio::task::block_in_place(another);
        parameters["cursor"] = next.clone();
        parameters["limit"] = json!(2);
    }
    assert_eq!(json!(pages), all["reports"], "each of them once");
    let mut other = parameters.clone();
    other["environment"] = json!("production");
    let error = ask(plugin, "reports.list", &[], other).await.unwrap_err();
    assert!(error.message.contains("parameters.cursor: is of another question"), "{error}");

    let of = async |nodes: &[&str], parameters: Value| {
        let answer = ask(plugin, "reports.list", nodes, parameters).await.unwrap();
        let reports = answer["reports"].as_array().unwrap().clone();
        reports.iter().map(|report| report["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(&RAN[..1], json!({})).await, ["failed", "changed", "unchanged"]);
    assert_eq!(of(&RAN, json!({"status": ["failed", "unchanged"]})).await.len(), 4);
    let (older, newer) = (at[2].to_string(), at[0].to_string());
    assert_eq!(of(&RAN[..1], json!({"since": older, "until": newer})).await, ["changed"]);
    assert_eq!(of(&RAN[..1], json!({"since": "90m"})).await, ["failed"]);
    assert_eq!(of(&RAN[..1], json!({"until": "150m"})).await, ["unchanged"]);
    assert_eq!(of(&["unknown.example.org"], json!({})).await, [] as [&str; 0]);
    let quoted = json!({"environment": "x\"], [\"=\", \"environment\", \"staging"});
    assert_eq!(of(&[], quoted).await, [] as [&str; 0], "a value is never a part of the query");

    let hash = first["hash"].clone();
    let shown = ask(plugin, "reports.show", &[], json!({"hash": hash})).await.unwrap();
    assert_eq!(&shown["report"], first);
    let metrics = json!({"resources": {"total": 7, "failed": 1}, "time": {"config_retrieval": 0.5}});
    assert_eq!(shown["metrics"], metrics);
    assert_eq!(
        (&shown["logs"][0]["level"], &shown["logs"][0]["message"]),
        (&json!("err"), &json!("mode failed"))
    );
    let listed = ask(plugin, "events.list", &[], json!({"report": hash})).await.unwrap();
    let by_property = |events: &Value| -> BTreeMap<String, Value> {
        let events = events.as_array().unwrap().iter();
        events.map(|event| (event["property"].to_string(), event.clone())).collect()
    };
    assert_eq!(by_property(&shown["events"]), by_property(&listed["events"]), "both tell the same");
    assert_eq!(by_property(&shown["events"]).len(), 4);

    let node = first["node"].as_str().unwrap();
    assert!(ask(plugin, "reports.show", &[node], json!({"hash": hash})).await.is_ok());
    for (nodes, hash) in [(&["other.example.org"][..], hash), (&[][..], json!("0123456789abcdef"))] {
        let error = ask(plugin, "reports.show", nodes, json!({"hash": hash})).await.unwrap_err();
        assert!(error.code == ErrorCode::NotFound && error.message.contains("has no report"), "{error}");
    }
}

async fn events(plugin: &PuppetDbPlugin) {
    let all = ask(plugin, "events.list", &RAN, json!({})).await.unwrap();
    assert_eq!(all["events"].as_array().unwrap().len(), RAN.len() * RUNS.len() * 4);
    let mut pages = Vec::new();
    let mut parameters = json!({"limit": 3});
    for _ in 0..20 {
        let answer = ask(plugin, "events.list", &RAN, parameters.clone()).await.unwrap();
        pages.extend(answer["events"].as_array().unwrap().clone());
        let Some(next) = answer.get("nextCursor") else { break };
        parameters["cursor"] = next.clone();
    }
    assert_eq!(json!(pages), all["events"], "pages end amid events of the same time, and each comes once");

    let content =
        all["events"].as_array().unwrap().iter().find(|event| event["property"] == "content").unwrap();
    assert_eq!(content["oldValue"], json!({"md5": [1, 2.5]}));
    assert_eq!(content["containmentPath"], json!(["Stage[main]", "Motd"]));
    assert_eq!((&content["resourceType"], &content["environment"]), (&json!("File"), &json!("staging")));

    let count = async |parameters: Value| {
        let answer = ask(plugin, "events.list", &RAN[..1], parameters).await.unwrap();
        answer["events"].as_array().unwrap().len()
    };
    assert_eq!(count(json!({"status": ["failure"]})).await, 3);
    assert_eq!(count(json!({"status": ["failure", "skipped"], "since": "90m"})).await, 2);
    assert_eq!(count(json!({"resourceType": "Service"})).await, 3);
    assert_eq!(count(json!({"resourceType": "Service", "environment": "production"})).await, 0);
    assert_eq!(count(json!({"until": "21d"})).await, 0);
}

async fn catalogs(plugin: &PuppetDbPlugin) {
    let shown = ask(plugin, "catalog.show", &RAN[..1], json!({})).await.unwrap();
    assert_eq!(
        (&shown["catalog"]["node"], &shown["catalog"]["environment"]),
        (&json!(RAN[0]), &json!("staging"))
    );
    assert_eq!(texts(&shown["resources"], "title"), ["Motd", "/etc/motd"]);
    assert_eq!(shown["resources"][1]["parameters"], json!({"content": "hello", "mode": "0644"}));
    let edge = json!({"relationship": "contains", "source": {"type": "Class", "title": "Motd"},
                      "target": {"type": "File", "title": "/etc/motd"}});
    assert_eq!(shown["edges"], json!([edge]));
    let files = ask(plugin, "catalog.show", &RAN[..1], json!({"resourceType": "File"})).await.unwrap();
    assert_eq!(texts(&files["resources"], "title"), ["/etc/motd"]);
    let error = ask(plugin, "catalog.show", &RAN[1..], json!({})).await.unwrap_err();
    assert!(error.code == ErrorCode::NotFound && error.message.contains("no catalog"), "{error}");
    for nodes in [&[][..], &RAN] {
        let error = ask(plugin, "catalog.show", nodes, json!({})).await.unwrap_err();
        assert!(error.code == ErrorCode::Validation && error.message.contains("exactly one"), "{error}");
    }
}

async fn queries(plugin: &PuppetDbPlugin) {
    let run = async |parameters: Value| ask(plugin, "query.run", &[], parameters).await;
    let pql = "nodes[certname] { certname ~ \"^node00[1-5]\" order by certname desc }";
    let all = run(json!({"pql": pql})).await.unwrap();
    let expected: Vec<String> = (1..=5).rev().map(certname).collect();
    assert_eq!(
        (texts(&all["rows"], "certname"), &all["hasMore"]),
        (expected.iter().map(String::as_str).collect(), &json!(false))
    );
    let some = run(json!({"pql": pql, "limit": 2, "offset": 1})).await.unwrap();
    assert_eq!(
        (texts(&some["rows"], "certname"), &some["hasMore"]),
        (vec![&*expected[1], &*expected[2]], &json!(true))
    );
    let counted = run(json!({"pql": "nodes[count()] { certname ~ \"^node00[1-5]\" }"})).await.unwrap();
    assert_eq!(counted["rows"], json!([{"count": 5}]));
    let own = run(json!({"pql": "nodes[certname] { order by certname limit 2 }"})).await.unwrap();
    assert_eq!((own["rows"].as_array().unwrap().len(), &own["hasMore"]), (2, &json!(false)));
    for (parameters, part) in [
        (json!({"pql": "nodes[certname"}), "parameters.pql: PuppetDB does not take it: PQL parse error"),
        (json!({"pql": " [\"from\", \"nodes\"]"}), "parameters.pql: must be PQL"),
        (
            json!({"pql": "nodes { limit 2 }", "limit": 5}),
            "parameters.limit: cannot be given with a query that has limit",
        ),
        (json!({"pql": "nodes { offset 2 }", "offset": 5}), "parameters.offset: cannot be given"),
    ] {
        let error = run(parameters).await.unwrap_err();
        assert!(error.code == ErrorCode::Validation && error.message.contains(part), "{error}");
    }
    let error = ask(plugin, "query.run", &RAN, json!({"pql": "nodes { }"})).await.unwrap_err();
    assert!(error.code == ErrorCode::Validation && error.message.starts_with("nodes: "), "{error}");
}

/// R6.7, R7.3
pub(super) async fn nothing_is_there_any_more(puppetdb: &PuppetDb) {
    let plugin = plugin(puppetdb).await;
    let PluginHealth::Unhealthy { message } = plugin.health().await else { panic!("it is gone") };
    assert!(message.starts_with("PuppetDB http://") && message.contains("is PuppetDB running"), "{message}");
    assert_eq!(message.matches("PuppetDB http").count(), 1, "told once: {message}");
    for (capability, nodes, parameters) in [
        ("inventory.list", &[][..], json!({})),
        ("facts.get", &RAN, json!({})),
        ("reports.list", &[], json!({})),
        ("reports.show", &[], json!({"hash": "0123456789abcdef"})),
        ("events.list", &[], json!({})),
        ("catalog.show", &RAN[..1], json!({})),
        ("query.run", &[], json!({"pql": "nodes {}"})),
    ] {
        let error = ask(&plugin, capability, nodes, parameters).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::ConnectionRefused, "{capability}: {error}");
    }
}
