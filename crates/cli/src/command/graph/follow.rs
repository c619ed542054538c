//! A graph run on the screen: [`follow`] tells what starts and ends until the end, and cancels when the person or the
//! system asks to stop.

use std::time::Duration;

use pabawi::graph::{
    GraphEvent, GraphEventKind, GraphEvents, GraphRunRecord, GraphStatus, GraphView, TaskRecord, TaskStatus,
};
use pabawi::ports::TerminateMode;
use pabawi::{Caller, ExecutionId, Framework, StreamKind, TargetQuery};

use crate::args::{Format, GraphOutputArgs, format_duration};
use crate::command::graph::status::{counts_text, took, write_tasks};
use crate::command::listing::write_value;
use crate::exit::{Exit, Failure};
use crate::signals::Interrupts;
use crate::text::{Colour, escape_for_terminal};
use crate::watch::{Failures, GRACE, Sink, Stopping, Told, What};

/// How the following ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The run is over, or interrupted for good.
    ToTheEnd(Exit),
    /// The person left before.
    Left,
}

/// Shows a run until its end.
///
/// # Errors
/// When records cannot be read, or output cannot be written.
pub(super) async fn follow(
    framework: &Framework,
    caller: &Caller,
    mut events: GraphEvents,
    style: &GraphOutputArgs,
    interrupts: Interrupts,
    sink: &mut Sink,
) -> Result<Ended, Failure> {
    let (id, graphs) = (events.id(), framework.graphs());
    let (owned, who) = (graphs.clone(), caller.clone());
    let cancel = async move {
        let mode = TerminateMode::Graceful { grace: GRACE };
        Ok(owned.cancel(&who, id, mode).await?)
    };
    let left = format!("left graph run {id} before its end; go on with pab graph resume {id}");
    let mut stopping = Stopping::listen(
        What { cancel: Box::pin(cancel), left: left.clone(), interrupted: false },
        interrupts,
    );
    if !style.quiet && style.format == Format::Table {
        sink.line(StreamKind::Stderr, &format!("graph run {id}"));
    }
    flush(sink)?;
    // Ends with the run or with the second signal.
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => {
                    tell(&event, style, sink)?;
                    flush(sink)?;
                    if sink.is_closed() {
                        stopping.reader_left();
                    }
                }
                None => break,
            },
            told = stopping.next() => match told {
                Told::Cancelling => {
                    let text = "cancelling: what runs is being ended; Ctrl-C again leaves at once";
                    let text = sink.err_style.paint(Colour::Yellow, text);
                    sink.line(StreamKind::Stderr, &text);
                    flush(sink)?;
                }
                Told::Failed(failure) => return Err(failure),
                Told::Leave => {
                    sink.line(StreamKind::Stderr, &left);
                    flush(sink)?;
                    return Ok(Ended::Left);
                }
            },
        }
    }
    let view = graphs.wait(caller, id).await?;
    match style.format {
        Format::Table => write_tasks(&view.tasks, sink),
        Format::Json | Format::Yaml => write_value(&view, style.format, sink)?,
        Format::Ndjson => {}
    }
    if !style.quiet {
        let line = summary_line(&view.run);
        let line = sink.err_style.paint(colour_of(view.run.status), &line);
        sink.line(StreamKind::Stderr, &line);
        if view.run.status == GraphStatus::Interrupted {
            sink.line(StreamKind::Stderr, &resume_hint(id));
        }
    }
    flush(sink)?;
    let exit = match exit_of(view.run.status) {
        Some(exit) => exit,
        None => when_none_succeeded(framework, caller, &view).await?,
    };
    Ok(Ended::ToTheEnd(exit))
}

fn flush(sink: &mut Sink) -> Result<(), Failure> {
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the graph run: {error}")))
}

/// Which exit status the end of a run is; `None` where it depends on the nodes, since no task succeeded anywhere.
fn exit_of(status: GraphStatus) -> Option<Exit> {
    match status {
        GraphStatus::Completed => Some(Exit::AllSucceeded),
        GraphStatus::Cancelled => Some(Exit::Cancelled),
        GraphStatus::Failed => None,
        _ => Some(Exit::SomeFailed),
    }
}

/// Looks whether anything may have run at all.
async fn when_none_succeeded(
    framework: &Framework,
    caller: &Caller,
    view: &GraphView,
) -> Result<Exit, Failure> {
    let mut failures = Failures::default();
    for execution in view.tasks.iter().flat_map(|task| &task.executions) {
        let mut query = TargetQuery { limit: Some(10_000), ..TargetQuery::default() };
        // Ends with the last page.
        loop {
            let page = framework.targets(caller, *execution, &query).await?;
            for target in &page.items {
                if let Some(result) = &target.result {
                    failures.add(&target.target.node, result);
                }
            }
            match page.next_cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => break,
            }
        }
    }
    Ok(failures.when_none_succeeded())
}

fn tell(event: &GraphEvent, style: &GraphOutputArgs, sink: &mut Sink) -> Result<(), Failure> {
    if style.format == Format::Ndjson {
        return write_value(event, style.format, sink);
    }
    if style.quiet || style.format != Format::Table {
        return Ok(());
    }
    let line = match &event.kind {
        GraphEventKind::TaskStarted { task } => Some((Colour::Cyan, started_line(task))),
        GraphEventKind::TaskEnded { task } => {
            let colour = match task.status {
                TaskStatus::Completed => Colour::Green,
                TaskStatus::Skipped | TaskStatus::Cancelled | TaskStatus::Partial => Colour::Yellow,
                _ => Colour::Red,
            };
            Some((colour, ended_line(task)))
        }
        GraphEventKind::Gap { missed } => {
            Some((Colour::Yellow, format!("{missed} events are not told: this reader was too slow")))
        }
        _ => None,
    };
    if let Some((colour, line)) = line {
        let line = sink.err_style.paint(colour, &line);
        sink.line(StreamKind::Stderr, &line);
    }
    Ok(())
}

fn started_line(task: &TaskRecord) -> String {
    let execution = task.executions.last().map(|id| format!(", execution {id}")).unwrap_or_default();
    format!("{}: started{execution}", escape_for_terminal(task.name.as_bytes()))
}

fn ended_line(task: &TaskRecord) -> String {
    let mut text = format!("{}: {}", escape_for_terminal(task.name.as_bytes()), task.status);
    if let Some(nodes) = &task.nodes {
        text.push_str(&format!(", {} of {} nodes", nodes.succeeded, nodes.total));
    }
    if let Some(took) = took(task.started_at, task.finished_at) {
        text.push_str(&format!(" in {}", format_duration(took)));
    }
    if let Some(why) = &task.skipped {
        text.push_str(&format!(": {}", escape_for_terminal(why.to_string().as_bytes())));
    }
    if let Some(reason) = &task.reason {
        text.push_str(&format!(": {}", escape_for_terminal(reason.as_bytes())));
    }
    text
}

/// `3 of 5 tasks completed, 1 failed, 1 skipped in 3.2s; partial; graph run 0193...`.
fn summary_line(run: &GraphRunRecord) -> String {
    let took = took(run.started_at, run.finished_at).unwrap_or(Duration::ZERO);
    format!("{} in {}; {}; graph run {}", counts_text(&run.counts), format_duration(took), run.status, run.id)
}

/// What to do with a run that is interrupted.
pub(super) fn resume_hint(id: ExecutionId) -> String {
    format!("go on with pab graph resume {id}; with --rerun-unknown also where the outcome is not known")
}

pub(super) fn colour_of(status: GraphStatus) -> Colour {
    match status {
        GraphStatus::Completed => Colour::Green,
        GraphStatus::Partial | GraphStatus::Cancelled => Colour::Yellow,
        _ => Colour::Red,
    }
}

#[cfg(test)]
mod tests {
    use pabawi::graph::{SkipWhy, TaskCounts};

    use super::*;

    fn task(change: impl FnOnce(&mut TaskRecord)) -> TaskRecord {
        let json = r#"{"position":0,"name":"deploy","status":"queued"}"#;
        let mut task: TaskRecord = serde_json::from_str(json).unwrap();
        change(&mut task);
        task
    }

    /// R2.5, R2.6
    #[test]
    fn what_happens_is_told_in_a_line() {
        let mut nodes = pabawi::Progress::of_targets(20);
        nodes.succeeded = 18;
        let ended = task(|task| {
            task.status = TaskStatus::Partial;
            task.nodes = Some(nodes);
            task.reason = Some("2 of 20 nodes did not succeed (2 exited); web02: exit status 3".into());
            task.started_at = "2026-11-23T10:00:00Z".parse().ok();
            task.finished_at = "2026-11-23T10:00:02.5Z".parse().ok();
        });
        assert_eq!(
            ended_line(&ended),
            "deploy: partial, 18 of 20 nodes in 2.5s: 2 of 20 nodes did not succeed (2 exited); web02: exit status 3"
        );
        let skipped = task(|task| {
            task.status = TaskStatus::Skipped;
            task.skipped = Some(SkipWhy::Prerequisite { task: "build".into(), status: TaskStatus::Failed });
        });
        assert_eq!(ended_line(&skipped), "deploy: skipped: build failed");
        let mut counts = TaskCounts::default();
        counts.add(TaskStatus::Completed, None);
        counts.add(TaskStatus::Failed, None);
        counts.add(TaskStatus::Skipped, None);
        assert_eq!(counts_text(&counts), "1 of 3 tasks completed, 1 failed, 1 skipped");
    }

    #[test]
    fn the_exit_status_follows_from_the_status() {
        for (status, exit) in [
            (GraphStatus::Completed, Some(Exit::AllSucceeded)),
            (GraphStatus::Partial, Some(Exit::SomeFailed)),
            (GraphStatus::Failed, None),
            (GraphStatus::Interrupted, Some(Exit::SomeFailed)),
            (GraphStatus::Cancelled, Some(Exit::Cancelled)),
        ] {
            assert_eq!(exit_of(status), exit);
        }
    }
}
