//! [`Steps`]: how much work an expression may still make.

/// The most steps of one expression: 250 globs over 100,000 nodes, a few seconds. A node that is added, taken out or
/// looked up by its name is one.
const MAX_STEPS: u64 = 100_000_000;
/// What comparing one name with a pattern costs.
const COMPARING: usize = 4;
/// What a pattern costs before it is compared with anything.
const COMPILING: usize = 4_000;

/// The steps of comparing so many names with a pattern.
pub(crate) fn comparing(names: usize) -> usize {
    COMPILING.saturating_add(names.saturating_mul(COMPARING))
}

/// How much work an expression may still make.
#[derive(Debug)]
pub(crate) struct Steps {
    left: u64,
    stopped: bool,
}

/// An expression would take too long.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error(
    "needs more look-ups of nodes than are allowed; use fewer globs and groups, or one regular expression"
)]
pub(crate) struct TooMuchWork;

impl Steps {
    pub(crate) fn new() -> Self {
        Self::of(MAX_STEPS)
    }

    /// So many.
    pub(crate) fn of(left: u64) -> Self {
        Self { left, stopped: false }
    }

    /// Takes so many steps.
    ///
    /// # Errors
    /// [`TooMuchWork`] when there are not as many left.
    pub(crate) fn take(&mut self, steps: usize) -> Result<(), TooMuchWork> {
        self.left = self.left.checked_sub(steps as u64).ok_or(TooMuchWork)?;
        Ok(())
    }

    /// From now on there are none left.
    pub(crate) fn stop(&mut self) {
        *self = Self { left: 0, stopped: true };
    }

    /// Whether there were too few.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }
}
