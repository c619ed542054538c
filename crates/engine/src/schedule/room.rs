//! Bounds what waits: [`QueueRoom`] counts, [`QueuePlace`] is one execution's place and gives it back when it
//! is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::SubmitError;

/// Room for executions that wait and for targets that have not ended.
#[derive(Debug)]
pub(crate) struct QueueRoom {
    executions: AtomicUsize,
    max_executions: usize,
    targets: AtomicUsize,
    max_targets: usize,
}

impl QueueRoom {
    pub(crate) fn new(max_executions: usize, max_targets: usize) -> Arc<Self> {
        Arc::new(Self {
            executions: AtomicUsize::new(0),
            max_executions,
            targets: AtomicUsize::new(0),
            max_targets,
        })
    }

    /// Takes a place for an execution with so many targets.
    ///
    /// # Errors
    /// [`SubmitError::QueueFull`] names the limit. An execution alone is never refused for its targets.
    pub(crate) fn take(self: &Arc<Self>, targets: usize) -> Result<QueuePlace, SubmitError> {
        if !add_within(&self.executions, 1, |sum| sum <= self.max_executions) {
            return Err(SubmitError::QueueFull { what: "executions", limit: self.max_executions });
        }
        if !add_within(&self.targets, targets, |sum| sum <= self.max_targets || sum == targets) {
            self.executions.fetch_sub(1, Ordering::AcqRel);
            return Err(SubmitError::QueueFull { what: "targets", limit: self.max_targets });
        }
        Ok(QueuePlace { room: Arc::clone(self), waiting: true, targets })
    }

    /// A place beside the limits, for an execution that another one waits for.
    pub(crate) fn take_beside(self: &Arc<Self>) -> QueuePlace {
        QueuePlace { room: Arc::clone(self), waiting: false, targets: 0 }
    }

    /// Executions that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.executions.load(Ordering::Acquire)
    }

    /// Targets that have not ended.
    pub(crate) fn targets(&self) -> usize {
        self.targets.load(Ordering::Acquire)
    }
}

fn add_within(counter: &AtomicUsize, by: usize, fits: impl Fn(usize) -> bool) -> bool {
    counter
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| now.checked_add(by).filter(|sum| fits(*sum)))
        .is_ok()
}

/// One execution's place.
#[derive(Debug)]
pub(crate) struct QueuePlace {
    room: Arc<QueueRoom>,
    waiting: bool,
    targets: usize,
}

impl QueuePlace {
    /// The execution leaves the queue; its targets still count.
    pub(crate) fn leave_queue(&mut self) {
        if std::mem::take(&mut self.waiting) {
            self.room.executions.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        self.leave_queue();
        self.room.targets.fetch_sub(self.targets, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R8.2
    #[test]
    fn places_come_back_and_the_limit_is_named() {
        let room = QueueRoom::new(2, 10);
        let mut first = room.take(4).unwrap();
        let second = room.take(4).unwrap();
        assert!(matches!(room.take(1), Err(SubmitError::QueueFull { what: "executions", limit: 2 })));
        first.leave_queue();
        assert!(matches!(room.take(3), Err(SubmitError::QueueFull { what: "targets", limit: 10 })));
        assert_eq!(room.waiting(), 1);
        drop(second);
        let third = room.take(6).unwrap();
        drop((first, third));
        assert_eq!(room.waiting(), 0);
        // An execution alone may be larger than the limit for all.
        room.take(11).unwrap();
    }
}
