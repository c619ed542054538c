//! When the output of a command that has ended is complete: [`Drain`].
//!
//! sshd tells the exit status as soon as it knows it, past output that is still in a pipe or on its way, and a
//! background child can hold the pipe open for ever. A pause after the exit status is one or the other. So in the
//! middle of the grace the node is asked something on the same connection: its answer comes after what it had sent
//! before, and a node that does not answer has not told all of its output. This file only keeps the times; it asks
//! nobody.

use std::time::Duration;

use tokio::time::Instant;

/// Output after the exit beyond which a background child is not waited for (bytes). sshd can hold about 2 MiB back
/// while the window is closed.
const LATE_OUTPUT: usize = 8 * 1024 * 1024;

/// What is to be done at [`Drain::next`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Ask the node for a sign of life, and tell it to [`Drain::answered`].
    Ask,
    /// A background child holds the pipe open: what has come is the command's output.
    Over,
    /// Output that must have come has not: the header, which was written before all else, or the connection's end.
    Missing,
}

/// What the pause after the exit is known to mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Output is known to be missing.
    Incomplete,
    Unasked,
    Asked,
    /// The node has answered, so that what it had sent is here.
    Answered,
}

/// The time after a command's exit.
#[derive(Debug)]
pub(super) struct Drain {
    grace: Duration,
    /// How long output may take that is known to be missing.
    patience: Duration,
    /// When it is over; absent before the exit.
    over_at: Option<Instant>,
    stage: Stage,
    late: usize,
}

impl Drain {
    /// With `grace` for a pipe that stays open, and `patience` for output that cannot have been held back.
    pub(super) fn new(grace: Duration, patience: Duration) -> Self {
        Self { grace, patience, over_at: None, stage: Stage::Incomplete, late: 0 }
    }

    /// The command has ended. `header` tells whether the wrapper's first line has come.
    pub(super) fn begin(&mut self, header: bool, now: Instant) {
        self.over_at = Some(now + if header { self.grace } else { self.patience });
        self.stage = if header { Stage::Unasked } else { Stage::Incomplete };
    }

    /// So many bytes of output have come; `header` as in [`Self::begin`].
    pub(super) fn took(&mut self, bytes: usize, header: bool, now: Instant) {
        let Some(at) = self.over_at else { return };
        if self.stage == Stage::Incomplete {
            if header {
                self.begin(true, now);
            }
            return;
        }
        // Output that was on its way comes in large pieces, and each lets us wait for the next; a child that goes
        // on writing a little earns nothing by it, and one that writes much is cut off.
        self.late += bytes;
        if self.late < LATE_OUTPUT {
            let earned = Duration::from_millis(u64::try_from(bytes / 1024).unwrap_or(0));
            self.over_at = Some((at.max(now) + earned).min(at.max(now + self.grace)));
        } else if self.stage == Stage::Unasked {
            self.stage = Stage::Answered;
        }
    }

    /// When [`Self::due`] is to be called; `None` while there is nothing to wait for but the channel and the answer.
    pub(super) fn next(&self) -> Option<Instant> {
        let at = self.over_at?;
        match self.stage {
            Stage::Incomplete | Stage::Answered => Some(at),
            Stage::Unasked => Some(at.checked_sub(self.grace / 2).unwrap_or(at)),
            Stage::Asked => None,
        }
    }

    /// What is to be done now that [`Self::next`] has come.
    pub(super) fn due(&mut self) -> Due {
        match self.stage {
            Stage::Incomplete => Due::Missing,
            Stage::Unasked => {
                self.stage = Stage::Asked;
                Due::Ask
            }
            Stage::Asked | Stage::Answered => Due::Over,
        }
    }

    /// The connection could not be asked, because it has ended: the channel will say so, unless more comes before.
    pub(super) fn gone(&mut self, now: Instant) {
        self.over_at = Some(now + self.patience);
        self.stage = Stage::Incomplete;
    }

    /// The node has answered what it was asked.
    pub(super) fn answered(&mut self) {
        self.stage = Stage::Answered;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_millis(500);
    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn a_quiet_pipe_is_over_with_the_grace_once_the_node_has_answered() {
        let start = Instant::now();
        let mut drain = Drain::new(GRACE, PATIENCE);
        assert_eq!(drain.next(), None);
        drain.begin(true, start);
        assert_eq!((drain.next(), drain.due()), (Some(start + GRACE / 2), Due::Ask));
        assert_eq!(drain.next(), None, "without an answer it is never over");
        drain.answered();
        assert_eq!((drain.next(), drain.due()), (Some(start + GRACE), Due::Over));
    }

    #[test]
    fn without_a_header_nothing_is_over() {
        let start = Instant::now();
        let mut drain = Drain::new(GRACE, PATIENCE);
        drain.begin(false, start);
        drain.took(0, false, start + GRACE);
        assert_eq!((drain.next(), drain.due()), (Some(start + PATIENCE), Due::Missing));
        drain.took(10, true, start + GRACE);
        assert_eq!((drain.next(), drain.due()), (Some(start + GRACE + GRACE / 2), Due::Ask));
    }

    #[test]
    fn a_connection_that_has_ended_is_not_waited_for_without_end() {
        let start = Instant::now();
        let mut drain = Drain::new(GRACE, PATIENCE);
        drain.begin(true, start);
        assert_eq!(drain.due(), Due::Ask);
        drain.gone(start + GRACE);
        assert_eq!((drain.next(), drain.due()), (Some(start + GRACE + PATIENCE), Due::Missing));
    }

    #[test]
    fn large_pieces_earn_time_small_ones_none_and_a_flood_is_cut_off() {
        let start = Instant::now();
        let mut drain = Drain::new(GRACE, PATIENCE);
        drain.begin(true, start);
        drain.took(900, true, start + GRACE / 2);
        drain.answered();
        assert_eq!(drain.next(), Some(start + GRACE));
        drain.took(32 * 1024, true, start + GRACE);
        let earned = start + GRACE + Duration::from_millis(32);
        assert_eq!(drain.next(), Some(earned));
        drain.took(LATE_OUTPUT, true, start + GRACE);
        assert_eq!((drain.next(), drain.due()), (Some(earned), Due::Over));
        let mut drain = Drain::new(GRACE, PATIENCE);
        drain.begin(true, start);
        drain.took(LATE_OUTPUT, true, start);
        assert_eq!((drain.next(), drain.due()), (Some(start + GRACE), Due::Over));
    }
}
