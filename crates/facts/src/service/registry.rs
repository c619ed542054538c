//! The providers that are registered: [`Registry`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pabawi_domain::id::NodeId;
use pabawi_domain::ports::FactProvider;
use tokio::sync::Semaphore;

use super::flight::Flight;

/// How a provider is asked. `Default` gives the documented values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderOptions {
    /// Another priority than the provider's own.
    pub priority: Option<i32>,
    /// How long its facts hold (R4.2). 15 minutes.
    pub ttl: Duration,
    /// How long a failure holds, so that a node that is down is not asked by everyone who looks at it. 30 s.
    pub failure_ttl: Duration,
    /// How long one call may take; then its nodes have no facts of this provider. 10 minutes.
    pub timeout: Duration,
    /// The most nodes in one call. 1,000.
    pub nodes_at_once: usize,
    /// Calls at the same time. 4.
    pub calls_at_once: usize,
    /// Whether facts that an earlier process stored are used as long as they hold. They are stored in any case, since
    /// target expressions ask them. `true`; for providers that cost nothing, better not.
    pub reuse_stored: bool,
}

impl Default for ProviderOptions {
    fn default() -> Self {
        Self {
            priority: None,
            ttl: Duration::from_secs(15 * 60),
            failure_ttl: Duration::from_secs(30),
            timeout: Duration::from_secs(10 * 60),
            nodes_at_once: 1000,
            calls_at_once: 4,
            reuse_stored: true,
        }
    }
}

/// Why a provider cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Its name is taken.
    #[error("a fact provider named {0:?} is registered already; give it another name")]
    NameTaken(String),
    /// An option lets nothing through.
    #[error("fact provider {provider:?}: {option} must be at least 1")]
    Nothing {
        /// The provider's name.
        provider: String,
        /// The option.
        option: &'static str,
    },
}

/// One provider with what belongs to it.
pub(super) struct Registered {
    pub(super) name: Arc<str>,
    pub(super) priority: i32,
    pub(super) options: ProviderOptions,
    pub(super) provider: Arc<dyn FactProvider>,
    /// The newest collection that goes on for each node. The lock is held for look-ups only.
    pub(super) flights: Mutex<HashMap<NodeId, Arc<Flight>>>,
    pub(super) calls: Arc<Semaphore>,
}

/// All providers, the highest priority first, at equal priority in the order of their registration. It never changes:
/// another provider makes another registry.
#[derive(Default)]
pub(super) struct Registry {
    providers: Vec<Arc<Registered>>,
    /// Differs between registries.
    pub(super) generation: u64,
}

impl Registry {
    pub(super) fn providers(&self) -> &[Arc<Registered>] {
        &self.providers
    }

    /// Their names, in their order.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.providers.iter().map(|one| Arc::clone(&one.name)).collect()
    }

    /// The same with one more.
    pub(super) fn with(
        &self,
        provider: Arc<dyn FactProvider>,
        options: ProviderOptions,
    ) -> Result<Self, RegisterError> {
        let name: Arc<str> = provider.name().into();
        if self.providers.iter().any(|known| known.name == name) {
            return Err(RegisterError::NameTaken(name.to_string()));
        }
        for (option, value) in
            [("nodes_at_once", options.nodes_at_once), ("calls_at_once", options.calls_at_once)]
        {
            if value == 0 {
                return Err(RegisterError::Nothing { provider: name.to_string(), option });
            }
        }
        let calls = Arc::new(Semaphore::new(options.calls_at_once.min(Semaphore::MAX_PERMITS)));
        let priority = options.priority.unwrap_or_else(|| provider.priority());
        let registered = Registered { name, priority, options, provider, flights: Mutex::default(), calls };
        let mut providers = self.providers.clone();
        let place = providers.iter().position(|known| known.priority < priority).unwrap_or(providers.len());
        providers.insert(place, Arc::new(registered));
        Ok(Self { providers, generation: self.generation + 1 })
    }
}
