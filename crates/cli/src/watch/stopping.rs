//! [`Stopping`]: what Ctrl-C does. A task of its own listens and cancels, since the loop that shows events may
//! be stuck in a write: a pager that nobody scrolls reads nothing, and Ctrl-C has to work then most of all.

use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::exit::{Exit, Failure};
use crate::signals::Interrupts;

/// Time between SIGTERM and SIGKILL after Ctrl-C.
pub(crate) const GRACE: Duration = Duration::from_secs(2);
/// How long the loop may take to leave after the second Ctrl-C before it counts as stuck.
const STUCK: Duration = Duration::from_secs(1);
/// How long standard error may take then.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What is cancelled, and how.
pub(crate) struct What {
    /// Gives the order; `false` when there is nothing to cancel any more. It is begun when somebody asks for it.
    pub(crate) cancel: Pin<Box<dyn Future<Output = Result<bool, Failure>> + Send>>,
    /// What is said when it is left before its end.
    pub(crate) left: String,
    /// The person asked already while it was being submitted.
    pub(crate) interrupted: bool,
}

/// What the loop is told.
pub(crate) enum Told {
    /// What runs is being ended.
    Cancelling,
    /// It could not be cancelled.
    Failed(Failure),
    /// The person does not want to wait for the end.
    Leave,
}

/// The handle of the task, which ends with it.
pub(crate) struct Stopping {
    told: mpsc::Receiver<Told>,
    reader_left: mpsc::Sender<()>,
    asked: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Drop for Stopping {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stopping {
    /// Listens from now on.
    pub(crate) fn listen(what: What, interrupts: Interrupts) -> Self {
        // The task says at most two things, and is told one.
        let (say, told) = mpsc::channel(2);
        let (reader_left, left) = mpsc::channel(1);
        let asked = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(listen(what, interrupts, say, left, Arc::clone(&asked)));
        Self { told, reader_left, asked, task }
    }

    /// The next thing that the loop has to know. May be dropped and called anew without loss.
    pub(crate) async fn next(&mut self) -> Told {
        match self.told.recv().await {
            Some(told) => told,
            // The task has said everything; only the end of the execution is left to wait for.
            None => std::future::pending().await,
        }
    }

    /// Nobody reads the output any more, which cancels as Ctrl-C does.
    pub(crate) fn reader_left(&self) {
        // It is enough to say so once.
        let _ = self.reader_left.try_send(());
    }

    /// Whether cancelling was asked for.
    pub(crate) fn asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }
}

async fn listen(
    what: What,
    mut interrupts: Interrupts,
    say: mpsc::Sender<Told>,
    mut reader_left: mpsc::Receiver<()>,
    asked: Arc<AtomicBool>,
) {
    let What { cancel, left: words, interrupted } = what;
    if !interrupted {
        tokio::select! {
            () = interrupts.next() => {}
            Some(()) = reader_left.recv() => {}
        }
    }
    asked.store(true, Ordering::Release);
    let cancel = async {
        let told = match cancel.await {
            Ok(false) => return,
            Ok(true) => Told::Cancelling,
            Err(failure) => Told::Failed(failure),
        };
        // There is room for it; and a loop that is gone needs to know nothing.
        let _ = say.try_send(told);
    };
    let leave = async {
        interrupts.next().await;
        let _ = say.try_send(Told::Leave);
        tokio::time::sleep(STUCK).await;
        leave_without_the_loop(words).await;
    };
    tokio::join!(cancel, leave);
}

/// The loop is stuck in a write, which nothing but the end of the process gets it out of.
async fn leave_without_the_loop(left: String) {
    // Standard error may be stuck as well, so the words get a thread of their own and not much time.
    let words = std::thread::spawn(move || {
        let _ = writeln!(std::io::stderr(), "{left}");
    });
    let start = std::time::Instant::now();
    while !words.is_finished() && start.elapsed() < LAST_WORDS {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    std::process::exit(i32::from(Exit::Cancelled.code()));
}
