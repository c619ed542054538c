//! What happened to resources: [`list`].

use jiff::Timestamp;
use pabawi_domain::ports::PluginCall;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::conditions::Conditions;
use super::cursor::{Cursor, question};
use super::newest::{Dated, List, limit, newest};
use super::parameters::{read, span};
use super::refused::Refused;
use super::reports::{HASH_FAULT, is_hash, known};
use crate::puppetdb::client::{Endpoint, PuppetDbClient};

/// What can have become of a resource.
pub(in crate::puppetdb) const EVENT_STATUSES: [&str; 4] = ["failure", "noop", "skipped", "success"];

const LIST: List = List {
    endpoint: Endpoint::Events,
    columns: &[
        "certname",
        "report",
        "environment",
        "status",
        "timestamp",
        "resource_type",
        "resource_title",
        "property",
        "name",
        "old_value",
        "new_value",
        "message",
        "file",
        "line",
        "containment_path",
        "containing_class",
        "corrective_change",
    ],
    time: "timestamp",
    then: &["report", "resource_type", "resource_title", "property", "name"],
};

/// An event as a report holds it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub(super) struct EventRow {
    status: Option<String>,
    #[serde(rename(serialize = "at"))]
    timestamp: Timestamp,
    resource_type: String,
    resource_title: String,
    property: Option<String>,
    name: Option<String>,
    old_value: Option<Value>,
    new_value: Option<Value>,
    message: Option<String>,
    file: Option<String>,
    line: Option<u64>,
    containment_path: Option<Vec<String>>,
    containing_class: Option<String>,
    corrective_change: Option<bool>,
}

/// An event with the report that it is of.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Event {
    #[serde(rename(serialize = "node"))]
    certname: String,
    report: String,
    environment: Option<String>,
    #[serde(flatten)]
    row: EventRow,
}

impl Event {
    /// One that came with its report.
    pub(super) fn of(row: EventRow, certname: &str, report: &str, environment: Option<&str>) -> Self {
        let (certname, report) = (certname.to_owned(), report.to_owned());
        Self { certname, report, environment: environment.map(str::to_owned), row }
    }
}

impl Dated for Event {
    fn at(&self) -> Timestamp {
        self.row.timestamp
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Parameters {
    report: Option<String>,
    status: Vec<String>,
    resource_type: Option<String>,
    environment: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// `{events, nextCursor, warnings}`, the newest first.
pub(super) async fn list(
    client: &PuppetDbClient,
    call: PluginCall,
    now: Timestamp,
) -> Result<Value, Refused> {
    let question = question(&call);
    let parameters: Parameters = read(call.parameters)?;
    let from = parameters.cursor.as_deref().map_or(Ok(Cursor::START), |text| Cursor::read(text, question))?;
    let limit = limit(parameters.limit)?;
    let (since, until) = span(parameters.since.as_deref(), parameters.until.as_deref(), now)?;
    if parameters.report.as_deref().is_some_and(|hash| !is_hash(hash)) {
        return Err(Refused::parameter("report", HASH_FAULT));
    }
    let mut conditions = Conditions::default();
    conditions.one_of("certname", &call.nodes.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    conditions.equals("report", parameters.report.as_deref());
    conditions.one_of("status", &known("status", &parameters.status, &EVENT_STATUSES)?);
    conditions.equals("resource_type", parameters.resource_type.as_deref());
    conditions.equals("environment", parameters.environment.as_deref());
    conditions.since(LIST.time, since);
    conditions.before(LIST.time, until);
    let page = newest::<Event>(client, &LIST, conditions, from, limit).await?;
    let mut answer = json!({"events": page.items, "warnings": page.warnings});
    if let (Some(next), Value::Object(answer)) = (page.next, &mut answer) {
        answer.insert("nextCursor".to_owned(), next.write(question).into());
    }
    Ok(answer)
}
