//! The library itself: its versions, the words of numbers, what was not freed.

use std::ffi::{CStr, c_char};

use crate::ffi::boundary::{boundary, or_nothing};
use crate::ffi::bytes::{self, pabawi_bytes};
use crate::ffi::handles::pabawi_error;
use crate::ffi::memory::Out;
use crate::handle::open_handles;
use crate::status::{pabawi_status, word_of};

/// The number of the interface of this header. It goes up when a program that was compiled with an older header cannot use the
/// library any more, and the SONAME with it. Functions, constants and fields at the end of tables of functions may come without.
pub const PABAWI_ABI_VERSION: u32 = 1;

/// The version, with a 0 at its end.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// PABAWI_ABI_VERSION of the library that is loaded. A program that finds another number than that of its header must not go on.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_abi_version() -> u32 {
    PABAWI_ABI_VERSION
}

/// The version of the library: "0.1.0". The text is there for ever.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_version() -> *const c_char {
    CStr::from_bytes_with_nul(VERSION.as_bytes()).unwrap_or_default().as_ptr()
}

/// The word of a status: "ok", "validation", "timed_out"; "unknown" for a number that this library does not know. The text is there
/// for ever.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_status_name(status: pabawi_status) -> *const c_char {
    or_nothing(c"unknown".as_ptr(), || word_of(status).as_ptr())
}

/// How many handles and texts this process has been given and has not freed, of all kinds. For tests of a program.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_open_handles() -> usize {
    open_handles()
}

/// The JSON Schemas (draft 2020-12) of all that crosses: `{calls: {NAME: {request, answer}}, requests, answers}`. References of
/// requests lead into `requests`, those of answers into `answers`; `requests.FrameworkOptions` is what pabawi_config_new takes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_schemas(
    schemas: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (schemas, error) = unsafe { (Out::new(schemas), Out::new(error)) };
    boundary(error, || {
        schemas.check("schemas")?;
        schemas.write(pabawi_bytes::of(&pabawi::json::schemas().to_string()));
        Ok(())
    })
}

/// Gives a text back and makes it an empty one, of which nothing has to be given back. A copy of a text is not a text of its own:
/// giving back both is PABAWI_BAD_HANDLE for the second.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_bytes_free(bytes: *mut pabawi_bytes) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let bytes = unsafe { Out::new(bytes) };
    boundary(Out::none(), || if bytes.is_null() { Ok(()) } else { bytes::free(&bytes) })
}

/// Panics within the border, so that a test in C can see what becomes of it. Only in builds for tests, and not in the header.
#[cfg(debug_assertions)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_test_panic(error: *mut *mut pabawi_error) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let error = unsafe { Out::new(error) };
    // As a panic, but without the line on standard error.
    boundary(error, || std::panic::resume_unwind(Box::new("on purpose")))
}
