//! Percentiles of samples that belong to requests, with intervals.
//!
//! Invariant: a percentile is printed only where it is earned. For its value at least one sample
//! must be expected above it (`n (1 - p) >= 1`: 2 for the median, 10, 20, 100 for the 90th, 95th,
//! 99th); for its interval both ends must lie among the samples (6, 36, 72, 368). Guarded by
//! properties (percentiles rise, intervals hold their values) and by the coverage in `tests.rs`.
//!
//! Value: linear interpolation, type 7 of Hyndman and Fan, "Sample Quantiles in Statistical
//! Packages" (1996): position `(n - 1) p` in the sorted samples, counted from 0.
//!
//! Interval: between two order statistics (David and Nagaraja, "Order Statistics", 7.1), whose ranks
//! are binomial quantiles; no shape of distribution is assumed. Samples of one request resemble each
//! other (the gaps between its tokens), so the binomial is that of the *effective* number of
//! samples, `n / deff`: deff is the variance of the share of samples below the percentile as
//! requests show it, over what independent samples would have, and Student's t for its own error
//! (Korn and Graubard, "Confidence intervals for proportions with small expected number of positive
//! counts estimated from survey data", 1998). This is what a bootstrap over requests estimates,
//! without its resampling, hence without a seed.
//!
//! Requests that follow each other resemble each other too (a queue is long for many at a time). Where
//! the shares of neighbouring requests below the percentile correlate by more than chance does, the
//! variance over requests is that over all lags (`memory.rs`). Of 300 samples whose neighbours
//! correlate by a half, intervals that take requests to be independent cover the truth in 83 % for the
//! median; these cover it in 95 %.

use super::interval::{LEAST_BATCHES, LEAST_FREEDOM, t_quantile};
use super::memory::Memory;
use super::number;
use crate::units::{Estimate, Quantity, Seconds};
use serde::Serialize;
use statrs::distribution::{Binomial, DiscreteCDF};

/// The percentiles that are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Percentile {
    /// The median.
    P50,
    /// 90 % of the samples lie below.
    P90,
    /// 95 % of the samples lie below.
    P95,
    /// 99 % of the samples lie below.
    P99,
}

impl Percentile {
    /// How many percent of the samples lie below.
    pub fn percent(self) -> u8 {
        match self {
            Self::P50 => 50,
            Self::P90 => 90,
            Self::P95 => 95,
            Self::P99 => 99,
        }
    }

    /// All that are reported, the lowest first.
    pub const ALL: [Self; 4] = [Self::P50, Self::P90, Self::P95, Self::P99];

    /// The fewest samples that earn it: one is then expected to lie above.
    pub fn least_samples(self) -> u64 {
        100 / u64::from(100 - self.percent())
    }

    /// Its value among so many samples, of which `at` gives those in rising order by their places from
    /// 0; `None`: they don't earn it. Type 7; the position is computed in hundredths, so that it is
    /// exact.
    pub(crate) fn among(self, count: usize, at: impl Fn(usize) -> Option<f64>) -> Option<f64> {
        if (count as u64) < self.least_samples() {
            return None;
        }
        let hundredths = count.checked_sub(1)? * usize::from(self.percent());
        let (below, share) = (hundredths / 100, number(hundredths % 100) / 100.0);
        let low = at(below)?;
        let high = at(below + 1).unwrap_or(low);
        Some(low + share * (high - low))
    }
}

impl std::fmt::Display for Percentile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p{}", self.percent())
    }
}

/// Samples in rising order, each with the request that it belongs to.
#[derive(Debug)]
pub(super) struct Samples {
    sorted: Vec<(f64, usize)>,
    /// How many samples each request has, those with none left out.
    sizes: Vec<f64>,
}

impl Samples {
    /// Takes the samples of each request.
    pub(super) fn new<S: IntoIterator<Item = Seconds>>(
        requests: impl IntoIterator<Item = S>,
    ) -> Self {
        let (mut sorted, mut sizes) = (Vec::new(), Vec::new());
        for request in requests {
            let before = sorted.len();
            sorted.extend(request.into_iter().map(|sample| (sample.get(), sizes.len())));
            if sorted.len() > before {
                sizes.push(number(sorted.len() - before));
            }
        }
        sorted.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
        Self { sorted, sizes }
    }

    /// How many samples there are.
    pub(super) fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The largest.
    pub(super) fn max(&self) -> Option<Seconds> {
        self.sorted.last().map(|(sample, _)| Seconds(*sample))
    }

    /// A percentile, where it is earned, with its interval, where that is.
    pub(super) fn percentile(&self, percentile: Percentile) -> Option<Estimate<Seconds>> {
        let at = |place: usize| self.sorted.get(place).map(|(sample, _)| *sample);
        let value = percentile.among(self.count(), at)?;
        let interval = self.interval(percentile, value);
        Some(Estimate { value: Seconds(value), interval })
    }

    fn interval(&self, percentile: Percentile, value: f64) -> Option<(Seconds, Seconds)> {
        let effective = self.effective_count(value)?;
        let share = f64::from(percentile.percent()) / 100.0;
        let binomial = Binomial::new(share, effective).ok()?;
        // Ranks from 1: P(B < low) < 2.5 % and P(B < high) >= 97.5 %.
        let (low, high) = (binomial.inverse_cdf(0.025), binomial.inverse_cdf(0.975) + 1);
        if low < 1 || high > effective {
            return None;
        }
        // The ranks among the effective samples as ranks among all, outwards.
        let count = self.count() as u64;
        let at = |rank: u64| self.sorted.get(usize::try_from(rank).ok()?.checked_sub(1)?);
        let (low, _) = at((low * count / effective).max(1))?;
        let (high, _) = at((high * count).div_ceil(effective))?;
        Some((Seconds(*low), Seconds(*high)))
    }

    /// How many independent samples would place `value` as surely as these do; `None`: too few
    /// requests to tell.
    fn effective_count(&self, value: f64) -> Option<u64> {
        let (count, requests) = (number(self.count()), number(self.sizes.len()));
        let single = self.sizes.len() == self.count();
        if self.sizes.len() < LEAST_BATCHES {
            return single.then(|| self.count() as u64);
        }
        let below = self.sorted.partition_point(|(sample, _)| *sample <= value);
        let mut below_of = vec![0.0; self.sizes.len()];
        for (_, request) in &self.sorted[..below] {
            below_of[*request] += 1.0;
        }
        let share = number(below) / count;
        let residuals: Vec<f64> =
            below_of.iter().zip(&self.sizes).map(|(below, size)| below - share * size).collect();
        let squares = residuals.iter().map(|d| d * d).sum::<f64>();
        let products = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>();
        let alike = products > ALIKE * squares / requests.sqrt();
        if single && !alike {
            return Some(self.count() as u64);
        }
        let alone = Memory { variance: squares / (requests - 1.0), freedom: requests - 1.0 };
        let Memory { variance, freedom } = if alike { Memory::of(&residuals)? } else { alone };
        if freedom < LEAST_FREEDOM {
            return None;
        }
        let independent = count * share * (1.0 - share) * count / (count - 1.0);
        let widening = (t_quantile(freedom) / NORMAL).powi(2);
        // All samples on one side: they don't differ, and nothing is to be learned from deff.
        let effect = if independent > 0.0 {
            (variance * requests / independent * widening).max(1.0)
        } else {
            1.0
        };
        Some(whole(count / effect))
    }
}

/// Neighbours correlate by more than chance does above this many standard errors: one in twenty
/// that do not is taken to.
const ALIKE: f64 = 1.645;

/// The normal distribution's quantile at 0.975.
const NORMAL: f64 = 1.959_963_984_540_054;

/// The whole part of a number of samples.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most the number of samples, and not negative"
)]
fn whole(count: f64) -> u64 {
    count as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One sample a request.
    fn singles(samples: impl IntoIterator<Item = f64>) -> Samples {
        Samples::new(samples.into_iter().map(|sample| [Seconds(sample)]))
    }

    #[track_caller]
    fn check(count: u32, percentile: Percentile, want: Option<f64>) {
        // 1, 2, …, n, backwards: sorting is the code's.
        let got = singles((1..=count).rev().map(f64::from)).percentile(percentile);
        let got = got.map(|estimate| estimate.value.0);
        let same = match (got, want) {
            (Some(got), Some(want)) => (got - want).abs() < 1e-9,
            (got, want) => got.is_none() && want.is_none(),
        };
        assert!(same, "{percentile} of 1..={count}: {got:?} ≠ {want:?}");
    }

    /// Of 1..=n the position is 1 + (n - 1) p.
    #[test]
    fn type_seven_by_hand() {
        check(2, Percentile::P50, Some(1.5));
        check(5, Percentile::P50, Some(3.0));
        check(10, Percentile::P90, Some(9.1));
        check(20, Percentile::P95, Some(19.05));
        check(100, Percentile::P99, Some(99.01));
        check(101, Percentile::P99, Some(100.0));
    }

    #[test]
    fn a_percentile_must_be_earned() {
        check(0, Percentile::P50, None);
        check(1, Percentile::P50, None);
        check(9, Percentile::P90, None);
        check(19, Percentile::P95, None);
        check(99, Percentile::P99, None);
    }

    /// 1, n, 2, n - 1, …: neighbours are not alike.
    fn mixed(count: u32) -> impl Iterator<Item = f64> {
        (0..count).map(move |i| f64::from(if i % 2 == 0 { 1 + i / 2 } else { count - i / 2 }))
    }

    #[track_caller]
    fn check_interval(count: u32, percentile: Percentile, want: Option<(f64, f64)>) {
        let got = singles(mixed(count)).percentile(percentile).unwrap().interval;
        assert_eq!(got, want.map(|(low, high)| (Seconds(low), Seconds(high))), "{percentile}");
    }

    /// The ranks of published tables of order-statistic intervals: 6 samples give (1, 6), since
    /// 2^-6 = 1.6 % is under 2.5 % and 2^-5 = 3.1 % is not; 10 give (2, 9), 100 give (40, 61). The
    /// 99th percentile's upper end needs 0.99^n <= 2.5 %: n >= ln 0.025 / ln 0.99 = 367.04.
    #[test]
    fn intervals_by_hand() {
        check_interval(5, Percentile::P50, None);
        check_interval(6, Percentile::P50, Some((1.0, 6.0)));
        check_interval(10, Percentile::P50, Some((2.0, 9.0)));
        check_interval(100, Percentile::P50, Some((40.0, 61.0)));
        check_interval(367, Percentile::P99, None);
        assert!(singles(mixed(368)).percentile(Percentile::P99).unwrap().interval.is_some());
    }

    /// Ten requests of 40 gaps, each request's gaps all alike: 400 samples, but ten facts. The
    /// median is 5.5; each request has 40 or none below it, ±20 around its share, so deff is
    /// 10 × 20² × 10/9 = 4,444 over 400 / 4 × 400/399 = 100.25, times (2.2622 / 1.9600)²: 59.06.
    /// 400 / 59.06 leaves 6 samples with the ranks (1, 6), which are (66, 400) among all.
    #[test]
    fn gaps_of_one_request_are_not_many_samples() {
        let requests = mixed(10).map(|r| vec![Seconds(r); 40]);
        let estimate = Samples::new(requests).percentile(Percentile::P50).unwrap();
        assert_eq!(estimate.interval, Some((Seconds(2.0), Seconds(10.0))));
    }

    #[test]
    fn gaps_of_few_requests_have_no_interval() {
        let requests = (0..5).map(|_| (0..100).map(|gap| Seconds(f64::from(gap))));
        let estimate = Samples::new(requests).percentile(Percentile::P50).unwrap();
        assert_eq!(estimate, Estimate::bare(Seconds(49.5)));
    }

    #[test]
    fn samples_that_never_differ_have_no_width() {
        let requests = (0..10).map(|_| [Seconds(3.0); 20]);
        let estimate = Samples::new(requests).percentile(Percentile::P90).unwrap();
        assert_eq!(estimate.interval, Some((Seconds(3.0), Seconds(3.0))));
    }

    proptest! {
        #[test]
        fn percentiles_rise_and_lie_in_their_intervals(
            requests in prop::collection::vec(prop::collection::vec(0.0..10.0f64, 0..40), 0..40),
        ) {
            let samples = Samples::new(requests.iter().map(|r| r.iter().copied().map(Seconds)));
            let found: Vec<_> = Percentile::ALL.iter().filter_map(|p| samples.percentile(*p)).collect();
            for pair in found.windows(2) {
                prop_assert!(pair[0].value <= pair[1].value);
            }
            for Estimate { value, interval } in found {
                if let Some((low, high)) = interval {
                    prop_assert!(low <= value && value <= high, "{value} not in {low}..{high}");
                }
            }
        }
    }
}
