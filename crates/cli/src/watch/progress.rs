//! [`ProgressLine`]: where the execution stands, on standard error, only when that is a terminal.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pabawi::{EventKind, ExecutionEvent, NodeId, Pace, Progress};

use crate::args::format_duration;

/// Nodes that are named as the ones waited for.
const NAMED: usize = 3;
/// Cells of the bar.
const CELLS: u64 = 20;
/// An execution that ends before this shows no line.
const QUIET: Duration = Duration::from_millis(400);
/// Nodes are named when they have run for so long.
const LONG: Duration = Duration::from_secs(2);

/// A bar with the counts and the nodes that take longest.
pub(super) struct ProgressLine {
    bar: ProgressBar,
    state: State,
    /// Shown at least once; before that there is nothing to take away.
    shown: bool,
}

/// What the bar shows; apart from the bar, so that it can be tested without a terminal.
#[derive(Debug)]
struct State {
    started: Instant,
    progress: Progress,
    /// As it was told last.
    pace: Option<Pace>,
    running: BTreeMap<NodeId, Instant>,
}

impl ProgressLine {
    /// A bar on standard error, or one that is never shown.
    pub(super) fn new(shown: bool, colour: bool) -> Self {
        let target = if shown { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        // The template is fixed; without it the bar's own is as good.
        if let Ok(style) =
            ProgressStyle::with_template(if colour { "{wide_msg:.cyan}" } else { "{wide_msg}" })
        {
            bar.set_style(style);
        }
        let state = State::new(Instant::now());
        Self { bar, state, shown: false }
    }

    /// Takes the next event.
    pub(super) fn event(&mut self, event: &ExecutionEvent) {
        self.state.event(event, Instant::now());
    }

    /// Shows the state as it is now, unless the execution is so young that the line would only flicker.
    pub(super) fn draw(&mut self) {
        let now = Instant::now();
        let young = now.saturating_duration_since(self.state.started) < QUIET;
        if !self.bar.is_hidden() && (self.shown || !young) {
            self.shown = true;
            self.bar.set_message(self.state.message(now));
        }
    }

    /// Writes something else to the terminal meanwhile.
    pub(super) fn suspend<R>(&self, write: impl FnOnce() -> R) -> R {
        if self.shown { self.bar.suspend(write) } else { write() }
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        if self.shown {
            self.bar.finish_and_clear();
        }
    }
}

impl State {
    fn new(started: Instant) -> Self {
        Self { started, progress: Progress::default(), pace: None, running: BTreeMap::new() }
    }

    fn event(&mut self, event: &ExecutionEvent, now: Instant) {
        match &event.kind {
            EventKind::Queued { targets } => self.progress = Progress::of_targets(*targets),
            EventKind::NodeStarted { node, .. } => {
                self.progress.start();
                self.running.insert(node.clone(), now);
            }
            EventKind::AttemptFailed { node, .. } => {
                self.progress.requeue();
                self.running.remove(node);
            }
            EventKind::NodeFinished { node, progress, .. } => {
                self.running.remove(node);
                self.progress = *progress;
            }
            EventKind::Progress(report) => self.pace = report.pace,
            EventKind::Finished { summary } => {
                self.running.clear();
                self.progress = summary.progress;
            }
            _ => {}
        }
    }

    fn message(&self, now: Instant) -> String {
        let Progress { total, failed, running, cancelled, .. } = self.progress;
        let done = self.progress.completed();
        let mut text = format!("{} {done}/{total}", bar(done, total));
        for (count, what) in [(failed, "failed"), (cancelled, "cancelled"), (running, "running")] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        if let Some(Pace { per_second, remaining_ms: Some(left), .. }) = self.pace {
            let left = format_duration(Duration::from_millis(left));
            text.push_str(&format!(", {per_second:.1}/s, about {left} left"));
        }
        let mut longest: Vec<(&NodeId, Duration)> = self
            .running
            .iter()
            .map(|(node, since)| (node, now.saturating_duration_since(*since)))
            .filter(|(_, time)| *time >= LONG)
            .collect();
        longest.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        if !longest.is_empty() {
            let names: Vec<String> = longest
                .iter()
                .take(NAMED)
                .map(|(node, time)| format!("{node} {}", format_duration(*time)))
                .collect();
            text.push_str(&format!("; waiting for {}", names.join(", ")));
        }
        text
    }
}

/// `[=====>      ]`.
fn bar(done: u64, total: u64) -> String {
    let filled = done.saturating_mul(CELLS).checked_div(total).unwrap_or(0).min(CELLS);
    let filled = usize::try_from(filled).unwrap_or(0);
    let cells = usize::try_from(CELLS).unwrap_or(0);
    let head = if filled > 0 && filled < cells { ">" } else { "" };
    format!("[{:<cells$}]", format!("{}{head}", "=".repeat(filled)))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use pabawi::{ExecutionId, NodeOutcome, ProgressReport};

    use super::*;

    fn event(kind: EventKind) -> ExecutionEvent {
        ExecutionEvent {
            execution_id: ExecutionId::from_parts(1, [0; 10]),
            seq: 1,
            at: "2026-11-23T10:00:00Z".parse().unwrap(),
            kind,
        }
    }

    /// R2.6, R5.4
    #[test]
    fn the_line_tells_counts_rate_and_the_slowest_nodes() {
        let start = Instant::now();
        let mut state = State::new(start);
        let node = |name: &str| NodeId::new(name).unwrap();
        state.event(&event(EventKind::Queued { targets: 4 }), start);
        let empty = " ".repeat(20);
        assert_eq!(state.message(start), format!("[{empty}] 0/4"));
        for name in ["a", "b", "c"] {
            state.event(&event(EventKind::NodeStarted { node: node(name), attempt: 1 }), start);
        }
        assert_eq!(state.message(start), format!("[{empty}] 0/4, 3 running"));
        let mut progress = Progress::of_targets(4);
        (0..3).for_each(|_| progress.start());
        let result = NodeOutcome::Exited { code: 1 };
        progress.finish(&result, true);
        let end = EventKind::NodeFinished {
            node: node("b"),
            attempt: 1,
            result,
            duration_ms: 5,
            phases: None,
            stdout: None,
            stderr: None,
            progress,
        };
        state.event(&event(end), start + Duration::from_secs(1));
        let second = |second| Timestamp::from_second(second).unwrap();
        let report = ProgressReport::at(second(104), progress, Some(second(100)), 1);
        let later = start + Duration::from_secs(4);
        state.event(&event(EventKind::Progress(report)), later);
        assert_eq!(
            state.message(later),
            format!(
                "[{:<20}] 1/4, 1 failed, 2 running, 0.2/s, about 12.0s left; waiting for a 4.0s, c 4.0s",
                "=====>"
            )
        );
    }

    #[test]
    fn a_hidden_bar_writes_nothing() {
        let mut line = ProgressLine::new(false, false);
        line.event(&event(EventKind::Queued { targets: 4 }));
        line.draw();
        assert!(line.bar.is_hidden());
        assert_eq!(line.suspend(|| 7), 7);
        line.clear();
    }
}
