//! An answer that a function of the program owes: [`Completion`], which is the program's, and [`Pending`], which is whose who waits.
//! It is given once, by any thread, also long after the function has returned and when nobody waits any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pabawi::{ErrorCode, ValidationError};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::status::{Fault, Own, pabawi_status};
use crate::waiting::may_wait;
use crate::wakeup::Wakeup;

/// Pieces of lines that wait for whoever reads them.
const PIECES: usize = 16;
/// Bytes of a piece.
const PIECE: usize = 256 * 1024;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// JSON in one line; of an action, lines about its nodes.
    Done(String),
    /// It could not be done.
    Failed(ErrorCode, String),
}

/// What is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owed {
    /// A JSON value.
    Answer,
    /// Lines about the nodes of an action, also before the end.
    Lines,
}

/// Owes an answer. Dropped without one, it is told as a failure.
pub(crate) struct Completion {
    answer: Mutex<Option<oneshot::Sender<Answer>>>,
    /// Where lines go before the end.
    lines: Option<mpsc::Sender<String>>,
    /// Held while lines are told, which may wait: those of two threads do not mix.
    telling: Mutex<()>,
    wanted: Arc<Wanted>,
}

/// Waits for an answer. Dropped, the answer is not wanted any more.
pub(super) struct Pending {
    pub(super) answer: oneshot::Receiver<Answer>,
    pub(super) lines: Option<mpsc::Receiver<String>>,
    wanted: Arc<Wanted>,
}

/// Whether somebody wants the answer.
#[derive(Default)]
struct Wanted {
    is_over: AtomicBool,
    wakeup: Wakeup,
}

impl Wanted {
    fn give_up(&self) {
        self.is_over.store(true, Ordering::Release);
        self.wakeup.set(true);
    }
}

/// Both ends.
pub(super) fn owed(what: Owed) -> (Arc<Completion>, Pending) {
    let (sender, answer) = oneshot::channel();
    let (lines, read) = match what {
        Owed::Answer => (None, None),
        Owed::Lines => {
            let (lines, read) = mpsc::channel(PIECES);
            (Some(lines), Some(read))
        }
    };
    let wanted = Arc::new(Wanted::default());
    let completion = Completion {
        answer: Mutex::new(Some(sender)),
        lines,
        telling: Mutex::default(),
        wanted: Arc::clone(&wanted),
    };
    (Arc::new(completion), Pending { answer, lines: read, wanted })
}

impl Completion {
    /// Gives the answer.
    pub(crate) fn finish(&self, answer: Option<&str>) -> Result<(), Fault> {
        let answer = match (&self.lines, answer) {
            (Some(_), lines) => lines.unwrap_or_default().to_owned(),
            (None, None) => Value::Null.to_string(),
            // In one line.
            (None, Some(json)) => serde_json::from_str::<Value>(json)
                .map_err(|error| ValidationError::of("answer", format!("is no JSON: {error}")))?
                .to_string(),
        };
        self.end(Answer::Done(answer))
    }

    /// Says that it could not be done.
    pub(crate) fn fail(&self, code: pabawi_status, message: &str) -> Result<(), Fault> {
        let Some(code) = ErrorCode::ALL.iter().find(|known| known.number() == code) else {
            let text =
                format!("{code} is no failure of the framework; take PABAWI_PLUGIN_FAULT if no other fits");
            return Err(ValidationError::of("code", text).into());
        };
        if message.trim().is_empty() {
            return Err(ValidationError::of("message", "is empty; say what happened").into());
        }
        self.end(Answer::Failed(*code, message.to_owned()))
    }

    /// Tells lines about nodes of an action before its end. Waits while those who read have not read what is there.
    pub(crate) fn tell(&self, lines: &str) -> Result<(), Fault> {
        let Some(sender) = &self.lines else {
            let text = "nothing can be told before the answer here; only run takes lines about nodes";
            return Err(ValidationError::of("lines", text).into());
        };
        may_wait()?;
        let _telling = lock(&self.telling);
        if lock(&self.answer).is_none() {
            return Err(already());
        }
        let mut rest = lines.trim_end_matches('\n');
        // Each turn sends a piece of it.
        while !rest.is_empty() {
            let (piece, left) = rest.split_at(rest.floor_char_boundary(PIECE));
            let end = if left.is_empty() { "\n" } else { "" };
            sender.blocking_send(format!("{piece}{end}")).map_err(|_| unwanted())?;
            rest = left;
        }
        Ok(())
    }

    /// Whether somebody waits for the answer.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.wanted.is_over.load(Ordering::Acquire)
    }

    /// A file descriptor that becomes readable when nobody waits any more.
    pub(crate) fn descriptor(&self) -> Result<i32, Fault> {
        self.wanted.wakeup.descriptor()
    }

    /// No answer will come, if none has.
    pub(crate) fn give_back(&self) {
        lock(&self.answer).take();
    }

    fn end(&self, answer: Answer) -> Result<(), Fault> {
        let Some(sender) = lock(&self.answer).take() else { return Err(already()) };
        // Looked at before: whoever has the answer may let go of the question at once.
        let was_wanted = self.is_wanted();
        if sender.send(answer).is_ok() && was_wanted { Ok(()) } else { Err(unwanted()) }
    }
}

impl Pending {
    /// Whoever works at it is to stop; the answer is still waited for.
    pub(super) fn give_up(&self) {
        self.wanted.give_up();
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.give_up();
    }
}

fn already() -> Fault {
    Fault::own(Own::Already, "the answer was given before")
}

fn unwanted() -> Fault {
    let text =
        "nobody waits for the answer any more: its time was up, it was cancelled, or the engine has ended";
    Fault::own(Own::Aborted, text)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can panic half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(done: Result<(), Fault>) -> String {
        done.err().map(|fault| fault.kind).unwrap_or_default()
    }

    #[test]
    fn an_answer_is_given_once() {
        let (completion, mut pending) = owed(Owed::Answer);
        assert_eq!(kind(completion.finish(Some("{"))), "validation");
        assert_eq!(kind(completion.fail(7, "x")), "validation");
        assert_eq!(kind(completion.fail(148, " ")), "validation");
        assert_eq!(kind(completion.tell("{}")), "validation");
        assert_eq!(kind(completion.finish(Some("{\"a\":\n1}"))), "");
        for again in [completion.finish(None), completion.fail(148, "x")] {
            assert_eq!(kind(again), "already");
        }
        assert_eq!(pending.answer.try_recv(), Ok(Answer::Done("{\"a\":1}".to_owned())));
        let (completion, mut pending) = owed(Owed::Answer);
        assert_eq!(kind(completion.fail(ErrorCode::Dns.number(), "no address")), "");
        assert_eq!(pending.answer.try_recv(), Ok(Answer::Failed(ErrorCode::Dns, "no address".to_owned())));
    }

    #[test]
    fn what_is_not_wanted_any_more_is_told() {
        let (completion, pending) = owed(Owed::Lines);
        assert!(completion.is_wanted());
        drop(pending);
        assert!(!completion.is_wanted());
        assert_eq!(kind(completion.tell("{}")), "aborted");
        assert_eq!(kind(completion.finish(None)), "aborted");
        assert_eq!(kind(completion.finish(None)), "already");
        assert_eq!(kind(completion.tell("{}")), "already");
    }

    #[test]
    fn given_back_without_an_answer_it_is_gone() {
        let (completion, mut pending) = owed(Owed::Answer);
        completion.give_back();
        assert_eq!(pending.answer.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert_eq!(kind(completion.finish(None)), "already");
    }

    #[test]
    fn lines_come_whole_in_pieces() {
        let (completion, mut pending) = owed(Owed::Lines);
        let long = "ä".repeat(PIECE);
        completion.tell(&format!("{long}\n\n")).unwrap();
        completion.tell("b").unwrap();
        completion.tell("").unwrap();
        completion.finish(Some("c")).unwrap();
        let mut lines = pending.lines.take().unwrap();
        let mut all = String::new();
        while let Ok(piece) = lines.try_recv() {
            assert!(piece.len() <= PIECE + 1);
            all.push_str(&piece);
        }
        assert_eq!(all, format!("{long}\nb\n"));
        assert_eq!(pending.answer.try_recv(), Ok(Answer::Done("c".to_owned())));
    }
}
