//! Numbers for random histories.
//!
//! Invariant: they follow from the seed alone.

use super::world::mix;

/// Numbers for one history, from its seed.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// Those of a seed; no two seeds below 2^32 share any.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(1 << 32))
    }

    /// A number below `ends`, which is small.
    pub(super) fn below(&mut self, ends: u32) -> u32 {
        self.0 = self.0.wrapping_add(1);
        u32::try_from((mix(self.0, 0x5eed) >> 11) % u64::from(ends)).unwrap()
    }

    pub(super) fn from(&mut self, range: std::ops::RangeInclusive<u32>) -> u32 {
        range.start() + self.below(range.end() - range.start() + 1)
    }

    pub(super) fn one_in(&mut self, many: u32) -> bool {
        self.below(many) == 0
    }
}
