//! Everything that decides what an execution would do: [`PreviewBasis`]. A plan's hash is taken over it, and two of them
//! are compared when a plan is applied. It holds no secret, no id and no time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{NodeId, PluginName};
use crate::node::Endpoint;
use crate::output::ContentHash;
use crate::preview::Reach;
use crate::request::ExecutionRequest;

/// Everything that decides what would happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewBasis {
    /// How it is put together; another number is another hash for the same request.
    pub format: u32,
    /// The request with `***` in place of secrets, without ids and without contents: the targets stand below, as does
    /// the hash of a script. A canary has its seed.
    pub request: ExecutionRequest,
    /// The targets by the names of their nodes. Where the rollout has an order, each says its place.
    pub targets: Vec<BasisTarget>,
    /// Contents that would be brought to the nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<BasisFile>,
}

impl PreviewBasis {
    /// The format that this version makes.
    pub const FORMAT: u32 = 1;
}

/// A target and the way to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BasisTarget {
    /// The node.
    pub node: NodeId,
    /// The transport that was chosen.
    pub transport: PluginName,
    /// What the inventory says; a password is `***`.
    pub endpoint: Endpoint,
    /// Where that leads.
    pub reach: Reach,
    /// Its wave, or its place where one node follows the other, from 1; absent where all run side by side, so that the
    /// order of an inventory does not matter there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<u64>,
}

/// A content that would be brought to the nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BasisFile {
    /// What it is, for a person: `script deploy.sh`, `file /srv/app`, `standard input`.
    pub what: String,
    /// Its length in bytes; for a directory, that of all files in it.
    pub bytes: u64,
    /// Permission bits that it would have on the nodes; absent where nothing is left there, and where the request names
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// SHA-256 of the content. For a directory, of the names, kinds, permissions and contents in it.
    pub sha256: ContentHash,
}
