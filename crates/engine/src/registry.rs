//! The executions that this process runs now: [`Registry`], and of each one what others may see, [`Live`].
//!
//! The map is behind a mutex, as an exception: it is not run state, it is held for single look-ups and never
//! across an await. Run state belongs to the dispatchers.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use pabawi_domain::id::{ExecutionId, PluginName};
use pabawi_domain::pace::ProgressReport;
use pabawi_domain::record::ExecutionRecord;
use pabawi_domain::request::{Caller, ExecutionRequest};
use pabawi_domain::summary::ExecutionStatus;
use tokio::sync::{mpsc, watch};
use tracing::Span;

use crate::dispatcher::Control;
use crate::subscribe::{EventLog, Standing};

/// What others see of a running execution.
pub(crate) struct Live {
    /// What is done for it is logged in it.
    pub(crate) span: Span,
    pub(crate) id: ExecutionId,
    pub(crate) caller: Caller,
    /// Without secrets.
    pub(crate) request: Arc<ExecutionRequest>,
    /// The plugins and transports that do it.
    pub(crate) plugins: BTreeSet<PluginName>,
    pub(crate) submitted_at: Timestamp,
    /// Orders to its dispatcher.
    pub(crate) control: mpsc::Sender<Control>,
    pub(crate) log: Arc<EventLog>,
}

impl Live {
    /// The record as the store has it or will have it. Everything in it is durable already.
    pub(crate) fn record(&self) -> ExecutionRecord {
        let standing = self.log.standing();
        let status = match (&standing.finished, standing.started_at) {
            (Some((_, summary)), _) => summary.status,
            (None, Some(_)) => ExecutionStatus::Running,
            (None, None) => ExecutionStatus::Queued,
        };
        let (finished_at, summary) = match standing.finished {
            Some((at, summary)) => (Some(at), Some(*summary)),
            None => (None, None),
        };
        ExecutionRecord {
            id: self.id,
            caller: self.caller.clone(),
            request: self.request.as_ref().clone(),
            action_kind: self.request.action.kind(),
            action_text: self.request.action.text(),
            plugins: self.plugins.clone(),
            status,
            progress: standing.progress,
            submitted_at: self.submitted_at,
            started_at: standing.started_at,
            finished_at,
            summary,
            reruns: Vec::new(),
        }
    }

    /// How far it is.
    pub(crate) fn progress(&self, now: Timestamp) -> ProgressReport {
        let Standing { progress, recent, started_at, finished } = self.log.standing();
        match finished {
            Some((at, _)) => ProgressReport::at(at, progress, started_at, 0),
            None => ProgressReport::at(now, progress, started_at, recent.count(now)),
        }
    }
}

/// The executions of this process.
pub(crate) struct Registry {
    live: Mutex<HashMap<ExecutionId, Arc<Live>>>,
    count: watch::Sender<usize>,
}

impl Registry {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { live: Mutex::default(), count: watch::Sender::new(0) })
    }

    pub(crate) fn insert(&self, live: Arc<Live>) {
        let mut map = self.lock();
        map.insert(live.id, live);
        self.count.send_replace(map.len());
    }

    pub(crate) fn remove(&self, id: ExecutionId) {
        let mut map = self.lock();
        map.remove(&id);
        self.count.send_replace(map.len());
    }

    pub(crate) fn get(&self, id: ExecutionId) -> Option<Arc<Live>> {
        self.lock().get(&id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Live>> {
        self.lock().values().cloned().collect()
    }

    /// How many there are, and word when that changes.
    pub(crate) fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ExecutionId, Arc<Live>>> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound map.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
