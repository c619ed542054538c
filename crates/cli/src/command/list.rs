//! `pab executions list` and `pab executions totals`.

use jiff::Timestamp;
use pabawi::{ExecutionQuery, ExecutionRecord, ExecutionStatus, ExecutionTotals, NodeId, PluginName, Tag};

use crate::args::{Format, GlobalArgs, HistoryArgs, ListArgs, TotalsArgs, parse_time};
use crate::command::listing::{List, statuses, write_value};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::{Table, escape_for_terminal};
use crate::watch::Sink;

/// Characters of an action in the table.
const ACTION: usize = 80;

/// Lists executions.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn list(global: &GlobalArgs, args: &ListArgs) -> Result<Exit, Failure> {
    let head = &args.page.head;
    let cursor = args.page.cursor.clone();
    let query = ExecutionQuery { limit: Some(head.limit), cursor, ..query(&args.history, Timestamp::now())? };
    let page = open::with_history(global, async |framework, caller| {
        Ok(framework.executions(caller, &query).await?)
    })
    .await?;
    List::of_page(&page, "no executions").write(global, head.format, table)
}

/// Counts executions.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn totals(global: &GlobalArgs, args: &TotalsArgs) -> Result<Exit, Failure> {
    let query = query(&args.history, Timestamp::now())?;
    let totals =
        open::with_history(global, async |framework, caller| Ok(framework.totals(caller, &query).await?))
            .await?;
    let mut sink = Sink::standard(global.no_color);
    if args.format == Format::Table {
        sink.table(&counts(&totals));
    } else {
        write_value(&totals, args.format, &mut sink)?;
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the counts: {error}")))?;
    Ok(Exit::AllSucceeded)
}

fn counts(totals: &ExecutionTotals) -> Table {
    let mut table = Table::new(&["STATUS", "EXECUTIONS"]);
    for (status, count) in &totals.by_status {
        table.row([status.to_string(), count.to_string()]);
    }
    table.row(["total".to_owned(), totals.total.to_string()]);
    table
}

fn query(args: &HistoryArgs, now: Timestamp) -> Result<ExecutionQuery, Failure> {
    let time = |option: &str, text: &Option<String>| {
        text.as_ref()
            .map(|text| {
                parse_time(text, now).map_err(|error| Failure::usage(format!("{option} {text:?} {error}")))
            })
            .transpose()
    };
    let mut query = ExecutionQuery {
        since: time("--since", &args.since)?,
        until: time("--until", &args.until)?,
        user: args.user.clone(),
        text: args.text.clone(),
        ..ExecutionQuery::default()
    };
    if let Some(target) = &args.target {
        query.target =
            Some(NodeId::new(target).map_err(|error| Failure::usage(format!("--target: {error}")))?);
    }
    if let Some(plugin) = &args.plugin {
        query.plugin =
            Some(PluginName::new(plugin).map_err(|error| Failure::usage(format!("--plugin: {error}")))?);
    }
    if let Some(tag) = &args.tag {
        query.tag = Some(Tag::new(tag).map_err(|error| Failure::usage(format!("--tag: {error}")))?);
    }
    query.status = statuses(&args.status, &ExecutionStatus::ALL, ExecutionStatus::as_str)?;
    Ok(query)
}

fn table(records: &[ExecutionRecord]) -> Table {
    let mut table = Table::new(&["ID", "SUBMITTED (UTC)", "STATUS", "OK", "TOTAL", "USER", "KIND", "ACTION"]);
    for record in records {
        table.row([
            record.id.to_string(),
            short_time(record.submitted_at),
            record.status.to_string(),
            record.progress.succeeded.to_string(),
            record.progress.total.to_string(),
            escape_for_terminal(record.caller.user.as_bytes()),
            record.action_kind.to_string(),
            first_line(&record.action_text),
        ]);
    }
    table
}

/// The first line of an action, so far as it fits into a table.
pub(in crate::command) fn first_line(text: &str) -> String {
    let mut shown: String = text.lines().next().unwrap_or_default().chars().take(ACTION).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    escape_for_terminal(shown.as_bytes())
}

/// `2026-11-23 10:00:00`, UTC.
pub(in crate::command) fn short_time(at: Timestamp) -> String {
    at.to_string().chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R5.8
    #[test]
    fn filters_become_the_question() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let args = HistoryArgs {
            since: Some("2h".into()),
            until: Some("2026-11-23T09:30:00Z".into()),
            target: Some("web1".into()),
            status: vec!["failed".into(), "partial".into()],
            tag: Some("t".into()),
            plugin: Some("bolt".into()),
            ..HistoryArgs::default()
        };
        let asked = query(&args, now).unwrap();
        assert_eq!(asked.since, Some("2026-11-23T08:00:00Z".parse().unwrap()));
        assert_eq!((asked.status.len(), asked.plugin), (2, PluginName::new("bolt").ok()));
        for (args, part) in [
            (
                HistoryArgs { since: Some("soon".into()), ..HistoryArgs::default() },
                "--since \"soon\" is no time",
            ),
            (
                HistoryArgs { status: vec!["done".into()], ..HistoryArgs::default() },
                "unknown status \"done\"",
            ),
            (
                HistoryArgs { target: Some("a b".into()), ..HistoryArgs::default() },
                "--target: invalid node id",
            ),
            (HistoryArgs { plugin: Some("A b".into()), ..HistoryArgs::default() }, "--plugin: "),
        ] {
            let error = query(&args, now).unwrap_err();
            assert!(error.message.contains(part), "{error}");
            assert_eq!(error.exit, Exit::Usage);
        }
        assert_eq!(short_time(now), "2026-11-23 10:00:00");
    }
}
