//! The options of a framework that are data: [`FrameworkOptions`]. What becomes of them stands in `builder.rs`.

use std::path::PathBuf;

use crate::journal::JournalSettings;
use crate::log::LogLevel;
use crate::permissions::CommandPolicy;
use crate::{ActionKind, Endpoint, HostKeyPolicy, PluginName, Secret};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Options of a framework that are data. Everything may be left out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct FrameworkOptions {
    /// Where executions are remembered: the path of a SQLite file, made when it is missing, which no other SQLite library of
    /// this process may have open; or the URL of a PostgreSQL database, `postgres://user@host:port/database`. When absent,
    /// `executions.db` in this user's directory for data.
    pub(super) database: Option<String>,
    /// Inventories, each a path that tells its kind by its content, or `kind:path`; a list of sources is `sources:path`.
    /// Without any, every name is a node.
    pub(super) inventory: Vec<String>,
    /// User, port and keys for nodes whose source names none.
    pub(super) endpoint_defaults: Endpoint,
    /// How nodes are reached over SSH.
    pub(super) ssh: SshOptions,
    /// Which commands may be run at all, whoever asks; every one when absent.
    pub(super) command_policy: Option<CommandPolicy>,
    /// What is journalled.
    pub(super) journal: JournalSettings,
    /// How long what is kept; for ever when absent.
    pub(super) retention: Option<RetentionOptions>,
    /// Limits that differ from the usual ones.
    pub(super) limits: LimitOptions,
    /// From which level on the logger is told; `info` when absent.
    pub(super) log_level: Option<LogLevel>,
    /// Tools that the framework knows itself.
    pub(super) tools: Vec<ToolOptions>,
    /// Programs that are plugins.
    pub(super) external_plugins: Vec<ExternalPluginOptions>,
}

/// How nodes are reached over SSH.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct SshOptions {
    /// An OpenSSH client configuration to use instead of that of this user and machine.
    pub(super) config: Option<PathBuf>,
    /// How host keys are checked where neither request nor configuration says so; `strict` when absent.
    pub(super) host_keys: Option<HostKeyPolicy>,
    /// Lists of known hosts to use instead of those of the configuration.
    pub(super) known_hosts: Option<Vec<PathBuf>>,
    /// Opens private keys that have a passphrase.
    pub(super) passphrase: Option<Secret>,
    /// The login password where the inventory has none.
    pub(super) password: Option<Secret>,
    /// Connections in all; 1,024 when absent. A further one waits.
    #[schemars(range(min = 1, max = 100_000))]
    pub(super) max_connections: Option<usize>,
    /// Connections to one host, user and port; 16 when absent. A further one waits.
    #[schemars(range(min = 1, max = 100_000))]
    pub(super) max_connections_per_host: Option<usize>,
    /// Milliseconds that an idle connection is kept; 60,000 when absent.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub(super) idle_timeout_ms: Option<u64>,
}

/// Limits that differ from the usual ones.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct LimitOptions {
    /// Nodes at once, over all executions; 200 when absent.
    pub(super) max_node_runs: Option<usize>,
    /// Nodes of one execution at once where its request does not say; 100 when absent.
    pub(super) default_concurrency: Option<u32>,
    /// Executions that run at once; 64 when absent.
    pub(super) max_running_executions: Option<usize>,
    /// Executions that wait; 10,000 when absent.
    pub(super) max_queued_executions: Option<usize>,
    /// Bytes of the beginning of an output that are kept; 64 KiB when absent.
    pub(super) output_head_bytes: Option<usize>,
    /// Bytes of the end of an output that are kept; 64 KiB when absent.
    pub(super) output_tail_bytes: Option<usize>,
    /// Bytes of output in memory; a share of what the process may use when absent.
    pub(super) output_memory_bytes: Option<usize>,
    /// Milliseconds that the authorizer may take; 5,000 when absent.
    #[schemars(range(min = 1, max = 600_000))]
    pub(super) authorizer_timeout_ms: Option<u64>,
    /// Milliseconds that the host's database may take for a statement; 30,000 when absent.
    #[schemars(range(min = 1, max = 600_000))]
    pub(super) host_database_timeout_ms: Option<u64>,
    /// Milliseconds that the host's journal service may take for an entry; 30,000 when absent.
    #[schemars(range(min = 1, max = 600_000))]
    pub(super) host_journal_timeout_ms: Option<u64>,
    /// What each plugin of Pabawi v1.x is given.
    pub(super) plugins: PluginLimitOptions,
}

/// How long what is kept. What is old is removed by itself, in small steps, by one process at a time.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct RetentionOptions {
    /// Milliseconds from one time to the next; an hour when absent.
    #[schemars(range(min = 60_000, max = 2_592_000_000_u64))]
    pub(super) every_ms: Option<u64>,
    /// Entries of the journal; each follows the limit that says most about it.
    pub(super) journal: Vec<JournalLimitOptions>,
    /// Executions, with all but their journal entries; each follows the limit that says most about it.
    pub(super) executions: Vec<ExecutionLimitOptions>,
    /// Outputs, while their executions stay; one goes with the last execution that gives it up.
    pub(super) outputs: Vec<ExecutionLimitOptions>,
}

/// How long some executions, or their outputs, are kept; for ever without age and number.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct ExecutionLimitOptions {
    /// Executions that do this.
    pub(super) action_kind: Option<ActionKind>,
    /// Executions that this plugin or transport did, on one of their nodes or more.
    pub(super) plugin: Option<PluginName>,
    /// For so many milliseconds.
    pub(super) max_age_ms: Option<u64>,
    /// So many executions, the newest.
    pub(super) keep: Option<u64>,
}

/// How long some entries of the journal are kept; for ever without age and number.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct JournalLimitOptions {
    /// Entries of this type.
    pub(super) event_type: Option<String>,
    /// Entries told by this plugin.
    pub(super) source: Option<String>,
    /// For so many milliseconds.
    pub(super) max_age_ms: Option<u64>,
    /// So many, the newest.
    pub(super) keep: Option<u64>,
}

/// What each plugin of Pabawi v1.x is given. One that has not answered by then has failed.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct PluginLimitOptions {
    /// Milliseconds for `initialize`; 30,000 when absent.
    #[schemars(range(min = 1, max = 600_000))]
    pub(super) initialize_ms: Option<u64>,
    /// Milliseconds for properties, lists of capabilities, `isInitialized` and hooks; 10,000 when absent.
    #[schemars(range(min = 1, max = 600_000))]
    pub(super) ask_ms: Option<u64>,
    /// Milliseconds for `healthCheck`; 10,000 when absent.
    #[schemars(range(min = 1, max = 600_000))]
    pub(super) health_ms: Option<u64>,
    /// Milliseconds for `getInventory` and `getGroups` together; 15,000 when absent, for `checkmk` 60,000.
    #[schemars(range(min = 1, max = 600_000))]
    pub(super) inventory_ms: Option<u64>,
    /// Milliseconds for `getNodeFacts` and `getNodeData` of one node; 60,000 when absent.
    #[schemars(range(min = 1, max = 600_000))]
    pub(super) data_ms: Option<u64>,
    /// Milliseconds for `executeAction` on one node; an hour when absent.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub(super) action_ms: Option<u64>,
    /// Calls of `executeAction` at once; 10 when absent.
    #[schemars(range(min = 1, max = 10_000))]
    pub(super) actions_at_once: Option<usize>,
}

/// A tool that the framework knows itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ToolOptions {
    /// Which.
    pub(super) kind: ToolKind,
    /// The name under which it is registered; that of its kind when absent.
    #[serde(default)]
    pub(super) name: Option<PluginName>,
    /// Its configuration.
    #[serde(default)]
    pub(super) config: Map<String, Value>,
}

/// Tools that the framework knows itself.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum ToolKind {
    /// Ansible.
    Ansible,
    /// Bolt.
    Bolt,
    /// PuppetDB.
    Puppetdb,
}

/// A program that is a plugin.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ExternalPluginOptions {
    /// The program, by its absolute path.
    pub(super) program: PathBuf,
    /// Its configuration.
    #[serde(default)]
    pub(super) config: Map<String, Value>,
}
