//! How host keys are checked, [`HostKeyPolicy`], what is known before, [`HostKeyKnowledge`], and what was seen,
//! [`HostKeySeen`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is done with the key a node shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HostKeyPolicy {
    /// Only keys that are known are accepted.
    #[default]
    Strict,
    /// A node that is not known yet is accepted and its key is written down. A changed or revoked key is
    /// refused.
    AcceptNew,
    /// Every key is accepted. Each use is journalled.
    Off,
}

/// What this side knows of a node's host key before the node has shown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HostKeyKnowledge {
    /// A key of the node is known. Whether the node still has it is seen when it is reached.
    Known,
    /// None is known.
    Unknown,
    /// Those that are known are marked as revoked.
    Revoked,
    /// The lists of known hosts cannot be read.
    Unreadable,
}

impl HostKeyKnowledge {
    /// The word that is shown, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Unknown => "unknown",
            Self::Revoked => "revoked",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A node's key as it was shown, and why it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostKeySeen {
    /// Algorithm name, for example `ssh-ed25519` (RFC 8709).
    pub algorithm: String,
    /// `SHA256:` and unpadded base64, as ssh-keygen(1) prints it.
    pub fingerprint: String,
    /// Why the key was accepted.
    pub accepted: HostKeyAcceptance,
}

/// Why a host key was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HostKeyAcceptance {
    /// It stands in a known-hosts file.
    Known,
    /// The node was unknown and its key has been written down (`accept-new`).
    Added,
    /// Nothing was checked (`off`): an exception that is journalled.
    Unchecked,
}
