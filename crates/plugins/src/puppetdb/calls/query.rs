//! A query of the caller's own: [`run`].

use pabawi_domain::error::ErrorCode;
use pabawi_domain::ports::PluginCall;
use serde::Deserialize;
use serde_json::{Value, json};

use super::parameters::read;
use super::refused::Refused;
use crate::puppetdb::client::{Endpoint, PuppetDbClient};
use crate::puppetdb::error::{PuppetDbError, PuppetDbFault};
use crate::puppetdb::pql::{check, own_paging};

/// Rows of an answer where nothing is said.
const DEFAULT_ROWS: u32 = 1_000;
/// The most rows of an answer.
pub(in crate::puppetdb) const MAX_ROWS: u32 = 10_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    pql: String,
    limit: Option<u32>,
    offset: Option<u32>,
}

/// `{rows, hasMore}`.
pub(super) async fn run(client: &PuppetDbClient, call: PluginCall) -> Result<Value, Refused> {
    if !call.nodes.is_empty() {
        let text = "nodes: query.run cannot be held to nodes; write them into the query";
        return Err(Refused::new(ErrorCode::Validation, text));
    }
    let Parameters { pql, limit, offset } = read(call.parameters)?;
    check(&pql).map_err(|fault| Refused::parameter("pql", fault))?;
    let asked = limit.unwrap_or(DEFAULT_ROWS);
    if !(1..=MAX_ROWS).contains(&asked) {
        return Err(Refused::parameter("limit", format!("must be from 1 to {MAX_ROWS}")));
    }
    let paging = own_paging(&pql);
    let question = match paging {
        None => json!({"query": pql, "limit": asked + 1, "offset": offset.unwrap_or(0)}),
        Some(word) if limit.is_some() || offset.is_some() => {
            // PuppetDB would take these in place of the query's own without a word.
            let field = if limit.is_some() { "limit" } else { "offset" };
            return Err(Refused::parameter(
                field,
                format!("cannot be given with a query that has {word} itself"),
            ));
        }
        Some(_) => json!({"query": pql}),
    };
    let mut rows = match client.ask(Endpoint::Root, &question).await {
        Ok(answer) => match answer.unreadable.into_iter().next() {
            None => answer.rows,
            Some(row) => {
                let what = format!("the row of {}: {}", row.certname, row.reason);
                return Err(client.error(PuppetDbFault::Nonsense(what)).into());
            }
        },
        Err(PuppetDbError { fault: PuppetDbFault::BadQuery { text }, .. }) => {
            return Err(Refused::parameter("pql", format!("PuppetDB does not take it: {text}")));
        }
        Err(error) => return Err(error.into()),
    };
    let most = usize::try_from(if paging.is_some() { MAX_ROWS } else { asked }).unwrap_or(usize::MAX);
    let has_more = rows.len() > most;
    rows.truncate(most);
    Ok(json!({"rows": rows, "hasMore": has_more}))
}
