//! Reports of runs: [`list`], and one of them with all that is in it: [`show`].

use jiff::Timestamp;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::ports::PluginCall;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::conditions::Conditions;
use super::cursor::{Cursor, question};
use super::events::{Event, EventRow};
use super::newest::{Dated, List, limit, newest};
use super::parameters::{read, span};
use super::refused::Refused;
use crate::puppetdb::client::{Endpoint, PuppetDbClient};
use crate::puppetdb::error::PuppetDbFault;

/// How a run can have ended.
pub(in crate::puppetdb) const REPORT_STATUSES: [&str; 3] = ["changed", "failed", "unchanged"];

const LIST: List = List {
    endpoint: Endpoint::Reports,
    columns: &[
        "hash",
        "certname",
        "status",
        "environment",
        "start_time",
        "end_time",
        "receive_time",
        "producer_timestamp",
        "producer",
        "puppet_version",
        "configuration_version",
        "transaction_uuid",
        "catalog_uuid",
        "cached_catalog_status",
        "noop",
        "noop_pending",
        "corrective_change",
        "type",
    ],
    time: "producer_timestamp",
    then: &["hash"],
};

/// A report without what happened in it. The names that PuppetDB has for columns are read, those of the schema written.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Report {
    hash: String,
    #[serde(rename(serialize = "node"))]
    certname: String,
    status: Option<String>,
    environment: Option<String>,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    #[serde(rename(serialize = "receivedAt"))]
    receive_time: Option<Timestamp>,
    #[serde(rename(serialize = "producedAt"))]
    producer_timestamp: Timestamp,
    producer: Option<String>,
    puppet_version: Option<String>,
    configuration_version: Option<String>,
    transaction_uuid: Option<String>,
    catalog_uuid: Option<String>,
    cached_catalog_status: Option<String>,
    noop: Option<bool>,
    noop_pending: Option<bool>,
    corrective_change: Option<bool>,
    r#type: Option<String>,
}

impl Dated for Report {
    fn at(&self) -> Timestamp {
        self.producer_timestamp
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct ListParameters {
    status: Vec<String>,
    environment: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// `{reports, nextCursor, warnings}`, the newest first.
pub(super) async fn list(
    client: &PuppetDbClient,
    call: PluginCall,
    now: Timestamp,
) -> Result<Value, Refused> {
    let question = question(&call);
    let parameters: ListParameters = read(call.parameters)?;
    let from = parameters.cursor.as_deref().map_or(Ok(Cursor::START), |text| Cursor::read(text, question))?;
    let limit = limit(parameters.limit)?;
    let (since, until) = span(parameters.since.as_deref(), parameters.until.as_deref(), now)?;
    let mut conditions = Conditions::default();
    conditions.one_of("certname", &call.nodes.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    conditions.one_of("status", &known("status", &parameters.status, &REPORT_STATUSES)?);
    conditions.equals("environment", parameters.environment.as_deref());
    conditions.since(LIST.time, since);
    conditions.before(LIST.time, until);
    let page = newest::<Report>(client, &LIST, conditions, from, limit).await?;
    let mut answer = json!({"reports": page.items, "warnings": page.warnings});
    if let (Some(next), Value::Object(answer)) = (page.next, &mut answer) {
        answer.insert("nextCursor".to_owned(), next.write(question).into());
    }
    Ok(answer)
}

/// Words of a list, each of which has to be known.
pub(super) fn known<'a>(name: &str, given: &'a [String], all: &[&str]) -> Result<Vec<&'a str>, Refused> {
    match given.iter().position(|word| !all.contains(&word.as_str())) {
        None => Ok(given.iter().map(String::as_str).collect()),
        Some(place) => {
            Err(Refused::parameter(&format!("{name}[{place}]"), format!("must be one of {}", all.join(", "))))
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowParameters {
    hash: String,
}

/// A report with what happened in it.
#[derive(Debug, Deserialize)]
struct WholeRow {
    #[serde(flatten)]
    report: Report,
    #[serde(default)]
    metrics: Expanded<Metric>,
    #[serde(default)]
    logs: Expanded<LogRow>,
    #[serde(default)]
    resource_events: Expanded<EventRow>,
}

/// A list that PuppetDB writes into a row.
#[derive(Debug, Deserialize)]
pub(super) struct Expanded<T> {
    /// `null` where there is none.
    pub(super) data: Option<Vec<T>>,
}

impl<T> Default for Expanded<T> {
    fn default() -> Self {
        Self { data: None }
    }
}

#[derive(Debug, Deserialize)]
struct Metric {
    category: String,
    name: String,
    value: Value,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct LogRow {
    #[serde(rename(serialize = "at"))]
    time: Option<Timestamp>,
    level: Option<String>,
    message: Option<String>,
    source: Option<String>,
    tags: Option<Vec<String>>,
    file: Option<String>,
    line: Option<u64>,
}

/// `{report, metrics, logs, events}` of one report.
pub(super) async fn show(client: &PuppetDbClient, call: PluginCall) -> Result<Value, Refused> {
    let ShowParameters { hash } = read(call.parameters)?;
    if !is_hash(&hash) {
        return Err(Refused::parameter("hash", HASH_FAULT));
    }
    let query = json!({"query": ["=", "hash", hash]});
    let answer = client.ask(Endpoint::Reports, &query).await?;
    if let Some(row) = answer.unreadable.into_iter().next() {
        return Err(client.error(PuppetDbFault::Nonsense(row.reason)).into());
    }
    let of_nodes = |name: &str| call.nodes.is_empty() || call.nodes.iter().any(|node| node.as_str() == name);
    let row = answer.rows.into_iter().next();
    let Some(row) = row.filter(|row| row.get("certname").and_then(Value::as_str).is_some_and(of_nodes))
    else {
        let whose = if call.nodes.is_empty() { "" } else { " of these nodes" };
        let text = format!(
            "PuppetDB has no report {hash}{whose}; it keeps them for 14 days where nothing else is set"
        );
        return Err(Refused::new(ErrorCode::NotFound, text));
    };
    let whole: WholeRow = serde_json::from_value(Value::Object(row))
        .map_err(|error| client.error(PuppetDbFault::Nonsense(error.to_string())))?;
    let WholeRow { report, metrics, logs, resource_events } = whole;
    let events = resource_events.data.unwrap_or_default().into_iter();
    let events: Vec<Event> = events
        .map(|event| Event::of(event, &report.certname, &report.hash, report.environment.as_deref()))
        .collect();
    Ok(json!({
        "report": report,
        "metrics": by_category(metrics.data.unwrap_or_default()),
        "logs": logs.data.unwrap_or_default(),
        "events": events,
    }))
}

/// `{"resources": {"total": 7}}`.
fn by_category(metrics: Vec<Metric>) -> Map<String, Value> {
    let mut all = Map::new();
    for Metric { category, name, value } in metrics {
        let of_category = all.entry(category).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(of_category) = of_category {
            of_category.insert(name, value);
        }
    }
    all
}

pub(super) const HASH_FAULT: &str = "must be the hash of a report, as reports.list shows it";

/// Whether it can be the hash of a report: lower-case hexadecimal digits.
pub(super) fn is_hash(text: &str) -> bool {
    (8..=128).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
