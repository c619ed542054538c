//! What all lists share: [`List`] is written as a table for people or in one of the other formats. [`write_value`] writes
//! a single value in these, [`statuses`] reads `--status`.

use std::collections::BTreeSet;

use pabawi::{Page, StreamKind};
use serde::Serialize;

use crate::args::{Format, GlobalArgs};
use crate::exit::{Exit, Failure};
use crate::text::Table;
use crate::watch::Sink;

/// Things to be listed.
pub(in crate::command) struct List<'a, T, D: ?Sized> {
    items: &'a [T],
    /// What is written as one document.
    document: &'a D,
    next_cursor: Option<&'a str>,
    /// What is said where there is nothing.
    none: &'static str,
}

impl<'a, T: Serialize> List<'a, T, Page<T>> {
    /// A part of a list.
    pub(in crate::command) fn of_page(page: &'a Page<T>, none: &'static str) -> Self {
        Self { items: &page.items, document: page, next_cursor: page.next_cursor.as_deref(), none }
    }
}

impl<'a, T: Serialize> List<'a, T, [T]> {
    /// A whole list.
    pub(in crate::command) fn of_all(items: &'a [T], none: &'static str) -> Self {
        Self { items, document: items, next_cursor: None, none }
    }
}

impl<'a, T, D> List<'a, T, D> {
    /// A part of a list that is written with what stands beside it.
    pub(in crate::command) fn of_part(
        items: &'a [T],
        document: &'a D,
        next_cursor: Option<&'a str>,
        none: &'static str,
    ) -> Self {
        Self { items, document, next_cursor, none }
    }
}

impl<T: Serialize, D: Serialize + ?Sized> List<'_, T, D> {
    /// Writes it to standard output; that there is nothing, or more, is said on standard error.
    ///
    /// # Errors
    /// Output that cannot be written.
    pub(in crate::command) fn write(
        self,
        global: &GlobalArgs,
        format: Format,
        table: impl FnOnce(&[T]) -> Table,
    ) -> Result<Exit, Failure> {
        let mut sink = Sink::standard(global.no_color);
        match format {
            Format::Table => {
                if self.items.is_empty() {
                    sink.line(StreamKind::Stderr, self.none);
                } else {
                    sink.table(&table(self.items));
                }
                if let Some(cursor) = self.next_cursor {
                    sink.line(StreamKind::Stderr, &format!("more with --cursor {cursor}"));
                }
            }
            Format::Ndjson => {
                for item in self.items {
                    write_value(item, format, &mut sink)?;
                }
            }
            Format::Json | Format::Yaml => write_value(self.document, format, &mut sink)?,
        }
        sink.flush().map_err(|error| Failure::nothing_ran(format!("write the list: {error}")))?;
        Ok(Exit::AllSucceeded)
    }
}

/// Writes one value: YAML, JSON on one line (ndjson), or JSON for people to read.
///
/// # Errors
/// A value that cannot be written so.
pub(crate) fn write_value(
    value: &(impl Serialize + ?Sized),
    format: Format,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let text = match format {
        Format::Yaml => serde_saphyr::to_string(&value).map_err(Failure::nothing_ran)?,
        Format::Ndjson => serde_json::to_string(value).map_err(Failure::nothing_ran)?,
        Format::Json | Format::Table => serde_json::to_string_pretty(value).map_err(Failure::nothing_ran)?,
    };
    sink.line(StreamKind::Stdout, text.trim_end());
    Ok(())
}

/// The statuses that are named.
///
/// # Errors
/// A word that is none; all that there are are named.
pub(in crate::command) fn statuses<S: Copy + Ord>(
    words: &[String],
    all: &[S],
    word_of: fn(S) -> &'static str,
) -> Result<BTreeSet<S>, Failure> {
    let status = |word: &String| {
        let found = all.iter().copied().find(|status| word_of(*status) == word);
        found.ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|status| word_of(*status)).collect();
            Failure::usage(format!("--status: unknown status {word:?}; known are {}", known.join(", ")))
        })
    };
    words.iter().map(status).collect()
}
