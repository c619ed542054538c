//! What is known: inventory, targets, facts, the journal, the history, measurements.

use std::ffi::c_char;

use super::calls::answered;
use crate::ffi::boundary::boundary;
use crate::ffi::bytes::pabawi_bytes;
use crate::ffi::handles::{pabawi_error, pabawi_session};
use crate::ffi::memory::{Out, Text};
use crate::status::pabawi_status;

/// What the sources of nodes know: `{nodes, groups, sources, warnings}`. Options: `{"freshness": "cached" | "forced" |
/// {"maxAgeMs": N}}`, or nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_inventory(
    session: *const pabawi_session,
    options: *const c_char,
    options_len: usize,
    answer: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (options, answer, error) =
        unsafe { (Text::new("options", options, options_len), Out::new(answer), Out::new(error)) };
    boundary(error, || answered(session, "inventory", options, &answer))
}

/// The targets that an expression selects now, a list: `{"expression": "web[01-20] & @linux"}`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_resolve(
    session: *const pabawi_session,
    parameters: *const c_char,
    parameters_len: usize,
    answer: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (parameters, answer, error) =
        unsafe { (Text::new("parameters", parameters, parameters_len), Out::new(answer), Out::new(error)) };
    boundary(error, || answered(session, "resolve", parameters, &answer))
}

/// Facts of nodes, merged by priority, a list of `{node, facts, providers, failures}`: `{"targets": EXPRESSION, "freshness": …}`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_facts(
    session: *const pabawi_session,
    parameters: *const c_char,
    parameters_len: usize,
    answer: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (parameters, answer, error) =
        unsafe { (Text::new("parameters", parameters, parameters_len), Out::new(answer), Out::new(error)) };
    boundary(error, || answered(session, "facts", parameters, &answer))
}

/// Executions, newest first: `{items, next}`, by time range, user, target, status and more; see `ExecutionQuery` in the schemas.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_history(
    session: *const pabawi_session,
    query: *const c_char,
    query_len: usize,
    answer: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (query, answer, error) =
        unsafe { (Text::new("query", query, query_len), Out::new(answer), Out::new(error)) };
    boundary(error, || answered(session, "executions", query, &answer))
}

/// Entries of the node journal, newest first: `{items, next}`; see `JournalQuery` in the schemas.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_journal(
    session: *const pabawi_session,
    query: *const c_char,
    query_len: usize,
    answer: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (query, answer, error) =
        unsafe { (Text::new("query", query, query_len), Out::new(answer), Out::new(error)) };
    boundary(error, || answered(session, "journal.query", query, &answer))
}

/// Writes a note about a node into its journal, `{"node": NAME, "text": TEXT}`, and answers the entry.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_journal_note(
    session: *const pabawi_session,
    note: *const c_char,
    note_len: usize,
    answer: *mut pabawi_bytes,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (note, answer, error) =
        unsafe { (Text::new("note", note, note_len), Out::new(answer), Out::new(error)) };
    boundary(error, || answered(session, "journal.note", note, &answer))
}
