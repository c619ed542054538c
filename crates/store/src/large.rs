//! [`LargeOutputs`]: where the outputs go that are too large for a row.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pabawi_domain::output::{CapturedOutput, ContentHash, KeptOutput};
use pabawi_domain::ports::StoreError;

use crate::blocking::blocking;
use crate::output_files::{FileFault, OutputFiles, Variant};
use crate::postgres::pieces::Pieces;
use crate::sql::place::Place;

/// Where the outputs go that are too large for a row.
#[derive(Debug, Clone)]
pub(crate) enum LargeOutputs {
    /// A directory beside the database.
    Files(OutputFiles),
    /// The database itself.
    Pieces(Pieces),
}

impl LargeOutputs {
    /// Takes these over. They are on stable storage when it returns, and no row points to them yet.
    pub(crate) async fn keep(
        &self,
        outputs: Vec<CapturedOutput>,
        place: &Arc<Place>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Files(files) => {
                let (files, place) = (files.clone(), Arc::clone(place));
                blocking(move || {
                    let kept = outputs.iter().try_for_each(|output| keep_file(&files, output));
                    kept.map_err(|fault| place.io(fault.doing, &fault.path, &fault.error))
                })
                .await
            }
            Self::Pieces(pieces) => {
                for output in &outputs {
                    pieces.keep(output, place).await?;
                }
                Ok(())
            }
        }
    }

    /// Removes those that no row points to any more, unless they were used within that time. What cannot be removed is
    /// found by the sweep when a store is opened.
    pub(crate) async fn remove(
        &self,
        dead: Vec<(ContentHash, Variant)>,
        unless_within: Duration,
        place: &Arc<Place>,
    ) {
        if dead.is_empty() {
            return;
        }
        match self {
            Self::Files(files) => {
                let files = files.clone();
                let since = SystemTime::now().checked_sub(unless_within).unwrap_or(SystemTime::UNIX_EPOCH);
                let removed = blocking(move || {
                    for (hash, variant) in dead {
                        files.remove_settled(hash, variant, since);
                    }
                    Ok(())
                });
                // The rows are gone; what is left of the files is found by the sweep.
                let _ = removed.await;
            }
            Self::Pieces(pieces) => {
                for (hash, variant) in dead {
                    if let Err(error) = pieces.remove_settled(hash, variant, unless_within, place).await {
                        tracing::warn!(%error, "failed to remove an old output");
                    }
                }
            }
        }
    }

    /// At most `max_bytes` from `offset`.
    pub(crate) async fn read(
        &self,
        hash: ContentHash,
        variant: Variant,
        offset: u64,
        max_bytes: u32,
        place: &Arc<Place>,
    ) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::Files(files) => {
                let (files, place) = (files.clone(), Arc::clone(place));
                blocking(move || match files.read(hash, variant, offset, u64::from(max_bytes)) {
                    Err(fault) if fault.error.kind() == std::io::ErrorKind::NotFound => {
                        let path = fault.path.display();
                        Err(place.corrupt(format!("the file of output {hash} is gone: {path}")))
                    }
                    read => read.map_err(|fault| place.io(fault.doing, &fault.path, &fault.error)),
                })
                .await
            }
            Self::Pieces(pieces) => pieces.read(hash, variant, offset, max_bytes, place).await,
        }
    }
}

fn keep_file(files: &OutputFiles, output: &CapturedOutput) -> Result<(), FileFault> {
    let variant = Variant::of(output);
    match &output.kept {
        KeptOutput::Whole(data) => files.put(output.hash, variant, std::slice::from_ref(&data.0)),
        KeptOutput::HeadTail { head, tail } => {
            files.put(output.hash, variant, &[head.0.clone(), tail.0.clone()])
        }
        KeptOutput::Spilled { path } => files.adopt(output.hash, output.total_bytes, path),
    }
}
