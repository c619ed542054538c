//! `pab graph status`, and what it shares: finding a run by what people type, the table of tasks.

use std::time::Duration;

use jiff::Timestamp;
use pabawi::graph::{GraphQuery, GraphRunRecord, GraphStatus, GraphView, TaskCounts, TaskRecord};
use pabawi::{Caller, ExecutionId, Framework, StreamKind};

use crate::args::{Format, GlobalArgs, GraphStatusArgs, format_duration};
use crate::command::graph::follow::{colour_of, resume_hint};
use crate::command::list::short_time;
use crate::command::listing::write_value;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::{Colour, Table, escape_for_terminal, pace_text};
use crate::watch::Sink;

/// The shortest beginning of an id.
const SHORTEST: usize = 4;
/// The newest runs that the beginning of an id is looked for in.
const SEARCHED: usize = 100_000;

/// Shows a run.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn status(global: &GlobalArgs, args: &GraphStatusArgs) -> Result<Exit, Failure> {
    let view = open::with_history(global, async |framework, caller| {
        let id = find(framework, caller, &args.id).await?.id;
        Ok(framework.graphs().status(caller, id).await?)
    })
    .await?;
    let mut sink = Sink::standard(global.no_color);
    match args.format {
        Format::Table => write_view(&view, &mut sink),
        Format::Ndjson => {
            for task in &view.tasks {
                write_value(task, args.format, &mut sink)?;
            }
        }
        format => write_value(&view, format, &mut sink)?,
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the graph run: {error}")))?;
    Ok(Exit::AllSucceeded)
}

/// The run that is meant: an id, the beginning of one, or `last`.
///
/// # Errors
/// None, several, or a beginning that is too short.
pub(super) async fn find(
    framework: &Framework,
    caller: &Caller,
    text: &str,
) -> Result<GraphRunRecord, Failure> {
    let graphs = framework.graphs();
    if text == "last" {
        let page = graphs.list(caller, &GraphQuery { limit: Some(1), ..GraphQuery::default() }).await?;
        return page.items.into_iter().next().ok_or_else(|| Failure::usage("no graph run is recorded yet"));
    }
    if let Ok(id) = text.parse::<ExecutionId>() {
        return Ok(graphs.status(caller, id).await?.run);
    }
    let wanted = text.to_ascii_lowercase();
    if wanted.len() < SHORTEST || !wanted.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Err(Failure::usage(format!(
            "{text:?} is no id of a graph run; give the id, at least {SHORTEST} characters of its beginning, or 'last'"
        )));
    }
    let (mut found, mut searched) = (Vec::new(), 0);
    let mut query = GraphQuery { limit: Some(1000), ..GraphQuery::default() };
    // Ends with the last page or with the limit.
    loop {
        let page = graphs.list(caller, &query).await?;
        searched += page.items.len();
        found.extend(page.items.into_iter().filter(|run| run.id.to_string().starts_with(&wanted)));
        match page.next_cursor {
            Some(cursor) if searched < SEARCHED && found.len() < 2 => query.cursor = Some(cursor),
            _ => break,
        }
    }
    if found.len() > 1 {
        return Err(Failure::usage(format!("several graph runs begin with {text}; give more of the id")));
    }
    let none = || Failure::usage(format!("no graph run begins with {text}; see pab graph list"));
    found.pop().ok_or_else(none)
}

fn write_view(view: &GraphView, sink: &mut Sink) {
    let run = &view.run;
    let mut lines = vec![
        ("graph run", run.id.to_string()),
        ("graph", escape_for_terminal(run.name.as_bytes())),
        ("status", sink.out_style.paint(colour_of(run.status), run.status.as_str())),
        ("user", escape_for_terminal(run.caller.user.as_bytes())),
        ("submitted", format!("{} UTC", short_time(run.submitted_at))),
        ("tasks", counts_text(&run.counts)),
    ];
    if let Some(took) = took(run.started_at, run.finished_at) {
        lines.push(("took", format_duration(took)));
    }
    if view.nodes.total > 0 {
        let nodes = &view.nodes;
        lines.push((
            "nodes",
            format!("{} of {} succeeded, {} failed", nodes.succeeded, nodes.total, nodes.failed),
        ));
    }
    if run.status == GraphStatus::Running
        && let Some(pace) = view.pace
    {
        lines.push(("left", pace_text(&pace, "tasks")));
    }
    for task in &view.running {
        if let Some(pace) = task.nodes.pace {
            let name = escape_for_terminal(task.name.as_bytes());
            lines.push(("left", format!("{name}: {}", pace_text(&pace, "nodes"))));
        }
    }
    for (name, value) in lines {
        let name = sink.out_style.paint(Colour::Bold, &format!("{name:<10}"));
        sink.line(StreamKind::Stdout, &format!("{name} {value}"));
    }
    sink.line(StreamKind::Stdout, "");
    write_tasks(&view.tasks, sink);
    if run.status == GraphStatus::Interrupted {
        sink.line(StreamKind::Stderr, &resume_hint(run.id));
    }
}

/// The table of the tasks.
pub(super) fn write_tasks(tasks: &[TaskRecord], sink: &mut Sink) {
    let mut table = Table::new(&["TASK", "STATUS", "OK", "NODES", "EXECUTION", "REASON"]);
    for task in tasks {
        let number = |count: fn(&pabawi::Progress) -> u64| {
            task.nodes.as_ref().map(|nodes| count(nodes).to_string()).unwrap_or_default()
        };
        let reason = task.skipped.as_ref().map(ToString::to_string).or_else(|| task.reason.clone());
        table.row([
            escape_for_terminal(task.name.as_bytes()),
            task.status.to_string(),
            number(|nodes| nodes.succeeded),
            number(|nodes| nodes.total),
            task.executions.last().map(ToString::to_string).unwrap_or_default(),
            escape_for_terminal(reason.unwrap_or_default().as_bytes()),
        ]);
    }
    sink.table(&table);
}

/// `3 of 5 tasks completed, 1 failed, 1 skipped`.
pub(super) fn counts_text(counts: &TaskCounts) -> String {
    let mut text = format!("{} of {} tasks completed", counts.completed, counts.total);
    for (count, what) in [
        (counts.partial, "partial"),
        (counts.failed, "failed"),
        (counts.cancelled, "cancelled"),
        (counts.skipped, "skipped"),
        (counts.not_needed, "not needed"),
        (counts.interrupted, "interrupted"),
        (counts.running, "running"),
        (counts.queued, "queued"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text
}

/// How long it took, when it has both begun and ended.
pub(super) fn took(started: Option<Timestamp>, finished: Option<Timestamp>) -> Option<Duration> {
    Some(Duration::try_from(finished?.duration_since(started?)).unwrap_or_default())
}
