//! From tables of functions to registrations of a configuration. What is wrong is told at once, and then nothing was taken.

use std::sync::Arc;

use pabawi::external::{ExternalPlugin, hosted_facts, hosted_inventory};
use pabawi::facts::ProviderOptions;
use pabawi::inventory::SourceSettings;
use pabawi::json::{Failure, read};
use pabawi::{ErrorCode, PluginName, ValidationError};
use serde_json::{Map, Value};

use super::asking::Asking;
use super::authorizer::TableAuthorizer;
use super::gate::Gate;
use super::log::TableLog;
use super::metrics::TableMetrics;
use super::{Asked, Told};
use crate::config::Config;
use crate::status::Fault;

/// Adds a plugin. `answers` are the words that its functions answer.
pub(crate) fn add_plugin(
    config: &Config,
    description: &str,
    configuration: &str,
    answers: &[&str],
    table: impl FnOnce() -> Arc<dyn Asked>,
) -> Result<(), Fault> {
    let description: Value = read(description)?;
    let configuration: Map<String, Value> = read(configuration)?;
    let (gate, asking) = asking(config);
    let plugin = ExternalPlugin::hosted(description, answers, Arc::new(asking));
    let plugin = plugin.map_err(|error| ValidationError::of("description", error.to_string()))?;
    let register = Box::new(move |builder: pabawi::FrameworkBuilder| {
        builder.plugin(plugin, Value::Object(configuration))
    });
    config.register(None, register, Arc::clone(&gate) as _, || gate.open(table()))
}

/// Adds a source of nodes.
pub(crate) fn add_source(
    config: &Config,
    name: &str,
    priority: i32,
    table: impl FnOnce() -> Arc<dyn Asked>,
) -> Result<(), Fault> {
    let name = named(name)?;
    let (gate, asking) = asking(config);
    let source = hosted_inventory(name, priority, Arc::new(asking));
    let register = Box::new(move |builder: pabawi::FrameworkBuilder| {
        builder.inventories([(source, SourceSettings::default())])
    });
    config.register(None, register, Arc::clone(&gate) as _, || gate.open(table()))
}

/// Adds a provider of facts.
pub(crate) fn add_fact_provider(
    config: &Config,
    name: &str,
    priority: i32,
    table: impl FnOnce() -> Arc<dyn Asked>,
) -> Result<(), Fault> {
    let name = named(name)?;
    let (gate, asking) = asking(config);
    let provider = hosted_facts(name, priority, Arc::new(asking));
    let register = Box::new(move |builder: pabawi::FrameworkBuilder| {
        builder.fact_provider(provider, ProviderOptions::default())
    });
    config.register(None, register, Arc::clone(&gate) as _, || gate.open(table()))
}

/// Has functions decide about callers.
pub(crate) fn add_authorizer(config: &Config, table: impl FnOnce() -> Arc<dyn Asked>) -> Result<(), Fault> {
    let (gate, asking) = asking(config);
    let register =
        Box::new(move |builder: pabawi::FrameworkBuilder| builder.authorizer(TableAuthorizer(asking)));
    config.register(Some("authorizer"), register, Arc::clone(&gate) as _, || gate.open(table()))
}

/// Has a function told the log.
pub(crate) fn add_log_sink(config: &Config, table: impl FnOnce() -> Arc<dyn Told>) -> Result<(), Fault> {
    // This library is the only one in the process that could see its records.
    pabawi::log::install().map_err(|error| Failure::new(ErrorCode::Unsupported, error.to_string()))?;
    let gate: Arc<Gate<dyn Told>> = Gate::new();
    let sink = TableLog { gate: Arc::clone(&gate), callbacks: Arc::clone(config.callbacks()) };
    let register = Box::new(move |builder: pabawi::FrameworkBuilder| builder.log_sink(sink));
    config.register(Some("log sink"), register, Arc::clone(&gate) as _, || gate.open(table()))
}

/// Has a function told what is measured.
pub(crate) fn add_metrics_sink(config: &Config, table: impl FnOnce() -> Arc<dyn Told>) -> Result<(), Fault> {
    let gate: Arc<Gate<dyn Told>> = Gate::new();
    let sink = TableMetrics::new(Arc::clone(&gate), Arc::clone(config.callbacks()));
    let register = Box::new(move |builder: pabawi::FrameworkBuilder| builder.metrics(sink));
    config.register(Some("metrics sink"), register, Arc::clone(&gate) as _, || gate.open(table()))
}

fn asking(config: &Config) -> (Arc<Gate<dyn Asked>>, Asking) {
    let gate: Arc<Gate<dyn Asked>> = Gate::new();
    let asking = Asking::new(Arc::clone(&gate), Arc::clone(config.callbacks()));
    (gate, asking)
}

fn named(name: &str) -> Result<PluginName, Fault> {
    PluginName::new(name).map_err(|error| ValidationError::of("name", error.to_string()).into())
}
