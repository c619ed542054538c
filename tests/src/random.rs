//! Random numbers that can be had again: [`Random`]. Not for anything that has to be secret.

/// A generator (SplitMix64) whose seed is printed when the test that uses it fails.
#[derive(Debug)]
pub struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// Takes the seed from `PABAWI_TEST_SEED`, else from the operating system.
    ///
    /// # Panics
    /// When the variable is no number.
    #[must_use]
    pub fn new() -> Self {
        use std::hash::{BuildHasher, Hasher};
        let seed = match std::env::var("PABAWI_TEST_SEED") {
            Ok(text) => text.parse().expect("PABAWI_TEST_SEED is a number"),
            Err(_) => std::hash::RandomState::new().build_hasher().finish(),
        };
        Self { seed, state: seed }
    }

    /// The next number below `limit`, which must not be 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to see this again: PABAWI_TEST_SEED={}", self.seed);
        }
    }
}
