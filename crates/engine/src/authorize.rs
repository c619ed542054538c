//! Third stage: may this caller do this to all of these nodes? Main types: [`AuthorizedRequest`], which only
//! this stage makes, and [`AuthorizerGate`], through which every question to the port goes.
//!
//! An authorizer that is missing, fails, panics or takes too long denies.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::ActionKind;
use pabawi_domain::command_policy::NotAllowed;
use pabawi_domain::id::{CorrelationId, NodeId, PluginName};
use pabawi_domain::journal::event;
use pabawi_domain::node::Target;
use pabawi_domain::ports::{AuthorizationQuery, Authorizer, AuthorizerError, Decision};
use pabawi_domain::preview::Permission;
use pabawi_domain::request::{Caller, ExecutionRequest};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::denied::Denied;
use crate::error::{EngineError, SubmitError};
use crate::limits::EngineLimits;
use crate::meter::Meter;
use crate::needs::Needs;
use crate::resolve::ResolvedRequest;
use pabawi_domain::panic_guard::{CatchPanic, caught};

/// Questions about single nodes that are under way at once, where many are asked before anything runs.
const ASKED_AT_ONCE: usize = 64;

/// Allows everything: for surfaces whose user is the machine's own, such as a command line tool.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllowAll;

#[async_trait]
impl Authorizer for AllowAll {
    async fn authorize(&self, _: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        Ok(Decision::Allow)
    }

    fn looks_at_nodes(&self) -> bool {
        false
    }
}

/// Stands in where no authorizer was given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DenyAll;

#[async_trait]
impl Authorizer for DenyAll {
    async fn authorize(&self, _: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        Ok(Decision::Deny { reason: "no authorizer is set up, so nothing is allowed".to_owned() })
    }

    fn looks_at_nodes(&self) -> bool {
        false
    }
}

/// Why something is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denial {
    pub(crate) reason: String,
}

/// The only way to the authorizer.
#[derive(Clone)]
pub(crate) struct AuthorizerGate {
    authorizer: Arc<dyn Authorizer>,
    timeout: Duration,
    meter: Meter,
}

impl AuthorizerGate {
    pub(crate) fn new(authorizer: Arc<dyn Authorizer>, timeout: Duration, meter: Meter) -> Self {
        Self { authorizer, timeout, meter }
    }

    /// Asks within the limit of time.
    pub(crate) async fn ask(&self, query: &AuthorizationQuery<'_>) -> Result<(), Denial> {
        let began = Instant::now();
        let answer = self.answer(query).await;
        self.meter.authorized(answer.is_ok(), began.elapsed());
        answer
    }

    async fn answer(&self, query: &AuthorizationQuery<'_>) -> Result<(), Denial> {
        let answer = CatchPanic(self.authorizer.authorize(query));
        let reason = match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok(Ok(Decision::Allow))) => return Ok(()),
            Ok(Ok(Ok(Decision::Deny { reason }))) => reason,
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(panic)) => format!("authorizer panicked: {panic}"),
            Err(_) => format!("authorizer did not answer within {} ms", self.timeout.as_millis()),
        };
        Err(Denial { reason })
    }

    /// Whether answers may depend on the nodes of a question. An authorizer that panics is asked with them.
    pub(crate) fn looks_at_nodes(&self) -> bool {
        caught(|| self.authorizer.looks_at_nodes()).unwrap_or(true)
    }

    /// Asks about something that is no action. A denial is told by whoever asks, where it is one of an attempt.
    pub(crate) async fn ask_quietly(
        &self,
        caller: &Caller,
        capability: &str,
        nodes: &[NodeId],
    ) -> Result<(), Denial> {
        self.ask(&AuthorizationQuery::about(caller, capability, nodes)).await
    }

    /// Asks for everything that an action needs, once for each plugin or transport that is to do it.
    pub(crate) async fn ask_for(
        &self,
        caller: &Caller,
        needs: &Needs,
        action: ActionKind,
        targets: &[Target],
    ) -> Result<(), Denial> {
        if let Some(refused) = &needs.refused {
            return Err(Denial { reason: refused.told() });
        }
        let action = Some(action);
        let mut by_way: BTreeMap<&PluginName, Vec<NodeId>> = BTreeMap::new();
        for target in targets {
            by_way.entry(needs.way(target)).or_default().push(target.node.clone());
        }
        for (plugin, nodes) in &by_way {
            for capability in needs.permissions() {
                let (name, risk, plugin) = (needs.name.as_deref(), Some(needs.risk), Some(*plugin));
                self.ask(&AuthorizationQuery { caller, capability, action, name, risk, plugin, nodes })
                    .await?;
            }
        }
        Ok(())
    }
}

/// Asks as an engine does, where there is none: about looking after its database. Without an authorizer nothing is allowed.
///
/// # Errors
/// [`EngineError::Denied`].
pub async fn may_without_engine(
    authorizer: Option<&Arc<dyn Authorizer>>,
    limits: &EngineLimits,
    caller: &Caller,
    capability: &str,
) -> Result<(), EngineError> {
    let authorizer = authorizer.map_or_else(|| Arc::new(DenyAll) as Arc<dyn Authorizer>, Arc::clone);
    let gate = AuthorizerGate::new(authorizer, limits.authorizer_timeout, Meter::new(None));
    let answer = gate.ask_quietly(caller, capability, &[]).await;
    answer.map_err(|Denial { reason }| {
        Denied::of(caller, capability, &[], &reason).log();
        EngineError::Denied { capability: capability.to_owned(), reason }
    })
}

/// A request whose caller may do it to every one of its nodes.
#[derive(Debug)]
pub(crate) struct AuthorizedRequest {
    caller: Caller,
    request: ExecutionRequest,
    needs: Needs,
    targets: Vec<Target>,
}

/// A denied request, with what is told of it.
#[derive(Debug)]
pub(crate) struct DeniedRequest {
    pub(crate) caller: Caller,
    pub(crate) action: String,
    pub(crate) capability: &'static str,
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) correlation_id: Option<CorrelationId>,
    pub(crate) reason: String,
    /// Whether it is the command policy that denies.
    pub(crate) refused: Option<Box<NotAllowed>>,
}

impl DeniedRequest {
    /// What is told of it.
    pub(crate) fn told(&self) -> Denied<'_> {
        Denied {
            event_type: event::EXECUTION_DENIED,
            action: Some(&self.action),
            correlation_id: self.correlation_id.as_ref(),
            ..Denied::of(&self.caller, self.capability, &self.nodes, &self.reason)
        }
    }
}

impl From<Box<DeniedRequest>> for SubmitError {
    fn from(denied: Box<DeniedRequest>) -> Self {
        match denied.refused {
            Some(refused) => Self::CommandNotAllowed(refused),
            None => Self::Denied { capability: denied.capability.to_owned(), reason: denied.reason },
        }
    }
}

/// Asks once, with every target. Each target is asked about again when its run starts.
///
/// # Errors
/// [`DeniedRequest`].
pub(crate) async fn authorize(
    resolved: ResolvedRequest,
    gate: &AuthorizerGate,
) -> Result<AuthorizedRequest, Box<DeniedRequest>> {
    let kind = resolved.request().action.kind();
    let answer = gate.ask_for(resolved.caller(), resolved.needs(), kind, resolved.targets()).await;
    match answer {
        Ok(()) => Ok(allowed(resolved)),
        Err(Denial { reason }) => {
            let nodes = resolved.nodes();
            Err(denied(resolved, nodes, reason))
        }
    }
}

fn allowed(resolved: ResolvedRequest) -> AuthorizedRequest {
    let (caller, request, needs, targets) = resolved.into_parts();
    AuthorizedRequest { caller, request, needs, targets }
}

fn denied(resolved: ResolvedRequest, nodes: Vec<NodeId>, reason: String) -> Box<DeniedRequest> {
    let (caller, request, needs, _) = resolved.into_parts();
    let (action, capability, refused) = (request.action.text(), needs.capability, needs.refused);
    let correlation_id = request.correlation_id;
    Box::new(DeniedRequest { caller, action, capability, nodes, correlation_id, reason, refused })
}

/// A resolved request and what its caller may do, seen before anything is asked for. It is no permission to run
/// anything: that is what [`ForeseenRequest::into_authorized`] makes of it.
#[derive(Debug)]
pub(crate) struct ForeseenRequest {
    resolved: ResolvedRequest,
    /// The answer about all targets together.
    whole: Result<(), Denial>,
    /// The answers about each target, in their order.
    each: Vec<Permission>,
}

/// Asks once with every target, then about each, as it would be done when their runs start. A denial is an answer here
/// and no attempt, so it is neither logged nor journalled.
pub(crate) async fn foresee(
    resolved: ResolvedRequest,
    gate: &AuthorizerGate,
    limit: Duration,
) -> ForeseenRequest {
    let kind = resolved.request().action.kind();
    let whole = gate.ask_for(resolved.caller(), resolved.needs(), kind, resolved.targets()).await;
    let each = ask_each(&resolved, gate, limit).await;
    ForeseenRequest { resolved, whole, each }
}

/// The answers about each node, in their order. Those that have not come within the limit deny.
async fn ask_each(resolved: &ResolvedRequest, gate: &AuthorizerGate, limit: Duration) -> Vec<Permission> {
    let caller = Arc::new(resolved.caller().clone());
    let (needs, action) = (resolved.needs().clone(), resolved.request().action.kind());
    let deadline = tokio::time::Instant::now() + limit;
    let targets = resolved.targets();
    let mut answers: Vec<Option<Result<(), Denial>>> = vec![None; targets.len()];
    let mut waiting = targets.iter().enumerate();
    let mut asking = JoinSet::new();
    // Ends with the last answer or with the limit; questions that are under way then are dropped.
    loop {
        for (place, target) in waiting.by_ref().take(ASKED_AT_ONCE.saturating_sub(asking.len())) {
            let (gate, caller, needs, target) =
                (gate.clone(), Arc::clone(&caller), needs.clone(), target.clone());
            let asked = async move { (place, gate.ask_for(&caller, &needs, action, &[target]).await) };
            asking.spawn(asked.in_current_span());
        }
        match tokio::time::timeout_at(deadline, asking.join_next()).await {
            Ok(Some(Ok((place, answer)))) => {
                if let Some(slot) = answers.get_mut(place) {
                    *slot = Some(answer);
                }
            }
            // A question that did not come to its end counts as unanswered.
            Ok(Some(Err(_))) => {}
            Ok(None) | Err(_) => break,
        }
    }
    let permission = |answer: Option<Result<(), Denial>>| match answer {
        Some(Ok(())) => Permission::Allowed,
        Some(Err(Denial { reason })) => Permission::Denied { reason },
        None => Permission::Denied { reason: format!("nobody could tell within {} s", limit.as_secs()) },
    };
    answers.into_iter().map(permission).collect()
}

impl ForeseenRequest {
    pub(crate) fn request(&self) -> &ExecutionRequest {
        self.resolved.request()
    }

    pub(crate) fn targets(&self) -> &[Target] {
        self.resolved.targets()
    }

    pub(crate) fn needs(&self) -> &Needs {
        self.resolved.needs()
    }

    /// The answers about each target, in their order.
    pub(crate) fn permissions(&self) -> &[Permission] {
        &self.each
    }

    /// Why it is denied as a whole.
    pub(crate) fn denied(&self) -> Option<&str> {
        self.whole.as_ref().err().map(|denial| denial.reason.as_str())
    }

    /// The request, where nothing about it is denied.
    ///
    /// # Errors
    /// [`DeniedRequest`] with the nodes that are denied, or with all of them.
    pub(crate) fn into_authorized(self) -> Result<AuthorizedRequest, Box<DeniedRequest>> {
        let Self { resolved, whole, each } = self;
        let not_allowed =
            resolved.nodes().into_iter().zip(&each).filter_map(|(node, permission)| match permission {
                Permission::Allowed => None,
                Permission::Denied { reason } => Some((node, reason.clone())),
            });
        let (mut nodes, reasons): (Vec<NodeId>, Vec<String>) = not_allowed.unzip();
        let reason = match whole {
            Err(Denial { reason }) => {
                nodes = resolved.nodes();
                Some(reason)
            }
            Ok(()) => reasons.into_iter().next(),
        };
        match reason {
            None => Ok(allowed(resolved)),
            Some(reason) => Err(denied(resolved, nodes, reason)),
        }
    }
}

impl AuthorizedRequest {
    pub(crate) fn request(&self) -> &ExecutionRequest {
        &self.request
    }

    pub(crate) fn targets(&self) -> &[Target] {
        &self.targets
    }

    pub(crate) fn needs(&self) -> &Needs {
        &self.needs
    }

    pub(crate) fn into_parts(self) -> (Caller, ExecutionRequest, Needs, Vec<Target>) {
        (self.caller, self.request, self.needs, self.targets)
    }
}
