//! The entries of the journal go to a journal service of the host: [`Teller`]. They are told in their order, some at a time, each
//! again until it is taken.

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::ports::{HostJournal, StoreError};
use tokio::sync::watch;
use tokio::time::{Duration, Instant};

use super::health::MirrorHealth;
use super::in_hand::{Heard, InHand};
use super::mirror::Work;
use super::options::MirrorOptions;
use super::round::Fault;
use crate::Store;
use crate::sql::mirrored::{Mirrored, TurnOwner};

/// Calls at once. A service that is slow, or holds the thread that it runs on, gets few.
const WINDOW: RangeInclusive<usize> = 2..=32;
/// A service whose calls have ended by then gets more of them.
const SWIFT: Duration = Duration::from_millis(250);
/// Entries in hand, with those that are told already behind one that is not. It is left out before there are so many.
const IN_HAND: usize = 1_000;
/// A call that has had its time so often is made anew.
const LOST: u32 = 3;
/// A turn lasts so long, and is renewed as often while there is something to tell.
const TURN: Duration = Duration::from_secs(20);
const RENEW: Duration = Duration::from_secs(5);

/// Tells the entries.
pub(super) struct Teller {
    store: Store,
    journal: Arc<dyn HostJournal>,
    options: MirrorOptions,
    health: watch::Sender<MirrorHealth>,
    in_hand: InHand,
    window: usize,
    owner: TurnOwner,
    /// Until when the turn of this process need not be renewed; absent where it has none.
    turn: Option<Instant>,
}

impl Teller {
    pub(super) fn new(
        store: Store,
        journal: Arc<dyn HostJournal>,
        options: MirrorOptions,
        health: watch::Sender<MirrorHealth>,
    ) -> Self {
        let (in_hand, window) = (InHand::default(), *WINDOW.start());
        Self { store, journal, options, health, in_hand, window, owner: TurnOwner::new(), turn: None }
    }

    /// Whether there may be something to tell.
    async fn has_news(&self) -> Result<bool, Fault> {
        let is_known = self.in_hand.len() > 0 || self.turn.is_some_and(|renewed| Instant::now() < renewed);
        Ok(is_known || !self.store.unmirrored_entries(None, 1).await?.is_empty())
    }

    /// Takes up entries that are to be told; `false` where there are none.
    async fn fill(&mut self) -> Result<bool, Fault> {
        let wanted = self.window.saturating_sub(self.in_hand.untold());
        let room = wanted.min(IN_HAND.saturating_sub(self.in_hand.len()));
        if let Ok(room @ 1..) = i64::try_from(room) {
            for (key, read) in self.store.unmirrored_entries(self.in_hand.last(), room).await? {
                let unmirrored =
                    read.map_err(|error| self.leave_out("one that cannot be read", &error.to_string()));
                // Of the versions of a note the newest is told.
                self.in_hand.push(key, unmirrored.ok().filter(|unmirrored| !unmirrored.entry.superseded));
            }
        }
        Ok(self.in_hand.len() > 0)
    }

    /// Whether it is this process' turn. Where it is not any more, nothing is known of what is told.
    async fn is_my_turn(&mut self) -> Result<bool, Fault> {
        let now = Instant::now();
        if self.turn.is_some_and(|renewed| now < renewed) {
            return Ok(true);
        }
        let is_mine = self.store.turn(self.owner.turn(TURN)).await?;
        self.turn = is_mine.then_some(now + RENEW);
        if !is_mine {
            self.in_hand.let_go();
        }
        Ok(is_mine)
    }

    /// Hears what has become of the calls. The turn stays this process' for as long as that takes.
    async fn hear(&mut self) -> Result<Heard, Fault> {
        let hearing = self.in_hand.hear(self.options.answer);
        tokio::pin!(hearing);
        // Ends with the time that calls have.
        loop {
            if let Ok(heard) = tokio::time::timeout(RENEW, &mut hearing).await {
                return Ok(heard);
            }
            // Where it is another's now, the next round finds that out.
            let is_mine = self.store.turn(self.owner.turn(TURN)).await?;
            self.turn = is_mine.then(|| Instant::now() + RENEW);
        }
    }

    /// One round of calls.
    async fn tell(&mut self) -> Result<(), Fault> {
        let (begun, answer) = (Instant::now(), self.options.answer);
        self.in_hand.begin(&self.journal, self.window, self.options.executions, answer * LOST).await;
        let heard = self.hear().await?;
        self.window = match heard.fault.is_none() && begun.elapsed() < SWIFT {
            true => (self.window * 2).min(*WINDOW.end()),
            false => (self.window / 2).max(*WINDOW.start()),
        };
        self.health.send_modify(|health| health.written = health.written.saturating_add(heard.taken));
        for (id, why) in &heard.left_out {
            self.leave_out(id, why);
        }
        if let Some(key) = self.in_hand.told_up_to() {
            self.store.mirrored(Mirrored { entries: Some(key), ..Mirrored::default() }).await?;
            self.in_hand.drop_up_to(key);
        }
        match heard.fault {
            None => Ok(()),
            Some(Some(error)) => Err(error.into()),
            Some(None) => Err(Fault::SlowJournal(answer)),
        }
    }

    fn leave_out(&self, id: &str, why: &str) {
        tracing::warn!(%id, %why, "an entry is left out of the host's journal");
        self.health.send_modify(|health| health.refused = health.refused.saturating_add(1));
    }
}

#[async_trait]
impl Work for Teller {
    fn name(&self) -> &'static str {
        "the host's journal"
    }

    async fn look(&mut self) -> Result<bool, Fault> {
        // Ends when there is nothing to tell, and with the first entry that is not taken.
        while self.has_news().await? {
            if !self.is_my_turn().await? {
                return Ok(false);
            }
            if !self.fill().await? {
                break;
            }
            self.tell().await?;
        }
        Ok(true)
    }

    async fn waiting(&self) -> Result<u64, StoreError> {
        self.store.count_unmirrored_entries().await
    }

    async fn end(&mut self) {
        self.in_hand.let_go();
        if self.turn.take().is_none() {
            return;
        }
        if let Err(error) = self.store.turn(self.owner.turn(Duration::ZERO)).await {
            // Another process waits until its time is over, then.
            tracing::debug!(%error, "the turn to tell the host's journal was not given up");
        }
    }
}
