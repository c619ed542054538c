//! The account of output in memory, [`MemoryBudget`], and the permit for bytes of it, [`Held`], which travels with the
//! output and gives itself back. Neither waits nor refuses: who may go on is decided by those who ask
//! [`MemoryBudget::is_pressed`].
//!
//! The account is behind a mutex, as an exception: it is not run state, and a sum and its two marks can only be
//! compared together. It is held for a few additions and never across an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;

/// The high mark as a share of the limit: three quarters. What is above takes in what runs read at the moment in which
/// the mark is passed.
const HIGH: (usize, usize) = (3, 4);
/// The low mark as a share of the limit: a half. Far enough below the high one that reading does not stutter.
const LOW: (usize, usize) = (1, 2);

/// How the output in memory stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemoryStats {
    /// Bytes of output that are held now.
    pub used_bytes: usize,
    /// Most bytes that were held at once so far.
    pub peak_bytes: usize,
    /// The budget in bytes.
    pub limit_bytes: usize,
    /// Whether nodes are held because of it.
    pub backpressure: bool,
    /// How often they have been.
    pub times_on: u64,
}

/// What executions are told, at transitions and not too often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PressureReport {
    pub(crate) on: bool,
    pub(crate) used_bytes: usize,
    pub(crate) limit_bytes: usize,
}

/// The account.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    limit: usize,
    high: usize,
    low: usize,
    account: Mutex<Account>,
    pressed: watch::Sender<bool>,
    reports: watch::Sender<PressureReport>,
}

#[derive(Debug, Default)]
struct Account {
    used: usize,
    peak: usize,
    on: bool,
    times_on: u64,
}

impl MemoryBudget {
    /// An empty account with a limit in bytes.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        let share = |(part, of): (usize, usize)| (limit / of).saturating_mul(part).max(1);
        let high = share(HIGH);
        let report = PressureReport { limit_bytes: limit, ..PressureReport::default() };
        Arc::new(Self {
            limit,
            high,
            // Below the high mark also where the limit is a few bytes: what switches on never switches off by itself.
            low: share(LOW).min(high - 1),
            account: Mutex::default(),
            pressed: watch::Sender::new(false),
            reports: watch::Sender::new(report),
        })
    }

    /// A permit for so many bytes, which are in memory already.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> Held {
        self.add(bytes);
        Held { budget: Some(Arc::clone(self)), bytes }
    }

    /// Whether nodes are to be held.
    pub(crate) fn is_pressed(&self) -> bool {
        *self.pressed.borrow()
    }

    /// Word of every change of [`MemoryBudget::is_pressed`].
    pub(crate) fn pressed(&self) -> watch::Receiver<bool> {
        self.pressed.subscribe()
    }

    /// What executions are to be told.
    pub(crate) fn reports(&self) -> watch::Receiver<PressureReport> {
        self.reports.subscribe()
    }

    /// Tells executions how it stands now.
    pub(super) fn report(&self) -> PressureReport {
        let stats = self.stats();
        let report = PressureReport {
            on: stats.backpressure,
            used_bytes: stats.used_bytes,
            limit_bytes: stats.limit_bytes,
        };
        self.reports.send_replace(report);
        report
    }

    pub(crate) fn stats(&self) -> MemoryStats {
        let account = self.lock();
        MemoryStats {
            used_bytes: account.used,
            peak_bytes: account.peak,
            limit_bytes: self.limit,
            backpressure: account.on,
            times_on: account.times_on,
        }
    }

    fn add(&self, bytes: usize) {
        let mut account = self.lock();
        account.used = account.used.saturating_add(bytes);
        account.peak = account.peak.max(account.used);
        if !account.on && account.used >= self.high {
            account.on = true;
            account.times_on += 1;
            // Under the lock, so that the last word is the true one.
            self.pressed.send_replace(true);
        }
    }

    fn sub(&self, bytes: usize) {
        let mut account = self.lock();
        account.used = account.used.saturating_sub(bytes);
        if account.on && account.used <= self.low {
            account.on = false;
            self.pressed.send_replace(false);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Account> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound account.
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of output in memory. Dropping it gives them back to the account.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Absent where nothing is counted.
    budget: Option<Arc<MemoryBudget>>,
    bytes: usize,
}

impl Held {
    /// From now on so many bytes are held here.
    pub(crate) fn set(&mut self, bytes: usize) {
        let before = std::mem::replace(&mut self.bytes, bytes);
        let Some(budget) = &self.budget else { return };
        if bytes > before {
            budget.add(bytes - before);
        } else if bytes < before {
            budget.sub(before - bytes);
        }
    }

    /// So many bytes less are held here.
    pub(crate) fn shrink(&mut self, by: usize) {
        self.set(self.bytes.saturating_sub(by));
    }

    /// Takes over all that another one holds.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        let bytes = other.bytes;
        self.take_from(&mut other, bytes);
    }

    /// Takes over so many bytes of another one of the same account.
    pub(crate) fn take_from(&mut self, other: &mut Self, bytes: usize) {
        let bytes = bytes.min(other.bytes);
        if self.budget.is_none() {
            self.budget.clone_from(&other.budget);
        }
        other.bytes -= bytes;
        self.bytes += bytes;
    }

    /// Whether nodes are to be held.
    pub(crate) fn is_pressed(&self) -> bool {
        self.budget.as_ref().is_some_and(|budget| budget.is_pressed())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// R8.6
    #[test]
    fn it_is_on_from_the_high_mark_to_the_low_one() {
        let budget = MemoryBudget::new(100);
        let mut held = budget.hold(74);
        assert!(!budget.is_pressed());
        held.set(75);
        assert!(budget.is_pressed());
        held.shrink(24);
        assert!(budget.is_pressed(), "51 is still above the low mark");
        held.shrink(1);
        assert!(!budget.is_pressed());
        drop(held);
        let stats = budget.stats();
        assert_eq!((stats.used_bytes, stats.peak_bytes, stats.times_on), (0, 75, 1));
    }

    #[test]
    fn a_limit_of_a_few_bytes_has_its_low_mark_below_the_high_one() {
        for limit in 1..4 {
            let budget = MemoryBudget::new(limit);
            let mut held = budget.hold(2);
            held.set(1);
            assert!(budget.is_pressed(), "one byte is the high mark of a limit of {limit}");
            held.set(0);
            assert!(!budget.is_pressed());
        }
    }

    #[test]
    fn what_changes_hands_is_counted_once() {
        let budget = MemoryBudget::new(1000);
        let (mut ring, mut batch) = (Held::default(), Held::default());
        batch.absorb(budget.hold(10));
        batch.absorb(budget.hold(20));
        ring.take_from(&mut batch, 25);
        assert_eq!(budget.stats().used_bytes, 30);
        drop(batch);
        assert_eq!(budget.stats().used_bytes, 25);
        drop(ring);
        assert_eq!(budget.stats().used_bytes, 0);
        assert_eq!(budget.stats().peak_bytes, 30);
    }

    proptest! {
        /// R8.6: whatever is taken and given back in whatever order, the word is that of the sum, and nothing is left.
        #[test]
        fn the_account_is_the_sum(limit in 1usize..500, steps in proptest::collection::vec((0usize..8, 0usize..200), 0..60)) {
            let budget = MemoryBudget::new(limit);
            let mut held: Vec<Held> = (0..8).map(|_| budget.hold(0)).collect();
            let mut sums = [0usize; 8];
            for (slot, bytes) in steps {
                held[slot].set(bytes);
                sums[slot] = bytes;
                let used: usize = sums.iter().sum();
                prop_assert_eq!(budget.stats().used_bytes, used);
                if used >= budget.high { prop_assert!(budget.is_pressed()); }
                if used <= budget.low { prop_assert!(!budget.is_pressed()); }
            }
            drop(held);
            prop_assert_eq!(budget.stats().used_bytes, 0);
            prop_assert!(!budget.is_pressed());
        }
    }
}
