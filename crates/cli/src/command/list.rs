//! `pab executions list`.

use jiff::Timestamp;
use pabawi::{ExecutionQuery, ExecutionRecord, ExecutionStatus, NodeId, StreamKind, Tag};

use crate::args::{Format, GlobalArgs, ListArgs, parse_time};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::{Colour, Table, escape_for_terminal};
use crate::watch::Sink;

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
    let mut sink = Sink::standard(global.no_color);
    match args.format {
        Format::Table => {
            if page.items.is_empty() {
                sink.line(StreamKind::Stderr, "no executions");
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
        limit: Some(args.limit),
        cursor: args.cursor.clone(),
        ..ExecutionQuery::default()
    };
    if let Some(target) = &args.target {
        query.target =
            Some(NodeId::new(target).map_err(|error| Failure::usage(format!("--target: {error}")))?);
    }
    if let Some(tag) = &args.tag {
        query.tag = Some(Tag::new(tag).map_err(|error| Failure::usage(format!("--tag: {error}")))?);
    }
    for word in &args.status {
        let status = ExecutionStatus::from_word(word).ok_or_else(|| {
            let known: Vec<&str> = ExecutionStatus::ALL.iter().map(|status| status.as_str()).collect();
            Failure::usage(format!("--status: unknown status {word:?}; known are {}", known.join(", ")))
        })?;
        query.status.insert(status);
    }
    Ok(query)
}

fn write_table(records: &[ExecutionRecord], sink: &mut Sink) {
    let style = sink.out_style;
    let mut table = Table::new(&["ID", "SUBMITTED (UTC)", "STATUS", "OK", "TOTAL", "USER", "KIND", "ACTION"]);
    for record in records {
        let first_line = record.action_text.lines().next().unwrap_or_default();
        let mut action: String = first_line.chars().take(ACTION).collect();
        if action.len() < record.action_text.len() {
            action.push('…');
        }
        table.row([
            record.id.to_string(),
            short_time(record.submitted_at),
            record.status.to_string(),
            record.progress.succeeded.to_string(),
            record.progress.total.to_string(),
            escape_for_terminal(record.caller.user.as_bytes()),
            record.action_kind.to_string(),
            escape_for_terminal(action.as_bytes()),
        ]);
    }
    for (index, line) in table.lines().iter().enumerate() {
        let line = if index == 0 { style.paint(Colour::Bold, line) } else { line.clone() };
        sink.line(StreamKind::Stdout, &line);
    }
}

/// `2026-11-23 10:00:00`, UTC.
pub(super) fn short_time(at: Timestamp) -> String {
    at.to_string().chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            limit: 7,
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
