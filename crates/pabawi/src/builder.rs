//! [`FrameworkBuilder`]: the options of a framework. What becomes of them stands in `wire.rs`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use pabawi_domain::command_policy::CommandPolicy;
use pabawi_domain::node::Endpoint;
use pabawi_domain::ports::{
    Authorizer, Clock, FactProvider, HostDatabase, HostJournal, InventorySource, LogLevel, LogSink,
    MetricsSink, Plugin,
};
use pabawi_engine::EngineLimits;
use pabawi_facts::ProviderOptions;
use pabawi_inventory::expression::{OwnGroups, UnknownNames};
use pabawi_inventory::{ConfiguredSource, SourceSettings};
use pabawi_journal::{JournalSettings, RetentionSchedule};
use pabawi_permissions::Permissions;
use pabawi_plugins::host::HostSettings;
use pabawi_store::host::MirrorOptions;
use pabawi_transport::SshSettings;
use serde_json::Value;

use crate::database::Maintenance;
use crate::{Framework, FrameworkError, wire};

/// Options of a [`Framework`]. Only an authorizer has to be given: without one, everything is denied.
#[derive(Default)]
pub struct FrameworkBuilder {
    pub(crate) database: Option<OsString>,
    pub(crate) beside_other_sqlite: bool,
    pub(crate) ssh: Option<SshSettings>,
    pub(crate) sources: Vec<ConfiguredSource>,
    pub(crate) own_groups: OwnGroups,
    pub(crate) unknown_names: Option<UnknownNames>,
    pub(crate) endpoint_defaults: Endpoint,
    pub(crate) authorizer: Option<Arc<dyn Authorizer>>,
    pub(crate) permissions: Option<Permissions>,
    pub(crate) command_policy: Option<CommandPolicy>,
    pub(crate) clock: Option<Arc<dyn Clock>>,
    pub(crate) metrics: Option<Arc<dyn MetricsSink>>,
    pub(crate) log_sink: Option<Arc<dyn LogSink>>,
    pub(crate) log_level: Option<LogLevel>,
    pub(crate) limits: Option<EngineLimits>,
    pub(crate) fact_providers: Vec<(Arc<dyn FactProvider>, ProviderOptions)>,
    pub(crate) fact_times: Option<ProviderOptions>,
    pub(crate) plugins: Vec<(Arc<dyn Plugin>, Value)>,
    pub(crate) external_plugins: Vec<(PathBuf, Value)>,
    pub(crate) plugin_limits: HostSettings,
    pub(crate) journal: JournalSettings,
    pub(crate) retention: Option<RetentionSchedule>,
    pub(crate) host_database: Option<(Arc<dyn HostDatabase>, MirrorOptions)>,
    pub(crate) host_journal: Option<(Arc<dyn HostJournal>, MirrorOptions)>,
    #[cfg(feature = "otlp")]
    pub(crate) traces: Option<crate::traces::TraceOptions>,
}

impl FrameworkBuilder {
    /// Where executions are remembered: the path of a SQLite file on a local file system, which is made when it is missing, or
    /// the URL of a PostgreSQL database, `postgres://user@host:port/database` or `postgres:///database?host=/socket/directory`.
    /// A password that the URL does not have comes from `PGPASSWORD` or the password file `~/.pgpass`; it is shown nowhere.
    /// Without it, `$XDG_DATA_HOME/pabawi/executions.db`, or `~/.local/share/pabawi/executions.db`.
    #[must_use]
    pub fn database(mut self, name: impl Into<OsString>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// Says that the program may have another copy of SQLite. A SQLite file that it has open already by other means is refused then,
    /// as two copies in one process corrupt it (<https://www.sqlite.org/howtocorrupt.html>, section 2.2). It has to open none later.
    #[must_use]
    pub fn beside_other_sqlite(mut self) -> Self {
        self.beside_other_sqlite = true;
        self
    }

    /// Settings of the SSH transport. Without them, OpenSSH's configuration files of this user
    /// (`~/.ssh/config`) and of this machine are used with defaults for all the rest.
    #[must_use]
    pub fn ssh(mut self, settings: SshSettings) -> Self {
        self.ssh = Some(settings);
        self
    }

    /// Adds a source of nodes with the usual settings. Without any, every name is a node; with one, a name that no
    /// source has is refused.
    #[must_use]
    pub fn inventory(self, source: impl InventorySource) -> Self {
        self.inventories([(Arc::new(source) as Arc<dyn InventorySource>, SourceSettings::default())])
    }

    /// Adds several sources, each with its settings.
    #[must_use]
    pub fn inventories(mut self, sources: impl IntoIterator<Item = ConfiguredSource>) -> Self {
        self.sources.extend(sources);
        self
    }

    /// Groups that are target expressions under a name.
    #[must_use]
    pub fn own_groups(mut self, groups: OwnGroups) -> Self {
        self.own_groups = groups;
        self
    }

    /// Gives names that are in no source another meaning than sources or their absence do.
    #[must_use]
    pub fn unknown_names(mut self, meaning: UnknownNames) -> Self {
        self.unknown_names = Some(meaning);
        self
    }

    /// User, port and keys for nodes whose source names none.
    #[must_use]
    pub fn endpoint_defaults(mut self, defaults: Endpoint) -> Self {
        self.endpoint_defaults = defaults;
        self
    }

    /// Who decides about callers. [`AllowAll`](crate::AllowAll) is for programs whose user is the machine's
    /// own. Without an authorizer, everything is denied.
    #[must_use]
    pub fn authorizer(self, authorizer: impl Authorizer) -> Self {
        self.shared_authorizer(Arc::new(authorizer))
    }

    /// Who decides about callers, where somebody else holds it too.
    #[must_use]
    pub fn shared_authorizer(mut self, authorizer: Arc<dyn Authorizer>) -> Self {
        self.authorizer = Some(authorizer);
        self
    }

    /// Pabawi's tables, a policy file or both decide about callers. It is an authorizer, so that no other can be given.
    #[must_use]
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = Some(permissions);
        self
    }

    /// Which commands may be run at all, whoever asks and whatever runs them. Without one, every command.
    #[must_use]
    pub fn command_policy(mut self, policy: CommandPolicy) -> Self {
        self.command_policy = Some(policy);
        self
    }

    /// Where records get their times from; this machine's clock without one.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Where measurements go (R8.7); nowhere without one. It is called where things happen, so it must not block.
    #[must_use]
    pub fn metrics(mut self, sink: impl MetricsSink) -> Self {
        self.metrics = Some(Arc::new(sink));
        self
    }

    /// Where the log of this framework goes (R10.6), beside what else the program does with it. The program needs a subscriber
    /// of `tracing` for that: see [`crate::log`]. It is called on a thread of its own, so it may block.
    #[must_use]
    pub fn log_sink(mut self, sink: impl LogSink) -> Self {
        self.log_sink = Some(Arc::new(sink));
        self
    }

    /// From which level on the sink gets records; [`LogLevel::Info`] without it.
    #[must_use]
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.log_level = Some(level);
        self
    }

    /// Other limits than the defaults.
    #[must_use]
    pub fn limits(mut self, limits: EngineLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Adds a provider of facts (R4.5) to those that are built in: `facter` with priority 60 where a node has it, `ssh` with
    /// priority 50, which needs nothing on the node, and `inventory` with priority 0. At equal priority those that are
    /// added here win.
    #[must_use]
    pub fn fact_provider(mut self, provider: Arc<dyn FactProvider>, options: ProviderOptions) -> Self {
        self.fact_providers.push((provider, options));
        self
    }

    /// How the providers `facter` and `ssh` are asked, and how long their facts hold (R4.2), when not as
    /// [`ProviderOptions`] does it by default.
    #[must_use]
    pub fn fact_times(mut self, options: ProviderOptions) -> Self {
        self.fact_times = Some(options);
        self
    }

    /// Adds a plugin with its configuration (R6.2). Its inventory, where it has one, becomes a
    /// source of nodes, and its facts a provider of facts.
    #[must_use]
    pub fn plugin(self, plugin: impl Plugin, config: Value) -> Self {
        self.shared_plugin(Arc::new(plugin), config)
    }

    /// Adds a plugin that is held elsewhere too.
    #[must_use]
    pub fn shared_plugin(mut self, plugin: Arc<dyn Plugin>, config: Value) -> Self {
        self.plugins.push((plugin, config));
        self
    }

    /// Adds a program as a plugin, with its configuration: an executable file by its absolute path. It is asked what it is
    /// when the framework is opened. One that cannot be a plugin stops no other: it is in the list of plugins as failed, with
    /// the reason.
    #[must_use]
    pub fn external_plugin(mut self, program: impl Into<PathBuf>, config: Value) -> Self {
        self.external_plugins.push((program.into(), config));
        self
    }

    /// Other limits for plugins than the defaults: how long they may take for what, and how much is taken of them.
    #[must_use]
    pub fn plugin_limits(mut self, limits: HostSettings) -> Self {
        self.plugin_limits = limits;
        self
    }

    /// What is journalled of whose doings (R11.8); it goes before what plugins wish. Without it, what changes nodes and what
    /// did not succeed.
    #[must_use]
    pub fn journal(mut self, settings: JournalSettings) -> Self {
        self.journal = settings;
        self
    }

    /// Removes what is old by itself (R11.13). Where several processes do so on one database, one does it at a time. Without it,
    /// nothing is removed.
    #[must_use]
    pub fn retention(mut self, schedule: RetentionSchedule) -> Self {
        self.retention = Some(schedule);
        self
    }

    /// Mirrors executions and journal in the tables of an application that has this framework built in (R5.9), through its own
    /// connection. The framework never waits for it but at its end, for a few seconds.
    #[must_use]
    pub fn host_database(mut self, database: Arc<dyn HostDatabase>, options: MirrorOptions) -> Self {
        self.host_database = Some((database, options));
        self
    }

    /// Tells every entry of the journal to the journal service of an application that has this framework built in (R10.5), in
    /// their order, again until it is taken. Together with [`host_database`](Self::host_database), entries go to the service
    /// only. The framework never waits for it but at its end, for a few seconds.
    #[must_use]
    pub fn host_journal(mut self, journal: Arc<dyn HostJournal>, options: MirrorOptions) -> Self {
        self.host_journal = Some((journal, options));
        self
    }

    /// Sends each execution as a trace to a collector of OpenTelemetry: a span for it, and one for each attempt on a node. Nothing
    /// waits for the collector but the framework's end, for a few seconds.
    #[cfg(feature = "otlp")]
    #[must_use]
    pub fn traces(mut self, options: crate::traces::TraceOptions) -> Self {
        self.traces = Some(options);
        self
    }

    /// Opens the database, gets the plugins ready, closes the executions of processes that have died, and starts the engine on the
    /// current tokio runtime, which needs its timer and its I/O.
    ///
    /// # Errors
    /// [`FrameworkError`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn open(self) -> Result<Framework, FrameworkError> {
        wire::open(self).await
    }

    /// Looks after the database instead of opening it: nothing is made, brought up to date or closed for others. Of the options,
    /// the database and those about callers count.
    ///
    /// # Errors
    /// [`FrameworkError`], of these options.
    pub fn maintenance(self) -> Result<Maintenance, FrameworkError> {
        wire::maintenance(self)
    }
}
