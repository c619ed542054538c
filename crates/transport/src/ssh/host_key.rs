//! Which host keys to ask for, and whether the one that is shown may be trusted: [`HostKeys`].
//!
//! The check stands between key exchange and login: whatever it refuses has learnt neither user name nor
//! credential. Certificates are not asked for, because no authority can be named yet. The functions read files;
//! they are called where blocking is allowed.

use pabawi_domain::error::ErrorCode;
use pabawi_domain::host_key::{HostKeyAcceptance, HostKeyPolicy, HostKeySeen};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::TransportError;

use super::settings::Hop;
use crate::known_hosts::{
    HostLookup, KnownHosts, KnownHostsCache, KnownHostsError, KnownKey, Verdict, fingerprint, key_type,
    order_algorithms,
};

/// Host key algorithms, best first, without certificates and without SHA-1.
const ALGORITHMS: [&str; 6] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
];

/// The lists of known hosts for one login.
#[derive(Debug)]
pub(crate) struct HostKeys {
    node: NodeId,
    known: KnownHosts,
    lookup: HostLookup,
    policy: HostKeyPolicy,
    hash_names: bool,
    configured: Vec<String>,
}

/// A key that may be trusted, and perhaps has to be written down once the login has worked.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// What is told to the caller.
    pub(crate) seen: HostKeySeen,
    add: Option<Vec<u8>>,
}

impl HostKeys {
    pub(crate) fn new(node: &NodeId, hop: &Hop, cache: &KnownHostsCache) -> Self {
        let settings = &hop.settings;
        let configured = match &settings.host_key_algorithms {
            Some(list) => list.apply(&ALGORITHMS),
            None => ALGORITHMS.iter().map(|name| (*name).to_owned()).collect(),
        };
        Self {
            node: node.clone(),
            known: cache
                .open(settings.user_known_hosts_files.clone(), settings.global_known_hosts_files.clone()),
            lookup: HostLookup::for_settings(settings),
            policy: hop.policy,
            hash_names: settings.hash_known_hosts,
            configured,
        }
    }

    /// The algorithms to ask for: those of the keys that are known come first, so that a node that is known by
    /// one key does not look changed because it prefers another.
    pub(crate) fn algorithms(&self) -> Result<Vec<String>, TransportError> {
        let known = self.known.key_types_for(&self.lookup).map_err(|error| self.unreadable(&error))?;
        let names: Vec<&str> =
            self.configured.iter().map(String::as_str).filter(|name| !name.contains("-cert-v01@")).collect();
        Ok(order_algorithms(&known, &names))
    }

    /// Decides about the key that the node shows.
    pub(crate) fn check(&self, blob: &[u8]) -> Result<Accepted, TransportError> {
        let algorithm = key_type(blob).unwrap_or("unknown").to_owned();
        let shown = fingerprint(blob);
        let accept = |accepted, add| Accepted {
            seen: HostKeySeen { algorithm: algorithm.clone(), fingerprint: shown.clone(), accepted },
            add,
        };
        let verdict = self.known.check(&self.lookup, blob).map_err(|error| self.unreadable(&error))?;
        let name = self.lookup.name();
        match verdict {
            Verdict::Match { .. } => Ok(accept(HostKeyAcceptance::Known, None)),
            // A revoked key is refused under every policy: somebody has said that it is in wrong hands.
            Verdict::Revoked { file, line, .. } => Err(self.refuse(
                ErrorCode::HostKeyRevoked,
                format!(
                    "the host key of {name} is revoked in {}:{line}: the node shows {algorithm} {shown}, the \
                     revoked key is {shown}; nothing was sent. The node needs a new host key, or somebody \
                     else answers in its place",
                    file.display()
                ),
            )),
            _ if self.policy == HostKeyPolicy::Off => Ok(accept(HostKeyAcceptance::Unchecked, None)),
            Verdict::Changed { known, .. } => Err(self.refuse(
                ErrorCode::HostKeyChanged,
                format!(
                    "the host key of {name} has changed: the node shows {algorithm} {shown}, known is {}; nothing \
                     was sent. If the node was reinstalled, remove the old key with: ssh-keygen -R '{name}'{}",
                    known.iter().map(describe).collect::<Vec<_>>().join(", "),
                    known.first().map_or_else(String::new, |key| format!(" -f '{}'", key.file.display())),
                ),
            )),
            _ if self.policy == HostKeyPolicy::AcceptNew => {
                Ok(accept(HostKeyAcceptance::Added, Some(blob.to_vec())))
            }
            _ => Err(self.refuse(
                ErrorCode::HostKeyUnknown,
                format!(
                    "the host key of {name} is not known: the node shows {algorithm} {shown}, known is none; \
                     nothing was sent. Compare the fingerprint with the node's (ssh-keygen -lf \
                     /etc/ssh/ssh_host_*_key.pub there) and add the key to {}, or allow new keys with the policy \
                     accept-new",
                    self.known
                        .writable_file()
                        .map_or_else(|| "a known_hosts file".to_owned(), |file| file.display().to_string()),
                ),
            )),
        }
    }

    /// Writes an accepted new key down.
    pub(crate) fn remember(&self, accepted: &Accepted) -> Result<(), TransportError> {
        let Some(blob) = &accepted.add else { return Ok(()) };
        match self.known.add(&self.lookup, blob, self.hash_names) {
            Ok(_) => Ok(()),
            Err(error) => Err(TransportError::before_start(
                &self.node,
                ErrorCode::BadConfig,
                format!("the new host key cannot be written down, so it is not trusted: {error}"),
            )
            .caused_by(&error)),
        }
    }

    fn refuse(&self, code: ErrorCode, message: String) -> TransportError {
        TransportError::before_start(&self.node, code, message)
    }

    fn unreadable(&self, error: &KnownHostsError) -> TransportError {
        TransportError::before_start(
            &self.node,
            ErrorCode::BadConfig,
            format!("the known hosts cannot be used: {error}"),
        )
        .caused_by(error)
    }
}

fn describe(key: &KnownKey) -> String {
    format!("{} {} ({}:{})", key.key_type, key.fingerprint, key.file.display(), key.line)
}
