//! [`snapshot`]: from a complete [`Model`] to nodes and groups. Each node shows the variables that are effective for
//! it, in Ansible's order of precedence: `all`, groups by depth, priority and name, their files, the host, its file.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::rc::Rc;

use pabawi_domain::document::Problem;
use pabawi_domain::node::{Node, NodeGroup};
use pabawi_domain::ports::InventorySnapshot;
use serde_json::Value;

use super::connection::{Connection, Effective, Fault, connection, is_secret};
use super::model::{Model, UNGROUPED, Vars};
use super::vars_files::VarsFiles;
use crate::source::SourceError;

/// So many values of groups are copied to their hosts, all hosts together; each takes some hundred bytes at most, unless
/// it is long itself.
const MAX_INHERITED: usize = 10_000_000;
/// At most so many warnings of one kind.
const MAX_WARNINGS: usize = 20;
/// At most so many faults are told.
const MAX_PROBLEMS: usize = 20;

/// What came of a model.
pub(super) struct Built {
    pub(super) snapshot: InventorySnapshot,
    /// Files of variables that only Ansible can decrypt.
    pub(super) vaulted: Vec<std::path::PathBuf>,
}

/// Builds the nodes. Files of variables are looked for below `directory`; without one there are none. `name` names the
/// source in faults.
///
/// # Errors
/// Variables that cannot be used, each with its host; a file of variables that is bad.
pub(super) fn snapshot(mut model: Model, directory: Option<&Path>, name: &str) -> Result<Built, SourceError> {
    let groups_of = model.reconcile();
    let mut built = Built { snapshot: InventorySnapshot::default(), vaulted: Vec::new() };
    let mut of_groups: Vec<Vars> = vec![Vars::new(); model.groups.len()];
    if let Some(directory) = directory {
        let mut files = VarsFiles::of(directory.join("group_vars"));
        for (group, vars) in model.groups.iter().zip(&mut of_groups) {
            *vars = files.vars_of(group.name.as_str())?;
        }
        built.take(files);
        let mut files = VarsFiles::of(directory.join("host_vars"));
        for host in &mut model.hosts {
            host.vars.append(&mut files.vars_of(host.name.as_str())?);
        }
        built.take(files);
    }
    let shared = Shared::of(&model, &groups_of, &of_groups);
    let copies = shared.values <= MAX_INHERITED;
    if !copies {
        built.snapshot.warnings.push(format!(
            "groups give their hosts {} values, more than {MAX_INHERITED}; nodes show only their own variables",
            shared.values
        ));
    }
    let mut hosts = Hosts { copies, ..Hosts::default() };
    let Model { groups, hosts: model_hosts, .. } = &model;
    for (host, place) in model_hosts.iter().zip(&shared.of_host) {
        if let Some(vars) = shared.sets.get(*place) {
            hosts.add(Effective { host: &host.name, own: &host.vars, shared: vars });
        }
    }
    if !hosts.problems.is_empty() {
        return Err(SourceError::Invalid { name: name.to_owned(), problems: hosts.problems });
    }
    built.snapshot.warnings.extend(hosts.warnings);
    let left_out = hosts.left_out;
    built.snapshot.nodes = hosts.nodes;
    let name_of = |at: &usize| groups.get(*at).map(|group| group.name.clone());
    for (group, more) in groups.iter().zip(of_groups).skip(UNGROUPED + 1) {
        let mut vars = group.vars.clone();
        vars.extend(more);
        let mut metadata: BTreeMap<String, Value> =
            vars.into_iter().filter(|(name, _)| !is_secret(name)).collect();
        if group.priority != 1 {
            metadata.insert("ansible_group_priority".to_owned(), group.priority.into());
        }
        built.snapshot.groups.push(NodeGroup {
            name: group.name.clone(),
            sources: Vec::new(),
            nodes: group
                .hosts
                .iter()
                .filter_map(|at| model_hosts.get(*at))
                .map(|host| host.name.clone())
                .filter(|name| !left_out.contains(name))
                .collect(),
            children: group.children.iter().filter_map(name_of).collect(),
            metadata,
        });
    }
    Ok(built)
}

impl Built {
    fn take(&mut self, files: VarsFiles) {
        self.snapshot.warnings.extend(files.warnings.into_iter().take(MAX_WARNINGS));
        self.vaulted.extend(files.vaulted);
    }
}

/// Variables that hosts have from their groups: made once for all hosts that are in the same groups.
struct Shared {
    sets: Vec<Rc<Vars>>,
    of_host: Vec<usize>,
    /// How many values all hosts together have from their groups.
    values: usize,
}

impl Shared {
    fn of(model: &Model, groups_of: &[Vec<usize>], of_groups: &[Vars]) -> Self {
        let depths = model.depths();
        let mut shared = Self { sets: Vec::new(), of_host: Vec::new(), values: 0 };
        let mut known: HashMap<&[usize], usize> = HashMap::new();
        for direct in groups_of {
            let at = *known.entry(direct.as_slice()).or_insert_with(|| {
                let line = model.line_of(direct, &depths);
                let mut vars = Vars::new();
                for group in line.iter().filter_map(|at| model.groups.get(*at)) {
                    vars.extend(group.vars.clone());
                }
                for more in line.iter().filter_map(|at| of_groups.get(*at)) {
                    vars.extend(more.clone());
                }
                shared.sets.push(Rc::new(vars));
                shared.sets.len() - 1
            });
            shared.values = shared.values.saturating_add(shared.sets.get(at).map_or(0, |vars| vars.len()));
            shared.of_host.push(at);
        }
        shared
    }
}

#[derive(Default)]
struct Hosts {
    /// Whether values of groups are copied to the hosts.
    copies: bool,
    nodes: Vec<Node>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    left_out: std::collections::HashSet<pabawi_domain::id::NodeId>,
}

impl Hosts {
    fn add(&mut self, vars: Effective<'_>) {
        let id = vars.host;
        let Connection { endpoint, said, warnings } = match connection(vars) {
            Ok(connection) => connection,
            Err(Fault::Bad(variable, message)) => {
                if self.problems.len() < MAX_PROBLEMS {
                    let field = format!("{id}.{variable}");
                    self.problems.push(Problem { line: 0, column: 0, field, message });
                }
                return;
            }
            Err(Fault::OnlyAnsible(variable, why)) => {
                self.warn(format!("{id}: {variable} {why}; the host is left out"));
                self.left_out.insert(id.clone());
                return;
            }
        };
        for warning in warnings {
            self.warn(format!("{id}: {warning}"));
        }
        let is_shown = |name: &str| !is_secret(name) && !said.contains(&name);
        let mut metadata = BTreeMap::new();
        let inherited = vars.shared.iter().filter(|(name, _)| self.copies && !vars.own.contains_key(*name));
        for (name, value) in inherited.chain(vars.own).filter(|(name, _)| is_shown(name)) {
            metadata.insert(name.clone(), value.clone());
        }
        self.nodes.push(Node { endpoint, metadata: metadata.into(), ..Node::named(id.clone()) });
    }

    fn warn(&mut self, warning: String) {
        match self.warnings.len() {
            0..MAX_WARNINGS => self.warnings.push(warning),
            MAX_WARNINGS => self.warnings.push("there are more warnings of this kind".to_owned()),
            _ => {}
        }
    }
}
