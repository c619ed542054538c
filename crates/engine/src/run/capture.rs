//! Keeps the output of one node run: [`Captures`], one [`StreamCapture`] for each stream.
//!
//! The hash is taken over everything. Without debug mode the first and last part are kept; with it every byte,
//! in memory up to a limit and then in a file (R5.10, R5.11). What is in memory counts against the budget of the
//! engine; under pressure complete output goes into the file as soon as that frees something.

use std::io;
use std::path::{Path, PathBuf};

use pabawi_domain::ends::OutputEnds;
use pabawi_domain::output::{CapturedOutput, ContentHash, KeptOutput, OutputData, StreamKind};
use sha2::{Digest, Sha256};

use super::context::RunContext;
use super::spill::Spill;
use crate::pressure::Held;

/// Both streams of a run. Nothing is allocated for a stream that stays empty.
#[derive(Debug)]
pub(super) struct Captures {
    stdout: Option<StreamCapture>,
    stderr: Option<StreamCapture>,
    rules: Rules,
    /// The permit for what is in memory here.
    held: Held,
}

/// How much is kept, and where.
#[derive(Debug, Clone)]
struct Rules {
    head: usize,
    tail: usize,
    /// Debug mode: bytes in memory, and the file for more, without the stream's name.
    complete: Option<(usize, PathBuf)>,
}

impl Rules {
    fn ends(&self) -> OutputEnds {
        OutputEnds::new(self.head, self.tail)
    }
}

impl Captures {
    pub(super) fn new(context: &RunContext, index: u32) -> Self {
        let limits = &context.limits;
        let file = || limits.spill_dir.join(format!("{}-{index}", context.id));
        let complete = context.debug.then(|| (limits.debug_memory_bytes, file()));
        let rules = Rules { head: limits.output_head_bytes, tail: limits.output_tail_bytes, complete };
        Self { stdout: None, stderr: None, rules, held: context.budget.hold(0) }
    }

    /// Takes output; returns how many bytes of its stream came before.
    pub(super) fn push(&mut self, stream: StreamKind, data: &[u8]) -> u64 {
        let rules = &self.rules;
        let slot = match stream {
            StreamKind::Stdout => &mut self.stdout,
            StreamKind::Stderr => &mut self.stderr,
        };
        let capture = slot.get_or_insert_with(|| StreamCapture::new(stream, rules));
        let before = capture.total;
        capture.push(data, rules);
        if self.held.is_pressed() {
            capture.spill_early(rules);
        }
        self.count();
        before
    }

    /// Under pressure, gives the file what it can take off memory.
    pub(super) fn relieve(&mut self) {
        if self.rules.complete.is_none() || !self.held.is_pressed() {
            return;
        }
        for capture in self.stdout.iter_mut().chain(self.stderr.iter_mut()) {
            capture.spill_early(&self.rules);
        }
        self.count();
    }

    fn count(&mut self) {
        let bytes = self.each().map(StreamCapture::memory).sum();
        self.held.set(bytes);
    }

    /// Whether [`Captures::flush`] has to be called before more output is taken.
    pub(super) fn wants_flush(&self) -> bool {
        let pressed = self.held.is_pressed();
        self.each().any(
            |capture| matches!(&capture.kept, Kept::Spilling { spill, .. } if spill.wants_flush(pressed)),
        )
    }

    /// Writes what waits for the file. A full disk is waited for; on any other error only head and tail are
    /// kept, which the result shows. The future may be dropped without loss.
    pub(super) async fn flush(&mut self) {
        let pressed = self.held.is_pressed();
        for capture in self.each_mut() {
            if let Kept::Spilling { spill, .. } = &mut capture.kept
                && spill.wants_flush(pressed)
                && let Err(error) = spill.flush(false).await
            {
                capture.give_up(&error);
            }
        }
        self.count();
    }

    /// Brings the files to the disk. The future may be dropped without loss.
    pub(super) async fn finish(&mut self) {
        for capture in self.each_mut() {
            if let Kept::Spilling { spill, .. } = &mut capture.kept
                && let Err(error) = spill.flush(true).await
            {
                capture.give_up(&error);
            }
        }
        self.count();
    }

    /// Tries once more and no longer waits for space: for a run that has been ordered to end.
    pub(super) async fn finish_now(&mut self) {
        for capture in self.each_mut() {
            if let Kept::Spilling { spill, .. } = &mut capture.kept
                && let Err(error) = spill.try_flush(true).await
            {
                capture.give_up(&error);
            }
        }
    }

    /// What was kept of stdout and stderr, and the permit for what is in memory of it.
    pub(super) fn seal(mut self) -> (Option<CapturedOutput>, Option<CapturedOutput>, Held) {
        let stdout = self.stdout.take().map(StreamCapture::seal);
        let stderr = self.stderr.take().map(StreamCapture::seal);
        self.held.set(stdout.iter().chain(&stderr).map(in_memory).sum());
        (stdout, stderr, self.held)
    }

    fn each(&self) -> impl Iterator<Item = &StreamCapture> {
        self.stdout.iter().chain(self.stderr.iter())
    }

    fn each_mut(&mut self) -> impl Iterator<Item = &mut StreamCapture> {
        self.stdout.iter_mut().chain(self.stderr.iter_mut())
    }
}

#[derive(Debug)]
struct StreamCapture {
    stream: StreamKind,
    hasher: Sha256,
    total: u64,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    Ends(OutputEnds),
    Whole(Vec<u8>),
    /// The ends are kept beside the file for the case that the file fails.
    Spilling {
        ends: OutputEnds,
        spill: Box<Spill>,
    },
}

impl StreamCapture {
    fn new(stream: StreamKind, rules: &Rules) -> Self {
        let kept = match rules.complete {
            Some(_) => Kept::Whole(Vec::new()),
            None => Kept::Ends(rules.ends()),
        };
        Self { stream, hasher: Sha256::new(), total: 0, kept }
    }

    fn push(&mut self, data: &[u8], rules: &Rules) {
        self.hasher.update(data);
        self.total += data.len() as u64;
        match &mut self.kept {
            Kept::Ends(ends) => ends.push(data),
            Kept::Spilling { ends, spill } => {
                ends.push(data);
                spill.push(data);
            }
            Kept::Whole(bytes) => {
                bytes.extend_from_slice(data);
                if let Some((memory, path)) = &rules.complete
                    && bytes.len() > *memory
                {
                    self.kept = spilling(self.stream, std::mem::take(bytes), path, rules);
                }
            }
        }
    }

    /// Begins the file before its time, where it takes more than the ends that stay in memory beside it.
    fn spill_early(&mut self, rules: &Rules) {
        if let (Kept::Whole(bytes), Some((_, path))) = (&mut self.kept, &rules.complete)
            && bytes.len() > rules.head.saturating_add(rules.tail)
        {
            self.kept = spilling(self.stream, std::mem::take(bytes), path, rules);
        }
    }

    /// Bytes of memory that it takes.
    fn memory(&self) -> usize {
        match &self.kept {
            Kept::Ends(ends) => ends.memory(),
            Kept::Whole(bytes) => bytes.capacity(),
            Kept::Spilling { ends, spill } => ends.memory() + spill.memory(),
        }
    }

    fn give_up(&mut self, error: &io::Error) {
        if let Kept::Spilling { ends, .. } = &mut self.kept {
            tracing::warn!(stream = %self.stream, %error,
                "complete output could not be written to a file; only its first and last part are kept");
            self.kept = Kept::Ends(std::mem::take(ends));
        }
    }

    fn seal(self) -> CapturedOutput {
        let kept = match self.kept {
            Kept::Whole(bytes) => KeptOutput::Whole(OutputData(bytes.into())),
            Kept::Spilling { spill, .. } => KeptOutput::Spilled { path: spill.take() },
            Kept::Ends(ends) => ends.seal(self.total),
        };
        CapturedOutput { hash: ContentHash(self.hasher.finalize().into()), total_bytes: self.total, kept }
    }
}

fn spilling(stream: StreamKind, bytes: Vec<u8>, path: &Path, rules: &Rules) -> Kept {
    let mut ends = rules.ends();
    ends.push(&bytes);
    let path = path.with_extension(stream.to_string());
    Kept::Spilling { ends, spill: Box::new(Spill::new(path, bytes)) }
}

/// Bytes of memory that a sealed output takes.
fn in_memory(output: &CapturedOutput) -> usize {
    match &output.kept {
        KeptOutput::Whole(bytes) => bytes.0.len(),
        KeptOutput::HeadTail { head, tail } => head.0.len() + tail.0.len(),
        KeptOutput::Spilled { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pressure::MemoryBudget;
    use proptest::prelude::*;

    fn captures(head: usize, tail: usize, debug: Option<(usize, PathBuf)>) -> Captures {
        let rules = Rules { head, tail, complete: debug };
        Captures { stdout: None, stderr: None, rules, held: Held::default() }
    }

    fn hash(bytes: &[u8]) -> ContentHash {
        ContentHash(Sha256::digest(bytes).into())
    }

    proptest! {
        /// R5.11
        #[test]
        fn head_tail_and_hash_are_right_for_every_cut(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..12),
            head in 0usize..50, tail in 0usize..50,
        ) {
            let whole = pieces.concat();
            let mut captures = captures(head, tail, None);
            let mut before = 0u64;
            for piece in &pieces {
                prop_assert_eq!(captures.push(StreamKind::Stdout, piece), before);
                before += piece.len() as u64;
            }
            let (stdout, stderr, _) = captures.seal();
            prop_assert!(stderr.is_none());
            let Some(out) = stdout else { prop_assert!(whole.is_empty()); return Ok(()) };
            prop_assert_eq!(out.hash, hash(&whole));
            prop_assert_eq!(out.total_bytes, whole.len() as u64);
            match &out.kept {
                KeptOutput::Whole(kept) => prop_assert_eq!(&kept.0[..], &whole[..]),
                KeptOutput::HeadTail { head: first, tail: last } => {
                    prop_assert!(whole.len() > head + tail);
                    prop_assert_eq!(&first.0[..], &whole[..head]);
                    prop_assert_eq!(&last.0[..], &whole[whole.len() - tail..]);
                    prop_assert_eq!(out.omitted_bytes(), (whole.len() - head - tail) as u64);
                }
                KeptOutput::Spilled { .. } => prop_assert!(false),
            }
        }
    }

    /// R5.10
    #[tokio::test]
    async fn debug_mode_keeps_every_byte_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut captures = captures(4, 4, Some((100, dir.path().join("run"))));
        let mut whole = Vec::new();
        for number in 0..200_000u32 {
            let line = format!("{number}\n");
            whole.extend_from_slice(line.as_bytes());
            captures.push(StreamKind::Stderr, line.as_bytes());
            if captures.wants_flush() {
                captures.flush().await;
            }
        }
        captures.push(StreamKind::Stdout, b"short");
        captures.finish().await;
        let (stdout, stderr, _) = captures.seal();
        assert_eq!(stdout.unwrap().kept, KeptOutput::Whole(OutputData::from("short")));
        let stderr = stderr.unwrap();
        assert_eq!((stderr.hash, stderr.omitted_bytes()), (hash(&whole), 0));
        let KeptOutput::Spilled { path } = stderr.kept else { panic!("{:?}", stderr.kept) };
        assert!(std::fs::read(path).unwrap() == whole);
    }

    /// R8.6: under pressure the file begins before its time and takes nearly everything off memory.
    #[tokio::test]
    async fn under_pressure_complete_output_leaves_memory() {
        let dir = tempfile::tempdir().unwrap();
        let budget = MemoryBudget::new(100_000);
        let mut captures = captures(4, 4, Some((1 << 20, dir.path().join("run"))));
        captures.held = budget.hold(0);
        let piece: Vec<u8> = (0..=255).cycle().take(30_000).collect();
        captures.push(StreamKind::Stdout, &piece);
        assert!(!captures.wants_flush() && budget.stats().used_bytes >= 30_000);
        let others = budget.hold(90_000);
        captures.relieve();
        assert!(captures.wants_flush());
        captures.flush().await;
        assert!(budget.stats().used_bytes < 90_000 + 64, "{:?}", budget.stats());
        drop(others);
        captures.push(StreamKind::Stdout, &piece);
        captures.finish().await;
        let (stdout, _, held) = captures.seal();
        assert_eq!(budget.stats().used_bytes, 0);
        drop(held);
        let KeptOutput::Spilled { path } = stdout.unwrap().kept else { panic!("a file") };
        assert!(std::fs::read(path).unwrap() == piece.repeat(2));
    }

    #[tokio::test]
    async fn a_file_that_fails_leaves_head_and_tail_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let blocked = dir.path().join("file");
        std::fs::write(&blocked, b"").unwrap();
        let mut captures = captures(2, 2, Some((4, blocked.join("run"))));
        captures.push(StreamKind::Stdout, b"abcdefgh");
        captures.finish().await;
        let out = captures.seal().0.unwrap();
        assert_eq!((out.hash, out.omitted_bytes()), (hash(b"abcdefgh"), 4));
    }
}
