//! Where each target of an execution stands: [`TargetTable`]. It moves targets from one state to the next and counts
//! them; what their outcomes are and when they may start is decided elsewhere.
//!
//! ```text
//! waiting -> running -> ended
//!    |         | ^
//!    |         v |
//!    |       backoff      another attempt follows at its time
//!    |         |
//!    +---------+--------> ended, without being started (again)
//! ```

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};

use tokio::time::Instant;

use crate::run::{Again, Attempt};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TargetState {
    Waiting,
    Running,
    Backoff,
    Ended,
}

/// A target that is to be started now.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) index: u32,
    pub(super) attempt: Attempt,
}

/// Where each target stands.
#[derive(Debug)]
pub(super) struct TargetTable {
    states: Vec<TargetState>,
    /// No target before this place waits.
    first_waiting: usize,
    /// Only targets before this place may be started.
    window_end: usize,
    /// Targets that wait and may be started.
    waiting: usize,
    /// Targets without an outcome.
    open: usize,
    /// Targets in backoff by the time of their next attempt. Those that have ended meanwhile are passed over.
    sleeping: BinaryHeap<Reverse<(Instant, u32)>>,
    /// Targets in backoff whose time has come.
    due: VecDeque<u32>,
    /// How the last attempt of each target in backoff ended.
    last: HashMap<u32, Box<Again>>,
}

impl TargetTable {
    /// So many targets that wait, none of which may be started yet.
    pub(super) fn new(count: usize) -> Self {
        Self {
            states: vec![TargetState::Waiting; count],
            first_waiting: 0,
            window_end: 0,
            waiting: 0,
            open: count,
            sleeping: BinaryHeap::new(),
            due: VecDeque::new(),
            last: HashMap::new(),
        }
    }

    /// From now on the targets before that place may be started.
    pub(super) fn open_window(&mut self, end: usize) {
        let end = end.min(self.states.len());
        let opened = self.states.get(self.window_end..end).unwrap_or_default();
        self.waiting += opened.iter().filter(|state| **state == TargetState::Waiting).count();
        self.window_end = self.window_end.max(end);
    }

    /// Targets without an outcome.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// Targets that can be started now: those that wait, and those whose next attempt is due.
    pub(super) fn startable(&mut self, now: Instant) -> (usize, usize) {
        self.wake(now);
        (self.waiting, self.due.len())
    }

    /// Targets that wait for another attempt.
    pub(super) fn in_backoff(&self) -> usize {
        self.last.len()
    }

    /// Whether every target of the window has ended, as far as this table knows: none waits and none is in backoff.
    pub(super) fn window_is_through(&self) -> bool {
        self.waiting == 0 && self.last.is_empty()
    }

    /// When the next attempt is due that is not yet.
    pub(super) fn next_due(&mut self) -> Option<Instant> {
        // Ends: each turn takes one that is no longer in backoff off.
        while let Some(Reverse((at, index))) = self.sleeping.peek() {
            if self.last.contains_key(index) {
                return Some(*at);
            }
            self.sleeping.pop();
        }
        None
    }

    /// Notices whose time has come.
    fn wake(&mut self, now: Instant) {
        while self.next_due().is_some_and(|at| at <= now) {
            self.due.extend(self.sleeping.pop().map(|Reverse((_, index))| index));
        }
    }

    /// Takes the next target and marks it as running: one whose next attempt is due, or else the first that waits.
    pub(super) fn take_next(&mut self, now: Instant) -> Option<Next> {
        self.wake(now);
        if let Some(index) = self.due.pop_front()
            && let Some(last) = self.last.remove(&index)
        {
            self.set(index, TargetState::Running);
            return Some(Next { index, attempt: last.next_attempt() });
        }
        let rest = self.states.get_mut(self.first_waiting..self.window_end)?;
        let found = rest.iter_mut().enumerate().find(|(_, state)| **state == TargetState::Waiting);
        let Some((offset, state)) = found else {
            self.first_waiting = self.window_end;
            return None;
        };
        *state = TargetState::Running;
        let place = self.first_waiting + offset;
        self.first_waiting = place + 1;
        self.waiting -= 1;
        Some(Next { index: u32::try_from(place).ok()?, attempt: Attempt::first() })
    }

    /// A running target waits for another attempt.
    pub(super) fn back_off(&mut self, index: u32, again: Box<Again>, at: Instant) {
        self.set(index, TargetState::Backoff);
        self.sleeping.push(Reverse((at, index)));
        self.last.insert(index, again);
    }

    /// A running target has its outcome.
    pub(super) fn end(&mut self, index: u32) {
        let state = usize::try_from(index).ok().and_then(|place| self.states.get_mut(place));
        if let Some(state) = state
            && *state != TargetState::Ended
        {
            *state = TargetState::Ended;
            self.open -= 1;
        }
    }

    /// Ends the targets that have never been started, or the chosen ones among them, and returns their places.
    pub(super) fn end_waiting(&mut self, chosen: Option<&HashSet<usize>>) -> Vec<u32> {
        let mut ended = Vec::new();
        let first = self.first_waiting;
        for (place, state) in self.states.iter_mut().enumerate().skip(first) {
            if *state == TargetState::Waiting
                && chosen.is_none_or(|chosen| chosen.contains(&place))
                && let Ok(index) = u32::try_from(place)
            {
                *state = TargetState::Ended;
                self.waiting -= usize::from(place < self.window_end);
                ended.push(index);
            }
        }
        self.open -= ended.len();
        ended
    }

    /// Ends the targets in backoff, or the chosen ones among them, in the order of their places.
    pub(super) fn end_backoff(&mut self, chosen: Option<&HashSet<usize>>) -> Vec<(u32, Box<Again>)> {
        let is_chosen = |index: &u32| {
            chosen.is_none_or(|chosen| usize::try_from(*index).is_ok_and(|place| chosen.contains(&place)))
        };
        let mut indices: Vec<u32> = self.last.keys().copied().filter(is_chosen).collect();
        indices.sort_unstable();
        let mut ended = Vec::with_capacity(indices.len());
        for index in indices {
            if let Some(last) = self.last.remove(&index) {
                self.end(index);
                ended.push((index, last));
            }
        }
        let last = &self.last;
        self.due.retain(|index| last.contains_key(index));
        ended
    }

    fn set(&mut self, index: u32, to: TargetState) {
        if let Some(state) = usize::try_from(index).ok().and_then(|place| self.states.get_mut(place)) {
            *state = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::run::tests::failed_attempt;

    fn taken(table: &mut TargetTable, now: Instant) -> Vec<(u32, u32)> {
        std::iter::from_fn(|| table.take_next(now)).map(|next| (next.index, next.attempt.number)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn targets_are_taken_in_order_and_only_within_the_window() {
        let now = Instant::now();
        let mut table = TargetTable::new(5);
        assert_eq!((table.startable(now), taken(&mut table, now)), ((0, 0), vec![]));
        table.open_window(2);
        assert_eq!(table.startable(now), (2, 0));
        assert_eq!(taken(&mut table, now), [(0, 1), (1, 1)]);
        assert!(table.window_is_through());
        assert_eq!(table.end_waiting(Some(&HashSet::from([3]))), [3]);
        table.open_window(9);
        assert_eq!(table.startable(now), (2, 0));
        assert_eq!(taken(&mut table, now), [(2, 1), (4, 1)]);
        for index in [0, 1, 2, 4, 4] {
            table.end(index);
        }
        assert_eq!(table.open(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn another_attempt_waits_for_its_time_and_goes_first_then() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut table = TargetTable::new(3);
        table.open_window(2);
        assert_eq!(taken(&mut table, now), [(0, 1), (1, 1)]);
        table.back_off(1, Box::new(failed_attempt(1)), now + second);
        table.back_off(0, Box::new(failed_attempt(1)), now + 2 * second);
        assert!(!table.window_is_through());
        assert_eq!((table.startable(now), table.in_backoff()), ((0, 0), 2));
        assert_eq!(table.next_due(), Some(now + second));
        table.open_window(3);
        assert_eq!(table.startable(now + second), (1, 1));
        assert_eq!(taken(&mut table, now + second), [(1, 2), (2, 1)]);
        assert_eq!(table.startable(now + 2 * second), (0, 1));
        let ended: Vec<u32> = table.end_backoff(None).into_iter().map(|(index, _)| index).collect();
        assert_eq!(ended, [0]);
        assert_eq!((table.startable(now + 2 * second), table.next_due(), table.open()), ((0, 0), None, 2));
    }
}
