//! How the wrapper is started as another user, and how the conversation before it is read: [`command_line`].
//!
//! A password is never part of a command line. It goes over standard input, and only after the program that
//! asks for it has shown its prompt. Only text is made here.

use pabawi_domain::action::{RunAs, RunAsMethod};

use super::lifeline::Wrapped;
use super::quote::quote;

/// The command line for the login shell, with the change of user where one is wanted.
pub(crate) fn command_line(wrapped: &Wrapped, nonce: &str, run_as: Option<&RunAs>) -> String {
    let words = &wrapped.shell_words;
    let Some(run_as) = run_as else { return format!("exec /bin/sh {words}") };
    let user = String::from_utf8_lossy(&quote(run_as.user.as_bytes())).into_owned();
    match run_as.method {
        RunAsMethod::Su => {
            // su(1) gives what follows the user to the shell, after its own `-c`.
            let (body, rest) =
                words.strip_prefix("-c ").and_then(|rest| split_quoted(rest)).unwrap_or((words, ""));
            format!("exec su -s /bin/sh -c {body} {user} {rest}")
        }
        RunAsMethod::Doas if run_as.password.is_some() => format!("exec doas -u {user} -- /bin/sh {words}"),
        RunAsMethod::Doas => format!("exec doas -n -u {user} -- /bin/sh {words}"),
        // The domain may learn of further ways before this file does; sudo is its default.
        _ if run_as.password.is_some() => {
            format!("exec sudo -S -H -p {} -u {user} -- /bin/sh {words}", prompt(nonce))
        }
        _ => format!("exec sudo -n -H -u {user} -- /bin/sh {words}"),
    }
}

/// Whether the way to the other user asks for its password on a terminal only (doas(1) opens `/dev/tty`).
pub(crate) fn needs_terminal(run_as: &RunAs) -> bool {
    run_as.method == RunAsMethod::Doas && run_as.password.is_some()
}

/// The name of the program that changes the user.
pub(crate) fn program(method: RunAsMethod) -> &'static str {
    match method {
        RunAsMethod::Su => "su",
        RunAsMethod::Doas => "doas",
        _ => "sudo",
    }
}

/// How many times a password has been asked for in `text`, which is all that came before the header.
/// `answered` is the length of the text at the time of the last answer.
pub(crate) fn prompts(text: &[u8], answered: usize, nonce: &str, method: RunAsMethod) -> bool {
    let new = text.get(answered..).unwrap_or_default();
    if method == RunAsMethod::Sudo {
        let prompt = prompt(nonce);
        return new.windows(prompt.len()).any(|window| window == prompt.as_bytes());
    }
    // su and doas let PAM write the prompt, in the node's language: text without a newline, ending in a colon.
    let tail = new.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    tail.ends_with(b":")
}

fn prompt(nonce: &str) -> String {
    format!("PABAWI-PASSWORD-{nonce}:")
}

/// Splits `'...' rest` after the first quoted word.
fn split_quoted(text: &str) -> Option<(&str, &str)> {
    let end = text.get(1..)?.find('\'')? + 2;
    Some((text.get(..end)?, text.get(end..)?.trim_start()))
}

#[cfg(test)]
mod tests {
    use pabawi_domain::secret::Secret;

    use super::super::lifeline::{Input, Program, WrapSpec, wrap};
    use super::*;

    fn wrapped() -> Wrapped {
        wrap(&WrapSpec {
            nonce: "n",
            program: Program::CommandLine("id"),
            input: Input::Lifeline,
            env: &[],
            cwd: None,
            umask: None,
        })
    }

    #[test]
    fn no_command_line_holds_the_password_or_the_command() {
        for method in [RunAsMethod::Sudo, RunAsMethod::Su, RunAsMethod::Doas] {
            for password in [None, Some(Secret::new("s3cret"))] {
                let run_as = RunAs { user: "root".into(), method, password };
                let line = command_line(&wrapped(), "n", Some(&run_as));
                assert!(line.starts_with(&format!("exec {} ", program(method))), "{line}");
                assert!(!line.contains("s3cret") && !line.contains("id;"));
                assert!(line.ends_with("PABAWI-n 0 L"), "{line}");
            }
        }
    }

    #[test]
    fn prompts_are_seen_once_each() {
        let text = b"lecture\nPABAWI-PASSWORD-n:";
        assert!(prompts(text, 0, "n", RunAsMethod::Sudo));
        assert!(!prompts(text, text.len(), "n", RunAsMethod::Sudo));
        assert!(prompts(b"Mot de passe : ", 0, "n", RunAsMethod::Su));
        assert!(!prompts(b"Password: \nsorry\n", 10, "n", RunAsMethod::Su));
    }
}
