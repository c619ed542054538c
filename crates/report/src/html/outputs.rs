//! Outputs as they are kept for the page: [`Outputs`].

use std::collections::HashMap;

use pabawi_domain::export::ExportedOutput;
use pabawi_domain::output::ContentHash;

/// Bytes of one output that a page shows.
const SHOWN: usize = 64 * 1024;
/// Outputs of which the page keeps the text; further ones are named by their size only.
const MOST: usize = 400;

/// The beginning of an output.
#[derive(Default)]
pub(super) struct Shown {
    /// Its first bytes.
    pub(super) bytes: Vec<u8>,
    /// Bytes of the complete stream.
    pub(super) total: u64,
    /// Bytes of the complete stream that are not in `bytes`.
    pub(super) missing: u64,
}

/// Outputs by their hash.
#[derive(Default)]
pub(super) struct Outputs(HashMap<ContentHash, Shown>);

impl Outputs {
    /// Takes a piece.
    pub(super) fn add(&mut self, piece: &ExportedOutput) {
        let is_new = !self.0.contains_key(&piece.hash);
        if is_new && self.0.len() >= MOST {
            return;
        }
        let shown = self.0.entry(piece.hash).or_default();
        shown.total = piece.chunk.total_bytes;
        // What comes after a hole would read as if it followed what is before it.
        let hole = piece.chunk.omission.map_or(u64::MAX, |omission| omission.at);
        let end = usize::try_from(hole).unwrap_or(usize::MAX).min(SHOWN);
        let begins = usize::try_from(piece.offset).unwrap_or(usize::MAX);
        if begins == shown.bytes.len() && begins < end {
            shown.bytes.extend(piece.chunk.data.0.iter().take(end - begins));
        }
        shown.missing = shown.total.saturating_sub(shown.bytes.len() as u64);
    }

    /// The beginning of this one, where it is kept.
    pub(super) fn get(&self, hash: ContentHash) -> Option<&Shown> {
        self.0.get(&hash)
    }
}
