//! What a run reads: [`RunFiles`]. Everything is written for this run alone and is gone after it.

use std::io;
use std::path::PathBuf;

use super::targets::Hosts;
use super::work::{Book, Work};
use super::yaml::literal;
use crate::tool::private_files::{PrivateDirectory, PrivateRoot};

const LINES: &str = include_str!("python/pabawi_lines.py");
const TARGETS: &str = include_str!("python/pabawi_targets.py");

/// The files of a run.
#[derive(Debug)]
pub(super) struct RunFiles {
    /// Removed with it.
    _directory: PrivateDirectory,
    /// The playbook.
    pub(super) playbook: PathBuf,
    /// The hosts, for our inventory plugin.
    pub(super) targets: PathBuf,
    /// Extra variables, where there are some.
    pub(super) variables: Option<PathBuf>,
    /// The password of vaulted files, where the request has one.
    pub(super) vault_password: Option<PathBuf>,
    /// Where our callback plugin is.
    pub(super) callbacks: PathBuf,
    /// Where our inventory plugin is.
    pub(super) inventories: PathBuf,
}

impl RunFiles {
    /// Writes them; waits for the disk.
    ///
    /// # Errors
    /// They cannot be written.
    pub(super) fn write(root: &PrivateRoot, work: &Work, hosts: &Hosts) -> io::Result<Self> {
        let directory = root.directory()?;
        let targets = directory.write("targets.pabawi.yml", hosts.text().as_bytes())?;
        let playbook = match &work.book {
            Book::Written { text, .. } => directory.write("play.yml", text.as_bytes())?,
            Book::File(path) => path.clone(),
        };
        let variables = match work.variables.is_empty() {
            true => None,
            false => {
                let text = literal(&work.variables.clone().into());
                Some(directory.write("variables.yml", text.as_bytes())?)
            }
        };
        let vault_password = work.vault_password.as_ref();
        let vault_password =
            vault_password.map(|password| directory.write("vault", password.as_bytes())).transpose()?;
        let callbacks = directory.folder("callbacks")?;
        directory.write("callbacks/pabawi_lines.py", LINES.as_bytes())?;
        let inventories = directory.folder("inventories")?;
        directory.write("inventories/pabawi_targets.py", TARGETS.as_bytes())?;
        Ok(Self {
            playbook,
            targets,
            variables,
            vault_password,
            callbacks,
            inventories,
            _directory: directory,
        })
    }
}
