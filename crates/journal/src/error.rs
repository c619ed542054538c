//! [`JournalError`]: why the journal could not do it.

use pabawi_domain::error::ErrorCode;
use pabawi_domain::journal::EntryId;
use pabawi_domain::ports::StoreError;
use pabawi_domain::validation::ValidationError;

/// Why the journal could not do it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// What was given is bad; all of it is named.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    /// There is no such entry.
    #[error("there is no journal entry {0}")]
    NotFound(EntryId),
    /// The entry is no note: nobody can change it.
    #[error("journal entry {0} is no note; only notes can be changed")]
    NotANote(EntryId),
    /// The note is somebody else's.
    #[error("note {id} was written by {author}, who alone may change it; write a note of your own")]
    NotYours {
        /// The note.
        id: EntryId,
        /// Who wrote it.
        author: String,
    },
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl JournalError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) | Self::NotANote(_) => ErrorCode::Validation,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::NotYours { .. } => ErrorCode::Denied,
            Self::Store(error) => error.code(),
        }
    }
}
