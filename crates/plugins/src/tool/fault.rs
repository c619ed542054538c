//! Faults of a tool as ends of nodes: [`fault`], and [`late`] for one that was not done in time.

use pabawi_domain::error::{ErrorCode, NodeError, PluginTrace};
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::{ActionEnd, TransportError};

/// Bytes of the tool's last words that a message shows.
const SHOWN: usize = 2_000;

/// The end of a node whose tool did something wrong, with the last words of the tool.
pub(super) fn fault(
    plugin: &PluginName,
    node: &NodeId,
    message: &str,
    last_words: &str,
    termination: Option<Termination>,
) -> ActionEnd {
    let last_words = last_words.trim();
    let shown = last_words.get(last_words.ceil_char_boundary(last_words.len().saturating_sub(SHOWN))..);
    let message = match shown {
        Some(shown) if !shown.is_empty() => format!("{message}; it said: {shown}"),
        _ => message.to_owned(),
    };
    let stack = (!last_words.is_empty()).then_some(last_words);
    let error = NodeError::new(node.clone(), ErrorCode::PluginFault, message)
        .of_plugin(PluginTrace::new(plugin.clone(), stack));
    ActionEnd::Failed(TransportError { error, may_have_started: true, termination })
}

/// The end of a node whose tool was ended by its limit, which is no fault of the tool's.
pub(super) fn late(node: &NodeId, message: &str, termination: Termination) -> ActionEnd {
    let error = NodeError::new(node.clone(), ErrorCode::RunTimeout, message);
    ActionEnd::Failed(TransportError { error, may_have_started: true, termination: Some(termination) })
}
