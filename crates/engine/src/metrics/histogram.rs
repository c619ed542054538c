//! Times in fixed buckets: [`Histogram`]. A kilobyte, however many there are, and no lock.

use std::sync::atomic::{AtomicU64, Ordering};

use pabawi_domain::metrics::{HistogramBucket, HistogramSample};

/// Upper bounds of the buckets within a decade: the Renard series R10 (ISO 3), each a quarter larger than the one before.
const STEPS: [u64; 10] = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800];
/// Decades of the buckets. The smallest bound is 10 microseconds, the largest 80 000 seconds.
const DECADES: u32 = 10;
/// Buckets, the last one for what is larger than all bounds.
const BUCKETS: usize = 101;
/// The bounds that are told, in microseconds: all of them are among those of the buckets.
const TOLD: [u64; 17] = [
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    10_000_000,
    50_000_000,
    250_000_000,
    1_000_000_000,
    5_000_000_000,
];

/// Times in microseconds.
#[derive(Debug)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
}

/// The upper bound of a bucket.
fn bound(place: usize) -> u64 {
    let decade = u32::try_from(place / STEPS.len()).unwrap_or(DECADES);
    let step = STEPS.get(place % STEPS.len()).copied().unwrap_or_default();
    if decade >= DECADES { u64::MAX } else { step * 10u64.pow(decade) / 10 }
}

/// The first bucket whose bound is not below.
fn place_of(us: u64) -> usize {
    // Ends: each turn halves what is left.
    let (mut low, mut high) = (0, BUCKETS - 1);
    while low < high {
        let middle = usize::midpoint(low, high);
        if bound(middle) < us {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
            sum: AtomicU64::new(0),
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::new(0),
        }
    }

    pub(super) fn add(&self, us: u64) {
        if let Some(bucket) = self.buckets.get(place_of(us)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(us, Ordering::Relaxed);
        self.min.fetch_min(us, Ordering::Relaxed);
        self.max.fetch_max(us, Ordering::Relaxed);
    }

    /// How it stands, in seconds. What is added meanwhile is seen whole or in part.
    pub(super) fn sample(&self) -> HistogramSample {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let count: u64 = counts.iter().sum();
        let max = self.max.load(Ordering::Relaxed);
        let min = self.min.load(Ordering::Relaxed).min(max);
        let at_most = |percent: u64| {
            let wanted = (count * percent).div_ceil(100).max(1);
            let mut sum = 0;
            let place = counts.iter().position(|one| {
                sum += one;
                sum >= wanted
            });
            // No value is outside of these, whatever the bucket is called.
            seconds(place.map_or(0, bound).clamp(min, max))
        };
        let mut buckets = Vec::with_capacity(TOLD.len());
        for le in TOLD {
            let upto = counts.iter().take(place_of(le) + 1).sum();
            buckets.push(HistogramBucket { le: seconds(le), count: upto });
        }
        HistogramSample {
            count,
            sum: seconds(self.sum.load(Ordering::Relaxed)),
            min: seconds(min),
            max: seconds(max),
            p50: at_most(50),
            p95: at_most(95),
            p99: at_most(99),
            buckets,
        }
    }
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_rise_and_those_that_are_told_are_among_them() {
        let all: Vec<u64> = (0..BUCKETS).map(bound).collect();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
        assert_eq!((all[0], all[99], all[100]), (10, 80_000_000_000, u64::MAX));
        assert!(TOLD.iter().all(|le| all.contains(le)));
        for us in [0, 9, 10, 11, 12, 13, 999, 1000, 1001, u64::MAX] {
            let place = place_of(us);
            assert!(us <= bound(place) && (place == 0 || us > bound(place - 1)), "{us}");
        }
    }

    /// R5.7
    #[test]
    fn percentiles_are_as_precise_as_the_buckets() {
        let histogram = Histogram::new();
        assert_eq!((histogram.sample().count, histogram.sample().max, histogram.sample().p99), (0, 0.0, 0.0));
        (1..=1000).for_each(|ms| histogram.add(ms * 1000));
        let sample = histogram.sample();
        assert_eq!((sample.count, sample.min, sample.max), (1000, 0.001, 1.0));
        assert!((sample.sum - 500.5).abs() < 1e-6, "{sample:?}");
        for (is, exact) in [(sample.p50, 0.5), (sample.p95, 0.95), (sample.p99, 0.99)] {
            assert!(is >= exact && is <= exact * 1.26, "{is} for {exact}");
        }
        let half = sample.buckets.iter().find(|bucket| bucket.le == 0.5).unwrap();
        assert_eq!((half.count, sample.buckets.last().unwrap().count), (500, 1000));
    }
}
