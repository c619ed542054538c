//! Days and hours in a time zone: [`TimeWindow`].

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::{Offset, TimeZone};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// Days and hours. One that ends before it begins goes on into the next day, and belongs to the day on which it begins.
#[derive(Debug, Clone)]
pub(super) struct TimeWindow {
    pub(super) days: Vec<Weekday>,
    /// Minutes from midnight; the first that belongs to it.
    pub(super) from: u16,
    /// The first that no longer does.
    pub(super) to: u16,
    pub(super) zone: TimeZone,
}

impl TimeWindow {
    /// Whether it holds at that time.
    pub(super) fn holds_at(&self, now: Timestamp) -> bool {
        let there = now.to_zoned(self.zone.clone());
        let time = there.time();
        // Neither is negative.
        let minute = u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).unwrap_or(DAY);
        let (today, yesterday) = (there.weekday(), there.weekday().previous());
        let is_day = |day: Weekday| self.days.contains(&day);
        if self.from < self.to {
            return is_day(today) && minute >= self.from && minute < self.to;
        }
        (is_day(today) && minute >= self.from) || (is_day(yesterday) && minute < self.to)
    }
}

/// Reads `mon`, `mon-fri` and `sat-mon`.
pub(super) fn parse_days(text: &str) -> Option<Vec<Weekday>> {
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (weekday(first)?, weekday(last)?),
        None => (weekday(text)?, weekday(text)?),
    };
    // Ends after seven days.
    let mut days = vec![first];
    let mut day = first;
    while day != last && days.len() < 7 {
        day = day.next();
        days.push(day);
    }
    Some(days)
}

fn weekday(word: &str) -> Option<Weekday> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "mon" | "monday" => Weekday::Monday,
        "tue" | "tuesday" => Weekday::Tuesday,
        "wed" | "wednesday" => Weekday::Wednesday,
        "thu" | "thursday" => Weekday::Thursday,
        "fri" | "friday" => Weekday::Friday,
        "sat" | "saturday" => Weekday::Saturday,
        "sun" | "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

/// Reads `08:30` and `24:00` as minutes from midnight.
pub(super) fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let is_number = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_digit());
    if !is_number(hour) || minute.len() != 2 || !is_number(minute) {
        return None;
    }
    let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
    let all = hour * 60 + minute;
    (minute < 60 && all <= DAY).then_some(all)
}

/// Reads `Europe/Rome`, `UTC` and `+02:00`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse_zone(text: &str) -> Result<TimeZone, String> {
    let offset = text.strip_prefix('+').map(|rest| (1, rest)).or_else(|| Some((-1, text.strip_prefix('-')?)));
    if let Some((sign, rest)) = offset {
        let minutes = parse_minute(rest).filter(|minutes| *minutes <= 18 * 60);
        let offset = minutes.and_then(|minutes| Offset::from_seconds(sign * i32::from(minutes) * 60).ok());
        return offset.map(TimeZone::fixed).ok_or_else(|| format!("{text:?} is no offset such as +02:00"));
    }
    if text.eq_ignore_ascii_case("utc") {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(text).map_err(|error| {
        format!(
            "{text:?} is no time zone of this machine ({error}); write one such as Europe/Rome, or +02:00"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: &str, from: &str, to: &str, zone: &str) -> TimeWindow {
        TimeWindow {
            days: parse_days(days).unwrap(),
            from: parse_minute(from).unwrap(),
            to: parse_minute(to).unwrap(),
            zone: parse_zone(zone).unwrap(),
        }
    }

    fn holds(window: &TimeWindow, at: &str) -> bool {
        window.holds_at(at.parse().unwrap())
    }

    #[test]
    fn hours_are_those_of_their_zone_also_when_clocks_change() {
        let work = window("mon-fri", "08:00", "18:00", "Europe/Rome");
        // A Monday in winter (+01:00) and one in summer (+02:00).
        for (at, wanted) in [
            ("2026-01-05T07:00:00Z", true),
            ("2026-01-05T06:59:59Z", false),
            ("2026-01-05T16:59:59Z", true),
            ("2026-01-05T17:00:00Z", false),
            ("2026-07-06T06:00:00Z", true),
            ("2026-07-06T16:00:00Z", false),
            ("2026-01-04T10:00:00Z", false),
        ] {
            assert_eq!(holds(&work, at), wanted, "{at}");
        }
        let fixed = window("mon", "00:00", "24:00", "-05:30");
        assert!(holds(&fixed, "2026-01-05T05:30:00Z") && !holds(&fixed, "2026-01-05T05:29:59Z"));
        assert!(holds(&fixed, "2026-01-06T05:29:59Z") && !holds(&fixed, "2026-01-06T05:30:00Z"));
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let night = window("fri", "22:00", "06:00", "UTC");
        for (at, wanted) in [
            ("2026-01-09T21:59:59Z", false),
            ("2026-01-09T22:00:00Z", true),
            ("2026-01-10T05:59:59Z", true),
            ("2026-01-10T06:00:00Z", false),
            // The night of Thursday, and of Saturday.
            ("2026-01-09T05:00:00Z", false),
            ("2026-01-10T23:00:00Z", false),
        ] {
            assert_eq!(holds(&night, at), wanted, "{at}");
        }
    }

    #[test]
    fn what_is_no_day_hour_or_zone_is_refused() {
        assert_eq!(parse_days("sat-mon").unwrap(), [Weekday::Saturday, Weekday::Sunday, Weekday::Monday]);
        for bad in ["", "mo", "mon-", "mon-fri-sun", "8"] {
            assert!(parse_days(bad).is_none(), "{bad}");
        }
        for bad in ["", "8", "24:01", "08:60", "8:5", "-1:00", "08:00:00", "a:bc"] {
            assert!(parse_minute(bad).is_none(), "{bad}");
        }
        for bad in ["", "Mars/Olympus", "+25:00", "+2", "../../etc/passwd"] {
            assert!(parse_zone(bad).is_err(), "{bad}");
        }
    }
}
