//! In which forms a secret turns up: as it is, quoted, and in the encodings that tools write it in.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shorter pieces are not looked for: they would hide half of everything.
pub(super) const SHORTEST: usize = 4;
/// Shorter lines of a secret of several lines are not looked for.
const SHORTEST_LINE: usize = 8;
/// Longer secrets are looked for in pieces of this length.
const PIECE: usize = 1024;

/// Bytes that stay themselves in a URL (RFC 3986 section 2.3).
const UNRESERVED: &[u8] = b"-._~";
/// What JavaScript's `encodeURIComponent` leaves as it is besides (ECMA-262, encodeURIComponent).
const COMPONENT: &[u8] = b"-._~!'()*";

/// What Python's `urllib.parse.quote` leaves as it is: a path keeps its slashes.
const PATH: &[u8] = b"-._~/";

/// All forms of a secret, each at least [`SHORTEST`] bytes long. A secret of several lines is looked for line by line, since
/// tools print keys in lines of their own.
pub(super) fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let trimmed = secret.trim_ascii();
    let mut all = Vec::new();
    if trimmed.contains(&b'\n') {
        let lines = trimmed.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        lines.filter(|line| line.len() >= SHORTEST_LINE).for_each(|line| of_line(line, &mut all));
    } else {
        of_line(trimmed, &mut all);
    }
    if trimmed.len() != secret.len() && !secret.trim_ascii().is_empty() {
        all.push(secret.to_vec());
    }
    all.retain(|form| form.len() >= SHORTEST);
    all
}

fn of_line(line: &[u8], all: &mut Vec<Vec<u8>>) {
    if line.len() < SHORTEST {
        return;
    }
    for piece in line.chunks(PIECE) {
        all.push(piece.to_vec());
        // A quotation mark within others: for a shell as people write it and as Python's shlex does,
        // and doubled, as YAML and SQL do.
        for mark in [&b"'\\''"[..], b"'\"'\"'", b"''"] {
            all.push(escaped(piece, |byte| (byte == b'\'').then(|| mark.to_vec())));
        }
        // What printf's %q of a shell does, as far as ASCII goes.
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || b"_-./@%+=:,".contains(&byte) || byte >= 0x80;
        all.push(escaped(piece, |byte| (!is_plain(byte)).then(|| vec![b'\\', byte])));
        all.extend([false, true].map(|octal| ansi_c(piece, octal)));
        all.extend(["'", "&#x27;", "&#39;", "&apos;"].map(|mark| html(piece, mark)));
        all.extend(json(piece));
        for plain in [UNRESERVED, COMPONENT, PATH] {
            for (digits, space) in [(HEX_UPPER, false), (HEX_LOWER, false), (HEX_UPPER, true)] {
                all.push(url(piece, plain, digits, space));
            }
        }
        for digits in [HEX_LOWER, HEX_UPPER] {
            all.push(piece.iter().flat_map(|byte| hex(*byte, digits)).collect());
        }
        for shift in 0..3 {
            all.extend([base64(piece, shift, false), base64(piece, shift, true)].into_iter().flatten());
        }
    }
}

const HEX_UPPER: &[u8; 16] = b"0123456789ABCDEF";
const HEX_LOWER: &[u8; 16] = b"0123456789abcdef";

fn hex(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    let digit = |value: u8| digits.get(usize::from(value)).copied().unwrap_or_default();
    [digit(byte >> 4), digit(byte & 0x0f)]
}

fn escaped(piece: &[u8], form: impl Fn(u8) -> Option<Vec<u8>>) -> Vec<u8> {
    piece.iter().flat_map(|byte| form(*byte).unwrap_or_else(|| vec![*byte])).collect()
}

/// What stands between the quotation marks of `$'...'` in bash's messages, and of file names in those of the GNU coreutils;
/// in the locale C, which knows no characters beyond ASCII, with `octal`.
fn ansi_c(piece: &[u8], octal: bool) -> Vec<u8> {
    escaped(piece, |byte| match byte {
        b'\'' | b'\\' => Some(vec![b'\\', byte]),
        b'\t' => Some(b"\\t".to_vec()),
        0..0x20 | 0x7f => Some(format!("\\{byte:03o}").into_bytes()),
        0x80.. if octal => Some(format!("\\{byte:03o}").into_bytes()),
        _ => None,
    })
}

/// In HTML and XML (XML 1.0 section 2.4); quotation marks are escaped where `mark` is not one itself.
fn html(piece: &[u8], mark: &str) -> Vec<u8> {
    escaped(piece, |byte| match byte {
        b'&' => Some(b"&amp;".to_vec()),
        b'<' => Some(b"&lt;".to_vec()),
        b'>' => Some(b"&gt;".to_vec()),
        b'\'' => Some(mark.into()),
        b'"' if mark != "'" => Some(b"&quot;".to_vec()),
        _ => None,
    })
}

/// Inside a JSON string (RFC 8259 section 7), with and without characters beyond ASCII escaped, and with `/` escaped.
fn json(piece: &[u8]) -> Vec<Vec<u8>> {
    let Ok(text) = std::str::from_utf8(piece) else { return Vec::new() };
    let Ok(quoted) = serde_json::to_string(text) else { return Vec::new() };
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&quoted);
    let mut units = [0u16; 2];
    let ascii: String = inner
        .chars()
        .map(|c| match c.is_ascii() {
            true => c.to_string(),
            false => c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        })
        .collect();
    let slashed = inner.replace('/', "\\/");
    [inner.to_owned(), ascii, slashed].into_iter().map(String::into_bytes).collect()
}

fn url(piece: &[u8], plain: &[u8], digits: &[u8; 16], plus: bool) -> Vec<u8> {
    escaped(piece, |byte| match byte {
        b' ' if plus => Some(vec![b'+']),
        _ if byte.is_ascii_alphanumeric() || plain.contains(&byte) => None,
        _ => {
            let [high, low] = hex(byte, digits);
            Some(vec![b'%', high, low])
        }
    })
}

/// The digits that are the same wherever the piece stands in a longer text, of which so many bytes modulo 3 come before it
/// (RFC 4648 section 4; section 5 for `url_safe`).
fn base64(piece: &[u8], shift: usize, url_safe: bool) -> Option<Vec<u8>> {
    let mut shifted = vec![0u8; shift];
    shifted.extend_from_slice(piece);
    let digits = if url_safe { URL_SAFE_NO_PAD.encode(&shifted) } else { STANDARD_NO_PAD.encode(&shifted) };
    let (first, end) = ((shift * 8).div_ceil(6), shifted.len() * 8 / 6);
    digits.as_bytes().get(first..end).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn has(secret: &str, form: &[u8]) -> bool {
        forms(secret.as_bytes()).iter().any(|found| found == form)
    }

    #[test]
    fn the_forms_are_those_that_tools_write() {
        let secret = "it's \"Grüße\"/a b";
        for form in [
            secret,
            "it'\\''s \"Grüße\"/a b",
            "it'\"'\"'s \"Grüße\"/a b",
            "it's \\\"Grüße\\\"/a b",
            "it's \\\"Gr\\u00fc\\u00dfe\\\"/a b",
            "it's \\\"Grüße\\\"\\/a b",
            "it%27s%20%22Gr%C3%BC%C3%9Fe%22%2Fa%20b",
            "it%27s%20%22Gr%c3%bc%c3%9fe%22%2fa%20b",
            "it's%20%22Gr%C3%BC%C3%9Fe%22%2Fa%20b",
            "it%27s%20%22Gr%C3%BC%C3%9Fe%22/a%20b",
            "it''s \"Grüße\"/a b",
            "it&#x27;s &quot;Grüße&quot;/a b",
            "it\\'s \"Grüße\"/a b",
            "it\\'s \"Gr\\303\\274\\303\\237e\"/a b",
            "it%27s+%22Gr%C3%BC%C3%9Fe%22%2Fa+b",
            "it\\'s\\ \\\"Grüße\\\"/a\\ b",
        ] {
            assert!(has(secret, form.as_bytes()), "{form}");
        }
        assert!(has("hunter2", b"68756e74657232") && has("\u{7f}jk/lmn", b"7F6A6B2F6C6D6E"));
        assert!(has("\"quoted\"", b"\\\"quoted\\\""));
    }

    #[test]
    fn base64_is_found_at_every_place_of_a_longer_text() {
        let secret = "s3cr3t-token?>";
        for before in 0..5 {
            for after in 0..5 {
                let text = format!("{}{secret}{}", "x".repeat(before), "y".repeat(after));
                let encoded = STANDARD.encode(text);
                let found = forms(secret.as_bytes());
                let longest =
                    found.iter().filter(|form| contains(encoded.as_bytes(), form)).map(Vec::len).max();
                assert!(longest.is_some_and(|length| length >= 17), "{before} {after} {encoded}");
            }
        }
    }

    fn contains(text: &[u8], part: &[u8]) -> bool {
        text.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn short_pieces_are_not_looked_for_and_lines_are() {
        assert!(forms(b"abc").is_empty() && forms(b"").is_empty() && forms(b" \n ").is_empty());
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nab\n-----END KEY-----\n";
        assert!(has(key, b"MIIEvQIBADANBgkq") && !has(key, b"ab"));
        assert!(forms(key.as_bytes()).iter().all(|form| form.len() >= SHORTEST));
        let long = "k".repeat(3000);
        assert!(forms(long.as_bytes()).iter().all(|form| form.len() <= PIECE * 3));
    }
}
