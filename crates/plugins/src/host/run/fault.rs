//! Faults of plugins as errors of nodes: [`fault`]. Each names node, plugin, code and, where there is one, the stack
//! (R7.4).

use pabawi_domain::action::Action;
use pabawi_domain::cut;
use pabawi_domain::error::{ErrorCode, NodeError, PluginTrace};
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::panic_guard::Panic;
use pabawi_domain::ports::{PluginError, TransportError};
use pabawi_domain::redact::Redactor;

/// What a plugin did wrong.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) plugin: PluginName,
    pub(super) code: ErrorCode,
    pub(super) message: String,
    pub(super) stack: Option<String>,
}

impl Fault {
    /// Without a code and a stack of the plugin's own.
    pub(super) fn new(plugin: &PluginName, message: impl Into<String>) -> Self {
        Self {
            plugin: plugin.clone(),
            code: ErrorCode::PluginFault,
            message: cut::message(message),
            stack: None,
        }
    }

    /// A panic of the plugin's.
    pub(super) fn panicked(plugin: &PluginName, when: &str, panic: Panic) -> Self {
        let stack = panic.stack.as_deref().map(PluginTrace::cut);
        Self { stack, ..Self::new(plugin, format!("{when}: {panic}")) }
    }

    /// The same without the secrets of the action that it happened with.
    pub(super) fn without_secrets(mut self, action: Option<&Action>) -> Self {
        if let Some(redactor) = action.and_then(Redactor::of_action) {
            self.message = redactor.text(&self.message).into_owned();
            self.stack = self.stack.map(|stack| redactor.text(&stack).into_owned());
        }
        self
    }

    /// As a failure on one node.
    pub(super) fn on(&self, node: &NodeId, may_have_started: bool) -> TransportError {
        let trace = PluginTrace::new(self.plugin.clone(), self.stack.as_deref());
        let text = format!("plugin {}: {}", self.plugin, self.message);
        let error = NodeError::new(node.clone(), self.code, text).of_plugin(trace);
        TransportError { error, may_have_started, termination: None }
    }
}

impl From<PluginError> for Fault {
    fn from(error: PluginError) -> Self {
        let PluginError { plugin, code, message, stack } = error;
        let stack = stack.as_deref().map(PluginTrace::cut);
        Self { plugin, code, message: cut::message(message), stack }
    }
}
