//! When sessions are due, in an open loop.
//!
//! Invariant: due times don't fall, and depend on the process and the seed alone, not on what is
//! sent. A rate of nothing, or of no number, has no arrivals. Guarded by the tests below.

use super::draw::{Purpose, stream};
use crate::record::Arrivals;
use crate::units::{RequestsPerSecond, Seconds};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Gamma};

/// Due times of generated arrivals, without end.
#[derive(Debug)]
pub(super) enum Times {
    /// A closed loop: as soon as there is a place.
    AtOnce,
    /// Evenly spaced.
    Even { rate: RequestsPerSecond, count: u32 },
    /// Gaps drawn.
    Drawn { gaps: Gaps, rate: RequestsPerSecond, draw: Box<ChaCha8Rng>, at: f64 },
    /// There are none.
    Never,
}

/// How gaps are drawn, in units of their mean.
#[derive(Debug)]
pub(super) enum Gaps {
    Exponential,
    Gamma(Gamma<f64>),
}

impl Times {
    pub(super) fn of(arrivals: Arrivals, seed: u64) -> Self {
        let drawn = |gaps, rate| Self::Drawn {
            gaps,
            rate,
            draw: Box::new(stream(seed, Purpose::Arrivals, 0)),
            at: 0.0,
        };
        match arrivals {
            Arrivals::Closed { .. } => Self::AtOnce,
            // A trace brings its times along.
            Arrivals::Trace { .. } => Self::Never,
            Arrivals::Constant { rate }
            | Arrivals::Poisson { rate }
            | Arrivals::Gamma { rate, .. }
                if !(rate.0.is_finite() && rate.0 > 0.0) =>
            {
                Self::Never
            }
            Arrivals::Constant { rate } => Self::Even { rate, count: 0 },
            Arrivals::Poisson { rate } => drawn(Gaps::Exponential, rate),
            Arrivals::Gamma { rate, cv } => {
                let variance = cv.get() * cv.get();
                // Gaps that don't vary are even.
                match Gamma::new(1.0 / variance, variance) {
                    Ok(gamma) if variance > 0.0 => drawn(Gaps::Gamma(gamma), rate),
                    _ if variance.abs() <= 0.0 => Self::Even { rate, count: 0 },
                    _ => Self::Never,
                }
            }
        }
    }
}

/// `Some(None)`: at once; `None`: no more come.
impl Iterator for Times {
    type Item = Option<Seconds>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::AtOnce => Some(None),
            Self::Never => None,
            Self::Even { rate, count } => {
                let due = f64::from(*count) / rate.0;
                *count = count.saturating_add(1);
                Some(Some(Seconds(due)))
            }
            Self::Drawn { gaps, rate, draw, at } => {
                let gap: f64 = match gaps {
                    Gaps::Exponential => Exp1.sample(draw),
                    Gaps::Gamma(gamma) => gamma.sample(draw),
                };
                *at += gap;
                Some(Some(Seconds(*at / rate.0)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Ratio;

    fn gaps(arrivals: Arrivals, count: usize) -> Vec<f64> {
        let due: Vec<f64> =
            Times::of(arrivals, 7).take(count + 1).map(|due| due.unwrap().0).collect();
        due.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// Mean and coefficient of variation of 100,000 gaps, within 5 standard errors of theirs. The
    /// mean's relative error is cv / sqrt(n). That of the deviation is sqrt((kurtosis - 1) / 4n),
    /// and a gamma's kurtosis is 3 + 6 cv^2.
    #[track_caller]
    fn check(arrivals: Arrivals, cv: f64) {
        let gaps = gaps(arrivals, 100_000);
        let n = 100_000.0_f64;
        let mean = gaps.iter().sum::<f64>() / n;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / n;
        let of_mean = 5.0 * cv / n.sqrt();
        assert!((mean * 2.5 - 1.0).abs() <= of_mean + 1e-9, "{arrivals:?}: mean {mean}");
        let of_cv = 5.0 * ((2.0 + 6.0 * cv * cv) / 4.0 / n).sqrt() + of_mean;
        let got = variance.sqrt() / mean;
        assert!((got - cv).abs() <= of_cv * cv + 1e-9, "{arrivals:?}: {got} instead of {cv}");
    }

    const RATE: RequestsPerSecond = RequestsPerSecond(2.5);

    #[test]
    fn gaps_have_their_mean_and_spread() {
        check(Arrivals::Constant { rate: RATE }, 0.0);
        check(Arrivals::Poisson { rate: RATE }, 1.0);
        for cv in [0.0, 0.5, 1.0, 2.0, 3.5] {
            check(Arrivals::Gamma { rate: RATE, cv: Ratio::of(cv) }, cv);
        }
    }

    #[test]
    fn even_gaps_do_not_add_up_errors() {
        let rate = RequestsPerSecond(3.0);
        let last = Times::of(Arrivals::Constant { rate }, 0).nth(3_000_000).unwrap();
        assert_eq!(last, Some(Seconds(1e6)));
    }

    #[test]
    fn twice_the_rate_is_the_same_at_half_the_time() {
        let slow = gaps(Arrivals::Poisson { rate: RATE }, 100);
        let fast = gaps(Arrivals::Poisson { rate: RequestsPerSecond(5.0) }, 100);
        for (slow, fast) in slow.iter().zip(&fast) {
            assert!((slow / 2.0 - fast).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_no_rate_has_no_arrivals() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let rate = RequestsPerSecond(rate);
            for arrivals in [
                Arrivals::Constant { rate },
                Arrivals::Poisson { rate },
                Arrivals::Gamma { rate, cv: Ratio::ONE },
            ] {
                assert_eq!(Times::of(arrivals, 0).next(), None, "{arrivals:?}");
            }
        }
        for cv in [f64::NAN, f64::INFINITY] {
            let arrivals = Arrivals::Gamma { rate: RATE, cv: Ratio::of(cv) };
            assert_eq!(Times::of(arrivals, 0).next(), None, "{arrivals:?}");
        }
    }
}
