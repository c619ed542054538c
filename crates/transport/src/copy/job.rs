//! A copy that runs beside the runtime: [`Job`] is what the work sees of it, [`start`] makes the running action.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::{ActionEnd, ActionEvent, CopyReport, RunningAction, TerminateMode};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::fault::CopyFault;

/// Time between two reports of progress.
const REPORT_EVERY: Duration = Duration::from_millis(250);
/// How long a cancelled copy may take to clean up.
const CANCEL_LIMIT: Duration = Duration::from_secs(10);

/// What the work tells and asks: progress, cancellation, what it has written.
#[derive(Debug)]
pub(crate) struct Job {
    shared: Arc<Shared>,
    progress: watch::Sender<Progress>,
    pace: Mutex<Pace>,
}

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    written: AtomicBool,
    /// Temporary files that could not be removed, or hold the only content of a file that was to be replaced.
    left: Mutex<Vec<PathBuf>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Progress {
    done_bytes: u64,
    total_bytes: Option<u64>,
}

#[derive(Debug)]
struct Pace {
    current: Progress,
    reported: Instant,
}

impl Job {
    fn new(shared: Arc<Shared>) -> (Self, watch::Receiver<Progress>) {
        let (progress, receiver) = watch::channel(Progress::default());
        let pace = Mutex::new(Pace { current: Progress::default(), reported: Instant::now() });
        (Self { shared, progress, pace }, receiver)
    }

    /// Between two blocks of work.
    ///
    /// # Errors
    /// [`CopyFault::Cancelled`].
    pub(crate) fn check(&self) -> Result<(), CopyFault> {
        if self.shared.cancelled.load(Ordering::Acquire) { Err(CopyFault::Cancelled) } else { Ok(()) }
    }

    /// Something is about to be made at the destination.
    pub(crate) fn will_write(&self) {
        self.shared.written.store(true, Ordering::Release);
    }

    pub(crate) fn set_total(&self, bytes: u64) {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).current.total_bytes = Some(bytes);
    }

    /// So many more bytes have been copied.
    pub(crate) fn add_bytes(&self, bytes: usize) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.current.done_bytes += u64::try_from(bytes).unwrap_or(0);
        if pace.reported.elapsed() >= REPORT_EVERY {
            pace.reported = Instant::now();
            self.progress.send_replace(pace.current);
        }
    }

    /// A temporary file could not be removed, or is to stay.
    pub(crate) fn leave(&self, path: PathBuf) {
        self.shared.left.lock().unwrap_or_else(PoisonError::into_inner).push(path);
    }

    /// Whether a temporary file is one of those.
    pub(crate) fn leaves(&self, path: &Path) -> bool {
        self.shared.left.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|left| left == path)
    }
}

/// Runs `work` where blocking is allowed. `keep` is dropped when the action is.
pub(crate) fn start<W>(node: NodeId, keep: impl Send + 'static, work: W) -> RunningCopy
where
    W: FnOnce(&Job) -> Result<CopyReport, CopyFault> + Send + 'static,
{
    let shared = Arc::<Shared>::default();
    let (job, progress) = Job::new(Arc::clone(&shared));
    let task = tokio::task::spawn_blocking(move || {
        let result = work(&job);
        // Kept until the work is over, also when nobody waits for it any more.
        drop(keep);
        result
    });
    RunningCopy { node, shared, progress, task, ended: None }
}

/// A copy that was started.
#[derive(Debug)]
pub(crate) struct RunningCopy {
    node: NodeId,
    shared: Arc<Shared>,
    progress: watch::Receiver<Progress>,
    task: JoinHandle<Result<CopyReport, CopyFault>>,
    ended: Option<ActionEnd>,
}

impl RunningCopy {
    fn finish(&mut self, result: Result<Result<CopyReport, CopyFault>, tokio::task::JoinError>) -> ActionEnd {
        let end = match result.unwrap_or(Err(CopyFault::Broken)) {
            Ok(report) => ActionEnd::Copied(report),
            Err(fault) => {
                let written = self.shared.written.load(Ordering::Acquire);
                let left = self.shared.left.lock().unwrap_or_else(PoisonError::into_inner);
                ActionEnd::Failed(fault.to_error(&self.node, written, &left))
            }
        };
        self.ended = Some(end.clone());
        end
    }
}

#[async_trait]
impl RunningAction for RunningCopy {
    async fn next(&mut self) -> ActionEvent {
        if let Some(end) = &self.ended {
            return ActionEvent::Ended(end.clone());
        }
        tokio::select! {
            biased;
            result = &mut self.task => ActionEvent::Ended(self.finish(result)),
            Ok(()) = self.progress.changed() => {
                let Progress { done_bytes, total_bytes } = *self.progress.borrow_and_update();
                ActionEvent::Progress { done_bytes, total_bytes }
            }
            // The work is over as soon as its side of the progress is gone.
            else => {
                let result = (&mut self.task).await;
                ActionEvent::Ended(self.finish(result))
            }
        }
    }

    async fn terminate(&mut self, _mode: TerminateMode) -> Termination {
        self.shared.cancelled.store(true, Ordering::Release);
        if self.ended.is_none() {
            match tokio::time::timeout(CANCEL_LIMIT, &mut self.task).await {
                Ok(result) => {
                    self.finish(result);
                }
                Err(_) => {
                    let why = format!("the copy did not stop within {} s", CANCEL_LIMIT.as_secs());
                    return Termination::Unconfirmed { why };
                }
            }
        }
        let left = self.shared.left.lock().unwrap_or_else(PoisonError::into_inner);
        match left.first() {
            None => Termination::Confirmed,
            Some(path) => Termination::Unconfirmed {
                why: format!("temporary files may be left, such as {}", path.display()),
            },
        }
    }
}

impl Drop for RunningCopy {
    fn drop(&mut self) {
        self.shared.cancelled.store(true, Ordering::Release);
    }
}

#[cfg(test)]
impl Job {
    /// A job that nobody watches, and a way to cancel it.
    pub(crate) fn for_test() -> (Self, impl Fn()) {
        let shared = Arc::<Shared>::default();
        let (job, _) = Self::new(Arc::clone(&shared));
        (job, move || shared.cancelled.store(true, Ordering::Release))
    }

    pub(crate) fn left(&self) -> Vec<PathBuf> {
        self.shared.left.lock().unwrap().clone()
    }
}
