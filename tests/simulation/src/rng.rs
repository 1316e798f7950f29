//! Chance from a seed: numbers for the story, ids for the daemon.

use std::sync::Mutex;
use std::time::Duration;

use dirigent_daemon::chance::Chance;
use uuid::Uuid;

/// A small generator (`SplitMix64`): the same seed gives the same numbers.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    /// From a seed; neighbouring seeds have nothing in common.
    #[must_use]
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Self(seed ^ 0x5851_f42d_4c95_7f2d);
        rng.number();
        rng
    }

    /// 64 bits.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `n`; 0 where `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.number() % n.max(1)
    }

    /// From `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True so many times of a hundred.
    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of them.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    /// Milliseconds from `low` to `high`.
    pub(crate) fn ms(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    /// Another stream of numbers.
    pub(crate) fn fork(&mut self) -> Self {
        Self::new(self.number())
    }
}

/// The daemon's ids and random numbers, from the seed.
pub(crate) struct SeededChance {
    rng: Mutex<(u64, Rng)>,
}

impl SeededChance {
    /// From a generator.
    #[must_use]
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            rng: Mutex::new((0, rng)),
        }
    }
}

impl Chance for SeededChance {
    /// Sorts by age as the daemon's own do: a count where those have the time.
    fn id(&self) -> Uuid {
        let mut inner = self.rng.lock().unwrap();
        inner.0 += 1;
        let (count, random) = (inner.0, inner.1.number());
        Uuid::from_u128((u128::from(count) << 80) | (7 << 76) | (2 << 62) | u128::from(random >> 2))
    }

    fn number(&self) -> u64 {
        self.rng.lock().unwrap().1.number()
    }
}
