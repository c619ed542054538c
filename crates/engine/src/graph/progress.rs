//! How far the tasks of a graph run are, for the runner that tells it and for whoever asks: [`pace`], [`sum`] and
//! [`Teller`].

use jiff::Timestamp;
use pabawi_domain::pace::{Ends, Pace, recent_since};
use pabawi_domain::summary::Progress;
use pabawi_domain::task::{TaskCounts, TaskProgress, TaskRecord};

/// How fast tasks end; `None` before the first start. `over_at` is when all of it was over.
pub(super) fn pace(
    tasks: &[TaskRecord],
    counts: &TaskCounts,
    started_at: Option<Timestamp>,
    over_at: Option<Timestamp>,
    now: Timestamp,
) -> Option<Pace> {
    let since = recent_since(now);
    let recent = match over_at {
        Some(_) => 0,
        None => tasks.iter().filter(|task| task.finished_at.is_some_and(|at| at >= since)).count() as u64,
    };
    let ends = Ends { started_at: started_at?, total: counts.total, ended: counts.ended(), recent };
    Some(Pace::at(over_at.unwrap_or(now), &ends))
}

/// How many nodes stand where, over these tasks.
pub(super) fn sum<'a>(nodes: impl Iterator<Item = &'a Progress>) -> Progress {
    let mut sum = Progress::default();
    for part in nodes {
        sum.total += part.total;
        sum.queued += part.queued;
        sum.running += part.running;
        sum.succeeded += part.succeeded;
        sum.failed += part.failed;
        sum.cancelled += part.cancelled;
        sum.skipped += part.skipped;
        sum.interrupted += part.interrupted;
    }
    sum
}

/// What has been told of the nodes of running tasks.
#[derive(Debug, Default)]
pub(super) struct Teller {
    told: Option<Progress>,
    running: Vec<(u64, Progress)>,
}

impl Teller {
    /// Whether this differs from what has been told; it counts as told then.
    pub(super) fn is_news(&mut self, nodes: Progress, tasks: &[TaskProgress]) -> bool {
        let running: Vec<_> = tasks.iter().map(|task| (task.position, task.nodes.counts)).collect();
        let is_news = nodes.total > 0 && (self.told != Some(nodes) || self.running != running);
        if is_news {
            (self.told, self.running) = (Some(nodes), running);
        }
        is_news
    }

    /// Whether anything has been told.
    pub(super) fn has_told(&self) -> bool {
        self.told.is_some()
    }
}
