//! Who runs and who waits: [`ExecutionSlots`], the state of Pabawi's execution queue without its promises.
//!
//! Waiting executions stand in a tree by the time they were queued at, so that taking the next one stays cheap however
//! many wait.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use napi_derive::napi;

/// A place in the queue: the time the caller gave, then the order of coming.
#[derive(Debug, Clone, Copy)]
struct Turn {
    at: f64,
    number: u64,
}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> Ordering {
        // A time that is none (NaN) sorts last.
        self.at.total_cmp(&other.at).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Turn {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Turn {}

/// What became of an execution that asked for a slot.
#[napi(string_enum = "camelCase")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It has a slot.
    Running,
    /// It waits for one.
    Queued,
    /// There is no room to wait.
    Full,
    /// That id has a slot or waits for one.
    Known,
}

/// Slots for so many executions at once, and a bounded queue before them.
#[napi]
#[derive(Debug)]
pub struct ExecutionSlots {
    limit: f64,
    max_queued: f64,
    running: HashSet<String>,
    queue: BTreeMap<Turn, String>,
    turns: HashMap<String, Turn>,
    next: u64,
}

#[napi]
impl ExecutionSlots {
    /// `limit` executions run at once and `max_queued` wait.
    #[napi(constructor, catch_unwind)]
    pub fn new(limit: f64, max_queued: f64) -> Self {
        let (running, queue, turns) = (HashSet::new(), BTreeMap::new(), HashMap::new());
        Self { limit, max_queued, running, queue, turns, next: 0 }
    }

    /// Asks for a slot; `at` is the time by which those that wait are ordered.
    #[napi(catch_unwind)]
    pub fn acquire(&mut self, id: String, at: f64) -> Admission {
        if self.running.contains(&id) || self.turns.contains_key(&id) {
            return Admission::Known;
        }
        if self.has_room() {
            self.running.insert(id);
            return Admission::Running;
        }
        if count(self.queue.len()) >= self.max_queued {
            return Admission::Full;
        }
        let turn = Turn { at, number: self.next };
        self.next += 1;
        self.queue.insert(turn, id.clone());
        self.turns.insert(id, turn);
        Admission::Queued
    }

    /// Gives a slot back, where the execution has one, and returns who gets the next.
    #[napi(catch_unwind)]
    pub fn release(&mut self, id: String) -> Option<String> {
        self.running.remove(&id);
        if !self.has_room() {
            return None;
        }
        let (_, next) = self.queue.pop_first()?;
        self.turns.remove(&next);
        self.running.insert(next.clone());
        Some(next)
    }

    /// Takes an execution out of the queue; `false` when it does not wait.
    #[napi(catch_unwind)]
    pub fn cancel(&mut self, id: String) -> bool {
        self.turns.remove(&id).is_some_and(|turn| self.queue.remove(&turn).is_some())
    }

    /// Takes all out of the queue and returns them, the next one first.
    #[napi(catch_unwind)]
    pub fn clear(&mut self) -> Vec<String> {
        self.turns.clear();
        std::mem::take(&mut self.queue).into_values().collect()
    }

    /// Those that wait, the next one first.
    #[napi(catch_unwind)]
    pub fn waiting(&self) -> Vec<String> {
        self.queue.values().cloned().collect()
    }

    /// How many run.
    #[napi(catch_unwind)]
    pub fn running(&self) -> f64 {
        count(self.running.len())
    }

    /// How many wait.
    #[napi(catch_unwind)]
    pub fn queued(&self) -> f64 {
        count(self.queue.len())
    }

    /// Whether it has a slot.
    #[napi(catch_unwind)]
    pub fn is_running(&self, id: String) -> bool {
        self.running.contains(&id)
    }

    /// Whether it waits.
    #[napi(catch_unwind)]
    pub fn is_queued(&self, id: String) -> bool {
        self.turns.contains_key(&id)
    }

    fn has_room(&self) -> bool {
        count(self.running.len()) < self.limit
    }
}

fn count(length: usize) -> f64 {
    u32::try_from(length).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R10.1
    #[test]
    fn the_earliest_gets_the_slot_and_ties_keep_their_order() {
        let mut slots = ExecutionSlots::new(1.0, 4.0);
        let mut acquire = |id: &str, at: f64| slots.acquire(id.to_owned(), at);
        assert_eq!(acquire("a", 9.0), Admission::Running);
        for (id, at) in [("late", 8.0), ("b", 5.0), ("c", 5.0), ("none", f64::NAN)] {
            assert_eq!(acquire(id, at), Admission::Queued);
        }
        assert_eq!(acquire("full", 1.0), Admission::Full);
        assert_eq!((acquire("a", 1.0), acquire("b", 1.0)), (Admission::Known, Admission::Known));
        assert_eq!(slots.waiting(), ["b", "c", "late", "none"]);
        assert!(slots.cancel("c".into()) && !slots.cancel("c".into()) && !slots.cancel("a".into()));
        assert_eq!(slots.release("unknown".into()), None);
        assert_eq!(slots.release("a".into()).as_deref(), Some("b"));
        assert!(slots.is_running("b".into()) && !slots.is_queued("b".into()));
        assert_eq!(slots.clear(), ["late", "none"]);
        assert_eq!((slots.running(), slots.queued()), (1.0, 0.0));
    }
}
