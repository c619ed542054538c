//! Calls that go on beside the program.

use std::ffi::{c_char, c_void};

use crate::ffi::boundary::boundary;
use crate::ffi::bytes::pabawi_bytes;
use crate::ffi::functions::{Told, pabawi_answer_fn};
use crate::ffi::handles::{OPERATIONS, SESSIONS, pabawi_error, pabawi_operation, pabawi_session, pointer};
use crate::ffi::memory::{Out, Text, limit};
use crate::session::WhenDone;
use crate::status::pabawi_status;

/// Starts a call, as pabawi_call makes it, and does not wait. That it is done is learned by waiting (pabawi_operation_wait), by a
/// file descriptor (pabawi_operation_fd), or by `function`, where it is not NULL; these can be mixed. Where this fails, `function`
/// is not called. `operation` may be NULL where there is a function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_call_start(
    session: *const pabawi_session,
    name: *const c_char,
    name_len: usize,
    parameters: *const c_char,
    parameters_len: usize,
    function: pabawi_answer_fn,
    user_data: *mut c_void,
    operation: *mut *mut pabawi_operation,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to, and about the function.
    let (name, parameters, told, operation, error) = unsafe {
        (
            Text::new("name", name, name_len),
            Text::new("parameters", parameters, parameters_len),
            Told::new("function", function, user_data),
            Out::new(operation),
            Out::new(error),
        )
    };
    boundary(error, || {
        let told = told.ok();
        if told.is_none() {
            operation.check("operation")?;
        }
        let session = SESSIONS.get(session.addr())?;
        let then = told.map(|told| -> WhenDone { Box::new(move |answer| told.answer(answer)) });
        let started = session.start(name.required()?, parameters.parameters()?, then)?;
        if operation.is_wanted() {
            operation.write(pointer(OPERATIONS.add(started)));
        }
        Ok(())
    })
}

/// Waits for the answer, `timeout_ms` milliseconds at most: PABAWI_TIMED_OUT when it is not there. 0 only looks, below 0 is without
/// a limit. Where the call failed, this fails in the same way. It may be asked for again; each time the answer is another text.
/// `answer` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_operation_wait(
    operation: *const pabawi_operation,
    timeout_ms: i64,
    answer: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (answer, error) = unsafe { (Out::new(answer), Out::new(error)) };
    boundary(error, || {
        let told = OPERATIONS.get(operation.addr())?.wait(limit(timeout_ms))?;
        answer.write_text(&told);
        Ok(())
    })
}

/// A file descriptor (eventfd(2)) that is readable once the answer is there, for poll(2), epoll(7) and the like. It is the
/// operation's: it must be neither read nor closed, and is there until the operation is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_operation_fd(
    operation: *const pabawi_operation,
    fd: *mut i32,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (fd, error) = unsafe { (Out::new(fd), Out::new(error)) };
    boundary(error, || {
        fd.check("fd")?;
        fd.write(OPERATIONS.get(operation.addr())?.descriptor()?);
        Ok(())
    })
}

/// Gives a call up: whoever waits for it is told PABAWI_ABORTED, unless the answer is there already. It ends no execution; that is
/// what pabawi_cancel is for.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_operation_abort(operation: *const pabawi_operation) -> pabawi_status {
    boundary(Out::none(), || {
        OPERATIONS.get(operation.addr())?.abort();
        Ok(())
    })
}

/// Frees an operation. The call goes on, and its function is still called. Nothing happens for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_operation_free(operation: *mut pabawi_operation) -> pabawi_status {
    boundary(Out::none(), || OPERATIONS.remove(operation.addr()).map(drop))
}
