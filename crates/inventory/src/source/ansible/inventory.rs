//! [`AnsibleInventory`]: an inventory of Ansible, a file or a directory, as a source.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pabawi_domain::ports::{
    InventorySnapshot, InventorySource, InventorySourceError, ToolCommand, ToolRunner,
};
use pabawi_domain::secret::Secret;
use serde_json::Value;

use super::files::{Content, content, files};
use super::ini::read_ini;
use super::list::{self, Groups, read_list};
use super::model::Model;
use super::snapshot::{Built, snapshot};
use super::yaml::read_yaml;
use crate::source::SourceError;
use crate::source::blocking::blocking;
use crate::source::faults::Faults;
use crate::source::file::revision_of;
use crate::source::tool::{NoAnswer, answer};
use crate::source::tree::below;

/// A script that prints no `_meta` is asked for at most so many hosts one by one.
const MAX_HOST_CALLS: usize = 1_000;

/// An Ansible inventory: INI, YAML, an executable script, or a directory of them, with `group_vars/` and `host_vars/`
/// beside it. What only Ansible can evaluate (plugin configurations, vaulted files, TOML) is asked of
/// `ansible-inventory`, when there is one.
///
/// In a directory, a file that is bad is left out with a warning, as Ansible does; a source of one file is an error then.
pub struct AnsibleInventory {
    path: PathBuf,
    name: String,
    priority: i32,
    tools: Option<Arc<dyn ToolRunner>>,
    program: PathBuf,
    timeout: Duration,
    /// Whether the last answer came from a program, whose next one nobody can foresee.
    was_asked: AtomicBool,
}

impl AnsibleInventory {
    /// An inventory without tools: scripts and what only Ansible can evaluate are errors.
    pub fn new(path: impl Into<PathBuf>, priority: i32) -> Self {
        let path = path.into();
        Self {
            name: format!("ansible:{}", path.display()),
            path,
            priority,
            tools: None,
            program: PathBuf::from("ansible-inventory"),
            timeout: Duration::from_secs(60),
            was_asked: AtomicBool::new(false),
        }
    }

    /// The same with a runner for scripts and `ansible-inventory`.
    #[must_use]
    pub fn tools(mut self, tools: Arc<dyn ToolRunner>) -> Self {
        self.tools = Some(tools);
        self
    }

    /// The same with another `ansible-inventory`: a path, or a name that is looked for in `PATH`.
    #[must_use]
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// The same with another limit for each script and for `ansible-inventory`; one minute unless said otherwise.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Where `group_vars/` and `host_vars/` stand.
    fn directory(&self) -> PathBuf {
        if self.path.is_dir() {
            self.path.clone()
        } else {
            self.path.parent().map_or_else(PathBuf::new, Path::to_owned)
        }
    }

    async fn read(&self) -> Result<InventorySnapshot, SourceError> {
        let path = std::path::absolute(&self.path)
            .map_err(|source| SourceError::Read { path: self.path.clone(), source })?;
        let whole = path.clone();
        let contents = blocking(&self.path, move || {
            let paths = files(&whole)?;
            Ok(paths.into_iter().map(|path| (content(&path), path)).collect::<Vec<_>>())
        })
        .await?;
        let is_one = !path.is_dir();
        let mut parts = Vec::new();
        let mut failures = Vec::new();
        let mut only_ansible = Vec::new();
        self.was_asked.store(false, Ordering::Relaxed);
        for (content, path) in contents {
            match content {
                Ok(Content::Script) => match self.ask_script(&path).await {
                    Ok(answer) => parts.push((path, Part::Script(answer))),
                    Err(message) => failures.push(SourceError::of_file(&path, message)),
                },
                Ok(Content::OnlyAnsible(why)) => only_ansible.push((path, why)),
                Ok(Content::Ini(text)) => parts.push((path, Part::Ini(text))),
                Ok(Content::Yaml(document)) => parts.push((path, Part::Yaml(document))),
                Err(error) => failures.push(error),
            }
        }
        if !only_ansible.is_empty() {
            match self.ask_ansible(&path).await {
                Ok(snapshot) => return Ok(snapshot),
                Err(why) => failures.extend(
                    only_ansible
                        .into_iter()
                        .map(|(path, what)| SourceError::of_file(&path, format!("{what}, and {why}"))),
                ),
            }
        }
        let (name, directory) = (self.path.display().to_string(), self.directory());
        let (Built { mut snapshot, vaulted }, warnings, failures) = blocking(&self.path, move || {
            let (model, warnings) = assemble(&mut parts, &mut failures);
            if (is_one || parts.is_empty())
                && let Some(failure) = failures.pop()
            {
                return Err(failure);
            }
            Ok((snapshot(model, Some(&directory), &name)?, warnings, failures))
        })
        .await?;
        if !vaulted.is_empty() {
            match self.ask_ansible(&path).await {
                Ok(snapshot) => return Ok(snapshot),
                Err(why) => {
                    let warn = |file: &PathBuf| {
                        format!(
                            "{}: is encrypted with Ansible Vault, and {why}; its variables are missing",
                            file.display()
                        )
                    };
                    snapshot.warnings.extend(vaulted.iter().map(warn));
                }
            }
        }
        snapshot.warnings.extend(warnings);
        snapshot
            .warnings
            .extend(failures.into_iter().map(|failure| format!("{failure}; the file is left out")));
        Ok(snapshot)
    }

    /// Everything as `ansible-inventory` sees it.
    async fn ask_ansible(&self, path: &Path) -> Result<InventorySnapshot, String> {
        let Some(tools) = &self.tools else {
            return Err("only ansible-inventory can read it, which is not set up".to_owned());
        };
        self.was_asked.store(true, Ordering::Relaxed);
        let arguments = ["-i".to_owned(), path.display().to_string(), "--list".to_owned()];
        let mut command = ToolCommand::new(&self.program, arguments);
        command.timeout = self.timeout;
        let directory = self.directory();
        // ansible.cfg of the project is found there.
        command.directory = (!directory.as_os_str().is_empty()).then_some(directory);
        // Otherwise a file that it cannot read is a warning, and its hosts are silently missing.
        command
            .environment
            .insert("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED".to_owned(), Secret::new("true"));
        let groups = match answer(&**tools, command).await {
            Ok(Value::Object(groups)) => groups,
            Ok(_) => return Err("ansible-inventory printed JSON that is no object".to_owned()),
            Err(NoAnswer::Missing(message)) => {
                return Err(format!("only ansible-inventory can read it: {message}"));
            }
            Err(NoAnswer::Failed(message)) => return Err(message),
        };
        snapshot_of_list(&self.path.display().to_string(), &groups).map_err(|error| error.to_string())
    }

    async fn ask_script(&self, path: &Path) -> Result<Groups, String> {
        let Some(tools) = &self.tools else {
            return Err("is a script, and running scripts is not set up".to_owned());
        };
        self.was_asked.store(true, Ordering::Relaxed);
        let until = Instant::now() + self.timeout;
        let call = |arguments: Vec<String>| {
            let mut command = ToolCommand::new(path, arguments);
            command.timeout = until.saturating_duration_since(Instant::now());
            answer(&**tools, command)
        };
        let mut groups = match call(vec!["--list".to_owned()]).await.map_err(NoAnswer::message)? {
            Value::Object(groups) => groups,
            _ => return Err("printed JSON that is no object".to_owned()),
        };
        if groups.get("_meta").is_some_and(|meta| meta.get("hostvars").is_some()) {
            return Ok(groups);
        }
        let mut model = Model::new();
        let mut faults = Faults::default();
        read_list(&groups, &mut model, &mut faults);
        if model.hosts.len() > MAX_HOST_CALLS {
            return Err(format!(
                "prints no '_meta' with the variables of its {} hosts, and at most {MAX_HOST_CALLS} are asked for one \
                 by one; let --list print '_meta': {{'hostvars': ...}}",
                model.hosts.len()
            ));
        }
        let mut hostvars = Groups::new();
        for host in &model.hosts {
            let vars =
                call(vec!["--host".to_owned(), host.name.to_string()]).await.map_err(NoAnswer::message)?;
            hostvars.insert(host.name.to_string(), vars);
        }
        groups.insert("_meta".to_owned(), serde_json::json!({ "hostvars": hostvars }));
        Ok(groups)
    }
}

/// What was read of one file.
enum Part {
    Ini(String),
    Yaml(crate::source::yaml11::Document),
    Script(Groups),
}

/// Puts the parts together. A part with faults goes to the failures, and the rest is put together without it; groups
/// may be declared in one file and used in a later one.
fn assemble(parts: &mut Vec<(PathBuf, Part)>, failures: &mut Vec<SourceError>) -> (Model, Vec<String>) {
    // Every turn but the last takes one part away.
    'again: loop {
        let mut model = Model::new();
        let mut warnings = Vec::new();
        let is_last = parts.len() == 1;
        for (at, (path, part)) in parts.iter_mut().enumerate() {
            let mut faults = Faults::default();
            match part {
                Part::Ini(text) => read_ini(text, &mut model, &mut faults),
                Part::Yaml(document) => {
                    faults.warnings.append(&mut document.warnings);
                    // The only part is not needed a second time.
                    let null = crate::source::yaml11::Yaml::nothing();
                    let root = if is_last {
                        std::mem::replace(&mut document.root, null)
                    } else {
                        document.root.clone()
                    };
                    read_yaml(root, &mut model, &mut faults);
                }
                Part::Script(groups) => read_list(groups, &mut model, &mut faults),
            }
            let name = path.display().to_string();
            warnings.extend(faults.warnings.iter().map(|warning| format!("{name}: {warning}")));
            if !faults.problems.is_empty() {
                failures.push(SourceError::Invalid { name, problems: faults.problems });
                parts.remove(at);
                continue 'again;
            }
        }
        return (model, warnings);
    }
}

/// The nodes and groups of what `ansible-inventory --list` or a dynamic script prints.
///
/// # Errors
/// [`SourceError::Invalid`] with every fault, under the source's `name`.
pub(crate) fn snapshot_of_list(name: &str, groups: &Groups) -> Result<InventorySnapshot, SourceError> {
    let mut model = Model::new();
    let mut faults = Faults::default();
    list::read_list(groups, &mut model, &mut faults);
    if !faults.problems.is_empty() {
        return Err(SourceError::Invalid { name: name.to_owned(), problems: faults.problems });
    }
    snapshot(model, None, name).map(|built| built.snapshot)
}

#[async_trait]
impl InventorySource for AnsibleInventory {
    fn name(&self) -> &str {
        &self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    fn revision(&self) -> Option<u64> {
        if self.was_asked.load(Ordering::Relaxed) {
            return None;
        }
        let mut files = below(&self.path);
        if !self.path.is_dir() {
            files.extend(below(&self.directory().join("group_vars")));
            files.extend(below(&self.directory().join("host_vars")));
        }
        Some(revision_of(files))
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        self.read().await.map_err(|error| error.of_source(&self.name))
    }
}
