//! Reads what the follower on the node sends: [`Frames`].
//!
//! A frame begins with a line, `O` or `E`, an offset and a length; so many bytes of that stream follow, then `K`. It may
//! begin before the offset that was asked for: what has been read already is left out, so every byte arrives once. `F`
//! tells the end, and a lone `.` that the follower is there.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};
use pabawi_domain::output::StreamKind;

/// Longest line that is none of a frame's bytes.
const MAX_LINE: usize = 4 * 1024;
/// Text of a login shell before the first line that is read (bytes).
const MAX_NOISE: usize = 64 * 1024;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// The follower has begun.
    Hello,
    /// There is no such spool.
    Missing,
    /// Output, in order within its stream and without a gap.
    Output(StreamKind, Bytes),
    /// The command has ended, and all of its output has been sent.
    End(SpoolEnd),
}

/// How a command ended, as its spool says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpoolEnd {
    pub(super) how: How,
    /// Exit status of what wrote stdout and stderr into the spool; absent where a child in the background still writes.
    pub(super) writers: [Option<i32>; 2],
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum How {
    Exited(i32),
    Signalled(String),
    /// It is gone and has not written how.
    Lost,
    /// It was called off before it started.
    Void,
}

#[derive(Debug)]
enum State {
    /// Before the follower's first line.
    Noise,
    Line,
    Payload {
        stream: StreamKind,
        at: u64,
        left: u64,
    },
    /// After a frame's bytes.
    Check,
}

/// The reader of one follower.
#[derive(Debug)]
pub(super) struct Frames {
    word: String,
    state: State,
    line: Vec<u8>,
    /// Bytes of stdout and stderr that have been read.
    have: [u64; 2],
}

impl Frames {
    /// Reads a follower whose first line begins with `word` and that was asked for what comes after `have`.
    pub(super) fn new(word: &str, have: [u64; 2]) -> Self {
        Self { word: format!("{word} "), state: State::Noise, line: Vec::new(), have }
    }

    /// Bytes of stdout and stderr that have been read.
    pub(super) fn have(&self) -> [u64; 2] {
        self.have
    }

    /// Takes what came.
    ///
    /// # Errors
    /// What is wrong with it, as part of a sentence. Nothing more can be read then.
    pub(super) fn push(&mut self, mut data: Bytes, frames: &mut VecDeque<Frame>) -> Result<(), String> {
        // Ends: each turn takes at least one byte off.
        while !data.is_empty() {
            if let State::Payload { stream, at, left } = self.state {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(data.len());
                let piece = data.split_to(here);
                let length = here as u64;
                self.payload(stream, at, piece, frames)?;
                self.state = match left - length {
                    0 => State::Check,
                    left => State::Payload { stream, at: at + length, left },
                };
                continue;
            }
            let end = data.iter().position(|byte| *byte == b'\n');
            let limit = if matches!(self.state, State::Noise) { MAX_NOISE } else { MAX_LINE };
            let Some(end) = end else {
                self.line.extend_from_slice(&data);
                return if self.line.len() > limit { Err(self.odd()) } else { Ok(()) };
            };
            self.line.extend_from_slice(&data.split_to(end));
            data.advance(1);
            let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
            self.line(&line, frames)
                .ok_or_else(|| format!("it sent {:?}", line.chars().take(80).collect::<String>()))?;
        }
        Ok(())
    }

    fn odd(&self) -> String {
        format!("it sent a line of more than {} bytes", self.line.len())
    }

    fn line(&mut self, line: &str, frames: &mut VecDeque<Frame>) -> Option<()> {
        match self.state {
            State::Noise => {
                match line.split_once(&self.word).map(|(_, what)| what) {
                    Some("H") => {
                        self.state = State::Line;
                        frames.push_back(Frame::Hello);
                    }
                    Some("N") => frames.push_back(Frame::Missing),
                    _ => {}
                }
                return Some(());
            }
            State::Check if line != "K" => return None,
            State::Check => {
                self.state = State::Line;
                return Some(());
            }
            _ => {}
        }
        let mut words = line.split(' ');
        match words.next()? {
            "." => {}
            "N" => frames.push_back(Frame::Missing),
            letter @ ("O" | "E") => {
                let stream = if letter == "O" { StreamKind::Stdout } else { StreamKind::Stderr };
                let at: u64 = words.next()?.parse().ok()?;
                let left: u64 = words.next()?.parse().ok().filter(|left| *left > 0)?;
                self.state = State::Payload { stream, at, left };
            }
            "F" => {
                let (how, value) = (words.next()?, words.next()?);
                let how = match how {
                    "X" => How::Exited(value.parse().ok()?),
                    "S" => How::Signalled(value.trim_start_matches("SIG").to_owned()),
                    "L" => How::Lost,
                    "V" => How::Void,
                    _ => return None,
                };
                let writers = [words.next()?.parse().ok(), words.next()?.parse().ok()];
                frames.push_back(Frame::End(SpoolEnd { how, writers }));
            }
            _ => return None,
        }
        Some(())
    }

    /// Leaves out what has been read before.
    fn payload(
        &mut self,
        stream: StreamKind,
        at: u64,
        mut piece: Bytes,
        frames: &mut VecDeque<Frame>,
    ) -> Result<(), String> {
        let [out, err] = &mut self.have;
        let have = match stream {
            StreamKind::Stdout => out,
            StreamKind::Stderr => err,
        };
        if at > *have {
            return Err(format!("it left out {} bytes", at - *have));
        }
        let known = usize::try_from(*have - at).unwrap_or(usize::MAX).min(piece.len());
        piece.advance(known);
        if !piece.is_empty() {
            *have += piece.len() as u64;
            frames.push_back(Frame::Output(stream, piece));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(have: [u64; 2], sent: &[u8], cut: usize) -> Result<(Vec<Frame>, [u64; 2]), String> {
        let mut frames = Frames::new("WORD", have);
        let mut read = VecDeque::new();
        for piece in sent.chunks(cut) {
            frames.push(Bytes::copy_from_slice(piece), &mut read)?;
        }
        Ok((read.into(), frames.have()))
    }

    fn output(frames: &[Frame], wanted: StreamKind) -> Vec<u8> {
        let pieces = frames.iter().filter_map(|frame| match frame {
            Frame::Output(stream, data) if *stream == wanted => Some(data.to_vec()),
            _ => None,
        });
        pieces.flatten().collect()
    }

    const SENT: &[u8] = b"Welcome\nno newline WORD H\nO 0 5\na\n\0K\nK\n.\nE 0 2\nK\nK\nF S KILL 0 -\n";

    #[test]
    fn however_it_is_cut_the_same_is_read() {
        for cut in 1..SENT.len() {
            let (frames, have) = read([0, 0], SENT, cut).unwrap();
            assert_eq!(output(&frames, StreamKind::Stdout), b"a\n\0K\n", "cut in pieces of {cut}");
            assert_eq!(output(&frames, StreamKind::Stderr), b"K\n");
            assert_eq!(have, [5, 2]);
            let end = SpoolEnd { how: How::Signalled("KILL".into()), writers: [Some(0), None] };
            assert_eq!(frames.last(), Some(&Frame::End(end)));
            assert_eq!(frames.first(), Some(&Frame::Hello));
        }
    }

    #[test]
    fn what_was_read_before_is_left_out_and_a_gap_is_an_error() {
        for cut in 1..SENT.len() {
            let (frames, have) = read([3, 2], SENT, cut).unwrap();
            assert_eq!(output(&frames, StreamKind::Stdout), b"K\n");
            assert_eq!((output(&frames, StreamKind::Stderr).as_slice(), have), (b"".as_slice(), [5, 2]));
        }
        assert!(read([2, 0], b"WORD H\nO 3 1\nxK\n", 64).is_err());
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        for bad in ["WORD H\nwhat\n", "WORD H\nO 0 2\nabc\nK\n", "WORD H\nF X\n", "WORD H\nO 0 0\n"] {
            assert!(read([0, 0], bad.as_bytes(), 64).is_err(), "{bad}");
        }
        assert_eq!(read([0, 0], b"WORD N\n", 3).unwrap().0, [Frame::Missing]);
    }
}
