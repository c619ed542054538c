//! [`VarsFiles`]: variables from `group_vars/` and `host_vars/` beside an inventory, found as Ansible's
//! `host_group_vars` plugin finds them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pabawi_domain::document::Problem;
use serde_json::Value;

use super::model::Vars;
use super::yaml::LIMITS;
use crate::source::SourceError;
use crate::source::file::read_text;
use crate::source::yaml11;

/// In the order in which Ansible looks; the first that is there is taken.
const ENDINGS: [&str; 4] = ["", ".yml", ".yaml", ".json"];
/// How deep directories of variables may stand in each other.
const MAX_DEPTH: usize = 16;
/// The most files of one host or group.
const MAX_FILES: usize = 10_000;

/// One of the two directories.
#[derive(Debug)]
pub(super) struct VarsFiles {
    directory: PathBuf,
    entries: BTreeSet<String>,
    pub(super) warnings: Vec<String>,
    /// Files that are encrypted as a whole; their variables are missing.
    pub(super) vaulted: Vec<PathBuf>,
}

impl VarsFiles {
    /// Lists a directory; one that is not there has no files.
    pub(super) fn of(directory: PathBuf) -> Self {
        let entries = std::fs::read_dir(&directory)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        Self { directory, entries, warnings: Vec::new(), vaulted: Vec::new() }
    }

    /// The variables of a host or group.
    ///
    /// # Errors
    /// A file that cannot be read or is not a mapping.
    pub(super) fn vars_of(&mut self, name: &str) -> Result<Vars, SourceError> {
        let mut vars = Vars::new();
        if self.entries.is_empty() {
            return Ok(vars);
        }
        // A name with a '/' is no entry, so nothing outside of the directory is read.
        let found =
            ENDINGS.iter().map(|ending| format!("{name}{ending}")).find(|name| self.entries.contains(name));
        let Some(found) = found else { return Ok(vars) };
        let path = self.directory.join(found);
        let mut files = Vec::new();
        if path.is_dir() {
            files_in(&path, MAX_DEPTH, &mut files)?;
        } else {
            files.push(path);
        }
        for file in files {
            vars.append(&mut self.read(&file)?);
        }
        Ok(vars)
    }

    fn read(&mut self, path: &Path) -> Result<Vars, SourceError> {
        let text = read_text(path)?;
        if text.starts_with("$ANSIBLE_VAULT;") {
            self.vaulted.push(path.to_owned());
            return Ok(Vars::new());
        }
        let name = path.display().to_string();
        let invalid = |problem: Problem| SourceError::Invalid { name: name.clone(), problems: vec![problem] };
        let document = yaml11::read(&text, LIMITS).map_err(invalid)?;
        self.warnings.extend(document.warnings.iter().map(|warning| format!("{name}: {warning}")));
        let (line, column, kind) = (document.root.line, document.root.column, document.root.kind());
        match document.root.into_json() {
            Value::Object(vars) => Ok(vars),
            Value::Null => Ok(Vars::new()),
            _ => {
                let message = format!("must be a mapping of variables, found {kind}");
                Err(invalid(Problem { line, column, field: String::new(), message }))
            }
        }
    }
}

fn files_in(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let failed = |source| SourceError::Read { path: directory.to_owned(), source };
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .map_err(failed)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') && !name.ends_with('~'))
        .collect();
    names.sort_unstable();
    for name in names {
        let path = directory.join(&name);
        let ending =
            path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
        if path.is_dir() {
            // A directory with a dot in its name is passed over, as Ansible does.
            if ending.is_empty() {
                if depth == 0 {
                    return Err(failed(std::io::Error::other("directories stand too deep in each other")));
                }
                files_in(&path, depth - 1, files)?;
            }
        } else if path.is_file() && ENDINGS.contains(&ending.as_str()) {
            if files.len() >= MAX_FILES {
                return Err(failed(std::io::Error::other(format!("holds more than {MAX_FILES} files"))));
            }
            files.push(path);
        }
    }
    Ok(())
}
