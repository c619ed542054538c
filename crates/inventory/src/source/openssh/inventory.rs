//! [`OpensshInventory`]: the hosts of an OpenSSH client configuration, ssh_config(5), as a source.
//!
//! ```text
//! Host web1 www          # a block with a HostName is one node, `web1`, with the alias `www`
//!     HostName 192.0.2.1
//!     # Groups: web, production
//! Host db1 db2           # without one, every name is a node of its own
//! ```
//!
//! The settings themselves are the transport's business, which reads the same file: a node's endpoint says nothing, so
//! that the node is connected to under its name with everything that the file says about that name. What stands in the
//! block is shown as metadata.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use pabawi_domain::id::{GroupName, NodeId};
use pabawi_domain::node::Node;
use pabawi_domain::ports::{InventorySnapshot, InventorySource, InventorySourceError};
use serde_json::Value;

use super::include::expand;
use super::lines::{arguments, groups_comment, keyword};
use crate::expression::glob;
use crate::nodeset::MAX_NODES;
use crate::source::SourceError;
use crate::source::blocking::blocking;
use crate::source::faults::Faults;
use crate::source::file::{read_text, revision_of};

/// How deep files may include each other, as with OpenSSH.
const MAX_DEPTH: usize = 16;
/// The most files, counting one again each time it is included.
const MAX_FILES: usize = 1_000;
/// Keywords whose values are shown, and the names under which they are.
const SHOWN: [(&str, &str); 5] = [
    ("hostname", "hostName"),
    ("user", "user"),
    ("port", "port"),
    ("identityfile", "identityFile"),
    ("proxyjump", "proxyJump"),
];

/// A client configuration and what it includes. Patterns with `*` or `?` are no nodes.
#[derive(Debug, Clone)]
pub struct OpensshInventory {
    path: PathBuf,
    name: String,
    priority: i32,
}

impl OpensshInventory {
    /// A configuration that is read on every fetch.
    pub fn new(path: impl Into<PathBuf>, priority: i32) -> Self {
        let path = path.into();
        Self { name: format!("file:{}", path.display()), path, priority }
    }

    /// Reads it now, in the calling thread.
    ///
    /// # Errors
    /// [`SourceError`]: a file that is missing, too large, not understood, or includes itself.
    pub fn read(&self) -> Result<InventorySnapshot, SourceError> {
        let mut reader = Reader::default();
        reader.file(&self.path, &[], 0)?;
        reader.name_by_host();
        Ok(InventorySnapshot {
            nodes: reader.nodes,
            warnings: reader.warnings,
            ..InventorySnapshot::default()
        })
    }
}

#[async_trait]
impl InventorySource for OpensshInventory {
    fn name(&self) -> &str {
        &self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    fn revision(&self) -> Option<u64> {
        // Which files are included only the files tell.
        let mut reader = Reader::default();
        let read = reader.file(&self.path, &[], 0);
        read.is_ok().then(|| revision_of(reader.files))
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        let file = self.clone();
        blocking(&self.path, move || file.read()).await.map_err(|error| error.of_source(&self.name))
    }
}

#[derive(Default)]
struct Reader {
    nodes: Vec<Node>,
    index: HashMap<NodeId, usize>,
    warnings: Vec<String>,
    /// Files that are read at the moment, each within the one before.
    open: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

/// What lines belong to.
enum Block {
    /// Nothing stands before them: they are about every host.
    Top,
    Host(Host),
    Match,
}

/// A block for hosts.
#[derive(Default)]
struct Host {
    line: u64,
    patterns: Vec<String>,
    groups: Vec<GroupName>,
    settings: BTreeMap<String, Value>,
}

impl Reader {
    /// Reads a file. A name counts only where every block around an `Include` covers it.
    fn file(&mut self, path: &Path, around: &[Vec<String>], depth: usize) -> Result<(), SourceError> {
        self.files.push(path.to_owned());
        if self.files.len() > MAX_FILES {
            return Err(SourceError::of_file(path, format!("more than {MAX_FILES} files are included")));
        }
        let text = read_text(path)?;
        self.open.push(std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
        let mut faults = Faults::default();
        let mut block = Block::Top;
        for (line, number) in text.lines().zip(1_u64..) {
            let line = line.trim();
            if let Some(comment) = line.strip_prefix('#') {
                if let (Block::Host(host), Some(names)) = (&mut block, groups_comment(comment)) {
                    self.groups(path, number, names, host);
                }
                continue;
            }
            let Some((keyword, rest)) = keyword(line) else { continue };
            let arguments = match arguments(rest) {
                Some(arguments) if !arguments.is_empty() => arguments,
                Some(_) => {
                    faults.fault(number, 0, &keyword, "has no value");
                    continue;
                }
                None => {
                    faults.fault(number, 0, &keyword, "a quotation mark is not closed");
                    continue;
                }
            };
            match keyword.as_str() {
                "host" => {
                    self.take(path, block, around);
                    block = Block::Host(Host { line: number, patterns: arguments, ..Host::default() });
                }
                "match" => {
                    self.take(path, block, around);
                    block = Block::Match;
                }
                "include" => {
                    let mut around = around.to_vec();
                    match &block {
                        Block::Top => {}
                        Block::Host(host) => around.push(host.patterns.clone()),
                        Block::Match => {
                            let path = path.display();
                            self.warnings.push(format!(
                                "{path}: line {number}: hosts of an Include within a Match are no nodes"
                            ));
                            continue;
                        }
                    }
                    for argument in arguments {
                        self.include(path, number, &argument, &around, depth)?;
                    }
                }
                "port"
                    if arguments
                        .first()
                        .is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) =>
                {
                    let message = format!("{:?} is no port from 1 to 65535", arguments.concat());
                    faults.fault(number, 0, "Port", message);
                }
                _ => {
                    let shown = SHOWN.iter().find(|(known, _)| *known == keyword);
                    if let (Block::Host(host), Some((_, name)), Some(value)) =
                        (&mut block, shown, arguments.first())
                    {
                        let value = if *name == "port" {
                            value.parse::<u16>().map_or(Value::Null, Value::from)
                        } else {
                            value.as_str().into()
                        };
                        // The first value counts (ssh_config(5)).
                        host.settings.entry((*name).to_owned()).or_insert(value);
                    }
                }
            }
        }
        self.take(path, block, around);
        self.open.pop();
        if faults.problems.is_empty() {
            Ok(())
        } else {
            Err(SourceError::Invalid { name: path.display().to_string(), problems: faults.problems })
        }
    }

    /// Makes nodes of a block that has ended.
    fn take(&mut self, path: &Path, block: Block, around: &[Vec<String>]) {
        let Block::Host(host) = block else { return };
        let mut names = Vec::new();
        for name in host.patterns.iter().filter(|name| !name.starts_with('!') && !glob::is_glob(name)) {
            if !around.iter().all(|patterns| covers(patterns, name)) {
                continue;
            }
            match NodeId::new(name) {
                Ok(id) if !names.contains(&id) => names.push(id),
                Ok(_) => {}
                Err(error) => {
                    let path = path.display();
                    self.warnings.push(format!("{path}: line {}: {error}; left out", host.line));
                }
            }
        }
        let is_one_machine =
            host.settings.get("hostName").and_then(Value::as_str).is_some_and(|name| !name.contains('%'));
        if is_one_machine {
            let mut names = names.into_iter();
            if let Some(first) = names.next() {
                self.add(first, names.collect(), &host);
            }
        } else {
            for name in names {
                self.add(name, Vec::new(), &host);
            }
        }
    }

    /// A name that several blocks have is one node; what the first of them says counts.
    fn add(&mut self, id: NodeId, aliases: Vec<NodeId>, host: &Host) {
        if self.nodes.len() as u64 >= MAX_NODES {
            return;
        }
        let at = *self.index.entry(id.clone()).or_insert_with(|| {
            self.nodes.push(Node::named(id));
            self.nodes.len() - 1
        });
        let Some(node) = self.nodes.get_mut(at) else { return };
        for alias in aliases {
            if !node.aliases.contains(&alias) {
                node.aliases.push(alias);
            }
        }
        for group in &host.groups {
            if !node.groups.contains(group) {
                node.groups.push(group.clone());
            }
        }
        for (name, value) in &host.settings {
            if !node.metadata.contains_key(name) {
                node.metadata.insert(name.as_str(), value.clone());
            }
        }
    }

    /// The host that a block names is another name of its node, by which other sources may know it; not when several
    /// blocks name it, or when it takes a port or a jump host to tell which machine is meant.
    fn name_by_host(&mut self) {
        let text = |node: &Node, key: &str| node.metadata.get(key).and_then(Value::as_str).map(str::to_owned);
        let mut nodes_of: HashMap<String, usize> = HashMap::new();
        for host in self.nodes.iter().filter_map(|node| text(node, "hostName")) {
            *nodes_of.entry(host).or_default() += 1;
        }
        for node in &mut self.nodes {
            let is_plain = node.metadata.get("port").is_none_or(|port| *port == 22)
                && !node.metadata.contains_key("proxyJump");
            let Some(host) = text(node, "hostName").filter(|host| is_plain && nodes_of.get(host) == Some(&1))
            else {
                continue;
            };
            if let Ok(name) = NodeId::new(&host)
                && !host.contains('%')
                && !self.index.contains_key(&name)
                && !node.aliases.contains(&name)
            {
                node.aliases.push(name);
            }
        }
    }

    fn groups(&mut self, path: &Path, line: u64, names: &str, host: &mut Host) {
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match GroupName::new(name) {
                Ok(name) if !host.groups.contains(&name) => host.groups.push(name),
                Ok(_) => {}
                Err(error) => {
                    self.warnings.push(format!("{}: line {line}: {error}; left out", path.display()))
                }
            }
        }
    }

    fn include(
        &mut self,
        path: &Path,
        line: u64,
        argument: &str,
        around: &[Vec<String>],
        depth: usize,
    ) -> Result<(), SourceError> {
        if depth >= MAX_DEPTH {
            return Err(SourceError::of_line(
                path,
                line,
                format!("more than {MAX_DEPTH} files include each other"),
            ));
        }
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let pattern = match argument.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            // What is relative lies beside the user's own configuration (ssh_config(5) Include).
            None => home.join(".ssh").join(argument),
        };
        for included in expand(&pattern, MAX_FILES + 1) {
            let canonical = std::fs::canonicalize(&included).unwrap_or_else(|_| included.clone());
            if self.open.contains(&canonical) {
                let message = format!("Include of {} forms a loop", included.display());
                return Err(SourceError::of_line(path, line, message));
            }
            self.file(&included, around, depth + 1)?;
        }
        Ok(())
    }
}

/// Whether a list of patterns covers a name: one matches and no negated one does.
fn covers(patterns: &[String], name: &str) -> bool {
    let matches = |pattern: &str| glob::covers(pattern, name);
    !patterns.iter().any(|pattern| pattern.strip_prefix('!').is_some_and(matches))
        && patterns.iter().any(|pattern| matches(pattern))
}
