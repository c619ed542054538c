//! Reads the wrapper's own lines out of the stream they come in: [`Gate`].
//!
//! The wrapper writes a header (`MARK pid`) before anything of the command can appear, `MARK R` when a terminal is
//! ready for input, and `MARK E what` when it could not start the command. All else is output and passes through
//! byte for byte. The mark is not to be guessed, so output cannot pass for one of these lines.

use bytes::Bytes;

/// Text before the header that is kept back (bytes).
const KEPT_BACK: usize = 64 * 1024;
/// Bytes after the header in which the wrapper may still say something.
const WATCHED: usize = 8 * 1024;

/// What the wrapper has said so far.
#[derive(Debug)]
pub(crate) struct Gate {
    mark: String,
    /// What came before the header, as far as it has not been passed on.
    before: Vec<u8>,
    /// Process id of the shell that leads the command's process group.
    pub(crate) pid: Option<i64>,
    /// The terminal is ready for input.
    pub(crate) ready: bool,
    /// Why the wrapper could not start the command: `cwd` or `script`.
    pub(crate) fault: Option<String>,
    watched: usize,
    /// What comes before the header is the talk of sudo, su or doas and no output.
    talk: bool,
}

impl Gate {
    /// A gate for lines that begin with `mark`. With `talk`, what comes before the header is dropped.
    pub(crate) fn new(mark: String, talk: bool) -> Self {
        Self { mark, before: Vec::new(), pid: None, ready: false, fault: None, watched: 0, talk }
    }

    /// What has come before the header.
    pub(crate) fn before(&self) -> &[u8] {
        &self.before
    }

    /// Takes what came, and gives what of it is output.
    pub(crate) fn pass(&mut self, data: Bytes) -> Bytes {
        if self.pid.is_some() {
            return self.after_header(data);
        }
        self.before.extend_from_slice(&data);
        let Some(start) = find(&self.before, self.mark.as_bytes()) else { return self.overflow() };
        let rest = self.before.get(start + self.mark.len()..).unwrap_or_default();
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { return Bytes::new() };
        let pid = std::str::from_utf8(rest.get(..end).unwrap_or_default())
            .ok()
            .and_then(|text| text.trim().parse().ok());
        let Some(pid) = pid else {
            // The mark without a number is none of ours: a shell that echoes the command line, for example.
            return self.overflow_all();
        };
        self.pid = Some(pid);
        let before = if self.talk { &[] } else { self.before.get(..start).unwrap_or_default() };
        let mut output = before.to_vec();
        let after = Bytes::copy_from_slice(rest.get(end + 1..).unwrap_or_default());
        self.before = Vec::new();
        output.extend_from_slice(&self.after_header(after));
        Bytes::from(output)
    }

    /// What is still kept back, when the stream has ended without a header.
    pub(crate) fn remainder(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.before))
    }

    fn overflow(&mut self) -> Bytes {
        if self.before.len() <= KEPT_BACK {
            return Bytes::new();
        }
        let keep = self.before.split_off(self.before.len() - self.mark.len() - 32);
        Bytes::from(std::mem::replace(&mut self.before, keep))
    }

    fn overflow_all(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.before))
    }

    fn after_header(&mut self, data: Bytes) -> Bytes {
        if self.watched >= WATCHED || data.is_empty() {
            return data;
        }
        self.watched += data.len();
        let Some(start) = find(&data, self.mark.as_bytes()) else { return data };
        let line = data.get(start + self.mark.len()..).unwrap_or_default();
        let end = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
        let words = String::from_utf8_lossy(line.get(..end).unwrap_or_default()).trim().to_owned();
        match words.split_once(' ') {
            Some(("E", what)) => self.fault = Some(what.trim().to_owned()),
            None if words == "R" => self.ready = true,
            _ => return data,
        }
        let mut output = data.get(..start).unwrap_or_default().to_vec();
        output.extend_from_slice(line.get(end + 1..).unwrap_or_default());
        Bytes::from(output)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        Gate::new("PABAWI-x".into(), false)
    }

    #[test]
    fn the_header_is_taken_out_wherever_the_pieces_are_cut() {
        let whole = b"motd\nPABAWI-x 4711\nerr\n";
        for cut in 1..whole.len() {
            let mut gate = gate();
            let mut output = gate.pass(Bytes::copy_from_slice(&whole[..cut])).to_vec();
            output.extend_from_slice(&gate.pass(Bytes::copy_from_slice(&whole[cut..])));
            assert_eq!(output, b"motd\nerr\n", "cut at {cut}");
            assert_eq!(gate.pid, Some(4711));
        }
    }

    #[test]
    fn faults_and_readiness_are_no_output() {
        let mut gate = gate();
        assert_eq!(gate.pass(Bytes::from_static(b"PABAWI-x 1\nPABAWI-x R\r\nhello")), b"hello".as_slice());
        assert!(gate.ready);
        assert_eq!(gate.pass(Bytes::from_static(b"cd: no\nPABAWI-x E cwd\n")), b"cd: no\n".as_slice());
        assert_eq!(gate.fault.as_deref(), Some("cwd"));
    }

    #[test]
    fn without_a_header_nothing_is_lost_and_memory_is_bounded() {
        let mut gate = gate();
        let mut passed = 0;
        for _ in 0..100 {
            passed += gate.pass(Bytes::from(vec![b'x'; 4096])).len();
            assert!(gate.before().len() <= KEPT_BACK + 4096);
        }
        assert_eq!(passed + gate.remainder().len(), 100 * 4096);
    }
}
