//! The plugin for PuppetDB where something is wrong: its configuration, or PuppetDB.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::ports::{Plugin as _, PluginCall, PluginError, PluginHealth};
use pabawi_domain::request::{Caller, EntryPoint};
use pabawi_plugins::puppetdb::PuppetDbPlugin;
use pabawi_testkit::http::{HttpReply, HttpRequest, ScriptedHttp};
use serde_json::{Value, json};

const TOKEN: &str = "0vUxq-hunter2";

fn plugin() -> PuppetDbPlugin {
    PuppetDbPlugin::new(PluginName::new("puppetdb").unwrap())
}

async fn server(answer: impl Fn(&HttpRequest) -> HttpReply + Send + Sync + 'static) -> ScriptedHttp {
    ScriptedHttp::start(answer).await.unwrap()
}

/// A plugin before a server, with more settings.
async fn before(server: &ScriptedHttp, more: Value) -> PuppetDbPlugin {
    let mut config = json!({"url": format!("http://{}", server.address()), "token": TOKEN});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let plugin = plugin();
    plugin.initialize(config).await.unwrap();
    plugin
}

async fn ask(
    plugin: &PuppetDbPlugin,
    capability: &str,
    nodes: &[&str],
    parameters: Value,
) -> Result<Value, PluginError> {
    let call = PluginCall {
        capability: capability.to_owned(),
        parameters: parameters.as_object().unwrap().clone(),
        caller: Caller { user: "ops".into(), entry_point: EntryPoint::Rust },
        correlation_id: None,
        nodes: nodes.iter().map(|name| NodeId::new(name).unwrap()).collect(),
    };
    let answer = plugin.call(call).await;
    if let Err(error) = &answer {
        assert!(!error.to_string().contains(TOKEN), "{error}");
    }
    answer
}

/// R6.2, R9.8
#[tokio::test]
async fn a_bad_configuration_is_told_by_its_fields() {
    for (config, parts) in [
        (json!({}), &["config: missing field `url`"][..]),
        (json!({"url": "http://127.0.0.1:1", "uri": 1}), &["unknown field `uri`"]),
        (
            json!({"url": "http://pdb", "timeoutMs": 0, "groups": {"web": " "}}),
            &["config.url: ", "config.timeoutMs: ", "config.groups.web: "],
        ),
        (
            json!({"url": "https://pdb", "caFile": "/nowhere/ca.pem"}),
            &["config.caFile: /nowhere/ca.pem: cannot be read"],
        ),
        (
            json!({"url": "http://127.0.0.1:1", "name": "other"}),
            &["config.name: is another name than puppetdb"],
        ),
    ] {
        let error = plugin().initialize(config.clone()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::BadConfig, "{error}");
        for part in parts {
            assert!(error.message.contains(part), "{config}: {error}");
        }
    }
    let not_ready = plugin();
    assert!(not_ready.inventory().is_none() && not_ready.facts().is_none());
    assert_eq!(not_ready.health().await, PluginHealth::Unhealthy { message: "is not ready".to_owned() });
    assert_eq!(
        ask(&not_ready, "reports.list", &[], json!({})).await.unwrap_err().code,
        ErrorCode::Unavailable
    );
}

#[tokio::test]
async fn name_and_priority_are_those_of_the_configuration() {
    let config = json!({"url": "http://127.0.0.1:1", "name": "pdb2", "priority": 7});
    let made = PuppetDbPlugin::of_config(&config).unwrap();
    assert_eq!((made.metadata().name.as_str(), made.metadata().priority), ("pdb2", 7));
    made.initialize(config).await.unwrap();
    assert_eq!((made.inventory().unwrap().name(), made.facts().unwrap().priority()), ("pdb2", 7));

    let usual = PuppetDbPlugin::of_config(&json!({})).unwrap().metadata();
    assert_eq!((usual.name.as_str(), usual.priority), ("puppetdb", 10));
    let made = PuppetDbPlugin::new(PluginName::new("mine").unwrap()).with_priority(3);
    made.initialize(json!({"url": "http://127.0.0.1:1"})).await.unwrap();
    assert_eq!((made.inventory().unwrap().name(), made.inventory().unwrap().priority()), ("mine", 3));

    let error = PuppetDbPlugin::of_config(&json!({"name": "Two Words", "priority": 1.5})).err().unwrap();
    let fields: Vec<&str> = error.fields.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(fields, ["config.name", "config.priority"]);
}

/// R6.7
#[tokio::test]
async fn health_tells_what_works_and_what_does_not() {
    let server = server(|request| {
        if request.line.ends_with("/inventory") {
            HttpReply::whole("500 Server Error", "", "ERROR: canceling statement due to statement timeout")
        } else if request.line.ends_with("/events") {
            HttpReply::Silence(Vec::new())
        } else {
            assert_eq!(request.json()["limit"], 1, "a small question");
            HttpReply::json(&json!([{"certname": "a"}]))
        }
    })
    .await;
    let plugin = before(&server, json!({"timeoutMs": 500})).await;
    let PluginHealth::Degraded { message, working, failing } = plugin.health().await else {
        panic!("parts of it work")
    };
    assert_eq!(working, ["inventory.list", "query.run", "reports.list", "reports.show", "catalog.show"]);
    assert_eq!(failing, ["facts.get", "events.list"]);
    assert!(
        message.contains("facts: PuppetDB http://") && message.contains("statement timeout"),
        "{message}"
    );
    assert!(message.contains("events: ") && message.contains("no answer within 500ms"), "{message}");
}

fn report(number: i64, hour: &str) -> Value {
    json!({"hash": format!("{number:040x}"), "certname": format!("node{number}"), "status": "changed",
           "producer_timestamp": format!("2026-03-01T{hour}:00:00.500Z")})
}

/// A list of rows that are given out as they are asked for.
fn rows(all: Vec<String>) -> impl Fn(&HttpRequest) -> HttpReply {
    move |request| {
        let question = request.json();
        let number = |name: &str| usize::try_from(question[name].as_u64().unwrap()).unwrap();
        let bound = question["query"][2][2].as_str().unwrap_or("9");
        let from = all.iter().filter(|row| time(row) < bound);
        let page: Vec<&str> = from.skip(number("offset")).take(number("limit")).map(String::as_str).collect();
        HttpReply::whole("200 OK", "Content-Type: application/json\r\n", format!("[{}]", page.join(",")))
    }
}

fn time(row: &str) -> &str {
    let place = row.find("2026-").unwrap();
    &row[place..place + "2026-03-01T10:00:00.500Z".len()]
}

/// Nodes choose what stands in their reports: a row that cannot be read spoils no other.
#[tokio::test]
async fn rows_that_cannot_be_read_are_left_out_with_a_word() {
    let beyond = |hour: &str| {
        format!(
            "{{\"certname\":\"evil\",\"noop\":1e999,\"producer_timestamp\":\"2026-03-01T{hour}:00:00.500Z\"}}"
        )
    };
    let wrong =
        json!({"certname": "old", "producer_timestamp": "2026-03-01T10:00:00.500Z", "hash": 5}).to_string();
    let all = vec![
        beyond("13"),
        beyond("13"),
        report(1, "12").to_string(),
        beyond("12"),
        report(2, "12").to_string(),
        wrong,
        report(3, "09").to_string(),
    ];
    for limit in 1..=8 {
        let server = server(rows(all.clone())).await;
        let plugin = before(&server, json!({})).await;
        let (mut nodes, mut warnings) = (Vec::new(), Vec::new());
        let mut parameters = json!({"limit": limit});
        for _ in 0..20 {
            let answer = ask(&plugin, "reports.list", &[], parameters.clone()).await.unwrap();
            let reports = answer["reports"].as_array().unwrap().iter();
            nodes.extend(reports.map(|report| report["node"].as_str().unwrap().to_owned()));
            warnings.extend(answer["warnings"].as_array().unwrap().iter().map(ToString::to_string));
            match answer.get("nextCursor") {
                Some(next) => parameters["cursor"] = next.clone(),
                None => break,
            }
        }
        assert_eq!(nodes, ["node1", "node2", "node3"], "{limit} at once: {warnings:?}");
        assert!(warnings.len() >= 4, "{warnings:?}");
        assert!(
            warnings.iter().any(|text| text.contains("of node evil") && text.contains("out of range")),
            "{warnings:?}"
        );
        assert!(warnings.iter().any(|text| text.contains("of node old")), "{warnings:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_asked_for_in_smaller_pages() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let all: Vec<String> = (0..40).map(|number| report(number, "12").to_string()).collect();
    let give = rows(all);
    let server = server(move |request| {
        counter.fetch_add(1, Ordering::SeqCst);
        give(request)
    })
    .await;
    let plugin = before(&server, json!({"maxResponseBytes": 4096})).await;
    let answer = ask(&plugin, "reports.list", &[], json!({"limit": 40})).await.unwrap();
    let some = answer["reports"].as_array().unwrap().len();
    assert!((5..40).contains(&some) && answer["nextCursor"].is_string(), "{some}");
    assert!(asked.load(Ordering::SeqCst) > 1);
    // Where even one row is too long, that is said.
    let big = json!({"hash": "0123456789abcdef", "certname": "a", "producer_timestamp": "2026-03-01T12:00:00Z",
                     "producer": "x".repeat(5_000)});
    let server = self::server(move |_| HttpReply::json(&json!([big]))).await;
    let plugin = before(&server, json!({"maxResponseBytes": 4096})).await;
    for (capability, parameters) in [
        ("reports.list", json!({})),
        ("reports.show", json!({"hash": "0123456789abcdef"})),
        ("query.run", json!({"pql": "reports { }"})),
    ] {
        let error = ask(&plugin, capability, &[], parameters).await.unwrap_err();
        assert!(error.code == ErrorCode::LimitReached && error.message.contains("4096 bytes"), "{error}");
    }
}

/// R7.3
#[tokio::test]
async fn wrong_answers_are_clear_errors() {
    let json_of = |value: Value| HttpReply::json(&value);
    let cases = [
        (
            "reports.list",
            &[][..],
            json!({"limit": 1}),
            json_of(json!([report(1, "12"), report(2, "12"), report(3, "12")])),
            ErrorCode::ProtocolViolation,
            "3 rows came where at most 2 were asked for",
        ),
        (
            "reports.list",
            &[],
            json!({}),
            HttpReply::whole("401 Unauthorized", "", format!("bad token {TOKEN}")),
            ErrorCode::AuthFailed,
            "bad token ***",
        ),
        (
            "events.list",
            &[],
            json!({}),
            HttpReply::whole("400 Bad Request", "", "Unrecognized column 'report'"),
            ErrorCode::BadConfig,
            "Unrecognized column",
        ),
        (
            "events.list",
            &[],
            json!({}),
            HttpReply::whole("503 Service Unavailable", "Retry-After: 3\r\n", "down"),
            ErrorCode::Unavailable,
            "asked again in 3 s",
        ),
        (
            "reports.show",
            &[],
            json!({"hash": "0123456789"}),
            json_of(json!([{"certname": "a", "hash": "0123456789", "producer_timestamp": "yesterday"}])),
            ErrorCode::ProtocolViolation,
            "not what PuppetDB's query API gives",
        ),
        (
            "catalog.show",
            &["a"],
            json!({}),
            HttpReply::whole("200 OK", "", "[{\"certname\":\"a\",\"version\":1e999}]"),
            ErrorCode::ProtocolViolation,
            "out of range",
        ),
        (
            "nothing.known",
            &[],
            json!({}),
            json_of(json!([])),
            ErrorCode::Unsupported,
            "cannot answer nothing.known",
        ),
    ];
    for (capability, nodes, parameters, reply, code, part) in cases {
        let server = server(move |_| reply.clone()).await;
        let plugin = before(&server, json!({})).await;
        let error = ask(&plugin, capability, nodes, parameters).await.unwrap_err();
        assert!(error.code == code && error.message.contains(part), "{capability}: {} {error}", error.code);
    }
}

/// What the host checks against the schema holds without it too, and nothing is asked then.
#[tokio::test]
async fn bad_parameters_are_refused_before_anything_is_asked() {
    let server = server(|_| HttpReply::json(&json!([]))).await;
    let plugin = before(&server, json!({})).await;
    for (capability, nodes, parameters, part) in [
        ("reports.list", &[][..], json!({"limit": 0}), "parameters.limit: must be from 1 to 1000"),
        ("reports.list", &[], json!({"limit": 1_001}), "parameters.limit: "),
        ("reports.list", &[], json!({"limit": -1}), "parameters: invalid value"),
        ("reports.list", &[], json!({"statuses": []}), "parameters: unknown field `statuses`"),
        (
            "reports.list",
            &[],
            json!({"status": ["changed", "x"]}),
            "parameters.status[1]: must be one of changed",
        ),
        ("reports.list", &[], json!({"since": "x"}), "parameters.since: "),
        ("reports.list", &[], json!({"cursor": "x"}), "parameters.cursor: "),
        ("reports.show", &[], json!({"hash": "../x"}), "parameters.hash: "),
        ("events.list", &[], json!({"report": "X"}), "parameters.report: "),
        ("events.list", &[], json!({"status": ["changed"]}), "parameters.status[0]: must be one of failure"),
        ("facts.get", &["a"], json!({"names": []}), "parameters.names: "),
        ("facts.get", &["a"], json!({"names": ["os", "a b"]}), "parameters.names: \"a b\" must be"),
        ("query.run", &[], json!({"pql": ""}), "parameters.pql: must not be empty"),
        ("query.run", &[], json!({"pql": "x".repeat(70_000)}), "parameters.pql: is 70000 bytes"),
        (
            "query.run",
            &[],
            json!({"pql": "nodes {}", "limit": 0}),
            "parameters.limit: must be from 1 to 10000",
        ),
    ] {
        let error = ask(&plugin, capability, nodes, parameters.clone()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Validation, "{capability} {parameters}: {error}");
        assert!(error.message.starts_with(part), "{capability} {parameters}: {error}");
    }
    assert!(server.requests().is_empty());
}
