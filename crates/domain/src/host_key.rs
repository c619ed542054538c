//! How host keys are checked, [`HostKeyPolicy`], and what was seen, [`HostKeySeen`].

use serde::{Deserialize, Serialize};

/// What is done with the key a node shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
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

/// A node's key as it was shown, and why it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HostKeyAcceptance {
    /// It stands in a known-hosts file.
    Known,
    /// The node was unknown and its key has been written down (`accept-new`).
    Added,
    /// Nothing was checked (`off`): an exception that is journalled.
    Unchecked,
}
