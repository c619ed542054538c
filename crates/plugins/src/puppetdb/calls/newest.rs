//! [`newest`]: one page of a list of PuppetDB's, the newest rows first.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::conditions::Conditions;
use super::cursor::Cursor;
use super::refused::Refused;
use crate::puppetdb::client::{Endpoint, PuppetDbClient};
use crate::puppetdb::error::{PuppetDbError, PuppetDbFault};

/// Rows of a page where nothing is said.
pub(in crate::puppetdb) const DEFAULT_LIMIT: u32 = 100;
/// The most rows of a page.
pub(in crate::puppetdb) const MAX_LIMIT: u32 = 1_000;

/// A list of PuppetDB's.
pub(super) struct List {
    pub(super) endpoint: Endpoint,
    /// What is asked of each row.
    pub(super) columns: &'static [&'static str],
    /// The column with the time.
    pub(super) time: &'static str,
    /// Columns that put rows of the same time in order.
    pub(super) then: &'static [&'static str],
}

/// A row that has a time.
pub(super) trait Dated: DeserializeOwned {
    /// Its time, that of [`List::time`].
    fn at(&self) -> Timestamp;
}

/// A page.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// Where the next one begins, if there is one.
    pub(super) next: Option<Cursor>,
    /// Rows that could not be read, and why.
    pub(super) warnings: Vec<String>,
}

/// How many rows a page is to have.
pub(super) fn limit(given: Option<u32>) -> Result<u32, Refused> {
    match given.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        _ => Err(Refused::parameter("limit", format!("must be from 1 to {MAX_LIMIT}"))),
    }
}

/// Reads a page. One whose answer would be longer than is read has fewer rows than `limit`.
pub(super) async fn newest<T: Dated>(
    client: &PuppetDbClient,
    list: &List,
    mut conditions: Conditions,
    from: Cursor,
    limit: u32,
) -> Result<Page<T>, Refused> {
    conditions.before(list.time, from.before());
    let query = conditions.query(list.columns);
    let mut order = vec![json!({"field": list.time, "order": "desc"})];
    order.extend(list.then.iter().map(|field| json!({"field": field, "order": "asc"})));
    let mut size = limit.max(1);
    let answer = loop {
        // One more, to see whether there is a next page.
        let question = json!({"query": query, "limit": size + 1, "offset": from.given, "order_by": order});
        match client.ask(list.endpoint, &question).await {
            Err(PuppetDbError { fault: PuppetDbFault::TooLarge { .. }, .. }) if size > 1 => size /= 2,
            other => break other?,
        }
    };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if answer.rows.len() > size + 1 {
        let what = format!("{} rows came where at most {} were asked for", answer.rows.len(), size + 1);
        return Err(client.error(PuppetDbFault::Nonsense(what)).into());
    }
    let is_last = answer.rows.len() <= size;
    let mut warnings: Vec<String> = answer
        .unreadable
        .into_iter()
        .map(|row| format!("of node {}: {}", row.certname, row.reason))
        .collect();
    let mut unread = warnings.len();
    let mut next = from;
    let mut items = Vec::with_capacity(answer.rows.len().min(size));
    for row in answer.rows.into_iter().take(size) {
        next.given += 1;
        // Of a row that could not be read only the node is known.
        if row.len() == 1 && unread > 0 {
            unread -= 1;
            continue;
        }
        let node = row.get("certname").and_then(Value::as_str).unwrap_or("?").to_owned();
        match serde_json::from_value::<T>(Value::Object(row)) {
            Ok(item) => {
                let at_ms = item.at().as_millisecond();
                if next.at_ms != Some(at_ms) {
                    next = Cursor { at_ms: Some(at_ms), given: 1 };
                }
                items.push(item);
            }
            Err(error) => warnings.push(format!("of node {node}: {error}")),
        }
    }
    Ok(Page { items, next: (!is_last).then_some(next), warnings })
}
