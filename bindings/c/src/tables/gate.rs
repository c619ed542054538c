//! The way to a table of functions: [`Gate`]. It is closed when the engine is freed; the table itself is there as long as one of its
//! functions runs, and what it owns is given back by whoever leaves last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The way to a table. It leads nowhere until the table is registered, and after the end.
pub(crate) struct Gate<T: ?Sized>(Mutex<Option<Arc<T>>>);

/// Something that is closed with the engine.
pub(crate) trait Close: Send + Sync {
    /// From now on it leads nowhere.
    fn close(&self);
}

impl<T: ?Sized> Gate<T> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(None)))
    }

    /// From now on it leads there.
    pub(super) fn open(&self, table: Arc<T>) {
        *self.lock() = Some(table);
    }

    /// The table, for the time of a call.
    pub(super) fn enter(&self) -> Option<Arc<T>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<T>>> {
        // Nothing under this lock can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized + Send + Sync> Close for Gate<T> {
    fn close(&self) {
        // Dropped without the lock: a function of the program may be called by it.
        let table = self.lock().take();
        drop(table);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_until_it_is_left() {
        let gate = Gate::new();
        assert!(gate.enter().is_none());
        let table = Arc::new(7);
        gate.open(Arc::clone(&table));
        let used = gate.enter();
        gate.close();
        assert!(gate.enter().is_none());
        assert_eq!((used.as_deref(), Arc::strong_count(&table)), (Some(&7), 2));
        drop(used);
        assert_eq!(Arc::strong_count(&table), 1);
    }
}
