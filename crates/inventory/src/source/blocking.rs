//! [`blocking`]: files are read apart from the runtime's own threads.

use std::path::Path;

use super::SourceError;

/// Does what takes a while on a thread for such work; the runtime's own threads have other work.
pub(super) async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(SourceError::of_file(path, format!("reading it failed: {error}"))),
    }
}
