//! [`SourceSpec`]: a source as it is written down, before it is made.

use std::path::PathBuf;
use std::sync::Arc;

use pabawi_domain::ports::{InventorySource, ToolCommand, ToolRunner};
use serde_json::{Map, Value};

use super::named::Named;
use super::{AnsibleInventory, BoltInventory, CommandInventory, FileInventory, OpensshInventory};
use crate::catalog::{ConfiguredSource, SourceSettings};

/// A source as it is written down.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceSpec {
    /// Its name; made of its kind and place when absent.
    pub name: Option<String>,
    /// What it is.
    pub kind: SourceKind,
    /// How it is asked.
    pub settings: SourceSettings,
    /// Whether it is asked for facts too; as its kind does by itself when absent.
    pub facts: Option<bool>,
}

/// What a source is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SourceKind {
    /// A file with one list of hosts a line.
    Hosts(PathBuf),
    /// An inventory file in YAML or JSON.
    Pabawi(PathBuf),
    /// An inventory of Ansible: a file, a directory or a script.
    Ansible(PathBuf),
    /// A Bolt inventory of version 2.
    Bolt(PathBuf),
    /// An OpenSSH client configuration.
    SshConfig(PathBuf),
    /// A program that prints JSON, with its arguments.
    Command(Vec<String>),
    /// What a plugin makes a source of.
    Other {
        /// The plugin's word for it.
        kind: String,
        /// Everything that was written beside it.
        options: Map<String, Value>,
        /// What relative paths in the options are taken from.
        directory: PathBuf,
    },
}

impl SourceKind {
    /// The words of the kinds that are built in.
    pub const WORDS: [&str; 6] = ["pabawi", "hosts", "ansible", "bolt", "ssh_config", "command"];

    /// A kind that is made of a path, by its word.
    pub(super) fn of_path(word: &str, path: PathBuf) -> Option<Self> {
        Some(match word {
            "pabawi" => Self::Pabawi(path),
            "hosts" => Self::Hosts(path),
            "ansible" => Self::Ansible(path),
            "bolt" => Self::Bolt(path),
            "ssh_config" => Self::SshConfig(path),
            _ => return None,
        })
    }

    /// The priority of such a source when nothing else is said: what is written for this engine wins over what is written
    /// for another tool, and that over what only says how to connect.
    fn priority(&self) -> i32 {
        match self {
            Self::Hosts(_) => 30,
            Self::Pabawi(_) => 20,
            Self::SshConfig(_) => 10,
            _ => 15,
        }
    }
}

impl SourceSpec {
    /// A source with the usual settings.
    pub fn new(kind: SourceKind) -> Self {
        Self { name: None, kind, settings: SourceSettings::default(), facts: None }
    }

    /// Makes the source. Nothing is read or asked yet. `None` for [`SourceKind::Other`], which a plugin has to make.
    pub fn build(&self, tools: &Arc<dyn ToolRunner>) -> Option<ConfiguredSource> {
        let priority = self.settings.priority.unwrap_or_else(|| self.kind.priority());
        let source: Arc<dyn InventorySource> = match &self.kind {
            SourceKind::Hosts(path) => Arc::new(FileInventory::hosts_file(path, priority)),
            SourceKind::Pabawi(path) => Arc::new(FileInventory::inventory_file(path, priority)),
            SourceKind::Ansible(path) => Arc::new(
                AnsibleInventory::new(path, priority).tools(Arc::clone(tools)).timeout(self.settings.timeout),
            ),
            SourceKind::Bolt(path) => Arc::new(
                BoltInventory::new(path, priority).tools(Arc::clone(tools)).timeout(self.settings.timeout),
            ),
            SourceKind::SshConfig(path) => Arc::new(OpensshInventory::new(path, priority)),
            SourceKind::Command(words) => {
                let (program, arguments) = words.split_first()?;
                let mut command = ToolCommand::new(program, arguments);
                command.timeout = self.settings.timeout;
                Arc::new(CommandInventory::new(command, priority, Arc::clone(tools)))
            }
            SourceKind::Other { .. } => return None,
        };
        Some(self.configure(source))
    }

    /// The source under the name and with the settings that are written down.
    pub fn configure(&self, source: Arc<dyn InventorySource>) -> ConfiguredSource {
        let source = match &self.name {
            Some(name) => Arc::new(Named { name: name.clone(), source }),
            None => source,
        };
        (source, self.settings.clone())
    }
}
