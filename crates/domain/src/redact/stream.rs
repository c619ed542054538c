//! Output that comes in pieces: [`RedactedStream`]. What could be the beginning of a secret is held back until it is known.

use std::sync::Arc;

use bytes::Bytes;

use super::redactor::Redactor;
use crate::secret::REDACTED;

/// One stream of output.
#[derive(Debug)]
pub struct RedactedStream {
    redactor: Arc<Redactor>,
    /// Could become a secret; shorter than the longest form of one.
    held: Vec<u8>,
}

impl RedactedStream {
    pub(super) fn new(redactor: Arc<Redactor>) -> Self {
        Self { redactor, held: Vec::new() }
    }

    /// Takes a piece and gives what can be let out; nothing while all of it is held back.
    pub fn push(&mut self, data: Bytes) -> Bytes {
        let Some(search) = &self.redactor.search else { return Bytes::from_static(REDACTED.as_bytes()) };
        let whole = match self.held.is_empty() {
            true => data,
            false => [std::mem::take(&mut self.held).as_slice(), &data].concat().into(),
        };
        let open = self.redactor.open_from(&whole);
        let out = match search.find(&whole).is_some_and(|found| found.start() < open) {
            false => whole.slice(..open.min(whole.len())),
            true => {
                let (out, end) = self.redactor.up_to(&whole, open);
                self.held.extend_from_slice(whole.get(end..).unwrap_or_default());
                return out.into();
            }
        };
        self.held.extend_from_slice(whole.get(open..).unwrap_or_default());
        out
    }

    /// Gives what is left, at the end of the stream.
    pub fn finish(&mut self) -> Bytes {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() { Bytes::new() } else { self.redactor.bytes(&held).into() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(secrets: &[&str], pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let redactor = Redactor::new(secrets.iter().map(|secret| secret.as_bytes())).unwrap();
        let mut stream = redactor.stream();
        let mut out: Vec<Vec<u8>> =
            pieces.iter().map(|piece| stream.push(Bytes::copy_from_slice(piece)).to_vec()).collect();
        out.push(stream.finish().to_vec());
        out
    }

    #[test]
    fn a_secret_over_two_pieces_is_found_and_nothing_else_is_held_back() {
        let out = run(&["hunter22"], &[b"one hun", b"ter22 two", b" hunt", b"ing\n"]);
        assert_eq!(out[0], b"one ");
        assert_eq!((out.concat(), out[4].len()), (b"one *** two hunting\n".to_vec(), 0));
        // The longer secret is meant where both could be, and the shorter one is found when the longer does not come.
        let out = run(&["abcdef", "abcdefgh"], &[b"abcdef", b"gh abcdef", b"x abcdef"]);
        assert_eq!(out.concat(), b"*** ***x ***");
    }

    proptest! {
        /// However the output is cut, the secret is in none of it, and all other bytes are there.
        #[test]
        fn cuts_do_not_matter(
            words in proptest::collection::vec(0usize..5, 0..20),
            cuts in proptest::collection::vec(1usize..9, 0..60),
        ) {
            let word = ["canary-1", "cana", "ry-1", "-", "czcanary"];
            let text: String = words.iter().map(|at| word[*at]).collect();
            let mut pieces = Vec::new();
            let mut rest = text.as_bytes();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            let out = run(&["canary-1"], &pieces).concat();
            prop_assert_eq!(String::from_utf8(out).unwrap(), text.replace("canary-1", "***"));
        }
    }
}
