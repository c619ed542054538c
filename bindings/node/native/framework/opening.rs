//! What the TypeScript half opens a framework with: [`Opening`], the options and what the host's objects are.

use pabawi::host_database::HostDialect;
use pabawi::json::FrameworkOptions;
use serde::Deserialize;
use serde_json::Value;

/// What the TypeScript half opens a framework with.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct Opening {
    /// What a person wrote.
    pub(super) options: FrameworkOptions,
    /// Who decides about callers; nobody, so that all is denied, when absent.
    pub(super) authorizer: Option<AuthorizerKind>,
    /// There is a logger.
    pub(super) logger: bool,
    /// There is a database of the host, of this kind.
    pub(super) host_database: Option<HostDialect>,
    /// There is a journal service of the host.
    pub(super) host_journal: bool,
    /// There is a performance monitor.
    pub(super) performance_monitor: bool,
    /// Plugins of Pabawi v1.x.
    pub(super) plugins: Vec<ObjectOptions>,
}

/// Who decides about callers.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum AuthorizerKind {
    /// Everybody may do everything.
    AllowAll,
    /// Pabawi's permission service is asked for `resource:action`.
    Permissions,
    /// A function of the host is asked the whole question.
    Function,
}

/// An object of the host that is a plugin of Pabawi v1.x.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ObjectOptions {
    /// The number by which the host finds it.
    pub(super) object: u32,
    /// What it is called.
    pub(super) name: String,
    /// `{enabled, name, type, config, priority}`, or nothing.
    #[serde(default)]
    pub(super) config: Value,
}
