//! The share of attempts that solved their task, with its interval.
//!
//! Repeats of one problem are not independent: what counts is how much problems differ. The variance of
//! the ratio of totals over problems gives the number of independent attempts that would be as sure,
//! and Wilson's interval, at Student's t for the number of problems, is that of so many (Korn and
//! Graubard, "Confidence Intervals for Proportions With Small Expected Number of Positive Counts
//! Estimated From Survey Data", 1998, with Wilson's in the place of Clopper and Pearson's, as Franco et
//! al., Journal of Survey Statistics and Methodology 7 (2019), found it to cover better):
//!
//! ```text
//! p = Σs / Σr,    V = K / (K - 1) × Σ(s_k - p r_k)² / (Σr)²,    n = p (1 - p) / V, at most Σr
//! ```
//!
//! Where all or none were solved, problems don't differ and V says nothing: then a problem counts once,
//! n = K, as if its repeats could not have come out otherwise.
//!
//! Invariant: the interval is in [0, 1], holds the rate, and is never a point. Guarded by hand-worked
//! cases here and by the coverage of simulated models (`coverage.rs`).

use super::number;
use super::resample::student;
use super::sheet::Sums;
use crate::units::{Estimate, Ratio};

/// The solved rate over problems; `None` where nothing was attempted.
pub(super) fn solved_rate(sums: &[Sums]) -> Option<Estimate<Ratio>> {
    let solved: f64 = sums.iter().map(|one| one.solved).sum();
    let attempts: f64 = sums.iter().map(|one| one.attempts).sum();
    if attempts <= 0.0 {
        return None;
    }
    let rate = solved / attempts;
    let problems = number(sums.len());
    let interval = student(problems - 1.0).map(|t| {
        let scatter: f64 = sums.iter().map(|one| (one.solved - rate * one.attempts).powi(2)).sum();
        let variance = problems / (problems - 1.0) * scatter / attempts.powi(2);
        let spread = rate * (1.0 - rate);
        let alike = if spread > 0.0 { (spread / variance).min(attempts) } else { problems };
        wilson(rate, alike, t)
    });
    let interval =
        interval.map(|(low, high)| (Ratio::of(low.min(rate)), Ratio::of(high.max(rate))));
    Some(Estimate { value: Ratio::of(rate), interval })
}

/// Wilson's interval of a share among so many, at a quantile.
fn wilson(share: f64, among: f64, quantile: f64) -> (f64, f64) {
    let squared = quantile * quantile;
    let all = 1.0 + squared / among;
    let middle = (share + squared / (2.0 * among)) / all;
    let spread = share * (1.0 - share) / among + squared / (4.0 * among * among);
    let half = quantile / all * spread.sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(f64, f64)]) -> Estimate<Ratio> {
        let sums: Vec<Sums> =
            pairs.iter().map(|&(solved, attempts)| Sums { solved, attempts, usd: 0.0 }).collect();
        solved_rate(&sums).unwrap()
    }

    #[track_caller]
    fn check(pairs: &[(f64, f64)], rate: f64, low: f64, high: f64) {
        let got = of(pairs);
        let (a, b) = got.interval.unwrap();
        for (got, want) in [(got.value, rate), (a, low), (b, high)] {
            assert!((got.get() - want).abs() < 1e-4, "{got:?} ≠ {want}");
        }
    }

    /// Five of ten problems, one attempt each: V = 10/9 × 10 × 0.25 / 100 = 0.027778, n = 9, t(9) =
    /// 2.262157, t² = 5.117355: middle 0.5, half = 2.262157 / 1.568595 × √(0.027778 + 0.015794)
    /// = 1.442155 × 0.208739 = 0.301034.
    #[test]
    fn five_of_ten_by_hand() {
        let pairs: Vec<_> = (0..10).map(|i| (f64::from(i % 2), 1.0)).collect();
        check(&pairs, 0.5, 0.198_966, 0.801_034);
    }

    /// The same ten tried five times with the same outcome each time: nothing more is known.
    #[test]
    fn repeats_that_come_out_alike_add_nothing() {
        let pairs: Vec<_> = (0..10).map(|i| (5.0 * f64::from(i % 2), 5.0)).collect();
        check(&pairs, 0.5, 0.198_966, 0.801_034);
    }

    /// Every problem solved in two of four repeats: as sure as forty attempts, not surer.
    /// half = 2.262157 / (1 + 5.117355 / 40) × √(0.00625 + 0.000800) = 2.005576 × 0.083963 = 0.168394.
    #[test]
    fn problems_that_do_not_differ_count_each_attempt() {
        check(&[(2.0, 4.0); 10], 0.5, 0.331_606, 0.668_394);
    }

    /// None of ten problems, five tries each: n = 10, not 50. High end t² / (n + t²) = 5.117355 /
    /// 15.117355 = 0.338509.
    #[test]
    fn none_is_not_sure_to_be_none() {
        check(&[(0.0, 5.0); 10], 0.0, 0.0, 0.338_509);
        check(&[(5.0, 5.0); 10], 1.0, 0.661_491, 1.0);
    }

    #[test]
    fn one_problem_has_no_interval_and_nothing_has_no_rate() {
        assert_eq!(of(&[(1.0, 2.0)]), Estimate::bare(Ratio::of(0.5)));
        assert_eq!(solved_rate(&[]), None);
    }
}
