//! [`SelectionArgs`]: on which nodes; [`SourceArgs`]: who knows them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pabawi::inventory::Dialect;
use serde::{Deserialize, Serialize};

/// On which nodes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Nodes")]
pub struct SelectionArgs {
    /// Nodes to run on: names, ranges, globs, groups, facts, last outcomes
    ///
    /// Terms: web1, web[01-20/2]-[a,b], web*, ~regex~, @group, @source:group, all, fact(os.family=Debian),
    /// last(failed), last(unreachable, 24h). They are joined by ',' (both), '&' (in both), '!' (without) and '^'
    /// (in one only), from left to right without precedence; parentheses group. Globs, groups and 'all' need a
    /// source of nodes (--hosts, --hosts-file, --inventory, --ssh-config); with a source, a name that it
    /// does not know is refused. Without one, every name is a node: a name or alias of ssh_config, or
    /// user@host:port. Given several times, all of them are meant. Defaults to all nodes of --hosts and
    /// --hosts-file.
    #[arg(short = 't', long, value_name = "EXPR")]
    pub targets: Vec<String>,

    /// See [`DialectArgs`].
    #[command(flatten)]
    pub dialect: DialectArgs,

    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
}

/// In which language nodes are named.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Nodes")]
pub struct DialectArgs {
    /// In which language nodes are named: that of pab, host patterns of Ansible, or targets of Bolt
    #[arg(long, value_enum, value_name = "DIALECT", default_value_t = DialectArg::Pabawi)]
    pub dialect: DialectArg,

    /// Only those of them that this Ansible pattern selects too; @FILE reads patterns, one a line
    #[arg(long, value_name = "PATTERN")]
    pub limit: Option<String>,
}

/// A language in which nodes are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DialectArg {
    /// web[01-20]!@db
    #[default]
    Pabawi,
    /// web:&prod:!db*
    Ansible,
    /// web*,ssh://root@db1
    Bolt,
}

impl DialectArg {
    /// The other tool's language; none for that of `pab`.
    pub(crate) fn foreign(self) -> Option<Dialect> {
        match self {
            Self::Pabawi => None,
            Self::Ansible => Some(Dialect::Ansible),
            Self::Bolt => Some(Dialect::Bolt),
        }
    }
}

/// Who knows the nodes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Nodes")]
pub struct SourceArgs {
    /// Nodes as a comma list: web1,db[1-3],root@10.0.0.5:2222
    #[arg(long, value_name = "LIST")]
    pub hosts: Vec<String>,

    /// File with nodes, one (or one comma list) a line; '#' starts a comment
    #[arg(long, value_name = "FILE")]
    pub hosts_file: Vec<PathBuf>,

    /// Inventory: our own file, one of Ansible or Bolt, or a list of sources
    ///
    /// What kind it is shows by its content: YAML or JSON with nodes: or groups: is our own, with targets: Bolt's, with
    /// sources: a list of sources with their settings; INI, other YAML, a directory and a program are Ansible's. A word
    /// before it decides by itself: ansible:hosts, bolt:inventory.yaml, hosts:, pabawi:, ssh_config:, sources:. May be
    /// given several times.
    #[arg(long, value_name = "PATH", env = "PABAWI_INVENTORY", hide_env = true)]
    pub inventory: Vec<PathBuf>,

    /// OpenSSH client configuration; its host aliases are nodes, its settings are used to connect
    ///
    /// Without it, ~/.ssh/config and /etc/ssh/ssh_config are used to connect, but name no nodes.
    #[arg(long, value_name = "FILE")]
    pub ssh_config: Option<PathBuf>,
}
