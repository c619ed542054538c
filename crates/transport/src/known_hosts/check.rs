//! Comparing an offered key with all lists.
//!
//! Main types: [`KnownHosts`] and [`Verdict`]. The rules are those of `check_hostkeys_by_key_or_type()` in
//! OpenSSH's `hostfile.c`; in particular a host that is known only by keys of other types counts as changed
//! (confirmed with OpenSSH 9.2), which is why the key types to ask for must follow [`KnownHosts::key_types_for`].

use std::path::{Path, PathBuf};

use super::cache::KnownHostsCache;
use super::error::KnownHostsError;
use super::fingerprint::fingerprint;
use super::line::{Entry, Marker};
use super::lookup::HostLookup;

/// What the lists say about a key that a host offers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The key is known for this host.
    Match {
        /// The list.
        file: PathBuf,
        /// Counted from 1.
        line: u32,
    },
    /// No key is known for this host.
    Unknown {
        /// Fingerprint of the key offered.
        offered: String,
        /// A certificate authority is known for this host; it does not vouch for plain keys.
        authority: Option<KnownKey>,
    },
    /// Other keys are known for this host, but not this one.
    Changed {
        /// The keys known, those of the offered type first.
        known: Vec<KnownKey>,
        /// Fingerprint of the key offered.
        offered: String,
    },
    /// The key is marked as revoked for this host, whatever else is known.
    Revoked {
        /// The list.
        file: PathBuf,
        /// Counted from 1.
        line: u32,
        /// Fingerprint of the key offered.
        offered: String,
    },
}

/// A key in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// The list.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: u32,
    /// Algorithm name, for example `ssh-ed25519`.
    pub key_type: String,
    /// As `ssh-keygen -l` prints it.
    pub fingerprint: String,
}

/// A line that was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenLine {
    /// The list.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: u32,
    /// What stands there instead of an entry, a fragment such as "no key".
    pub fault: &'static str,
}

/// Several lists that are asked together.
#[derive(Debug, Clone)]
pub struct KnownHosts {
    cache: KnownHostsCache,
    user_files: Vec<PathBuf>,
    global_files: Vec<PathBuf>,
}

impl KnownHosts {
    pub(super) fn new(cache: KnownHostsCache, user_files: Vec<PathBuf>, global_files: Vec<PathBuf>) -> Self {
        Self { cache, user_files, global_files }
    }

    /// Compares the public key blob a host offers with what is known about it.
    ///
    /// # Errors
    ///
    /// When a list exists and cannot be read.
    pub fn check(&self, host: &HostLookup, key_blob: &[u8]) -> Result<Verdict, KnownHostsError> {
        let verdict = self.check_name(host.name(), key_blob)?;
        let (Verdict::Unknown { .. }, Some(plain)) = (&verdict, host.fallback()) else { return Ok(verdict) };
        // Without the port, only a matching or a revoked key says something about this server.
        match self.check_name(plain, key_blob)? {
            found @ (Verdict::Match { .. } | Verdict::Revoked { .. }) => Ok(found),
            Verdict::Unknown { .. } | Verdict::Changed { .. } => Ok(verdict),
        }
    }

    /// The types of the keys known for a host, each once, in file order; empty when none is known.
    ///
    /// # Errors
    ///
    /// As [`Self::check`].
    pub fn key_types_for(&self, host: &HostLookup) -> Result<Vec<String>, KnownHostsError> {
        let mut types = Vec::new();
        for name in std::iter::once(host.name()).chain(host.fallback()) {
            self.visit(name, |_, entry| {
                if entry.marker == Marker::Plain && !types.contains(&entry.key_type) {
                    types.push(entry.key_type.clone());
                }
            })?;
            if !types.is_empty() {
                break;
            }
        }
        Ok(types)
    }

    /// Lines of all lists that could not be read.
    ///
    /// # Errors
    ///
    /// As [`Self::check`].
    pub fn broken_lines(&self) -> Result<Vec<BrokenLine>, KnownHostsError> {
        let mut lines = Vec::new();
        for path in self.files() {
            let broken = self.cache.get(path)?;
            lines.extend(broken.broken.iter().map(|(line, fault)| BrokenLine {
                file: path.to_owned(),
                line: *line,
                fault,
            }));
        }
        Ok(lines)
    }

    pub(super) fn cache(&self) -> &KnownHostsCache {
        &self.cache
    }

    /// The list that new keys are written to.
    pub fn writable_file(&self) -> Option<&Path> {
        self.user_files.first().map(PathBuf::as_path)
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        self.user_files.iter().chain(&self.global_files).map(PathBuf::as_path)
    }

    pub(super) fn visit(
        &self,
        name: &str,
        mut visit: impl FnMut(&Path, &Entry),
    ) -> Result<(), KnownHostsError> {
        for path in self.files() {
            for entry in self.cache.get(path)?.entries_for(name) {
                visit(path, entry);
            }
        }
        Ok(())
    }

    pub(super) fn check_name(&self, name: &str, key_blob: &[u8]) -> Result<Verdict, KnownHostsError> {
        let offered = fingerprint(key_blob);
        let mut matched = None;
        let mut revoked = None;
        let mut authority = None;
        let mut known = Vec::new();
        self.visit(name, |path, entry| {
            let same = *entry.blob == *key_blob;
            let place = || KnownKey {
                file: path.to_owned(),
                line: entry.line,
                key_type: entry.key_type.clone(),
                fingerprint: fingerprint(&entry.blob),
            };
            match entry.marker {
                Marker::Revoked if same => revoked = revoked.take().or_else(|| Some(place())),
                Marker::Plain if same => matched = matched.take().or_else(|| Some(place())),
                Marker::Plain => known.push(place()),
                Marker::CertAuthority => authority = authority.take().or_else(|| Some(place())),
                Marker::Revoked => {}
            }
        })?;
        if let Some(KnownKey { file, line, .. }) = revoked {
            return Ok(Verdict::Revoked { file, line, offered });
        }
        if let Some(KnownKey { file, line, .. }) = matched {
            return Ok(Verdict::Match { file, line });
        }
        if known.is_empty() {
            return Ok(Verdict::Unknown { offered, authority });
        }
        let offered_type = super::fingerprint::key_type(key_blob);
        known.sort_by_key(|key| Some(key.key_type.as_str()) != offered_type);
        Ok(Verdict::Changed { known, offered })
    }
}

/// Puts the algorithms that use keys of the known types first, as OpenSSH's `order_hostkeyalgs()` does, so
/// that a server with several keys shows the one that is known. An RSA key is used through its SHA-2 names.
pub fn order_algorithms(known_types: &[String], algorithms: &[&str]) -> Vec<String> {
    let known = |algorithm: &str| {
        known_types.iter().any(|known| match known.as_str() {
            "ssh-rsa" => matches!(algorithm, "ssh-rsa" | "rsa-sha2-256" | "rsa-sha2-512"),
            other => other == algorithm,
        })
    };
    let mut ordered: Vec<String> = algorithms.iter().map(|name| (*name).to_owned()).collect();
    // The sort is stable, so both parts keep the caller's preference.
    ordered.sort_by_key(|name| !known(name));
    ordered
}
