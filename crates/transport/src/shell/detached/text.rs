//! What is sent to a node for a detached command: [`start`], [`follow`], [`find`] and [`remove`].
//!
//! Variables may be secret, so they are part of the text that travels over standard input and of no file on the node.
//! Names of spools hold letters, digits, `.`, `_` and `-` only, so they need no quoting. Only text is made here.

use super::super::lifeline::{
    Input, Program, RUN_VARIABLE, WrapSpec, Wrapped, mark, push_cd_words, push_program, wrap,
};
use super::super::quote::{push_export, quote};

const BORN: &str = include_str!("born.sh");
const PLACE: &str = include_str!("place.sh");
const START: &str = include_str!("start.sh");
const SUPERVISE: &str = include_str!("supervise.sh");
const RUN: &str = include_str!("run.sh");
const FOLLOW: &str = include_str!("follow.sh");
const FIND: &str = include_str!("find.sh");
const REMOVE: &str = include_str!("remove.sh");

/// Bytes in a block of `ulimit -f` (POSIX.1-2024, ulimit).
const BLOCK: u64 = 512;

/// Everything about a detached command. Some of it may be secret, so it cannot be shown.
#[derive(Clone, Copy)]
pub(crate) struct StartSpec<'a> {
    /// Unique and not to be guessed; letters and digits only.
    pub(crate) nonce: &'a str,
    /// Name of the spool.
    pub(crate) name: &'a str,
    /// What is to be run.
    pub(crate) program: Program<'a>,
    /// Length of the script after the preamble in bytes; 0 without one.
    pub(crate) size: usize,
    /// Variables; names were checked by the domain, and one that is not a name is left out.
    pub(crate) env: &'a [(&'a str, &'a [u8])],
    /// Directory to enter. `~` and `~/...` mean the home directory.
    pub(crate) cwd: Option<&'a str>,
    /// File mode creation mask.
    pub(crate) umask: Option<u32>,
    /// Bytes that are kept of each output stream.
    pub(crate) limit: u64,
    /// Days after which a spool for which nobody has come is removed.
    pub(crate) days: u64,
}

/// The spool's directory for messages to people; the shell finds the number of the user itself.
pub(crate) fn spool_path(name: &str) -> String {
    format!("/var/tmp/pabawi-UID/{name}")
}

/// Starts a command, once for each name. It says `MARK D new`, `MARK D old` or `MARK D fail why`.
pub(crate) fn start(spec: &StartSpec<'_>) -> Wrapped {
    let mark = mark(spec.nonce);
    let mut run = Vec::with_capacity(1024);
    run.extend_from_slice(BORN.as_bytes());
    run.extend_from_slice(RUN.as_bytes());
    // The name is a constant that is a variable name.
    let _ = push_export(&mut run, RUN_VARIABLE, spec.name.as_bytes());
    if let Some(umask) = spec.umask {
        run.extend_from_slice(format!("umask {umask:04o}\n").as_bytes());
    }
    push_program(&mut run, spec.program);

    let mut exports = Vec::new();
    for (name, value) in spec.env {
        let _ = push_export(&mut exports, name, value);
    }
    let mut enter = Vec::new();
    if let Some(cwd) = spec.cwd {
        push_cd_words(&mut enter, cwd);
        enter.extend_from_slice(b" >/dev/null || pb_no_directory\n");
    }
    // The age of a file is counted in whole days that have passed, and `+n` means more than n (find(1)).
    let days = spec.days.max(1) - 1;
    let text = [
        BORN.as_bytes().to_vec(),
        place(spec.name),
        fill(
            START,
            &[
                ("NAME", spec.name.as_bytes()),
                ("MARK", mark.as_bytes()),
                ("DAYS", days.to_string().as_bytes()),
                ("CWD", &enter),
                ("RUN", &quote(&run)),
                ("EXPORTS", &exports),
                ("SUPERVISE", &quote(&[BORN, SUPERVISE].concat().into_bytes())),
                ("BLOCKS", spec.limit.div_ceil(BLOCK).to_string().as_bytes()),
            ],
        ),
    ]
    .concat();
    wrap(&WrapSpec {
        nonce: spec.nonce,
        program: Program::Starter { text: &text, size: spec.size },
        input: Input::Nothing,
        env: &[],
        cwd: None,
        umask: None,
    })
}

/// Sends what is in the spool from these offsets on, as frames; see `follow.sh`. The first line, and nothing before it,
/// begins with `word`.
pub(crate) fn follow(name: &str, word: &str, out: u64, err: u64) -> String {
    let follow = fill(
        FOLLOW,
        &[
            ("WORD", word.as_bytes()),
            ("OUT", out.to_string().as_bytes()),
            ("ERR", err.to_string().as_bytes()),
        ],
    );
    ours(name, &follow)
}

/// Says `P pid` of the command's process, `P gone`, or `P void` when none has been started and none ever will be.
pub(crate) fn find(name: &str) -> String {
    ours(name, FIND.as_bytes())
}

/// Removes the spool and says `P removed`.
pub(crate) fn remove(name: &str) -> String {
    ours(name, REMOVE.as_bytes())
}

fn place(name: &str) -> Vec<u8> {
    fill(PLACE, &[("NAME", name.as_bytes())])
}

/// Text without anything of a caller in it, which is ASCII.
fn ours(name: &str, rest: &[u8]) -> String {
    let text = [BORN.as_bytes().to_vec(), place(name), rest.to_vec()].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// Puts values into the places `@NAME@` of a template. What is put in is not looked at again.
fn fill(template: &str, values: &[(&str, &[u8])]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(template.len() * 2);
    let mut rest = template;
    // Ends: each turn takes off at least one byte.
    while let Some((before, after)) = rest.split_once('@') {
        filled.extend_from_slice(before.as_bytes());
        let found = after
            .split_once('@')
            .and_then(|(name, after)| Some((values.iter().find(|(key, _)| *key == name)?, after)));
        match found {
            Some(((_, value), after)) => {
                filled.extend_from_slice(value);
                rest = after;
            }
            None => {
                filled.push(b'@');
                rest = after;
            }
        }
    }
    filled.extend_from_slice(rest.as_bytes());
    filled
}
