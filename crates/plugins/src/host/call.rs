//! Calls of capabilities that are no actions on nodes: [`PluginHost::call`] (R6.6, R6.8, R7.4, R7.8, R9.3).

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::{Action, ActionKind, ToolAction};
use pabawi_domain::capability::{Capability, RiskLevel};
use pabawi_domain::cut;
use pabawi_domain::error::{ErrorCode, PluginTrace};
use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{
    CallDenial, CallGate, CallQuestion, CallReport, CapabilityCall, PluginCall, PluginError,
};
use pabawi_domain::redact::Redactor;
use pabawi_domain::request::Caller;
use pabawi_domain::schema::{discard, fits};
use pabawi_domain::validation::ValidationError;
use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::answers::{facts_of, nodes_of};
use super::call_error::{CallError, CallFault, CallFaultKind};
use super::guard::{Broke, guarded};
use super::handle::PluginHost;
use super::instance::RunGuard;
use super::register::CheckedCapability;
use super::settings::HostSettings;
use super::slot::Slot;
use super::sources::{FACTS, INVENTORY};

/// Most violations of an answer that are told.
const TOLD: usize = 5;

impl PluginHost {
    /// Has a plugin answer. The parameters are checked before anything else, and held against the command policy where they
    /// are command lines; the caller needs every permission of the capability, or its own name where it has none, for the
    /// plugin that answers.
    ///
    /// Without a plugin that is named, the one of the highest priority that is ready, well and let through by its circuit
    /// breaker is called. Where one cannot be called, the next is; also where one fails with an error that may pass, when
    /// asking twice does no harm (the capability only reads, or is idempotent). Each call has the time limit of its
    /// capability, or [`HostSettings::call_timeout`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, caller: &Caller, call: CapabilityCall) -> Result<Value, CallError> {
        let id = call.correlation_id.as_ref().map(|id| id.as_str());
        let span = tracing::error_span!(parent: &self.shared.span, "call", correlation_id = id);
        self.call_in_span(caller, call).instrument(span).await
    }

    async fn call_in_span(&self, caller: &Caller, mut call: CapabilityCall) -> Result<Value, CallError> {
        let Some(gate) = self.shared.gate.get() else { return Err(CallError::NotOpen) };
        let gate = &**gate;
        let most = self.shared.settings.max_result_bytes;
        let too_much = |(name, value): (&String, &Value)| Some((name.clone(), fits(value, most).err()?));
        if let Some((name, why)) = call.parameters.iter().find_map(too_much) {
            discard(Value::Object(std::mem::take(&mut call.parameters)));
            return Err(ValidationError::of(format!("parameters.{name}"), why).into());
        }
        if ActionKind::ALL.iter().any(|kind| kind.capability() == call.capability) {
            let text = format!("{} is an action on nodes: submit an execution of it", call.capability);
            return Err(ValidationError::of("capability", text).into());
        }
        let (named, capability) = (call.plugin.as_ref(), call.capability.as_str());
        if named.is_none() {
            self.shared.router.first_health(capability, &|plugin| gate.lets_pass(plugin)).await;
        }
        let candidates = self.shared.router.answering(named, capability, &|plugin| gate.lets_pass(plugin))?;
        let mut tried = Vec::new();
        for slot in candidates {
            let fault = match self.call_one(gate, caller, &call, slot).await? {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            let goes_on =
                !fault.was_called() || (fault.code.is_retryable() && may_ask_twice(slot, capability));
            tried.push(fault);
            if !goes_on {
                break;
            }
        }
        Err(CallError::Failed { tried })
    }

    /// Has one plugin answer. The outer error is one of the call, the inner one the plugin's.
    async fn call_one(
        &self,
        gate: &dyn CallGate,
        caller: &Caller,
        call: &CapabilityCall,
        slot: &Arc<Slot>,
    ) -> Result<Result<Value, CallFault>, CallError> {
        let plugin = slot.name();
        let refused = |kind, code, message| {
            Ok(Err(CallFault { plugin: plugin.clone(), kind, code, message, stack: None }))
        };
        let guard = match slot.enter() {
            Ok(guard) => guard,
            Err(why) => return refused(CallFaultKind::NotReady, ErrorCode::Unavailable, why),
        };
        // Another instance may have come that does not have it.
        let Some(checked) = guard.capability(&call.capability) else {
            let text = format!("no longer has the capability {}", call.capability);
            return refused(CallFaultKind::NotReady, ErrorCode::Unsupported, text);
        };
        let parameters = Value::Object(call.parameters.clone());
        let fields = checked.parameters.violations("parameters", &parameters, &checked.capability.sensitive);
        ValidationError { fields }.into_result()?;
        let own_name = [call.capability.clone()];
        let permissions = match checked.capability.required_permissions.as_slice() {
            [] => own_name.as_slice(),
            some => some,
        };
        let question = CallQuestion {
            caller,
            plugin,
            capability: &call.capability,
            permissions,
            risk: checked.capability.risk,
            parameters: &call.parameters,
            commands: &checked.capability.commands,
            sensitive: &checked.capability.sensitive,
            nodes: &call.nodes,
            correlation_id: call.correlation_id.as_ref(),
        };
        gate.authorize(&question).await.map_err(|denial| match denial {
            CallDenial::Denied(reason) => CallError::Denied { reason },
            CallDenial::NotAllowed(refused) => CallError::CommandNotAllowed(refused),
        })?;
        let settings = self.shared.settings;
        let limit = checked.capability.timeout_ms.map_or(settings.call_timeout, Duration::from_millis);
        let Ok(_turn) = tokio::time::timeout(limit, slot.calls.acquire()).await else {
            let text = format!(
                "has {} calls under way, none of which ended within {} ms (HostSettings::max_calls)",
                settings.max_calls,
                limit.as_millis()
            );
            return refused(CallFaultKind::Busy, ErrorCode::LimitReached, text);
        };
        let passage = match gate.pass(&question) {
            Ok(passage) => passage,
            Err(why) => return refused(CallFaultKind::BreakerOpen, ErrorCode::BreakerOpen, why),
        };
        let began = Instant::now();
        let answer = answer(&guard, slot, checked, call, caller, (settings, limit)).await;
        passage.end(answer.as_ref().err().is_none_or(CallFault::is_an_answer));
        let took = began.elapsed();
        tell(&question, took, answer.as_ref().err());
        journal(gate, &question, checked, call, took, answer.as_ref().err()).await;
        Ok(answer)
    }
}

/// Whether asking another plugin after this one does no harm.
fn may_ask_twice(slot: &Slot, capability: &str) -> bool {
    let instance = slot.instance();
    instance.declared.capability(capability).is_some_and(|checked| {
        let Capability { risk, idempotent, .. } = *checked.capability;
        idempotent || risk == RiskLevel::Read
    })
}

/// One call, fenced in: in time, without a panic, and with an answer as the capability says.
async fn answer(
    guard: &RunGuard,
    slot: &Arc<Slot>,
    checked: &CheckedCapability,
    call: &CapabilityCall,
    caller: &Caller,
    (settings, limit): (HostSettings, Duration),
) -> Result<Value, CallFault> {
    let plugin = guard.plugin();
    let capability = &checked.capability;
    let called = async {
        if guard.methods().call {
            let call = PluginCall {
                capability: call.capability.clone(),
                parameters: call.parameters.clone(),
                caller: caller.clone(),
                correlation_id: call.correlation_id.clone(),
                nodes: call.nodes.clone(),
            };
            return guard.tool().call(call).await.map_err(|error| failed(plugin, error));
        }
        match call.capability.as_str() {
            INVENTORY => nodes_of(slot, settings).await,
            FACTS => facts_of(slot, settings, caller, &call.nodes).await,
            other => Err(fault(plugin, CallFaultKind::Failed, format!("cannot answer {other}"))),
        }
    };
    let result = match guarded(called, limit).await {
        Ok(result) => result.and_then(|answer| fitting(plugin, checked, answer, &settings)),
        Err(Broke::Panicked(panic)) => {
            let stack = panic.stack.as_deref().map(PluginTrace::cut);
            Err(CallFault { stack, ..fault(plugin, CallFaultKind::Panicked, format!("panicked: {panic}")) })
        }
        Err(broke @ Broke::Late(_)) => Err(fault(plugin, CallFaultKind::TimedOut, broke.to_string())),
    };
    result.map_err(|fault| without_secrets(fault, capability, call))
}

fn fault(plugin: &PluginName, kind: CallFaultKind, message: String) -> CallFault {
    CallFault { plugin: plugin.clone(), kind, code: ErrorCode::PluginFault, message, stack: None }
}

/// An error of the plugin's own, whatever name it gives itself.
fn failed(plugin: &PluginName, error: PluginError) -> CallFault {
    let PluginError { code, message, stack, .. } = error;
    let (message, stack) = (cut::message(message), stack.as_deref().map(PluginTrace::cut));
    CallFault { plugin: plugin.clone(), kind: CallFaultKind::Failed, code, message, stack }
}

/// The answer, where it is as the capability says it is. What is in it is shown in no message.
fn fitting(
    plugin: &PluginName,
    checked: &CheckedCapability,
    answer: Value,
    settings: &HostSettings,
) -> Result<Value, CallFault> {
    if let Err(why) = fits(&answer, settings.max_result_bytes) {
        discard(answer);
        return Err(fault(plugin, CallFaultKind::BadAnswer, format!("gave an answer that {why}")));
    }
    let all = [String::new()];
    let schema = checked.result.as_ref();
    let wrong = schema.map(|schema| schema.violations("result", &answer, &all)).unwrap_or_default();
    if wrong.is_empty() {
        return Ok(answer);
    }
    let told: Vec<String> = wrong.iter().take(TOLD).map(ToString::to_string).collect();
    let more = if wrong.len() > TOLD { "; ..." } else { "" };
    let text = format!("gave an answer that breaks the schema of its results: {}{more}", told.join("; "));
    Err(fault(plugin, CallFaultKind::BadAnswer, cut::message(text)))
}

fn without_secrets(mut fault: CallFault, capability: &Capability, call: &CapabilityCall) -> CallFault {
    let given = ToolAction {
        parameters: call.parameters.clone(),
        sensitive: capability.sensitive.clone(),
        ..ToolAction::default()
    };
    if let Some(redactor) = Redactor::of_action(&Action::Task(given)) {
        fault.message = redactor.text(&fault.message).into_owned();
        fault.stack = fault.stack.map(|stack| redactor.text(&stack).into_owned());
    }
    fault
}

/// Has a call journalled where it was about nodes, without what is secret of it.
async fn journal(
    gate: &dyn CallGate,
    question: &CallQuestion<'_>,
    checked: &CheckedCapability,
    call: &CapabilityCall,
    took: Duration,
    fault: Option<&CallFault>,
) {
    if question.nodes.is_empty() {
        return;
    }
    let mut given = ToolAction {
        parameters: call.parameters.clone(),
        sensitive: checked.capability.sensitive.clone(),
        ..ToolAction::default()
    };
    given.redact();
    let report = CallReport {
        parameters: &given.parameters,
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        fault: fault.map(|fault| (fault.code, fault.message.as_str())),
    };
    gate.journal(question, &report).await;
}

fn tell(question: &CallQuestion<'_>, took: Duration, fault: Option<&CallFault>) {
    let CallQuestion { caller, plugin, capability, nodes, correlation_id, .. } = *question;
    let correlation_id = correlation_id.map(|id| id.as_str());
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match fault {
        None => {
            tracing::info!(%plugin, capability, user = caller.user.as_str(), entry_point = caller.entry_point.as_str(),
            nodes = nodes.len(), correlation_id, took_ms, "plugin called")
        }
        Some(fault) => {
            tracing::warn!(%plugin, capability, user = caller.user.as_str(), entry_point = caller.entry_point.as_str(),
            nodes = nodes.len(), correlation_id, took_ms, kind = %fault.kind, code = %fault.code,
            reason = %fault.message, stack = fault.stack.as_deref(), "plugin failed to answer")
        }
    }
}
