//! Why a copy failed: [`CopyFault`].

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::TransportError;

use super::end::Side;

/// Why a copy failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyFault {
    /// The caller gave it up.
    #[error("the copy was cancelled")]
    Cancelled,
    /// Something at one end.
    #[error("{path}: {message}", path = path.display())]
    At {
        side: Side,
        path: PathBuf,
        message: String,
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The copy is not what was sent.
    #[error("{path} differs from its source after the copy (SHA-256 by {found_by}); nothing was replaced", path = path.display())]
    Mismatch { path: PathBuf, found_by: String },
    /// The connection that the copy runs over is gone or silent.
    #[error("{message}")]
    Link {
        message: String,
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The work itself broke off.
    #[error("the copy broke off inside this program")]
    Broken,
}

impl CopyFault {
    pub(crate) fn at(side: Side, path: &Path, message: impl Into<String>) -> Self {
        Self::At { side, path: path.to_owned(), message: message.into(), source: None }
    }

    /// A fault of the system's, in its words.
    pub(crate) fn io(side: Side, path: &Path, error: &io::Error) -> Self {
        let message = match error.kind() {
            io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            io::ErrorKind::StorageFull => "no space left on the device".to_owned(),
            _ => error.to_string(),
        };
        Self::at(side, path, message)
    }

    /// The same as a transport tells it. `written` says whether anything was made at the other end.
    pub(crate) fn to_error(&self, node: &NodeId, written: bool, left: &[PathBuf]) -> TransportError {
        let code = match self {
            Self::At { side: Side::Here, .. } => ErrorCode::LocalFile,
            Self::At { side: Side::Node, .. } | Self::Cancelled => ErrorCode::RemoteFile,
            Self::Mismatch { .. } => ErrorCode::ChecksumMismatch,
            Self::Link { .. } => ErrorCode::LinkLost,
            Self::Broken => ErrorCode::Internal,
        };
        let mut message = self.to_string();
        if let Some(first) = left.first() {
            message.push_str(&format!(
                "; {} temporary files may be left, such as {}",
                left.len(),
                first.display()
            ));
        }
        let mut error = if written {
            TransportError::after_start(node, code, message)
        } else {
            TransportError::before_start(node, code, message)
        };
        if let Some(source) = self.source() {
            error = error.caused_by(source);
        }
        error
    }
}
