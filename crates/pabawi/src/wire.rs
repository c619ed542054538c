//! The one page where the parts meet: store, transports, inventory and engine become a [`Framework`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::ports::{
    Authorizer, Clock, ExecutionStore, FactProvider, InventorySource, LogLevel, LogSink, Plugin, Transport,
};
use pabawi_domain::validation::ValidationError;
use pabawi_engine::{Engine, EngineLimits, Graphs, SystemClock};
use pabawi_facts::{FacterFacts, Facts, InventoryFacts, KnownFacts, ProviderOptions, SshFacts};
use pabawi_inventory::{Catalog, Resolver, SourceSettings};
use pabawi_journal::{Journal, RetentionKeeper, RetentionSchedule, Rules};
use pabawi_permissions::Permissions;
use pabawi_plugins::external;
use pabawi_plugins::host::{HostSettings, PluginHost};
use pabawi_store::host::HostMirror;
use pabawi_store::{Store, StoreOptions};
#[cfg(feature = "otlp")]
use pabawi_traces::{TracedStore, Traces};
use pabawi_transport::local::{LocalOptions, LocalTools, LocalTransport};
use pabawi_transport::ssh_config::SshConfig;
use pabawi_transport::{SshSettings, SshTransport};
use serde_json::Value;
use tracing::Instrument as _;

use crate::database::{self, Maintenance};
use crate::facts::NodeFactsHandle;
use crate::framework::PLUGINS_CLOSING;
use crate::journal::NodeJournal;
use crate::knowledge::Knowledge;
use crate::known_as::KnownAs;
use crate::listed_nodes::ListedNodes;
use crate::log::{LogQueue, Route, has_layer, open_route};
use crate::measured::{LateMeter, Measured};
use crate::node_commands::EngineCommands;
use crate::{Framework, FrameworkBuilder, FrameworkError, built_in};

pub(crate) async fn open(mut options: FrameworkBuilder) -> Result<Framework, FrameworkError> {
    let level = options.log_level.unwrap_or(LogLevel::Info);
    let queue = options.log_sink.take().map(|sink| log_queue(sink, level)).transpose()?;
    let route = Arc::new(open_route(queue));
    let span = route.span.clone();
    parts(options, route).instrument(span).await
}

/// The way to the sink of the host.
fn log_queue(sink: Arc<dyn LogSink>, level: LogLevel) -> Result<LogQueue, FrameworkError> {
    if !has_layer() {
        let text = "would be given nothing: call pabawi::log::install() first, or add pabawi::log::layer() to the \
                    subscriber of this program";
        return Err(ValidationError::of("logSink", text).into());
    }
    LogQueue::start(sink, level).map_err(|error| {
        ValidationError::of("logSink", format!("its thread cannot be started: {error}")).into()
    })
}

async fn parts(mut options: FrameworkBuilder, route: Arc<Route>) -> Result<Framework, FrameworkError> {
    // Before anything begins to work.
    options.retention.as_ref().map_or(Ok(()), RetentionSchedule::check)?;
    let mut database = database::of(options.database.take())?;
    if let StoreOptions::Sqlite(file) = &mut database {
        file.beside_other_sqlite = options.beside_other_sqlite;
    }

    let ssh = options.ssh.take().map_or_else(default_ssh, Ok)?;
    let ssh = SshTransport::new(ssh);
    let local = LocalTransport::new(LocalOptions::default());

    let clock = options.clock.take().unwrap_or_else(|| Arc::new(SystemClock));
    let given = std::mem::take(&mut options.plugins);
    let programs = std::mem::take(&mut options.external_plugins);
    let plugins = plugins(given, programs, options.plugin_limits, Arc::clone(&clock)).await?;
    let opened = over(options, database, (ssh, local), plugins.clone(), (clock, route)).await;
    if opened.is_err() {
        // They have begun to work, and nobody else has a handle of them.
        plugins.shutdown(PLUGINS_CLOSING).await;
    }
    opened
}

/// The framework over its transports and over plugins that have got ready.
async fn over(
    mut options: FrameworkBuilder,
    database: StoreOptions,
    (ssh, local): (SshTransport, LocalTransport),
    plugins: PluginHost,
    (clock, route): (Arc<dyn Clock>, Arc<Route>),
) -> Result<Framework, FrameworkError> {
    // The host's own deadlines come first, since their faults name the plugin.
    let limits = plugins.settings();
    let times = SourceSettings { timeout: limits.inventory_timeout + SLACK, ..Default::default() };
    options.sources.extend(plugins.inventories().into_iter().map(|source| (source, times.clone())));
    let times = ProviderOptions { timeout: limits.facts_timeout + SLACK, ..Default::default() };
    options.fact_providers.extend(plugins.fact_providers().into_iter().map(|provider| (provider, times)));

    let mut limits = options.limits.unwrap_or_default();
    if limits.spill_dir == EngineLimits::default().spill_dir
        && let Some(directory) = database::spill_directory(&database)
    {
        limits.spill_dir = directory;
    }

    let store = Arc::new(Store::open(database).await?);
    let database = store.place().to_owned();
    let known = KnownFacts::new(Arc::clone(&store) as _);

    let knowledge =
        Knowledge { store: Arc::clone(&store) as _, clock: Arc::clone(&clock), facts: known.clone() };
    let late = LateMeter::default();
    let measured = |(source, settings)| {
        let source: Arc<dyn InventorySource> = Arc::new(Measured { inner: source, meter: Arc::clone(&late) });
        (source, settings)
    };
    let mut resolver = Resolver::over(Arc::new(Catalog::new(options.sources.into_iter().map(measured))))
        .endpoint_defaults(options.endpoint_defaults)
        .own_groups(options.own_groups)
        .knowledge(Arc::new(knowledge));
    if let Some(meaning) = options.unknown_names {
        resolver = resolver.unknown_names(meaning);
    }
    let resolver = Arc::new(resolver);

    let rules = Rules::new(options.journal, plugins.wishes());
    let journal =
        Journal::new(Arc::clone(&store) as _, Arc::clone(&store) as _, Arc::clone(&clock), rules.clone());
    plugins.open_journal(Arc::new(journal.clone()));
    let recorded: Arc<dyn ExecutionStore> = Arc::clone(&store) as _;
    #[cfg(feature = "otlp")]
    let traces = options.traces.as_ref().map(Traces::open).transpose()?;
    #[cfg(feature = "otlp")]
    let recorded = match &traces {
        Some(traces) => Arc::new(TracedStore::new(recorded, traces.clone())),
        None => recorded,
    };
    let mut engine = Engine::builder()
        .store(recorded)
        .journal(Arc::clone(&store) as _)
        .journal_rules(Arc::new(rules))
        .breakers(Arc::clone(&store) as _)
        .plans(Arc::clone(&store) as _)
        .resolver(Arc::clone(&resolver) as _)
        .clock(Arc::clone(&clock))
        .limits(limits)
        .tools(plugins.router());
    let authorizer = authorizer(options.authorizer, options.permissions, &resolver, &clock)?;
    if let Some(authorizer) = authorizer {
        engine = engine.authorizer(authorizer);
    }
    if let Some(policy) = options.command_policy {
        engine = engine.command_policy(policy);
    }
    if let Some(metrics) = options.metrics {
        engine = engine.metrics(metrics);
    }
    let own: [Arc<dyn Transport>; 2] = [Arc::new(ssh.clone()), Arc::new(local)];
    for transport in own.iter().chain(plugins.transports()) {
        engine = engine.transport(Arc::clone(transport));
    }
    let engine = engine.build().await?;
    // Nobody else has it.
    let _ = late.set(engine.source_meter());
    plugins.open_calls(Arc::new(engine.call_gate()));
    let graphs = Graphs::open(engine.clone(), Arc::clone(&store) as _).await?;

    let commands = Arc::new(EngineCommands { engine: engine.clone(), store: Arc::clone(&store) as _ });
    let mut facts = Facts::builder(known, Arc::clone(&clock));
    let measured = |provider: Arc<dyn FactProvider>| -> Arc<dyn FactProvider> {
        Arc::new(Measured { inner: provider, meter: Arc::clone(&late) })
    };
    for (provider, options) in options.fact_providers {
        let catalog = Arc::clone(resolver.catalog());
        facts = facts.provider(measured(Arc::new(KnownAs { provider, catalog })), options)?;
    }
    let times = options.fact_times.unwrap_or(ProviderOptions { timeout: LAST_RESORT, ..Default::default() });
    let facter = FacterFacts::new(Arc::clone(&commands) as _, Arc::clone(&clock));
    let over_ssh = SshFacts::new(commands, Arc::clone(&clock));
    let listed = InventoryFacts::new(Arc::new(ListedNodes(Arc::clone(resolver.catalog()))), clock);
    let facts = facts
        .provider(measured(Arc::new(facter)), times)?
        .provider(measured(Arc::new(over_ssh)), times)?
        .provider(measured(Arc::new(listed)), OF_INVENTORY)?
        .build();
    let span = route.span.clone();
    let facts = NodeFactsHandle { facts, engine: engine.clone(), resolver: Arc::clone(&resolver), span };
    let live_timeout = plugins.settings().call_timeout.min(LIVE);
    let journal = NodeJournal { journal, engine: engine.clone(), plugins: plugins.clone(), live_timeout };
    let keeper = options.retention.map(|schedule| RetentionKeeper::start(journal.journal.clone(), schedule));
    let retention = keeper.transpose()?.map(Arc::new);
    let (has_tables, has_service) = (options.host_database.is_some(), options.host_journal.is_some());
    let mirror = options.host_database.map(|(host, mut options)| {
        // Who has both gets each entry once.
        options.journal &= !has_service;
        Arc::new(HostMirror::start((*store).clone(), host, options))
    });
    let host_journal = options.host_journal.map(|(journal, mut options)| {
        options.executions &= has_tables;
        Arc::new(HostMirror::start_journal((*store).clone(), journal, options))
    });
    let entries = store;
    Ok(Framework {
        ssh,
        engine,
        graphs,
        facts,
        plugins,
        resolver,
        journal,
        entries,
        database,
        route,
        mirror,
        host_journal,
        retention,
        #[cfg(feature = "otlp")]
        traces,
    })
}

/// Who decides about callers.
fn authorizer(
    given: Option<Arc<dyn Authorizer>>,
    permissions: Option<Permissions>,
    resolver: &Arc<Resolver>,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<dyn Authorizer>>, FrameworkError> {
    match (given, permissions) {
        (Some(_), Some(_)) => {
            let text = "decide about callers, and so does the authorizer; give one of them";
            Err(ValidationError::of("permissions", text).into())
        }
        (given, None) => Ok(given),
        (None, Some(permissions)) => {
            let selection = Arc::clone(resolver) as _;
            Ok(Some(Arc::new(permissions.authorizer(selection, Arc::clone(clock))?)))
        }
    }
}

/// What looks after the database of these options.
pub(crate) fn maintenance(options: FrameworkBuilder) -> Result<Maintenance, FrameworkError> {
    let clock = options.clock.unwrap_or_else(|| Arc::new(SystemClock));
    let resolver = Resolver::over(Arc::new(Catalog::new(options.sources))).own_groups(options.own_groups);
    Ok(Maintenance {
        options: database::of(options.database)?,
        authorizer: authorizer(options.authorizer, options.permissions, &Arc::new(resolver), &clock)?,
        limits: options.limits.unwrap_or_default(),
    })
}

/// Registers the plugins beside those that are built in and gets them ready.
async fn plugins(
    given: Vec<(Arc<dyn Plugin>, Value)>,
    programs: Vec<(PathBuf, Value)>,
    limits: HostSettings,
    clock: Arc<dyn Clock>,
) -> Result<PluginHost, FrameworkError> {
    let mut registering = PluginHost::builder(clock).settings(limits);
    let all = built_in::all().map_err(|error| ValidationError::of("plugins", error.to_string()))?;
    for plugin in all {
        registering.built_in(plugin)?;
    }
    for (plugin, config) in given {
        registering.plugin(plugin, config)?;
    }
    external::register(&mut registering, programs, Arc::new(LocalTools)).await;
    Ok(registering.start().await)
}

/// How long a plugin may take to tell what it knows of a node live, as in Pabawi.
const LIVE: Duration = Duration::from_secs(15);

/// What is given to a plugin beyond its own deadline.
const SLACK: Duration = Duration::from_secs(5);

/// What runs on a node has a limit of its own there; a call about a thousand of them only has to end some time.
const LAST_RESORT: Duration = Duration::from_secs(60 * 60);

/// The catalog has times of its own and costs nothing to ask, so its facts only need to hold for many questions in a row.
const OF_INVENTORY: ProviderOptions = ProviderOptions {
    priority: None,
    ttl: Duration::from_secs(10),
    failure_ttl: Duration::from_secs(10),
    timeout: Duration::from_secs(120),
    nodes_at_once: 10_000,
    calls_at_once: 4,
    reuse_stored: false,
};

fn default_ssh() -> Result<SshSettings, FrameworkError> {
    let config =
        SshConfig::load_default().map_err(|error| ValidationError::of("ssh.config", error.to_string()))?;
    let mut settings = SshSettings::default();
    settings.config = Arc::new(config);
    Ok(settings)
}
