//! From chunks to lines: [`Lines`]. What is held is bounded by the longest line.

use bytes::{Buf as _, Bytes, BytesMut};

/// A line is longer than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// The lines of one stream.
#[derive(Debug)]
pub(super) struct Lines {
    longest: usize,
    /// Whether a line that is too long comes in pieces.
    in_pieces: bool,
    held: BytesMut,
    /// How much of `held` is known to have no line break.
    looked: usize,
}

impl Lines {
    pub(super) fn new(longest: usize, in_pieces: bool) -> Self {
        Self { longest: longest.max(1), in_pieces, held: BytesMut::new(), looked: 0 }
    }

    /// Takes more bytes; [`Lines::next`] hands out what they complete.
    pub(super) fn push(&mut self, data: &[u8]) {
        self.held.extend_from_slice(data);
    }

    /// The next whole line without its line break.
    ///
    /// # Errors
    /// [`TooLong`], and again at every later call.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, TooLong> {
        let found = self.held.get(self.looked..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n'));
        let Some(found) = found else {
            self.looked = self.held.len();
            if self.held.len() <= self.longest {
                return Ok(None);
            }
            return self.piece();
        };
        let length = self.looked + found;
        if length > self.longest {
            return self.piece();
        }
        let line = self.held.split_to(length).freeze();
        self.held.advance(1);
        self.looked = 0;
        Ok(Some(line))
    }

    /// What is behind the last line break.
    pub(super) fn rest(&mut self) -> Option<Bytes> {
        self.looked = 0;
        let rest = self.held.split().freeze();
        (!rest.is_empty()).then_some(rest)
    }

    fn piece(&mut self) -> Result<Option<Bytes>, TooLong> {
        if !self.in_pieces {
            return Err(TooLong);
        }
        self.looked = 0;
        Ok(Some(self.held.split_to(self.longest).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: &mut Lines, data: &[u8]) -> Result<Vec<Bytes>, TooLong> {
        lines.push(data);
        let mut found = Vec::new();
        while let Some(line) = lines.next()? {
            found.push(line);
        }
        Ok(found)
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = b"one\n\ntwo words\nrest";
        for cut in 0..text.len() {
            let mut lines = Lines::new(9, false);
            let mut found = all(&mut lines, &text[..cut]).unwrap();
            found.extend(all(&mut lines, &text[cut..]).unwrap());
            assert_eq!(found, [&b"one"[..], b"", b"two words"], "cut at {cut}");
            assert_eq!((lines.rest().as_deref(), lines.rest()), (Some(&b"rest"[..]), None));
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_a_fault_or_comes_in_pieces() {
        for text in [&b"ok\n1234567890\n"[..], b"ok\n1234567890"] {
            let mut lines = Lines::new(4, false);
            assert_eq!(all(&mut lines, text), Err(TooLong));
            let mut lines = Lines::new(4, true);
            let mut found = all(&mut lines, text).unwrap();
            found.extend(lines.rest());
            assert_eq!(found, [&b"ok"[..], b"1234", b"5678", b"90"]);
        }
    }
}
