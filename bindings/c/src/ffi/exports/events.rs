//! Events, as they happen or replayed.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use crate::ffi::boundary::boundary;
use crate::ffi::bytes::pabawi_bytes;
use crate::ffi::functions::{Told, pabawi_events_fn};
use crate::ffi::handles::{SESSIONS, STREAMS, pabawi_error, pabawi_events, pabawi_session, pointer};
use crate::ffi::id::pabawi_id;
use crate::ffi::memory::{Out, Text, limit};
use crate::status::{Fault, Own, pabawi_status};

/// Opens a stream of events. What is wanted is one of
/// - `{"execution": {"id": ID, "from": 1, "mode": "slowTheSource"}}`: those of an execution, live or replayed;
/// - `{"submitted": {"request": REQUEST, "mode": …}}`: submits, and tells all that comes of it from the start on;
/// - `{"graph": {"id": ID}}`: those of a run of a graph from now on;
/// - `{"document": {"id": ID, "format": "json" | "ndjson" | "html"}}`: no events, but all that is remembered of an execution as one
///   document, in pieces: each is a text in a list as an event would be.
///
/// With the mode `slowTheSource` a reader that is slow slows the execution down, in the end its nodes; with `gapWhenSlow` it misses
/// events and is told which. `id`, where it is wanted (not NULL), is that of the execution.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_events_open(
    session: *const pabawi_session,
    wanted: *const c_char,
    wanted_len: usize,
    id: *mut pabawi_id,
    events: *mut *mut pabawi_events,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (wanted, id, events, error) =
        unsafe { (Text::new("wanted", wanted, wanted_len), Out::new(id), Out::new(events), Out::new(error)) };
    boundary(error, || {
        events.check("events")?;
        let stream = SESSIONS.get(session.addr())?.events(wanted.required()?)?;
        if id.is_wanted() {
            id.write(stream.execution().into());
        }
        events.write(pointer(STREAMS.add(stream)));
        Ok(())
    })
}

/// The next events, a JSON list of at least one: waits for them, `timeout_ms` milliseconds at most: PABAWI_TIMED_OUT when there are
/// none. 0 only looks, below 0 is without a limit. After the last it is PABAWI_END. Where several threads ask, each event is told
/// to one of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_events_next(
    events: *const pabawi_events,
    timeout_ms: i64,
    batch: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (batch, error) = unsafe { (Out::new(batch), Out::new(error)) };
    boundary(error, || {
        // Events that cannot be handed over must not be taken.
        batch.check("batch")?;
        let told = STREAMS.get(events.addr())?.next(limit(timeout_ms))?;
        batch.write(pabawi_bytes::of(&told.ok_or_else(|| Fault::own(Own::End, "nothing more comes"))?));
        Ok(())
    })
}

/// A file descriptor (eventfd(2)) that is readable while pabawi_events_next would not wait. It is the stream's: it must be neither
/// read nor closed, and is there until the stream is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_events_fd(
    events: *const pabawi_events,
    fd: *mut i32,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (fd, error) = unsafe { (Out::new(fd), Out::new(error)) };
    boundary(error, || {
        fd.check("fd")?;
        fd.write(STREAMS.get(events.addr())?.descriptor()?);
        Ok(())
    })
}

/// Has a function told the events, on a thread of the library, until the last. One function can listen to a stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_events_listen(
    events: *const pabawi_events,
    function: pabawi_events_fn,
    user_data: *mut c_void,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to, and about the function.
    let (told, error) = unsafe { (Told::new("function", function, user_data), Out::new(error)) };
    boundary(error, || {
        let told = told?;
        let stream: Arc<_> = STREAMS.get(events.addr())?;
        stream.listen(move |events| told.events(events))
    })
}

/// Frees a stream: whoever waits for events is told PABAWI_ABORTED. The execution goes on. Nothing happens for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_events_free(events: *mut pabawi_events) -> pabawi_status {
    boundary(Out::none(), || {
        if let Some(stream) = STREAMS.remove(events.addr())? {
            stream.abort();
        }
        Ok(())
    })
}
