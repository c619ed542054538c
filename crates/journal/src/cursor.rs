//! Where a page of a timeline ended: [`TimelineCursor`]. It holds the store's own cursor and the time of the last stored entry, to
//! which live events belong that the page before did not show.

use jiff::Timestamp;
use pabawi_domain::journal::EntryId;
use pabawi_domain::ports::StoreError;

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimelineCursor {
    pub(crate) stored: String,
    pub(crate) until: Timestamp,
}

impl TimelineCursor {
    /// The text that a caller gets.
    pub(crate) fn encode(&self) -> String {
        let nanos = self.until.as_nanosecond().to_string();
        format!("{}.{nanos}.{}", self.stored, check(&self.stored, &nanos))
    }

    /// Reads a caller's text back; one that was damaged is refused.
    pub(crate) fn decode(text: &str) -> Result<Self, StoreError> {
        let mut parts = text.rsplitn(3, '.');
        let (Some(told), Some(nanos), Some(stored)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(StoreError::BadCursor);
        };
        if told != check(stored, nanos) {
            return Err(StoreError::BadCursor);
        }
        let nanos: i128 = nanos.parse().map_err(|_| StoreError::BadCursor)?;
        let until = Timestamp::from_nanosecond(nanos).map_err(|_| StoreError::BadCursor)?;
        Ok(Self { stored: stored.to_owned(), until })
    }
}

/// It carries no right to anything; it only tells a damaged cursor from a good one.
fn check(stored: &str, nanos: &str) -> String {
    EntryId::derived(&["timeline", stored, nanos]).to_string().chars().take(8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_a_changed_one_does_not() {
        let cursor = TimelineCursor { stored: "AbC.-_1".into(), until: Timestamp::from_second(-5).unwrap() };
        let text = cursor.encode();
        assert_eq!(TimelineCursor::decode(&text).unwrap(), cursor);
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'7' { b'8' } else { b'7' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(matches!(TimelineCursor::decode(&changed), Err(StoreError::BadCursor)), "{changed}");
        }
        for bad in ["", ".", "..", "a.b.c", "AAAA"] {
            assert!(matches!(TimelineCursor::decode(bad), Err(StoreError::BadCursor)), "{bad}");
        }
    }
}
