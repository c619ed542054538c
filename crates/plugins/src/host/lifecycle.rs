//! Calls of `initialize`, `health` and `shutdown` (R6.7), each with a deadline and none of which can panic through. What a plugin
//! says of its failures is told without the secrets of its configuration (R9.8).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::cut;
use pabawi_domain::error::PluginTrace;
use pabawi_domain::ports::PluginHealth;
use serde_json::Value;
use tokio::time::Instant;

use super::guard::{Broke, guarded};
use super::instance::Instance;
use super::journal::JournalHandle;
use super::offers::Offers;
use super::peers::{Home, PeerHandle};
use super::register::Declared;
use super::sources::{FACTS, INVENTORY};
use super::status::{HealthReport, PluginState};

/// Checks the configuration (R9.8), gets a plugin ready and looks whether it has what its capabilities say.
///
/// # Errors
/// The state of a plugin that could not get ready.
pub(super) async fn initialize(
    instance: &Instance,
    config: Value,
    home: &Home,
    patience: Duration,
) -> Result<(), PluginState> {
    if let Some(schema) = &instance.declared.config {
        // A configuration holds tokens and passwords: no value of it is told.
        let fields = schema.checked.violations("config", &config, &[String::new()]);
        if !fields.is_empty() {
            let listed: Vec<String> = fields.iter().map(ToString::to_string).collect();
            let message = format!("its configuration is bad: {}", listed.join("; "));
            return Err(PluginState::Failed { message, fields, stack: None });
        }
    }
    instance.keep_secrets(&config);
    let plugin = &instance.plugin;
    let peers = Arc::new(PeerHandle { home: Arc::clone(home), plugin: instance.name().clone() });
    let journal = Arc::new(JournalHandle { home: Arc::clone(home), plugin: instance.name().clone() });
    let begins = async {
        plugin.meet(peers);
        plugin.keep_journal(journal);
        plugin.initialize(config).await
    };
    match guarded(begins, patience).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let message = cut::message(format!("{} ({})", instance.redacted(error.message), error.code));
            let stack = error.stack.map(|stack| PluginTrace::cut(&instance.redacted(stack)));
            return Err(PluginState::Failed { message, fields: Vec::new(), stack });
        }
        Err(Broke::Late(patience)) => {
            return Err(PluginState::failed(format!("was not ready within {} ms", patience.as_millis())));
        }
        Err(Broke::Panicked(panic)) => {
            let stack = panic.stack.clone().map(|stack| PluginTrace::cut(&instance.redacted(stack)));
            let message = instance.redacted(Broke::Panicked(panic).to_string());
            return Err(PluginState::Failed { message, fields: Vec::new(), stack });
        }
    }
    let offers = Offers::of(plugin, patience).await.map_err(|broke| {
        let broke = instance.redacted(broke.to_string());
        PluginState::failed(format!(
            "{broke}, when it was asked for its inventory, its facts and how it ends"
        ))
    })?;
    has_what_it_says(instance, &offers).map_err(PluginState::failed)?;
    instance.set_offers(offers);
    Ok(())
}

/// Whether what stands behind the capabilities that need no call is there (R6.4).
fn has_what_it_says(instance: &Instance, offers: &Offers) -> Result<(), String> {
    let Declared { methods, .. } = &instance.declared;
    for (name, is_there, method) in
        [(INVENTORY, offers.inventory.is_some(), "inventory"), (FACTS, offers.facts.is_some(), "facts")]
    {
        if instance.declared.capability(name).is_some() && !is_there && !methods.call {
            return Err(format!(
                "has the capability {name}, and its method {method} returns nothing, nor has it the method call"
            ));
        }
    }
    Ok(())
}

/// Asks a plugin how it is. One that panics or does not answer in time is unhealthy.
pub(super) async fn health(instance: &Instance, patience: Duration, at: Timestamp) -> HealthReport {
    let began = Instant::now();
    let health = match guarded(async { instance.plugin.health().await }, patience).await {
        Ok(health) => sound(health, instance),
        Err(broke) => PluginHealth::Unhealthy { message: instance.redacted(broke.to_string()) },
    };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    HealthReport { health, checked_at: at, took_ms }
}

/// What a plugin said, as far as it makes sense: capabilities that it has, each once, and texts that are not too long and show no
/// secret. What works and fails at the same time fails.
fn sound(health: PluginHealth, instance: &Instance) -> PluginHealth {
    let told = |message| cut::message(instance.redacted(message));
    match health {
        PluginHealth::Healthy => PluginHealth::Healthy,
        PluginHealth::Unhealthy { message } => PluginHealth::Unhealthy { message: told(message) },
        PluginHealth::Degraded { message, working, failing } => {
            let own = |named: Vec<String>| -> BTreeSet<String> {
                named.into_iter().filter(|name| instance.declared.capability(name).is_some()).collect()
            };
            let many = working.len() + failing.len();
            let (mut working, failing) = (own(working), own(failing));
            let unknown = many.saturating_sub(working.len() + failing.len());
            working.retain(|name| !failing.contains(name));
            let mut message = told(message);
            if unknown > 0 {
                message
                    .push_str(&format!(" ({unknown} names of capabilities that it does not have, or twice)"));
            }
            let (working, failing) = (working.into_iter().collect(), failing.into_iter().collect());
            PluginHealth::Degraded { message, working, failing }
        }
    }
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
    match guarded(async { instance.plugin.shutdown().await }, patience).await {
        Ok(()) if runs_left == 0 => Ok(()),
        Ok(()) => Err(format!("{runs_left} runs of it had not ended")),
        Err(Broke::Panicked(words)) => {
            Err(format!("panicked when it was shut down: {}", instance.redacted(words.to_string())))
        }
        Err(Broke::Late(patience)) => Err(format!("did not let go within {} ms", patience.as_millis())),
    }
}
