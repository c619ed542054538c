//! Opaque cursors: [`Cursor`] holds where a page ended and a fingerprint of the question it belongs to.
//!
//! A cursor carries no right to anything; the check value only tells a damaged one, or one of another
//! question, from a good one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pabawi_domain::ports::StoreError;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Version 1: position, second position, fingerprint, check value.
const VERSION: u8 = 1;
const LENGTH: usize = 1 + 8 + 8 + 8 + 4;

/// Where a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The last item's place in the order.
    pub(crate) at: i64,
    /// Tells items of the same place apart, where the order needs it.
    pub(crate) tie: i64,
    /// Of the question.
    pub(crate) fingerprint: u64,
}

impl Cursor {
    /// The text that a caller gets.
    pub(crate) fn encode(self) -> String {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.at.to_be_bytes());
        bytes.extend_from_slice(&self.tie.to_be_bytes());
        bytes.extend_from_slice(&self.fingerprint.to_be_bytes());
        let check = check_value(&bytes);
        bytes.extend_from_slice(&check);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a caller's text back and sees that it belongs to this question.
    pub(crate) fn decode(text: &str, fingerprint: u64) -> Result<Self, StoreError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| StoreError::BadCursor)?;
        let bytes: [u8; LENGTH] = bytes.try_into().map_err(|_| StoreError::BadCursor)?;
        let (content, check) = bytes.split_at(LENGTH - 4);
        let (version, numbers) = content.split_at(1);
        if check != check_value(content) || version != [VERSION] {
            return Err(StoreError::BadCursor);
        }
        let mut numbers = numbers.chunks_exact(8).map(|number| {
            let mut bytes = [0u8; 8];
            bytes.copy_from_slice(number);
            bytes
        });
        let (Some(at), Some(tie), Some(asked)) = (numbers.next(), numbers.next(), numbers.next()) else {
            return Err(StoreError::BadCursor);
        };
        if u64::from_be_bytes(asked) != fingerprint {
            return Err(StoreError::BadCursor);
        }
        Ok(Self { at: i64::from_be_bytes(at), tie: i64::from_be_bytes(tie), fingerprint })
    }
}

/// A fingerprint of a question; `what` keeps questions of different kinds apart. The caller gives the
/// question without its cursor and limit, so that a page may be followed by one of another size.
pub(crate) fn fingerprint<T: Serialize>(what: &str, question: &T) -> Result<u64, StoreError> {
    let mut hash = Sha256::new();
    hash.update(what.as_bytes());
    hash.update([0]);
    hash.update(crate::codec::to_json(question, "a question")?.as_bytes());
    let mut bytes = [0u8; 8];
    for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    Ok(u64::from_be_bytes(bytes))
}

fn check_value(content: &[u8]) -> [u8; 4] {
    let mut check = [0u8; 4];
    for (to, from) in check.iter_mut().zip(Sha256::digest(content)) {
        *to = from;
    }
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_a_changed_one_does_not() {
        let cursor = Cursor { at: -5, tie: i64::MAX, fingerprint: 77 };
        let text = cursor.encode();
        assert_eq!(Cursor::decode(&text, 77).unwrap(), cursor);
        assert!(matches!(Cursor::decode(&text, 78), Err(StoreError::BadCursor)));
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(matches!(Cursor::decode(&changed, 77), Err(StoreError::BadCursor)), "{changed}");
        }
        for bad in ["", "x", "AAAA", "not base64!", &format!("{text}AA")] {
            assert!(matches!(Cursor::decode(bad, 77), Err(StoreError::BadCursor)), "{bad}");
        }
    }
}
