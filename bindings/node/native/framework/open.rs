//! The framework that is made of the options: [`open`].

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pabawi::host_database::MirrorOptions;
use pabawi::inventory::{ConfiguredSource, Detected, OwnGroups, SourceSpec, SourcesFile, detect, source_of};
use pabawi::journal::{JournalRetention, Retention, RetentionLimit, RetentionSchedule};
use pabawi::permissions::Permissions;
use pabawi::ports::Plugin as _;
use pabawi::ssh::{SshConfig, SshSettings};
use pabawi::v1::{V1Adapter, V1Settings};
use pabawi::{
    AllowAll, EngineLimits, Framework, FrameworkBuilder, GroupName, PluginName, ValidationError, ansible,
    bolt, puppetdb,
};
use serde_json::Value;

use super::failure::Failure;
use super::feed::Feed;
use super::host::Host;
use super::options::{
    AuthorizerKind, KeptOptions, LimitOptions, ObjectOptions, Opening, PluginLimitOptions, RetentionOptions,
    SshOptions, ToolKind, ToolOptions,
};
use super::services::{JsAuthorizer, JsDatabase, JsMetrics, JsObject, JsPermissions, LogFeed};

/// How long an answer of the permission service is remembered.
const PERMISSIONS_FRESH: Duration = Duration::from_secs(5);

/// Opens a framework.
pub(super) async fn open(
    opening: Opening,
    host: Arc<Host>,
    log: Arc<Feed>,
    metrics: Arc<Feed>,
) -> Result<Framework, Failure> {
    let Opening { options, authorizer, logger, host_database, performance_monitor, plugins } = opening;
    let mut builder = Framework::builder()
        .ssh(ssh(options.ssh)?)
        .endpoint_defaults(options.endpoint_defaults)
        .limits(limits(&options.limits))
        .journal(options.journal);
    if let Some(database) = options.database {
        builder = builder.database(database);
    }
    if let Some(policy) = options.command_policy {
        builder = builder.command_policy(policy);
    }
    builder = inventories(builder, &options.inventory)?;
    builder = match authorizer {
        None => builder,
        Some(AuthorizerKind::AllowAll) => builder.authorizer(AllowAll),
        Some(AuthorizerKind::Function) => builder.authorizer(JsAuthorizer::new(Arc::clone(&host))),
        Some(AuthorizerKind::Permissions) => {
            let tables = JsPermissions::new(Arc::clone(&host));
            builder.permissions(Permissions::of_tables(Arc::new(tables)).fresh_for(PERMISSIONS_FRESH))
        }
    };
    if logger {
        builder = builder.log_sink(LogFeed::new(log));
        if let Some(level) = options.log_level {
            builder = builder.log_level(level);
        }
    }
    if let Some(dialect) = host_database {
        let mut mirror = MirrorOptions::default();
        let answer = options.limits.host_database_timeout_ms.map(Duration::from_millis);
        mirror.answer = answer.unwrap_or(mirror.answer);
        builder = builder.host_database(Arc::new(JsDatabase::new(Arc::clone(&host), dialect)), mirror);
    }
    if let Some(kept) = options.retention {
        builder = builder.retention(retention(kept));
    }
    if performance_monitor {
        builder = builder.metrics(JsMetrics::new(metrics));
    }
    for tool in options.tools {
        builder = add_tool(builder, tool)?;
    }
    for plugin in options.external_plugins {
        builder = builder.external_plugin(plugin.program, Value::Object(plugin.config));
    }
    let mut adopted = Vec::new();
    let opened = match adopt(plugins, v1_settings(options.limits.plugins), &host, &mut adopted).await {
        Ok(()) => {
            let with = |builder: FrameworkBuilder, adapter: &V1Adapter| {
                builder.plugin(adapter.clone(), adapter.config())
            };
            adopted.iter().fold(builder, with).open().await.map_err(Failure::from)
        }
        Err(failure) => Err(failure),
    };
    if opened.is_err() {
        // They have been got ready, and nobody else would let them go.
        for adapter in &adopted {
            adapter.shutdown().await;
        }
    }
    opened
}

/// Gets the host's plugins ready, in their order; those that are ready stand in `adopted`, also where one fails.
async fn adopt(
    plugins: Vec<ObjectOptions>,
    settings: V1Settings,
    host: &Arc<Host>,
    adopted: &mut Vec<V1Adapter>,
) -> Result<(), Failure> {
    for ObjectOptions { object, name, config } in plugins {
        let object = Arc::new(JsObject::new(Arc::clone(host), object, name));
        adopted.push(V1Adapter::adopt(object, config, settings).await?);
    }
    Ok(())
}

fn v1_settings(options: PluginLimitOptions) -> V1Settings {
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
    let age = |ms: Option<u64>| ms.map(Duration::from_millis);
    let journal = options.journal.into_iter().map(|one| JournalRetention {
        event_type: one.event_type,
        source: one.source,
        limit: RetentionLimit { max_age: age(one.max_age_ms), keep: one.keep },
    });
    let KeptOptions { max_age_ms, keep } = options.executions;
    let mut schedule = RetentionSchedule::new(Retention {
        journal: journal.collect(),
        executions: RetentionLimit { max_age: age(max_age_ms), keep },
        outputs: age(options.outputs_max_age_ms),
    });
    schedule.every = age(options.every_ms).unwrap_or(schedule.every);
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
                builder = builder.fact_provider(facts, pabawi::facts::ProviderOptions::default());
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

fn add_tool(builder: FrameworkBuilder, tool: ToolOptions) -> Result<FrameworkBuilder, ValidationError> {
    let usual = match tool.kind {
        ToolKind::Ansible => "ansible",
        ToolKind::Bolt => "bolt",
        ToolKind::Puppetdb => "puppetdb",
    };
    let name = match tool.name {
        Some(name) => name,
        None => PluginName::new(usual).map_err(|error| ValidationError::of("tools", error.to_string()))?,
    };
    let config = Value::Object(tool.config);
    Ok(match tool.kind {
        ToolKind::Ansible => builder.plugin(ansible::plugin(name), config),
        ToolKind::Bolt => builder.plugin(bolt::plugin(name), config),
        ToolKind::Puppetdb => builder.plugin(puppetdb::plugin(name), config),
    })
}
