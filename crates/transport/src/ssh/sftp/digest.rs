//! Checksums of files on the node, by a program there: [`by_program`].
//!
//! The command is always `/bin/sh`; names travel over its standard input, so their number and their characters
//! do not matter to the login shell.

use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use super::patience::{Patience, STALL};
use crate::copy::{CopyFault, Digest, Digests};
use crate::shell::push_quoted;

/// `h` takes files as arguments, or one as its standard input. macOS has `shasum`, BSD `sha256`.
const PROLOGUE: &str = "\
if command -v sha256sum >/dev/null 2>&1; then p=sha256sum; h() { sha256sum \"$@\"; }
elif command -v shasum >/dev/null 2>&1; then p=shasum; h() { shasum -a 256 \"$@\"; }
elif command -v openssl >/dev/null 2>&1; then p=openssl; h() { openssl dgst -sha256 -r \"$@\"; }
elif command -v sha256 >/dev/null 2>&1; then p=sha256; h() { sha256 -q \"$@\"; }
else exit 0; fi
echo \"by $p\"
";
/// The most that an answer may have, in bytes per file and in all.
const MAX_ANSWER: usize = 64 * 1024;
/// How long a login shell may take before the program is known. Some read start files that hang; reading the
/// file back is then the surer way.
const START: Duration = Duration::from_secs(20);
/// The slowest node that is waited for, in bytes a second.
const SLOWEST: u64 = 4 << 20;

/// Asks the node for checksums; `None` when it has no shell or no program for it, or says something else, as a
/// node does that only allows SFTP. `bytes` is how much there is to read.
pub(super) fn by_program(
    patience: Patience<'_>,
    paths: &[PathBuf],
    bytes: u64,
) -> Result<Option<Digests>, CopyFault> {
    let script = script(paths);
    let limit = STALL + Duration::from_secs(bytes / SLOWEST);
    let Ok(mut channel) = patience.call(|| patience.session.channel_session())? else { return Ok(None) };
    if patience.call(|| channel.exec("/bin/sh"))?.is_err() {
        return Ok(None);
    }
    let mut rest = script.as_slice();
    while !rest.is_empty() {
        match patience.transfer(STALL, || channel.write(rest))? {
            Ok(n) if n > 0 => rest = rest.get(n..).unwrap_or_default(),
            _ => return Ok(None),
        }
    }
    if patience.call(|| channel.send_eof())?.is_err() {
        return Ok(None);
    }
    let mut answer = Vec::new();
    let mut piece = [0_u8; 4_096];
    while answer.len() <= MAX_ANSWER {
        let begun = program(&answer).is_some();
        let read = patience.transfer(if begun { limit } else { START }, || channel.read(&mut piece));
        match read {
            Ok(Ok(n)) if n > 0 => answer.extend_from_slice(piece.get(..n).unwrap_or_default()),
            Ok(_) => break,
            Err(CopyFault::Link { .. }) if !begun => break,
            Err(fault) => return Err(fault),
        }
    }
    // The answer is what counts; a node that does not close the channel is no reason to fail.
    let _ = patience.last_call(|| channel.close());
    Ok(parse(&answer, paths.len()))
}

/// Starting a program costs more than a small file, so one is started for many. Every answer is one line as long
/// as no name is printed that breaks a line or is escaped; such a file is given as standard input instead.
fn script(paths: &[PathBuf]) -> Vec<u8> {
    let mut script = PROLOGUE.as_bytes().to_vec();
    let mut together = false;
    for path in paths {
        let name = path.as_os_str().as_bytes();
        let plain = !name.iter().any(|byte| matches!(byte, b'\n' | b'\r' | b'\\'));
        if !(plain && together) {
            script.extend_from_slice(b"\nh");
        }
        together = plain;
        script.extend_from_slice(if plain { b" " } else { b" <" });
        // So that no name looks like an option.
        let dot = if name.starts_with(b"/") { &b""[..] } else { b"./" };
        push_quoted(&mut script, &[dot, name].concat());
    }
    script.push(b'\n');
    script
}

/// The program's name and the lines behind it, when the node has got so far. A login script may have printed
/// something first.
fn program(answer: &[u8]) -> Option<(&str, std::str::Lines<'_>)> {
    let text = std::str::from_utf8(answer).ok()?;
    let mut lines = text.lines();
    let name = lines.by_ref().find_map(|line| line.strip_prefix("by "))?;
    Some((name, lines))
}

fn parse(answer: &[u8], count: usize) -> Option<Digests> {
    let (name, lines) = program(answer)?;
    let sums: Option<Vec<Digest>> = lines.map(digest).collect();
    let sums = sums.filter(|sums| sums.len() == count)?;
    Some(Digests { sums, found_by: name.to_owned() })
}

fn digest(line: &str) -> Option<Digest> {
    let hex = line.get(..64)?;
    let mut sum: Digest = [0; 32];
    for (byte, pair) in sum.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_given_so_that_every_answer_is_one_line() {
        let paths = ["/a b", "-n", "/x\ny", "/c", "/it's"].map(PathBuf::from);
        let script = String::from_utf8(script(&paths)).unwrap();
        let calls = script.strip_prefix(PROLOGUE).unwrap();
        assert_eq!(calls, "\nh '/a b' './-n'\nh <'/x\ny'\nh '/c' '/it'\\''s'\n");
    }

    #[test]
    fn answers_of_every_program_are_read() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for line in [format!("{hex}  -"), format!("{hex} *stdin"), hex.to_owned()] {
            let digests = parse(format!("motd\nby x\n{line}\n{line}\n").as_bytes(), 2).unwrap();
            assert_eq!((digests.sums.len(), digests.found_by.as_str()), (2, "x"));
            assert_eq!((digests.sums[0][0], digests.sums[0][31]), (0xe3, 0x55));
        }
        for bad in
            ["", "by x\n", "by x\nfailed\n", "This service allows sftp connections only.\n", "by x\n12  -\n"]
        {
            assert!(parse(bad.as_bytes(), 1).is_none(), "{bad:?}");
        }
        assert!(parse(format!("by x\n{hex}\n").as_bytes(), 2).is_none());
    }
}
