//! How a command is brought to a node so that it can be ended there: [`wrap`].
//!
//! The command line that SSH carries is constant; environment, directory and command travel over standard input
//! as a preamble, so that no `ps` on the node shows them while they are set up, no `AcceptEnv` is needed and no
//! length limit of an argument is met. A small POSIX shell program (`BODY`) reads the preamble, tells its process
//! group on standard error (the header), and, with a lifeline, leaves a watcher behind that ends the group when
//! standard input ends. Only text is made here.
//!
//! What `BODY` holds to, found by trying it on bash, dash, fish, tcsh, zsh, mksh and busybox as login shells: no
//! single quote, no newline, no `!` (tcsh), and `setsid` where the server made no process group (Dropbear).

use super::quote::{push_export, push_quoted};

/// Where a process gets its standard input from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// `/dev/null`; the channel's input is the lifeline.
    Lifeline,
    /// `/dev/null`; the end of the channel's input means nothing.
    Nothing,
    /// What follows the preamble.
    Stream,
    /// The terminal that the channel has.
    Terminal,
}

impl Input {
    fn letter(self) -> &'static str {
        match self {
            Self::Lifeline => "L",
            Self::Nothing => "N",
            Self::Stream => "S",
            Self::Terminal => "T",
        }
    }
}

/// What is to be run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Program<'a> {
    /// A command line for `$SHELL -c`.
    CommandLine(&'a str),
    /// The bytes after the preamble, run by this interpreter (a shell's words, quoted here).
    Script {
        /// Length of the script in bytes.
        size: usize,
        /// The interpreter and its own argument, before the file; empty means that the file is a program.
        interpreter: &'a [Vec<u8>],
        /// Arguments after the file.
        arguments: &'a [String],
    },
    /// A command line that is too long for one argument: the bytes after the preamble, run by `$SHELL`.
    LongCommandLine {
        /// Length of the command line in bytes.
        size: usize,
    },
    /// Text of ours for the shell that reads the preamble.
    Own(&'a str),
    /// Text of ours that starts a detached command. Part of it may be secret.
    Starter {
        /// The text.
        text: &'a [u8],
        /// Length of the script after the preamble in bytes; 0 without one.
        size: usize,
    },
}

/// Everything that is set before the program starts. Some of it may be secret, so it cannot be shown.
#[derive(Clone, Copy)]
pub(crate) struct WrapSpec<'a> {
    /// Unique and not to be guessed; letters and digits only.
    pub(crate) nonce: &'a str,
    /// What is to be run.
    pub(crate) program: Program<'a>,
    /// Where it reads from.
    pub(crate) input: Input,
    /// Variables; names were checked by the domain, and one that is not a name is left out.
    pub(crate) env: &'a [(&'a str, &'a [u8])],
    /// Directory to enter. `~` and `~/...` mean the home directory.
    pub(crate) cwd: Option<&'a str>,
    /// File mode creation mask.
    pub(crate) umask: Option<u32>,
}

/// A command as it travels. It holds the variables, so it cannot be shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Wrapped {
    /// The words after `/bin/sh`: options and arguments, quoted for any login shell.
    pub(crate) shell_words: String,
    /// What is written to standard input first, up to and with the end mark.
    pub(crate) preamble: Vec<u8>,
}

/// The variable by which processes of a run are found again on the node.
pub(crate) const RUN_VARIABLE: &str = "PABAWI_RUN";

/// Exit status of the wrapper when it could not start the program.
pub(crate) const WRAPPER_FAILED: i32 = 125;

/// The mark that ends the preamble and begins the header and error lines.
pub(crate) fn mark(nonce: &str) -> String {
    format!("PABAWI-{nonce}")
}

// $0 this text, $1 the mark, $2 the script's size, $3 the input letter.
//
// The watcher: it waits for a line or the end of fd 3. Where `setsid` exists it leaves the group it is to end, so
// that it can see when that group is gone and goes at once itself.
const BODY: &str = concat!(
    // A process group of our own, or the group cannot be ended. _EFX guards against doing it twice.
    r#"kill -0 -$$ 2>/dev/null || [ -n "$_EFX" ] || { command -v setsid >/dev/null 2>&1 && "#,
    r#"{ _EFX=1; export _EFX; exec setsid /bin/sh -c "$0" "$0" "$@"; }; }; unset _EFX; "#,
    r#"echo "$1 $$" >&2; "#,
    // Preamble. Without its end mark nothing is run: half a command line is another command line.
    r#"e=; k=; n=${IFS#??}; n=${n%"${n#?}"}; while IFS= read -r l; do "#,
    r#"[ "$l" = "$1" ] && { k=1; break; }; e=$e$l$n; done; [ -n "$k" ] || exit 125; "#,
    // Script: kept by an open descriptor only, so that it is gone however the run ends. It is counted, because half a
    // script is another script too.
    r#"[ "$2" = 0 ] || { f=$(umask 077; mktemp "${TMPDIR:-/tmp}/pabawi.XXXXXXXXXX") && head -c "$2" >"$f" && "#,
    r#"[ $(wc -c <"$f") -eq "$2" ] && chmod 700 "$f" && exec 9<"$f" && rm -f "$f" && [ -r /dev/fd/9 ] || "#,
    r#"{ rm -f "$f"; echo "$1 E script" >&2; exit 125; }; }; "#,
    r#"case $3 in "#,
    r#"L) exec 3<&0 </dev/null; ( (trap "" 1 2 15; exec >/dev/null 2>&1 9<&-; read -r k <&3; kill -0 $$ || exit; "#,
    r#"command -v setsid && exec setsid /bin/sh -c "kill -15 -\$1 || kill -15 \$1; i=0; "#,
    r#"while [ \$i -lt \$2 ] && kill -0 -\$1; do sleep 0.1 || { sleep 1; i=\$((i+9)); }; i=\$((i+1)); done; "#,
    r#"kill -9 -\$1 || kill -9 \$1" pabawi $$ ${k:-5}0; "#,
    r#"kill -15 -$$ || kill -15 $$; sleep ${k:-5}; kill -9 -$$ || kill -9 $$) & ); exec 3<&-;; "#,
    r#"N) exec </dev/null;; "#,
    // What is typed before this line would be taken as text, the end of input too.
    r#"T) stty sane 2>/dev/null; echo "$1 R" >&2;; "#,
    r#"esac; eval "$e""#,
);

/// Makes the text for a node.
pub(crate) fn wrap(spec: &WrapSpec<'_>) -> Wrapped {
    let mark = mark(spec.nonce);
    let size = match spec.program {
        Program::Script { size, .. } | Program::LongCommandLine { size } | Program::Starter { size, .. } => {
            size
        }
        Program::CommandLine(_) | Program::Own(_) => 0,
    };
    let shell_words = format!("-c '{BODY}' '{BODY}' {mark} {size} {}", spec.input.letter());

    let mut preamble = Vec::with_capacity(512);
    if !matches!(spec.program, Program::Own(_) | Program::Starter { .. }) {
        // The name is a constant that is a variable name.
        let _ = push_export(&mut preamble, RUN_VARIABLE, spec.nonce.as_bytes());
    }
    for (name, value) in spec.env {
        let _ = push_export(&mut preamble, name, value);
    }
    if let Some(umask) = spec.umask {
        preamble.extend_from_slice(format!("umask {umask:04o}\n").as_bytes());
    }
    if let Some(cwd) = spec.cwd {
        push_cd(&mut preamble, cwd);
    }
    push_program(&mut preamble, spec.program);
    preamble.push(b'\n');
    preamble.extend_from_slice(mark.as_bytes());
    preamble.push(b'\n');
    Wrapped { shell_words, preamble }
}

/// Appends the command that becomes the program.
pub(super) fn push_program(text: &mut Vec<u8>, program: Program<'_>) {
    // An account without login shell can still be run as; `$SHELL` then says nologin or false.
    let shell = b"case ${SHELL-} in ''|*/nologin|*/false) SHELL=/bin/sh;; esac\nexec \"$SHELL\" ";
    match program {
        Program::CommandLine(command) => {
            text.extend_from_slice(shell);
            text.extend_from_slice(b"-c ");
            push_quoted(text, command.as_bytes());
        }
        Program::LongCommandLine { .. } => {
            text.extend_from_slice(shell);
            text.extend_from_slice(b"/dev/fd/9");
        }
        Program::Script { interpreter, arguments, .. } => {
            text.extend_from_slice(b"exec");
            for word in interpreter {
                text.push(b' ');
                push_quoted(text, word);
            }
            text.extend_from_slice(b" /dev/fd/9");
            for argument in arguments {
                text.push(b' ');
                push_quoted(text, argument.as_bytes());
            }
        }
        Program::Own(own) => text.extend_from_slice(own.as_bytes()),
        Program::Starter { text: own, .. } => text.extend_from_slice(own),
    }
}

fn push_cd(preamble: &mut Vec<u8>, cwd: &str) {
    push_cd_words(preamble, cwd);
    preamble.extend_from_slice(b" >/dev/null || { echo \"$1 E cwd\" >&2; exit 125; }\n");
}

/// Appends the command that enters a directory.
pub(super) fn push_cd_words(preamble: &mut Vec<u8>, cwd: &str) {
    preamble.extend_from_slice(b"CDPATH= cd -- ");
    match cwd {
        "~" => preamble.extend_from_slice(b"\"$HOME\""),
        // A lone dash would mean the directory before.
        "-" => preamble.extend_from_slice(b"./-"),
        _ => match cwd.strip_prefix("~/") {
            Some(rest) => {
                preamble.extend_from_slice(b"\"$HOME\"/");
                push_quoted(preamble, rest.as_bytes());
            }
            None => push_quoted(preamble, cwd.as_bytes()),
        },
    }
}

/// What runs a script, from its first line as Linux's execve(2) reads it: the program and at most one argument.
/// Without `#!` it is `/bin/sh`, except that a compiled program runs itself.
pub(crate) fn interpreter_of(script: &[u8]) -> Vec<Vec<u8>> {
    if script.starts_with(b"\x7fELF") {
        return Vec::new();
    }
    let line = script.strip_prefix(b"#!").and_then(|rest| rest.split(|byte| *byte == b'\n').next());
    let line = line.map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let Some(line) = line else { return vec![b"/bin/sh".to_vec()] };
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    match line.iter().position(blank) {
        Some(at) => {
            let (program, argument) = line.split_at(at);
            vec![program.to_vec(), argument.trim_ascii().to_vec()]
        }
        None => vec![line.to_vec()],
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};

    use super::*;

    fn spec<'a>(program: Program<'a>, input: Input) -> WrapSpec<'a> {
        WrapSpec { nonce: "n0nce", program, input, env: &[], cwd: None, umask: None }
    }

    /// Runs a wrapped program in this machine's shell, with `input` after the preamble.
    fn run(wrapped: &Wrapped, input: &[u8]) -> (String, String, Option<i32>) {
        let mut child = Command::new("/bin/sh")
            .args(["-c", &format!("exec /bin/sh {}", wrapped.shell_words)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&wrapped.preamble).unwrap();
        stdin.write_all(input).unwrap();
        let (mut out, mut err) = (String::new(), String::new());
        if !wrapped.shell_words.ends_with('L') {
            drop(stdin);
        }
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (out, err, child.wait().unwrap().code())
    }

    #[test]
    fn the_body_holds_nothing_that_login_shells_trip_over() {
        for bad in ['\'', '\n', '!'] {
            assert!(!BODY.contains(bad), "{bad:?}");
        }
    }

    #[test]
    fn header_environment_directory_and_mask_come_before_the_command() {
        let value = b"quote ' dollar $HOME back\\slash\nline !".as_slice();
        let env = [("VALUE", value)];
        let wrapped = wrap(&WrapSpec {
            env: &env,
            cwd: Some("/"),
            umask: Some(0o027),
            ..spec(Program::CommandLine("printf '%s|' \"$VALUE\"; pwd; umask; exit 7"), Input::Lifeline)
        });
        let (out, err, code) = run(&wrapped, b"");
        assert_eq!(out, format!("{}|/\n0027\n", String::from_utf8_lossy(value)));
        assert!(err.starts_with("PABAWI-n0nce "), "{err}");
        assert_eq!(err.lines().count(), 1);
        assert_eq!(code, Some(7));
    }

    #[test]
    fn a_command_line_cut_in_the_middle_is_never_run() {
        let wrapped = wrap(&spec(Program::CommandLine("echo ran"), Input::Lifeline));
        for cut in [1, wrapped.preamble.len() / 2, wrapped.preamble.len() - 2] {
            let mut cut_short = wrapped.clone();
            cut_short.preamble.truncate(cut);
            cut_short.shell_words.pop();
            cut_short.shell_words.push('N');
            let (out, _, code) = run(&cut_short, b"");
            assert_eq!((out.as_str(), code), ("", Some(WRAPPER_FAILED)), "cut at {cut}");
        }
    }

    #[test]
    fn a_script_cut_in_the_middle_is_never_run() {
        let script = b"echo ran\n# and more\n";
        let interpreter = interpreter_of(script);
        let program = Program::Script { size: script.len(), interpreter: &interpreter, arguments: &[] };
        for program in [program, Program::LongCommandLine { size: script.len() }] {
            for input in [Input::Nothing, Input::Stream] {
                let wrapped = wrap(&spec(program, input));
                for cut in [0, 9, script.len() - 1] {
                    let (out, err, code) = run(&wrapped, &script[..cut]);
                    assert_eq!((out.as_str(), code), ("", Some(WRAPPER_FAILED)), "{input:?} cut at {cut}");
                    assert!(err.contains("PABAWI-n0nce E script"), "{err}");
                }
                assert_eq!(run(&wrapped, script).0, "ran\n", "{input:?}");
            }
        }
    }

    #[test]
    fn a_script_comes_byte_for_byte_and_reads_the_input_after_it() {
        let script = b"#!/bin/sh\ncat; echo \"$1|$2\"; ls -l /dev/fd/9 | sed 's/.*pabawi/pabawi/'";
        let interpreter = interpreter_of(script);
        let arguments = vec!["a b".to_owned(), "c'd".to_owned()];
        let program =
            Program::Script { size: script.len(), interpreter: &interpreter, arguments: &arguments };
        let wrapped = wrap(&spec(program, Input::Stream));
        let (out, _, code) = run(&wrapped, &[script.as_slice(), b"own input\n"].concat());
        assert!(out.starts_with("own input\na b|c'd\n"), "{out}");
        assert!(out.contains("(deleted)"), "the file must be gone before the script runs: {out}");
        assert_eq!(code, Some(0));
    }

    #[test]
    fn a_missing_directory_is_told_by_a_line_of_ours() {
        let wrapped = wrap(&WrapSpec {
            cwd: Some("/no/such"),
            ..spec(Program::CommandLine("echo ran"), Input::Nothing)
        });
        let (out, err, code) = run(&wrapped, b"");
        assert_eq!((out.as_str(), code), ("", Some(WRAPPER_FAILED)));
        assert!(err.contains("PABAWI-n0nce E cwd"), "{err}");
    }

    #[test]
    fn interpreters_are_read_as_the_kernel_does() {
        let words = |script: &[u8]| {
            let words = interpreter_of(script);
            words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(words(b"#!/bin/bash\n"), ["/bin/bash"]);
        assert_eq!(words(b"#! /usr/bin/env python3 -u\nx"), ["/usr/bin/env", "python3 -u"]);
        assert_eq!(words(b"echo hi"), ["/bin/sh"]);
        assert_eq!(words(b"#!\n"), ["/bin/sh"]);
        assert!(words(b"\x7fELF\x02").is_empty());
    }
}
