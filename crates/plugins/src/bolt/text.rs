//! Texts in JSON while they come: [`TextDecoder`] makes bytes of what stands between the quotes.

/// Decodes one text, however it is cut.
#[derive(Debug, Default)]
pub(super) struct TextDecoder {
    state: State,
    /// The first half of a character of two (RFC 8259, 7).
    high: Option<u32>,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Plain,
    /// Behind a backslash.
    Escape,
    /// Behind `\u`: what is read of it, and how many digits.
    Hex(u32, u8),
}

impl TextDecoder {
    /// Takes a byte; the answer is whether the text is over.
    ///
    /// # Errors
    /// It is no JSON.
    pub(super) fn byte(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<bool, &'static str> {
        match self.state {
            State::Plain => match byte {
                b'"' => {
                    self.drop_half(out);
                    return Ok(true);
                }
                b'\\' => self.state = State::Escape,
                0..0x20 => return Err("a control character in a text"),
                other => {
                    self.drop_half(out);
                    out.push(other);
                }
            },
            State::Escape => {
                self.state = State::Plain;
                let plain = match byte {
                    b'u' => {
                        self.state = State::Hex(0, 0);
                        return Ok(false);
                    }
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'b' => 8,
                    b'f' => 12,
                    b'"' | b'\\' | b'/' => byte,
                    _ => return Err("an escape in a text that JSON does not know"),
                };
                self.drop_half(out);
                out.push(plain);
            }
            State::Hex(value, digits) => {
                let digit = char::from(byte).to_digit(16).ok_or("an escape in a text that is no number")?;
                let value = value * 16 + digit;
                self.state = State::Hex(value, digits + 1);
                if digits == 3 {
                    self.state = State::Plain;
                    self.unit(value, out);
                }
            }
        }
        Ok(false)
    }

    /// Whether bytes other than quotes, backslashes and control characters stand for themselves now.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.state, State::Plain) && self.high.is_none()
    }

    /// A number of UTF-16.
    fn unit(&mut self, unit: u32, out: &mut Vec<u8>) {
        match (self.high.take(), unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                push(0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00), out);
            }
            (high, unit) => {
                if high.is_some() {
                    push(0xfffd, out);
                }
                match unit {
                    0xd800..=0xdbff => self.high = Some(unit),
                    other => push(other, out),
                }
            }
        }
    }

    /// A half whose other half did not come.
    fn drop_half(&mut self, out: &mut Vec<u8>) {
        if self.high.take().is_some() {
            push(0xfffd, out);
        }
    }
}

fn push(code: u32, out: &mut Vec<u8>) {
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(json: &str) -> Result<String, &'static str> {
        let (mut decoder, mut out) = (TextDecoder::default(), Vec::new());
        for byte in json.bytes().skip(1) {
            if decoder.byte(byte, &mut out)? {
                return Ok(String::from_utf8(out).unwrap());
            }
        }
        Err("not over")
    }

    #[test]
    fn escapes_are_what_they_stand_for() {
        for (json, text) in [
            (r#""a\n\t\"\\\/\u00e4\u20AC""#, "a\n\t\"\\/\u{e4}\u{20ac}"),
            (r#""\ud83d\ude00""#, "\u{1f600}"),
            (r#""\ud83dx\ude00""#, "\u{fffd}x\u{fffd}"),
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\u0000""#, "\0"),
        ] {
            assert_eq!(decoded(json).unwrap(), text, "{json}");
        }
        for bad in [r#""\x""#, r#""\u00g0""#, "\"a\nb\"", "\"abc"] {
            assert!(decoded(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_text_reads_back(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(decoded(&json).unwrap(), text);
        }
    }
}
