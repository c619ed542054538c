//! Durations as people write them: `500ms`, `30s`, `2m`, `1h30m`, `1d`. Main function: [`parse_duration`].

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

/// A duration for people: `850ms`, `12.3s`, `4m05s`, `1h02m`.
pub fn format_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    match ms {
        0..1000 => format!("{ms}ms"),
        1000..60_000 => format!("{}.{}s", ms / 1000, ms % 1000 / 100),
        60_000..3_600_000 => format!("{}m{:02}s", ms / 60_000, ms % 60_000 / 1000),
        _ => format!("{}h{:02}m", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
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
    fn durations_are_shown_short() {
        for (ms, shown) in
            [(0, "0ms"), (999, "999ms"), (12_345, "12.3s"), (245_000, "4m05s"), (3_725_000, "1h02m")]
        {
            assert_eq!(format_duration(Duration::from_millis(ms)), shown);
        }
    }
}
