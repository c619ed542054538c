//! Every call by its name, waited for.

use std::ffi::c_char;

use crate::ffi::boundary::boundary;
use crate::ffi::bytes::pabawi_bytes;
use crate::ffi::handles::{SESSIONS, pabawi_error, pabawi_session};
use crate::ffi::memory::{Out, Text};
use crate::status::{Fault, pabawi_status};

/// Makes a call by its name and waits for its answer, a JSON value. The names, with what each takes and answers, stand in
/// pabawi_schemas; the functions below this one are the same for those that are wanted most. Parameters are a JSON object; NULL
/// with the length 0 is an empty one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_call(
    session: *const pabawi_session,
    name: *const c_char,
    name_len: usize,
    parameters: *const c_char,
    parameters_len: usize,
    answer: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (name, parameters, answer, error) = unsafe {
        let name = Text::new("name", name, name_len);
        (name, Text::new("parameters", parameters, parameters_len), Out::new(answer), Out::new(error))
    };
    boundary(error, || answered(session, name.required()?, parameters, &answer))
}

/// Makes a call whose answer is wanted.
pub(super) fn answered(
    session: *const pabawi_session,
    name: &str,
    parameters: Text<'_>,
    answer: &Out<pabawi_bytes>,
) -> Result<(), Fault> {
    answer.check("answer")?;
    let told = SESSIONS.get(session.addr())?.call(name, parameters.parameters()?, None)?;
    answer.write(pabawi_bytes::of(&told));
    Ok(())
}
