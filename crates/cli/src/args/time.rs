//! Points in time as people write them: RFC 3339, a day, or how long ago.

use jiff::Timestamp;

use pabawi::parse_duration;

/// Reads a point in time: `2026-11-23T10:00:00Z` (RFC 3339), `2026-11-23` (midnight UTC), or an age before
/// `now` such as `2h` or `3d`.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn parse_time(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(age) = parse_duration(text) {
        return now.checked_sub(age).map_err(|_| "is too long ago".to_owned());
    }
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    whole.parse().map_err(|_| {
        "is no time; write for example 2026-11-23T10:00:00Z, 2026-11-23, or an age such as 2h or 3d"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_ages() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2h", "2026-11-23T08:00:00Z"),
            ("3d", "2026-11-20T10:00:00Z"),
            ("2026-11-22", "2026-11-22T00:00:00Z"),
            ("2026-11-22T01:02:03+02:00", "2026-11-21T23:02:03Z"),
        ] {
            assert_eq!(parse_time(text, now).unwrap(), expected.parse::<Timestamp>().unwrap(), "{text}");
        }
        for bad in ["", "yesterday", "2026-13-01", "2026-11-22T01:02:03", "99999999d"] {
            assert!(parse_time(bad, now).is_err(), "{bad}");
        }
    }
}
