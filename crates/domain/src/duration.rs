//! Durations as people write them: `500ms`, `30s`, `2m`, `1h30m`, `1d`. [`parse_duration`] reads them,
//! [`exact_duration`] writes them so that the same is read back.

use std::time::Duration;

/// Units, the longest name first where one begins with another.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a duration: numbers, each with its unit `ms`, `s`, `m`, `h` or `d`, one after the other.
///
/// # Errors
/// A sentence that says what is wrong, for the person who typed it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("is empty; write for example 30s, 2m, 500ms or 1h30m".to_owned());
    }
    let mut total: u64 = 0;
    // Every turn takes at least one digit, so this ends.
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits).unwrap_or((rest, ""));
        if number.is_empty() {
            return Err("is no duration; write for example 30s, 2m, 500ms or 1h30m".to_owned());
        }
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(letters).unwrap_or((after, ""));
        if unit.is_empty() {
            return Err(format!("needs a unit: {number}s, {number}m, {number}h or {number}ms"));
        }
        let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("has the unknown unit {unit:?}; known are ms, s, m, h and d"));
        };
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*factor))
            .and_then(|part| total.checked_add(part))
            .ok_or("is too long")?;
        rest = next;
    }
    Ok(Duration::from_millis(total))
}

/// The duration in whole units, the largest first: `1h30m`, `7d`. What is below a millisecond is left out.
pub fn exact_duration(duration: Duration) -> String {
    let mut left = duration.as_millis();
    let mut out = String::new();
    for (name, factor) in [UNITS[4], UNITS[3], UNITS[2], UNITS[1], UNITS[0]] {
        let count = left / u128::from(factor);
        if count > 0 {
            out.push_str(&format!("{count}{name}"));
        }
        left %= u128::from(factor);
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, ms) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("2m", 120_000),
            ("1h30m", 5_400_000),
            ("1h30m15s250ms", 5_415_250),
            (" 1d ", 86_400_000),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_what_to_write() {
        for (text, part) in [
            ("", "is empty"),
            ("30", "needs a unit: 30s"),
            ("-5s", "is no duration"),
            ("1.5s", "needs a unit"),
            ("5 s", "needs a unit"),
            ("5w", "unknown unit \"w\""),
            ("1s5", "needs a unit"),
            ("s", "is no duration"),
            ("99999999999999999999s", "too long"),
            ("18446744073709551615s", "too long"),
        ] {
            let error = parse_duration(text).unwrap_err();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (ms, text) in [(0, "0s"), (90_000, "1m30s"), (86_400_000, "1d"), (5_415_250, "1h30m15s250ms")] {
            let duration = Duration::from_millis(ms);
            assert_eq!(exact_duration(duration), text);
            assert_eq!(parse_duration(text), Ok(duration));
        }
    }
}
