//! The handle: [`Facts`].

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use moka::future::Cache;
use moka::ops::compute::Op;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{Clock, FactProvider, KeptFacts};
use pabawi_domain::request::Caller;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::answers::size_of;
use super::builder::FactsBuilder;
use super::entry::{Entry, Slot, signed};
use super::flight::Join;
use super::registry::{ProviderOptions, RegisterError, Registry};
use crate::known::KnownFacts;
use crate::merge::MergedFacts;

/// How old facts may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Freshness {
    /// As old as their provider's time to live allows (R4.3, R4.4).
    #[default]
    Cached,
    /// No older than this, whatever their provider's time to live is.
    MaxAge(Duration),
    /// Collected after this call began (R4.8).
    Forced,
}

/// Collects, caches and merges facts. Cloning gives another handle of the same service. It runs on the current tokio
/// runtime.
#[derive(Clone)]
pub struct Facts {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) known: KnownFacts,
    clock: Arc<dyn Clock>,
    /// Replaced whole; the lock is held for a pointer's copy only.
    registry: RwLock<Arc<Registry>>,
    /// Only bounded here: what holds is decided by the clock.
    cache: Cache<NodeId, Arc<Entry>>,
    flights: AtomicU64,
}

impl Shared {
    pub(super) fn new(
        known: KnownFacts,
        clock: Arc<dyn Clock>,
        registry: Registry,
        cache_bytes: u64,
    ) -> Self {
        known.rank(registry.names());
        let weigh = |_: &NodeId, entry: &Arc<Entry>| u32::try_from(entry.bytes()).unwrap_or(u32::MAX);
        Self {
            known,
            clock,
            registry: RwLock::new(Arc::new(registry)),
            cache: Cache::builder().max_capacity(cache_bytes).weigher(weigh).build(),
            flights: AtomicU64::new(1),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn next_flight(&self) -> u64 {
        self.flights.fetch_add(1, Ordering::Relaxed)
    }

    /// The providers that are there now.
    fn registry(&self) -> Arc<Registry> {
        let known = Arc::clone(&self.registry.read().unwrap_or_else(PoisonError::into_inner));
        if known.is_current() {
            return known;
        }
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        if !registry.is_current() {
            *registry = Arc::new(registry.renewed());
            self.known.rank(registry.names());
        }
        Arc::clone(&registry)
    }

    /// What is known of these nodes, from memory or else from the store, in the order of the registry.
    async fn slots_of(&self, nodes: &[NodeId], registry: &Registry) -> HashMap<NodeId, Vec<Option<Slot>>> {
        let mut known = HashMap::with_capacity(nodes.len());
        let mut unknown = Vec::new();
        for node in nodes {
            let entry = self.cache.get(node).await;
            match entry.as_ref().and_then(|entry| entry.slots(registry)) {
                Some(slots) => drop(known.insert(node.clone(), slots.to_vec())),
                None => unknown.push(node.clone()),
            }
        }
        if unknown.is_empty() {
            return known;
        }
        let kept = self.known.store().facts_of(&unknown).await.unwrap_or_else(|error| {
            tracing::warn!(nodes = unknown.len(), %error, "stored facts cannot be read; they are collected anew");
            Vec::new()
        });
        for KeptFacts { provider, collected_at, facts } in kept {
            let place = registry.providers().iter().position(|one| *one.name == *provider);
            let holds = |place: &usize| {
                registry.providers().get(*place).is_some_and(|one| {
                    one.options.reuse_stored && one.renewed_at.is_none_or(|renewed| renewed <= collected_at)
                })
            };
            let Some(place) = place.filter(holds) else { continue };
            let slots: &mut Vec<Option<Slot>> =
                known.entry(facts.node.clone()).or_insert_with(|| vec![None; registry.providers().len()]);
            if let Some(slot) = slots.get_mut(place) {
                let bytes = size_of(&facts);
                *slot = Some(Slot { outcome: Ok(Arc::new(facts)), collected_at, flight: 0, bytes });
            }
        }
        known
    }

    /// Puts what was found into the cache, where nothing newer stands there, and makes the answer.
    async fn remember(&self, entry: Arc<Entry>, node: &NodeId, registry: &Registry) -> Arc<MergedFacts> {
        let for_all = entry.for_all(registry).map_or_else(|| Arc::clone(&entry), Arc::new);
        let put = self.cache.entry_by_ref(node).and_compute_with(|known| {
            let known = known.map(moka::Entry::into_value);
            let newer = known.and_then(|known| for_all.and(&known, registry));
            std::future::ready(Op::Put(newer.map_or_else(|| Arc::clone(&for_all), Arc::new)))
        });
        let _ = put.await;
        entry.merged(registry)
    }
}

impl Facts {
    /// Puts a service together.
    pub fn builder(known: KnownFacts, clock: Arc<dyn Clock>) -> FactsBuilder {
        FactsBuilder::new(known, clock)
    }

    pub(super) fn of(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// Adds a provider (R4.5). What is asked from now on asks it too.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn register(
        &self,
        provider: Arc<dyn FactProvider>,
        options: ProviderOptions,
    ) -> Result<(), RegisterError> {
        let mut registry = self.shared.registry.write().unwrap_or_else(PoisonError::into_inner);
        *registry = Arc::new(registry.with(provider, options)?);
        self.shared.known.rank(registry.names());
        Ok(())
    }

    /// Names and priorities of the providers, the highest first.
    pub fn providers(&self) -> Vec<(Arc<str>, i32)> {
        let registry = self.shared.registry();
        registry.providers().iter().map(|one| (Arc::clone(&one.name), one.priority)).collect()
    }

    /// Facts of nodes, one answer for each in their order (R4.1). Providers are asked about the nodes of which they
    /// have no facts that are fresh enough; one that fails costs only its own keys, and the answer says so. Two calls
    /// that want the same at the same time collect it once. Dropping the future gives up no collection that was begun.
    pub async fn facts(
        &self,
        caller: &Caller,
        nodes: &[NodeId],
        freshness: Freshness,
    ) -> Vec<Arc<MergedFacts>> {
        let registry = self.shared.registry();
        let now = self.shared.now();
        let mut answers = Vec::with_capacity(nodes.len());
        let mut missing = Vec::new();
        for node in nodes {
            let entry = self.shared.cache.get(node).await;
            let answer = entry.and_then(|entry| entry.usable(now, freshness, &registry));
            if answer.is_none() {
                missing.push(node.clone());
            }
            answers.push(answer);
        }
        if missing.is_empty() {
            return answers.into_iter().flatten().collect();
        }
        let found = self.bring(caller, missing, freshness, registry).await;
        let answers = answers.into_iter().zip(nodes);
        answers.filter_map(|(answer, node)| answer.or_else(|| found.get(node).cloned())).collect()
    }

    /// What is stored of all nodes.
    pub fn known(&self) -> &KnownFacts {
        // So that it knows which provider counts now.
        self.shared.registry();
        &self.shared.known
    }

    /// About how many bytes the cache holds now.
    pub async fn cached_bytes(&self) -> u64 {
        self.shared.cache.run_pending_tasks().await;
        self.shared.cache.weighted_size()
    }

    async fn bring(
        &self,
        caller: &Caller,
        nodes: Vec<NodeId>,
        freshness: Freshness,
        registry: Arc<Registry>,
    ) -> HashMap<NodeId, Arc<MergedFacts>> {
        let shared = &self.shared;
        let mut seen = HashSet::with_capacity(nodes.len());
        let nodes: Vec<NodeId> = nodes.into_iter().filter(|node| seen.insert(node.clone())).collect();
        let mut known = match freshness {
            Freshness::Forced => HashMap::new(),
            _ => shared.slots_of(&nodes, &registry).await,
        };
        let now = shared.now();
        let join = match freshness {
            Freshness::Cached => Join::Any,
            Freshness::MaxAge(age) => Join::Since(now.checked_sub(signed(age)).unwrap_or(Timestamp::MIN)),
            Freshness::Forced => Join::Nothing,
        };
        // Every provider at the same time.
        let mut collecting = JoinSet::new();
        for (place, provider) in registry.providers().iter().enumerate() {
            let wanted: Vec<NodeId> = nodes
                .iter()
                .filter(|node| {
                    let slot = known.get(*node).and_then(|slots| slots.get(place)?.as_ref());
                    !slot.is_some_and(|slot| slot.holds(now, freshness, provider))
                })
                .cloned()
                .collect();
            if wanted.is_empty() {
                continue;
            }
            // What no longer holds is not shown, whatever comes of the collection.
            for node in &wanted {
                if let Some(slot) = known.get_mut(node).and_then(|slots| slots.get_mut(place)) {
                    *slot = None;
                }
            }
            let (shared, provider, caller) = (Arc::clone(shared), Arc::clone(provider), caller.clone());
            let collect = async move { (place, shared.collect(&provider, &caller, &wanted, join).await) };
            collecting.spawn(collect.in_current_span());
        }
        while let Some(collected) = collecting.join_next().await {
            let Ok((place, slots)) = collected else { continue };
            for (node, slot) in slots {
                let known = known.entry(node).or_insert_with(|| vec![None; registry.providers().len()]);
                if let Some(place) = known.get_mut(place) {
                    *place = Some(slot);
                }
            }
        }
        let mut answers = HashMap::with_capacity(nodes.len());
        for node in nodes {
            let slots = known.remove(&node).unwrap_or_else(|| vec![None; registry.providers().len()]);
            let entry = Arc::new(Entry::new(node.clone(), slots, &registry));
            let merged = shared.remember(entry, &node, &registry).await;
            answers.insert(node, merged);
        }
        answers
    }
}
