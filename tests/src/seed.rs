//! Random choices that can be made again.

/// A xorshift generator; the seed is printed when it is made, and taken from `DIRIGENT_SEED` where that is set.
#[derive(Debug, Clone)]
pub struct Seed(u64);

impl Seed {
    /// A generator for the test of that name.
    ///
    /// # Panics
    /// When `DIRIGENT_SEED` is not a number.
    #[must_use]
    #[expect(
        clippy::print_stderr,
        clippy::disallowed_methods,
        reason = "a seed nobody can read cannot be used again"
    )]
    pub fn announced(test: &str) -> Self {
        let seed = std::env::var("DIRIGENT_SEED").map_or_else(
            |_| {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                now.map_or(1, |now| now.subsec_nanos().into())
            },
            |text| text.parse().expect("DIRIGENT_SEED is a number"),
        );
        eprintln!("{test}: seed {seed} (DIRIGENT_SEED={seed} repeats it)");
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    /// The seed of `DIRIGENT_SEED`, else always the same: where what a search finds is a gap to be closed one day and not a
    /// broken promise, nobody else's change should stumble over it.
    ///
    /// # Panics
    /// If `DIRIGENT_SEED` is no number.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a seed nobody can read cannot be used again")]
    pub fn settled(test: &str, seed: u64) -> Self {
        let seed = std::env::var("DIRIGENT_SEED")
            .map_or(seed, |text| text.parse().expect("DIRIGENT_SEED is a number"));
        eprintln!("{test}: seed {seed} (DIRIGENT_SEED=n for another)");
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next_u64() % end.max(1)
    }
}
