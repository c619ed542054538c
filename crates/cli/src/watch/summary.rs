//! The end of an execution in a few lines: [`Failures`], the summary, and which exit status follows.

use std::collections::HashMap;
use std::time::Duration;

use pabawi::inventory::fold;
use pabawi::{
    EventKind, ExecutionEvent, ExecutionId, ExecutionStatus, ExecutionSummary, NodeId, NodeOutcome,
    RejectedBy, StreamKind, Termination,
};

use crate::args::format_duration;
use crate::exit::Exit;
use crate::text::{Colour, Table, escape_for_terminal};
use crate::watch::Sink;

/// Rows of the table of failures.
const MAX_ROWS: usize = 40;

/// What did not succeed, nodes with the same ending together.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    rows: Vec<(&'static str, String, Vec<NodeId>)>,
    index: HashMap<String, usize>,
    /// A process may have run on some node.
    may_have_run: bool,
    /// Everything that ended was refused by a policy.
    only_policy: Option<bool>,
    /// A health check did not succeed.
    unhealthy: bool,
    /// Nodes whose termination nobody could confirm, or where something is left.
    unconfirmed: Vec<(NodeId, Termination)>,
}

impl Failures {
    /// Takes the next event.
    pub(crate) fn event(&mut self, event: &ExecutionEvent) {
        match &event.kind {
            EventKind::NodeFinished { node, result, .. } => self.add(node, result),
            EventKind::WaveFinished { unhealthy: Some(_), .. } => self.unhealthy = true,
            _ => {}
        }
    }

    /// Takes the ending of a node.
    pub(crate) fn add(&mut self, node: &NodeId, result: &NodeOutcome) {
        self.may_have_run |= result.may_have_run();
        let by_policy = matches!(result, NodeOutcome::Rejected { by: RejectedBy::Policy, .. });
        self.only_policy = Some(self.only_policy.unwrap_or(true) && by_policy);
        if let Some(termination) = result.termination()
            && *termination != Termination::Confirmed
        {
            self.unconfirmed.push((node.clone(), termination.clone()));
        }
        if result.is_success() {
            return;
        }
        let message = result.describe();
        let key = format!("{} {message}", result.word());
        let at = *self.index.entry(key).or_insert_with(|| {
            self.rows.push((result.word(), message, Vec::new()));
            self.rows.len() - 1
        });
        if let Some((_, _, nodes)) = self.rows.get_mut(at) {
            nodes.push(node.clone());
        }
    }

    /// Which exit status it is when no node succeeded.
    pub(crate) fn when_none_succeeded(&self) -> Exit {
        match (self.may_have_run, self.only_policy) {
            (true, _) => Exit::SomeFailed,
            (false, Some(true)) => Exit::Refused,
            (false, _) => Exit::NothingRan,
        }
    }

    /// The table for people: nodes folded, outcome, message.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new(&["NODE", "OUTCOME", "MESSAGE"]);
        for (word, message, nodes) in self.rows.iter().take(MAX_ROWS) {
            // Nodes end in any order; the table is the same every time.
            let mut nodes = nodes.clone();
            nodes.sort_unstable();
            table.row([fold(&nodes), (*word).to_owned(), escape_for_terminal(message.as_bytes())]);
        }
        table
    }

    /// Nodes in rows that the table leaves out.
    fn left_out(&self) -> usize {
        self.rows.iter().skip(MAX_ROWS).map(|(_, _, nodes)| nodes.len()).sum()
    }

    /// Writes the summary line, the failures, and what could not be confirmed to standard error.
    pub(crate) fn write_summary(&self, id: ExecutionId, summary: &ExecutionSummary, sink: &mut Sink) {
        let style = sink.err_style;
        if !self.rows.is_empty() {
            for (index, line) in self.table().lines().iter().enumerate() {
                let line = if index == 0 { style.paint(Colour::Bold, line) } else { line.clone() };
                sink.line(StreamKind::Stderr, &line);
            }
            let left_out = self.left_out();
            if left_out > 0 {
                sink.line(
                    StreamKind::Stderr,
                    &format!("and {left_out} more nodes: pab executions show {id}"),
                );
            }
        }
        self.write_unconfirmed(sink);
        let line = summary_line(id, summary);
        let colour = match summary.status {
            ExecutionStatus::Completed => Colour::Green,
            ExecutionStatus::Partial | ExecutionStatus::Cancelled => Colour::Yellow,
            _ => Colour::Red,
        };
        sink.line(StreamKind::Stderr, &style.paint(colour, &line));
    }

    /// Writes what may be running still.
    pub(crate) fn write_unconfirmed(&self, sink: &mut Sink) {
        for (node, termination) in self.unconfirmed.iter().take(MAX_ROWS) {
            let line = format!("{node}: {}", escape_for_terminal(termination.describe().as_bytes()));
            let line = sink.err_style.paint(Colour::Yellow, &line);
            sink.line(StreamKind::Stderr, &line);
        }
    }
}

/// `18 of 20 succeeded, 1 exited, 1 timedOut in 3.2s; partial; execution 0193...`.
pub(crate) fn summary_line(id: ExecutionId, summary: &ExecutionSummary) -> String {
    let mut text = format!("{} of {} succeeded", summary.progress.succeeded, summary.progress.total);
    for (word, count) in &summary.outcomes {
        if word != "succeeded" {
            text.push_str(&format!(", {count} {word}"));
        }
    }
    let took = format_duration(Duration::from_millis(summary.duration_ms));
    text.push_str(&format!(" in {took}; {}; execution {id}", summary.status));
    text
}

/// Which exit status an execution's end is.
pub(crate) fn exit_of(summary: &ExecutionSummary, failures: &Failures) -> Exit {
    match summary.status {
        ExecutionStatus::Completed if failures.unhealthy => Exit::SomeFailed,
        ExecutionStatus::Completed => Exit::AllSucceeded,
        ExecutionStatus::Cancelled => Exit::Cancelled,
        _ if summary.progress.succeeded > 0 || failures.may_have_run => Exit::SomeFailed,
        _ if summary.progress.interrupted > 0 => Exit::SomeFailed,
        _ => failures.when_none_succeeded(),
    }
}

#[cfg(test)]
mod tests {
    use pabawi::{ErrorCode, NodeError, Progress, TimeoutPhase};

    use super::*;
    use crate::watch::sink::tests::Shared;

    fn node(name: &str) -> NodeId {
        NodeId::new(name).unwrap()
    }

    fn end(outcomes: &[(&str, NodeOutcome)]) -> (ExecutionSummary, Failures) {
        let mut failures = Failures::default();
        let mut progress = Progress::of_targets(outcomes.len() as u64);
        let mut words = std::collections::BTreeMap::new();
        for (name, outcome) in outcomes {
            failures.add(&node(name), outcome);
            progress.start();
            progress.finish(outcome, true);
            *words.entry(outcome.word().to_owned()).or_insert(0) += 1;
        }
        let status = progress.status();
        (ExecutionSummary { status, progress, outcomes: words, unconfirmed: 0, duration_ms: 3200 }, failures)
    }

    fn unreachable(name: &str) -> NodeOutcome {
        let error = NodeError::new(node(name), ErrorCode::ConnectionRefused, "connection refused");
        NodeOutcome::Unreachable { error, termination: None }
    }

    #[test]
    fn the_exit_status_follows_from_the_outcomes() {
        let ok = || NodeOutcome::Succeeded;
        let bad = || NodeOutcome::Exited { code: 3 };
        let denied = |name: &str| NodeOutcome::Rejected {
            by: RejectedBy::Policy,
            error: NodeError::new(node(name), ErrorCode::Denied, "no"),
        };
        for (outcomes, expected) in [
            (vec![("a", ok()), ("b", ok())], Exit::AllSucceeded),
            (vec![("a", ok()), ("b", bad())], Exit::SomeFailed),
            (vec![("a", bad()), ("b", bad())], Exit::SomeFailed),
            (vec![("a", bad()), ("b", unreachable("b"))], Exit::SomeFailed),
            (vec![("a", ok()), ("b", unreachable("b"))], Exit::SomeFailed),
            (vec![("a", unreachable("a")), ("b", unreachable("b"))], Exit::NothingRan),
            (vec![("a", denied("a"))], Exit::Refused),
            (vec![("a", denied("a")), ("b", unreachable("b"))], Exit::NothingRan),
            (vec![("a", ok()), ("b", NodeOutcome::Cancelled { termination: None })], Exit::Cancelled),
        ] {
            let (summary, failures) = end(&outcomes);
            assert_eq!(exit_of(&summary, &failures), expected, "{outcomes:?}");
        }
    }

    /// R7.3
    #[test]
    fn failures_stand_together_and_what_is_not_confirmed_is_told() {
        let timed_out = NodeOutcome::TimedOut {
            phase: TimeoutPhase::Run,
            termination: Some(Termination::Unconfirmed { why: "link lost".into() }),
        };
        let (summary, failures) = end(&[
            ("web01", NodeOutcome::Exited { code: 3 }),
            ("web02", NodeOutcome::Exited { code: 3 }),
            ("db", timed_out),
            ("ok", NodeOutcome::Succeeded),
        ]);
        let err = Shared::default();
        let mut sink = Sink::of(Shared::default(), err.clone());
        failures.write_summary(ExecutionId::from_parts(1, [0; 10]), &summary, &mut sink);
        sink.flush().unwrap();
        let text = err.text();
        assert!(text.contains("web[01-02]  exited    exit status 3\n"), "{text}");
        assert!(text.contains("db: termination unconfirmed (link lost)"), "{text}");
        assert!(
            text.contains("1 of 4 succeeded, 2 exited, 1 timedOut in 3.2s; partial; execution 0000"),
            "{text}"
        );
    }
}
