//! [`SelectionArgs`]: on which nodes; [`SourceArgs`]: who knows them.

use std::path::PathBuf;

use clap::Args;

/// On which nodes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Nodes")]
pub struct SelectionArgs {
    /// Nodes to run on: names, ranges, globs, groups
    ///
    /// Terms joined by commas: web1, web[01-20/2]-[a,b], web*, @group, all. Globs, groups and 'all' need a
    /// source of nodes (--hosts, --hosts-file, --inventory, --ssh-config); with a source, a name that it
    /// does not know is refused. Without one, every name is a node: a name or alias of ssh_config, or
    /// user@host:port. Given several times, all of them are meant. Defaults to all nodes of --hosts and
    /// --hosts-file.
    #[arg(short = 't', long, value_name = "EXPR")]
    pub targets: Vec<String>,

    /// See [`SourceArgs`].
    #[command(flatten)]
    pub sources: SourceArgs,
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

    /// Inventory file in YAML or JSON (nodes:, groups:)
    #[arg(long, value_name = "FILE")]
    pub inventory: Vec<PathBuf>,

    /// OpenSSH client configuration; its host aliases are nodes, its settings are used to connect
    ///
    /// Without it, ~/.ssh/config and /etc/ssh/ssh_config are used to connect, but name no nodes.
    #[arg(long, value_name = "FILE")]
    pub ssh_config: Option<PathBuf>,
}
