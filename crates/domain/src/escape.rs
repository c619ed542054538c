//! Bytes of nodes on a terminal: [`escape_for_terminal`]. What could move the cursor, change the title or
//! hide text is shown instead of done.

use std::fmt::Write as _;

/// The text as a terminal may show it: control characters (tab aside) become `\x1b`, characters that turn the
/// direction of text become `\u{202e}`, invalid UTF-8 becomes `\xff`. A backslash stays as it is.
pub fn escape_for_terminal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\t' => out.push(c),
                c if (c as u32) < 0x20 || c == '\u{7f}' => hex(&mut out, c as u32),
                c if is_deceiving(c) => {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{{{:x}}}", c as u32);
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            hex(&mut out, u32::from(*byte));
        }
    }
    out
}

fn hex(out: &mut String, value: u32) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\\x{value:02x}");
}

/// C1 control characters (ECMA-48), and those that reorder text (Unicode UAX #9) or show nothing.
fn is_deceiving(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        for (bytes, shown) in [
            (&b"plain \t text"[..], "plain \t text"),
            (b"\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
            (b"a\rb", "a\\x0db"),
            (b"\xff\xfeok\xc5", "\\xff\\xfeok\\xc5"),
            ("zażółć ☃".as_bytes(), "zażółć ☃"),
            ("a\u{202e}b\u{9b}31m".as_bytes(), "a\\u{202e}b\\u{9b}31m"),
            (b"\x7f\0", "\\x7f\\x00"),
            (b"C:\\x41", "C:\\x41"),
        ] {
            assert_eq!(escape_for_terminal(bytes), shown);
        }
    }
}
