//! What a capability is called on the command line, and what is done for it: [`actions_of`].

use std::collections::BTreeSet;

use pabawi::ActionKind;
use pabawi::plugin::Capability;

/// What is done for a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As `pab run`.
    Command,
    /// As `pab script`.
    Script,
    /// As `pab copy up`.
    Upload,
    /// As `pab copy down`.
    Download,
    /// Something that a tool does on nodes.
    Tool(ActionKind),
    /// A question that the plugin answers at once.
    Call,
}

/// A capability of a plugin as a command.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PluginAction {
    /// The words behind the plugin's name.
    pub(crate) path: Vec<String>,
    /// Other words for the same, which stay when the plugin learns more.
    pub(crate) long_path: Option<Vec<String>>,
    /// The capability.
    pub(crate) capability: Capability,
    /// What is done for it.
    pub(crate) form: Form,
}

/// Capabilities that plugins have in common, and what they are called.
const COMMON: &[(&str, &str, Form)] = &[
    ("command.execute", "run", Form::Command),
    ("script.execute", "script", Form::Script),
    ("file.upload", "upload", Form::Upload),
    ("file.download", "download", Form::Download),
    ("task.execute", "task", Form::Tool(ActionKind::Task)),
    ("playbook.execute", "playbook", Form::Tool(ActionKind::Playbook)),
    ("plan.execute", "plan", Form::Tool(ActionKind::Plan)),
    ("package.install", "package", Form::Tool(ActionKind::Package)),
    ("facts.collect", "facts", Form::Tool(ActionKind::Facts)),
    ("facts.get", "facts", Form::Call),
    ("inventory.list", "inventory", Form::Call),
    ("events.list", "events", Form::Call),
    ("reports.list", "reports", Form::Call),
    ("query.run", "query", Form::Call),
];

/// The commands of a plugin with these capabilities. What all plugins have in common has the same words everywhere. Of the
/// others, `X.list` is `X list`, and another one is called by its verb where nothing else is, and by category and verb where
/// something is; these two words are always understood.
pub(crate) fn actions_of(capabilities: &[Capability]) -> Vec<PluginAction> {
    let mut actions: Vec<PluginAction> = Vec::new();
    let mut taken: BTreeSet<String> = BTreeSet::from(["help".to_owned()]);
    for (name, word, form) in COMMON {
        let capability = capabilities.iter().find(|capability| capability.name == *name);
        if let Some(capability) = capability
            && taken.insert((*word).to_owned())
        {
            let path = vec![(*word).to_owned()];
            actions.push(PluginAction { path, long_path: None, capability: capability.clone(), form: *form });
        }
    }
    let is_done = |name: &str| actions.iter().any(|action| action.capability.name == name);
    let others: Vec<&Capability> =
        capabilities.iter().filter(|capability| !is_done(&capability.name)).collect();
    let words = |capability: &Capability| -> (String, String) {
        let (category, verb) = capability.name.split_once('.').unwrap_or((&capability.name, "run"));
        (category.replace('_', "-"), verb.replace('_', "-"))
    };
    let categories: BTreeSet<String> = others.iter().map(|capability| words(capability).0).collect();
    for capability in &others {
        let (category, verb) = words(capability);
        let same = others.iter().filter(|other| words(other).1 == verb).count();
        let is_free = same == 1 && !taken.contains(&verb) && !categories.contains(&verb);
        let long = vec![category, verb.clone()];
        let (path, long_path) =
            if is_free && verb != "list" { (vec![verb], Some(long)) } else { (long, None) };
        let capability = (*capability).clone();
        actions.push(PluginAction { path, long_path, capability, form: Form::Call });
    }
    actions
}

#[cfg(test)]
mod tests {
    use pabawi::plugin::RiskLevel;

    use super::*;

    fn names(capabilities: &[&str]) -> Vec<(String, String)> {
        let of = |name: &&str| Capability {
            name: (*name).to_owned(),
            description: "x".to_owned(),
            parameters: true.into(),
            result: None,
            required_permissions: Vec::new(),
            risk: RiskLevel::Read,
            sensitive: Vec::new(),
            commands: Vec::new(),
            idempotent: true,
            timeout_ms: None,
        };
        let all: Vec<Capability> = capabilities.iter().map(of).collect();
        let actions = actions_of(&all);
        assert_eq!(actions.len(), all.len(), "every capability has a command");
        actions.into_iter().map(|action| (action.capability.name, action.path.join(" "))).collect()
    }

    /// R12.8
    #[test]
    fn every_capability_has_words_of_its_own() {
        let puppetdb = [
            "inventory.list",
            "facts.get",
            "reports.list",
            "reports.show",
            "events.list",
            "catalog.show",
            "query.run",
        ];
        let found = names(&puppetdb);
        for (name, words) in [
            ("inventory.list", "inventory"),
            ("facts.get", "facts"),
            ("reports.list", "reports"),
            ("reports.show", "reports show"),
            ("catalog.show", "catalog show"),
            ("query.run", "query"),
        ] {
            assert!(found.contains(&(name.to_owned(), words.to_owned())), "{name}: {found:?}");
        }
        let found = names(&[
            "task.execute",
            "task.list",
            "key.lookup",
            "key.list",
            "vm.start",
            "job.start",
            "x.task",
            "facts.collect",
            "facts.get",
            "site.key",
            "a_b.c_d",
            "odd.help",
        ]);
        for (name, words) in [
            ("task.execute", "task"),
            ("task.list", "task list"),
            ("key.lookup", "lookup"),
            ("key.list", "key list"),
            ("vm.start", "vm start"),
            ("job.start", "job start"),
            // The word is another one's.
            ("x.task", "x task"),
            ("site.key", "site key"),
            ("facts.collect", "facts"),
            ("facts.get", "get"),
            ("a_b.c_d", "c-d"),
            ("odd.help", "odd help"),
        ] {
            assert!(found.contains(&(name.to_owned(), words.to_owned())), "{name}: {found:?}");
        }
    }
}
