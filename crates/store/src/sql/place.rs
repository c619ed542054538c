//! [`Place`]: where a store lives, and errors that name it and say what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pabawi_domain::ports::StoreError;

use crate::db::Fault;
use crate::sqlite::sole::Sole;
use crate::{postgres, sqlite};

/// Where a store lives.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// As it is shown: a path, or a URL without its password.
    shown: String,
    /// The database file, where there is one.
    file: Option<PathBuf>,
    /// Held for as long as anything of this store may have the file open.
    _sole: Option<Arc<Sole>>,
}

impl Place {
    pub(crate) fn file(path: PathBuf) -> Self {
        Self { shown: path.display().to_string(), file: Some(path), _sole: None }
    }

    /// The same, which no other copy of SQLite has open.
    pub(crate) fn solely(&self, sole: Sole) -> Self {
        Self { _sole: Some(Arc::new(sole)), ..self.clone() }
    }

    /// On a server; `shown` holds no password.
    pub(crate) fn server(shown: String) -> Self {
        Self { shown, file: None, _sole: None }
    }

    /// As it is shown to a person. It holds no password.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// What the database or its driver reports, while `doing` (reads after "failed to").
    pub(crate) fn sql(&self, doing: &str, fault: &Fault) -> StoreError {
        let text = format!("{doing} in {}: {fault}", self.shown);
        match fault {
            Fault::NoRow | Fault::Column { .. } | Fault::Keys { .. } => StoreError::Corrupt(text),
            Fault::Driver(sqlx::Error::Database(fault)) => match &self.file {
                Some(path) => sqlite::faults::told(text, path, fault.as_ref()),
                None => postgres::faults::told(text, fault.as_ref()),
            },
            Fault::Driver(
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_),
            ) => StoreError::Corrupt(text),
            Fault::Driver(sqlx::Error::PoolClosed) => StoreError::Closed,
            Fault::Driver(_) => StoreError::Unavailable(text),
        }
    }

    /// What the operating system reports about `path`.
    pub(crate) fn io(&self, doing: &str, path: &Path, error: &io::Error) -> StoreError {
        let text = format!("{doing} {}: {error}", path.display());
        let near = self.file.as_deref().unwrap_or(path);
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => sqlite::faults::full(&text, near),
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                sqlite::faults::read_only(&text, near)
            }
            _ => StoreError::Unavailable(text),
        }
    }

    /// Something in the database that we cannot have written.
    pub(crate) fn corrupt(&self, what: impl std::fmt::Display) -> StoreError {
        StoreError::Corrupt(format!("{what} (in {})", self.shown))
    }
}
