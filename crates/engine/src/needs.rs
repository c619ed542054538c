//! What an action needs: [`Needs`], and the way to who knows that of the actions of tools, [`Tools`].

use std::sync::Arc;

use pabawi_domain::action::{Action, ProcessOptions};
use pabawi_domain::breaker::Component;
use pabawi_domain::capability::RiskLevel;
use pabawi_domain::command_policy::{CommandPolicy, NotAllowed};
use pabawi_domain::id::PluginName;
use pabawi_domain::node::Target;
use pabawi_domain::ports::{CallQuestion, RouteError, ToolRouter};
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::validation::{FieldError, ValidationError};

use crate::breaker::BreakerBoard;
use crate::error::SubmitError;

/// What an action needs.
#[derive(Debug, Clone)]
pub(crate) struct Needs {
    /// The capability.
    pub(crate) capability: &'static str,
    /// The name of what a tool is to do.
    pub(crate) name: Option<Arc<str>>,
    /// What its caller has to be allowed, all of it.
    permissions: Arc<[String]>,
    /// The plugin that does it; the transport of each node where absent.
    pub(crate) plugin: Option<PluginName>,
    /// Whether plugins and transports were chosen among.
    pub(crate) is_chosen: bool,
    /// The transport of nodes whose endpoint names none.
    pub(crate) transport: PluginName,
    /// How much harm it can do.
    pub(crate) risk: RiskLevel,
    /// What the command policy refuses of it: nobody may do it then.
    pub(crate) refused: Option<Box<NotAllowed>>,
}

impl Needs {
    /// What its caller has to be allowed, at least one thing.
    pub(crate) fn permissions(&self) -> impl Iterator<Item = &str> {
        let itself = self.permissions.is_empty().then_some(self.capability);
        self.permissions.iter().map(String::as_str).chain(itself)
    }

    /// By which plugin or transport it is done on a node.
    pub(crate) fn way<'a>(&'a self, target: &'a Target) -> &'a PluginName {
        self.plugin.as_ref().or(target.endpoint.transport.as_ref()).unwrap_or(&self.transport)
    }
}

/// The way to who knows what the plugins can do.
#[derive(Clone, Default)]
pub(crate) struct Tools {
    router: Option<Arc<dyn ToolRouter>>,
    breakers: Option<Arc<BreakerBoard>>,
    policy: Option<Arc<CommandPolicy>>,
}

impl Tools {
    pub(crate) fn new(
        router: Option<Arc<dyn ToolRouter>>,
        breakers: Arc<BreakerBoard>,
        policy: Option<Arc<CommandPolicy>>,
    ) -> Self {
        Self { router, breakers: Some(breakers), policy }
    }

    /// What an action needs. Which of its parameters are secrets is written into it. `by` is the transport that the request
    /// names, `at` the action's place in the request.
    ///
    /// # Errors
    /// [`SubmitError::Invalid`], [`SubmitError::Unsupported`], [`SubmitError::NotReady`].
    pub(crate) fn needs(
        &self,
        action: &mut Action,
        by: Option<&PluginName>,
        at: &str,
    ) -> Result<Needs, SubmitError> {
        let kind = action.kind();
        let capability = kind.capability();
        let wanted = by.filter(|name| self.router.as_ref().is_some_and(|router| router.is_tool(name)));
        let transport = by.cloned().unwrap_or_else(PluginName::ssh);
        if action.tool().is_none() && wanted.is_none() {
            let (risk, refused) = (RiskLevel::Execute, self.refused(action, &[]));
            return Ok(Needs {
                capability,
                name: None,
                permissions: Arc::default(),
                plugin: None,
                is_chosen: false,
                transport,
                risk,
                refused,
            });
        }
        let unsupported = SubmitError::Unsupported { kind, capability };
        let Some(router) = &self.router else { return Err(unsupported) };
        let route =
            router.route(action, wanted, &|plugin| self.passes(plugin)).map_err(|error| match error {
                RouteError::Invalid(error) => SubmitError::Invalid(placed(error, at)),
                RouteError::NotReady { reasons } => SubmitError::NotReady { capability, reasons },
                _ => unsupported,
            })?;
        mark(action, &route.capability.sensitive);
        let name = action.tool().map(|tool| tool.name.as_str().into());
        let permissions = route.capability.required_permissions.clone().into();
        let (risk, refused) = (route.capability.risk, self.refused(action, &route.capability.commands));
        let plugin = Some(route.plugin);
        Ok(Needs { capability, name, permissions, plugin, is_chosen: false, transport, risk, refused })
    }

    fn passes(&self, plugin: &PluginName) -> bool {
        let board = self.breakers.as_ref();
        board.is_none_or(|board| board.lets_pass(&Component::Plugin(plugin.clone())))
    }

    /// Chooses between plugins and transports for a request that names neither and wants nothing that only transports know, and
    /// writes a plugin into it. Returns whether there was a choice. What was chosen for an execution stays for its reruns.
    pub(crate) async fn choose(&self, request: &mut ExecutionRequest) -> bool {
        let Some(router) = self.router.as_ref().filter(|_| may_choose(request)) else { return false };
        let passes = |plugin: &PluginName| self.passes(plugin);
        let all = router.before_transports(&request.action, &passes).await;
        let mut able: Vec<&PluginName> =
            all.iter().filter(|(_, works)| *works).map(|(name, _)| name).collect();
        if let Some(check) = request.rollout.health_check().filter(|check| check.action.tool().is_none()) {
            // It goes the same way.
            let of_check = router.before_transports(&check.action, &passes).await;
            able.retain(|name| of_check.iter().any(|(other, works)| *works && other == *name));
        }
        request.transport = able.first().map(|name| (*name).clone());
        !all.is_empty()
    }

    /// Waits, for a limited time, until it is known how the plugin is that would do the action.
    pub(crate) async fn first_health(&self, action: &Action, by: Option<&PluginName>) {
        let Some(router) = &self.router else { return };
        let wanted = by.filter(|name| router.is_tool(name));
        if action.tool().is_some() {
            router.first_health(action, wanted, &|plugin| self.passes(plugin)).await;
        }
    }

    /// What the command policy says against an action; `commands` are pointers to its parameters that are command lines.
    fn refused(&self, action: &Action, commands: &[String]) -> Option<Box<NotAllowed>> {
        self.policy.as_ref()?.check_action(action, commands).err().map(Box::new)
    }

    /// What the command policy says against a call of a plugin.
    pub(crate) fn refused_of_call(&self, question: &CallQuestion<'_>) -> Option<Box<NotAllowed>> {
        let CallQuestion { parameters, commands, sensitive, .. } = *question;
        self.policy.as_ref()?.check_parameters(parameters, commands, sensitive).err().map(Box::new)
    }

    /// Writes into an action which of its parameters are secrets, for any plugin that may do it.
    pub(crate) fn mark(&self, action: &mut Action) {
        if let Some(router) = self.router.as_ref().filter(|_| action.tool().is_some()) {
            let sensitive = router.sensitive(action);
            mark(action, &sensitive);
        }
    }
}

/// Whether a plugin may do what a request leaves to the transports.
fn may_choose(request: &ExecutionRequest) -> bool {
    let is_plain =
        |action: &Action| action.process().is_none_or(|process| *process == ProcessOptions::default());
    let is_new = request.rerun_of.is_none() && request.attach.is_empty();
    let names_none = request.transport.is_none() && request.host_keys.is_none();
    let check_is_plain = request.rollout.health_check().is_none_or(|check| is_plain(&check.action));
    is_new && names_none && request.action.tool().is_none() && is_plain(&request.action) && check_is_plain
}

fn mark(action: &mut Action, sensitive: &[String]) {
    let Some(tool) = action.tool_mut() else { return };
    for pointer in sensitive {
        if !tool.sensitive.contains(pointer) {
            tool.sensitive.push(pointer.clone());
        }
    }
}

/// The same violations of an action that stands elsewhere in the request.
fn placed(error: ValidationError, at: &str) -> ValidationError {
    let moved = |FieldError { path, message }| {
        let path = path.strip_prefix("action").map_or_else(|| path.clone(), |rest| format!("{at}{rest}"));
        FieldError { path, message }
    };
    ValidationError { fields: error.fields.into_iter().map(moved).collect() }
}
