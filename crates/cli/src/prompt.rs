//! Questions to the person at the terminal: [`ask_secret`], without echo, and [`ask_yes`].

use std::fs::File;
use std::io::Write as _;

use anyhow::Context as _;
use pabawi::Secret;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::exit::{Exit, Failure};

/// The longest answer, in bytes.
const MAX_ANSWER: usize = 4096;

/// Asks on the controlling terminal, whatever standard input is. The answer is not shown. Ctrl-C and Ctrl-D
/// give up.
///
/// # Errors
/// [`Exit::Usage`] when there is no terminal, [`Exit::Cancelled`] when the person gave up.
pub(crate) fn ask_secret(question: &str) -> Result<Secret, Failure> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty").map_err(|error| {
        Failure::usage(format!("{question}: there is no terminal to ask on ({error}); give it another way"))
    })?;
    terminal.write_all(format!("{question}: ").as_bytes()).context("write to the terminal")?;
    let answer = {
        let silent = Silent::new(&terminal)?;
        read_answer(&mut &silent.terminal)
    };
    terminal.write_all(b"\n").context("write to the terminal")?;
    answer
}

/// Asks a question that is answered with yes or no; everything but yes is no.
///
/// # Errors
/// There is no terminal.
pub(crate) fn ask_yes(question: &str) -> Result<bool, Failure> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty").map_err(|error| {
        Failure::usage(format!("{question} There is no terminal to ask on ({error}); add --yes"))
    })?;
    terminal.write_all(format!("{question} [y/N] ").as_bytes()).context("write to the terminal")?;
    let mut answer = Vec::new();
    let mut byte = [0; 1];
    // Ends with the line, the terminal or the limit.
    while std::io::Read::read(&mut terminal, &mut byte).context("read from the terminal")? == 1 {
        let [byte] = byte;
        if byte == b'\n' || answer.len() >= MAX_ANSWER {
            break;
        }
        answer.push(byte);
    }
    let answer = String::from_utf8_lossy(&answer).trim().to_ascii_lowercase();
    Ok(answer == "y" || answer == "yes")
}

/// A terminal that shows nothing of what is typed; as it was before when this goes.
struct Silent {
    terminal: File,
    before: Termios,
}

impl Silent {
    fn new(terminal: &File) -> anyhow::Result<Self> {
        let terminal = terminal.try_clone().context("open the terminal")?;
        let before = tcgetattr(&terminal).context("read the terminal's settings")?;
        let mut silent = before.clone();
        // Without signals Ctrl-C comes as a byte, so that the terminal is never left silent.
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(&terminal, OptionalActions::Flush, &silent).context("change the terminal's settings")?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; the terminal is gone then.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

fn read_answer(terminal: &mut impl std::io::Read) -> Result<Secret, Failure> {
    let mut answer = Vec::new();
    let mut byte = [0; 1];
    // Ends with the line, the terminal or the limit.
    while terminal.read(&mut byte).context("read from the terminal")? == 1 {
        let [byte] = byte;
        match byte {
            b'\n' | b'\r' => return Ok(Secret::new(answer)),
            // Ctrl-C; Ctrl-D on an empty line.
            0x03 => return Err(given_up()),
            0x04 if answer.is_empty() => return Err(given_up()),
            0x04 => return Ok(Secret::new(answer)),
            // Backspace, delete.
            0x08 | 0x7f => {
                // A character of UTF-8 goes whole: its continuation bytes first.
                while answer.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            // Ctrl-U.
            0x15 => answer.clear(),
            byte if answer.len() < MAX_ANSWER => answer.push(byte),
            _ => return Err(Failure::usage(format!("the answer is longer than {MAX_ANSWER} bytes"))),
        }
    }
    if answer.is_empty() { Err(given_up()) } else { Ok(Secret::new(answer)) }
}

fn given_up() -> Failure {
    Failure { exit: Exit::Cancelled, message: "given up at the question; nothing was started".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(typed: &[u8]) -> Result<Vec<u8>, Failure> {
        read_answer(&mut &*typed).map(|secret| secret.expose().to_vec())
    }

    #[test]
    fn an_answer_is_a_line_with_its_corrections() {
        assert_eq!(answer(b"secret\n").unwrap(), b"secret");
        assert_eq!(answer(b"wrong\x15se\x7fecret\r").unwrap(), b"secret");
        assert_eq!(answer("aé\x7fb\n".as_bytes()).unwrap(), b"ab");
        assert_eq!(answer(b"\n").unwrap(), b"");
        assert_eq!(answer(b"se\x03").unwrap_err().exit, Exit::Cancelled);
        assert!(answer(b"\x04").is_err());
        assert!(answer(b"").is_err());
        assert!(answer(&[b'x'; MAX_ANSWER + 1]).is_err());
    }
}
