//! Executions and runs of graphs: submit, wait, look, cancel, run again.

use std::ffi::c_char;
use std::time::Duration;

use pabawi::ExecutionId;
use serde_json::{Map, Value};

use crate::ffi::boundary::boundary;
use crate::ffi::bytes::pabawi_bytes;
use crate::ffi::handles::{SESSIONS, pabawi_error, pabawi_session};
use crate::ffi::id::pabawi_id;
use crate::ffi::memory::{In, Out, Text, limit};
use crate::session::of_execution;
use crate::status::{Fault, pabawi_status};

/// Accepts an execution and tells its id as soon as it is on stable storage; it goes on by itself. The request is a JSON object:
/// `{"action": {"type": "command", "command": "uptime"}, "targets": "web[01-20]"}`; see `ExecutionRequest` in the schemas. Where
/// this fails, nothing was started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_submit(
    session: *const pabawi_session,
    request: *const c_char,
    request_len: usize,
    id: *mut pabawi_id,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (request, id, error) =
        unsafe { (Text::new("request", request, request_len), Out::new(id), Out::new(error)) };
    boundary(error, || started(session, "submit", request.required()?, &id))
}

/// Runs a request to its end, and answers what came of it: `{record, summary}`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_execute(
    session: *const pabawi_session,
    request: *const c_char,
    request_len: usize,
    outcome: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (request, outcome, error) =
        unsafe { (Text::new("request", request, request_len), Out::new(outcome), Out::new(error)) };
    boundary(error, || {
        outcome.check("outcome")?;
        let told = SESSIONS.get(session.addr())?.execute(request.required()?)?;
        outcome.write(pabawi_bytes::of(&told));
        Ok(())
    })
}

/// Waits for the end of an execution, also of one that another process runs, for `timeout_ms` milliseconds at most: PABAWI_TIMED_OUT
/// when it goes on. 0 only looks, below 0 is without a limit. The outcome, where it is wanted (not NULL), is `{record, summary}`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_wait(
    session: *const pabawi_session,
    id: *const pabawi_id,
    timeout_ms: i64,
    outcome: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (id, outcome, error) = unsafe { (In::new(id), Out::new(outcome), Out::new(error)) };
    boundary(error, || ended(session, ("wait", "get"), &id, limit(timeout_ms), &outcome))
}

/// Where an execution stands now: its record, with `status`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_get(
    session: *const pabawi_session,
    id: *const pabawi_id,
    record: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (id, record, error) = unsafe { (In::new(id), Out::new(record), Out::new(error)) };
    boundary(error, || looked(session, "get", &id, &record))
}

/// Ends an execution, or some of its nodes; asking twice is asking once. Options: `{"nodes": […], "kill": true, "graceMs": N}`, or
/// nothing. The receipt, where it is wanted (not NULL), tells what was ordered; what became of it is in the outcomes of the nodes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_cancel(
    session: *const pabawi_session,
    id: *const pabawi_id,
    options: *const c_char,
    options_len: usize,
    receipt: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (id, options, receipt, error) = unsafe {
        (In::new(id), Text::new("options", options, options_len), Out::new(receipt), Out::new(error))
    };
    boundary(error, || {
        let with = with_id(options.parameters()?, id.read_id()?)?;
        let told = SESSIONS.get(session.addr())?.call("cancel", &with, None)?;
        receipt.write_text(&told);
        Ok(())
    })
}

/// Runs an execution again on chosen nodes of it, as a new one. Options: `{"selection": "failed" | "all" | …, "secrets": …}`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_rerun(
    session: *const pabawi_session,
    id: *const pabawi_id,
    options: *const c_char,
    options_len: usize,
    new_id: *mut pabawi_id,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (id, options, new_id, error) = unsafe {
        (In::new(id), Text::new("options", options, options_len), Out::new(new_id), Out::new(error))
    };
    boundary(error, || {
        let with = with_id(options.parameters()?, id.read_id()?)?;
        started(session, "rerun", &with, &new_id)
    })
}

/// Starts a task graph and tells the id of its run; see `TaskGraph` in the schemas.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_graph_run(
    session: *const pabawi_session,
    graph: *const c_char,
    graph_len: usize,
    id: *mut pabawi_id,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (graph, id, error) = unsafe { (Text::new("graph", graph, graph_len), Out::new(id), Out::new(error)) };
    boundary(error, || started(session, "graphs.run", graph.required()?, &id))
}

/// As pabawi_wait, for a run of a graph. The view, where it is wanted (not NULL), has every task with its state.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_graph_wait(
    session: *const pabawi_session,
    id: *const pabawi_id,
    timeout_ms: i64,
    view: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (id, view, error) = unsafe { (In::new(id), Out::new(view), Out::new(error)) };
    boundary(error, || ended(session, ("graphs.wait", "graphs.get"), &id, limit(timeout_ms), &view))
}

/// Where a run of a graph stands now: every task with its state.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_graph_get(
    session: *const pabawi_session,
    id: *const pabawi_id,
    view: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (id, view, error) = unsafe { (In::new(id), Out::new(view), Out::new(error)) };
    boundary(error, || looked(session, "graphs.get", &id, &view))
}

/// Starts something and tells its id.
fn started(session: *const pabawi_session, call: &str, with: &str, id: &Out<pabawi_id>) -> Result<(), Fault> {
    // Nothing may be started whose id cannot be told.
    id.check("id")?;
    let told = SESSIONS.get(session.addr())?.call_for_id(call, with)?;
    id.write(told.into());
    Ok(())
}

/// Waits for the end of something.
fn ended(
    session: *const pabawi_session,
    calls: (&str, &str),
    id: &In<pabawi_id>,
    limit: Option<Duration>,
    outcome: &Out<pabawi_bytes>,
) -> Result<(), Fault> {
    let id = id.read_id()?;
    let told = SESSIONS.get(session.addr())?.wait(calls, id, limit)?;
    outcome.write_text(&told);
    Ok(())
}

/// Looks at something.
fn looked(
    session: *const pabawi_session,
    call: &str,
    id: &In<pabawi_id>,
    answer: &Out<pabawi_bytes>,
) -> Result<(), Fault> {
    answer.check("answer")?;
    let told = SESSIONS.get(session.addr())?.call(call, &of_execution(id.read_id()?), None)?;
    answer.write_text(&told);
    Ok(())
}

/// Parameters with an id beside them.
fn with_id(parameters: &str, id: ExecutionId) -> Result<String, Fault> {
    let mut all: Map<String, Value> = pabawi::json::read(parameters)?;
    all.insert("id".to_owned(), id.to_string().into());
    Ok(Value::Object(all).to_string())
}
