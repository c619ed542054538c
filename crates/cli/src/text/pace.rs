//! How fast something goes, in words: [`pace_text`].

use std::time::Duration;

use pabawi::Pace;

use crate::args::format_duration;

/// `about 1m10s (0.25 nodes a second)`: what is left, and the rate of `what`.
pub(crate) fn pace_text(pace: &Pace, what: &str) -> String {
    let left = match pace.remaining_ms {
        Some(ms) => format!("about {}", format_duration(Duration::from_millis(ms))),
        None => "not known yet".to_owned(),
    };
    format!("{left} ({:.2} {what} a second)", pace.per_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R2.6
    #[test]
    fn what_is_left_is_told_with_the_rate() {
        let pace = |remaining_ms| Pace { per_second: 0.254, remaining_ms, expected_at: None };
        assert_eq!(pace_text(&pace(Some(70_000)), "nodes"), "about 1m10s (0.25 nodes a second)");
        assert_eq!(pace_text(&pace(None), "tasks"), "not known yet (0.25 tasks a second)");
    }
}
