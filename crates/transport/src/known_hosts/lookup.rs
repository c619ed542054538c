//! The name under which a host stands in a list, and hashed names.
//!
//! Main type: [`HostLookup`]. Hashing is HMAC-SHA1 with a salt per line (`HashKnownHosts` in `ssh_config(5)`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;

use crate::ssh_config::HostSettings;

const DEFAULT_PORT: u16 = 22;
/// Length of SHA-1 and of the salt.
pub(super) const HASH_LENGTH: usize = 20;
pub(super) const HASH_MAGIC: &str = "|1|";

/// How a host is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostLookup {
    name: String,
    fallback: Option<String>,
}

impl HostLookup {
    /// By name or address and port: `host` for port 22, otherwise `[host]:port`, and when that is unknown
    /// `host`, of which a matching key is accepted as well (OpenSSH's "checking without port identifier").
    pub fn new(host: &str, port: u16) -> Self {
        let host = host.to_ascii_lowercase();
        if port == DEFAULT_PORT {
            Self { name: host, fallback: None }
        } else {
            Self { name: format!("[{host}]:{port}"), fallback: Some(host) }
        }
    }

    /// By a `HostKeyAlias`, to which no port is added.
    pub fn alias(alias: &str) -> Self {
        Self { name: alias.to_ascii_lowercase(), fallback: None }
    }

    /// As the configuration of a host says.
    pub fn for_settings(settings: &HostSettings) -> Self {
        match &settings.host_key_alias {
            Some(alias) => Self::alias(alias),
            None => Self::new(&settings.host_name, settings.port),
        }
    }

    /// The name that is written when a key is added.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
    }
}

/// A name of which only the salted hash is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HashedName {
    salt: [u8; HASH_LENGTH],
    hash: [u8; HASH_LENGTH],
}

impl HashedName {
    /// Reads `|1|salt|hash`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (salt, hash) = text.strip_prefix(HASH_MAGIC)?.split_once('|')?;
        let decode = |part: &str| STANDARD.decode(part).ok()?.try_into().ok();
        Some(Self { salt: decode(salt)?, hash: decode(hash)? })
    }

    pub(super) fn of(name: &str, salt: [u8; HASH_LENGTH]) -> Option<Self> {
        Some(Self { salt, hash: hash_name(name, &salt)? })
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        hash_name(name, &self.salt) == Some(self.hash)
    }

    pub(super) fn to_text(&self) -> String {
        format!("{HASH_MAGIC}{}|{}", STANDARD.encode(self.salt), STANDARD.encode(self.hash))
    }
}

fn hash_name(name: &str, salt: &[u8]) -> Option<[u8; HASH_LENGTH]> {
    // HMAC takes keys of any length, so this cannot fail; `None` only keeps the code free of a panic.
    let mut mac = Hmac::<Sha1>::new_from_slice(salt).ok()?;
    mac.update(name.as_bytes());
    Some(mac.finalize().into_bytes().into())
}
