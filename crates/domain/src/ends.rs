//! The first and the last bytes of what comes in pieces: [`OutputEnds`]; and how they are shown: [`with_mark`].

use std::collections::VecDeque;

use crate::output::{KeptOutput, OutputData};

/// The first and the last bytes of what is pushed, no more of either than was asked for.
#[derive(Debug, Clone, Default)]
pub struct OutputEnds {
    most_head: usize,
    most_tail: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
}

impl OutputEnds {
    /// Keeps so many first and so many last bytes.
    pub fn new(most_head: usize, most_tail: usize) -> Self {
        Self { most_head, most_tail, ..Self::default() }
    }

    /// Takes the next piece.
    pub fn push(&mut self, data: &[u8]) {
        let to_head = data.len().min(self.most_head.saturating_sub(self.head.len()));
        let (head, rest) = data.split_at_checked(to_head).unwrap_or((data, &[]));
        self.head.extend_from_slice(head);
        // Only the end of a piece that is longer than the whole tail can stay.
        let rest = rest.get(rest.len().saturating_sub(self.most_tail)..).unwrap_or_default();
        let surplus = (self.tail.len() + rest.len()).saturating_sub(self.most_tail);
        self.tail.drain(..surplus.min(self.tail.len()));
        self.tail.extend(rest);
    }

    /// Bytes of memory that it takes.
    pub fn memory(&self) -> usize {
        self.head.capacity() + self.tail.capacity()
    }

    /// What is kept of a stream of so many bytes.
    pub fn seal(mut self, total: u64) -> KeptOutput {
        if (self.head.len() + self.tail.len()) as u64 == total {
            self.head.extend(self.tail.iter());
            KeptOutput::Whole(OutputData(self.head.into()))
        } else {
            let tail: Vec<u8> = self.tail.into();
            KeptOutput::HeadTail { head: OutputData(self.head.into()), tail: OutputData(tail.into()) }
        }
    }
}

/// Head and tail of a text for people, with a line between them that says how many bytes are left out, and a remark about
/// them. A character that the cut went through counts as left out.
pub fn with_mark(head: &[u8], tail: &[u8], left_out: u64, remark: &str) -> Vec<u8> {
    let (whole, begun) = head.split_at_checked(head.len() - begun(head)).unwrap_or((head, &[]));
    let ended = tail.iter().take(3).take_while(|byte| is_inner(**byte)).count();
    let (ended, tail) = tail.split_at_checked(ended).unwrap_or((&[], tail));
    let left_out = left_out.saturating_add((begun.len() + ended.len()) as u64);
    let mut out = whole.to_vec();
    if !whole.is_empty() && !whole.ends_with(b"\n") {
        out.push(b'\n');
    }
    out.extend_from_slice(format!("[... {left_out} bytes left out{remark} ...]\n").as_bytes());
    out.extend_from_slice(tail);
    out
}

/// Bytes at the end that are the beginning of a character of UTF-8 and not the whole of it.
fn begun(bytes: &[u8]) -> usize {
    let inner = bytes.iter().rev().take(3).take_while(|byte| is_inner(**byte)).count();
    let Some(first) = bytes.iter().rev().nth(inner) else { return 0 };
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 0,
    };
    if inner + 1 < length { inner + 1 } else { 0 }
}

/// Whether it is a byte of a character of UTF-8 that is not the first one.
fn is_inner(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(head: &str, tail: &str) -> String {
        String::from_utf8(with_mark(head.as_bytes(), tail.as_bytes(), 9, "")).unwrap()
    }

    #[test]
    fn a_line_says_what_is_left_out() {
        assert_eq!(marked("head", "tail"), "head\n[... 9 bytes left out ...]\ntail");
        assert_eq!(marked("head\n", "tail"), "head\n[... 9 bytes left out ...]\ntail");
        assert_eq!(marked("", ""), "[... 9 bytes left out ...]\n");
        assert_eq!(with_mark(b"", b"", 1, "; why"), b"[... 1 bytes left out; why ...]\n");
    }

    #[test]
    fn no_character_is_cut() {
        for text in ["é", "€", "𝄞"] {
            assert_eq!(marked(text, text), format!("{text}\n[... 9 bytes left out ...]\n{text}"));
            for cut in 1..text.len() {
                let (head, tail) = text.as_bytes().split_at(cut);
                let shown = with_mark(&[b"a", head].concat(), &[tail, b"z"].concat(), 9, "");
                let told = format!("a\n[... {} bytes left out ...]\nz", 9 + text.len());
                assert_eq!(String::from_utf8(shown).unwrap(), told);
            }
        }
        // What is no text loses nothing.
        assert_eq!(with_mark(b"\xff\xff", b"\xff", 9, ""), b"\xff\xff\n[... 9 bytes left out ...]\n\xff");
    }

    #[test]
    fn ends_are_those_of_all_pieces() {
        for most in 0..8 {
            let mut ends = OutputEnds::new(most, 2);
            for piece in ["a", "bcd", "", "efgh"] {
                ends.push(piece.as_bytes());
            }
            let whole = b"abcdefgh";
            let told = match ends.seal(8) {
                KeptOutput::Whole(kept) => [kept.0.to_vec(), Vec::new()],
                KeptOutput::HeadTail { head, tail } => [head.0.to_vec(), tail.0.to_vec()],
                KeptOutput::Spilled { path } => panic!("{path:?}"),
            };
            let tail = if most < 6 { &whole[6..] } else { &[] };
            let head = if most < 6 { &whole[..most] } else { &whole[..] };
            assert_eq!(told, [head.to_vec(), tail.to_vec()], "{most}");
        }
    }
}
