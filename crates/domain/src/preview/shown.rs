//! What is shown of an execution before it runs: [`ExecutionPreview`]. Permissions, breakers and host keys are shown as
//! they are now; they are no part of the plan's hash.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::action::ActionKind;
use crate::breaker::BreakerStatus;
use crate::host_key::HostKeyKnowledge;
use crate::id::{ExecutionId, NodeId, PluginName};
use crate::preview::{BasisFile, PlanHash, Reach};
use crate::request::ExecutionRequest;

/// What an execution would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionPreview {
    /// By which it is applied.
    pub hash: PlanHash,
    /// When it was made, UTC.
    pub created_at: Timestamp,
    /// When it can no longer be applied, UTC.
    pub expires_at: Timestamp,
    /// The kind of action.
    pub action_kind: ActionKind,
    /// What would be done, in one line.
    pub action_text: String,
    /// The request without secrets and without contents.
    pub request: ExecutionRequest,
    /// Limits as they would be in force.
    pub limits: PreviewLimits,
    /// Why the request as a whole is denied, also where each node by itself is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<String>,
    /// Sizes of the waves; empty where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<u64>,
    /// The targets in the order in which they would be taken.
    pub targets: Vec<PreviewTarget>,
    /// Contents that would be brought to the nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<BasisFile>,
    /// Circuit breakers of these nodes and transports that are not closed or have seen failures lately.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakers: Vec<BreakerStatus>,
    /// The execution that has applied this plan already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_by: Option<ExecutionId>,
}

/// Limits as they would be in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PreviewLimits {
    /// Nodes at once.
    pub concurrency: u64,
    /// For reaching a node and logging in, in milliseconds.
    pub connect_ms: u64,
    /// For the action on one node, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_ms: Option<u64>,
    /// For the whole execution, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_ms: Option<u64>,
    /// Failures that are tolerated; any number when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerated_failures: Option<u64>,
    /// Attempts on one node, the first one included.
    pub attempts: u32,
}

/// One target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewTarget {
    /// The node.
    pub node: NodeId,
    /// The transport.
    pub transport: PluginName,
    /// Where to, and as whom.
    pub reach: Reach,
    /// The user as whom the action would run, where it changes the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as: Option<String>,
    /// Its wave, from 1, where there are waves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<u64>,
    /// What is known of its host key; absent where the transport has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<HostKeyKnowledge>,
    /// Whether the caller may do this there.
    pub permission: Permission,
    /// Why there is no way to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Whether a caller may do something to a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Permission {
    /// Yes.
    Allowed,
    /// No.
    Denied {
        /// Why.
        reason: String,
    },
}
