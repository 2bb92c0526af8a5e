//! Several runs of one plan: how much they differ from each other, beside what each says of itself.
//!
//! Invariant: the interval is that of the runs' mean by how the *runs* differ (Student's t over runs),
//! since a run can't know what changes from one to the next: heat, placement, neighbours, the order
//! of warm-up. Where runs differ by more than their own intervals explain, that is said. Guarded by
//! hand-worked cases and simulated runs below. A void run is no repeat; it is left out and counted.

use super::doubt::Verdict;
use super::interval::t_quantile;
use super::{Summary, number};
use crate::units::{Estimate, Quantity, Ratio, Seconds, TokensPerSecond};
use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// The normal distribution's quantile at 0.975.
const NORMAL: f64 = 1.959_963_984_540_054;

/// The figures of several runs of one plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Repeats {
    /// How many runs there are that are not void.
    pub runs: u64,
    /// How many were void, and are left out.
    pub void: u64,
    /// Delivered output tokens over time.
    pub output_rate: Option<Repeated<TokensPerSecond>>,
    /// Delivered input and output tokens over time.
    pub total_rate: Option<Repeated<TokensPerSecond>>,
    /// The median time to first token.
    pub ttft_p50: Option<Repeated<Seconds>>,
    /// Its 99th percentile.
    pub ttft_p99: Option<Repeated<Seconds>>,
    /// The median time per output token after it.
    pub tpot_p50: Option<Repeated<Seconds>>,
    /// The median time of the whole request.
    pub e2e_p50: Option<Repeated<Seconds>>,
}

/// One figure of several runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Repeated<Q> {
    /// How many runs have it.
    pub runs: u64,
    /// Their mean, with its 95 % interval by how they differ; one run has none.
    pub mean: Estimate<Q>,
    /// Half the width of the interval that one run gives itself, the root of the mean square;
    /// `None`: a run has none.
    pub within: Option<Q>,
    /// The runs' standard deviation over their mean.
    pub spread: Option<Ratio>,
    /// The runs differ by more than their own intervals explain (a χ² test at 5 %); `None` where
    /// there are too few, or they give no intervals.
    pub differ: Option<bool>,
}

/// Puts the runs of one plan together. That they are of one plan is the caller's to know.
pub fn repeats(summaries: &[&Summary]) -> Repeats {
    let sound: Vec<&Summary> =
        summaries.iter().copied().filter(|one| one.verdict != Verdict::Void).collect();
    Repeats {
        runs: sound.len() as u64,
        void: (summaries.len() - sound.len()) as u64,
        output_rate: Repeated::of(sound.iter().map(|one| one.output_rate)),
        total_rate: Repeated::of(sound.iter().map(|one| one.total_rate)),
        ttft_p50: Repeated::of(sound.iter().map(|one| one.ttft.p50)),
        ttft_p99: Repeated::of(sound.iter().map(|one| one.ttft.p99)),
        tpot_p50: Repeated::of(sound.iter().map(|one| one.tpot.p50)),
        e2e_p50: Repeated::of(sound.iter().map(|one| one.e2e.p50)),
    }
}

impl<Q: Quantity> Repeated<Q> {
    /// Of the runs that have it; `None` of none.
    fn of(figures: impl Iterator<Item = Option<Estimate<Q>>>) -> Option<Self> {
        let figures: Vec<Estimate<Q>> = figures.flatten().collect();
        let values: Vec<f64> = figures.iter().map(|figure| figure.value.get()).collect();
        let runs = number(values.len());
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / runs;
        let half = |(low, high): (Q, Q)| (high.get() - low.get()) / 2.0;
        let halves: Option<Vec<f64>> =
            figures.iter().map(|figure| figure.interval.map(half)).collect();
        let square = halves.map(|halves| halves.iter().map(|h| h * h).sum::<f64>() / runs);
        let variance = (values.len() > 1)
            .then(|| values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (runs - 1.0));
        let interval = variance.map(|v| t_quantile(runs - 1.0) * (v / runs).sqrt());
        let differ = variance.zip(square).and_then(|(between, square)| {
            let explained = square / (NORMAL * NORMAL);
            let bar = ChiSquared::new(runs - 1.0).ok()?.inverse_cdf(0.95) / (runs - 1.0);
            Some(between > bar * explained)
        });
        Some(Self {
            runs: values.len() as u64,
            mean: interval.map_or(Estimate::bare(Q::of(mean)), |half| {
                Estimate::within(Q::of(mean), Q::of(half))
            }),
            within: square.map(|square| Q::of(square.sqrt())),
            spread: variance.filter(|_| mean > 0.0).map(|v| Ratio::of(v.sqrt() / mean)),
            differ,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::normal;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn repeated(figures: &[(f64, f64)]) -> Repeated<Seconds> {
        let estimate =
            |(value, half): &(f64, f64)| Some(Estimate::within(Seconds(*value), Seconds(*half)));
        Repeated::of(figures.iter().map(estimate)).unwrap()
    }

    /// 9, 10 and 11: mean 10, s = 1, t(2) = 4.302653, half-width 4.302653 / √3 = 2.484138. The
    /// bar is χ²(2) = 5.991465 / 2 = 2.995732 times what intervals explain: half-widths of 1.1
    /// explain 0.315 (bar 0.944 < 1), of 1.2 0.375 (bar 1.123).
    #[test]
    fn three_runs_by_hand() {
        let got = repeated(&[(9.0, 1.1), (10.0, 1.1), (11.0, 1.1)]);
        let (low, high) = got.mean.interval.unwrap();
        assert!((low.0 - 7.515_862).abs() < 1e-6 && (high.0 - 12.484_138).abs() < 1e-6);
        assert!((got.within.unwrap().0 - 1.1).abs() < 1e-9);
        assert!((got.spread.unwrap().get() - 0.1).abs() < 1e-9);
        assert_eq!((got.runs, got.differ), (3, Some(true)));
        assert_eq!(repeated(&[(9.0, 1.2), (10.0, 1.2), (11.0, 1.2)]).differ, Some(false));
    }

    #[test]
    fn one_run_has_no_interval_between_runs() {
        let got = repeated(&[(9.0, 1.0)]);
        assert_eq!((got.mean, got.spread, got.differ), (Estimate::bare(Seconds(9.0)), None, None));
        assert_eq!(Repeated::<Seconds>::of([None, None].into_iter()), None);
    }

    /// 2,000 times five runs around 10 whose own errors are 1 and that differ by `between` beside.
    fn simulate(between: f64) -> (f64, f64) {
        let (mut covered, mut differ) = (0, 0);
        for seed in 0..2_000 {
            let mut chance = ChaCha8Rng::seed_from_u64(seed);
            let runs: Vec<_> = (0..5)
                .map(|_| (10.0 + normal(&mut chance) + between * normal(&mut chance), NORMAL))
                .collect();
            let got = repeated(&runs);
            let (low, high) = got.mean.interval.unwrap();
            covered += u32::from(low.0 <= 10.0 && 10.0 <= high.0);
            differ += u32::from(got.differ == Some(true));
        }
        (f64::from(covered) / 2_000.0, f64::from(differ) / 2_000.0)
    }

    #[test]
    fn intervals_between_runs_cover_the_truth() {
        let (covered, differ) = simulate(0.0);
        assert!((0.93..=0.97).contains(&covered) && (0.03..=0.07).contains(&differ), "{differ}");
        let (covered, differ) = simulate(3.0);
        assert!((0.93..=0.97).contains(&covered) && differ > 0.9, "{differ}");
    }
}
