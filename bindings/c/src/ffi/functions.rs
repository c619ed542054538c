//! Functions of the program that are called, with what they are called with: [`AnswerFunction`], [`EventsFunction`].

#![allow(non_camel_case_types, reason = "names that C programs see")]

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

use super::handles::{ERRORS, pabawi_error, pointer};
use crate::status::{Fault, Own, numbers, pabawi_status};

/// Is told the answer of a call: with PABAWI_OK the answer, else `error`, which is the library's, as are all texts; they are there
/// until the function returns. It is called exactly once, on a thread of the library, and may block and call the library.
pub type pabawi_answer_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: pabawi_status,
        answer: *const c_char,
        answer_len: usize,
        error: *const pabawi_error,
    ),
>;

/// Is told events, a JSON list of at least one, in order and never two calls at once. The last call has no events but the reason
/// of the end: PABAWI_END after the last event, PABAWI_ABORTED when the stream was freed, PABAWI_CLOSED when the engine was, else
/// a failure with `error`. It always comes, and afterwards `user_data` is not used any more. All texts are the library's, and are
/// there until the function returns.
pub type pabawi_events_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: pabawi_status,
        events: *const c_char,
        events_len: usize,
        error: *const pabawi_error,
    ),
>;

/// A function of the program with its data.
type Function = unsafe extern "C" fn(*mut c_void, pabawi_status, *const c_char, usize, *const pabawi_error);

/// A function that is told things, with what it is called with.
pub(super) struct Told {
    function: Function,
    user_data: *mut c_void,
}

// SAFETY: the header asks that the function can be called, and its data used, on threads of the library; it is called on one
// thread at a time.
unsafe impl Send for Told {}

impl Told {
    /// A function that has to be there.
    ///
    /// # Safety
    /// As the header asks: it can be called with that data on any thread until its last call has returned, and does not throw.
    pub(super) unsafe fn new(
        name: &str,
        function: Option<Function>,
        user_data: *mut c_void,
    ) -> Result<Self, Fault> {
        Ok(Self { function: function.ok_or_else(|| Fault::null(name))?, user_data })
    }

    /// Tells an answer.
    pub(super) fn answer(self, answer: Result<Arc<str>, Fault>) {
        self.tell(answer.as_deref().map(Some).map_err(Clone::clone));
    }

    /// Tells events, or that nothing more comes.
    pub(super) fn events(&self, events: Result<Option<String>, Fault>) {
        self.tell(events.as_ref().map(Option::as_deref).map_err(Clone::clone));
    }

    fn tell(&self, what: Result<Option<&str>, Fault>) {
        let (status, text, error) = match what {
            Ok(Some(text)) => (numbers::PABAWI_OK, text, 0),
            Ok(None) => (Own::End.number(), "", 0),
            Err(fault) => (fault.status, "", ERRORS.add(Arc::new(fault.into()))),
        };
        let data = if status == numbers::PABAWI_OK { text.as_ptr().cast() } else { ptr::null() };
        // SAFETY: by the promise of `new`; the text and the error are there until the function returns.
        unsafe { (self.function)(self.user_data, status, data, text.len(), pointer(error)) };
        // It was there; who freed it against the contract is not punished.
        let _ = ERRORS.remove(error);
    }
}
