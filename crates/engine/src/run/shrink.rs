//! What is held of the output of an attempt while another one is waited for: its beginning and its end, so that ten
//! thousand nodes that wait hold little. Main function: [`shrink`].

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pabawi_domain::output::{CapturedOutput, KeptOutput, OutputData};

/// Bytes that are held of either end of a stream.
const HELD: usize = 4 * 1024;

/// The same output with only its ends. The file of one that was spilled goes.
pub(super) async fn shrink(output: Option<CapturedOutput>) -> Option<CapturedOutput> {
    let output = output?;
    let (head, tail) = match output.kept {
        KeptOutput::Whole(data) if data.0.len() <= 2 * HELD => {
            return Some(CapturedOutput { kept: KeptOutput::Whole(copied(&data.0)), ..output });
        }
        KeptOutput::Whole(data) => (first(&data.0), last(&data.0)),
        KeptOutput::HeadTail { head, tail } => (first(&head.0), last(&tail.0)),
        KeptOutput::Spilled { path } => ends_of_file(path).await,
    };
    Some(CapturedOutput { kept: KeptOutput::HeadTail { head, tail }, ..output })
}

/// A copy, so that a few bytes do not keep a large buffer alive.
fn copied(data: &[u8]) -> OutputData {
    OutputData(Bytes::copy_from_slice(data))
}

fn first(data: &Bytes) -> OutputData {
    copied(data.get(..HELD).unwrap_or(data))
}

fn last(data: &Bytes) -> OutputData {
    copied(data.get(data.len().saturating_sub(HELD)..).unwrap_or(data))
}

async fn ends_of_file(path: PathBuf) -> (OutputData, OutputData) {
    let read = move || {
        let ends = ends(&path).unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "the output of an attempt cannot be read any more");
            Default::default()
        });
        // One that stays is removed by the next start.
        let _ = std::fs::remove_file(&path);
        ends
    };
    let (head, tail) = tokio::task::spawn_blocking(read).await.unwrap_or_default();
    (OutputData(head.into()), OutputData(tail.into()))
}

fn ends(path: &Path) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut file = std::fs::File::open(path)?;
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    file.by_ref().take(HELD as u64).read_to_end(&mut head)?;
    let length = file.metadata()?.len();
    // What is short enough is in the head already.
    let from = length.saturating_sub(HELD as u64).max(head.len() as u64);
    file.seek(SeekFrom::Start(from))?;
    file.take(HELD as u64).read_to_end(&mut tail)?;
    Ok((head, tail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::output::ContentHash;

    fn output(kept: KeptOutput) -> Option<CapturedOutput> {
        Some(CapturedOutput { hash: ContentHash([1; 32]), total_bytes: 100_000, kept })
    }

    #[tokio::test]
    async fn the_ends_stay_and_a_file_goes() {
        let data: Vec<u8> = (0..100_000_u32).map(|at| (at % 251) as u8).collect();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        std::fs::write(&path, &data).unwrap();
        for kept in
            [KeptOutput::Whole(OutputData(data.clone().into())), KeptOutput::Spilled { path: path.clone() }]
        {
            let small = shrink(output(kept)).await.unwrap();
            let KeptOutput::HeadTail { head, tail } = &small.kept else { panic!("{small:?}") };
            assert_eq!((&head.0[..], &tail.0[..]), (&data[..HELD], &data[data.len() - HELD..]));
            assert_eq!(small.total_bytes, 100_000);
        }
        assert!(!path.exists());
        let short = output(KeptOutput::Whole(OutputData(Bytes::from_static(b"short"))));
        assert_eq!(shrink(short.clone()).await, short);
    }
}
