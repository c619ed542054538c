//! Answers that functions of the program owe.

use std::ffi::c_char;

use crate::ffi::boundary::{boundary, or_nothing};
use crate::ffi::handles::{COMPLETIONS, pabawi_completion, pabawi_error};
use crate::ffi::memory::{Out, Text};
use crate::status::pabawi_status;

/// Tells lines of JSON about nodes of an action (`run` of a plugin) before its end, one or several, with a line break between them.
/// It waits while what was told before is not read yet. PABAWI_ABORTED: nobody reads any more, and the action has to stop.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_completion_tell(
    completion: *const pabawi_completion,
    lines: *const c_char,
    lines_len: usize,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (lines, error) = unsafe { (Text::new("lines", lines, lines_len), Out::new(error)) };
    boundary(error, || COMPLETIONS.get(completion.addr())?.tell(lines.required()?))
}

/// Gives the answer, a JSON value; NULL with the length 0 is `null`. For an action the answer is its last lines, which may be none.
///
/// The second answer to one question is PABAWI_ALREADY, whoever gives it. PABAWI_ABORTED: nobody waits any more, since time was up,
/// it was cancelled, or the engine has ended; nothing has to be done about it. An answer that is no JSON is PABAWI_VALIDATION, and
/// another one can be given. The completion has to be freed after all of these.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_completion_finish(
    completion: *const pabawi_completion,
    answer: *const c_char,
    answer_len: usize,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (answer, error) = unsafe { (Text::new("answer", answer, answer_len), Out::new(error)) };
    boundary(error, || COMPLETIONS.get(completion.addr())?.finish(answer.optional()?))
}

/// Says that it could not be done, and why: `code` is one of the statuses from 100 on, PABAWI_PLUGIN_FAULT where no other fits.
/// Otherwise as pabawi_completion_finish. For an action it is the end of all nodes that have not ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_completion_fail(
    completion: *const pabawi_completion,
    code: pabawi_status,
    message: *const c_char,
    message_len: usize,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (message, error) = unsafe { (Text::new("message", message, message_len), Out::new(error)) };
    boundary(error, || COMPLETIONS.get(completion.addr())?.fail(code, message.required()?))
}

/// 1 while somebody waits for the answer, else 0; 0 for what is no completion. Who works long looks at it now and then, and stops
/// when it is 0.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_completion_is_wanted(completion: *const pabawi_completion) -> i32 {
    or_nothing(0, || COMPLETIONS.get(completion.addr()).is_ok_and(|found| found.is_wanted()).into())
}

/// A file descriptor (eventfd(2)) that becomes readable when nobody waits for the answer any more. It is the completion's: it must be
/// neither read nor closed, and is there until the completion is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_completion_fd(
    completion: *const pabawi_completion,
    fd: *mut i32,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (fd, error) = unsafe { (Out::new(fd), Out::new(error)) };
    boundary(error, || {
        fd.check("fd")?;
        fd.write(COMPLETIONS.get(completion.addr())?.descriptor()?);
        Ok(())
    })
}

/// Frees a completion. Without an answer, the question has failed. Nothing happens for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_completion_free(completion: *mut pabawi_completion) -> pabawi_status {
    boundary(Out::none(), || {
        if let Some(completion) = COMPLETIONS.remove(completion.addr())? {
            completion.give_back();
        }
        Ok(())
    })
}
