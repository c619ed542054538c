//! Who does an action, and the list of capabilities: [`Router`] (R6.8, R10.2).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::Action;
use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{Passes, RouteError, ToolRoute, ToolRouter};
use pabawi_domain::validation::ValidationError;
use serde_json::Value;

use super::call_error::CallError;
use super::instance::Instance;
use super::slot::Slot;
use super::status::ProvidedCapability;

/// What an answer is given besides the limit of its question, to be heard of.
const HEARD: Duration = Duration::from_millis(500);

/// The plugins, in the order of their registration.
pub(super) struct Router {
    /// What each is given to say how it is.
    pub(super) health_timeout: Duration,
    pub(super) slots: Vec<Arc<Slot>>,
}

impl Router {
    pub(super) fn slot(&self, name: &PluginName) -> Option<&Arc<Slot>> {
        self.slots.iter().find(|slot| slot.name() == name)
    }

    /// Those that have a capability, the one that goes first at the beginning; of equals the one that was registered
    /// first.
    fn providers(&self, capability: &str) -> Vec<(&Arc<Slot>, Arc<Instance>)> {
        let all = self.slots.iter().map(|slot| (slot, slot.instance()));
        let mut all: Vec<_> =
            all.filter(|(_, instance)| instance.declared.capability(capability).is_some()).collect();
        all.sort_by_key(|(_, instance)| std::cmp::Reverse(instance.declared.metadata.priority));
        all
    }

    /// Every capability of every plugin, by name, and below that as they go first.
    pub(super) fn capabilities(&self) -> Vec<ProvidedCapability> {
        let mut all = Vec::new();
        for slot in &self.slots {
            let instance = slot.instance();
            let metadata = &instance.declared.metadata;
            all.extend(instance.declared.capabilities.iter().map(|checked| ProvidedCapability {
                capability: checked.capability.as_ref().clone(),
                plugin: metadata.name.clone(),
                priority: metadata.priority,
                available: slot.is_ready().is_ok() && slot.is_well(&checked.capability.name),
            }));
        }
        all.sort_by(|a, b| {
            a.capability.name.cmp(&b.capability.name).then_with(|| b.priority.cmp(&a.priority))
        });
        all
    }

    fn named(
        &self,
        name: &PluginName,
        field: &str,
        capability: &'static str,
    ) -> Result<(&Arc<Slot>, Arc<Instance>), RouteError> {
        let Some(slot) = self.slot(name) else {
            return Err(ValidationError::of(field, self.unknown(name)).into());
        };
        let instance = slot.instance();
        if instance.declared.capability(capability).is_none() {
            let text = format!("plugin {name} does not have the capability {capability}");
            return Err(ValidationError::of(field, text).into());
        }
        match slot.is_ready() {
            Ok(()) => Ok((slot, instance)),
            Err(why) => Err(RouteError::NotReady { reasons: vec![(name.clone(), why)] }),
        }
    }

    fn chosen(
        &self,
        capability: &'static str,
        passes: Passes<'_>,
    ) -> Result<(&Arc<Slot>, Arc<Instance>), RouteError> {
        let providers = self.providers(capability);
        if providers.is_empty() {
            return Err(RouteError::NoPlugin { capability });
        }
        let mut reasons = Vec::new();
        let mut ready = Vec::with_capacity(providers.len());
        for provider in providers {
            match provider.0.is_ready() {
                Ok(()) => ready.push(provider),
                Err(why) => reasons.push((provider.0.name().clone(), why)),
            }
        }
        let works = |(slot, _): &&(&Arc<Slot>, _)| slot.is_well(capability) && passes(slot.name());
        // Where none works, the first is asked all the same: it may be well again, and its breaker has its own word.
        let chosen = ready.iter().find(works).or(ready.first()).cloned();
        chosen.ok_or(RouteError::NotReady { reasons })
    }
}

impl Router {
    /// Waits until the one that goes first of several has said for the first time how it is; no longer than its limit. What is
    /// not known then counts as well.
    pub(super) async fn first_health(&self, capability: &str, passes: Passes<'_>) {
        let known = async {
            // Each turn waits for a plugin that has not answered, and ends with its answer.
            while let Some(first) = self.unknown_first(capability, passes) {
                first.answered().await;
            }
        };
        let _ = tokio::time::timeout(self.health_timeout.saturating_add(HEARD), known).await;
    }

    /// Those that go before the first way to nodes that comes with the framework; none where there is no such way.
    fn before_built_in(&self, capability: &str) -> Vec<&Arc<Slot>> {
        let all = self.providers(capability);
        let before = all.iter().position(|(slot, _)| slot.is_built_in).unwrap_or_default();
        all.into_iter().take(before).map(|(slot, _)| slot).collect()
    }

    /// The one that would be chosen of several, where it is not known how it is.
    fn unknown_first(&self, capability: &str, passes: Passes<'_>) -> Option<&Arc<Slot>> {
        let ready: Vec<_> =
            self.providers(capability).into_iter().filter(|(slot, _)| slot.is_ready().is_ok()).collect();
        let works = |(slot, _): &&(&Arc<Slot>, _)| slot.is_well(capability) && passes(slot.name());
        let (first, _) = ready.iter().find(works).filter(|_| ready.len() > 1)?;
        first.is_unknown().then_some(first)
    }

    /// Those that may answer a call, in the order in which they are asked: the one that is named; or else those that work,
    /// and behind them the others that are ready.
    ///
    /// # Errors
    /// [`CallError`] where there is none.
    pub(super) fn answering(
        &self,
        named: Option<&PluginName>,
        capability: &str,
        passes: Passes<'_>,
    ) -> Result<Vec<&Arc<Slot>>, CallError> {
        let providers = self.providers(capability);
        if let Some(name) = named {
            if self.slot(name).is_none() {
                return Err(ValidationError::of("plugin", self.unknown(name)).into());
            }
            let one = providers.into_iter().map(|(slot, _)| slot).find(|slot| slot.name() == name);
            let one = one.ok_or_else(|| {
                let text = format!("plugin {name} does not have the capability {capability}");
                ValidationError::of("plugin", text)
            })?;
            return Ok(vec![one]);
        }
        if providers.is_empty() {
            return Err(CallError::NoPlugin { capability: capability.to_owned() });
        }
        let (ready, not_ready): (Vec<_>, Vec<_>) =
            providers.into_iter().map(|(slot, _)| slot).partition(|slot| slot.is_ready().is_ok());
        let works = |slot: &&Arc<Slot>| slot.is_well(capability) && passes(slot.name());
        let (mut candidates, others): (Vec<_>, Vec<_>) = ready.into_iter().partition(works);
        candidates.extend(others);
        if candidates.is_empty() {
            // Each says why it is not.
            candidates = not_ready;
        }
        Ok(candidates)
    }

    fn unknown(&self, name: &PluginName) -> String {
        let known: Vec<&str> = self.slots.iter().map(|slot| slot.name().as_str()).collect();
        format!("there is no plugin {name}; there are: {}", known.join(", "))
    }
}

#[async_trait]
impl ToolRouter for Router {
    fn route(
        &self,
        action: &Action,
        wanted: Option<&PluginName>,
        passes: Passes<'_>,
    ) -> Result<ToolRoute, RouteError> {
        let capability = action.kind().capability();
        let tool = action.tool();
        let named = tool.and_then(|tool| tool.plugin.as_ref());
        let (slot, instance) = match named.or(wanted) {
            Some(name) => self.named(name, named.map_or("transport", |_| "action.plugin"), capability)?,
            None => self.chosen(capability, passes)?,
        };
        let checked = instance.declared.capability(capability).ok_or(RouteError::NoPlugin { capability })?;
        if let Some(tool) = tool {
            let mut secrets = checked.capability.sensitive.clone();
            secrets.extend(tool.sensitive.iter().cloned());
            let parameters = Value::Object(tool.parameters.clone());
            let fields = checked.parameters.violations("action.parameters", &parameters, &secrets);
            ValidationError { fields }.into_result()?;
        }
        Ok(ToolRoute { plugin: slot.name().clone(), capability: Arc::clone(&checked.capability) })
    }

    async fn first_health(&self, action: &Action, wanted: Option<&PluginName>, passes: Passes<'_>) {
        let named = action.tool().and_then(|tool| tool.plugin.as_ref());
        if named.or(wanted).is_none() {
            Self::first_health(self, action.kind().capability(), passes).await;
        }
    }

    async fn before_transports(&self, action: &Action, passes: Passes<'_>) -> Vec<(PluginName, bool)> {
        let capability = action.kind().capability();
        if self.before_built_in(capability).is_empty() {
            return Vec::new();
        }
        Self::first_health(self, capability, passes).await;
        let works =
            |slot: &Arc<Slot>| slot.is_ready().is_ok() && slot.is_well(capability) && passes(slot.name());
        let all = self.before_built_in(capability).into_iter();
        all.map(|slot| (slot.name().clone(), works(slot))).collect()
    }

    fn is_tool(&self, plugin: &PluginName) -> bool {
        self.slot(plugin).is_some_and(|slot| !slot.is_built_in)
    }

    fn sensitive(&self, action: &Action) -> Vec<String> {
        let named = action.tool().and_then(|tool| tool.plugin.as_ref());
        let name = action.kind().capability();
        let all =
            self.providers(name).into_iter().filter(|(slot, _)| named.is_none_or(|it| it == slot.name()));
        let mut pointers: Vec<String> = Vec::new();
        for (_, instance) in all {
            let checked = instance.declared.capability(name);
            pointers.extend(checked.into_iter().flat_map(|checked| checked.capability.sensitive.clone()));
        }
        pointers.sort();
        pointers.dedup();
        pointers
    }
}
