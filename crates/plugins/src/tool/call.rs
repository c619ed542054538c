//! Answers to calls that all plugins of tools give alike: [`inventory`], [`facts`]; what a call needs that would hold up
//! others: [`blocking`].

use std::sync::Arc;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::ports::{FactProvider, InventorySource, PluginCall};
use serde_json::{Value, json};

/// Why there is no answer.
pub(crate) type Refused = (ErrorCode, String);

/// `{nodes, groups, warnings}` of a plugin's inventory; `none` says what to do where it has none.
///
/// # Errors
/// Why there is no answer.
pub(crate) async fn inventory(
    source: Option<&Arc<dyn InventorySource>>,
    none: &str,
) -> Result<Value, Refused> {
    let source = source.ok_or_else(|| (ErrorCode::BadConfig, none.to_owned()))?;
    let snapshot = source.fetch().await.map_err(|error| (ErrorCode::Unavailable, error.message))?;
    Ok(json!({"nodes": snapshot.nodes, "groups": snapshot.groups, "warnings": snapshot.warnings}))
}

/// `{facts, errors}` of the nodes of a call: one of both for each; `none` says what to do where there is nobody to ask.
///
/// # Errors
/// Why there is no answer.
pub(crate) async fn facts(
    provider: Option<&Arc<dyn FactProvider>>,
    none: &str,
    call: &PluginCall,
) -> Result<Value, Refused> {
    let provider = provider.ok_or_else(|| (ErrorCode::BadConfig, none.to_owned()))?;
    let (mut facts, mut errors) = (Vec::new(), Vec::new());
    for one in provider.collect(&call.caller, &call.nodes).await {
        match one {
            Ok(of_node) => facts.push(json!(of_node)),
            Err(error) => errors.push(json!(error.error)),
        }
    }
    Ok(json!({"facts": facts, "errors": errors}))
}

/// Does what waits for files where it holds up nobody.
///
/// # Errors
/// That it panicked.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refused> {
    tokio::task::spawn_blocking(work).await.map_err(|error| (ErrorCode::Internal, error.to_string()))
}
