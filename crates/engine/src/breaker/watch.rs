//! Makes seen what other processes do to the breakers of the same store: [`BreakerWatch`] reads what they have written
//! since it read last. Runs never wait for it.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::breaker::BreakerStatus;
use pabawi_domain::ports::{BreakerStore, StoreError};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::board::BreakerBoard;

/// Reads the store.
pub(crate) struct BreakerWatch {
    board: Arc<BreakerBoard>,
    store: Option<Arc<dyn BreakerStore>>,
    every: Duration,
    /// Held while the store is read.
    place: Mutex<Place>,
}

/// How far it has been read.
#[derive(Default)]
struct Place {
    mark: u64,
    read_at: Option<Instant>,
    failing: bool,
}

impl BreakerWatch {
    /// Reads all that is stored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn start(
        board: Arc<BreakerBoard>,
        store: Option<Arc<dyn BreakerStore>>,
        every: Duration,
    ) -> Result<Arc<Self>, StoreError> {
        let watch = Arc::new(Self { board, store, every, place: Mutex::default() });
        watch.read().await?;
        Ok(watch)
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn read(&self) -> Result<(), StoreError> {
        self.read_on(&mut *self.place.lock().await).await
    }

    /// Reads what is new, unless that was done lately or is being done. A store that cannot be read is logged.
    pub(crate) async fn freshen(&self) {
        let Ok(mut place) = self.place.try_lock() else { return };
        if place.read_at.is_some_and(|at| at.elapsed() < self.every) {
            return;
        }
        match self.read_on(&mut place).await {
            Ok(()) => place.failing = false,
            Err(error) => {
                place.read_at = Some(Instant::now());
                if !std::mem::replace(&mut place.failing, true) {
                    tracing::warn!(%error, "circuit breakers of other processes cannot be read now");
                }
            }
        }
    }

    /// Reads again and again while something runs here. Ends with the engine, which aborts it.
    pub(crate) async fn run(self: Arc<Self>, mut running: watch::Receiver<usize>) {
        while running.wait_for(|running| *running > 0).await.is_ok() {
            tokio::time::sleep(self.every).await;
            self.freshen().await;
        }
    }

    async fn read_on(&self, place: &mut Place) -> Result<(), StoreError> {
        let Some(store) = &self.store else { return Ok(()) };
        let stored = store.breakers(place.mark).await?;
        let is_first = place.read_at.is_none();
        (place.mark, place.read_at) = (stored.mark, Some(Instant::now()));
        for BreakerStatus { component, state, .. } in self.board.merge(&stored.records) {
            if !is_first {
                tracing::info!(%component, state = state.as_str(), "circuit breaker changed by another process");
            }
        }
        Ok(())
    }
}
