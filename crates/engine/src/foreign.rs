//! Following executions that another process runs: [`Foreign`]. All that is known of them is what the store has.
//!
//! Their process may die on the way. Then nobody else would ever close them, so that whoever waits here asks the
//! store from time to time to recover what dead processes have left; it leaves those of living ones alone.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::ports::{Clock, ExecutionStore};

use crate::journal::Journaller;

/// Looks for dead processes once in so many pauses.
const RECOVER_EVERY: u32 = 10;

/// Waits between two looks into the store.
pub(crate) struct Foreign {
    pub(crate) store: Arc<dyn ExecutionStore>,
    journaller: Journaller,
    clock: Arc<dyn Clock>,
    poll: Duration,
    pauses: u32,
}

impl Foreign {
    pub(crate) fn new(
        store: Arc<dyn ExecutionStore>,
        journaller: Journaller,
        clock: Arc<dyn Clock>,
        poll: Duration,
    ) -> Self {
        Self { store, journaller, clock, poll, pauses: 0 }
    }

    /// Lets some time pass.
    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.poll).await;
        self.pauses += 1;
        if self.pauses >= RECOVER_EVERY {
            self.pauses = 0;
            self.recover().await;
        }
    }

    /// Closes what dead processes have left.
    pub(crate) async fn recover(&self) {
        self.journaller.abandoned(&*self.store, self.clock.now()).await;
        match self.store.recover(self.clock.now()).await {
            Ok(closed) => {
                for id in closed {
                    tracing::warn!(execution_id = %id,
                        "interrupted: its process died; what its running targets did is not known");
                }
            }
            // The next look into the store tells the caller when it lasts.
            Err(error) => tracing::debug!(%error, "executions of dead processes cannot be looked for now"),
        }
    }
}
