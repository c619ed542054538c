//! `pab graph list` and `pab graph cancel`.

use pabawi::StreamKind;
use pabawi::graph::{GraphQuery, GraphRunRecord, GraphStatus};
use pabawi::ports::TerminateMode;

use crate::args::{GlobalArgs, GraphCancelArgs, GraphListArgs};
use crate::command::graph::status::find;
use crate::command::list::short_time;
use crate::command::listing::{List, statuses};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::{Table, escape_for_terminal};
use crate::watch::{GRACE, Sink};

/// Lists graph runs.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn list(global: &GlobalArgs, args: &GraphListArgs) -> Result<Exit, Failure> {
    let query = GraphQuery {
        status: statuses(&args.status, &GraphStatus::ALL, GraphStatus::as_str)?,
        limit: Some(args.page.head.limit),
        cursor: args.page.cursor.clone(),
    };
    let page = open::with_history(global, async |framework, caller| {
        Ok(framework.graphs().list(caller, &query).await?)
    })
    .await?;
    List::of_page(&page, "no graph runs").write(global, args.page.head.format, table)
}

fn table(records: &[GraphRunRecord]) -> Table {
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
    table
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
