//! Stored outputs: [`read_output`] brings one over in pieces, with a mark where something was left out.

use pabawi::{Caller, Framework, Omission, OutputRef, with_mark};

use crate::exit::Failure;

/// Bytes of one piece.
const PIECE: u32 = 256 * 1024;
/// Bytes of one stream of one node that go into a document or onto a screen; files take the rest.
pub(crate) const MAX_INLINE: u64 = 16 * 1024 * 1024;

/// What is kept of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredOutput {
    /// The kept bytes: head and tail follow each other.
    pub(crate) bytes: Vec<u8>,
    /// Where bytes were left out.
    pub(crate) omission: Option<Omission>,
}

impl StoredOutput {
    /// The bytes with a line in place of what was left out.
    pub(crate) fn with_mark(&self) -> Vec<u8> {
        let Some(omission) = self.omission else { return self.bytes.clone() };
        let at = usize::try_from(omission.at).unwrap_or(usize::MAX).min(self.bytes.len());
        let (head, tail) = self.bytes.split_at(at);
        with_mark(head, tail, omission.bytes, "; --debug keeps everything")
    }
}

/// Brings an output over, at most [`MAX_INLINE`] bytes of it; what is past that counts as left out.
///
/// # Errors
/// What the store reports.
pub(crate) async fn read_output(
    framework: &Framework,
    caller: &Caller,
    output: OutputRef,
) -> Result<StoredOutput, Failure> {
    let mut bytes = Vec::new();
    let mut omission = None;
    // Every turn adds bytes or is the last.
    loop {
        let offset = bytes.len() as u64;
        let Some(chunk) = framework.output(caller, output.hash, offset, PIECE).await? else { break };
        omission = chunk.omission;
        if chunk.data.0.is_empty() {
            break;
        }
        bytes.extend_from_slice(&chunk.data.0);
        let have = bytes.len() as u64;
        if have >= chunk.kept_bytes {
            break;
        }
        if have >= MAX_INLINE {
            let bytes_left = output.total_bytes.saturating_sub(have);
            omission = Some(Omission { at: have, bytes: bytes_left });
            break;
        }
    }
    Ok(StoredOutput { bytes, omission })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_marked() {
        let whole = StoredOutput { bytes: b"a\nb\n".to_vec(), omission: None };
        assert_eq!(whole.with_mark(), b"a\nb\n");
        let cut = StoredOutput { bytes: b"headtail".to_vec(), omission: Some(Omission { at: 4, bytes: 99 }) };
        assert_eq!(
            String::from_utf8(cut.with_mark()).unwrap(),
            "head\n[... 99 bytes left out; --debug keeps everything ...]\ntail"
        );
    }
}
