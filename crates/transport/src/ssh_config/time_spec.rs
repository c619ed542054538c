//! Durations as OpenSSH writes them: `90`, `1m30s`, `2h`, `1d`, `1w` (`sshd_config(5)`, TIME FORMATS).
//!
//! Main function: [`parse_time`]. It must not accept a sign or a fraction.

use std::time::Duration;

/// Reads a time format; without a unit the number means seconds. `None` when malformed or too large.
pub(super) fn parse_time(text: &str) -> Option<Duration> {
    let mut total: u64 = 0;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let number: u64 = number.parse().ok()?;
        let mut unit = tail.chars();
        let factor = match unit.next() {
            None | Some('s' | 'S') => 1,
            Some('m' | 'M') => 60,
            Some('h' | 'H') => 3_600,
            Some('d' | 'D') => 86_400,
            Some('w' | 'W') => 604_800,
            Some(_) => return None,
        };
        total = total.checked_add(number.checked_mul(factor)?)?;
        rest = unit.as_str();
    }
    // OpenSSH keeps these in an `int`.
    (total <= i32::MAX.unsigned_abs().into()).then(|| Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_the_manual() {
        for (text, seconds) in [
            ("600", Some(600)),
            ("10m", Some(600)),
            ("1h30m", Some(5_400)),
            ("1w2d", Some(777_600)),
            ("0", Some(0)),
        ] {
            assert_eq!(parse_time(text), seconds.map(Duration::from_secs), "{text}");
        }
        for text in ["", "x", "1x", "-1", "1.5", "m", "99999999999"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}
