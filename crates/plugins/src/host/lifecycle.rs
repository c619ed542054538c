//! Calls of `initialize`, `health` and `shutdown` (R6.7), each with a deadline and none of which can panic through.

use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::panic_guard::CatchPanic;
use pabawi_domain::ports::{Plugin, PluginHealth};
use serde_json::Value;
use tokio::time::Instant;

use super::instance::Instance;
use super::status::{HealthReport, PluginState};

/// Checks the configuration (R9.8), gets a plugin ready and looks whether it has what its capabilities say.
///
/// # Errors
/// The state of a plugin that could not get ready.
pub(super) async fn initialize(
    instance: &Instance,
    config: Value,
    patience: Duration,
) -> Result<(), PluginState> {
    if let Some(schema) = &instance.declared.config {
        // A configuration holds tokens and passwords: no value of it is told.
        let fields = schema.violations("config", &config, &[String::new()]);
        if !fields.is_empty() {
            let listed: Vec<String> = fields.iter().map(ToString::to_string).collect();
            let message = format!("its configuration is bad: {}", listed.join("; "));
            return Err(PluginState::Failed { message, fields, stack: None });
        }
    }
    let plugin = &*instance.plugin;
    let call = CatchPanic(Box::pin(async { plugin.initialize(config).await }));
    match tokio::time::timeout(patience, call).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => {
            let message = format!("{} ({})", error.message, error.code);
            return Err(PluginState::Failed { message, fields: Vec::new(), stack: error.stack });
        }
        Ok(Err(panic)) => return Err(PluginState::failed(format!("panicked: {panic}"))),
        Err(_) => {
            let ms = patience.as_millis();
            return Err(PluginState::failed(format!("was not ready within {ms} ms")));
        }
    }
    has_what_it_says(instance).map_err(PluginState::failed)
}

/// Whether what stands behind the capabilities that are not runs is there (R6.4).
fn has_what_it_says(instance: &Instance) -> Result<(), String> {
    let plugin = &*instance.plugin;
    let asked = || (plugin.inventory().is_some(), plugin.facts().is_some());
    let asked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(asked));
    let (inventory, facts) = asked.map_err(|_| "panicked when it was asked for its sources".to_owned())?;
    for (name, is_there, method) in
        [("inventory.list", inventory, "inventory"), ("facts.read", facts, "facts")]
    {
        if instance.declared.capability(name).is_some() && !is_there {
            return Err(format!("has the capability {name}, and its method {method} returns nothing"));
        }
    }
    Ok(())
}

/// Asks a plugin how it is. One that panics or does not answer in time is unhealthy.
pub(super) async fn health(plugin: &dyn Plugin, patience: Duration, at: Timestamp) -> HealthReport {
    let began = Instant::now();
    let call = CatchPanic(Box::pin(async { plugin.health().await }));
    let health = match tokio::time::timeout(patience, call).await {
        Ok(Ok(health)) => health,
        Ok(Err(panic)) => PluginHealth::Unhealthy { message: format!("panicked: {panic}") },
        Err(_) => {
            PluginHealth::Unhealthy { message: format!("did not answer within {} ms", patience.as_millis()) }
        }
    };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    HealthReport { health, checked_at: at, took_ms }
}

/// Lets a plugin let go of what it holds. Of its share of the time, a half is for its last runs to end at the most; the call
/// takes no longer than `patience`.
///
/// # Errors
/// What it did instead.
pub(super) async fn shutdown(instance: &Instance, share: Duration, patience: Duration) -> Result<(), String> {
    let until = Instant::now() + share;
    let runs_left = match tokio::time::timeout(share / 2, instance.idle()).await {
        Ok(()) => 0,
        Err(_) => instance.runs(),
    };
    let patience = patience.min(until.saturating_duration_since(Instant::now()));
    let plugin = &*instance.plugin;
    let call = CatchPanic(Box::pin(async { plugin.shutdown().await }));
    match tokio::time::timeout(patience, call).await {
        Ok(Ok(())) if runs_left == 0 => Ok(()),
        Ok(Ok(())) => Err(format!("{runs_left} runs of it had not ended")),
        Ok(Err(panic)) => Err(format!("panicked when it was shut down: {panic}")),
        Err(_) => Err(format!("did not let go within {} ms", patience.as_millis())),
    }
}
