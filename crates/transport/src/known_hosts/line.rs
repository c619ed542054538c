//! One line of a list of known hosts.
//!
//! Main type: [`Entry`]. A line that is neither empty, a comment nor well-formed is reported, never guessed at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::fingerprint::key_type;
use super::lookup::{HASH_MAGIC, HashedName};
use crate::ssh_config::{PatternVerdict, pattern_list_verdict};

/// What a key on a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// The key of the host itself.
    Plain,
    /// `@cert-authority`: may sign host certificates, is never a host's own key.
    CertAuthority,
    /// `@revoked`: must not be accepted.
    Revoked,
}

/// For which hosts a line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hosts {
    /// Names without wildcards or negation, in lower case.
    Names(Vec<String>),
    /// A pattern list in lower case.
    Patterns(String),
    Hashed(HashedName),
}

impl Hosts {
    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Names(names) => names.iter().any(|known| known == name),
            Self::Patterns(list) => pattern_list_verdict(name, list) == PatternVerdict::Match,
            Self::Hashed(hashed) => hashed.matches(name),
        }
    }
}

/// A well-formed line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Counted from 1.
    pub(super) line: u32,
    pub(super) marker: Marker,
    pub(super) hosts: Hosts,
    pub(super) key_type: String,
    pub(super) blob: Box<[u8]>,
}

/// Reads one line; `Ok(None)` for an empty line or a comment, `Err` with the fault of a broken one.
pub(super) fn parse_line(number: u32, text: &str) -> Result<Option<Entry>, &'static str> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let mut fields = text.split([' ', '\t']).filter(|field| !field.is_empty());
    let mut hosts = fields.next().ok_or("no host names")?;
    let marker = match hosts {
        "@cert-authority" => Marker::CertAuthority,
        "@revoked" => Marker::Revoked,
        other if other.starts_with('@') => return Err("an unknown marker"),
        _ => Marker::Plain,
    };
    if marker != Marker::Plain {
        hosts = fields.next().ok_or("no host names after the marker")?;
    }
    let name = fields.next().ok_or("no key type")?;
    let encoded = fields.next().ok_or("no key")?;
    let blob = STANDARD.decode(encoded).map_err(|_| "a key that is not base64")?;
    if key_type(&blob) != Some(name) {
        return Err("a key whose type is not the one named before it");
    }
    let hosts = parse_hosts(hosts)?;
    Ok(Some(Entry { line: number, marker, hosts, key_type: name.to_owned(), blob: blob.into() }))
}

fn parse_hosts(text: &str) -> Result<Hosts, &'static str> {
    if text.starts_with(HASH_MAGIC) {
        return HashedName::parse(text).map(Hosts::Hashed).ok_or("a malformed hashed name");
    }
    if text.starts_with('|') {
        return Err("a name hashed in an unknown way");
    }
    let list = text.to_ascii_lowercase();
    if list.contains(['*', '?', '!']) {
        return Ok(Hosts::Patterns(list));
    }
    Ok(Hosts::Names(list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()))
}
