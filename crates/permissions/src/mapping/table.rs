//! The one table: which of Pabawi's permissions each capability is, [`DEFAULTS`]. The first row that fits holds; what no row
//! has is named after the plugin and its risk.
//!
//! Pabawi has permissions for integrations, the journal and its own administration, and none for executions, graphs, plans
//! and breakers: these are what the caller may do with the plugin of the execution, and where no plugin is known with any of
//! those that run commands.

/// The plugins that run commands, in Pabawi's words.
const TOOLS: &[&str] = &["ssh", "bolt", "ansible"];
/// The plugins that tell of nodes.
const SOURCES: &[&str] = &["ssh", "bolt", "ansible", "puppetdb"];
/// The plugins that make and destroy machines.
pub(super) const CLOUDS: &[&str] = &["proxmox", "aws", "azure"];
const ANY: &[&str] = &[];

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct DefaultRow {
    /// The capability: a name, `category.*`, or `*.verb`.
    pub capability: &'static str,
    /// For these plugins only; empty for all, and for what concerns no plugin.
    pub plugins: &'static [&'static str],
    /// The resource.
    pub resource: Resource,
    /// The action.
    pub action: &'static str,
}

/// The resource of a permission.
#[derive(Debug, Clone, Copy)]
pub enum Resource {
    /// This one.
    Named(&'static str),
    /// The plugin's name; where no plugin is known, any of these will do.
    OfPlugin(&'static [&'static str]),
}

use Resource::{Named, OfPlugin};

const fn row(
    capability: &'static str,
    plugins: &'static [&'static str],
    resource: Resource,
    action: &'static str,
) -> DefaultRow {
    DefaultRow { capability, plugins, resource, action }
}

/// The table. `docs/permissions.md` shows it, and a test compares the two.
pub const DEFAULTS: &[DefaultRow] = &[
    // The journal has permissions of its own.
    row("journal.read", ANY, Named("journal"), "read"),
    row("journal.note", ANY, Named("journal"), "note"),
    row("journal.*", ANY, Named("journal"), "admin"),
    // Old records are removed by whoever administers the journal.
    row("executions.prune", ANY, Named("journal"), "admin"),
    // So is the database looked after.
    row("database.*", ANY, Named("journal"), "admin"),
    // The plugins themselves are Pabawi's integration configuration.
    row("plugins.list", ANY, Named("integration_config"), "read"),
    row("plugins.health", ANY, Named("integration_config"), "read"),
    row("plugins.reload", ANY, Named("integration_config"), "configure"),
    // Machines are made and destroyed by permissions of their own.
    row("*.provision", CLOUDS, OfPlugin(ANY), "provision"),
    row("*.create", CLOUDS, OfPlugin(ANY), "provision"),
    row("*.clone", CLOUDS, OfPlugin(ANY), "provision"),
    row("*.destroy", CLOUDS, OfPlugin(ANY), "destroy"),
    row("*.delete", CLOUDS, OfPlugin(ANY), "destroy"),
    row("*.terminate", CLOUDS, OfPlugin(ANY), "destroy"),
    row("*.lifecycle", CLOUDS, OfPlugin(ANY), "lifecycle"),
    row("*.start", CLOUDS, OfPlugin(ANY), "lifecycle"),
    row("*.stop", CLOUDS, OfPlugin(ANY), "lifecycle"),
    row("*.reboot", CLOUDS, OfPlugin(ANY), "lifecycle"),
    row("*.restart", CLOUDS, OfPlugin(ANY), "lifecycle"),
    row("*.suspend", CLOUDS, OfPlugin(ANY), "lifecycle"),
    row("*.resume", CLOUDS, OfPlugin(ANY), "lifecycle"),
    row("*.shutdown", CLOUDS, OfPlugin(ANY), "lifecycle"),
    row("*.deallocate", CLOUDS, OfPlugin(ANY), "lifecycle"),
    // Of a task whose name is not known; otherwise its name is the verb.
    row("task.execute", CLOUDS, OfPlugin(ANY), "lifecycle"),
    // Looking at what was run and how it stands.
    row("executions.list", ANY, OfPlugin(TOOLS), "read"),
    row("executions.show", ANY, OfPlugin(TOOLS), "read"),
    row("graphs.list", ANY, OfPlugin(TOOLS), "read"),
    row("graphs.show", ANY, OfPlugin(TOOLS), "read"),
    row("plans.show", ANY, OfPlugin(TOOLS), "read"),
    row("breakers.show", ANY, OfPlugin(TOOLS), "read"),
    // Orders about it.
    row("executions.cancel", ANY, OfPlugin(TOOLS), "execute"),
    row("graphs.run", ANY, OfPlugin(TOOLS), "execute"),
    row("graphs.cancel", ANY, OfPlugin(TOOLS), "execute"),
    row("plans.create", ANY, OfPlugin(TOOLS), "execute"),
    row("breakers.reset", ANY, OfPlugin(TOOLS), "execute"),
    // Nodes and what is known of them.
    row("inventory.list", ANY, OfPlugin(SOURCES), "read"),
    row("facts.show", ANY, OfPlugin(SOURCES), "read"),
    // What runs on nodes.
    row("facts.collect", ANY, OfPlugin(TOOLS), "execute"),
    row("command.execute", ANY, OfPlugin(ANY), "execute"),
    row("script.execute", ANY, OfPlugin(ANY), "execute"),
    row("file.upload", ANY, OfPlugin(ANY), "execute"),
    row("file.download", ANY, OfPlugin(ANY), "execute"),
    row("task.execute", ANY, OfPlugin(ANY), "execute"),
    row("playbook.execute", ANY, OfPlugin(ANY), "execute"),
    row("plan.execute", ANY, OfPlugin(ANY), "execute"),
    row("package.install", ANY, OfPlugin(ANY), "execute"),
];
