//! The latest events of a running execution: [`EventLog`], a ring in memory with one writer, its hub, and any
//! number of readers.
//!
//! The ring is behind a mutex, as an exception: it is not run state, it is held for copying pointers and never
//! across an await. What falls out of the ring is in the store, except for output past the stored limit and the
//! progress of copies.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::pace::RecentEnds;
use pabawi_domain::summary::{ExecutionSummary, Progress};
use tokio::sync::{Notify, watch};

use crate::pressure::Held;

/// What part of its bytes a ring keeps for readers that may miss events, while the budget of output in memory is
/// pressed.
const PRESSED_SHARE: usize = 16;

/// Where an execution stands, as far as it is durable.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) progress: Progress,
    pub(crate) recent: RecentEnds,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) finished: Option<(Timestamp, Box<ExecutionSummary>)>,
}

impl Standing {
    /// Nothing has started.
    pub(crate) fn of_targets(total: u64) -> Self {
        Self {
            progress: Progress::of_targets(total),
            recent: RecentEnds::default(),
            started_at: None,
            finished: None,
        }
    }
}

/// What a reader finds.
#[derive(Debug)]
pub(super) enum Read {
    /// These events, from the asked one on; at least one.
    Events(Vec<Arc<ExecutionEvent>>),
    /// The asked event is older than this first one in the ring. The first ones there, since they may have left it by the time
    /// that the older ones are read.
    Older { first_seq: u64, events: Vec<Arc<ExecutionEvent>> },
    /// Nothing yet.
    Nothing,
    /// Nothing, and nothing will come: the execution has ended before that number.
    Ended,
    /// Nothing, and nothing will come: the execution was given up.
    Closed,
}

/// A ring of events.
#[derive(Debug)]
pub(crate) struct EventLog {
    ring: Mutex<Ring>,
    /// Changes with every event and every change of the standing.
    news: watch::Sender<()>,
    /// A reader that holds the ring has moved on or gone.
    moved: Notify,
    max_events: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Ring {
    events: VecDeque<Arc<ExecutionEvent>>,
    /// Sequence number of the first event in the ring, or of the next one when it is empty.
    first_seq: u64,
    bytes: usize,
    /// The permit for these bytes.
    held: Held,
    /// Readers that slow the source, each with the event it needs next.
    holds: HashMap<u64, u64>,
    next_hold: u64,
    /// Readers are no longer waited for.
    released: bool,
    closed: bool,
    standing: Standing,
}

impl EventLog {
    pub(crate) fn new(total: u64, max_events: usize, max_bytes: usize) -> Self {
        Self {
            ring: Mutex::new(Ring {
                events: VecDeque::new(),
                first_seq: 1,
                bytes: 0,
                held: Held::default(),
                holds: HashMap::new(),
                next_hold: 0,
                released: false,
                closed: false,
                standing: Standing::of_targets(total),
            }),
            news: watch::Sender::new(()),
            moved: Notify::new(),
            max_events,
            max_bytes,
        }
    }

    /// Publishes events in their order; the permit for what goes into the ring is taken out of `held`. Waits for readers
    /// that slow the source.
    pub(crate) async fn publish(&self, events: Vec<Arc<ExecutionEvent>>, held: &mut Held) {
        let mut events = events.into_iter().peekable();
        while events.peek().is_some() {
            // Made before the ring is looked at, so that no move in between is missed.
            let moved = self.moved.notified();
            {
                let mut ring = self.lock();
                while let Some(event) = events.next_if(|event| ring.make_room(self, event)) {
                    let size = size(&event);
                    ring.bytes += size;
                    ring.held.take_from(held, size);
                    ring.events.push_back(event);
                }
            }
            self.news.send_replace(());
            if events.peek().is_some() {
                moved.await;
            }
        }
    }

    /// Sets where the execution stands.
    pub(crate) fn stand(&self, standing: Standing) {
        self.lock().standing = standing;
        self.news.send_replace(());
    }

    /// Where the execution stands.
    pub(crate) fn standing(&self) -> Standing {
        self.lock().standing.clone()
    }

    /// Drops what nobody waits for, down to the part that is kept under pressure.
    pub(super) fn trim(&self) {
        let mut ring = self.lock();
        let needed = ring.needed();
        // Ends: each turn takes one event out.
        while ring.bytes > self.max_bytes / PRESSED_SHARE && ring.drop_oldest(needed) {}
    }

    /// No more events will come.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.news.send_replace(());
    }

    /// Stops waiting for slow readers, for good.
    pub(crate) fn release(&self) {
        self.lock().released = true;
        self.moved.notify_one();
    }

    /// Returns when the execution has ended: its result, or `None` when it was given up.
    pub(crate) async fn finished(&self) -> Option<Box<ExecutionSummary>> {
        let mut news = self.news.subscribe();
        // Ends with the execution.
        loop {
            {
                let ring = self.lock();
                match &ring.standing.finished {
                    Some((_, summary)) => return Some(summary.clone()),
                    None if ring.closed => return None,
                    None => {}
                }
            }
            if news.changed().await.is_err() {
                return None;
            }
        }
    }

    /// Word of every change.
    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// At most `max` events from `seq` on.
    pub(super) fn read(&self, seq: u64, max: usize) -> Read {
        let ring = self.lock();
        let Some(skip) = seq.checked_sub(ring.first_seq) else {
            let events = ring.events.iter().take(max).cloned().collect();
            return Read::Older { first_seq: ring.first_seq, events };
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let events: Vec<_> = ring.events.iter().skip(skip).take(max).cloned().collect();
        if !events.is_empty() {
            return Read::Events(events);
        }
        match (ring.closed, &ring.standing.finished) {
            (true, Some(_)) => Read::Ended,
            (true, None) => Read::Closed,
            (false, _) => Read::Nothing,
        }
    }

    /// Makes the source wait for a reader that needs `seq` next. Returns the hold's number.
    pub(super) fn hold(&self, seq: u64) -> u64 {
        let mut ring = self.lock();
        let number = ring.next_hold;
        ring.next_hold += 1;
        ring.holds.insert(number, seq);
        number
    }

    /// The reader with that hold needs `seq` next; `None` when it is gone.
    pub(super) fn move_hold(&self, number: u64, seq: Option<u64>) {
        {
            let mut ring = self.lock();
            match seq {
                Some(seq) => ring.holds.insert(number, seq),
                None => ring.holds.remove(&number),
            };
        }
        // Only the hub waits, so one permit is enough; it is kept when the hub does not wait yet.
        self.moved.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound ring.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    /// Drops old events until the new one fits; `false` when a reader still needs one of them.
    fn make_room(&mut self, log: &EventLog, event: &ExecutionEvent) -> bool {
        let size = size(event);
        let needed = self.needed();
        let max_bytes = match self.held.is_pressed() {
            true => log.max_bytes / PRESSED_SHARE,
            false => log.max_bytes,
        };
        // Ends: each turn takes one event out.
        while !self.events.is_empty()
            && (self.events.len() >= log.max_events || self.bytes + size > max_bytes)
        {
            if !self.drop_oldest(needed) {
                return false;
            }
        }
        true
    }

    /// The first event that a reader still needs who slows the source.
    fn needed(&self) -> Option<u64> {
        match self.released {
            true => None,
            false => self.holds.values().min().copied(),
        }
    }

    /// Drops the oldest event; `false` when there is none or it is needed.
    fn drop_oldest(&mut self, needed: Option<u64>) -> bool {
        if needed.is_some_and(|needed| needed <= self.first_seq) {
            return false;
        }
        let Some(old) = self.events.pop_front() else { return false };
        let size = size(&old).min(self.bytes);
        self.bytes -= size;
        self.held.shrink(size);
        self.first_seq = old.seq + 1;
        true
    }
}

/// What an event weighs: its output.
fn size(event: &ExecutionEvent) -> usize {
    match &event.kind {
        EventKind::Output { data, .. } => data.0.len(),
        _ => 0,
    }
}
