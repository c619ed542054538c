//! Which answer belongs to which capability: [`answer`].

use jiff::Timestamp;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::ports::PluginCall;
use serde_json::Value;

use super::refused::Refused;
use super::{catalog, events, lists, query, reports};
use crate::puppetdb::plugin::Ready;

/// Answers a call. `now` is where times such as `1h` count back from.
///
/// # Errors
/// Why there is no answer.
pub(in crate::puppetdb) async fn answer(
    ready: &Ready,
    call: PluginCall,
    now: Timestamp,
) -> Result<Value, Refused> {
    match call.capability.as_str() {
        "inventory.list" => lists::inventory(ready).await,
        "facts.get" => lists::facts(ready, call).await,
        "reports.list" => reports::list(&ready.client, call, now).await,
        "reports.show" => reports::show(&ready.client, call).await,
        "events.list" => events::list(&ready.client, call, now).await,
        "catalog.show" => catalog::show(&ready.client, call).await,
        "query.run" => query::run(&ready.client, call).await,
        other => Err(Refused::new(ErrorCode::Unsupported, format!("cannot answer {other}"))),
    }
}
