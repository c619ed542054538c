//! As much of the outputs as a page shows: [`Outputs`].

use std::collections::{HashMap, HashSet};

use pabawi_domain::ends::{OutputEnds, with_mark};
use pabawi_domain::export::ExportedOutput;
use pabawi_domain::output::{ContentHash, KeptOutput};

/// First bytes of one output that a page shows.
const HEAD: usize = 32 * 1024;
/// Last bytes of one output that a page shows: what failed says so at its end.
const TAIL: usize = 32 * 1024;

/// An output as the page shows it.
pub(super) struct Shown {
    /// Its beginning and its end, with a line between them where something is left out.
    pub(super) bytes: Vec<u8>,
    /// Bytes that were never kept.
    pub(super) not_kept: u64,
    /// Bytes that are kept and that the page leaves out.
    pub(super) only_exported: u64,
}

/// Outputs by their hash.
pub(super) struct Outputs {
    wanted: HashSet<ContentHash>,
    found: HashMap<ContentHash, Found>,
}

struct Found {
    ends: OutputEnds,
    kept: u64,
    total: u64,
}

impl Outputs {
    /// None yet, of these that the page has a place for.
    pub(super) fn of(wanted: HashSet<ContentHash>) -> Self {
        Self { wanted, found: HashMap::new() }
    }

    /// Takes a piece.
    pub(super) fn add(&mut self, piece: &ExportedOutput) {
        if !self.wanted.contains(&piece.hash) {
            return;
        }
        let chunk = &piece.chunk;
        let found = self.found.entry(piece.hash).or_insert_with(|| {
            // Nothing from before a hole may read as if it stood behind it, and the other way round.
            let hole = chunk.omission.map(|omission| omission.at.min(chunk.kept_bytes));
            let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
            let head = hole.map_or(HEAD, |at| size(at).min(HEAD));
            let tail = hole.map_or(TAIL, |at| size(chunk.kept_bytes - at).min(TAIL));
            Found { ends: OutputEnds::new(head, tail), kept: chunk.kept_bytes, total: chunk.total_bytes }
        });
        found.ends.push(&chunk.data.0);
    }

    /// This one, where it is there.
    pub(super) fn get(&self, hash: ContentHash) -> Option<Shown> {
        let Found { ends, kept, total } = self.found.get(&hash)?;
        let not_kept = total.saturating_sub(*kept);
        Some(match ends.clone().seal(*total) {
            KeptOutput::HeadTail { head, tail } => {
                let shown = (head.0.len() + tail.0.len()) as u64;
                let bytes = with_mark(&head.0, &tail.0, total.saturating_sub(shown), "");
                Shown { bytes, not_kept, only_exported: kept.saturating_sub(shown) }
            }
            KeptOutput::Whole(data) => Shown { bytes: data.0.to_vec(), not_kept, only_exported: 0 },
            // Ends are never a file.
            KeptOutput::Spilled { .. } => return None,
        })
    }
}
