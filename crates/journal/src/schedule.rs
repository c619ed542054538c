//! Retention by a schedule: [`RetentionKeeper`] carries it out from time to time. Several processes may have a schedule on one
//! store; a mark in it says when it was done last, and whose turn it is.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pabawi_domain::ports::StoreError;
use pabawi_domain::validation::ValidationError;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::error::JournalError;
use crate::journal::Journal;
use crate::retention::{Retention, RetentionReport};

/// The shortest and the longest time from one time to the next.
const EVERY: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(30 * 24 * 60 * 60));
/// While it is carried out others are told so as often, and after a failure it is tried again so soon.
const AGAIN: Duration = Duration::from_secs(20);

/// How long what is kept, and how often what is old is removed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RetentionSchedule {
    /// How long.
    pub retention: Retention,
    /// How often; an hour. At least a minute, at most 30 days.
    pub every: Duration,
}

/// How a schedule goes in this process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionHealth {
    /// How often it was carried out.
    pub worked: u64,
    /// How often that failed.
    pub failed: u64,
    /// Why the last time failed; absent when it did not.
    pub last_error: Option<String>,
    /// What was removed in all.
    pub removed: RetentionReport,
}

/// Carries a schedule out. It ends when this is dropped.
#[derive(Debug)]
pub struct RetentionKeeper {
    /// Absent when it was ended.
    task: Mutex<Option<JoinHandle<()>>>,
    health: watch::Receiver<RetentionHealth>,
}

impl RetentionSchedule {
    /// What is kept so long, looked at every hour.
    pub fn new(retention: Retention) -> Self {
        Self { retention, every: Duration::from_secs(60 * 60) }
    }

    fn check(&self) -> Result<(), ValidationError> {
        self.retention.check()?;
        if self.retention.keeps_all() {
            return Err(ValidationError::of(
                "retention",
                "has no limit, so that nothing would ever be removed",
            ));
        }
        let (shortest, longest) = EVERY;
        if !(shortest..=longest).contains(&self.every) {
            return Err(ValidationError::of("every", "must be from a minute to 30 days"));
        }
        Ok(())
    }
}

impl RetentionKeeper {
    /// Starts it on the current tokio runtime. It looks at once whether it is time.
    ///
    /// # Errors
    /// [`ValidationError`] about the schedule.
    pub fn start(journal: Journal, schedule: RetentionSchedule) -> Result<Self, ValidationError> {
        schedule.check()?;
        let (told, health) = watch::channel(RetentionHealth::default());
        let task = tokio::spawn(run(journal, schedule, told).in_current_span());
        Ok(Self { task: Mutex::new(Some(task)), health })
    }

    /// How it goes.
    pub fn health(&self) -> RetentionHealth {
        self.health.borrow().clone()
    }

    /// Ends it. What was removed stays removed; the rest goes the next time.
    pub async fn stop(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
            // An error says that it has ended so.
            let _ = task.await;
        }
    }
}

impl Drop for RetentionKeeper {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}

async fn run(journal: Journal, schedule: RetentionSchedule, health: watch::Sender<RetentionHealth>) {
    // Ends with the store, or with the handle.
    loop {
        let wait = match turn(&journal, &schedule, &health).await {
            Ok(wait) => wait,
            Err(JournalError::Store(StoreError::Closed)) => return,
            Err(error) => {
                tracing::warn!(%error, "failed to remove what is old; it is tried again");
                health.send_modify(|health| {
                    health.failed += 1;
                    health.last_error = Some(error.to_string());
                });
                AGAIN
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Carries it out where it is this process' turn, and says how long to wait then.
async fn turn(
    journal: &Journal,
    schedule: &RetentionSchedule,
    health: &watch::Sender<RetentionHealth>,
) -> Result<Duration, JournalError> {
    if let Some(wait) = journal.claim_retention(schedule.every).await? {
        // At least a little: clocks may disagree.
        return Ok(wait.clamp(Duration::from_secs(1), schedule.every));
    }
    let plan = journal.plan_retention(&schedule.retention).await?;
    let report = {
        let doing = journal.carry_out(&plan);
        tokio::pin!(doing);
        // Ends with the work, which comes nearer to its end by each of its steps.
        loop {
            match tokio::time::timeout(AGAIN, &mut doing).await {
                Ok(done) => break done?,
                Err(_) => {
                    // It is this process' turn for as long as it takes.
                    journal.claim_retention(Duration::ZERO).await?;
                }
            }
        }
    };
    let RetentionReport { entries, executions, outputs, .. } = report;
    if entries + executions + outputs > 0 {
        tracing::info!(
            entries,
            executions,
            outputs,
            steps = report.steps,
            "old records removed by the schedule"
        );
    }
    health.send_modify(|health| {
        health.worked += 1;
        health.last_error = None;
        health.removed = health.removed.and(&report);
    });
    Ok(schedule.every)
}
