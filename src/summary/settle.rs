//! Where a series settles: the warm-up that is still in it, by MSER-5.
//!
//! Invariant: nothing is cut from a series that was settled from its beginning, so that a run doesn't
//! lose its data to chance; and what is cut is the beginning alone: a series that changes in its
//! second half (of the time, or of the requests) has not settled, and a run that changes at its end is told, not trimmed. Guarded by
//! simulated series with a known transient below.
//!
//! White, "An effective truncation heuristic for bias reduction in simulation output" (1997), and
//! White, Cobb and Spratt, "A comparison of five steady-state truncation heuristics" (2000): in
//! batches of five samples, the cut `d` makes
//!
//! ```text
//! Σ_{i > d} (z_i - z̄_d)² / (n - d)²
//! ```
//!
//! the least: the squared standard error of the mean of what is left. A cut in the second half says
//! that the series is too short; the last batches are no candidates (Hoad, Robinson and Davies,
//! "Automating warm-up length estimation", 2010), for few samples resemble each other by chance.
//! MSER alone also cuts settled series, by a tenth in the mean. So a cut is only believed where the
//! mean of what it cuts off differs from the rest's by more than chance does, the rest's memory
//! taken into account.

use super::memory::Memory;
use super::number;
use super::steady::{completions, mean_in_flight};
use super::tokens::arrivals;
use crate::record::{Run, Span};
use crate::units::{Ratio, Seconds};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Samples in a batch.
pub(super) const BATCH: usize = 5;

/// Fewer batches tell nothing of a beginning.
const LEAST_BATCHES: usize = 10;

/// More batches are no finer than what they are to find.
const MOST_BATCHES: usize = 100;

/// The last batches, which are no candidates: at least so many,
const LAST_BATCHES: usize = 5;

/// and this part of all. What is left must know its own memory.
const LAST_PART: usize = 5;

/// A settled series is cut by chance at most this often at a given place. The place is the worst of
/// all, so this must be far less than one in twenty.
const CHANCE: f64 = 5e-4;

/// A beginning that is off by less than this share of the rest changes nothing that anybody decides,
/// however sure it is.
const MATERIAL: f64 = 0.01;

/// Where a series settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// After so many samples, of its first half; none: it was settled from its beginning.
    After(usize),
    /// Not in its first half.
    Never,
}

/// Where a series settles; `None` where it is too short to tell.
pub(super) fn settle(samples: &[f64]) -> Option<Settled> {
    let batches: Vec<f64> = samples
        .chunks_exact(BATCH)
        .map(|batch| batch.iter().sum::<f64>() / number(BATCH))
        .collect();
    if batches.len() < LEAST_BATCHES {
        return None;
    }
    let cut = least_error(&batches);
    Some(if cut == 0 || !differs(&batches, cut) {
        Settled::After(0)
    } else if cut > batches.len() / 2 {
        Settled::Never
    } else {
        Settled::After(cut * BATCH)
    })
}

/// The cut after which the mean's standard error is the least.
fn least_error(batches: &[f64]) -> usize {
    // From the end, so that each cut's mean and squares follow from the next one's (Welford).
    let last = LAST_BATCHES.max(batches.len() / LAST_PART);
    let (mut mean, mut squares, mut count) = (0.0, 0.0, 0.0);
    let mut best = (0, f64::INFINITY);
    for (cut, batch) in batches.iter().enumerate().rev() {
        count += 1.0;
        let apart = batch - mean;
        mean += apart / count;
        squares += apart * (batch - mean);
        let error = squares / (count * count);
        // Of equals the earliest.
        if cut + last <= batches.len() && error <= best.1 {
            best = (cut, error);
        }
    }
    best.0
}

/// Whether what is before a cut differs from the rest by more than chance.
fn differs(batches: &[f64], cut: usize) -> bool {
    let (before, rest) = batches.split_at(cut);
    let mean = |of: &[f64]| of.iter().sum::<f64>() / number(of.len());
    let settled = mean(rest);
    let residuals: Vec<f64> = rest.iter().map(|batch| batch - settled).collect();
    let Some(Memory { variance, freedom }) = Memory::of(&residuals) else { return false };
    let error = (variance * (1.0 / number(before.len()) + 1.0 / number(rest.len()))).sqrt();
    let bar = StudentsT::new(0.0, 1.0, freedom.max(1.0))
        .map_or(f64::INFINITY, |t| t.inverse_cdf(1.0 - CHANCE / 2.0));
    let apart = (mean(before) - settled).abs();
    apart > bar * error && apart > MATERIAL * settled.abs()
}

/// What of a run's measured time is settled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    /// The measured time without the warm-up that was still in it.
    pub(super) span: Span,
    /// How long that was; `None`: too few rounds of requests to tell.
    pub(super) cut: Option<Seconds>,
    /// The rate changed in the second half of the time or of the requests: nothing was cut.
    pub(super) never: bool,
    /// The rate changes so long before the end, seen from there.
    pub(super) end: Option<Seconds>,
}

impl Window {
    /// Looks at output tokens in equal bins of time. A batch of five bins is as long as a round of
    /// requests at least: within a round prompts come first and tokens after.
    pub(super) fn of(run: &Run, measured: Span) -> Self {
        let rounds = number(completions(run, measured).len())
            / mean_in_flight(run, measured).unwrap_or(0.0).max(1.0);
        let batches = (1..=MOST_BATCHES).take_while(|batches| number(*batches) <= rounds).count();
        let bins = binned(run, measured, batches * BATCH);
        let width = measured.length() * Ratio::of(1.0 / number(bins.len().max(1)));
        let after = |count: usize| width * Ratio::of(number(count));
        let backwards: Vec<f64> = bins.iter().rev().copied().collect();
        let end = match settle(&backwards) {
            Some(Settled::After(count)) if count > 0 => Some(after(count)),
            _ => None,
        };
        let (cut, never) = match settle(&bins) {
            None => (None, false),
            Some(Settled::After(count)) if !takes_most(run, measured, after(count)) => {
                (Some(after(count)), false)
            }
            Some(_) => (Some(Seconds(0.0)), true),
        };
        let from = cut.map_or(measured.from, |cut| measured.from.after(cut));
        Self { span: Span { from, ..measured }, cut, never, end }
    }
}

/// Whether a cut would take more than half of the requests: then what is left is no run that began
/// slowly but one that ended early.
fn takes_most(run: &Run, measured: Span, cut: Seconds) -> bool {
    let due = |span: Span| run.requests.iter().filter(|request| span.holds(request.due)).count();
    let left = Span { from: measured.from.after(cut), ..measured };
    2 * due(left) < due(measured)
}

/// Output tokens by equal bins of time, whoever got them.
fn binned(run: &Run, measured: Span, bins: usize) -> Vec<f64> {
    let mut tokens = vec![0.0; bins];
    let nanos = measured.to.0 - measured.from.0;
    for arrival in run.requests.iter().flat_map(arrivals) {
        if measured.holds(arrival.at) {
            let since = u128::from(arrival.at.0 - measured.from.0);
            let bin = since * bins as u128 / u128::from(nanos);
            if let Some(sum) = usize::try_from(bin).ok().and_then(|bin| tokens.get_mut(bin)) {
                *sum += arrival.tokens.get();
            }
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Finish;
    use crate::record::builder::{RunBuilder, request};
    use crate::summary::tests::normal;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// 500 samples of noise around 100 that remembers by ρ, with what `bias` adds to each.
    fn series(seed: u64, rho: f64, bias: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut z = normal(&mut chance);
        (0..500)
            .map(|i| {
                let now = z;
                z = rho * z + (1.0 - rho * rho).sqrt() * normal(&mut chance);
                100.0 + 5.0 * now + bias(f64::from(i))
            })
            .collect()
    }

    fn cuts(rho: f64, bias: impl Fn(f64) -> f64 + Copy) -> Vec<f64> {
        let cut = |seed| match settle(&series(seed, rho, bias)) {
            Some(Settled::After(samples)) => number(samples),
            Some(Settled::Never) => f64::INFINITY,
            None => panic!("too short"),
        };
        let mut cuts: Vec<_> = (0..400).map(cut).collect();
        cuts.sort_by(f64::total_cmp);
        cuts
    }

    /// Where a known transient ends: it falls below the noise of one batch of five, for which
    /// `var = 25 (1 + 2 Σ (1 - k/5) ρ^k) / 5`. Setting the derivative of what MSER makes the least to
    /// zero gives the same.
    fn truth(rho: f64, bias: impl Fn(f64) -> f64) -> f64 {
        let lags: f64 = (1..5).map(|k| (1.0 - f64::from(k) / 5.0) * rho.powi(k)).sum();
        let noise = (5.0 * (1.0 + 2.0 * lags)).sqrt();
        let ended = (0..500_u32).find(|i| bias(f64::from(*i)).abs() < noise);
        f64::from(ended.unwrap())
    }

    #[track_caller]
    fn check(rho: f64, bias: impl Fn(f64) -> f64 + Copy) {
        let (median, truth) = (cuts(rho, bias)[200], truth(rho, bias));
        assert!((median - truth).abs() <= number(BATCH), "{median} cut, {truth} to be cut");
    }

    #[test]
    fn a_step_is_cut_where_it_is() {
        for rho in [0.0, 0.5] {
            check(rho, |i| if i < 80.0 { -40.0 } else { 0.0 });
            check(rho, |i| if i < 37.0 { 25.0 } else { 0.0 });
        }
    }

    #[test]
    fn a_ramp_is_cut_where_it_sinks_into_the_noise() {
        for rho in [0.0, 0.5] {
            check(rho, |i| -100.0 * (-i / 20.0).exp());
            check(rho, |i| -60.0 * (-i / 30.0).exp());
        }
    }

    #[test]
    fn what_was_settled_is_not_cut() {
        for rho in [0.0, 0.5, 0.8] {
            let cuts = cuts(rho, |_| 0.0);
            let mean = cuts.iter().sum::<f64>() / number(cuts.len());
            assert!(mean < 1.0, "{mean} of 500 samples are cut in the mean at {rho}");
        }
    }

    #[test]
    fn a_change_in_the_second_half_is_no_warm_up() {
        let late = |i: f64| if i < 350.0 { -40.0 } else { 0.0 };
        assert_eq!(settle(&series(1, 0.0, late)), Some(Settled::Never));
        // What never settles has nothing to be cut off: that it drifts is the interval's to say.
        let always = |i: f64| i / 5.0;
        assert!(!matches!(settle(&series(1, 0.0, always)), Some(Settled::After(1..))));
    }

    #[test]
    fn samples_without_noise() {
        assert_eq!(settle(&[7.0; 100]), Some(Settled::After(0)));
        let step: Vec<f64> = (0..100).map(|i| if i < 13 { 0.0 } else { 7.0 }).collect();
        assert_eq!(settle(&step), Some(Settled::After(15)));
        assert_eq!(settle(&[7.0; 49]), None);
    }

    /// One in flight, 4 tokens each; the first 20 take 300 ms, the next `fast` 100.
    fn run(fast: usize, to: f64) -> Run {
        let mut run = RunBuilder::measured(0.0, to);
        let mut at = 0.0;
        for each in [300.0; 20].into_iter().chain(std::iter::repeat_n(100.0, fast)) {
            run = run.request(request(at).tokens(4, each / 4.0).done(Finish::Length));
            at += each;
        }
        run.build()
    }

    /// Slow until 6 s of 26: 220 requests are 100 batches of 0.26 s, of which 23 are slow and one is
    /// half so.
    #[test]
    fn a_runs_warm_up_is_found() {
        let run = run(200, 26_000.0);
        let window = Window::of(&run, run.measured().unwrap());
        let cut = window.cut.unwrap().0;
        assert!((5.98..=6.25).contains(&cut), "{cut}");
        assert_eq!((window.never, window.end), (false, None));
        assert_eq!(window.span.from, crate::record::builder::ms(cut * 1e3));
        // Its rate is the fast one's, and the summary says what was left out.
        let summary = crate::summary::summarize(&run);
        assert!((summary.output_rate.unwrap().value.0 - 40.0).abs() < 1e-6);
        assert_eq!(summary.warm_up_cut, window.cut);
    }

    /// The same, but nothing comes after 6.5 s: the rest is no steady state of a slow beginning.
    #[test]
    fn a_run_that_ended_early_is_not_cut_down_to_its_silence() {
        let run = run(5, 26_000.0);
        let window = Window::of(&run, run.measured().unwrap());
        assert_eq!((window.cut, window.never), (Some(Seconds(0.0)), true));
    }

    #[test]
    fn few_requests_tell_nothing() {
        let run = run(0, 2_900.0);
        let window = Window::of(&run, run.measured().unwrap());
        assert_eq!((window.cut, window.never, window.end), (None, false, None));
    }
}
