//! [`PermissionMap`]: what a capability needs, by what the configuration says and otherwise by the table.

use pabawi_domain::capability::RiskLevel;
use pabawi_domain::id::PluginName;
use pabawi_domain::ports::PermissionName;

use super::table::{CLOUDS, DEFAULTS, DefaultRow, Resource};

/// The capability of tasks.
const TASK: &str = "task.execute";
/// Names of the framework's own, which plugins of v1.x have with `v1-` before them.
const TAKEN: [&str; 2] = ["ssh", "local"];

/// What is said instead of the table: of several that fit, the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instead {
    /// The capability: a name, `category.*`, `*.verb` or `*`.
    pub capability: String,
    /// For this plugin only.
    pub plugin: Option<String>,
    /// Any of these will do; with none of them, only administrators may.
    pub any_of: Vec<PermissionName>,
}

/// Which of Pabawi's permissions a capability is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PermissionMap {
    instead: Vec<Instead>,
}

impl PermissionMap {
    /// The table with these before it.
    pub fn with(instead: Vec<Instead>) -> Self {
        Self { instead }
    }

    /// Whether something is said instead of the table.
    pub(crate) fn is_default(&self) -> bool {
        self.instead.is_empty()
    }

    /// The permissions of which one is needed; with none of them, only an administrator may.
    ///
    /// A name that is a permission of Pabawi already, such as `bolt:execute`, is itself. What neither the configuration nor
    /// the table has is a permission of the plugin's name and of the capability's risk: `read`, `write`, `execute`, `admin`;
    /// and `admin` where the risk is not known.
    ///
    /// What machines of a cloud are told is a task of that `name`, and so is that they are destroyed: each is looked up by its
    /// name, and is `admin` where the table does not have it.
    pub fn needed(
        &self,
        capability: &str,
        name: Option<&str>,
        plugin: Option<&PluginName>,
        risk: Option<RiskLevel>,
    ) -> Vec<PermissionName> {
        let plugin = plugin.map(PluginName::as_str);
        let fits = |instead: &&Instead| {
            matches(&instead.capability, capability)
                && instead.plugin.as_deref().is_none_or(|wanted| plugin == Some(wanted))
        };
        if let Some(instead) = self.instead.iter().find(fits) {
            return instead.any_of.clone();
        }
        if let Some(itself) = PermissionName::parse(capability) {
            return vec![itself];
        }
        let verb =
            name.filter(|_| capability == TASK && plugin.is_some_and(|plugin| CLOUDS.contains(&plugin)));
        let told = verb.map(|verb| format!("machine.{}", verb.replace('.', "_")));
        let (capability, risk) = match &told {
            Some(told) => (told.as_str(), None),
            None => (capability, risk),
        };
        let fits = |row: &&DefaultRow| {
            matches(row.capability, capability)
                && (row.plugins.is_empty() || plugin.is_some_and(|plugin| row.plugins.contains(&plugin)))
        };
        match DEFAULTS.iter().find(fits) {
            Some(DefaultRow { resource: Resource::Named(resource), action, .. }) => {
                vec![PermissionName::new(*resource, *action)]
            }
            Some(DefaultRow { resource: Resource::OfPlugin(any), action, .. }) => match plugin {
                Some(plugin) => vec![PermissionName::new(resource_of(plugin), *action)],
                None => any.iter().map(|resource| PermissionName::new(*resource, *action)).collect(),
            },
            None => {
                let action = risk.unwrap_or(RiskLevel::Admin).as_str();
                plugin.map(|plugin| PermissionName::new(resource_of(plugin), action)).into_iter().collect()
            }
        }
    }
}

/// Pabawi's resources are of small letters, digits and `_`. A plugin of v1.x that could not keep its name has the permissions
/// of that name.
fn resource_of(plugin: &str) -> String {
    let plugin = match plugin.strip_prefix("v1-") {
        Some(own) if TAKEN.contains(&own) => own,
        _ => plugin,
    };
    let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    plugin.chars().map(fit).collect()
}

/// Whether a capability is what the pattern means.
pub(crate) fn matches(pattern: &str, capability: &str) -> bool {
    if pattern == "*" || pattern == capability {
        return true;
    }
    match (pattern.strip_suffix(".*"), pattern.strip_prefix("*.")) {
        (Some(category), _) => capability.split_once('.').is_some_and(|(first, _)| first == category),
        (_, Some(verb)) => capability.rsplit_once('.').is_some_and(|(_, last)| last == verb),
        _ => false,
    }
}

/// Whether a text can be a pattern.
pub(crate) fn is_pattern(text: &str) -> bool {
    let is_part = |part: &str| {
        part == "*"
            || (!part.is_empty()
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
    };
    let is_pair =
        |(first, last): (&str, &str)| is_part(first) && is_part(last) && !(first == "*" && last == "*");
    text == "*" || text.split_once('.').is_some_and(is_pair) || PermissionName::parse(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(map: &PermissionMap, capability: &str, plugin: &str, risk: Option<RiskLevel>) -> String {
        let plugin = (!plugin.is_empty()).then(|| PluginName::new(plugin).unwrap());
        let (capability, name) = match capability.split_once(' ') {
            Some((capability, name)) => (capability, Some(name)),
            None => (capability, None),
        };
        let all = map.needed(capability, name, plugin.as_ref(), risk);
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    /// R10.3: what a capability needs is a permission that Pabawi has.
    #[test]
    fn capabilities_are_permissions_of_pabawi() {
        let map = PermissionMap::default();
        let read = Some(RiskLevel::Read);
        for (capability, plugin, risk, wanted) in [
            ("command.execute", "bolt", None, "bolt:execute"),
            ("command.execute", "ssh", None, "ssh:execute"),
            ("inventory.list", "ansible", None, "ansible:read"),
            ("package.install", "ansible", Some(RiskLevel::Write), "ansible:execute"),
            ("playbook.execute", "ansible", None, "ansible:execute"),
            ("reports.list", "puppetdb", read, "puppetdb:read"),
            ("journal.read", "", None, "journal:read"),
            ("journal.note", "", None, "journal:note"),
            ("journal.prune", "", read, "journal:admin"),
            ("database.backup", "", None, "journal:admin"),
            ("vm.provision", "proxmox", Some(RiskLevel::Admin), "proxmox:provision"),
            ("vm.destroy", "aws", read, "aws:destroy"),
            ("vm.start", "azure", None, "azure:lifecycle"),
            ("vm.start", "other", Some(RiskLevel::Execute), "other:execute"),
            ("task.execute start", "proxmox", Some(RiskLevel::Execute), "proxmox:lifecycle"),
            ("task.execute restart", "azure", None, "azure:lifecycle"),
            ("task.execute terminate", "aws", None, "aws:destroy"),
            ("task.execute provision", "aws", None, "aws:provision"),
            ("task.execute destroy_vm", "proxmox", Some(RiskLevel::Execute), "proxmox:admin"),
            ("task.execute execute", "proxmox", Some(RiskLevel::Execute), "proxmox:admin"),
            ("task.execute x.start", "proxmox", Some(RiskLevel::Execute), "proxmox:admin"),
            ("task.execute", "proxmox", Some(RiskLevel::Execute), "proxmox:lifecycle"),
            ("task.execute start", "bolt", None, "bolt:execute"),
            ("command.execute", "v1-ssh", None, "ssh:execute"),
            ("command.execute", "v1-local", None, "local:execute"),
            ("command.execute", "v1-bolt", None, "v1_bolt:execute"),
            ("executions.list", "", None, "ssh:read bolt:read ansible:read"),
            ("executions.show", "bolt", None, "bolt:read"),
            ("executions.cancel", "", None, "ssh:execute bolt:execute ansible:execute"),
            ("things.list", "my-tool", read, "my_tool:read"),
            ("things.write", "tool", Some(RiskLevel::Write), "tool:write"),
            ("things.do", "tool", None, "tool:admin"),
            ("command.execute", "", None, ""),
            ("hiera:read", "bolt", None, "hiera:read"),
        ] {
            assert_eq!(needed(&map, capability, plugin, risk), wanted, "{capability} on {plugin}");
        }
    }

    #[test]
    fn the_configuration_goes_before_the_table() {
        let instead = |capability: &str, plugin: Option<&str>, any_of: &[&str]| Instead {
            capability: capability.to_owned(),
            plugin: plugin.map(str::to_owned),
            any_of: any_of.iter().filter_map(|text| PermissionName::parse(text)).collect(),
        };
        let map = PermissionMap::with(vec![
            instead("command.*", Some("local"), &["ssh:admin"]),
            instead("executions.cancel", None, &["executions:cancel", "ssh:admin"]),
            instead("*.reset", None, &[]),
        ]);
        assert_eq!(needed(&map, "command.execute", "local", None), "ssh:admin");
        assert_eq!(needed(&map, "command.execute", "ssh", None), "ssh:execute");
        assert_eq!(needed(&map, "executions.cancel", "", None), "executions:cancel ssh:admin");
        assert_eq!(needed(&map, "breakers.reset", "", None), "");
    }

    #[test]
    fn patterns_are_names_with_a_star_for_one_part() {
        for good in ["*", "command.execute", "command.*", "*.list", "bolt:execute"] {
            assert!(is_pattern(good), "{good}");
        }
        for bad in ["", "command", "com*.x", "*.*", "a.b.c", "A.b", "command.", ".x", "**"] {
            assert!(!is_pattern(bad), "{bad}");
        }
        assert!(matches("command.*", "command.execute") && !matches("command.*", "commands.execute"));
        assert!(matches("*.list", "a.list") && !matches("*.list", "a.listing"));
    }
}
