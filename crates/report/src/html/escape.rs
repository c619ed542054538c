//! Text of nodes on a page: [`text`].

use std::fmt::Write as _;

use pabawi_domain::escape::escape_for_terminal;

/// The bytes as text of HTML, on which they can do nothing: markup is shown, and so is what would hide or reorder text. Ends
/// of lines stay.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 16);
    for (place, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if place > 0 {
            out.push('\n');
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        for c in escape_for_terminal(line).chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' | '\'' => {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "&#{};", c as u32);
                }
                c => out.push(c),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_node_is_markup() {
        for (bytes, shown) in [
            (&b"<script>alert(1)</script>"[..], "&lt;script&gt;alert(1)&lt;/script&gt;"),
            (b"a & b", "a &amp; b"),
            (b"'\"", "&#39;&#34;"),
            (b"one\r\ntwo\n", "one\ntwo\n"),
            (b"\x1b[31mred\xff", "\\x1b[31mred\\xff"),
            ("a\u{202e}b".as_bytes(), "a\\u{202e}b"),
        ] {
            assert_eq!(text(bytes), shown);
        }
    }
}
