//! Handles of the program: [`Registry`]. A handle is a number that looks like a pointer and is never followed: it is looked up. So
//! one that was freed, is of another kind or is garbage is told as such, and what it stands for lives as long as somebody uses it,
//! also when it is freed meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::status::{Fault, Own};

/// Handles that are given out and not freed, of all kinds.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// The next number. No number is given out twice.
static NEXT: AtomicUsize = AtomicUsize::new(1);

/// Bits of a handle that tell its kind; the lowest is set, so that no handle is the address of anything aligned.
const KIND_BITS: u32 = 5;

/// What a handle stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Config = 1,
    Engine = 2,
    Session = 3,
    Operation = 4,
    Events = 5,
    Error = 6,
    Bytes = 7,
    Completion = 8,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Config => "pabawi_config",
            Self::Engine => "pabawi_engine",
            Self::Session => "pabawi_session",
            Self::Operation => "pabawi_operation",
            Self::Events => "pabawi_events",
            Self::Error => "pabawi_error",
            Self::Bytes => "pabawi_bytes",
            Self::Completion => "pabawi_completion",
        }
    }
}

// Numbers of 32 bits would come twice after 134 million handles.
#[cfg(not(target_pointer_width = "64"))]
compile_error!("handles of the C library need pointers of 64 bits");

/// All handles of one kind.
pub(crate) struct Registry<T: ?Sized> {
    kind: Kind,
    items: RwLock<BTreeMap<usize, Arc<T>>>,
}

impl<T: ?Sized> Registry<T> {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self { kind, items: RwLock::new(BTreeMap::new()) }
    }

    /// A handle for it.
    pub(crate) fn add(&self, item: Arc<T>) -> usize {
        let handle = (NEXT.fetch_add(1, Ordering::Relaxed) << KIND_BITS) | ((self.kind as usize) << 1) | 1;
        self.items.write().unwrap_or_else(PoisonError::into_inner).insert(handle, item);
        OPEN.fetch_add(1, Ordering::Relaxed);
        handle
    }

    /// What the handle stands for.
    pub(crate) fn get(&self, handle: usize) -> Result<Arc<T>, Fault> {
        let items = self.items.read().unwrap_or_else(PoisonError::into_inner);
        items.get(&handle).cloned().ok_or_else(|| self.unknown(handle))
    }

    /// Takes the handle back; nothing happens for that of nothing, 0.
    pub(crate) fn remove(&self, handle: usize) -> Result<Option<Arc<T>>, Fault> {
        if handle == 0 {
            return Ok(None);
        }
        let removed = self.items.write().unwrap_or_else(PoisonError::into_inner).remove(&handle);
        let item = removed.ok_or_else(|| self.unknown(handle))?;
        OPEN.fetch_sub(1, Ordering::Relaxed);
        Ok(Some(item))
    }

    fn unknown(&self, handle: usize) -> Fault {
        let kind = self.kind.name();
        if handle == 0 {
            return Fault::null(kind);
        }
        let text =
            format!("{handle:#x} is no {kind}: it was freed, is of another kind, or was never given out");
        Fault::own(Own::BadHandle, text)
    }
}

/// Handles that are given out and not freed.
pub(crate) fn open_handles() -> usize {
    OPEN.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_good_until_it_is_freed_and_of_its_kind_only() {
        static NUMBERS: Registry<u8> = Registry::new(Kind::Config);
        static OTHERS: Registry<u8> = Registry::new(Kind::Engine);
        let handle = NUMBERS.add(Arc::new(7));
        assert_eq!(handle % 2, 1, "no address of anything aligned");
        assert_eq!(*NUMBERS.get(handle).unwrap(), 7);
        assert_eq!(OTHERS.get(handle).unwrap_err().status, Own::BadHandle.number());
        let used = NUMBERS.get(handle).unwrap();
        assert!(NUMBERS.remove(handle).unwrap().is_some());
        assert_eq!(*used, 7, "who uses it keeps it");
        assert_eq!(NUMBERS.get(handle).unwrap_err().status, Own::BadHandle.number());
        assert_eq!(NUMBERS.remove(handle).unwrap_err().status, Own::BadHandle.number());
        assert!(NUMBERS.remove(0).unwrap().is_none());
        assert_eq!(NUMBERS.get(0).unwrap_err().status, Own::NullPointer.number());
        assert_ne!(NUMBERS.add(Arc::new(8)), handle, "no number is given out twice");
    }
}
