//! The kinds of handles as C sees them, and the tables in which they are looked up.

#![allow(non_camel_case_types, reason = "names that C programs see")]

use std::ffi::CString;
use std::ptr;

use crate::config::Config;
use crate::engine::Engine;
use crate::handle::{Kind, Registry};
use crate::operation::Operation;
use crate::session::Session;
use crate::status::{Fault, pabawi_status};
use crate::stream::Stream;
use crate::tables::Completion;

/// Options of an engine, and what is registered with it. One engine is made of it.
pub struct pabawi_config {
    _opaque: [u8; 0],
}

/// The framework, with threads of its own.
pub struct pabawi_engine {
    _opaque: [u8; 0],
}

/// An engine as one user uses it. Every call is made for that user, and the engine's authorizer decides about it.
pub struct pabawi_session {
    _opaque: [u8; 0],
}

/// A call that goes on beside the program.
pub struct pabawi_operation {
    _opaque: [u8; 0],
}

/// A stream of events.
pub struct pabawi_events {
    _opaque: [u8; 0],
}

/// An answer that a function of the program owes.
pub struct pabawi_completion {
    _opaque: [u8; 0],
}

/// Why a call failed.
pub struct pabawi_error {
    _opaque: [u8; 0],
}

/// A failure with its texts as C reads them.
pub(super) struct ErrorTexts {
    pub(super) status: pabawi_status,
    pub(super) kind: CString,
    pub(super) message: CString,
    pub(super) details: CString,
}

impl From<Fault> for ErrorTexts {
    fn from(fault: Fault) -> Self {
        Self {
            status: fault.status,
            kind: c_text(fault.kind),
            message: c_text(fault.message),
            details: c_text(fault.details),
        }
    }
}

/// A text without NUL inside, which would end it for C. JSON has none; messages have none but from others.
fn c_text(text: String) -> CString {
    let text: Vec<u8> = text.into_bytes().into_iter().filter(|byte| *byte != 0).collect();
    CString::new(text).unwrap_or_default()
}

pub(super) static CONFIGS: Registry<Config> = Registry::new(Kind::Config);
pub(super) static ENGINES: Registry<Engine> = Registry::new(Kind::Engine);
pub(super) static SESSIONS: Registry<Session> = Registry::new(Kind::Session);
pub(super) static OPERATIONS: Registry<Operation> = Registry::new(Kind::Operation);
pub(super) static STREAMS: Registry<Stream> = Registry::new(Kind::Events);
pub(super) static COMPLETIONS: Registry<Completion> = Registry::new(Kind::Completion);
pub(super) static ERRORS: Registry<ErrorTexts> = Registry::new(Kind::Error);
pub(super) static BYTES: Registry<[u8]> = Registry::new(Kind::Bytes);

/// A handle as C holds it: a pointer that leads nowhere.
pub(super) fn pointer<T>(handle: usize) -> *mut T {
    ptr::without_provenance_mut(handle)
}
