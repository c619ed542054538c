//! The kinds of plugins that a configuration file can name: [`KINDS`]. A line here is all that another kind needs.

use std::sync::Arc;

use pabawi::ansible::AnsiblePlugin;
use pabawi::bolt::BoltPlugin;
use pabawi::ports::Plugin;
use pabawi::puppetdb::PuppetDbPlugin;

use crate::config::PluginEntry;

/// A kind of plugin.
pub(super) struct Kind {
    /// The word in the file.
    pub(super) word: &'static str,
    /// How one comes about.
    pub(super) make: Make,
}

/// How a plugin comes about.
pub(super) enum Make {
    /// It is a part of `pab`. This starts no process and opens nothing: that is for when it gets ready.
    BuiltIn(fn(&PluginEntry) -> Arc<dyn Plugin>),
    /// It is the program at `path`, which is asked what it is.
    Program,
}

/// All of them.
pub(super) const KINDS: &[Kind] = &[
    Kind { word: "ansible", make: Make::BuiltIn(ansible) },
    Kind { word: "bolt", make: Make::BuiltIn(bolt) },
    Kind { word: "puppetdb", make: Make::BuiltIn(puppetdb) },
    Kind { word: "external", make: Make::Program },
];

/// The kind of that word.
///
/// # Errors
/// There is none; those that there are are named.
pub(super) fn kind(word: &str) -> Result<&'static Kind, String> {
    KINDS.iter().find(|kind| kind.word == word).ok_or_else(|| {
        let known: Vec<&str> = KINDS.iter().map(|kind| kind.word).collect();
        format!("there is no kind of plugin {word:?}; write kind = with one of {}", known.join(", "))
    })
}

fn ansible(entry: &PluginEntry) -> Arc<dyn Plugin> {
    let plugin = pabawi::ansible::plugin(entry.name.clone());
    Arc::new(plugin.with_priority(entry.priority.unwrap_or(AnsiblePlugin::PRIORITY)))
}

fn bolt(entry: &PluginEntry) -> Arc<dyn Plugin> {
    let plugin = pabawi::bolt::plugin(entry.name.clone());
    Arc::new(plugin.with_priority(entry.priority.unwrap_or(BoltPlugin::PRIORITY)))
}

fn puppetdb(entry: &PluginEntry) -> Arc<dyn Plugin> {
    let plugin = PuppetDbPlugin::new(entry.name.clone());
    Arc::new(plugin.with_priority(entry.priority.unwrap_or(PuppetDbPlugin::PRIORITY)))
}
