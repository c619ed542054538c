//! Answers that are handed over: [`pabawi_bytes`].

#![allow(non_camel_case_types, reason = "names that C programs see")]

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use super::handles::BYTES;
use super::memory::Out;
use crate::status::Fault;

/// A text of the library, which the program has to give back with pabawi_bytes_free. It does not change, and is there until then,
/// also when everything else was freed. An empty one is `{NULL, 0, 0}`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct pabawi_bytes {
    /// UTF-8. One byte 0 follows, which does not count.
    pub data: *const c_char,
    /// Bytes of it.
    pub len: usize,
    /// By which pabawi_bytes_free knows it. Not for anybody else.
    pub owner: usize,
}

impl pabawi_bytes {
    /// None.
    pub(super) const EMPTY: Self = Self { data: ptr::null(), len: 0, owner: 0 };

    /// Hands a text over.
    pub(super) fn of(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len().saturating_add(1));
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        let bytes: Arc<[u8]> = bytes.into();
        let data = bytes.as_ptr().cast();
        Self { data, len: text.len(), owner: BYTES.add(bytes) }
    }
}

/// Takes a text back and leaves an empty one.
pub(super) fn free(place: &Out<pabawi_bytes>) -> Result<(), Fault> {
    let owner = place.read("bytes")?.owner;
    BYTES.remove(owner)?;
    place.write(pabawi_bytes::EMPTY);
    Ok(())
}
