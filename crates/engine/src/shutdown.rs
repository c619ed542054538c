//! An orderly end: [`Engine::shutdown`]. Nothing new is accepted or started, what runs gets time, and whatever
//! could not be stored is named.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::TerminateMode;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::dispatcher::Control;
use crate::engine::Engine;
use crate::registry::Live;

/// How long each of the last steps may take: closing transports, journal, store.
const LAST_STEPS: Duration = Duration::from_secs(5);

/// How a shutdown went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShutdownReport {
    /// Executions that came to an end.
    pub ended: usize,
    /// Executions whose end could not be stored. The next start finds them as interrupted.
    pub abandoned: Vec<ExecutionId>,
}

impl Engine {
    /// Accepts and starts nothing more; targets that wait are skipped as interrupted. Nodes that run have until
    /// the deadline to end by themselves, then they are terminated gracefully, which takes the grace and a few
    /// seconds more. Finally transports and store are closed. Calling it again waits for the same end.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        let report = self.drain(deadline).await;
        self.close().await;
        report
    }

    /// The same, but for the store: what reads it may still come to its end before [`Engine::close`].
    pub async fn drain(&self, deadline: Duration) -> ShutdownReport {
        self.shut_down(deadline).instrument(self.shared.span.clone()).await
    }

    /// Closes the store.
    pub async fn close(&self) {
        let closing = self.shared.store.close().instrument(self.shared.span.clone());
        let _ = tokio::time::timeout(LAST_STEPS, closing).await;
    }

    async fn shut_down(&self, deadline: Duration) -> ShutdownReport {
        let shared = &self.shared;
        let ends_at = Instant::now() + deadline;
        shared.closing.store(true, Ordering::Release);
        // Submissions that are being recorded come to their start first; one that hangs sees `closing` then.
        let _ = tokio::time::timeout(deadline, shared.submissions.write()).await;
        let live = shared.registry.all();
        tracing::info!(executions = live.len(), "shutting down");
        for one in &live {
            let _ = one.control.send(Control::Drain).await;
        }
        self.all_ended(ends_at).await;
        let mode = TerminateMode::Graceful { grace: shared.limits.termination_grace };
        for one in shared.registry.all() {
            one.log.release();
            let _ = one.control.send(Control::Stop { mode }).await;
        }
        let patience = shared.limits.termination_grace + shared.limits.termination_slack;
        self.all_ended(Instant::now() + patience).await;
        let abandoned: Vec<ExecutionId> = shared.registry.all().iter().map(|one| one.id).collect();
        if !abandoned.is_empty() {
            tracing::error!(?abandoned, "executions are given up: their end could not be stored in time");
        }
        shared.recorder.give_up();
        for transport in shared.transports.all() {
            let _ = tokio::time::timeout(LAST_STEPS, transport.shutdown()).await;
        }
        let _ = tokio::time::timeout(LAST_STEPS, shared.journaller.flush()).await;
        let _ = tokio::time::timeout(LAST_STEPS, shared.breakers.flush()).await;
        ShutdownReport { ended: ended(&live, &abandoned), abandoned }
    }

    /// Returns when nothing runs any more, or at that time.
    async fn all_ended(&self, at: Instant) {
        let mut count = self.shared.registry.count();
        let _ = tokio::time::timeout_at(at, count.wait_for(|running| *running == 0)).await;
    }
}

fn ended(live: &[Arc<Live>], abandoned: &[ExecutionId]) -> usize {
    live.iter().filter(|one| !abandoned.contains(&one.id)).count()
}
