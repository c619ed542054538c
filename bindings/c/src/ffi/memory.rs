//! Memory of the program: [`Text`] is read, [`Out`] is written. What the header asks of its callers is promised when one of them is
//! made; what can be looked at is looked at when it is used.

use std::ffi::c_char;
use std::time::Duration;
use std::{ptr, slice};

use pabawi::ExecutionId;

use super::bytes::pabawi_bytes;
use super::id::pabawi_id;
use crate::status::{Fault, Own};

/// The longest text that is taken, in bytes.
const MOST_TEXT: usize = 64 * 1024 * 1024;

/// A text that the program gave.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    name: &'static str,
    bytes: Result<Option<&'a [u8]>, Own>,
}

impl<'a> Text<'a> {
    /// The text of that argument.
    ///
    /// # Safety
    /// Where `data` is not `NULL` and `len` is possible, `len` bytes from `data` on can be read and do not change for `'a`.
    pub(super) unsafe fn new(name: &'static str, data: *const c_char, len: usize) -> Self {
        let bytes = if data.is_null() {
            if len == 0 { Ok(None) } else { Err(Own::NullPointer) }
        } else if len > MOST_TEXT {
            Err(Own::BadLength)
        } else {
            // SAFETY: by the promise above; the length is below what a slice can have.
            Ok(Some(unsafe { slice::from_raw_parts(data.cast::<u8>(), len) }))
        };
        Self { name, bytes }
    }

    /// The text, which has to be there.
    pub(super) fn required(self) -> Result<&'a str, Fault> {
        self.optional()?.ok_or_else(|| Fault::null(self.name))
    }

    /// The text, or nothing where it is `NULL` with the length 0.
    pub(super) fn optional(self) -> Result<Option<&'a str>, Fault> {
        let name = self.name;
        let bytes = self.bytes.map_err(|own| {
            let what = match own {
                Own::NullPointer => "is NULL, and its length is not 0",
                _ => "has a length that is not possible, or more than 64 MiB",
            };
            Fault::own(own, format!("{name} {what}"))
        })?;
        let text = bytes.map(std::str::from_utf8).transpose();
        text.map_err(|error| {
            Fault::own(Own::BadUtf8, format!("{name} is not UTF-8 from byte {} on", error.valid_up_to()))
        })
    }

    /// Parameters as a JSON object, an empty one where nothing is given.
    pub(super) fn parameters(self) -> Result<&'a str, Fault> {
        Ok(self.optional()?.unwrap_or("{}"))
    }
}

/// A place of the program that something is written to.
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// The place of an argument.
    ///
    /// # Safety
    /// Where it is not `NULL` and aligned, a `T` can be written there, and nobody else reads or writes it meanwhile.
    pub(super) unsafe fn new(place: *mut T) -> Self {
        Self(place)
    }

    /// No place.
    pub(super) fn none() -> Self {
        Self(ptr::null_mut())
    }

    /// Whether it is `NULL`.
    pub(super) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    /// Whether there is a place.
    pub(super) fn is_wanted(&self) -> bool {
        !self.0.is_null() && self.0.is_aligned()
    }

    /// Looks whether it can be written to, before anything is done.
    pub(super) fn check(&self, name: &str) -> Result<(), Fault> {
        if self.0.is_null() {
            return Err(Fault::null(name));
        }
        if self.0.is_aligned() {
            return Ok(());
        }
        Err(Fault::own(Own::BadPointer, format!("{name} is not aligned for what is to be written there")))
    }

    /// Writes it. Nothing happens where there is no place.
    pub(super) fn write(&self, value: T) {
        if self.is_wanted() {
            // SAFETY: by the promise of `new`. What was there is the program's, which has nothing to be dropped.
            unsafe { self.0.write(value) }
        }
    }
}

impl<T: Copy> Out<T> {
    /// What is there.
    pub(super) fn read(&self, name: &str) -> Result<T, Fault> {
        self.check(name)?;
        // SAFETY: by the promise of `new`, and it was just looked whether there is a place; the program has filled it.
        Ok(unsafe { self.0.read() })
    }
}

/// A value that the program has.
pub(super) struct In<T>(*const T);

impl<T: Copy> In<T> {
    /// The value of an argument.
    ///
    /// # Safety
    /// Where it is not `NULL` and aligned, a `T` can be read there.
    pub(super) unsafe fn new(place: *const T) -> Self {
        Self(place)
    }

    /// What is there.
    pub(super) fn read(&self, name: &str) -> Result<T, Fault> {
        if self.0.is_null() {
            return Err(Fault::null(name));
        }
        if !self.0.is_aligned() {
            return Err(Fault::own(Own::BadPointer, format!("{name} is not aligned")));
        }
        // SAFETY: by the promise of `new`, and it was just looked whether there is something.
        Ok(unsafe { self.0.read() })
    }
}

impl Out<pabawi_bytes> {
    /// Hands a text over, where it is wanted.
    pub(super) fn write_text(&self, text: &str) {
        if self.is_wanted() {
            self.write(pabawi_bytes::of(text));
        }
    }
}

impl In<pabawi_id> {
    /// The id that is there.
    pub(super) fn read_id(&self) -> Result<ExecutionId, Fault> {
        self.read("id")?.read()
    }
}

/// How long is waited: milliseconds, below 0 without a limit.
pub(super) fn limit(timeout_ms: i64) -> Option<Duration> {
    u64::try_from(timeout_ms).ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], len: usize) -> Text<'_> {
        // SAFETY: the lengths of these tests are of these bytes, or impossible.
        unsafe { Text::new("it", bytes.as_ptr().cast(), len) }
    }

    /// R9.3, R9.6
    #[test]
    fn a_bad_text_is_told_by_its_name() {
        assert_eq!(text(b"id", 2).required().unwrap(), "id");
        // SAFETY: nothing is read there.
        let nothing = |len| unsafe { Text::new("it", std::ptr::null(), len) };
        assert_eq!(nothing(0).optional().unwrap(), None);
        assert_eq!(nothing(0).parameters().unwrap(), "{}");
        for (text, kind) in [
            (nothing(0), "null_pointer"),
            (nothing(3), "null_pointer"),
            (text(b"id", usize::MAX), "bad_length"),
            (text(b"id", MOST_TEXT + 1), "bad_length"),
            (text(b"i\xff", 2), "bad_utf8"),
        ] {
            let fault = text.required().unwrap_err();
            assert_eq!(fault.kind, kind);
            assert!(fault.message.contains("it "), "{}", fault.message);
        }
    }
}
