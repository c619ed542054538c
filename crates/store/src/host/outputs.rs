//! Outputs as text of a bounded length.

use pabawi_domain::ports::{ExecutionStore as _, StoreError};
use pabawi_domain::record::OutputRef;

use crate::Store;

/// The text of an output, at most so many bytes of it: the beginning and the end, with a line between them that says how much is
/// missing. What is no UTF-8 is replaced.
pub(super) async fn text(output: OutputRef, most: u32, store: &Store) -> Result<String, StoreError> {
    let kept = output.total_bytes.saturating_sub(output.omitted_bytes);
    let read = async |offset: u64, bytes: u32| {
        let chunk = store.output(output.hash, offset, bytes).await?;
        Ok::<_, StoreError>(chunk.map(|chunk| (chunk.data.0, chunk.omission)).unwrap_or_default())
    };
    let (head, tail, missing) = if kept <= u64::from(most) {
        let (data, omission) = read(0, most).await?;
        match omission {
            None => (data, Default::default(), 0),
            Some(hole) => {
                let at = usize::try_from(hole.at).unwrap_or(usize::MAX).min(data.len());
                (data.slice(..at), data.slice(at..), hole.bytes)
            }
        }
    } else {
        let half = most / 2;
        let (head, _) = read(0, half).await?;
        let (tail, _) = read(kept.saturating_sub(u64::from(half)), half).await?;
        let shown = (head.len() + tail.len()) as u64;
        (head, tail, output.total_bytes.saturating_sub(shown))
    };
    let mut text = String::from_utf8_lossy(&head).into_owned();
    if missing > 0 {
        text.push_str(&format!("\n[... {missing} bytes are not shown ...]\n"));
        text.push_str(&String::from_utf8_lossy(&tail));
    }
    Ok(text)
}
