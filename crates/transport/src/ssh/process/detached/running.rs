//! A detached command as the engine sees it: [`Detached`]. Dropping it leaves the command alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::{ActionEnd, ActionEvent, RunningAction, TerminateMode, TransportError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::super::launch::{Job, Launched};
use super::super::running::Surroundings;
use super::super::terminate::sweep_up;
use super::follow::{Follower, Phase};
use super::spool::{Found, Spool};
use crate::ssh::pool::Lease;

/// Events between the task and whoever pulls; few, so that a reader that waits stops the node soon.
const EVENTS: usize = 4;

/// What a detached command may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long the way back is looked for.
    pub(crate) reattach: Duration,
    /// Bytes that the node keeps of each stream.
    pub(crate) spool_bytes: u64,
}

/// A command that survives the loss of the link.
pub(crate) struct Detached {
    events: mpsc::Receiver<ActionEvent>,
    task: JoinHandle<()>,
    spool: Spool,
    /// The end has been read and with it all of the output.
    fetched: Arc<AtomicBool>,
    end: Option<ActionEnd>,
    terminated: Option<Termination>,
}

impl Detached {
    /// Follows what has been launched on `lease`: the start of the command, or, where it may have been started before, a
    /// look for it.
    pub(crate) fn new(
        around: Surroundings,
        name: String,
        job: Job,
        lease: Lease,
        launched: Option<Launched>,
        limits: Limits,
    ) -> Self {
        let spool = Spool::of(around, name, job.run_as.clone());
        let (sender, events) = mpsc::channel(EVENTS);
        let fetched = Arc::new(AtomicBool::new(false));
        let follower = Follower {
            spool: spool.clone(),
            job,
            phase: if launched.is_some() { Phase::Start } else { Phase::Look },
            lease: Some(lease),
            launched,
            limits,
            events: sender,
            fetched: Arc::clone(&fetched),
            have: [0, 0],
        };
        let task = tokio::spawn(follower.run().in_current_span());
        Self { events, task, spool, fetched, end: None, terminated: None }
    }

    async fn end(&self, mode: TerminateMode) -> Termination {
        let grace = match mode {
            TerminateMode::Graceful { grace } => grace,
            TerminateMode::Kill => Duration::ZERO,
        };
        let kill_at = Instant::now() + grace;
        let result = match self.spool.find().await {
            Ok(Found::Void) => return Termination::Confirmed,
            // What is left then are daemons by their own wish, which are named.
            Ok(Found::Gone) => self.spool.remains(None).look().await,
            Ok(Found::Alive(pid)) => {
                let remains = self.spool.remains(Some(pid));
                let name = if grace.is_zero() { "KILL" } else { "TERM" };
                match remains.signal(name, &[]).await {
                    Ok(()) => sweep_up(&remains, kill_at, true).await,
                    Err(why) => Err(why),
                }
            }
            Err(why) => Err(why),
        };
        match result {
            Ok(found) if found.is_empty() => Termination::Confirmed,
            Ok(found) => Termination::Survivors { processes: found.all() },
            Err(why) => {
                Termination::Unconfirmed { why: format!("{why}; the command may go on in its spool") }
            }
        }
    }
}

#[async_trait::async_trait]
impl RunningAction for Detached {
    async fn next(&mut self) -> ActionEvent {
        if let Some(end) = &self.end {
            return ActionEvent::Ended(end.clone());
        }
        match self.events.recv().await {
            Some(ActionEvent::Ended(end)) => {
                self.end = Some(end.clone());
                ActionEvent::Ended(end)
            }
            Some(event) => event,
            None => {
                let message = match &self.terminated {
                    Some(_) => "the command was ended by this side",
                    None => "the task that followed the command is gone; the command goes on in its spool",
                };
                let error = TransportError::after_start(&self.spool.node, ErrorCode::Internal, message);
                let end = ActionEnd::Failed(error);
                self.end = Some(end.clone());
                ActionEvent::Ended(end)
            }
        }
    }

    async fn terminate(&mut self, mode: TerminateMode) -> Termination {
        if self.terminated == Some(Termination::Confirmed) {
            return Termination::Confirmed;
        }
        self.task.abort();
        self.events.close();
        while self.events.try_recv().is_ok() {}
        let termination = self.end(mode).await;
        self.terminated = Some(termination.clone());
        termination
    }

    fn keeps(&self) -> bool {
        let over = self.fetched.load(Ordering::Acquire) && self.end.is_some();
        over || self.terminated == Some(Termination::Confirmed)
    }

    async fn settle(&mut self) -> bool {
        let is_gone = !self.keeps() || self.spool.remove().await || self.spool.remove().await;
        if !is_gone {
            tracing::warn!(node = %self.spool.node, spool = %self.spool.name, "the spool could not be removed");
        }
        is_gone
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        self.task.abort();
    }
}
