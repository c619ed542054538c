//! [`Guard`]: who decides about the callers of this `pab`, and which commands may be run at all. It reads the policy file that
//! the configuration names, and puts both into a framework.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pabawi::permissions::{
    PabawiTables, PermissionName, PermissionTables, Permissions, Policy, parse_policy,
};
use pabawi::ports::Authorizer;
use pabawi::{AllowAll, FrameworkBuilder};

use crate::args::SourceArgs;
use crate::command::config::no_faults;
use crate::config::{Database, Fault, GuardEntry, PermissionsEntry, Placed, look};
use crate::exit::Failure;
use crate::sources::sources;

/// The most that is read of a policy file, in bytes.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Who decides about callers, and which commands may be run. Cloning gives another handle.
#[derive(Clone, Default)]
pub(crate) struct Guard(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Who decides, where that is compiled in.
    authorizer: Option<Arc<dyn Authorizer>>,
    /// What the configuration files say; nothing where they have faults.
    entry: Option<GuardEntry>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.0.entry).finish()
    }
}

impl Guard {
    /// `entry` is what the configuration files say, where they have no faults: with faults nobody may do anything.
    pub(crate) fn new(authorizer: Option<Arc<dyn Authorizer>>, entry: Option<GuardEntry>) -> Self {
        Self(Arc::new(Inner { authorizer, entry }))
    }

    /// Whether somebody has to be asked before something is shown or done.
    pub(crate) fn decides(&self) -> bool {
        let Inner { authorizer, entry } = &*self.0;
        authorizer.is_some() || entry.as_ref().is_none_or(|entry| entry.permissions.is_some())
    }

    /// A framework that asks for it. Where nobody decides, whoever may start this program may do all that it can: the
    /// machine's own permissions decide.
    ///
    /// # Errors
    /// A policy file or another setting of it is bad.
    pub(crate) fn set_up(&self, mut builder: FrameworkBuilder) -> Result<FrameworkBuilder, Failure> {
        let Inner { authorizer, entry } = &*self.0;
        // Without an authorizer everything is denied.
        let Some(GuardEntry { permissions, command_policy }) = entry else { return Ok(builder) };
        if let Some(policy) = command_policy {
            builder = builder.command_policy(policy.clone());
        }
        match (authorizer, permissions) {
            (Some(authorizer), None) => Ok(builder.shared_authorizer(Arc::clone(authorizer))),
            (None, None) => Ok(builder.authorizer(AllowAll)),
            (_, Some(entry)) => match self.permissions(entry) {
                Ok((permissions, _)) => Ok(builder.permissions(permissions)),
                Err(faults) => no_faults(&faults).map(|()| builder),
            },
        }
    }

    /// What is wrong with the settings; Pabawi's tables are asked something.
    pub(crate) async fn faults(&self) -> Vec<Fault> {
        let Some(PermissionsEntry { database, .. }) = self.entry() else { return Vec::new() };
        let tables = match self.entry().map(|entry| self.permissions(entry)) {
            Some(Err(faults)) => return faults,
            Some(Ok((_, tables))) => tables,
            None => None,
        };
        let (Some(tables), Some(database)) = (tables, database) else { return Vec::new() };
        match tables.look_up("", &PermissionName::new("ssh", "read")).await {
            Ok(_) => Vec::new(),
            Err(error) => vec![Fault::at(&database.origin, "permissions.database", error.to_string())],
        }
    }

    fn entry(&self) -> Option<&PermissionsEntry> {
        self.0.entry.as_ref()?.permissions.as_ref()
    }

    /// What the entry says, with the tables of Pabawi where it names them.
    fn permissions(
        &self,
        entry: &PermissionsEntry,
    ) -> Result<(Permissions, Option<Arc<PabawiTables>>), Vec<Fault>> {
        let here = |path: &str, text: &str| Fault::at(&entry.origin, path, text);
        if self.0.authorizer.is_some() {
            return Err(vec![here("permissions", "this pab decides about callers by itself; leave it out")]);
        }
        let mut faults = Vec::new();
        let policy = entry.policy.as_ref().map(read).transpose().unwrap_or_else(|mut told| {
            faults.append(&mut told);
            None
        });
        let tables = entry.database.as_ref().map(tables).transpose().unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        let names_nodes = policy.as_ref().is_some_and(Policy::looks_at_nodes);
        if names_nodes && entry.inventory.is_empty() {
            let text = "is missing; rules of the policy name nodes, and with other sources of nodes callers could say \
                        themselves which these are";
            faults.push(here("permissions.inventory", text));
        }
        let nodes = sources(&SourceArgs {
            inventory: entry.inventory.iter().map(Into::into).collect(),
            ..SourceArgs::default()
        });
        if let Err(failure) = &nodes {
            let text = failure.message.trim_start_matches("--inventory: ");
            faults.push(here("permissions.inventory", text));
        }
        let shared = tables.clone().map(|tables| tables as Arc<dyn PermissionTables>);
        let mut permissions = match (shared, policy) {
            (Some(tables), None) => Permissions::of_tables(tables),
            (Some(tables), Some(policy)) => Permissions::of_tables(tables).restricted_by(policy),
            (None, policy) => Permissions::of_policy(policy.unwrap_or_default()),
        };
        if let Some(fresh) = entry.fresh {
            permissions = permissions.fresh_for(fresh);
        }
        if let (Ok(nodes), true) = (nodes, names_nodes) {
            permissions = permissions.nodes_of(Arc::new(nodes.resolver()));
        }
        if let Err(error) = permissions.check() {
            let origin = entry.policy.as_ref().map_or(&entry.origin, |policy| &policy.origin);
            faults.extend(error.fields.into_iter().map(|field| Fault::at(origin, field.path, field.message)));
        }
        if faults.is_empty() { Ok((permissions, tables)) } else { Err(faults) }
    }
}

/// Pabawi's tables, which are not opened yet.
fn tables(Placed { value, origin }: &Placed<Database>) -> Result<Arc<PabawiTables>, Fault> {
    let tables = match value {
        Database::File(path) => Ok(PabawiTables::sqlite(path)),
        Database::Postgres(url) => PabawiTables::postgres(url),
    };
    tables.map(Arc::new).map_err(|error| Fault::at(origin, "permissions.database", error.to_string()))
}

/// The policy of a file.
fn read(Placed { value: file, origin }: &Placed<PathBuf>) -> Result<Policy, Vec<Fault>> {
    let failed = |error: std::io::Error| {
        let text = format!("{} cannot be read: {error}", file.display());
        vec![Fault::at(origin, "permissions.policy", text)]
    };
    let opened = std::fs::File::open(file).map_err(failed)?;
    let metadata = opened.metadata().map_err(failed)?;
    let mut text = String::new();
    opened.take(LONGEST + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > LONGEST {
        return Err(vec![Fault::of_file(file, format!("is longer than {LONGEST} bytes"))]);
    }
    // Whoever may change it says who may do what.
    if let Some(fault) = look(file, &metadata) {
        return Err(vec![fault]);
    }
    parse_policy(&file.display().to_string(), &text).map_err(|error| told(file, error))
}

fn told(file: &Path, error: pabawi::permissions::PolicyError) -> Vec<Fault> {
    let fault = |problem: pabawi::graph::Problem| Fault {
        file: file.to_owned(),
        line: usize::try_from(problem.line).ok().filter(|line| *line > 0),
        path: problem.field,
        message: problem.message,
    };
    error.problems.into_iter().map(fault).collect()
}
