//! The bootstrap over problems, deterministic by its seed.
//!
//! Problems are drawn with replacement, as many as there are, each with all its repeats and variants;
//! the statistic of 4,000 such draws gives an interval by its quantiles. Plain quantiles of few problems
//! are too narrow by the factor of a normal for Student's t and of n for n - 1; they are taken further
//! out by as much ("expanded percentile interval": Hesterberg, "What Teachers Should Know About the
//! Bootstrap", The American Statistician 69 (2015), section 4.1):
//!
//! ```text
//! share in each tail = Φ( -√(n / (n - 1)) × t(n - 1, 0.975) )
//! ```
//!
//! Invariant: the same number of problems and seed give the same draws, so two models on the same
//! problems are resampled alike: their differences are paired. Below six problems there is no interval.
//! Coverage of simulated truths: `coverage.rs`.

use super::number;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Fewer problems give no interval: as few batches give none to a run's rates.
pub(super) const LEAST: usize = 6;

/// How often they are drawn.
const REPLICATES: usize = 4_000;

/// How often each problem was drawn, draw by draw.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draws {
    problems: usize,
    times: Vec<u16>,
    /// How many of the ordered statistics lie outside the interval, at each end.
    outside: usize,
}

impl Draws {
    /// Of so many problems; `None` where these are too few.
    pub(super) fn new(problems: usize, seed: u64) -> Option<Self> {
        let outside = outside(problems)?;
        let mut draw = ChaCha8Rng::seed_from_u64(seed);
        let mut times = vec![0_u16; REPLICATES * problems];
        for replicate in times.chunks_exact_mut(problems) {
            for _ in 0..problems {
                let at = below(&mut draw, problems);
                replicate[at] = replicate[at].saturating_add(1);
            }
        }
        Some(Self { problems, times, outside })
    }

    /// The 95 % interval of a statistic, which is given how often each problem was drawn. A draw on
    /// which it has no value (NaN) counts as lowest for the low end and as highest for the high one.
    pub(super) fn interval(&self, statistic: impl Fn(&[u16]) -> f64) -> (f64, f64) {
        let mut values: Vec<f64> = self.times.chunks_exact(self.problems).map(statistic).collect();
        let unknown = values.iter().filter(|value| value.is_nan()).count();
        // NaNs end up behind everything: the known ones are in order before them.
        values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = f64::NAN);
        values.sort_unstable_by(f64::total_cmp);
        let known = &values[..values.len() - unknown];
        let low = self.outside.checked_sub(unknown).and_then(|at| known.get(at));
        let high = self.outside.checked_sub(unknown).and_then(|at| known.get(known.len() - 1 - at));
        (low.copied().unwrap_or(f64::NEG_INFINITY), high.copied().unwrap_or(f64::INFINITY))
    }

    /// The interval of one total over another.
    pub(super) fn of_ratio(&self, above: &[f64], below: &[f64]) -> (f64, f64) {
        self.interval(|times| total(times, above) / total(times, below))
    }
}

/// What was drawn of these, added up.
pub(super) fn total(times: &[u16], of: &[f64]) -> f64 {
    times.iter().zip(of).map(|(times, one)| f64::from(*times) * one).sum()
}

/// How many ordered statistics are left out at each end; `None`: there are too few problems.
fn outside(problems: usize) -> Option<usize> {
    if problems < LEAST {
        return None;
    }
    let n = number(problems);
    let t = student(n - 1.0)?;
    let tail = Normal::standard().cdf(-(n / (n - 1.0)).sqrt() * t);
    let left_out = tail * number(REPLICATES);
    Some((1..REPLICATES).take_while(|count| number(*count) <= left_out).count())
}

/// Student's t at 0.975; `None` where it has no degree of freedom.
pub(super) fn student(freedom: f64) -> Option<f64> {
    StudentsT::new(0.0, 1.0, freedom).ok().map(|t| t.inverse_cdf(0.975))
}

/// A number below a bound, each as likely as the others to within 2^-64.
fn below(draw: &mut ChaCha8Rng, bound: usize) -> usize {
    let wide = u128::from(draw.next_u64()) * (bound as u128);
    usize::try_from(wide >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 6: t(5) = 2.570582 × √1.2 = 2.815931, Φ(-2.815931) = 0.002432: 9 of 4,000. Of 20:
    /// t(19) = 2.093024 × √(20/19) = 2.147400, 0.015881: 63. Of ever so many 0.025: 100.
    #[test]
    fn quantiles_are_taken_further_out_where_there_are_few() {
        let outside: Vec<_> = [5, 6, 20, 100_000].map(outside).to_vec();
        assert_eq!(outside, [None, Some(9), Some(63), Some(99)]);
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let draws = Draws::new(9, 3).unwrap();
        assert_eq!(draws, Draws::new(9, 3).unwrap());
        assert_ne!(draws, Draws::new(9, 4).unwrap());
        assert!(draws.times.chunks_exact(9).all(|one| one.iter().sum::<u16>() == 9));
        // Each problem is drawn about as often as every other: 4,000 times, with a spread of 60.
        for problem in 0..9 {
            let times: u32 =
                draws.times.iter().skip(problem).step_by(9).map(|t| u32::from(*t)).sum();
            assert!((3_700..4_300).contains(&times), "{problem}: {times}");
        }
    }

    #[test]
    fn what_is_not_known_is_on_both_sides() {
        let draws = Draws::new(6, 1).unwrap();
        // The first problem is missing from (5/6)^6 = 33 % of the draws.
        let missing = |times: &[u16]| if times[0] == 0 { f64::NAN } else { 1.0 };
        assert_eq!(draws.interval(missing), (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!(draws.interval(|_| 2.0), (2.0, 2.0));
        // One problem of six: all six draws are of it in 2 of 100,000.
        let rare = |times: &[u16]| if times[0] == 6 { f64::NAN } else { f64::from(times[0]) };
        let (low, high) = draws.interval(rare);
        assert!(low.abs() < 1e-12 && (3.0..=4.0).contains(&high), "{low} {high}");
    }
}
