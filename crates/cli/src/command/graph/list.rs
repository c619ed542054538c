//! `pab graph list` and `pab graph cancel`.

use pabawi::StreamKind;
use pabawi::graph::{GraphQuery, GraphRunRecord, GraphStatus};
use pabawi::ports::TerminateMode;

use crate::args::{Format, GlobalArgs, GraphCancelArgs, GraphListArgs};
use crate::command::graph::status::find;
use crate::command::list::short_time;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::{Colour, Table, escape_for_terminal};
use crate::watch::{GRACE, Sink};

/// Lists graph runs.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn list(global: &GlobalArgs, args: &GraphListArgs) -> Result<Exit, Failure> {
    let mut query =
        GraphQuery { limit: Some(args.limit), cursor: args.cursor.clone(), ..GraphQuery::default() };
    for word in &args.status {
        let status = GraphStatus::from_word(word).ok_or_else(|| {
            let known: Vec<&str> = GraphStatus::ALL.iter().map(|status| status.as_str()).collect();
            Failure::usage(format!("--status: unknown status {word:?}; known are {}", known.join(", ")))
        })?;
        query.status.insert(status);
    }
    let page = open::with_history(global, async |framework, caller| {
        Ok(framework.graphs().list(caller, &query).await?)
    })
    .await?;
    let mut sink = Sink::standard(global.no_color);
    match args.format {
        Format::Table => {
            if page.items.is_empty() {
                sink.line(StreamKind::Stderr, "no graph runs");
            } else {
                write_table(&page.items, &mut sink);
            }
            if let Some(cursor) = &page.next_cursor {
                sink.line(StreamKind::Stderr, &format!("more with --cursor {cursor}"));
            }
        }
        Format::Json => {
            let json = serde_json::to_string_pretty(&page).map_err(Failure::nothing_ran)?;
            sink.line(StreamKind::Stdout, &json);
        }
        Format::Ndjson => {
            for record in &page.items {
                let json = serde_json::to_string(record).map_err(Failure::nothing_ran)?;
                sink.line(StreamKind::Stdout, &json);
            }
        }
        Format::Yaml => {
            let yaml = serde_saphyr::to_string(&page).map_err(Failure::nothing_ran)?;
            sink.line(StreamKind::Stdout, yaml.trim_end());
        }
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the list: {error}")))?;
    Ok(Exit::AllSucceeded)
}

fn write_table(records: &[GraphRunRecord], sink: &mut Sink) {
    let mut table = Table::new(&["ID", "SUBMITTED (UTC)", "STATUS", "OK", "TASKS", "USER", "GRAPH"]);
    for record in records {
        table.row([
            record.id.to_string(),
            short_time(record.submitted_at),
            record.status.to_string(),
            record.counts.completed.to_string(),
            record.counts.total.to_string(),
            escape_for_terminal(record.caller.user.as_bytes()),
            escape_for_terminal(record.name.as_bytes()),
        ]);
    }
    for (index, line) in table.lines().iter().enumerate() {
        let line = if index == 0 { sink.out_style.paint(Colour::Bold, line) } else { line.clone() };
        sink.line(StreamKind::Stdout, &line);
    }
}

/// Ends a graph run, whichever process runs it.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn cancel(global: &GlobalArgs, args: &GraphCancelArgs) -> Result<Exit, Failure> {
    let (id, is_asked) = open::with_history(global, async |framework, caller| {
        let id = find(framework, caller, &args.id).await?.id;
        let mode = TerminateMode::Graceful { grace: GRACE };
        Ok((id, framework.graphs().cancel(caller, id, mode).await?))
    })
    .await?;
    let told = if is_asked {
        format!("asked the process that runs graph run {id} to end it; see pab graph status {id}")
    } else {
        format!("graph run {id} has ended already")
    };
    let mut sink = Sink::standard(global.no_color);
    sink.line(StreamKind::Stderr, &told);
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write to standard error: {error}")))?;
    Ok(Exit::AllSucceeded)
}
