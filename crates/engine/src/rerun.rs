//! A new execution on chosen nodes of an old one: [`Engine::rerun`]. It goes through every stage like any other
//! request. Secrets were not stored, so they have to be given again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use pabawi_domain::action::{Action, EnvValue, StdinSource};
use pabawi_domain::id::{ExecutionId, IdempotencyKey, NodeId};
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::TargetError;
use pabawi_domain::record::{TargetQuery, TargetRecord, TargetState};
use pabawi_domain::request::{Attach, Caller, ExecutionRequest};
use pabawi_domain::secret::{Secret, SecretValue};
use pabawi_domain::validation::ValidationError;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::{Engine, Origin};
use crate::error::SubmitError;

/// Which nodes of the old execution run again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RerunSelection {
    /// All of them.
    All,
    /// Those that were started and did not succeed, those whose outcome is not known among them; not those that
    /// were cancelled.
    Failed,
    /// Those on which nothing was run: skipped, or cancelled before their turn.
    NotStarted,
    /// All that did not succeed, for whatever reason.
    NotSucceeded,
    /// These.
    Nodes(Vec<NodeId>),
}

impl RerunSelection {
    fn takes(&self, record: &TargetRecord) -> bool {
        let succeeded = record.result.as_ref().is_some_and(NodeOutcome::is_success);
        let set_aside =
            matches!(record.result, Some(NodeOutcome::Cancelled { .. } | NodeOutcome::Skipped { .. }));
        match self {
            Self::All => true,
            Self::NotSucceeded => !succeeded,
            Self::Failed => !succeeded && !set_aside && record.state != TargetState::Queued,
            Self::NotStarted => record.attempt == 0 && (set_aside || record.state == TargetState::Queued),
            Self::Nodes(nodes) => nodes.contains(&record.target.node),
        }
    }
}

/// How an execution is gone on with.
#[derive(Debug, Clone)]
pub(crate) struct GoesOn {
    /// By which it is found that this was done.
    pub(crate) key: IdempotencyKey,
    /// Failures that there have been: they count against the tolerance.
    pub(crate) failures: u64,
    /// Of the nodes, those whose detached command is followed.
    pub(crate) attach: Vec<Attach>,
}

/// Secrets of the old request, which were used and not stored.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RerunSecrets {
    /// Values of environment variables by name.
    pub env: BTreeMap<String, Secret>,
    /// The password for the change of user.
    pub run_as_password: Option<Secret>,
    /// What the process reads from its standard input.
    pub stdin: Option<Secret>,
    /// Secret parameters of a tool's action, by their JSON pointers (RFC 6901) as the action or the capability names them.
    pub parameters: BTreeMap<String, SecretValue>,
}

impl RerunSecrets {
    /// Puts the secrets where the stored request has its marks.
    pub(crate) fn fill(self, request: &mut ExecutionRequest) {
        if let Some(check) = request.rollout.health_check_mut() {
            self.clone().fill_action(&mut check.action);
        }
        self.fill_action(&mut request.action);
    }

    fn fill_action(self, action: &mut Action) {
        if let Some(tool) = action.tool_mut() {
            tool.replace_secrets(|pointer| Some(self.parameters.get(pointer)?.expose().clone()));
        }
        let Some(process) = action.process_mut() else { return };
        for (name, value) in self.env {
            if let Some(EnvValue::Secret { secret }) = process.env.get_mut(&name) {
                *secret = value;
            }
        }
        if let (Some(run_as), Some(password)) = (&mut process.run_as, self.run_as_password)
            && run_as.password.is_some()
        {
            run_as.password = Some(password);
        }
        if let (Some(StdinSource::Secret(secret)), Some(given)) = (&mut process.stdin, self.stdin) {
            *secret = given;
        }
    }
}

/// What of a rerun is not as it was then.
#[derive(Debug, Clone, Default)]
pub struct RerunOptions {
    /// Secrets of the old request.
    pub secrets: RerunSecrets,
    /// How to log in to nodes that the inventory does not know.
    pub login: Login,
}

/// How to log in; what is absent stays as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// As whom.
    pub user: Option<String>,
    /// TCP port.
    pub port: Option<u16>,
    /// Private key files, tried before others.
    pub identity_files: Vec<PathBuf>,
}

impl Login {
    fn apply(&self, way: &mut Endpoint) {
        if let Some(user) = &self.user {
            way.user = Some(user.clone());
        }
        way.port = self.port.or(way.port);
        if !self.identity_files.is_empty() {
            way.identity_files.clone_from(&self.identity_files);
        }
    }
}

impl Engine {
    /// Runs an execution again on chosen nodes. The inventory is asked for them anew; nodes that it does not
    /// know (they were named by address) are reached as they were then, but for the login that is given. Needs `executions.show` and whatever the
    /// action needs.
    ///
    /// # Errors
    /// [`SubmitError`]; [`SubmitError::Invalid`] names secrets that have to be given again by their field, and
    /// `selection` when it chooses no node or the old execution has not ended.
    pub async fn rerun(
        &self,
        caller: Caller,
        id: ExecutionId,
        selection: RerunSelection,
        options: RerunOptions,
    ) -> Result<ExecutionId, SubmitError> {
        self.again(caller, id, selection, options, None).await
    }

    /// Goes on with an execution on nodes of it, so that it is gone on with once: its waves keep their members.
    pub(crate) async fn go_on(
        &self,
        caller: Caller,
        id: ExecutionId,
        nodes: Vec<NodeId>,
        secrets: RerunSecrets,
        how: GoesOn,
    ) -> Result<ExecutionId, SubmitError> {
        let options = RerunOptions { secrets, login: Login::default() };
        self.again(caller, id, RerunSelection::Nodes(nodes), options, Some(how)).await
    }

    async fn again(
        &self,
        caller: Caller,
        id: ExecutionId,
        selection: RerunSelection,
        RerunOptions { secrets, login }: RerunOptions,
        goes_on: Option<GoesOn>,
    ) -> Result<ExecutionId, SubmitError> {
        let shared = &self.shared;
        self.may_show_to_submit(&caller, id).await?;
        let record = shared.store.execution(id).await?.ok_or(SubmitError::NotFound(id))?;
        if !record.status.is_final() {
            let text = format!("execution {id} has not ended; wait for it or cancel it first");
            return Err(ValidationError::of("selection", text).into());
        }
        let mut request = record.request;
        secrets.fill(&mut request);
        request.rerun_of = Some(id);
        let earlier = std::mem::take(&mut request.attach);
        // The key of the old execution belongs to it: with it, that one would be the answer.
        request.idempotency_key = goes_on.as_ref().map(|how| how.key.clone());
        // The nodes are chosen already.
        request.rollout.canary = None;
        request.check()?;
        let Chosen { targets: chosen, places, total, not_begun } = self.chosen(id, &selection).await?;
        request.targets = TargetExpression::of_nodes(chosen.iter().map(|target| &target.node));
        request.attach = match goes_on {
            Some(how) => {
                request.rollout = request.rollout.for_rest(total, &places, how.failures);
                how.attach
            }
            // What the old execution was to go back to and had not come to is gone back to, and not run again.
            None => not_reached(earlier, &not_begun),
        };
        let ways = Ways::to_attached(&request.attach, &chosen);
        let known = match shared.resolver.resolve(&request.targets).await {
            Ok(targets) if same_nodes(&targets, &chosen) => targets,
            Ok(_) | Err(TargetError::Invalid(_)) => stored_ways(chosen, &login)?,
            Err(TargetError::Inventory(message)) => return Err(SubmitError::Inventory(message)),
            Err(other) => return Err(SubmitError::Inventory(other.to_string())),
        };
        ways.check(&known)?;
        let accepted = self.accept(caller, request, Some(known), None, Origin::Caller).await?;
        Ok(accepted.id)
    }

    async fn chosen(&self, id: ExecutionId, selection: &RerunSelection) -> Result<Chosen, SubmitError> {
        let mut chosen = Chosen::default();
        // There may be as many as the execution has.
        let named: Option<HashSet<&NodeId>> = match selection {
            RerunSelection::Nodes(nodes) => Some(nodes.iter().collect()),
            _ => None,
        };
        let mut query = TargetQuery { limit: Some(10_000), ..TargetQuery::default() };
        // Ends with the last page.
        loop {
            let page = self.shared.store.targets(id, &query).await?;
            for record in page.items {
                let taken = match &named {
                    Some(named) => named.contains(&record.target.node),
                    None => selection.takes(&record),
                };
                chosen.take(record, taken);
            }
            match page.next_cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => break,
            }
        }
        if let RerunSelection::Nodes(nodes) = selection {
            let known: HashSet<&NodeId> = chosen.targets.iter().map(|target| &target.node).collect();
            let missing = nodes.iter().find(|node| !known.contains(node));
            if let Some(node) = missing {
                let text = format!("{node} is not among the targets of execution {id}");
                return Err(ValidationError::of("selection", text).into());
            }
        }
        if chosen.targets.is_empty() {
            let text = format!("chooses no node of execution {id}; there is nothing to run again");
            return Err(ValidationError::of("selection", text).into());
        }
        Ok(chosen)
    }
}

/// Targets of an old execution that are run again, and how its others ended.
#[derive(Debug, Default)]
struct Chosen {
    targets: Vec<Target>,
    /// Their places in the old plan.
    places: Vec<u64>,
    /// Targets of the old execution.
    total: u64,
    /// Of those that are run again, on which this execution has run nothing to its end.
    not_begun: HashSet<NodeId>,
}

/// Of the detached commands of earlier executions, those on these nodes.
fn not_reached(mut attach: Vec<Attach>, nodes: &HashSet<NodeId>) -> Vec<Attach> {
    for group in &mut attach {
        group.nodes.retain(|node| nodes.contains(node));
    }
    attach.retain(|group| !group.nodes.is_empty());
    attach
}

impl Chosen {
    fn take(&mut self, record: TargetRecord, taken: bool) {
        self.total += 1;
        if taken {
            if !record.result.as_ref().is_some_and(NodeOutcome::may_have_run) {
                self.not_begun.insert(record.target.node.clone());
            }
            self.places.push(record.position);
            self.targets.push(record.target);
        }
    }
}

/// Where detached commands were started. That one is not found at another place, or for another user, proves nothing.
#[derive(Debug)]
struct Ways(HashMap<NodeId, Endpoint>);

impl Ways {
    fn to_attached(attach: &[Attach], stored: &[Target]) -> Self {
        let attached: HashSet<&NodeId> = attach.iter().flat_map(|group| &group.nodes).collect();
        let ways = stored.iter().filter(|target| attached.contains(&target.node));
        Self(ways.map(|target| (target.node.clone(), target.endpoint.clone())).collect())
    }

    /// Refuses nodes that are another machine, or another user's login, by now.
    fn check(&self, targets: &[Target]) -> Result<(), ValidationError> {
        let mut faults = ValidationError::default();
        for target in targets {
            if self.0.get(&target.node).is_some_and(|way| !is_same_place(way, &target.endpoint)) {
                let node = &target.node;
                let text = "is reached by another address, user or transport than when its detached command was started";
                faults.push("targets", format!("{node} {text}; name the sources of then"));
            }
        }
        faults.into_result()
    }
}

/// Whether both lead to the same login on the same machine, as far as their settings tell.
pub(crate) fn is_same_place(one: &Endpoint, other: &Endpoint) -> bool {
    let place = |way: &Endpoint| (way.transport.clone(), way.host.clone(), way.port, way.user.clone());
    place(one) == place(other)
}

/// Whether the inventory means the same nodes by these names: a name may read as an expression.
fn same_nodes(resolved: &[Target], chosen: &[Target]) -> bool {
    let names = |targets: &[Target]| {
        let mut names: Vec<NodeId> = targets.iter().map(|target| target.node.clone()).collect();
        names.sort();
        names
    };
    names(resolved) == names(chosen)
}

/// The targets as they were stored, with that login, if nothing secret is missing from them.
fn stored_ways(mut targets: Vec<Target>, login: &Login) -> Result<Vec<Target>, SubmitError> {
    let mut faults = ValidationError::default();
    for target in &mut targets {
        login.apply(&mut target.endpoint);
        if target.endpoint.password.as_ref().is_some_and(Secret::is_redacted) {
            let node = &target.node;
            faults.push("targets", format!("{node}: its password was not stored, and the inventory does not know the node; submit a new request"));
        }
    }
    faults.into_result()?;
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_detached_command_is_looked_for_only_where_it_was_started() {
        let node = |name: &str| NodeId::new(name).unwrap();
        let target = |name: &str, user: &str| {
            Target::new(node(name), Endpoint { user: Some(user.to_owned()), ..Endpoint::default() })
        };
        let execution = ExecutionId::from_parts(1, [1; 10]);
        let started_at = Timestamp::UNIX_EPOCH;
        let attach = [Attach { execution, attempt: 1, nodes: vec![node("web1")], started_at }];
        let ways = Ways::to_attached(&attach, &[target("web1", "deploy"), target("web2", "deploy")]);
        ways.check(&[target("web1", "deploy"), target("web2", "root")]).unwrap();
        let error = ways.check(&[target("web1", "root"), target("web2", "root")]).unwrap_err();
        assert_eq!(error.fields.len(), 1, "{error}");
    }
}
