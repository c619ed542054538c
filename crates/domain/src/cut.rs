//! Texts of others, no longer than is kept: [`cut`].

/// Bytes of a message of somebody else, such as a plugin, that are kept.
pub const MOST_MESSAGE: usize = 16 * 1024;

/// What stands behind the rest of a text that was longer, before how long it was.
pub(crate) const MARK: &str = "... [cut: ";

/// The text, cut to so many bytes, with a mark behind what is left of one that was longer.
pub fn cut(text: impl Into<String>, most: usize) -> String {
    let mut text = text.into();
    let whole = text.len();
    if whole > most {
        text.truncate(text.floor_char_boundary(most));
        text.push_str(&format!("{MARK}{whole} bytes in all]"));
        text.shrink_to_fit();
    }
    text
}

/// A message of somebody else, cut to [`MOST_MESSAGE`].
pub fn message(text: impl Into<String>) -> String {
    cut(text, MOST_MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_between_characters_and_says_so() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc... [cut: 4 bytes in all]");
        assert_eq!(cut("ab\u{20ac}", 3), "ab... [cut: 5 bytes in all]");
    }
}
