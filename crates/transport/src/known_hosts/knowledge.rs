//! What the lists know of a host before it has shown a key: [`KnownHosts::knowledge`]. It compares nothing with the host.

use pabawi_domain::host_key::HostKeyKnowledge;

use super::check::KnownHosts;
use super::error::KnownHostsError;
use super::line::{Hosts, Marker};
use super::lookup::HostLookup;

impl KnownHosts {
    /// What is known of a host's keys. A key that is known and not revoked makes it known. It is revoked when all its
    /// keys are, or when the lists have nothing of it but a revoked key under its own name; a revoked key under a
    /// pattern such as `*` says nothing about one host.
    ///
    /// # Errors
    ///
    /// As [`Self::check`].
    pub fn knowledge(&self, host: &HostLookup) -> Result<HostKeyKnowledge, KnownHostsError> {
        for name in std::iter::once(host.name()).chain(host.fallback()) {
            let mut plain = Vec::new();
            let mut revoked = Vec::new();
            let mut by_name = false;
            self.visit(name, |_, entry| match entry.marker {
                Marker::Plain => plain.push(entry.blob.clone()),
                Marker::Revoked => {
                    by_name |= !matches!(entry.hosts, Hosts::Patterns(_));
                    revoked.push(entry.blob.clone());
                }
                Marker::CertAuthority => {}
            })?;
            if plain.iter().any(|blob| !revoked.contains(blob)) {
                return Ok(HostKeyKnowledge::Known);
            }
            if !plain.is_empty() || by_name {
                return Ok(HostKeyKnowledge::Revoked);
            }
        }
        Ok(HostKeyKnowledge::Unknown)
    }
}
