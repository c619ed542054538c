//! Asking the providers: many nodes in few calls, and one call for all who want the same at the same time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{KeptFacts, NodeFacts};
use pabawi_domain::request::Caller;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::answers::{NoAnswers, given_up, slots_of};
use super::entry::Slot;
use super::facts::Shared;
use super::flight::{Flight, Join};
use super::registry::Registered;

impl Shared {
    /// What a provider says about these nodes now. Collections that go on already are waited for, where they are good
    /// enough.
    pub(super) async fn collect(
        self: &Arc<Self>,
        provider: &Arc<Registered>,
        caller: &Caller,
        nodes: &[NodeId],
        join: Join,
    ) -> HashMap<NodeId, Slot> {
        let mut found = HashMap::with_capacity(nodes.len());
        let mut denied_to_others = Vec::new();
        for (flight, nodes) in self.flights(provider, caller, nodes, join) {
            let results = flight.results().await;
            for node in nodes {
                match results.get(&node) {
                    Some(slot) if !slot.is_for_all() && flight.caller != *caller => {
                        denied_to_others.push(node)
                    }
                    Some(slot) => drop(found.insert(node, slot.clone())),
                    None => {}
                }
            }
        }
        if !denied_to_others.is_empty() {
            for (flight, nodes) in self.flights(provider, caller, &denied_to_others, Join::Nothing) {
                let results = flight.results().await;
                found.extend(nodes.into_iter().filter_map(|node| {
                    let slot = results.get(&node)?.clone();
                    Some((node, slot))
                }));
            }
        }
        for node in nodes {
            // Only when the runtime is on its way down.
            found.entry(node.clone()).or_insert_with(|| given_up(provider, node, self.now()));
        }
        found
    }

    /// The collections to wait for, with the nodes that each is wanted for; those that are missing are begun.
    fn flights(
        self: &Arc<Self>,
        provider: &Arc<Registered>,
        caller: &Caller,
        nodes: &[NodeId],
        join: Join,
    ) -> Vec<(Arc<Flight>, Vec<NodeId>)> {
        let mut joined: HashMap<u64, (Arc<Flight>, Vec<NodeId>)> = HashMap::new();
        let mut open = Vec::new();
        let mut all = Vec::new();
        let now = self.now();
        {
            let mut flights = provider.flights.lock().unwrap_or_else(PoisonError::into_inner);
            for node in nodes {
                match flights.get(node).filter(|flight| flight.is_good_for(join)) {
                    Some(flight) => {
                        let (_, nodes) =
                            joined.entry(flight.number).or_insert_with(|| (Arc::clone(flight), Vec::new()));
                        nodes.push(node.clone());
                    }
                    None => open.push(node.clone()),
                }
            }
            for nodes in open.chunks(provider.options.nodes_at_once) {
                let flight = Arc::new(Flight::new(self.next_flight(), now, caller.clone()));
                for node in nodes {
                    flights.insert(node.clone(), Arc::clone(&flight));
                }
                all.push((flight, nodes.to_vec()));
            }
        }
        for (flight, nodes) in &all {
            // A task of its own: a caller that goes away must not take the facts from others who wait for them.
            let guard = Landing {
                provider: Arc::clone(provider),
                flight: Arc::clone(flight),
                nodes: nodes.clone(),
                shared: Arc::clone(self),
            };
            tokio::spawn(guard.fly().in_current_span());
        }
        all.extend(joined.into_values());
        all
    }
}

/// A flight that lands in any case, also when its task is dropped.
struct Landing {
    shared: Arc<Shared>,
    provider: Arc<Registered>,
    flight: Arc<Flight>,
    nodes: Vec<NodeId>,
}

impl Landing {
    async fn fly(self) {
        // The semaphore is never closed.
        let _permit = self.provider.calls.acquire().await;
        let asked_at = self.shared.now();
        let (provider, caller, nodes) =
            (Arc::clone(&self.provider), self.flight.caller.clone(), self.nodes.clone());
        // Again a task of its own, whose panic is an answer.
        let asked = async move { provider.provider.collect(&caller, &nodes).await };
        let mut call = AbortOnDrop(tokio::spawn(asked.in_current_span()));
        let answers = match tokio::time::timeout(self.provider.options.timeout, &mut call.0).await {
            Ok(Ok(answers)) => Ok(answers),
            Ok(Err(_)) => Err(NoAnswers::Panicked),
            Err(_) => Err(NoAnswers::TimedOut),
        };
        let slots = slots_of(&self.provider, &self.nodes, answers, asked_at, self.flight.number);
        self.keep(&slots).await;
        self.land(slots);
    }

    /// Stores what was found, before anybody is told.
    async fn keep(&self, slots: &HashMap<NodeId, Slot>) {
        let facts: Vec<KeptFacts> = slots
            .values()
            .filter_map(|slot| {
                let facts = slot.outcome.as_ref().ok()?;
                Some(KeptFacts {
                    provider: self.provider.name.to_string(),
                    collected_at: slot.collected_at,
                    facts: NodeFacts::clone(facts),
                })
            })
            .collect();
        if facts.is_empty() {
            return;
        }
        let count = facts.len();
        if let Err(error) = self.shared.known.store().put_facts(facts).await {
            tracing::warn!(provider = %self.provider.name, nodes = count, %error,
                "facts could not be stored; they are shown, and target expressions do not see them");
        }
    }

    fn land(&self, slots: HashMap<NodeId, Slot>) {
        {
            let mut flights = self.provider.flights.lock().unwrap_or_else(PoisonError::into_inner);
            for node in &self.nodes {
                if flights.get(node).is_some_and(|known| known.number == self.flight.number) {
                    flights.remove(node);
                }
            }
        }
        self.flight.land(slots);
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.land(HashMap::new());
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
