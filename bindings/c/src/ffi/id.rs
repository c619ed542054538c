//! Ids of executions and of runs of graphs as C holds them: [`pabawi_id`].

#![allow(non_camel_case_types, reason = "names that C programs see")]

use std::ffi::{CStr, c_char};

use pabawi::{ExecutionId, ValidationError};

use crate::status::Fault;

/// Bytes of the text of an id, with the 0 at its end.
const LENGTH: usize = 37;

/// The id of an execution or of a run of a graph: a text as in JSON, that may be kept, copied, compared and printed.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct pabawi_id {
    /// The text, with a 0 at its end.
    pub text: [c_char; 37],
}

impl From<ExecutionId> for pabawi_id {
    fn from(id: ExecutionId) -> Self {
        let mut text: [c_char; LENGTH] = [0; LENGTH];
        // The last byte stays 0.
        for (place, byte) in text.iter_mut().take(LENGTH - 1).zip(id.to_string().bytes()) {
            *place = c_char::from_ne_bytes([byte]);
        }
        Self { text }
    }
}

impl pabawi_id {
    pub(super) fn read(self) -> Result<ExecutionId, Fault> {
        let bytes = self.text.map(|byte| byte.to_ne_bytes()[0]);
        let text = CStr::from_bytes_until_nul(&bytes).ok().and_then(|text| text.to_str().ok());
        let id = text.and_then(|text| text.parse().ok());
        id.ok_or_else(|| ValidationError::of("id", "is no id of an execution: it is not a UUID").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_as_it_went() {
        let id: ExecutionId = "01890b5e-7f3a-7cc0-98c2-0f1a2b3c4d5e".parse().unwrap();
        assert_eq!(pabawi_id::from(id).read().unwrap(), id);
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let full = pabawi_id { text: [c_char::from_ne_bytes([b'a']); LENGTH] };
        let empty = pabawi_id { text: [0; LENGTH] };
        for id in [full, empty] {
            assert_eq!(id.read().unwrap_err().kind, "validation");
        }
    }
}
