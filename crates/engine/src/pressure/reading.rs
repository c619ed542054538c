//! Whether a run may read on from its node: [`ReadingGate`]. It knows nothing of what is read.
//!
//! A run that waits for its node when the budget's high mark is passed goes on waiting, so that the end of a silent
//! command is seen at once. After the next piece it is held. In each execution one held run has the **turn**: it reads
//! on, one piece at a time, each after everything of its execution has been shown to its readers, so that it adds no
//! more than what it keeps itself. It has the turn to its end, unless its node is silent.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::budget::MemoryBudget;

/// How long the run that has the turn may wait for its node before another one gets it.
const SILENCE: Duration = Duration::from_millis(200);

/// One run's gate.
#[derive(Debug)]
pub(crate) struct ReadingGate {
    pressed: watch::Receiver<bool>,
    /// The execution's one turn.
    turns: Arc<Semaphore>,
    /// Bytes of the execution's output that may be on the way to its readers, and how many those are.
    room: Arc<Semaphore>,
    all_room: u32,
    open: bool,
    turn: Option<OwnedSemaphorePermit>,
    lapses_at: Option<Instant>,
}

impl ReadingGate {
    /// An open gate of an execution with one permit in `turns` and `all_room` in `room`.
    pub(crate) fn new(
        budget: &MemoryBudget,
        turns: &Arc<Semaphore>,
        room: &Arc<Semaphore>,
        all_room: usize,
    ) -> Self {
        Self {
            pressed: budget.pressed(),
            turns: Arc::clone(turns),
            room: Arc::clone(room),
            all_room: u32::try_from(all_room).unwrap_or(u32::MAX),
            open: true,
            turn: None,
            lapses_at: None,
        }
    }

    /// Whether the run may read.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// A piece has been read.
    pub(crate) fn has_read(&mut self) {
        self.lapses_at = None;
        self.open = !*self.pressed.borrow();
        if self.open {
            self.turn = None;
        }
    }

    /// The run is being ended and reads no more: another one gets the turn.
    pub(crate) fn leave(&mut self) {
        self.turn = None;
    }

    /// Returns when something has changed: the gate is open, the turn was given away, or pressure has begun or ended.
    /// Dropping the future loses nothing.
    pub(crate) async fn changed(&mut self) {
        match (self.open, &self.turn) {
            (false, _) => self.opened().await,
            (true, Some(_)) => {
                let at = *self.lapses_at.get_or_insert_with(|| Instant::now() + SILENCE);
                tokio::time::sleep_until(at).await;
                // The piece that it waits for may still be read.
                self.turn = None;
            }
            (true, None) => {
                // The sender lives in the budget, which outlives the run.
                let _ = self.pressed.changed().await;
            }
        }
    }

    async fn opened(&mut self) {
        // Ends: each turn waits for one of the two, and the other one is its end.
        loop {
            if !*self.pressed.borrow_and_update() {
                self.open = true;
                self.turn = None;
                return;
            }
            if self.turn.is_none() {
                tokio::select! {
                    _ = self.pressed.changed() => {}
                    turn = Arc::clone(&self.turns).acquire_owned() => self.turn = turn.ok(),
                }
                continue;
            }
            tokio::select! {
                _ = self.pressed.changed() => {}
                // All of it is free: nothing of this execution is on its way.
                _ = self.room.acquire_many(self.all_room) => {
                    self.open = true;
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gates(budget: &MemoryBudget, count: usize) -> (Vec<ReadingGate>, Arc<Semaphore>) {
        let (turns, room) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(10)));
        let gates = (0..count).map(|_| ReadingGate::new(budget, &turns, &room, 10)).collect();
        (gates, room)
    }

    async fn opens(gate: &mut ReadingGate) -> bool {
        tokio::time::timeout(Duration::from_millis(1), async {
            while !gate.is_open() {
                gate.changed().await;
            }
        })
        .await
        .is_ok()
    }

    /// R8.6
    #[tokio::test(start_paused = true)]
    async fn one_run_of_an_execution_goes_on_and_the_others_wait() {
        let budget = MemoryBudget::new(100);
        let (mut gates, room) = gates(&budget, 2);
        let held = budget.hold(90);
        assert!(gates.iter().all(ReadingGate::is_open), "a silent command is waited for");
        gates.iter_mut().for_each(ReadingGate::has_read);
        assert!(opens(&mut gates[0]).await);
        assert!(!opens(&mut gates[1]).await);
        // Only when what it read has been shown.
        gates[0].has_read();
        let shown = Arc::clone(&room).acquire_many_owned(3).await.unwrap();
        assert!(!opens(&mut gates[0]).await);
        drop(shown);
        assert!(opens(&mut gates[0]).await);
        assert!(!opens(&mut gates[1]).await);
        drop(held);
        assert!(opens(&mut gates[1]).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_node_gives_the_turn_away_and_is_still_listened_to() {
        let budget = MemoryBudget::new(100);
        let (mut gates, _room) = gates(&budget, 2);
        let _held = budget.hold(90);
        gates.iter_mut().for_each(ReadingGate::has_read);
        assert!(opens(&mut gates[0]).await);
        let began = Instant::now();
        gates[0].changed().await;
        assert_eq!(began.elapsed(), SILENCE);
        assert!(gates[0].is_open());
        assert!(opens(&mut gates[1]).await);
        // Then it has to wait as any other.
        gates[0].has_read();
        assert!(!opens(&mut gates[0]).await);
    }
}
