//! In which order and how boldly the targets of an execution are taken: [`Rollout`].
//!
//! Sizes are [`Share`]s: a number of nodes, or a part of them. What they come to for a number of targets is
//! computed here, so that whoever shows a plan and whoever runs it cannot differ.

use std::fmt;
use std::str::FromStr;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::action::Action;
use crate::node::TargetExpression;
use crate::validation as check;

/// The most sizes of waves that can be given.
pub const MAX_WAVE_SIZES: usize = 1_000;

/// In which order the targets are taken, and when no further one is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rollout {
    /// Side by side, one by one, or in waves.
    #[serde(default)]
    #[garde(dive)]
    pub mode: Mode,
    /// Failures that are tolerated: with one more, no further node is started. Everything counts as a failure
    /// that is neither a success nor a cancellation, also nodes that are unreachable, too slow or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(custom(check::optional_tolerance))]
    pub max_failures: Option<Share>,
    /// No failure is tolerated: with the first one no further node is started. What runs goes on to its end, since
    /// a change that is cut off half-way on healthy nodes does more harm than one that is done.
    #[serde(default)]
    #[garde(skip)]
    pub fail_fast: bool,
    /// Only a part of the nodes, drawn by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub canary: Option<Canary>,
    /// Gives up nodes that take much longer than the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub stragglers: Option<Stragglers>,
}

impl Rollout {
    /// Whether it asks for nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// How many failures are tolerated among so many targets; `None` for any number.
    pub fn tolerated(&self, targets: u64) -> Option<u64> {
        let stops = matches!(self.mode, Mode::Sequential { stop_at_failure: true });
        if self.fail_fast || stops {
            return Some(0);
        }
        self.max_failures.map(|share| share.of_down(targets))
    }
}

impl Rollout {
    /// What is done after each wave, where something is.
    pub fn health_check(&self) -> Option<&HealthCheck> {
        match &self.mode {
            Mode::Rolling(rolling) => rolling.health_check.as_ref(),
            Mode::Parallel | Mode::Sequential { .. } => None,
        }
    }

    /// As [`Rollout::health_check`].
    pub fn health_check_mut(&mut self) -> Option<&mut HealthCheck> {
        match &mut self.mode {
            Mode::Rolling(rolling) => rolling.health_check.as_mut(),
            Mode::Parallel | Mode::Sequential { .. } => None,
        }
    }

    /// The same rollout for what is left of it: `rest` are the places, from 0 and in their order, of the targets among
    /// `total` that have not been started, and so many of the others have failed. Waves keep their members, and what
    /// has failed counts against the tolerance.
    #[must_use]
    pub fn for_rest(&self, total: u64, rest: &[u64], failures: u64) -> Self {
        let mut rollout = self.clone();
        // The nodes are drawn already.
        rollout.canary = None;
        rollout.max_failures =
            self.max_failures.map(|share| Share::Count(share.of_down(total).saturating_sub(failures)));
        if let Mode::Rolling(rolling) = &mut rollout.mode {
            rolling.waves = waves_of_rest(&wave_lengths(&rolling.waves, total), rest);
        }
        rollout
    }
}

/// Sizes of the waves of what is left. What the last size repeats is left out, so that they stay few.
fn waves_of_rest(lengths: &[u64], rest: &[u64]) -> Vec<Share> {
    let mut left = rest.iter().copied().peekable();
    let mut end = 0;
    let mut counts: Vec<u64> = Vec::new();
    for length in lengths {
        end += length;
        let count = std::iter::from_fn(|| left.next_if(|place| *place < end)).count() as u64;
        counts.extend((count > 0).then_some(count));
    }
    // The very last wave may be smaller: it is what is left over when the size before it repeats.
    if let [.., before, last] = counts.as_slice()
        && last < before
    {
        counts.pop();
    }
    // Ends: each turn takes one off.
    while let [.., before, last] = counts.as_slice()
        && last == before
    {
        counts.pop();
    }
    counts.into_iter().map(Share::Count).collect()
}

/// In which order targets are taken (R2.8, R2.9).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Mode {
    /// As many at once as the limits allow; the next starts as soon as one ends.
    #[default]
    Parallel,
    /// One after the other, in the declared order.
    Sequential {
        /// Stops at the first failure.
        #[serde(default)]
        #[garde(skip)]
        stop_at_failure: bool,
    },
    /// In waves: the next begins when every node of the one before has ended.
    Rolling(#[garde(dive)] Rolling),
}

/// Waves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rolling {
    /// Sizes of the waves, of all targets; the last one repeats.
    #[garde(custom(check::wave_sizes))]
    pub waves: Vec<Share>,
    /// Rest between two waves, in milliseconds, at most 30 days.
    #[serde(default)]
    #[garde(custom(check::pause))]
    pub pause_ms: u64,
    /// What is done after each wave; the next begins only when it has succeeded everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub health_check: Option<HealthCheck>,
}

/// What is done after a wave to see whether it did well. It is an execution of its own, so that its output and
/// its end are recorded like any other's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    /// What is done.
    #[garde(dive)]
    pub action: Box<Action>,
    /// Where; the nodes of the wave that succeeded when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub targets: Option<TargetExpression>,
    /// Its limit of time for each node, in milliseconds; 60 s when absent. A check that hangs ends by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(custom(check::optional_timeout))]
    pub timeout_ms: Option<u64>,
}

impl HealthCheck {
    /// The limit of time for each node where none is given, in milliseconds.
    pub const DEFAULT_TIMEOUT_MS: u64 = 60_000;
}

/// A part of the nodes that is drawn by chance; the same seed draws the same of the same nodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Canary {
    /// How many.
    #[garde(custom(check::share))]
    pub share: Share,
    /// By which the chance can be repeated. When absent one is drawn, and stands in the stored request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub seed: Option<u32>,
}

/// When a node is too slow, seen from the others: once `quorum` of the targets have succeeded, a node may take
/// `multiple` times the 95th percentile of their durations, and not less than `min_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stragglers {
    /// How many times the percentile, from 1 to 1,000.
    #[garde(custom(check::straggler_multiple))]
    pub multiple: f64,
    /// How many have to have succeeded before anybody is called slow.
    #[serde(default = "Stragglers::default_quorum")]
    #[garde(custom(check::share))]
    pub quorum: Share,
    /// The shortest limit, in milliseconds.
    #[serde(default = "Stragglers::default_min_ms")]
    #[garde(custom(check::pause))]
    pub min_ms: u64,
}

impl Stragglers {
    fn default_quorum() -> Share {
        Share::Percent(75.0)
    }

    fn default_min_ms() -> u64 {
        1_000
    }

    /// A multiple with the default quorum (75 %) and the default shortest limit (1 s).
    pub fn new(multiple: f64) -> Self {
        Self { multiple, quorum: Self::default_quorum(), min_ms: Self::default_min_ms() }
    }
}

/// A number of nodes, or a part of them. As JSON and on the command line: `5` or `"20%"`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Share {
    /// So many.
    Count(u64),
    /// So many of a hundred.
    Percent(f64),
}

impl Share {
    /// How many of `total` that is, at least 1 where there is one, and at most all: parts are rounded up, so
    /// that a wave is never empty.
    pub fn of_up(self, total: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => part(percent, total, f64::ceil),
        }
        .clamp(1, total.max(1))
        .min(total)
    }

    /// How many of `total` that is, at most all: parts are rounded down, so that a tolerance is never exceeded.
    pub fn of_down(self, total: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => part(percent, total, f64::floor),
        }
        .min(total)
    }
}

/// A part of so many targets, which are far fewer than 2^52 and so exact as a floating-point number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded, and between 0 and the number of targets"
)]
fn part(percent: f64, total: u64, round: fn(f64) -> f64) -> u64 {
    let exact = percent.clamp(0.0, 100.0) * total as f64 / 100.0;
    // 7 % of 100 is 7.000000000000001: what is a whole number but for the representation is taken as one.
    let near = exact.round();
    if (exact - near).abs() < 1e-9 { near as u64 } else { round(exact) as u64 }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// Why a text is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a number of nodes such as 5 nor a part of them such as 20%")]
pub struct InvalidShare(String);

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidShare(text.chars().take(80).collect());
        let read = match text.trim().strip_suffix('%') {
            Some(number) => number.trim_end().parse().ok().filter(|p: &f64| p.is_finite()).map(Self::Percent),
            None => text.trim().parse().ok().map(Self::Count),
        };
        read.ok_or_else(invalid)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::Percent(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Share;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of nodes such as 5, or a part of them such as \"20%\"")
            }

            fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<Share, E> {
                Ok(Share::Count(count))
            }

            fn visit_i64<E: serde::de::Error>(self, count: i64) -> Result<Share, E> {
                let unsigned = u64::try_from(count).map(Share::Count);
                unsigned.map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(count), &self))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Share, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// The sizes of all waves for so many targets: the given sizes in their order, the last one repeated. Their sum
/// is the number of targets. There is at least one size.
pub fn wave_lengths(waves: &[Share], targets: u64) -> Vec<u64> {
    let mut left = targets;
    let mut lengths = Vec::new();
    let mut sizes = waves.iter().copied();
    let mut size = Share::Count(targets.max(1));
    // Ends: every turn takes at least one target off.
    while left > 0 {
        size = sizes.next().unwrap_or(size);
        let length = size.of_up(targets).clamp(1, left);
        lengths.push(length);
        left -= length;
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shares_are_read_and_written_as_people_write_them() {
        for (text, share, json) in [
            ("5", Share::Count(5), "5"),
            ("20%", Share::Percent(20.0), "\"20%\""),
            (" 0.5 % ", Share::Percent(0.5), "\"0.5%\""),
        ] {
            assert_eq!(text.parse::<Share>().unwrap(), share);
            assert_eq!(serde_json::to_string(&share).unwrap(), json);
            assert_eq!(serde_json::from_str::<Share>(json).unwrap(), share);
        }
        for text in ["", "%", "-1", "x", "1e999%", "NaN%", "5 nodes"] {
            let error = text.parse::<Share>().unwrap_err().to_string();
            assert!(error.contains("such as"), "{error}");
        }
        for json in ["-1", "1.5", "true", "null", "\"many\"", "[]"] {
            let error = serde_json::from_str::<Share>(json).unwrap_err().to_string();
            assert!(error.contains("such as"), "{json}: {error}");
        }
    }

    #[test]
    fn parts_are_rounded_to_the_safe_side() {
        assert_eq!(Share::Percent(7.0).of_up(100), 7);
        assert_eq!(Share::Percent(10.0).of_up(15), 2);
        assert_eq!(Share::Percent(10.0).of_down(15), 1);
        assert_eq!(Share::Percent(10.0).of_down(9), 0);
        assert_eq!(Share::Percent(0.001).of_up(9), 1);
        assert_eq!(Share::Percent(100.0).of_up(9), 9);
        assert_eq!(Share::Count(50).of_up(9), 9);
        assert_eq!(Share::Count(50).of_up(0), 0);
    }

    #[test]
    fn the_last_size_repeats() {
        let waves = [Share::Count(1), Share::Count(5), Share::Percent(20.0)];
        assert_eq!(wave_lengths(&waves, 50), [1, 5, 10, 10, 10, 10, 4]);
        assert_eq!(wave_lengths(&waves, 3), [1, 2]);
        assert_eq!(wave_lengths(&[Share::Percent(100.0)], 7), [7]);
        assert!(wave_lengths(&waves, 0).is_empty());
    }

    #[test]
    fn a_failure_that_stops_is_one_that_is_not_tolerated() {
        let rollout =
            |mode, max_failures, fail_fast| Rollout { mode, max_failures, fail_fast, ..Rollout::default() };
        assert_eq!(rollout(Mode::Parallel, None, false).tolerated(9), None);
        assert_eq!(rollout(Mode::Parallel, Some(Share::Percent(50.0)), false).tolerated(9), Some(4));
        assert_eq!(rollout(Mode::Parallel, Some(Share::Count(3)), true).tolerated(9), Some(0));
        let sequential = Mode::Sequential { stop_at_failure: true };
        assert_eq!(rollout(sequential, None, false).tolerated(9), Some(0));
    }

    #[test]
    fn a_rollout_goes_on_where_it_was() {
        let rollout = Rollout {
            mode: Mode::Rolling(Rolling {
                waves: vec![Share::Count(1), Share::Count(4)],
                pause_ms: 5,
                health_check: None,
            }),
            max_failures: Some(Share::Percent(20.0)),
            canary: Some(Canary { share: Share::Count(30), seed: Some(1) }),
            ..Rollout::default()
        };
        // Waves 0, 1-4, 5-8, 9-12, 13-14: the first is done, and one of the second.
        let rest: Vec<u64> = (2..15).collect();
        let left = rollout.for_rest(15, &rest, 1);
        let Mode::Rolling(rolling) = &left.mode else { panic!("waves") };
        assert_eq!(wave_lengths(&rolling.waves, 13), [3, 4, 4, 2]);
        assert_eq!((rolling.waves.len(), rolling.pause_ms), (2, 5));
        assert_eq!((left.max_failures, left.canary), (Some(Share::Count(2)), None));
    }

    proptest! {
        /// Whatever is left: each wave keeps its members, and what repeats is not spelled out.
        #[test]
        fn what_is_left_of_waves_keeps_its_members(
            sizes in proptest::collection::vec((1u64..9).prop_map(Share::Count), 1..5),
            kept in proptest::collection::vec(any::<bool>(), 1..60),
        ) {
            let total = kept.len() as u64;
            let rest: Vec<u64> = (0..total).zip(&kept).filter(|(_, kept)| **kept).map(|(at, _)| at).collect();
            let lengths = wave_lengths(&sizes, total);
            let mut start = 0;
            let mut expected = Vec::new();
            for length in &lengths {
                let members = rest.iter().filter(|at| (start..start + length).contains(*at)).count() as u64;
                expected.extend((members > 0).then_some(members));
                start += length;
            }
            let waves = waves_of_rest(&lengths, &rest);
            prop_assert_eq!(wave_lengths(&waves, rest.len() as u64), expected);
        }

        #[test]
        fn waves_cover_every_target_once(
            sizes in proptest::collection::vec(prop_oneof![
                (1u64..2000).prop_map(Share::Count),
                (0.01f64..100.0).prop_map(Share::Percent),
            ], 1..6),
            targets in 0u64..3000,
        ) {
            let lengths = wave_lengths(&sizes, targets);
            prop_assert_eq!(lengths.iter().sum::<u64>(), targets);
            prop_assert!(lengths.iter().all(|length| *length > 0));
        }
    }
}
