//! `pab executions list`.

use jiff::Timestamp;
use pabawi::{ExecutionQuery, ExecutionRecord, ExecutionStatus, NodeId, Tag};

use crate::args::{GlobalArgs, ListArgs, parse_time};
use crate::command::listing::{List, statuses};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::{Table, escape_for_terminal};

/// Characters of an action in the table.
const ACTION: usize = 80;

/// Lists executions.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn list(global: &GlobalArgs, args: &ListArgs) -> Result<Exit, Failure> {
    let query = query(args, Timestamp::now())?;
    let page = open::with_history(global, async |framework, caller| {
        Ok(framework.executions(caller, &query).await?)
    })
    .await?;
    List::of_page(&page, "no executions").write(global, args.page.head.format, table)
}

fn query(args: &ListArgs, now: Timestamp) -> Result<ExecutionQuery, Failure> {
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
        limit: Some(args.page.head.limit),
        cursor: args.page.cursor.clone(),
        ..ExecutionQuery::default()
    };
    if let Some(target) = &args.target {
        query.target =
            Some(NodeId::new(target).map_err(|error| Failure::usage(format!("--target: {error}")))?);
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
    use crate::args::{HeadArgs, PageArgs};

    /// R5.8
    #[test]
    fn filters_become_the_question() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let args = ListArgs {
            since: Some("2h".into()),
            until: Some("2026-11-23T09:30:00Z".into()),
            target: Some("web1".into()),
            status: vec!["failed".into(), "partial".into()],
            tag: Some("t".into()),
            page: PageArgs { head: HeadArgs { limit: 7, ..HeadArgs::default() }, cursor: None },
            ..ListArgs::default()
        };
        let asked = query(&args, now).unwrap();
        assert_eq!(asked.since, Some("2026-11-23T08:00:00Z".parse().unwrap()));
        assert_eq!((asked.status.len(), asked.limit), (2, Some(7)));
        for (args, part) in [
            (ListArgs { since: Some("soon".into()), ..ListArgs::default() }, "--since \"soon\" is no time"),
            (ListArgs { status: vec!["done".into()], ..ListArgs::default() }, "unknown status \"done\""),
            (ListArgs { target: Some("a b".into()), ..ListArgs::default() }, "--target: invalid node id"),
        ] {
            let error = query(&args, now).unwrap_err();
            assert!(error.message.contains(part), "{error}");
            assert_eq!(error.exit, Exit::Usage);
        }
        assert_eq!(short_time(now), "2026-11-23 10:00:00");
    }
}
