//! The framework that is made of options: [`FrameworkOptions::builder`]. What is no data, such as an authorizer, is added by the
//! caller.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::failure::Failure;
use super::options::{FrameworkOptions, LimitOptions, RetentionOptions, SshOptions, ToolKind, ToolOptions};
use super::retention::of_options;
use crate::host_database::MirrorOptions;
use crate::inventory::{ConfiguredSource, Detected, OwnGroups, SourceSpec, SourcesFile, detect, source_of};
use crate::journal::RetentionSchedule;
use crate::ports::Plugin;
use crate::ssh::{SshConfig, SshSettings};
use crate::v1::V1Settings;
use crate::{
    EngineLimits, Framework, FrameworkBuilder, GroupName, PluginName, ValidationError, ansible, bolt,
    puppetdb,
};

impl FrameworkOptions {
    /// A builder with all of them, and without an authorizer.
    ///
    /// # Errors
    /// [`Failure`], with the option that is bad.
    pub fn builder(self) -> Result<FrameworkBuilder, Failure> {
        let mut builder = Framework::builder()
            // Options come from programs of other languages, which have their own.
            .beside_other_sqlite()
            .ssh(ssh(self.ssh)?)
            .endpoint_defaults(self.endpoint_defaults)
            .limits(limits(&self.limits))
            .journal(self.journal);
        if let Some(database) = self.database {
            builder = builder.database(database);
        }
        if let Some(policy) = self.command_policy {
            builder = builder.command_policy(policy);
        }
        builder = inventories(builder, &self.inventory)?;
        if let Some(level) = self.log_level {
            builder = builder.log_level(level);
        }
        if let Some(kept) = self.retention {
            builder = builder.retention(retention(kept));
        }
        for options in self.tools {
            let (plugin, config) = tool(options)?;
            builder = builder.shared_plugin(plugin, config);
        }
        for plugin in self.external_plugins {
            builder = builder.external_plugin(plugin.program, Value::Object(plugin.config));
        }
        Ok(builder)
    }

    /// How the host's database is mirrored to.
    #[must_use]
    pub fn mirror_options(&self) -> MirrorOptions {
        answering_within(self.limits.host_database_timeout_ms)
    }

    /// How the host's journal service is told.
    #[must_use]
    pub fn host_journal_options(&self) -> MirrorOptions {
        answering_within(self.limits.host_journal_timeout_ms)
    }

    /// What each plugin of Pabawi v1.x is given.
    #[must_use]
    pub fn v1_settings(&self) -> V1Settings {
        let options = self.limits.plugins;
        let mut settings = V1Settings::default();
        let set = |limit: &mut Duration, ms: Option<u64>| *limit = ms.map_or(*limit, Duration::from_millis);
        set(&mut settings.initialize_timeout, options.initialize_ms);
        set(&mut settings.ask_timeout, options.ask_ms);
        set(&mut settings.health_timeout, options.health_ms);
        set(&mut settings.facts_timeout, options.data_ms);
        set(&mut settings.data_timeout, options.data_ms);
        set(&mut settings.action_timeout, options.action_ms);
        settings.inventory_timeout = options.inventory_ms.map(Duration::from_millis);
        settings.actions_at_once = options.actions_at_once.unwrap_or(settings.actions_at_once);
        settings
    }
}

fn answering_within(ms: Option<u64>) -> MirrorOptions {
    let mut mirror = MirrorOptions::default();
    mirror.answer = ms.map_or(mirror.answer, Duration::from_millis);
    mirror
}

fn ssh(options: SshOptions) -> Result<SshSettings, ValidationError> {
    let config = match &options.config {
        Some(path) => SshConfig::load(path),
        None => SshConfig::load_default(),
    };
    let mut settings = SshSettings::default();
    settings.config = Arc::new(config.map_err(|error| ValidationError::of("ssh.config", error.to_string()))?);
    settings.host_keys = options.host_keys.unwrap_or(settings.host_keys);
    settings.known_hosts = options.known_hosts;
    settings.passphrase = options.passphrase;
    settings.password = options.password;
    let pool = &mut settings.pool;
    pool.max_connections = options.max_connections.unwrap_or(pool.max_connections);
    pool.max_per_host = options.max_connections_per_host.unwrap_or(pool.max_per_host);
    pool.idle_timeout = options.idle_timeout_ms.map_or(pool.idle_timeout, Duration::from_millis);
    Ok(settings)
}

fn retention(options: RetentionOptions) -> RetentionSchedule {
    let RetentionOptions { every_ms, journal, executions, outputs } = options;
    let mut schedule = RetentionSchedule::new(of_options(journal, executions, outputs));
    schedule.every = every_ms.map_or(schedule.every, Duration::from_millis);
    schedule
}

fn limits(options: &LimitOptions) -> EngineLimits {
    let mut limits = EngineLimits::default();
    let set = |limit: &mut usize, value: Option<usize>| *limit = value.unwrap_or(*limit);
    set(&mut limits.max_node_runs, options.max_node_runs);
    set(&mut limits.max_running_executions, options.max_running_executions);
    set(&mut limits.max_queued_executions, options.max_queued_executions);
    set(&mut limits.output_head_bytes, options.output_head_bytes);
    set(&mut limits.output_tail_bytes, options.output_tail_bytes);
    limits.output_memory_bytes = options.output_memory_bytes;
    limits.default_concurrency = options.default_concurrency.unwrap_or(limits.default_concurrency);
    let authorizer = options.authorizer_timeout_ms.map(Duration::from_millis);
    limits.authorizer_timeout = authorizer.unwrap_or(limits.authorizer_timeout);
    limits
}

fn inventories(mut builder: FrameworkBuilder, given: &[String]) -> Result<FrameworkBuilder, ValidationError> {
    let mut sources: Vec<ConfiguredSource> = Vec::new();
    let mut groups: Vec<(GroupName, String)> = Vec::new();
    for (index, text) in given.iter().enumerate() {
        let bad = |error: String| ValidationError::of(format!("inventory[{index}]"), error);
        let specs = match detect(text).map_err(|error| bad(error.to_string()))? {
            Detected::Source(kind) => vec![SourceSpec::new(kind)],
            Detected::SourcesFile => {
                let path = Path::new(text.strip_prefix("sources:").unwrap_or(text));
                let file = SourcesFile::read(path).map_err(|error| bad(error.to_string()))?;
                groups.extend(file.groups);
                file.sources
            }
        };
        for spec in &specs {
            let made = source_of(spec).map_err(|error| bad(error.to_string()))?;
            if let Some(facts) = made.facts {
                builder = builder.fact_provider(facts, crate::facts::ProviderOptions::default());
            }
            sources.push(made.source);
        }
    }
    let mut names = HashSet::new();
    if let Some((twice, _)) = sources.iter().find(|(source, _)| !names.insert(source.name().to_owned())) {
        let text = format!("two sources are called {}; give one of them a name of its own", twice.name());
        return Err(ValidationError::of("inventory", text));
    }
    if !groups.is_empty() {
        let own = OwnGroups::new(groups);
        builder = builder.own_groups(
            own.map_err(|error| ValidationError::of("inventory", format!("own groups: {error}")))?,
        );
    }
    Ok(if sources.is_empty() { builder } else { builder.inventories(sources) })
}

/// The plugin of a tool, with its configuration.
pub(super) fn tool(tool: ToolOptions) -> Result<(Arc<dyn Plugin>, Value), ValidationError> {
    let usual = match tool.kind {
        ToolKind::Ansible => "ansible",
        ToolKind::Bolt => "bolt",
        ToolKind::Puppetdb => "puppetdb",
    };
    let name = match tool.name {
        Some(name) => name,
        None => PluginName::new(usual).map_err(|error| ValidationError::of("tools", error.to_string()))?,
    };
    let plugin: Arc<dyn Plugin> = match tool.kind {
        ToolKind::Ansible => Arc::new(ansible::plugin(name)),
        ToolKind::Bolt => Arc::new(bolt::plugin(name)),
        ToolKind::Puppetdb => Arc::new(puppetdb::plugin(name)),
    };
    Ok((plugin, Value::Object(tool.config)))
}
