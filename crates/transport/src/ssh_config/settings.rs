//! What resolving an alias yields, and what a caller may override.
//!
//! Main types: [`HostSettings`] and [`Overrides`]. Both are plain values: they open no file.

use std::path::PathBuf;
use std::time::Duration;

/// Largest number of jump hosts on the way to one host.
pub const MAX_JUMPS: usize = 8;

/// Values that come from the caller (command line, inventory) and win over every file, as options of `ssh` do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Remote user; also what `Match user` sees.
    pub user: Option<String>,
    /// Remote TCP port.
    pub port: Option<u16>,
    /// Keys that are tried before those of the configuration.
    pub identity_files: Vec<PathBuf>,
    /// Jump hosts, nearest first; `Some(vec![])` means none.
    pub proxy_jump: Option<Vec<JumpHop>>,
    /// Time to connect.
    pub connect_timeout: Option<Duration>,
}

/// One `[user@]host[:port]` of `ProxyJump`. The host is itself an alias that has to be resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JumpHop {
    /// User on the jump host, if named.
    pub user: Option<String>,
    /// Alias, name or address of the jump host.
    pub host: String,
    /// TCP port, if named.
    pub port: Option<u16>,
}

/// Where the authentication agent listens (`IdentityAgent`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum IdentityAgent {
    /// The socket named by `SSH_AUTH_SOCK`.
    #[default]
    Environment,
    /// No agent is asked.
    Disabled,
    /// This socket.
    Socket(PathBuf),
}

/// `StrictHostKeyChecking`, as far as a file sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrictHostKeyChecking {
    /// `yes`: unknown and changed keys are refused.
    Yes,
    /// `ask`: there is nobody to ask here, so callers treat it as [`Self::Yes`].
    Ask,
    /// `accept-new`: unknown keys are added, changed ones refused.
    AcceptNew,
    /// `no` or `off`.
    Off,
}

/// A list of algorithm names as in `HostKeyAlgorithms`: a replacement, or a change to the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlgorithmList {
    /// Exactly these.
    Replace(Vec<String>),
    /// `+`: the defaults, then these.
    Append(Vec<String>),
    /// `-`: the defaults without these, which may contain wildcards.
    Remove(Vec<String>),
    /// `^`: these, then the defaults.
    Prepend(Vec<String>),
}

impl AlgorithmList {
    /// The names that result from the defaults of the caller, in order of preference and without repetition.
    pub fn apply(&self, defaults: &[&str]) -> Vec<String> {
        let defaults = defaults.iter().map(|name| (*name).to_owned());
        let names: Vec<String> = match self {
            Self::Replace(names) => names.clone(),
            Self::Append(names) => defaults.chain(names.iter().cloned()).collect(),
            Self::Prepend(names) => names.iter().cloned().chain(defaults).collect(),
            Self::Remove(patterns) => defaults
                .filter(|name| !patterns.iter().any(|pattern| super::pattern::matches_pattern(name, pattern)))
                .collect(),
        };
        let mut unique: Vec<String> = Vec::with_capacity(names.len());
        for name in names {
            if !unique.contains(&name) {
                unique.push(name);
            }
        }
        unique
    }
}

/// Everything the configuration says about one host, with tokens, `~` and `${VARIABLE}` expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSettings {
    /// The name that was resolved, as given (`%n`).
    pub alias: String,
    /// Name or address to connect to, in lower case (`%h`).
    pub host_name: String,
    /// TCP port.
    pub port: u16,
    /// Remote user.
    pub user: String,
    /// Private key files in the order in which to try them.
    pub identity_files: Vec<PathBuf>,
    /// No file named a key, so [`Self::identity_files`] is OpenSSH's default list and a missing one is no error.
    pub identity_files_are_default: bool,
    /// Only the keys of [`Self::identity_files`] may be offered, also when an agent holds more.
    pub identities_only: bool,
    /// The agent to ask.
    pub identity_agent: IdentityAgent,
    /// Jump hosts, nearest first, as written; see [`super::SshConfig::resolve_route`].
    pub proxy_jump: Vec<JumpHop>,
    /// Time for TCP, key exchange and authentication together; `None` when unset.
    pub connect_timeout: Option<Duration>,
    /// Silence after which the server is asked for a sign of life; `None` when unset or 0.
    pub server_alive_interval: Option<Duration>,
    /// Unanswered questions after which the connection counts as dead. OpenSSH's default is 3.
    pub server_alive_count_max: u32,
    /// The user's lists of known hosts; keys are added to the first.
    pub user_known_hosts_files: Vec<PathBuf>,
    /// The system's lists of known hosts; never written.
    pub global_known_hosts_files: Vec<PathBuf>,
    /// What to do with unknown keys; `None` when no file says so.
    pub strict_host_key_checking: Option<StrictHostKeyChecking>,
    /// The name to look up in the lists of known hosts instead of the host name and port.
    pub host_key_alias: Option<String>,
    /// Host key algorithms; `None` when unset.
    pub host_key_algorithms: Option<AlgorithmList>,
    /// Whether names added to a list of known hosts are hashed.
    pub hash_known_hosts: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithm_lists_change_the_defaults() {
        let names = |text: &[&str]| text.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let defaults = ["a", "b-1", "b-2"];
        assert_eq!(AlgorithmList::Replace(names(&["x", "x"])).apply(&defaults), ["x"]);
        assert_eq!(AlgorithmList::Append(names(&["x", "a"])).apply(&defaults), ["a", "b-1", "b-2", "x"]);
        assert_eq!(AlgorithmList::Remove(names(&["b-*"])).apply(&defaults), ["a"]);
        assert_eq!(AlgorithmList::Prepend(names(&["b-2"])).apply(&defaults), ["b-2", "a", "b-1"]);
    }
}
