//! What a capability is called on the command line, and what is done for it: [`actions_of`].

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
}

/// A capability of a plugin as a command.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PluginAction {
    /// The words behind the plugin's name.
    pub(crate) path: Vec<String>,
    /// The capability.
    pub(crate) capability: Capability,
    /// What is done for it.
    pub(crate) form: Form,
}

/// Capabilities that all plugins have in common, and what they are called.
const COMMON: &[(&str, &str, Form)] = &[
    ("command.execute", "run", Form::Command),
    ("script.execute", "script", Form::Script),
    ("file.upload", "upload", Form::Upload),
    ("file.download", "download", Form::Download),
    ("task.execute", "task", Form::Tool(ActionKind::Task)),
    ("playbook.execute", "playbook", Form::Tool(ActionKind::Playbook)),
    ("plan.execute", "plan", Form::Tool(ActionKind::Plan)),
    ("package.install", "package", Form::Tool(ActionKind::Package)),
];

/// The commands of a plugin with these capabilities.
pub(crate) fn actions_of(capabilities: &[Capability]) -> Vec<PluginAction> {
    let common = COMMON.iter().filter_map(|(name, word, form)| {
        let capability = capabilities.iter().find(|capability| capability.name == *name)?.clone();
        Some(PluginAction { path: vec![(*word).to_owned()], capability, form: *form })
    });
    common.collect()
}
