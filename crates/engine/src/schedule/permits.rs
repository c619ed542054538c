//! The right to run one node: [`Permit`], given back by dropping it. [`Pool`] counts what has come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Where permits come back to. Only the scheduler takes from it.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    freed: AtomicUsize,
    in_use: AtomicUsize,
    /// An execution has left since the scheduler last looked.
    pub(super) left: AtomicBool,
    /// Wakes the scheduler: something has come back, is wanted, or has gone.
    pub(super) wake: Notify,
}

impl Pool {
    /// What has come back since the last call.
    pub(super) fn collect(&self) -> usize {
        self.freed.swap(0, Ordering::AcqRel)
    }

    /// Makes a permit. The scheduler sees to it that there are never too many.
    pub(super) fn issue(self: &Arc<Self>) -> Permit {
        self.in_use.fetch_add(1, Ordering::AcqRel);
        Permit { pool: Arc::clone(self) }
    }

    /// Permits that are held now.
    pub(crate) fn in_use(&self) -> usize {
        self.in_use.load(Ordering::Acquire)
    }
}

/// The right to run one node now. It travels with the run.
#[derive(Debug)]
pub(crate) struct Permit {
    pool: Arc<Pool>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pool.in_use.fetch_sub(1, Ordering::AcqRel);
        self.pool.freed.fetch_add(1, Ordering::AcqRel);
        self.pool.wake.notify_one();
    }
}
