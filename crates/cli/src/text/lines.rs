//! Lines out of pieces of output: [`LineSplitter`].

/// The longest line that is waited for, in bytes; a longer one comes in parts. It bounds the memory that
/// nodes which never end a line can take.
pub(crate) const MAX_LINE: usize = 64 * 1024;

/// Cuts one stream of one node into lines, whatever the pieces it comes in.
#[derive(Debug, Default)]
pub(crate) struct LineSplitter {
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
}

impl LineSplitter {
    /// Takes the next piece and calls `each` with every line that is whole now, without its line break.
    pub(crate) fn push(&mut self, mut piece: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            let (line, after) = piece.split_at_checked(end).unwrap_or((piece, &[]));
            if self.rest.is_empty() {
                each(line);
            } else {
                self.rest.extend_from_slice(line);
                each(&self.rest);
                self.rest.clear();
            }
            piece = after.get(1..).unwrap_or_default();
        }
        self.rest.extend_from_slice(piece);
        while self.rest.len() >= MAX_LINE {
            let tail = self.rest.split_off(MAX_LINE);
            each(&self.rest);
            self.rest = tail;
        }
    }

    /// The last line, when the stream ended without a line break.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(&[u8])) {
        if !self.rest.is_empty() {
            each(&std::mem::take(&mut self.rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for piece in pieces {
            splitter.push(piece, |line| lines.push(line.to_vec()));
        }
        splitter.finish(|line| lines.push(line.to_vec()));
        assert!(splitter.rest.is_empty());
        lines
    }

    #[test]
    fn lines_are_the_same_whatever_the_pieces() {
        let text = "one\n\ntwo zażółć\r\nthree".as_bytes();
        let whole = lines(&[text]);
        assert_eq!(whole, [&b"one"[..], b"", "two zażółć\r".as_bytes(), b"three"]);
        for size in 1..text.len() {
            let pieces: Vec<&[u8]> = text.chunks(size).collect();
            assert_eq!(lines(&pieces), whole, "pieces of {size}");
        }
        assert!(lines(&[b""]).is_empty());
        assert_eq!(lines(&[b"a\n"]), [b"a"]);
    }

    #[test]
    fn a_line_without_end_comes_in_parts_and_loses_nothing() {
        let long = vec![b'x'; MAX_LINE * 3 + 7];
        let parts = lines(&[&long]);
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [MAX_LINE, MAX_LINE, MAX_LINE, 7]);
    }
}
