//! Intervals against known truth: autoregressive series of known mean and memory.
//!
//! Oracle: an AR(1) of unit variance and correlation ρ has `n var(mean) = 1 + 2 Σ (1 - k/n) ρ^k`,
//! exactly, for any n.

use super::Percentile;
use super::interval::{Error, Stretch, ratio_of_totals};
use super::number;
use super::percentile::Samples;
use super::tests::normal;
use crate::units::Seconds;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A stationary series around 100, of unit variance.
fn series(chance: &mut ChaCha8Rng, rho: f64, samples: usize) -> Vec<f64> {
    let mut z = normal(chance);
    let next = |_| {
        let now = z;
        z = rho * z + (1.0 - rho * rho).sqrt() * normal(chance);
        100.0 + now
    };
    (0..samples).map(next).collect()
}

/// Half the width of a 95 % interval whose maker knows ρ.
fn theory(rho: f64, samples: usize) -> f64 {
    let n = number(samples);
    let lags = (1..samples).scan(1.0, |power, k| {
        *power *= rho;
        Some((1.0 - number(k) / n) * *power)
    });
    1.959_964 * ((1.0 + 2.0 * lags.sum::<f64>()) / n).sqrt()
}

/// What simulated series gave.
struct Found {
    /// The share of intervals that hold the truth.
    covered: f64,
    /// Their mean width over theory's.
    width: f64,
    /// The share of series that have one.
    given: f64,
}

fn simulate(rho: f64, samples: usize, runs: u64) -> Found {
    let (mut covering, mut widths, mut given) = (0_u64, 0.0, 0_u64);
    for seed in 0..runs {
        let mut chance = ChaCha8Rng::seed_from_u64(seed * 1_000 + samples as u64);
        let y = series(&mut chance, rho, samples);
        let stretches: Vec<_> = y.into_iter().map(|y| Stretch { x: 1.0, y }).collect();
        let total = ratio_of_totals(&stretches, 1).unwrap();
        if let Error::Within(half) = total.error {
            given += 1;
            widths += half;
            covering += u64::from((total.value - 100.0).abs() <= half);
        }
    }
    let count = |of: u64| number(usize::try_from(of).unwrap());
    Found {
        covered: count(covering) / count(given),
        width: widths / count(given) / theory(rho, samples),
        given: count(given) / count(runs),
    }
}

#[track_caller]
fn check(rho: f64, samples: usize, (least, most): (f64, f64), width: f64, given: f64) {
    let found = simulate(rho, samples, 2_000);
    let Found { covered, width: got, given: have } = found;
    assert!((least..=most).contains(&covered), "{covered} cover the truth");
    assert!(got <= width, "{got} times as wide as theory gives");
    assert!(have >= given, "only {have} have an interval");
}

#[test]
fn long_series_cover_the_truth_and_are_not_too_wide() {
    for rho in [0.0, 0.5, 0.9] {
        check(rho, 2_000, (0.93, 0.97), 1.15, 1.0);
    }
}

/// The mean width of 30 is that of a few very wide ones.
#[test]
fn short_series_are_not_too_narrow() {
    check(0.0, 30, (0.93, 0.97), 1.4, 0.97);
    check(0.5, 30, (0.93, 0.97), 2.0, 0.88);
    check(0.5, 60, (0.93, 0.97), 1.5, 0.97);
    check(0.5, 100, (0.93, 0.97), 1.3, 0.99);
}

/// Normal samples: the median is 100, the 90th percentile 101.281552.
#[track_caller]
fn check_percentiles(rho: f64, samples: usize) {
    for (percentile, truth) in [(Percentile::P50, 100.0), (Percentile::P90, 101.281_552)] {
        let (mut covered, mut given) = (0, 0);
        for seed in 0..1_000 {
            let y = series(&mut ChaCha8Rng::seed_from_u64(seed), rho, samples);
            let samples = Samples::new(y.into_iter().map(|y| [Seconds(y)]));
            if let Some((low, high)) = samples.percentile(percentile).unwrap().interval {
                given += 1;
                covered += i32::from(low.0 <= truth && truth <= high.0);
            }
        }
        let share = f64::from(covered) / f64::from(given);
        assert!(given > 970 && (0.93..=0.985).contains(&share), "{percentile}: {share} of {given}");
    }
}

#[test]
fn percentiles_of_requests_that_are_alike_cover_the_truth() {
    check_percentiles(0.0, 300);
    check_percentiles(0.5, 300);
}
