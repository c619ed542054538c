//! [`ask`]: what PuppetDB knows of named nodes, in as few questions as the limit of an answer's length allows.

use serde_json::json;

use super::client::{Endpoint, PuppetDbClient};
use super::error::{PuppetDbError, PuppetDbFault};
use super::reply::Row;

/// What came of a question about many nodes.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// A row for each node that is known.
    pub(super) rows: Vec<Row>,
    /// Nodes of which even alone the answer is too long or cannot be read.
    pub(super) failed: Vec<(String, PuppetDbFault)>,
}

/// Asks `fields` of the inventory for these nodes. An answer that is longer than is read is asked for in halves.
///
/// # Errors
/// The first other error: the rest would meet it too.
pub(super) async fn ask(
    client: &PuppetDbClient,
    fields: &[String],
    names: &[&str],
) -> Result<Found, PuppetDbError> {
    let mut found = Found::default();
    let mut open = vec![names];
    while let Some(part) = open.pop() {
        if part.is_empty() {
            continue;
        }
        // The names are data in here: none can end the array and become a part of the query.
        let query = json!({"query": ["extract", fields, ["in", "certname", ["array", part]]]});
        match client.ask(Endpoint::Inventory, &query).await {
            Ok(answer) => {
                found.rows.extend(answer.rows);
                let failed = answer.unreadable.into_iter();
                found.failed.extend(failed.map(|row| (row.certname, PuppetDbFault::Nonsense(row.reason))));
            }
            Err(error) if matches!(error.fault, PuppetDbFault::TooLarge { .. }) => match part {
                [name] => found.failed.push(((*name).to_owned(), error.fault)),
                _ => {
                    let (front, back) = part.split_at(part.len() / 2);
                    open.extend([back, front]);
                }
            },
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
