//! Hands out permits: the highest priority first, in turn between executions of the same priority, so that a
//! huge execution cannot starve a small one (R8.2). Main types: [`Scheduler`], the task, and [`Registration`],
//! an execution's side of it. It knows nothing of nodes.
//!
//! Priorities are strict: while executions of a higher priority want permits, those below get none.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::permits::{Permit, Pool};

/// How an execution takes its turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// Higher goes first.
    pub(crate) priority: i32,
    /// The most permits that it wants at a time.
    pub(crate) concurrency: usize,
    /// It does not wait for other executions to end, since one that runs waits for it. It shares the permits as any
    /// other does.
    pub(crate) at_once: bool,
}

/// What the scheduler and one execution share.
#[derive(Debug)]
struct Entry {
    priority: i32,
    at_once: bool,
    /// Permits that the execution wants and has not been given.
    wanted: AtomicUsize,
    gone: AtomicBool,
    grants: mpsc::Sender<Permit>,
}

impl Entry {
    /// Takes one from what is wanted.
    fn take_one(&self) -> bool {
        self.wanted.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1)).is_ok()
    }
}

/// An execution's side. Dropping it leaves the scheduler.
#[derive(Debug)]
pub(crate) struct Registration {
    entry: Arc<Entry>,
    pool: Arc<Pool>,
    grants: mpsc::Receiver<Permit>,
    /// Permits that were asked for and have not been received.
    asked: usize,
}

impl Registration {
    /// Says how many permits are wanted from now on, those that are on their way included.
    pub(crate) fn want(&mut self, wanted: usize) {
        if wanted > self.asked {
            self.entry.wanted.fetch_add(wanted - self.asked, Ordering::AcqRel);
            self.asked = wanted;
            self.pool.wake.notify_one();
        } else if wanted == 0 && self.asked > 0 {
            // What is already on its way arrives and is given back by whoever receives it.
            self.asked -= self.entry.wanted.swap(0, Ordering::AcqRel).min(self.asked);
        }
    }

    /// The next permit. Dropping the future loses none.
    pub(crate) async fn granted(&mut self) -> Option<Permit> {
        let permit = self.grants.recv().await;
        self.asked = self.asked.saturating_sub(usize::from(permit.is_some()));
        permit
    }

    /// A permit that is there already.
    pub(crate) fn granted_now(&mut self) -> Option<Permit> {
        let permit = self.grants.try_recv().ok();
        self.asked = self.asked.saturating_sub(usize::from(permit.is_some()));
        permit
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.entry.gone.store(true, Ordering::Release);
        self.pool.left.store(true, Ordering::Release);
        self.pool.wake.notify_one();
    }
}

/// The way to register.
#[derive(Debug, Clone)]
pub(crate) struct SchedulerHandle {
    entries: mpsc::Sender<Arc<Entry>>,
    pool: Arc<Pool>,
}

impl SchedulerHandle {
    /// Enters an execution that never wants more permits at a time than its turn says. `None` when the scheduler has
    /// ended.
    pub(crate) async fn register(&self, turn: Turn) -> Option<Registration> {
        let Turn { priority, concurrency, at_once } = turn;
        // No more than `concurrency` are ever on their way, so the channel cannot be full.
        let (grants, receiver) = mpsc::channel(concurrency.max(1));
        let (wanted, gone) = (AtomicUsize::new(0), AtomicBool::new(false));
        let entry = Arc::new(Entry { priority, at_once, wanted, gone, grants });
        self.entries.send(Arc::clone(&entry)).await.ok()?;
        Some(Registration { entry, pool: Arc::clone(&self.pool), grants: receiver, asked: 0 })
    }

    /// Permits that are held now.
    pub(crate) fn permits_in_use(&self) -> usize {
        self.pool.in_use()
    }
}

/// Executions of one priority that may start nodes.
#[derive(Debug, Default)]
struct Class {
    entries: Vec<Arc<Entry>>,
    /// Whose turn it is.
    turn: usize,
}

impl Class {
    /// One turn for everybody; tells whether anybody wanted something.
    fn round(&mut self, free: &mut usize, pool: &Arc<Pool>) -> bool {
        let mut gave = false;
        for _ in 0..self.entries.len() {
            if *free == 0 {
                break;
            }
            let Some(entry) = self.entries.get(self.turn) else {
                self.turn = 0;
                continue;
            };
            self.turn = if self.turn + 1 < self.entries.len() { self.turn + 1 } else { 0 };
            if entry.take_one() {
                *free -= 1;
                gave = true;
                // An execution that has just gone drops the permit, which brings it back to the pool.
                let _ = entry.grants.try_send(pool.issue());
            }
        }
        gave
    }

    /// Executions that count against the limit of those that run.
    fn counted(&self) -> usize {
        self.entries.iter().filter(|entry| !entry.at_once).count()
    }

    fn remove_gone(&mut self) {
        let mut index = 0;
        let turn = self.turn;
        let mut before_turn = 0;
        self.entries.retain(|entry| {
            let stays = !entry.gone.load(Ordering::Acquire);
            before_turn += usize::from(!stays && index < turn);
            index += 1;
            stays
        });
        self.turn = turn - before_turn;
        if self.turn >= self.entries.len() {
            self.turn = 0;
        }
    }
}

/// The task that owns the queue of executions and the free permits.
#[derive(Debug)]
pub(crate) struct Scheduler {
    pool: Arc<Pool>,
    arriving: mpsc::Receiver<Arc<Entry>>,
    /// Waiting for their turn to run at all, by priority and arrival.
    waiting: BTreeMap<(Reverse<i32>, u64), Arc<Entry>>,
    arrivals: u64,
    running: BTreeMap<Reverse<i32>, Class>,
    running_count: usize,
    max_running: usize,
    free: usize,
}

impl Scheduler {
    /// A scheduler for so many permits and so many executions at once.
    pub(crate) fn new(permits: usize, max_running: usize) -> (Self, SchedulerHandle) {
        let pool = Arc::new(Pool::default());
        let (entries, arriving) = mpsc::channel(64);
        let scheduler = Self {
            pool: Arc::clone(&pool),
            arriving,
            waiting: BTreeMap::new(),
            arrivals: 0,
            running: BTreeMap::new(),
            running_count: 0,
            max_running,
            free: permits,
        };
        (scheduler, SchedulerHandle { entries, pool })
    }

    /// Works until every handle is gone.
    pub(crate) async fn run(mut self) {
        loop {
            tokio::select! {
                arrived = self.arriving.recv() => match arrived {
                    Some(entry) => self.enter(entry),
                    None => return,
                },
                () = self.pool.wake.notified() => {}
            }
            while let Ok(entry) = self.arriving.try_recv() {
                self.enter(entry);
            }
            self.free += self.pool.collect();
            if self.pool.left.swap(false, Ordering::AcqRel) {
                self.remove_gone();
            }
            self.admit();
            self.hand_out();
        }
    }

    fn enter(&mut self, entry: Arc<Entry>) {
        if entry.at_once {
            return self.running.entry(Reverse(entry.priority)).or_default().entries.push(entry);
        }
        self.arrivals += 1;
        self.waiting.insert((Reverse(entry.priority), self.arrivals), entry);
    }

    fn remove_gone(&mut self) {
        self.waiting.retain(|_, entry| !entry.gone.load(Ordering::Acquire));
        for class in self.running.values_mut() {
            let before = class.counted();
            class.remove_gone();
            self.running_count -= before - class.counted();
        }
        self.running.retain(|_, class| !class.entries.is_empty());
    }

    fn admit(&mut self) {
        while self.running_count < self.max_running {
            let Some((_, entry)) = self.waiting.pop_first() else { return };
            if !entry.gone.load(Ordering::Acquire) {
                self.running.entry(Reverse(entry.priority)).or_default().entries.push(entry);
                self.running_count += 1;
            }
        }
    }

    fn hand_out(&mut self) {
        for class in self.running.values_mut() {
            // Ends: each round that goes on has used up at least one free permit.
            while self.free > 0 && class.round(&mut self.free, &self.pool) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(priority: i32, concurrency: usize) -> Turn {
        Turn { priority, concurrency, at_once: false }
    }

    async fn scheduler(permits: usize, max_running: usize) -> SchedulerHandle {
        let (scheduler, handle) = Scheduler::new(permits, max_running);
        tokio::spawn(scheduler.run());
        handle
    }

    /// Lets every other task of this one-threaded runtime do what it can.
    async fn settle() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    fn received(registration: &mut Registration) -> Vec<Permit> {
        std::iter::from_fn(|| registration.granted_now()).collect()
    }

    /// R8.2
    #[tokio::test]
    async fn a_small_execution_gets_its_turn_beside_a_huge_one() {
        let handle = scheduler(4, 8).await;
        let mut huge = handle.register(turn(0, 100)).await.unwrap();
        huge.want(100);
        settle().await;
        let mut held = received(&mut huge);
        assert_eq!(held.len(), 4);
        let mut small = handle.register(turn(0, 2)).await.unwrap();
        small.want(2);
        settle().await;
        assert!(received(&mut small).is_empty());
        held.truncate(2);
        settle().await;
        assert_eq!((received(&mut small).len(), received(&mut huge).len()), (1, 1));
    }

    /// R8.2
    #[tokio::test]
    async fn the_higher_priority_goes_first() {
        let handle = scheduler(1, 8).await;
        let mut low = handle.register(turn(0, 3)).await.unwrap();
        low.want(3);
        settle().await;
        let held = received(&mut low);
        assert_eq!(held.len(), 1);
        let mut high = handle.register(turn(5, 2)).await.unwrap();
        high.want(2);
        settle().await;
        drop(held);
        settle().await;
        let first = received(&mut high);
        assert_eq!((first.len(), received(&mut low).len()), (1, 0));
        drop(first);
        settle().await;
        drop(received(&mut high));
        settle().await;
        assert_eq!(received(&mut low).len(), 1);
    }

    #[tokio::test]
    async fn executions_past_the_limit_wait_and_permits_of_the_gone_come_back() {
        let handle = scheduler(2, 1).await;
        let mut first = handle.register(turn(0, 2)).await.unwrap();
        first.want(1);
        settle().await;
        let mut second = handle.register(turn(0, 2)).await.unwrap();
        second.want(2);
        settle().await;
        assert!(received(&mut second).is_empty());
        // Its granted permit was never received; it must not be lost.
        drop(first);
        settle().await;
        assert_eq!(received(&mut second).len(), 2);
        settle().await;
        assert_eq!(handle.permits_in_use(), 0);
    }

    #[tokio::test]
    async fn wanting_none_takes_the_wish_back() {
        let handle = scheduler(1, 2).await;
        let mut first = handle.register(turn(0, 5)).await.unwrap();
        first.want(5);
        settle().await;
        let held = received(&mut first);
        first.want(0);
        drop(held);
        settle().await;
        assert!(received(&mut first).is_empty());
    }
}
