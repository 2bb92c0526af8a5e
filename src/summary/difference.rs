//! The difference of two figures that were measured independently.
//!
//! Invariant: a difference whose interval holds 0 is a tie, and one without an interval tells nothing,
//! however large it looks. Guarded by hand-worked cases below.
//!
//! The errors of independent measurements add in squares, side by side: what makes `b - a` as low as it
//! may be is `b` at its low end and `a` at its high one. So
//!
//! ```text
//! low = (b - a) - √((b - b_low)² + (a_high - a)²),    high = (b - a) + √((b_high - b)² + (a - a_low)²)
//! ```
//!
//! which keeps lopsided intervals lopsided (those of percentiles are): Zou and Donner, "Construction of
//! confidence limits about effect measures: a general approach", Statistics in Medicine 27 (2008).

use crate::units::{Estimate, Quantity};
use serde::Serialize;

/// Where one figure lies beside another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The interval of the difference holds 0.
    Tie,
    /// The second is higher.
    Higher,
    /// The second is lower.
    Lower,
    /// One of them has no interval, so nothing tells.
    Unknown,
}

/// `b - a`, with its 95 % interval where both have one.
pub fn difference<Q: Quantity>(a: Estimate<Q>, b: Estimate<Q>) -> Estimate<Q> {
    let (from, to) = (a.value.get(), b.value.get());
    let apart = to - from;
    let interval = a.interval.zip(b.interval).map(|((a_low, a_high), (b_low, b_high))| {
        let below = (to - b_low.get()).hypot(a_high.get() - from);
        let above = (b_high.get() - to).hypot(from - a_low.get());
        (Q::of(apart - below), Q::of(apart + above))
    });
    Estimate { value: Q::of(apart), interval }
}

/// Where the second of two figures lies, by their difference.
pub fn side<Q: Quantity>(difference: Estimate<Q>) -> Side {
    match difference.interval {
        None => Side::Unknown,
        Some((low, _)) if low.get() > 0.0 => Side::Higher,
        Some((_, high)) if high.get() < 0.0 => Side::Lower,
        Some(_) => Side::Tie,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::TokensPerSecond;

    type Ends = (f64, f64, f64);

    fn estimate((low, value, high): Ends) -> Estimate<TokensPerSecond> {
        let interval = Some((TokensPerSecond(low), TokensPerSecond(high)));
        Estimate { value: TokensPerSecond(value), interval }
    }

    #[track_caller]
    fn check(a: Ends, b: Ends, want: Ends, which: Side) {
        let got = difference(estimate(a), estimate(b));
        let (low, high) = got.interval.unwrap();
        let close = |got: TokensPerSecond, want: f64| (got.0 - want).abs() < 1e-9;
        assert!(close(got.value, want.1) && close(low, want.0) && close(high, want.2), "{got:?}");
        assert_eq!(side(got), which);
    }

    /// 3 and 4 make 5: not 7, as plain sums would.
    #[test]
    fn errors_add_in_squares() {
        check((97.0, 100.0, 103.0), (102.0, 106.0, 110.0), (1.0, 6.0, 11.0), Side::Higher);
        check((97.0, 100.0, 103.0), (100.0, 104.0, 108.0), (-1.0, 4.0, 9.0), Side::Tie);
        check((97.0, 100.0, 103.0), (90.0, 94.0, 98.0), (-11.0, -6.0, -1.0), Side::Lower);
    }

    /// Up: 12 of b and 5 of a; down: 4 of b and 3 of a.
    #[test]
    fn lopsided_intervals_stay_lopsided() {
        check((5.0, 10.0, 13.0), (16.0, 20.0, 32.0), (5.0, 10.0, 23.0), Side::Higher);
    }

    #[test]
    fn the_same_run_twice_is_a_tie() {
        check(
            (90.0, 100.0, 110.0),
            (90.0, 100.0, 110.0),
            (-(200.0_f64).sqrt(), 0.0, (200.0_f64).sqrt()),
            Side::Tie,
        );
    }

    #[test]
    fn without_an_interval_nothing_is_told() {
        let bare = Estimate::bare(TokensPerSecond(1_000.0));
        let got = difference(estimate((97.0, 100.0, 103.0)), bare);
        assert_eq!((got.interval, side(got)), (None, Side::Unknown));
        assert!((got.value.0 - 900.0).abs() < 1e-9);
    }
}
