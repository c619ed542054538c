//! Durations as people see them. They are read by [`pabawi::parse_duration`].

use std::time::Duration;

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
    fn durations_are_shown_short() {
        for (ms, shown) in
            [(0, "0ms"), (999, "999ms"), (12_345, "12.3s"), (245_000, "4m05s"), (3_725_000, "1h02m")]
        {
            assert_eq!(format_duration(Duration::from_millis(ms)), shown);
        }
    }
}
