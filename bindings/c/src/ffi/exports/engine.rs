//! Engines, and sessions on them.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Engine;
use crate::ffi::boundary::boundary;
use crate::ffi::bytes::pabawi_bytes;
use crate::ffi::handles::{
    CONFIGS, ENGINES, SESSIONS, pabawi_config, pabawi_engine, pabawi_error, pabawi_session, pointer,
};
use crate::ffi::memory::{Out, Text};
use crate::session::Session;
use crate::status::pabawi_status;

/// Opens the database, gets the plugins ready and starts the engine, with threads of its own. Of a configuration one engine is
/// made, also where that fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_engine_new(
    config: *const pabawi_config,
    engine: *mut *mut pabawi_engine,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (engine, error) = unsafe { (Out::new(engine), Out::new(error)) };
    boundary(error, || {
        engine.check("engine")?;
        let config = CONFIGS.get(config.addr())?;
        engine.write(pointer(ENGINES.add(Engine::open(&config)?)));
        Ok(())
    })
}

/// Accepts nothing more, gives what runs `deadline_ms` milliseconds, ends it then, on the nodes too, and closes everything. The
/// report, where it is wanted (not NULL), is a JSON object of what became of the executions. Calls that come later are answered
/// with PABAWI_SHUTTING_DOWN or from what is stored; streams that are open end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_engine_shutdown(
    engine: *const pabawi_engine,
    deadline_ms: u64,
    report: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (report, error) = unsafe { (Out::new(report), Out::new(error)) };
    boundary(error, || {
        let told = ENGINES.get(engine.addr())?.shut_down(Duration::from_millis(deadline_ms))?;
        if report.is_wanted() {
            report.write(pabawi_bytes::of(&told));
        }
        Ok(())
    })
}

/// Frees an engine. Where it was not shut down, it is now, with the deadline 0: what runs is ended, on the nodes too.
///
/// Calls that go on in other threads, operations and streams end with PABAWI_CLOSED, and all that is asked of its sessions is
/// answered so. Each function of the program that was to be called has its last call. This waits until all have returned, 5 s at
/// most, but for the one in which it is called itself; afterwards none is begun to be called. Nothing happens for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_engine_free(engine: *mut pabawi_engine) -> pabawi_status {
    boundary(Out::none(), || {
        if let Some(engine) = ENGINES.remove(engine.addr())? {
            engine.close();
        }
        Ok(())
    })
}

/// An engine as the user of that name uses it. The name is what the authorizer is asked about; whether it is true is for the
/// program to know. Sessions cost little, and one can be used by many threads at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_session_new(
    engine: *const pabawi_engine,
    user: *const c_char,
    user_len: usize,
    session: *mut *mut pabawi_session,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (user, session, error) =
        unsafe { (Text::new("user", user, user_len), Out::new(session), Out::new(error)) };
    boundary(error, || {
        session.check("session")?;
        let made = Session::new(ENGINES.get(engine.addr())?, user.required()?)?;
        session.write(pointer(SESSIONS.add(Arc::new(made))));
        Ok(())
    })
}

/// Frees a session. Calls that go on in other threads are not disturbed. Nothing happens for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_session_free(session: *mut pabawi_session) -> pabawi_status {
    boundary(Out::none(), || SESSIONS.remove(session.addr()).map(drop))
}
