//! Simulated time: whole femtoseconds since the traffic began.
//!
//! Invariant: sums are exact, whatever their order. So k steps at once take, to the last digit, the
//! time of k steps one by one, and no request comes before or after a step by rounding alone. Two
//! machines' times can be equal; who goes first then is said where it matters. `u128` holds 10¹⁵ years.

use crate::units::Seconds;

/// A moment, or a length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Tick(pub(super) u128);

const PER_SECOND: f64 = 1e15;

impl Tick {
    /// Later than all that happens.
    pub(super) const NEVER: Self = Self(u128::MAX);

    /// To the nearest; what is negative or no number is nothing.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounded and not negative; a cast saturates"
    )]
    pub(super) fn of(time: Seconds) -> Self {
        Self((time.0 * PER_SECOND).round().max(0.0) as u128)
    }

    /// As it is reported.
    #[expect(clippy::cast_precision_loss, reason = "reported to 16 digits")]
    pub(super) fn seconds(self) -> Seconds {
        Seconds(self.0 as f64 / PER_SECOND)
    }

    /// This long after.
    pub(super) fn after(self, time: Self) -> Self {
        Self(self.0.saturating_add(time.0))
    }

    /// The time from `earlier` to this; nothing if `earlier` is later.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }

    /// So many times as long.
    pub(super) fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(u128::from(count)))
    }

    /// The share of it that `part` is of `whole`, to a femtosecond less. Exact up to hours.
    pub(super) fn share(self, part: Self, whole: Self) -> Self {
        Self(self.0.saturating_mul(part.0).checked_div(whole.0).unwrap_or(0))
    }

    /// Half as long, to a femtosecond less.
    pub(super) fn half(self) -> Self {
        Self(self.0 / 2)
    }
}

impl std::iter::Sum for Tick {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), Self::after)
    }
}
