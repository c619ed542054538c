//! Fourth stage: the way to each node, and whether what the action reads here can be read. Main type:
//! [`ExecutionPlan`], which only [`plan`] makes. Nothing is connected or started.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use pabawi_domain::action::{Action, StdinSource};
use pabawi_domain::id::PluginName;
use pabawi_domain::node::Target;
use pabawi_domain::ports::{ExecutionStore, Transport};
use pabawi_domain::request::{Caller, ExecutionRequest};
use pabawi_domain::validation::ValidationError;

use crate::authorize::AuthorizedRequest;
use crate::error::SubmitError;
use crate::limits::EngineLimits;
use crate::needs::Needs;
use crate::run::probe_spill_dir;

/// The transports by name.
#[derive(Default)]
pub(crate) struct Transports {
    all: Vec<Arc<dyn Transport>>,
    plugins: Vec<PluginName>,
    by_name: HashMap<String, usize>,
}

impl Transports {
    /// Adds one under its name; `false` when the name is taken.
    pub(crate) fn add(&mut self, name: PluginName, transport: Arc<dyn Transport>) -> bool {
        let index = self.all.len();
        let new = !self.by_name.contains_key(name.as_str());
        if new {
            self.by_name.insert(name.as_str().to_owned(), index);
            self.all.push(transport);
            self.plugins.push(name);
        }
        new
    }

    pub(crate) fn all(&self) -> &[Arc<dyn Transport>] {
        &self.all
    }

    /// The transport that a plan chose.
    pub(crate) fn get(&self, index: usize) -> Option<&Arc<dyn Transport>> {
        self.all.get(index)
    }

    /// The name of the transport that a plan chose.
    pub(crate) fn plugin(&self, index: usize) -> Option<&PluginName> {
        self.plugins.get(index)
    }

    /// The plugin that was chosen for an action of a tool.
    fn of_tool(&self, plugin: &PluginName) -> Result<usize, SubmitError> {
        let missing = || SubmitError::Internal(format!("plugin {plugin} is no transport of this engine"));
        self.by_name.get(plugin.as_str()).copied().ok_or_else(missing)
    }

    /// A transport for what is no action of a tool. A tool does such an action only where it was chosen for all nodes of
    /// the request, since only then it was asked which permissions it wants.
    fn way(&self, name: &str) -> Option<usize> {
        let index = self.by_name.get(name).copied()?;
        self.get(index).filter(|transport| transport.tool_runs().is_none()).map(|_| index)
    }

    fn names(&self) -> String {
        let ways = self.all.iter().filter(|transport| transport.tool_runs().is_none());
        let names: Vec<&str> = ways.map(|transport| transport.name()).collect();
        if names.is_empty() {
            return "none is set up".to_owned();
        }
        format!("there are: {}", names.join(", "))
    }
}

/// A target and the transport to it.
#[derive(Debug)]
pub(crate) struct PlannedTarget {
    pub(crate) target: Target,
    /// Index in [`Transports`].
    pub(crate) transport: usize,
}

/// What an [`ExecutionPlan`] is made of.
pub(crate) type PlanParts = (Caller, ExecutionRequest, Needs, Vec<PlannedTarget>, BTreeSet<PluginName>);

/// Everything that is needed to run, checked.
#[derive(Debug)]
pub(crate) struct ExecutionPlan {
    caller: Caller,
    request: ExecutionRequest,
    needs: Needs,
    targets: Vec<PlannedTarget>,
    plugins: BTreeSet<PluginName>,
}

/// Chooses the transport of each target and looks at the files of this machine that the action reads.
///
/// # Errors
/// [`SubmitError::Invalid`] with every fault found.
pub(crate) async fn plan(
    authorized: AuthorizedRequest,
    transports: &Transports,
    store: &dyn ExecutionStore,
    limits: &EngineLimits,
) -> Result<ExecutionPlan, SubmitError> {
    let (request, targets, needs) = (authorized.request(), authorized.targets(), authorized.needs());
    let chosen = ways(request, targets, needs, transports, store, limits).await?;
    let distinct: BTreeSet<usize> = chosen.iter().copied().collect();
    let plugins = distinct.iter().filter_map(|index| transports.plugin(*index).cloned()).collect();
    let (caller, request, needs, targets) = authorized.into_parts();
    let targets = targets
        .into_iter()
        .zip(chosen)
        .map(|(mut target, transport)| {
            if limits.group_breaker.is_none() {
                // Nobody asks for them, and there may be many targets.
                target.groups = Vec::new();
            }
            PlannedTarget { target, transport }
        })
        .collect();
    Ok(ExecutionPlan { caller, request, needs, targets, plugins })
}

/// What the stage looks at, without making a plan of it: the index of the transport of each target.
///
/// # Errors
/// As for [`plan`].
pub(crate) async fn ways(
    request: &ExecutionRequest,
    targets: &[Target],
    needs: &Needs,
    transports: &Transports,
    store: &dyn ExecutionStore,
    limits: &EngineLimits,
) -> Result<Vec<usize>, SubmitError> {
    let mut faults = ValidationError::default();
    let chosen = match &needs.plugin {
        // How the tool reaches a node is the tool's.
        Some(plugin) => vec![transports.of_tool(plugin)?; targets.len()],
        None => choose_transports(targets, needs, transports, &mut faults),
    };
    check_local_files(&request.action, &mut faults).await;
    if request.debug
        && let Err(error) = probe_spill_dir(&limits.spill_dir).await
    {
        let dir = limits.spill_dir.display();
        faults.push("debug", format!("complete output cannot be written to {dir}: {error}"));
    }
    if let Some(old) = request.rerun_of
        && store.execution(old).await?.is_none()
    {
        faults.push("rerunOf", format!("there is no execution {old}"));
    }
    faults.into_result()?;
    Ok(chosen)
}

/// One index for each target; where there is a fault the indices do not matter.
fn choose_transports(
    targets: &[Target],
    needs: &Needs,
    transports: &Transports,
    faults: &mut ValidationError,
) -> Vec<usize> {
    let default = needs.transport.as_str();
    let default_index = transports.way(default);
    let mut default_missing = false;
    // Names of endpoints that are no transports, each with the first node that has it and how many have it.
    let mut unknown: BTreeMap<&str, (&Target, usize)> = BTreeMap::new();
    let mut chosen = Vec::with_capacity(targets.len());
    for target in targets {
        let index = match &target.endpoint.transport {
            None => {
                default_missing |= default_index.is_none();
                default_index
            }
            Some(name) => {
                let index = transports.way(name.as_str());
                if index.is_none() {
                    unknown.entry(name.as_str()).or_insert((target, 0)).1 += 1;
                }
                index
            }
        };
        chosen.push(index.unwrap_or_default());
    }
    if default_missing {
        faults.push("transport", format!("there is no transport {default:?}; {}", transports.names()));
    }
    for (name, (first, count)) in unknown {
        let node = &first.node;
        let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
        let known = transports.names();
        faults.push(
            "targets",
            format!("{node}{more} is reached by a transport {name:?} that does not exist; {known}"),
        );
    }
    chosen
}

/// Reads nothing of the files: it opens them and looks at what they are.
async fn check_local_files(action: &Action, faults: &mut ValidationError) {
    match action {
        Action::Upload(copy) => {
            if let Err(why) = readable(&copy.source, true).await {
                faults.push("action.source", why);
            }
        }
        Action::Download(copy) => match tokio::fs::metadata(&copy.destination).await {
            Ok(found) if !found.is_dir() => {
                let path = copy.destination.display();
                faults.push(
                    "action.destination",
                    format!("{path} is not a directory; name the directory to copy into"),
                );
            }
            // It may be made later; a parent that cannot be entered is an error now.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let path = copy.destination.display();
                faults.push("action.destination", format!("{path} cannot be used: {error}"));
            }
            _ => {}
        },
        other => {
            let stdin = other.process().and_then(|process| process.stdin.as_ref());
            if let Some(StdinSource::File(path)) = stdin
                && let Err(why) = readable(path, false).await
            {
                faults.push("action.stdin", why);
            }
        }
    }
}

async fn readable(path: &Path, may_be_directory: bool) -> Result<(), String> {
    let shown = path.display();
    let failed = |error: std::io::Error| format!("{shown} cannot be read: {error}");
    let found = tokio::fs::metadata(path).await.map_err(failed)?;
    if found.is_dir() && may_be_directory {
        tokio::fs::read_dir(path).await.map(drop).map_err(failed)
    } else if found.is_file() {
        tokio::fs::File::open(path).await.map(drop).map_err(failed)
    } else {
        // A pipe or device would be read by the first node and be empty, or endless, for the others.
        let wanted = if may_be_directory { "a regular file or directory" } else { "a regular file" };
        Err(format!("{shown} is not {wanted}"))
    }
}

impl ExecutionPlan {
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn request(&self) -> &ExecutionRequest {
        &self.request
    }

    pub(crate) fn needs(&self) -> &Needs {
        &self.needs
    }

    pub(crate) fn targets(&self) -> &[PlannedTarget] {
        &self.targets
    }

    /// The plugins and transports that are ways to the targets.
    pub(crate) fn plugins(&self) -> &BTreeSet<PluginName> {
        &self.plugins
    }

    pub(crate) fn into_parts(self) -> PlanParts {
        (self.caller, self.request, self.needs, self.targets, self.plugins)
    }
}
