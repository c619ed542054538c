//! What the engine has to say about calls of plugins, which are no executions: [`EngineCalls`], the port [`CallGate`] over its
//! authorizer and its circuit breakers.

use async_trait::async_trait;
use pabawi_domain::breaker::Component;
use pabawi_domain::id::PluginName;
use pabawi_domain::journal::event;
use pabawi_domain::ports::{AuthorizationQuery, CallDenial, CallGate, CallPassage, CallQuestion, CallReport};
use tokio::time::Instant;

use crate::breaker::Passage;
use crate::denied::Denied;
use crate::engine::Engine;
use crate::meter::Meter;

/// Lets calls of plugins through as the engine lets runs through.
struct EngineCalls(Engine);

impl Engine {
    /// What stands before calls of plugins (R6.6, R7.8).
    pub fn call_gate(&self) -> impl CallGate + use<> {
        EngineCalls(self.clone())
    }
}

impl EngineCalls {
    /// Tells of a denial, by the permission that is missing where it is for want of one.
    async fn denied(&self, question: &CallQuestion<'_>, permission: Option<&str>, reason: &str) {
        let CallQuestion { caller, plugin, capability, nodes, correlation_id, .. } = *question;
        let denied = Denied {
            event_type: event::CALL_DENIED,
            permission,
            plugin: Some(plugin),
            correlation_id,
            ..Denied::of(caller, capability, nodes, reason)
        };
        self.0.shared.denied(&denied).await;
    }
}

/// A call that has passed and is measured (R5.7).
struct Measured {
    passage: Passage,
    meter: Meter,
    plugin: PluginName,
    capability: String,
    began: Instant,
}

impl CallPassage for Measured {
    fn end(self: Box<Self>, worked: bool) {
        self.meter.plugin_call(self.plugin.as_str(), &self.capability, worked, self.began.elapsed());
        Box::new(self.passage).end(worked);
    }
}

#[async_trait]
impl CallGate for EngineCalls {
    async fn authorize(&self, question: &CallQuestion<'_>) -> Result<(), CallDenial> {
        let CallQuestion { caller, plugin, permissions, risk, nodes, .. } = *question;
        let shared = &self.0.shared;
        if let Some(refused) = shared.tools.refused_of_call(question) {
            self.denied(question, None, &refused.told()).await;
            return Err(CallDenial::NotAllowed(refused));
        }
        for permission in permissions {
            let query = AuthorizationQuery {
                risk: Some(risk),
                plugin: Some(plugin),
                ..AuthorizationQuery::about(caller, permission, nodes)
            };
            if let Err(denial) = shared.gate.ask(&query).await {
                self.denied(question, Some(permission), &denial.reason).await;
                return Err(CallDenial::Denied(denial.reason));
            }
        }
        // The breaker that is passed next may have been opened or reset by another process.
        shared.breaker_watch.freshen().await;
        Ok(())
    }

    async fn journal(&self, question: &CallQuestion<'_>, report: &CallReport<'_>) {
        let shared = &self.0.shared;
        shared.journaller.call(shared.clock.now(), question, report).await;
    }

    fn lets_pass(&self, plugin: &PluginName) -> bool {
        self.0.shared.breakers.lets_pass(&Component::Plugin(plugin.clone()))
    }

    fn pass(&self, question: &CallQuestion<'_>) -> Result<Box<dyn CallPassage>, String> {
        let shared = &self.0.shared;
        let passage = shared.breakers.pass_call(question.plugin)?;
        Ok(Box::new(Measured {
            passage,
            meter: shared.meter.clone(),
            plugin: question.plugin.clone(),
            capability: question.capability.to_owned(),
            began: Instant::now(),
        }))
    }
}
