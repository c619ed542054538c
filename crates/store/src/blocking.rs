//! Runs what may block where it may.

use pabawi_domain::ports::StoreError;

/// Runs `work` on a thread of its own and waits for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Unavailable(format!("work on files was broken off: {error}")))?
}
