//! `pab executions show`.

use std::time::Duration;

use pabawi::inventory::fold;
use pabawi::{Caller, ExecutionRecord, Framework, NodeId, Pace, StreamKind, TargetQuery, TargetRecord};
use serde::Serialize;

use crate::args::{Format, GlobalArgs, ShowArgs, format_duration};
use crate::command::find::find;
use crate::command::list::short_time;
use crate::command::listing::write_value;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::{Colour, Table, escape_for_terminal, pace_text};
use crate::watch::{Content, Sink, write_document};

/// Rows of the table of nodes.
const MAX_ROWS: usize = 200;

/// Shows one execution.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn show(global: &GlobalArgs, args: &ShowArgs) -> Result<Exit, Failure> {
    let mut sink = Sink::standard(global.no_color);
    open::with_history(global, async |framework, caller| write(framework, caller, args, &mut sink).await)
        .await?;
    Ok(Exit::AllSucceeded)
}

async fn write(
    framework: &Framework,
    caller: &Caller,
    args: &ShowArgs,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let record = find(framework, caller, &args.id).await?;
    let pace = match record.status.is_final() {
        true => None,
        false => framework.progress(caller, record.id).await?.pace,
    };
    match args.format {
        Format::Table => {
            write_record(&record, pace, sink);
            write_targets(framework, caller, &record, sink).await?;
        }
        Format::Ndjson => write_value(&Shown { record: &record, pace }, args.format, sink)?,
        format => {
            let head = Shown { record: &record, pace };
            write_document(framework, caller, (record.id, &head), format, Content::Results, sink).await?;
        }
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the execution: {error}")))
}

/// An execution as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    record: &'a ExecutionRecord,
    /// While it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pace: Option<Pace>,
}

fn write_record(record: &ExecutionRecord, pace: Option<Pace>, sink: &mut Sink) {
    let style = sink.out_style;
    let progress = &record.progress;
    let mut lines: Vec<(&str, String)> = vec![
        ("execution", record.id.to_string()),
        ("action", format!("{} {}", record.action_kind, record.action_text)),
        ("status", record.status.to_string()),
        ("user", record.caller.user.clone()),
        ("submitted", format!("{} UTC", short_time(record.submitted_at))),
    ];
    if let (Some(started), Some(finished)) = (record.started_at, record.finished_at) {
        let took = Duration::try_from(finished.duration_since(started)).unwrap_or_default();
        lines.push(("took", format_duration(took)));
    }
    let mut counts = format!("{} of {} succeeded", progress.succeeded, progress.total);
    for (count, what) in [
        (progress.failed, "failed"),
        (progress.cancelled, "cancelled"),
        (progress.skipped, "skipped"),
        (progress.interrupted, "interrupted"),
        (progress.running, "running"),
        (progress.queued, "queued"),
    ] {
        if count > 0 {
            counts.push_str(&format!(", {count} {what}"));
        }
    }
    lines.push(("nodes", counts));
    if let Some(pace) = pace {
        lines.push(("left", pace_text(&pace, "nodes")));
    }
    if let Some(of) = record.request.rerun_of {
        lines.push(("rerun of", of.to_string()));
    }
    for rerun in &record.reruns {
        lines.push(("rerun", rerun.to_string()));
    }
    if !record.request.tags.is_empty() {
        let tags: Vec<&str> = record.request.tags.iter().map(|tag| tag.as_str()).collect();
        lines.push(("tags", tags.join(", ")));
    }
    for (name, value) in lines {
        let name = style.paint(Colour::Bold, &format!("{name:<10}"));
        sink.line(StreamKind::Stdout, &format!("{name} {}", escape_for_terminal(value.as_bytes())));
    }
}

/// Nodes with the same ending stand in one row.
async fn write_targets(
    framework: &Framework,
    caller: &Caller,
    record: &ExecutionRecord,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut rows: Vec<(String, String, Vec<NodeId>)> = Vec::new();
    let mut query = TargetQuery { limit: Some(10_000), ..TargetQuery::default() };
    // Ends with the last page.
    loop {
        let page = framework.targets(caller, record.id, &query).await?;
        for target in page.items {
            let (word, message) = ending(&target);
            match rows.iter_mut().find(|(w, m, _)| *w == word && *m == message) {
                Some((_, _, nodes)) => nodes.push(target.target.node),
                None => rows.push((word, message, vec![target.target.node])),
            }
        }
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => break,
        }
    }
    sink.line(StreamKind::Stdout, "");
    let mut table = Table::new(&["NODE", "OUTCOME", "MESSAGE"]);
    for (word, message, nodes) in rows.iter().take(MAX_ROWS) {
        table.row([fold(nodes), word.clone(), escape_for_terminal(message.as_bytes())]);
    }
    sink.table(&table);
    let left_out: usize = rows.iter().skip(MAX_ROWS).map(|(_, _, nodes)| nodes.len()).sum();
    if left_out > 0 {
        sink.line(StreamKind::Stdout, &format!("and {left_out} more nodes; --format json shows all"));
    }
    Ok(())
}

fn ending(target: &TargetRecord) -> (String, String) {
    match &target.result {
        Some(result) if result.is_success() => (result.word().to_owned(), String::new()),
        Some(result) => (result.word().to_owned(), result.describe()),
        None => (target.state.as_str().to_owned(), String::new()),
    }
}
