//! How many connects may be in flight: [`Window`], a state machine without a runtime. Additive increase, multiplicative
//! decrease, as in TCP's congestion control (RFC 5681), with three differences that fit sshd:
//!
//! - a burst that was refused tells at once how many were let in, so the limit falls to that and not by halves;
//! - a few refusals among many connects are taken for those nodes' own trouble;
//! - each further round of connects without a refusal doubles the increase, so that a disturbance is soon forgotten.

/// What is left after a decrease, unless fewer were let in: three quarters.
const KEPT: f64 = 0.75;
/// One refusal in so many connects of a round is tolerated.
const TOLERATED: usize = 8;

/// A limit between 1 and a maximum.
#[derive(Debug)]
pub(super) struct Window {
    max: f64,
    limit: f64,
    /// By how much the limit grows in a round.
    step: f64,
    /// Connects that have ended in this round; a round has as many as the limit.
    ended: f64,
    refused_in_round: usize,
    /// Connects with a lower number had begun before the last decrease.
    mark: u64,
    /// How many were in flight at the last decrease, and how many of those have been refused.
    burst: usize,
    refused_in_burst: usize,
}

impl Window {
    /// A window that begins at its maximum.
    pub(super) fn new(max: usize) -> Self {
        let max = u32::try_from(max.max(1)).map_or(f64::from(u32::MAX), f64::from);
        Self {
            max,
            limit: max,
            step: 1.0,
            ended: 0.0,
            refused_in_round: 0,
            mark: 0,
            burst: 0,
            refused_in_burst: 0,
        }
    }

    /// How many may be in flight now: 1 to the maximum.
    pub(super) fn limit(&self) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between 1 and the maximum, which was a usize"
        )]
        let whole = self.limit as usize;
        whole.max(1)
    }

    /// Whether it is as wide as it can be.
    pub(super) fn is_full(&self) -> bool {
        self.limit >= self.max
    }

    /// A connect has worked.
    pub(super) fn succeeded(&mut self) {
        self.limit = (self.limit + self.step / self.limit).min(self.max);
        self.ended += 1.0;
        if self.ended >= self.limit {
            if self.refused_in_round == 0 {
                self.step = (self.step * 2.0).min(self.max);
            }
            (self.ended, self.refused_in_round) = (0.0, 0);
        }
    }

    /// The connect with this number was refused while so many were in flight, itself included; `next` is the number of
    /// the next one. True when the limit is lower now.
    pub(super) fn overloaded(&mut self, number: u64, next: u64, in_flight: usize) -> bool {
        let before = self.limit();
        self.step = 1.0;
        self.refused_in_round += 1;
        if number < self.mark {
            self.refused_in_burst += 1;
            self.fall_to(self.burst.saturating_sub(self.refused_in_burst));
        } else if self.refused_in_round.saturating_mul(TOLERATED) >= in_flight {
            self.mark = next;
            self.burst = in_flight;
            self.refused_in_burst = 1;
            let kept = f64::from(u32::try_from(in_flight).unwrap_or(u32::MAX)) * KEPT;
            self.limit = self.limit.min(kept).max(1.0);
            self.fall_to(in_flight.saturating_sub(1));
        }
        self.limit() < before
    }

    fn fall_to(&mut self, to: usize) {
        let to = f64::from(u32::try_from(to).unwrap_or(u32::MAX));
        self.limit = self.limit.min(to).max(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// R8.6: of forty connects two were let in, so two are made at a time from now on.
    #[test]
    fn a_refused_burst_tells_how_many_were_let_in() {
        let mut window = Window::new(64);
        for refused in 0..38 {
            window.overloaded(refused, 40, 40 - usize::try_from(refused).unwrap());
        }
        assert_eq!(window.limit(), 2);
        // One more at a time, and back when that is too many.
        window.succeeded();
        window.succeeded();
        window.succeeded();
        assert_eq!(window.limit(), 3);
        assert!(window.overloaded(43, 44, 3));
        assert_eq!(window.limit(), 2);
    }

    #[test]
    fn a_few_refusals_among_many_are_those_nodes_own_trouble() {
        let mut window = Window::new(64);
        let mut next = 64;
        for round in 0..100 {
            for place in 0..64 {
                if place == round % 60 {
                    window.overloaded(next, next + 64, 64);
                } else {
                    window.succeeded();
                }
                next += 1;
            }
        }
        assert_eq!(window.limit(), 64);
    }

    proptest! {
        /// R8.6: whatever happens it stays between 1 and the maximum, and it recovers within rounds that grow with the
        /// logarithm of the maximum.
        #[test]
        fn it_stays_within_bounds_and_recovers(
            max in 1usize..300, steps in proptest::collection::vec((any::<bool>(), 0u64..400, 1usize..400), 0..400)
        ) {
            let mut window = Window::new(max);
            let mut next = 0;
            for (works, back, in_flight) in steps {
                next += 1;
                let before = window.limit();
                if works {
                    window.succeeded();
                    prop_assert!(window.limit() >= before);
                } else {
                    window.overloaded(u64::saturating_sub(next, back), next, in_flight);
                    prop_assert!(window.limit() <= before);
                }
                prop_assert!((1..=max).contains(&window.limit()));
            }
            // A round that had a refusal, one without, and then as many as the doubled steps need to add up; each is at
            // most as long as the maximum.
            let rounds = 3 + usize::try_from(usize::BITS - max.leading_zeros()).unwrap();
            for _ in 0..rounds * max {
                window.succeeded();
            }
            prop_assert_eq!(window.limit(), max);
            prop_assert!(window.is_full());
        }
    }
}
