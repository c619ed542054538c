//! What is known of one node: an [`Entry`] of [`Slot`]s, one for each provider.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{FactProviderError, NodeFacts};

use super::facts::Freshness;
use super::registry::{Registered, Registry};
use crate::merge::{Layer, MergedFacts};

/// What a provider said about a node, or why it did not.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) outcome: Result<Arc<NodeFacts>, Arc<FactProviderError>>,
    /// When the provider was asked.
    pub(super) collected_at: Timestamp,
    /// Later collections have higher numbers; what comes from the store has 0.
    pub(super) flight: u64,
    /// About how many bytes it takes.
    pub(super) bytes: usize,
}

impl Slot {
    /// Whether it may be used now.
    pub(super) fn holds(&self, now: Timestamp, freshness: Freshness, provider: &Registered) -> bool {
        let limit = match (freshness, &self.outcome) {
            (Freshness::Forced, _) => return false,
            (Freshness::Cached, Ok(_)) => provider.options.ttl,
            (Freshness::Cached, Err(_)) => provider.options.failure_ttl,
            (Freshness::MaxAge(age), Ok(_)) => age,
            (Freshness::MaxAge(age), Err(_)) => age.min(provider.options.failure_ttl),
        };
        // What comes from the future, because the clock was set back, does not hold.
        let age = now.duration_since(self.collected_at);
        !age.is_negative() && age < signed(limit)
    }

    /// Whether it says something about the node and not about the caller: a denial is for one caller only.
    pub(super) fn is_for_all(&self) -> bool {
        !matches!(&self.outcome, Err(error) if error.error.code == ErrorCode::Denied)
    }
}

/// Everything that is known of a node. The merged facts are made when they are first wanted, once.
#[derive(Debug)]
pub(super) struct Entry {
    node: NodeId,
    generation: u64,
    /// In the order of the registry.
    slots: Vec<Option<Slot>>,
    /// As long as everything in it holds by the providers' own times; absent where something is missing.
    good: Option<Good>,
    merged: OnceLock<Arc<MergedFacts>>,
}

#[derive(Debug)]
struct Good {
    from: Timestamp,
    until: Timestamp,
}

impl Entry {
    pub(super) fn new(node: NodeId, slots: Vec<Option<Slot>>, registry: &Registry) -> Self {
        let mut good = Some(Good { from: Timestamp::MIN, until: Timestamp::MAX });
        for (slot, provider) in slots.iter().zip(registry.providers()) {
            let Some((known, slot)) = good.take().zip(slot.as_ref()) else { break };
            let options = &provider.options;
            let limit = if slot.outcome.is_ok() { options.ttl } else { options.failure_ttl };
            let until = slot.collected_at.checked_add(signed(limit)).unwrap_or(Timestamp::MAX);
            good = Some(Good { from: known.from.max(slot.collected_at), until: known.until.min(until) });
        }
        Self { node, generation: registry.generation, slots, good, merged: OnceLock::new() }
    }

    /// The merged facts, where everything in it may be used now.
    pub(super) fn usable(
        &self,
        now: Timestamp,
        freshness: Freshness,
        registry: &Registry,
    ) -> Option<Arc<MergedFacts>> {
        let all_hold = self.generation == registry.generation
            && match freshness {
                // The way that is taken most, and has to be short.
                Freshness::Cached => {
                    self.good.as_ref().is_some_and(|good| good.from <= now && now < good.until)
                }
                Freshness::Forced => false,
                Freshness::MaxAge(_) => {
                    self.slots.iter().zip(registry.providers()).all(|(slot, provider)| {
                        slot.as_ref().is_some_and(|slot| slot.holds(now, freshness, provider))
                    })
                }
            };
        all_hold.then(|| self.merged(registry))
    }

    pub(super) fn slots(&self, registry: &Registry) -> Option<&[Option<Slot>]> {
        (self.generation == registry.generation).then_some(self.slots.as_slice())
    }

    pub(super) fn merged(&self, registry: &Registry) -> Arc<MergedFacts> {
        Arc::clone(self.merged.get_or_init(|| {
            let (mut layers, mut failures) = (Vec::new(), Vec::new());
            for (slot, provider) in self.slots.iter().zip(registry.providers()) {
                match slot.as_ref().map(|slot| (slot, &slot.outcome)) {
                    Some((slot, Ok(facts))) => layers.push(Layer {
                        provider: Arc::clone(&provider.name),
                        priority: provider.priority,
                        collected_at: slot.collected_at,
                        facts: Arc::clone(facts),
                    }),
                    Some((_, Err(error))) => failures.push(Arc::clone(error)),
                    None => {}
                }
            }
            Arc::new(MergedFacts::new(self.node.clone(), layers, failures))
        }))
    }

    /// The same where another one knows nothing newer; of each provider, what was collected last.
    pub(super) fn and(&self, other: &Self, registry: &Registry) -> Option<Self> {
        let theirs = other.slots(registry)?;
        let is_newer = |(own, their): &(&Option<Slot>, &Option<Slot>)| match (own, their) {
            (Some(own), Some(their)) => (their.flight, their.collected_at) > (own.flight, own.collected_at),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let pairs = || self.slots.iter().zip(theirs);
        pairs().any(|pair| is_newer(&pair)).then(|| {
            let slots = pairs().map(|pair| if is_newer(&pair) { pair.1.clone() } else { pair.0.clone() });
            Self::new(self.node.clone(), slots.collect(), registry)
        })
    }

    /// The same without what is for one caller only; `None` where there is nothing of that.
    pub(super) fn for_all(&self, registry: &Registry) -> Option<Self> {
        let is_all = |slot: &Slot| slot.is_for_all();
        (!self.slots.iter().flatten().all(is_all)).then(|| {
            let slots = self.slots.iter().map(|slot| slot.clone().filter(is_all));
            Self::new(self.node.clone(), slots.collect(), registry)
        })
    }

    /// About how many bytes it takes: what the providers said, and once more for what is merged of it, where more than
    /// one says something.
    pub(super) fn bytes(&self) -> usize {
        let said = self.slots.iter().flatten().map(|slot| slot.bytes).filter(|bytes| *bytes > 0);
        let (count, bytes) =
            said.fold((0, 0usize), |(count, sum), bytes| (count + 1, sum.saturating_add(bytes)));
        let copies = if count > 1 { 2 } else { 1 };
        bytes.saturating_mul(copies).saturating_add(512)
    }
}

pub(super) fn signed(limit: Duration) -> SignedDuration {
    SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX)
}
