//! The kinds of plugins that a configuration file can name: [`KINDS`]. A line here is all that another kind needs.

use std::sync::Arc;

use pabawi::ports::Plugin;

use crate::config::PluginEntry;

/// A kind of plugin.
pub(super) struct Kind {
    /// The word in the file.
    pub(super) word: &'static str,
    /// Makes one. It starts no process and opens nothing: that is for when it gets ready.
    pub(super) make: fn(&PluginEntry) -> Result<Arc<dyn Plugin>, String>,
}

/// All of them.
pub(super) const KINDS: &[Kind] = &[];

/// The kind of that word.
///
/// # Errors
/// There is none; those that there are are named.
pub(super) fn kind(word: &str) -> Result<&'static Kind, String> {
    KINDS.iter().find(|kind| kind.word == word).ok_or_else(|| {
        let known: Vec<&str> = KINDS.iter().map(|kind| kind.word).collect();
        format!("there is no kind of plugin {word:?}; there are: {}", known.join(", "))
    })
}
