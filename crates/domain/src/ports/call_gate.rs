//! Port [`CallGate`]: what stands before each call of a plugin: whether its caller may, and the plugin's circuit breaker.

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::capability::RiskLevel;
use crate::command_policy::NotAllowed;
use crate::error::ErrorCode;
use crate::id::{CorrelationId, NodeId, PluginName};
use crate::request::Caller;

/// Lets calls of plugins through.
#[async_trait]
pub trait CallGate: Send + Sync + 'static {
    /// Whether the command policy lets its command lines through, and the caller has every permission for it. A denial is
    /// logged, and journalled for each node.
    ///
    /// # Errors
    /// [`CallDenial`], also when nobody could tell.
    async fn authorize(&self, question: &CallQuestion<'_>) -> Result<(), CallDenial>;

    /// Has a call that was made journalled, for each node that it was about. Returns when that is on stable storage, or given up:
    /// it fails no call.
    async fn journal(&self, question: &CallQuestion<'_>, report: &CallReport<'_>) {
        let _ = (question, report);
    }

    /// Whether the plugin's circuit breaker would let a call pass now. Nothing changes by asking.
    fn lets_pass(&self, plugin: &PluginName) -> bool;

    /// Passes the plugin's circuit breaker, once for each call.
    ///
    /// # Errors
    /// Why it does not let the call pass.
    fn pass(&self, question: &CallQuestion<'_>) -> Result<Box<dyn CallPassage>, String>;
}

/// A call that has passed. Dropping it says nothing about the plugin.
pub trait CallPassage: Send {
    /// Says whether the plugin did its work.
    fn end(self: Box<Self>, worked: bool);
}

/// Why a call is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallDenial {
    /// The caller may not, or nobody could tell: why, for the person.
    Denied(String),
    /// The command policy refuses it, whoever asks.
    NotAllowed(Box<NotAllowed>),
}

/// What came of a call.
#[derive(Debug, Clone, Copy)]
pub struct CallReport<'a> {
    /// Its parameters, without secrets.
    pub parameters: &'a Map<String, Value>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Why it failed, where it did.
    pub fault: Option<(ErrorCode, &'a str)>,
}

/// Who wants to call what.
#[derive(Debug, Clone, Copy)]
pub struct CallQuestion<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// By which plugin.
    pub plugin: &'a PluginName,
    /// What.
    pub capability: &'a str,
    /// What it needs, all of it; at least one thing.
    pub permissions: &'a [String],
    /// How much harm it can do.
    pub risk: RiskLevel,
    /// With which parameters.
    pub parameters: &'a Map<String, Value>,
    /// JSON pointers to those that are command lines.
    pub commands: &'a [String],
    /// JSON pointers to those that are secrets.
    pub sensitive: &'a [String],
    /// The nodes that it is about.
    pub nodes: &'a [NodeId],
    /// The request it belongs to.
    pub correlation_id: Option<&'a CorrelationId>,
}
