//! What is known of a failure.

use std::ffi::{CStr, c_char};

use crate::ffi::boundary::{boundary, or_nothing};
use crate::ffi::handles::{ERRORS, ErrorTexts, pabawi_error};
use crate::ffi::memory::Out;
use crate::status::{Own, pabawi_status};

/// The number of the failure; PABAWI_BAD_HANDLE for what is no error.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_error_status(error: *const pabawi_error) -> pabawi_status {
    let none = Own::BadHandle.number();
    or_nothing(none, || ERRORS.get(error.addr()).map_or(none, |error| error.status))
}

/// The word of its kind: "validation", "denied". The text is there until the error is freed; "" for what is no error.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_error_kind(error: *const pabawi_error) -> *const c_char {
    text_of(error, |error| &error.kind)
}

/// The reason, for a person, in English and UTF-8. The text is there until the error is freed; "" for what is no error.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_error_message(error: *const pabawi_error) -> *const c_char {
    text_of(error, |error| &error.message)
}

/// All of it as a JSON object: `code` (the word), `message`, `retryable`, and where there are some `plugin`, `fields` (a list of
/// `{path, message}`, each with the caller's name of what is bad) and `details`. The text is there until the error is freed;
/// "" for what is no error.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_error_json(error: *const pabawi_error) -> *const c_char {
    text_of(error, |error| &error.details)
}

/// Frees an error. Nothing happens for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_error_free(error: *mut pabawi_error) -> pabawi_status {
    boundary(Out::none(), || ERRORS.remove(error.addr()).map(drop))
}

/// A text that stays where it is while the error is not freed.
fn text_of(error: *const pabawi_error, text: impl FnOnce(&ErrorTexts) -> &CStr) -> *const c_char {
    or_nothing(c"".as_ptr(), || ERRORS.get(error.addr()).map_or(c"".as_ptr(), |error| text(&error).as_ptr()))
}
