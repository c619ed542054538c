//! Notes of people: their text, and what may be changed of them by whom (R11.6). A note is text and nothing else: what looks like
//! markup is stored and shown as it was typed.

use jiff::Timestamp;
use pabawi_domain::id::NodeId;
use pabawi_domain::journal::{EntryId, JournalEntry, NewJournalEntry, event};
use pabawi_domain::validation::ValidationError;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::JournalError;

/// Characters of a note, as in Pabawi.
pub const MOST_NOTE: usize = 5_000;

/// Checks the text of a note.
pub(crate) fn check(text: &str) -> Result<(), ValidationError> {
    let fault = |why: String| Err(ValidationError::of("text", why));
    if text.trim().is_empty() {
        return fault("must not be blank".to_owned());
    }
    // Before it is counted, which takes a while for what is much too long.
    if text.len() > MOST_NOTE * 4 || text.chars().count() > MOST_NOTE {
        return fault(format!(
            "has {} bytes; a note has at most {MOST_NOTE} characters: put what is longer elsewhere and name the place",
            text.len()
        ));
    }
    if text.contains('\0') {
        return fault("holds a NUL character, which no text has".to_owned());
    }
    Ok(())
}

/// A new note.
pub(crate) fn new(node: NodeId, author: &str, text: String, at: Timestamp) -> NewJournalEntry {
    NewJournalEntry {
        id: EntryId::from(Uuid::now_v7()),
        node,
        event_type: event::NOTE.into(),
        source: "user".into(),
        execution_id: None,
        at,
        user: Some(author.to_owned()),
        action: "add_note".into(),
        result_status: None,
        summary: text,
        details: Map::new(),
        supersedes: None,
    }
}

/// Another version of a note.
///
/// # Errors
/// [`JournalError`] where it is no note, or somebody else's.
pub(crate) fn edit(
    versions: &[JournalEntry],
    author: &str,
    text: String,
    at: Timestamp,
    asked: EntryId,
) -> Result<NewJournalEntry, JournalError> {
    let (Some(first), Some(last)) = (versions.first(), versions.last()) else {
        return Err(JournalError::NotFound(asked));
    };
    if first.entry.event_type != event::NOTE || first.entry.source != "user" {
        return Err(JournalError::NotANote(asked));
    }
    if first.entry.user.as_deref() != Some(author) {
        let author = first.entry.user.clone().unwrap_or_else(|| "nobody who is known".to_owned());
        return Err(JournalError::NotYours { id: asked, author });
    }
    let mut details = Map::new();
    details.insert("noteId".into(), Value::from(first.entry.id.to_string()));
    details.insert("version".into(), Value::from(versions.len() + 1));
    Ok(NewJournalEntry {
        action: "edit_note".into(),
        details,
        supersedes: Some(last.entry.id),
        ..new(first.entry.node.clone(), author, text, at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_some_characters_and_not_too_many() {
        for good in ["x", &"ü".repeat(MOST_NOTE), "<script>\n\u{1b}[31m\t'; DROP TABLE", "😀"] {
            assert!(check(good).is_ok(), "{good:?}");
        }
        for bad in ["", " \n\t", "a\0b", &"x".repeat(MOST_NOTE + 1), &"x".repeat(10 * 1024 * 1024)] {
            let error = check(bad).unwrap_err();
            assert_eq!(error.fields[0].path, "text");
            assert!(error.to_string().len() < 300, "it is not repeated");
        }
    }
}
