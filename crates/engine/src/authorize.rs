//! Third stage: may this caller do this to all of these nodes? Main types: [`AuthorizedRequest`], which only
//! [`authorize`] makes, and [`AuthorizerGate`], through which every question to the port goes.
//!
//! An authorizer that is missing, fails, panics or takes too long denies.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::Target;
use pabawi_domain::ports::{AuthorizationQuery, Authorizer, AuthorizerError, Decision};
use pabawi_domain::request::{Caller, ExecutionRequest};

use crate::error::SubmitError;
use crate::panic_guard::CatchPanic;
use crate::resolve::ResolvedRequest;

/// Allows everything: for surfaces whose user is the machine's own, such as a command line tool.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllowAll;

#[async_trait]
impl Authorizer for AllowAll {
    async fn authorize(&self, _: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        Ok(Decision::Allow)
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
}

impl AuthorizerGate {
    pub(crate) fn new(authorizer: Arc<dyn Authorizer>, timeout: Duration) -> Self {
        Self { authorizer, timeout }
    }

    /// Asks within the limit of time.
    pub(crate) async fn ask(&self, query: &AuthorizationQuery<'_>) -> Result<(), Denial> {
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

    /// Asks about the engine itself: listing, showing, cancelling.
    pub(crate) async fn ask_about(&self, caller: &Caller, capability: &str) -> Result<(), Denial> {
        let denied = self.ask(&AuthorizationQuery { caller, capability, action: None, nodes: &[] }).await;
        if let Err(denial) = &denied {
            tracing::warn!(user = ?caller.user, entry_point = ?caller.entry_point, capability,
                reason = ?denial.reason, "denied");
        }
        denied
    }
}

/// A request whose caller may do it to every one of its nodes.
#[derive(Debug)]
pub(crate) struct AuthorizedRequest {
    caller: Caller,
    request: ExecutionRequest,
    capability: &'static str,
    targets: Vec<Target>,
}

/// A denied request, with what the journal needs.
#[derive(Debug)]
pub(crate) struct DeniedRequest {
    pub(crate) caller: Caller,
    pub(crate) action: String,
    pub(crate) capability: &'static str,
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) reason: String,
}

impl From<DeniedRequest> for SubmitError {
    fn from(denied: DeniedRequest) -> Self {
        Self::Denied { reason: denied.reason }
    }
}

/// Asks once, with every target. Each target is asked about again when its run starts.
///
/// # Errors
/// [`DeniedRequest`].
pub(crate) async fn authorize(
    resolved: ResolvedRequest,
    gate: &AuthorizerGate,
) -> Result<AuthorizedRequest, DeniedRequest> {
    let nodes = resolved.nodes();
    let query = AuthorizationQuery {
        caller: resolved.caller(),
        capability: resolved.capability(),
        action: Some(resolved.request().action.kind()),
        nodes: &nodes,
    };
    let answer = gate.ask(&query).await;
    let (caller, request, capability, targets) = resolved.into_parts();
    match answer {
        Ok(()) => Ok(AuthorizedRequest { caller, request, capability, targets }),
        Err(Denial { reason }) => {
            tracing::warn!(user = ?caller.user, entry_point = ?caller.entry_point, capability,
                targets = nodes.len(), action = ?request.action.text(),
                correlation_id = request.correlation_id.as_ref().map(|id| id.as_str()),
                ?reason, "denied");
            Err(DeniedRequest { caller, action: request.action.text(), capability, nodes, reason })
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

    pub(crate) fn into_parts(self) -> (Caller, ExecutionRequest, &'static str, Vec<Target>) {
        (self.caller, self.request, self.capability, self.targets)
    }
}
