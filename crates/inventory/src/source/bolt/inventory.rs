//! [`BoltInventory`]: an inventory file of a Bolt project as a source.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::node::NodeGroup;
use pabawi_domain::ports::{
    InventorySnapshot, InventorySource, InventorySourceError, ToolCommand, ToolRunner,
};
use serde_json::Value;

use super::extended::with_targets;
use super::merged::Merged;
use super::read::{LIMITS, Read, read};
use super::shown::shown;
use super::target::{metadata, node};
use super::tree::Tree;
use crate::source::SourceError;
use crate::source::blocking::blocking;
use crate::source::faults::Faults;
use crate::source::file::{read_text, revision_of};
use crate::source::tool::{NoAnswer, answer};
use crate::source::yaml11;

/// So many values of groups are copied to their targets, all targets together.
const MAX_INHERITED: usize = 10_000_000;

/// An `inventory.yaml` of Bolt, version 2. Where it has references to plugins (`_plugin`), `bolt inventory show` is asked,
/// when there is a `bolt`; without it, the groups with references are left out with a warning, and a reference that is
/// about all targets is an error.
pub struct BoltInventory {
    path: PathBuf,
    name: String,
    priority: i32,
    tools: Option<Arc<dyn ToolRunner>>,
    program: PathBuf,
    timeout: Duration,
    /// Whether the last answer came from Bolt, whose next one nobody can foresee.
    was_asked: AtomicBool,
}

impl BoltInventory {
    /// An inventory without Bolt: an inventory file, or the directory of a project that has one.
    pub fn new(path: impl Into<PathBuf>, priority: i32) -> Self {
        let path: PathBuf = path.into();
        Self {
            name: format!("bolt:{}", path.display()),
            path,
            priority,
            tools: None,
            program: PathBuf::from("bolt"),
            timeout: Duration::from_secs(300),
            was_asked: AtomicBool::new(false),
        }
    }

    /// The same with a runner for `bolt`.
    #[must_use]
    pub fn tools(mut self, tools: Arc<dyn ToolRunner>) -> Self {
        self.tools = Some(tools);
        self
    }

    /// The same with another `bolt`: a path, or a name that is looked for in `PATH`.
    #[must_use]
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// The same with another limit for `bolt`; five minutes unless said otherwise.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The file as JSON, with these targets, as Bolt describes them, behind its own at the top level. Reads the file in the
    /// calling thread.
    ///
    /// # Errors
    /// It cannot be read, or cannot take targets.
    pub fn with_targets(&self, targets: Vec<Value>) -> Result<Value, SourceError> {
        with_targets(&self.file(), targets)
    }

    fn file(&self) -> PathBuf {
        if self.path.is_dir() {
            let short = self.path.join("inventory.yml");
            if short.is_file() { short } else { self.path.join("inventory.yaml") }
        } else {
            self.path.clone()
        }
    }

    async fn load(&self) -> Result<InventorySnapshot, SourceError> {
        let file = self.file();
        let project = match file.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory.to_owned(),
            _ => PathBuf::from("."),
        };
        self.was_asked.store(false, Ordering::Relaxed);
        let work = {
            let (file, project) = (file.clone(), project.clone());
            move || parse(&file, &project)
        };
        let Parsed { read, snapshot, has_targets } = blocking(&file, work).await?;
        if read.references.is_empty() {
            return Ok(snapshot);
        }
        let why = match self.ask_bolt(&project).await {
            Ok(snapshot) => return Ok(snapshot),
            Err(why) => why,
        };
        let said = |(line, field, plugin): &(u64, String, String)| {
            let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
            format!("line {line}: {field}is a reference to the plugin {plugin}, and {why}")
        };
        if read.needs_bolt || !has_targets {
            let all: Vec<String> = read.references.iter().map(said).collect();
            return Err(SourceError::of_file(&file, all.join("; ")));
        }
        let mut snapshot = snapshot;
        let name = file.display();
        snapshot.warnings.extend(
            read.references.iter().map(|reference| format!("{name}: {}; it is left out", said(reference))),
        );
        Ok(snapshot)
    }

    async fn ask_bolt(&self, project: &Path) -> Result<InventorySnapshot, String> {
        let Some(tools) = &self.tools else {
            return Err("only bolt can resolve it, which is not set up".to_owned());
        };
        self.was_asked.store(true, Ordering::Relaxed);
        let arguments = ["inventory", "show", "--format", "json", "--detail"];
        let mut command = ToolCommand::new(&self.program, arguments);
        command.directory = Some(project.to_owned());
        command.timeout = self.timeout;
        // An inventory at another place than Bolt expects it.
        let file = std::path::absolute(self.file()).map_err(|error| error.to_string())?;
        if !matches!(file.file_name().and_then(|name| name.to_str()), Some("inventory.yaml")) {
            command.arguments.extend(["--inventoryfile".to_owned(), file.display().to_string()]);
        }
        let answer = answer(&**tools, command).await.map_err(|error| match error {
            NoAnswer::Missing(message) => format!("only bolt can resolve it: {message}"),
            NoAnswer::Failed(message) => message,
        })?;
        shown(&format!("output of {}", self.program.display()), &answer, project)
            .map_err(|error| error.to_string())
    }
}

struct Parsed {
    read: Read,
    snapshot: InventorySnapshot,
    has_targets: bool,
}

fn parse(file: &Path, project: &Path) -> Result<Parsed, SourceError> {
    let name = file.display().to_string();
    let invalid = |problems| SourceError::Invalid { name: name.clone(), problems };
    let text = read_text(file)?;
    let document = yaml11::read(&text, LIMITS).map_err(|problem| invalid(vec![problem]))?;
    let mut read = read(document.root);
    if !read.faults.problems.is_empty() {
        return Err(invalid(std::mem::take(&mut read.faults.problems)));
    }
    let mut faults = Faults::default();
    let mut snapshot = snapshot(&read.tree, project, &mut faults);
    if !faults.problems.is_empty() {
        return Err(invalid(faults.problems));
    }
    let warnings = document.warnings.iter().chain(&read.faults.warnings);
    snapshot.warnings.splice(0..0, warnings.map(|warning| format!("{name}: {warning}")));
    let has_targets = !snapshot.nodes.is_empty();
    Ok(Parsed { read, snapshot, has_targets })
}

fn snapshot(tree: &Tree, project: &Path, faults: &mut Faults) -> InventorySnapshot {
    let mut snapshot = InventorySnapshot::default();
    let mut merged = Merged::of(tree);
    let mut copied = 0;
    for (at, target) in tree.targets.iter().enumerate() {
        if faults.is_full() {
            break;
        }
        let data = merged.data(at);
        copied += data.config.len() + data.vars.len() + data.facts.len() + data.features.len();
        if copied > MAX_INHERITED {
            faults.fault(0, 0, "", format!("gives its targets more than {MAX_INHERITED} values together"));
            break;
        }
        match node(&target.name, target.uri.as_deref(), &data, project) {
            Ok((mut node, warning)) => {
                snapshot.warnings.extend(warning);
                node.aliases.clone_from(&target.aliases);
                snapshot.nodes.push(node);
            }
            Err((field, error)) => faults.fault(0, 0, &format!("{}.{field}", target.name), error),
        }
    }
    let name_of = |at: &usize| tree.groups.get(*at).map(|group| group.name.clone());
    for group in tree.groups.iter().skip(1) {
        snapshot.groups.push(NodeGroup {
            name: group.name.clone(),
            sources: Vec::new(),
            nodes: group
                .order
                .iter()
                .filter_map(|at| tree.targets.get(*at))
                .map(|target| target.name.clone())
                .collect(),
            children: group.groups.iter().filter_map(name_of).collect(),
            metadata: metadata(&group.data),
        });
    }
    snapshot
}

#[async_trait]
impl InventorySource for BoltInventory {
    fn name(&self) -> &str {
        &self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    fn revision(&self) -> Option<u64> {
        (!self.was_asked.load(Ordering::Relaxed)).then(|| revision_of([self.file()]))
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        self.load().await.map_err(|error| error.of_source(&self.name))
    }
}
