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

    /// Whether it can be carried out.
    ///
    /// # Errors
    /// [`ValidationError`] that names what is wrong.
    pub fn check(&self) -> Result<(), ValidationError> {
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
    let mut is_mine = false;
    // Ends with the store, or with the handle.
    loop {
        let wait = match turn(&journal, &schedule, &mut is_mine, &health).await {
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
    is_mine: &mut bool,
    health: &watch::Sender<RetentionHealth>,
) -> Result<Duration, JournalError> {
    // A turn that failed goes on.
    let every = if *is_mine { Duration::ZERO } else { schedule.every };
    if let Some(wait) = journal.claim_retention(every).await? {
        // At least a little: clocks may disagree.
        return Ok(wait.clamp(Duration::from_secs(1), schedule.every));
    }
    *is_mine = true;
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
    *is_mine = false;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use async_trait::async_trait;
    use jiff::{SignedDuration, Timestamp};
    use pabawi_domain::journal::{
        ExecutionCut, ExecutionLimit, JournalCut, JournalLimit, OutputCut, OutputPlace, PrunedExecutions,
        PrunedJournal, PrunedOutputs,
    };
    use pabawi_domain::ports::{Clock, RetentionStore};
    use pabawi_testkit::memory_store::MemoryStore;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::retention::{ExecutionRetention, RetentionLimit};
    use crate::rules::Rules;
    use crate::settings::JournalSettings;

    const HOUR: Duration = Duration::from_secs(3600);

    /// The time of tokio, which is paused.
    struct Paused(Instant);

    impl Clock for Paused {
        fn now(&self) -> Timestamp {
            let gone = SignedDuration::try_from(self.0.elapsed()).unwrap();
            Timestamp::UNIX_EPOCH.checked_add(gone).unwrap()
        }
    }

    /// What a store would be asked; one execution is always old.
    #[derive(Default)]
    struct Asked {
        last: Mutex<Option<Timestamp>>,
        done: AtomicU64,
        doing: AtomicU64,
        most_at_once: AtomicU64,
        fails: AtomicBool,
        step: Mutex<Duration>,
    }

    #[async_trait]
    impl RetentionStore for Asked {
        async fn journal_cuts(&self, _: &[JournalLimit]) -> Result<Vec<JournalCut>, StoreError> {
            Ok(Vec::new())
        }

        async fn prune_journal(
            &self,
            _: &[JournalCut],
            _: Option<(i64, i64)>,
            _: u32,
        ) -> Result<PrunedJournal, StoreError> {
            Ok(PrunedJournal::default())
        }

        async fn execution_cuts(&self, limits: &[ExecutionLimit]) -> Result<Vec<ExecutionCut>, StoreError> {
            let cut = |limit: &ExecutionLimit| ExecutionCut {
                limit: limit.clone(),
                executions: 1,
                targets: 1,
                newest: None,
                mark: Some(1),
            };
            match self.fails.load(Ordering::SeqCst) {
                true => Err(StoreError::Unavailable("the test says so".into())),
                false => Ok(limits.iter().map(cut).collect()),
            }
        }

        async fn prune_executions(
            &self,
            _: &[ExecutionCut],
            _: Option<i64>,
            _: u32,
        ) -> Result<PrunedExecutions, StoreError> {
            let doing = self.doing.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_at_once.fetch_max(doing, Ordering::SeqCst);
            let step = *self.step.lock().unwrap();
            sleep(step).await;
            self.doing.fetch_sub(1, Ordering::SeqCst);
            self.done.fetch_add(1, Ordering::SeqCst);
            Ok(PrunedExecutions { executions: 1, targets: 1, ..PrunedExecutions::default() })
        }

        async fn output_cut(&self, _: &[ExecutionLimit]) -> Result<OutputCut, StoreError> {
            Ok(OutputCut { outputs: 0, bytes: 0, executions: Vec::new() })
        }

        async fn prune_outputs(
            &self,
            _: &OutputCut,
            _: Option<OutputPlace>,
            _: u32,
        ) -> Result<PrunedOutputs, StoreError> {
            Ok(PrunedOutputs::default())
        }

        async fn claim_retention(
            &self,
            now: Timestamp,
            every: Duration,
        ) -> Result<Option<Duration>, StoreError> {
            let mut last = self.last.lock().unwrap();
            let gone = last.map(|last| Duration::try_from(now.duration_since(last)).unwrap());
            if let Some(gone) = gone.filter(|gone| *gone < every) {
                return Ok(Some(every - gone));
            }
            *last = Some(now);
            Ok(None)
        }
    }

    /// A process with this schedule on a store.
    fn process(asked: &Arc<Asked>, every: Duration) -> RetentionKeeper {
        let rules = Rules::new(JournalSettings::default(), Arc::new(|_: &str| None));
        let clock = Arc::new(Paused(Instant::now()));
        let journal = Journal::new(Arc::new(MemoryStore::new()), Arc::clone(asked) as _, clock, rules);
        RetentionKeeper::start(journal, schedule(every)).unwrap()
    }

    fn schedule(every: Duration) -> RetentionSchedule {
        let limit = RetentionLimit { keep: Some(1), ..RetentionLimit::default() };
        let executions = vec![ExecutionRetention { limit, ..ExecutionRetention::default() }];
        let mut schedule = RetentionSchedule::new(Retention { executions, ..Retention::default() });
        schedule.every = every;
        schedule
    }

    /// R11.13: of several processes one does it, at once and then from time to time.
    #[tokio::test(start_paused = true)]
    async fn it_is_done_by_one_process_at_a_time() {
        let asked = Arc::new(Asked::default());
        // Longer than the time from one to the next: the others still wait for its end.
        *asked.step.lock().unwrap() = Duration::from_secs(150);
        let every = Duration::from_secs(100);
        let processes = [process(&asked, every), process(&asked, every), process(&asked, every)];
        sleep(Duration::from_secs(151)).await;
        assert_eq!(asked.done.load(Ordering::SeqCst), 1);
        *asked.step.lock().unwrap() = Duration::ZERO;
        sleep(10 * HOUR).await;
        let done = asked.done.load(Ordering::SeqCst);
        assert!((350..=361).contains(&done), "{done} times in ten hours");
        assert_eq!(asked.most_at_once.load(Ordering::SeqCst), 1);
        let told: u64 = processes.iter().map(|process| process.health().worked).sum();
        assert_eq!(told, done);
        assert_eq!(processes.iter().map(|one| one.health().removed.executions).sum::<u64>(), done);
        for process in &processes {
            process.stop().await;
        }
        sleep(HOUR).await;
        assert_eq!(asked.done.load(Ordering::SeqCst), done, "nobody is left");
    }

    /// R11.13: what fails is told and tried again.
    #[tokio::test(start_paused = true)]
    async fn a_store_that_fails_is_asked_again() {
        let asked = Arc::new(Asked::default());
        asked.fails.store(true, Ordering::SeqCst);
        let process = process(&asked, HOUR);
        sleep(Duration::from_secs(1)).await;
        let health = process.health();
        assert_eq!((health.worked, health.failed), (0, 1));
        assert!(health.last_error.unwrap().contains("the test says so"));
        asked.fails.store(false, Ordering::SeqCst);
        sleep(Duration::from_secs(30)).await;
        let health = process.health();
        assert_eq!((health.worked, health.failed, health.last_error), (1, 1, None));
    }

    /// Bad input.
    #[test]
    fn a_schedule_says_what_is_old_and_does_not_run_all_the_time() {
        assert!(schedule(HOUR).check().is_ok());
        for (bad, field) in [
            (schedule(Duration::from_secs(1)), "every"),
            (schedule(1_000 * HOUR), "every"),
            (RetentionSchedule::new(Retention::default()), "retention"),
        ] {
            let error = bad.check().unwrap_err();
            assert_eq!(error.fields[0].path, field, "{error}");
        }
    }
}
