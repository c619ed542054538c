//! The providers that are registered: [`Registry`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
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
    /// When it became another one, where it has: what was collected before does not hold.
    pub(super) renewed_at: Option<Timestamp>,
    /// The newest collection that goes on for each node. The lock is held for look-ups only.
    pub(super) flights: Mutex<HashMap<NodeId, Arc<Flight>>>,
    pub(super) calls: Arc<Semaphore>,
}

impl Registered {
    fn new(provider: Arc<dyn FactProvider>, options: ProviderOptions, stands: Standing) -> Self {
        let calls = Arc::new(Semaphore::new(options.calls_at_once.min(Semaphore::MAX_PERMITS)));
        let Standing { priority, renewed_at, .. } = stands;
        let name = provider.name().into();
        Self { name, priority, options, provider, renewed_at, flights: Mutex::default(), calls }
    }
}

/// How a provider stands, as it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    is_there: bool,
    priority: i32,
    renewed_at: Option<Timestamp>,
}

impl Standing {
    fn of(provider: &dyn FactProvider, options: &ProviderOptions) -> Self {
        Self {
            is_there: provider.is_there(),
            priority: options.priority.unwrap_or_else(|| provider.priority()),
            renewed_at: provider.renewed_at(),
        }
    }
}

/// A provider that was added, as it stood when the registry was made.
#[derive(Clone)]
struct Added {
    provider: Arc<dyn FactProvider>,
    options: ProviderOptions,
    stands: Standing,
    /// While it is there.
    registered: Option<Arc<Registered>>,
}

/// All providers that are there, the highest priority first, at equal priority in the order in which they were added. It
/// never changes: another provider, and one that stands otherwise than before, makes another registry.
#[derive(Default)]
pub(super) struct Registry {
    /// In the order in which they were added.
    added: Vec<Added>,
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
        let name = provider.name();
        for (option, value) in
            [("nodes_at_once", options.nodes_at_once), ("calls_at_once", options.calls_at_once)]
        {
            if value == 0 {
                return Err(RegisterError::Nothing { provider: name.to_owned(), option });
            }
        }
        let stands = Standing::of(&*provider, &options);
        if stands.is_there && self.providers.iter().any(|known| *known.name == *name) {
            return Err(RegisterError::NameTaken(name.to_owned()));
        }
        let mut added = self.added.clone();
        added.push(Added { provider, options, stands, registered: None });
        Ok(Self::of(added, self.generation + 1))
    }

    /// Whether every provider stands as it did when this was made.
    pub(super) fn is_current(&self) -> bool {
        self.added.iter().all(|one| one.stands == Standing::of(&*one.provider, &one.options))
    }

    /// The same with every provider as it stands now.
    pub(super) fn renewed(&self) -> Self {
        let mut added = self.added.clone();
        for one in &mut added {
            let stands = Standing::of(&*one.provider, &one.options);
            if stands != one.stands {
                (one.stands, one.registered) = (stands, None);
            }
        }
        Self::of(added, self.generation + 1)
    }

    fn of(mut added: Vec<Added>, generation: u64) -> Self {
        let mut providers: Vec<Arc<Registered>> = Vec::with_capacity(added.len());
        for Added { provider, options, stands, registered } in &mut added {
            if !stands.is_there {
                *registered = None;
                continue;
            }
            let new = || Arc::new(Registered::new(Arc::clone(provider), *options, *stands));
            let one = registered.get_or_insert_with(new);
            if providers.iter().any(|known| known.name == one.name) {
                tracing::error!(provider = %one.name, "a fact provider of that name is there already; this one is not asked");
                *registered = None;
                continue;
            }
            let first = providers.iter().position(|known| known.priority < one.priority);
            providers.insert(first.unwrap_or(providers.len()), Arc::clone(one));
        }
        Self { added, providers, generation }
    }
}
