//! What `pab` itself has to remember with a plan, so that it can be applied with the same options: [`Planned`]. It holds no
//! secret: those are asked for again.

use std::path::{Path, PathBuf};

use pabawi::{GroupName, HostKeyPolicy};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::args::{
    BreakerArgs, ConnectArgs, DialectArg, DialectArgs, HostKeysArg, LoginArgs, SelectionArgs, SourceArgs,
    TrustArgs,
};
use crate::exit::Failure;
use crate::request::absolute;
use crate::sources::absolute_inventory;

/// Options that are no part of a request. Paths are absolute, since a plan may be applied from another folder.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Planned {
    /// `--targets`; the request may have them from the lists of hosts.
    targets: Vec<String>,
    dialect: DialectArg,
    limit: Option<String>,
    hosts: Vec<String>,
    hosts_file: Vec<PathBuf>,
    inventory: Vec<PathBuf>,
    ssh_config: Option<PathBuf>,
    user: Option<String>,
    port: Option<u16>,
    identity: Vec<PathBuf>,
    /// A login password was asked for.
    pub(crate) ask_password: bool,
    host_keys: Option<HostKeyPolicy>,
    known_hosts: Vec<PathBuf>,
    node_breaker: Option<u32>,
    group_breaker: Option<u32>,
    breaker_groups: Vec<GroupName>,
    /// The file of a script, unless it was read from standard input.
    pub(crate) script: Option<PathBuf>,
}

impl Planned {
    /// What was given.
    pub(crate) fn of(
        selection: &SelectionArgs,
        connect: &ConnectArgs,
        breakers: &BreakerArgs,
        script: Option<&PathBuf>,
    ) -> Self {
        // The home folder is the same from everywhere, and ssh_config(5) has its own way to write it.
        let fixed = |path: &PathBuf| if path.starts_with("~") { path.clone() } else { absolute(path) };
        let all = |paths: &[PathBuf]| paths.iter().map(fixed).collect();
        let (sources, trust) = (&selection.sources, &connect.trust);
        Self {
            targets: selection.targets.clone(),
            dialect: selection.dialect.dialect,
            limit: selection.dialect.limit.as_deref().map(limit_from_everywhere),
            hosts: sources.hosts.clone(),
            hosts_file: all(&sources.hosts_file),
            inventory: sources.inventory.iter().map(|path| absolute_inventory(path)).collect(),
            ssh_config: sources.ssh_config.as_deref().map(absolute),
            user: connect.login.user.clone(),
            port: connect.login.port,
            identity: all(&connect.login.identity),
            ask_password: trust.ask_password,
            host_keys: trust.host_keys.map(crate::open::host_key_policy),
            known_hosts: all(&trust.known_hosts),
            node_breaker: breakers.node_breaker,
            group_breaker: breakers.group_breaker,
            breaker_groups: breakers.breaker_groups.clone(),
            script: script.map(|path| absolute(path)),
        }
    }

    /// Read back from a plan.
    ///
    /// # Errors
    /// A plan that another surface has made in its own way.
    pub(crate) fn read(value: Value) -> Result<Self, Failure> {
        if value.is_null() {
            return Ok(Self::default());
        }
        let what = "the plan was not made by this version of pab";
        serde_json::from_value(value).map_err(|error| Failure::usage(format!("{what}: {error}")))
    }

    /// As it is stored.
    ///
    /// # Errors
    /// A path that is not UTF-8.
    pub(crate) fn write(&self) -> Result<Value, Failure> {
        serde_json::to_value(self).map_err(|error| Failure::usage(format!("options of a plan: {error}")))
    }

    /// On which nodes.
    pub(crate) fn selection(&self) -> SelectionArgs {
        SelectionArgs {
            targets: self.targets.clone(),
            dialect: DialectArgs { dialect: self.dialect, limit: self.limit.clone() },
            sources: SourceArgs {
                hosts: self.hosts.clone(),
                hosts_file: self.hosts_file.clone(),
                inventory: self.inventory.clone(),
                ssh_config: self.ssh_config.clone(),
            },
        }
    }

    /// How nodes are reached, as far as the request does not say it.
    pub(crate) fn connect(&self, ask_password: bool) -> ConnectArgs {
        ConnectArgs {
            login: LoginArgs { user: self.user.clone(), port: self.port, identity: self.identity.clone() },
            trust: TrustArgs {
                ask_password,
                host_keys: self.host_keys.map(|policy| match policy {
                    HostKeyPolicy::Strict => HostKeysArg::Strict,
                    HostKeyPolicy::AcceptNew => HostKeysArg::AcceptNew,
                    HostKeyPolicy::Off => HostKeysArg::Off,
                }),
                known_hosts: self.known_hosts.clone(),
            },
            ..ConnectArgs::default()
        }
    }

    /// When nodes are no longer asked.
    pub(crate) fn breakers(&self) -> BreakerArgs {
        BreakerArgs {
            node_breaker: self.node_breaker,
            group_breaker: self.group_breaker,
            breaker_groups: self.breaker_groups.clone(),
        }
    }
}

/// The limit with the paths of its files seen from this process's directory.
fn limit_from_everywhere(limit: &str) -> String {
    let pieces = limit.split(',').map(|piece| match piece.trim().strip_prefix('@') {
        Some(file) => format!("@{}", absolute(Path::new(file)).display()),
        None => piece.to_owned(),
    });
    pieces.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_the_same_when_they_are_read_back() {
        let selection = SelectionArgs {
            targets: vec!["@web".into()],
            dialect: DialectArgs { dialect: DialectArg::Ansible, limit: Some("@retry,web1".into()) },
            sources: SourceArgs {
                hosts: vec!["a,b".into()],
                hosts_file: vec!["hosts".into()],
                inventory: vec!["/nodes.yaml".into()],
                ssh_config: Some("config".into()),
            },
        };
        let connect = ConnectArgs {
            login: LoginArgs {
                user: Some("ops".into()),
                port: Some(2222),
                identity: vec!["key".into(), "~/.ssh/other".into()],
            },
            trust: TrustArgs {
                ask_password: true,
                host_keys: Some(HostKeysArg::AcceptNew),
                known_hosts: vec!["known".into()],
            },
            ..ConnectArgs::default()
        };
        let breakers = BreakerArgs {
            node_breaker: Some(3),
            group_breaker: Some(5),
            breaker_groups: vec![GroupName::new("dc1").unwrap()],
        };
        let planned = Planned::of(&selection, &connect, &breakers, Some(&"deploy.sh".into()));
        let read = Planned::read(planned.write().unwrap()).unwrap();
        assert_eq!(read, planned);
        let again =
            Planned::of(&read.selection(), &read.connect(true), &read.breakers(), read.script.as_ref());
        assert_eq!(again, planned);
        assert!(planned.script.unwrap().is_absolute() && planned.identity[0].is_absolute());
        assert_eq!(planned.identity[1], std::path::Path::new("~/.ssh/other"));
        assert_eq!(Planned::read(Value::Null).unwrap(), Planned::default());
        assert!(Planned::read(Value::from("x")).is_err());
    }
}
