//! How far something is, how fast it goes and when it will be done: [`Pace`] and [`ProgressReport`], the same for an
//! execution, a task and a graph. Counts and times come in; no clock is asked here.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::summary::Progress;

/// How far back a rate looks.
pub const PACE_WINDOW: Duration = Duration::from_secs(30);

/// Since when something is recent.
pub fn recent_since(now: Timestamp) -> Timestamp {
    now.checked_sub(PACE_WINDOW).unwrap_or(Timestamp::MIN)
}

/// What has ended of something that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// When it began.
    pub started_at: Timestamp,
    /// How much there is in all.
    pub total: u64,
    /// How much of it has ended.
    pub ended: u64,
    /// How much of that within the last [`PACE_WINDOW`]. 0 also for something that is over as a whole.
    pub recent: u64,
}

/// How fast something goes and when it will be done, as far as what has ended tells. Pauses between waves and limits that
/// come later are not foreseen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pace {
    /// Ended in a second: on average over the last [`PACE_WINDOW`], and over the whole time where nothing has ended in
    /// that.
    pub per_second: f64,
    /// What is left at this pace, in milliseconds; absent while nothing has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_ms: Option<u64>,
    /// When that will be, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_at: Option<Timestamp>,
}

impl Pace {
    /// The pace at that time.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are exact as floating-point numbers, and a time that does not fit is cut off"
    )]
    pub fn at(now: Timestamp, ends: &Ends) -> Self {
        let elapsed = now.duration_since(ends.started_at).as_millis().max(0) as f64;
        let (count, over) = match ends.recent {
            0 => (ends.ended, elapsed),
            recent => (recent, elapsed.min(PACE_WINDOW.as_millis() as f64)),
        };
        let per_second = if over > 0.0 { count as f64 * 1000.0 / over } else { 0.0 };
        let left = ends.total.saturating_sub(ends.ended);
        let remaining_ms = match (left, count) {
            (0, _) => Some(0),
            (_, 0) => None,
            _ => Some((left as f64 * over / count as f64).round() as u64),
        };
        let after = |ms: u64| now.checked_add(SignedDuration::from_millis(i64::try_from(ms).ok()?)).ok();
        Self { per_second, remaining_ms, expected_at: remaining_ms.and_then(after) }
    }
}

/// Ends of the last [`PACE_WINDOW`], counted by the second. Takes the same room however many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecentEnds {
    /// Seconds since the epoch, rising, with the ends in each.
    seconds: VecDeque<(i64, u64)>,
}

impl RecentEnds {
    /// Something has ended.
    pub fn add(&mut self, at: Timestamp) {
        let second = at.as_second();
        match self.seconds.back_mut() {
            // A clock that was put back counts into the last second.
            Some((last, count)) if *last >= second => *count += 1,
            _ => self.seconds.push_back((second, 1)),
        }
        let newest = self.seconds.back().map_or(second, |(last, _)| *last);
        // Ends: each turn takes one off.
        while self.seconds.front().is_some_and(|(first, _)| !is_recent(*first, newest)) {
            self.seconds.pop_front();
        }
    }

    /// How much has ended within the window before that time.
    pub fn count(&self, now: Timestamp) -> u64 {
        let recent = self.seconds.iter().filter(|(second, _)| is_recent(*second, now.as_second()));
        recent.map(|(_, count)| count).sum()
    }
}

fn is_recent(second: i64, now: i64) -> bool {
    now.saturating_sub(second) < PACE_WINDOW.as_secs().cast_signed()
}

/// How far an execution is (R2.6).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProgressReport {
    /// Targets that have ended in one way or another.
    pub completed: u64,
    /// How many targets stand where.
    #[serde(flatten)]
    pub counts: Progress,
    /// Node runs in a second and the time that is left; absent before the first start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
}

impl ProgressReport {
    /// How far it is at that time; for something that is over, at its end and with `recent` 0.
    pub fn at(now: Timestamp, counts: Progress, started_at: Option<Timestamp>, recent: u64) -> Self {
        let completed = counts.completed();
        let pace = started_at.map(|started_at| {
            Pace::at(now, &Ends { started_at, total: counts.total, ended: completed, recent })
        });
        Self { completed, counts, pace }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn pace(now: i64, ended: u64, recent: u64) -> (f64, Option<u64>) {
        let ends = Ends { started_at: second(100), total: 400, ended, recent };
        let pace = Pace::at(second(now), &ends);
        let at =
            pace.remaining_ms.map(|ms| second(now) + SignedDuration::from_millis(ms.try_into().unwrap()));
        assert_eq!(pace.expected_at, at);
        (pace.per_second, pace.remaining_ms)
    }

    /// R2.6
    #[test]
    fn the_pace_follows_from_what_has_ended_lately() {
        assert_eq!(pace(100, 0, 0), (0.0, None));
        assert_eq!(pace(110, 0, 0), (0.0, None));
        // Younger than the window.
        assert_eq!(pace(110, 100, 100), (10.0, Some(30_000)));
        // What was slow at first does not count any more.
        assert_eq!(pace(1_100, 100, 60), (2.0, Some(150_000)));
        // Nothing has ended lately: the whole time tells.
        assert_eq!(pace(1_100, 100, 0), (0.1, Some(3_000_000)));
        assert_eq!(pace(300, 400, 0), (2.0, Some(0)));
        // A clock that was put back.
        assert_eq!(pace(50, 100, 100), (0.0, Some(0)));
    }

    #[test]
    fn ends_are_recent_for_the_window_and_take_little_room() {
        let mut recent = RecentEnds::default();
        for at in 0..1_000 {
            recent.add(second(at));
            recent.add(second(at));
        }
        assert_eq!(recent.count(second(999)), 60);
        assert_eq!(recent.count(second(1_019)), 20);
        assert_eq!(recent.count(second(1_029)), 0);
        assert_eq!(recent.seconds.len(), 30);
        recent.add(second(5));
        assert_eq!(recent.count(second(999)), 61);
    }
}
