//! The wait before another try: [`backoff_delay`], with Pabawi's growth by any factor and full jitter.

use napi_derive::napi;

/// The wait in whole milliseconds after that many retries (0 before the first): `initial * factor ^ attempt`, at most
/// `max`. With jitter, anything between 0 and that, by `chance`, a number from 0 to 1 that the caller draws.
#[napi(catch_unwind)]
pub fn backoff_delay(attempt: f64, initial: f64, max: f64, factor: f64, jitter: bool, chance: f64) -> f64 {
    let full = (initial * factor.powf(attempt)).min(max);
    let wait = if jitter { chance * full } else { full };
    wait.floor()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R7.5
    #[test]
    fn waits_grow_to_their_limit_and_jitter_takes_a_part() {
        let waits: Vec<f64> = (0..6)
            .map(|attempt| backoff_delay(f64::from(attempt), 100.0, 1_000.0, 2.0, false, 0.9))
            .collect();
        assert_eq!(waits, [100.0, 200.0, 400.0, 800.0, 1_000.0, 1_000.0]);
        assert_eq!(backoff_delay(1.0, 100.0, 1_000.0, 1.5, true, 0.5), 75.0);
        assert_eq!(backoff_delay(2_000.0, 100.0, 1_000.0, 2.0, true, 0.0), 0.0);
    }
}
