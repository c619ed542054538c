//! The subcommands of `pab journal`.

use std::io::Read as _;

use jiff::Timestamp;
use pabawi::StreamKind;
use pabawi::journal::{JournalEntry, JournalVerification, MOST_NOTE, Timeline, TimelineQuery};

use super::entries::{id, node, query, table};
use super::prune;
use crate::args::{Format, GlobalArgs, JournalCommand, NotesCommand};
use crate::command::listing::{List, write_value};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::escape_for_terminal;
use crate::watch::Sink;

const NONE: &str = "no entries";

/// Looks at the journal, or writes a note into it.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn journal(global: &GlobalArgs, command: &JournalCommand) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    match command {
        JournalCommand::List(args) => {
            let query = query(&args.node, &args.filter, &args.page, now)?;
            let asked = TimelineQuery { query, live: false };
            timeline(global, &asked, args.page.head.format).await
        }
        JournalCommand::Show { node, live, filter, page } => {
            let query = query(std::slice::from_ref(node), filter, page, now)?;
            timeline(global, &TimelineQuery { query, live: *live }, page.head.format).await
        }
        JournalCommand::Search { text, list } => {
            let mut query = query(&list.node, &list.filter, &list.page, now)?;
            query.text = Some(text.join(" "));
            timeline(global, &TimelineQuery { query, live: false }, list.page.head.format).await
        }
        JournalCommand::Note { node: name, text, format } => {
            let (node, text) = (node(name)?, given(text)?);
            let entry = open::with_history(global, async |framework, caller| {
                Ok(framework.node_journal().note(caller, node, text).await?)
            })
            .await?;
            written(global, &entry, *format, "written")
        }
        JournalCommand::Notes(NotesCommand::Edit { id: typed, text, format }) => {
            let (id, text) = (id(typed)?, given(text)?);
            let entry = open::with_history(global, async |framework, caller| {
                Ok(framework.node_journal().edit_note(caller, id, text).await?)
            })
            .await?;
            written(global, &entry, *format, "changed")
        }
        JournalCommand::Notes(NotesCommand::History { id: typed, format }) => {
            let id = id(typed)?;
            let versions = open::with_history(global, async |framework, caller| {
                Ok(framework.node_journal().versions(caller, id).await?)
            })
            .await?;
            List::of_all(&versions, NONE).write(global, *format, table)
        }
        JournalCommand::Verify { node: name, format } => {
            let node = name.as_deref().map(node).transpose()?;
            let told = open::with_history(global, async |framework, caller| {
                Ok(framework.node_journal().verify(caller, node.as_ref()).await?)
            })
            .await?;
            verified(global, &told, *format)
        }
        JournalCommand::Prune(args) => prune::journal(global, args).await,
    }
}

async fn timeline(global: &GlobalArgs, asked: &TimelineQuery, format: Format) -> Result<Exit, Failure> {
    let page: Timeline = match asked.live {
        false => {
            open::with_history(global, async |framework, caller| {
                Ok(framework.node_journal().timeline(caller, asked).await?)
            })
            .await?
        }
        true => {
            open::with_the_plugins(global, async |framework, caller| {
                Ok(framework.node_journal().timeline(caller, asked).await?)
            })
            .await?
        }
    };
    List::of_part(&page.items, &page, page.next_cursor.as_deref(), NONE).write(global, format, table)?;
    let mut sink = Sink::standard(global.no_color);
    for fault in &page.failed {
        let why = escape_for_terminal(fault.message.as_bytes());
        sink.line(StreamKind::Stderr, &format!("no live events of {}: {why}", fault.source));
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the list: {error}")))?;
    // What is shown is not all that there is.
    Ok(if page.failed.is_empty() { Exit::AllSucceeded } else { Exit::SomeFailed })
}

/// What was typed, or what standard input has for `-`.
fn given(text: &str) -> Result<String, Failure> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let most = MOST_NOTE * 4;
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::usage(format!("TEXT: read standard input: {error}")))?;
    if bytes.len() > most {
        return Err(Failure::usage(format!(
            "TEXT: standard input has more than {most} bytes; a note has at most {MOST_NOTE} characters: put what is \
             longer elsewhere and name the place"
        )));
    }
    let text = String::from_utf8(bytes);
    text.map(|text| text.trim_end_matches('\n').to_owned())
        .map_err(|_| Failure::usage("TEXT: standard input is no UTF-8 text"))
}

fn written(global: &GlobalArgs, entry: &JournalEntry, format: Format, what: &str) -> Result<Exit, Failure> {
    let mut sink = Sink::standard(global.no_color);
    match format {
        Format::Table => {
            sink.line(StreamKind::Stdout, &format!("note {} on {} {what}", entry.entry.id, entry.entry.node))
        }
        other => write_value(entry, other, &mut sink)?,
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the note: {error}")))?;
    Ok(Exit::AllSucceeded)
}

fn verified(global: &GlobalArgs, told: &JournalVerification, format: Format) -> Result<Exit, Failure> {
    let mut sink = Sink::standard(global.no_color);
    if format == Format::Table {
        for fault in &told.faults {
            sink.line(StreamKind::Stdout, &escape_for_terminal(fault.to_string().as_bytes()));
        }
        let more = told.fault_count.saturating_sub(told.faults.len() as u64);
        if more > 0 {
            sink.line(StreamKind::Stdout, &format!("and {more} more"));
        }
        let wrong = if told.is_sound() {
            "nothing is wrong".to_owned()
        } else {
            format!("{} wrong", told.fault_count)
        };
        let mut text = format!("{} entries of {} nodes: {wrong}", told.entries, told.nodes);
        if told.pruned > 0 {
            text.push_str(&format!("; {} removed by retention", told.pruned));
        }
        if told.unchained > 0 {
            text.push_str(&format!("; {} from before entries had hashes", told.unchained));
        }
        sink.line(StreamKind::Stdout, &text);
        if let Some(head) = &told.head {
            sink.line(
                StreamKind::Stdout,
                &format!("the last entry is {} with the hash {}", head.seq, head.hash),
            );
        }
    } else {
        write_value(told, format, &mut sink)?;
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the result: {error}")))?;
    Ok(if told.is_sound() { Exit::AllSucceeded } else { Exit::SomeFailed })
}
