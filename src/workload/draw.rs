//! Random numbers: a stream for each kind of choice of each session, from one seed.
//!
//! Invariant: what a stream gives depends on its seed, its purpose and its number alone, never on
//! what was drawn elsewhere. Guarded by the tests of `plan` (streams) and below (distributions).

use crate::record::Lengths;
use crate::units::{Ratio, Seconds, Tokens};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};
use statrs::distribution::{ContinuousCDF, Normal};

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Gaps between sessions.
    Arrivals,
    /// Lengths of prompts.
    Prompt,
    /// Lengths of outputs.
    Output,
    /// Which shared prefix.
    Prefix,
    /// How many turns, how long to think.
    Conversation,
    /// The text of a prompt.
    Text,
    /// The text of a shared prefix.
    SharedText,
    /// What the sampler is drawn from.
    Sampler,
    /// The order of a dataset's conversations.
    Order,
}

/// One number out of several, each of which changes it altogether: `SplitMix64`'s finaliser over a
/// chain. Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
pub(crate) fn mixed(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0, |hash, number| {
        let mut z = (hash ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// The stream of a purpose and a session.
pub(super) fn stream(seed: u64, purpose: Purpose, number: u32) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(mixed(&[seed, purpose as u64, u64::from(number)]))
}

/// A number from 0 up to and without 1, in steps of 2^-53.
#[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
pub(super) fn unit(draw: &mut ChaCha8Rng) -> f64 {
    (draw.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A whole number below this one, or 0. The multiplication favours none by more than 1 in
/// 2^64 / `bound`.
pub(super) fn below(draw: &mut ChaCha8Rng, bound: u64) -> u64 {
    let product = u128::from(draw.next_u64()) * u128::from(bound);
    u64::try_from(product >> 64).unwrap_or(0)
}

/// Whether something of this probability happens.
pub(super) fn happens(draw: &mut ChaCha8Rng, share: Ratio) -> bool {
    unit(draw) < share.get()
}

/// An exponential time of this mean.
pub(super) fn exponential(draw: &mut ChaCha8Rng, mean: Seconds) -> Seconds {
    let one: f64 = Exp1.sample(draw);
    Seconds(one * mean.0)
}

/// A length. Each takes one number from the stream, whatever its distribution, and is at least 1.
/// Lengths known by their mean alone are all taken to have it.
pub(super) fn length(draw: &mut ChaCha8Rng, lengths: Lengths) -> Tokens {
    let drawn = match lengths {
        Lengths::Fixed { tokens } | Lengths::Empirical { mean: tokens } => {
            draw.next_u64();
            tokens
        }
        Lengths::Uniform { min, max } => {
            let numbers = max.0.saturating_sub(min.0).saturating_add(1);
            Tokens(min.0.saturating_add(below(draw, numbers)))
        }
        Lengths::Lognormal { median, sigma, max } => lognormal(unit(draw), median, sigma, max),
    };
    Tokens(drawn.0.max(1))
}

/// The most that a length can be.
pub(super) fn longest(lengths: Lengths) -> Tokens {
    let most = match lengths {
        Lengths::Fixed { tokens } | Lengths::Empirical { mean: tokens } => tokens,
        Lengths::Uniform { min, max } => min.max(max),
        Lengths::Lognormal { max, .. } => max,
    };
    Tokens(most.0.max(1))
}

/// Where `at`, from 0 to 1, falls in a lognormal between 1 and `max`: what drawing again while
/// outside gives in the end, by inversion of the truncated distribution.
fn lognormal(at: f64, median: Tokens, sigma: Ratio, max: Tokens) -> Tokens {
    let standard = Normal::standard();
    let deviations = |tokens: f64| (tokens / median.get()).ln() / sigma.get();
    // What rounds to 1, and what rounds to the most.
    let (low, high) = (deviations(0.5), deviations(max.get() + 0.5));
    let (from, to) = (standard.cdf(low), standard.cdf(high));
    let place = from + at * (to - from);
    // Without spread, or where nothing of the distribution lies between, there is nothing to draw.
    let factor = if place > 0.0 && place < 1.0 {
        (standard.inverse_cdf(place) * sigma.get()).exp()
    } else {
        1.0
    };
    Tokens(median.scaled(factor).0.clamp(1, max.0.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of so many draws lies where the distribution has it, within 5 standard errors.
    #[track_caller]
    fn check_mean(lengths: Lengths, mean: f64, deviation: f64) {
        const DRAWS: u32 = 50_000;
        let mut draw = stream(1, Purpose::Prompt, 0);
        let sum: f64 = (0..DRAWS).map(|_| length(&mut draw, lengths).get()).sum();
        let error = 5.0 * deviation / f64::from(DRAWS).sqrt();
        let got = sum / f64::from(DRAWS);
        assert!((got - mean).abs() <= error, "{lengths:?}: {got} instead of {mean} +- {error}");
    }

    fn uniform(min: u64, max: u64) -> Lengths {
        Lengths::Uniform { min: Tokens(min), max: Tokens(max) }
    }

    fn normal_log(median: u64, sigma: f64, max: u64) -> Lengths {
        Lengths::Lognormal { median: Tokens(median), sigma: Ratio::of(sigma), max: Tokens(max) }
    }

    #[test]
    fn lengths_have_the_mean_of_their_distribution() {
        check_mean(Lengths::Fixed { tokens: Tokens(7) }, 7.0, 0.0);
        // Of 101 numbers: variance (101^2 - 1) / 12.
        check_mean(uniform(100, 200), 150.0, 29.2);
        // A maximum far out: mean 800 exp(0.5^2 / 2), variance mean^2 (exp(0.5^2) - 1).
        check_mean(normal_log(800, 0.5, 100_000), 906.5, 483.1);
        // Cut at the median: mean = 906.5 * Phi(-0.5) / Phi(0) = 906.5 * 0.30854 / 0.5 = 559.4.
        check_mean(normal_log(800, 0.5, 800), 559.4, 160.0);
    }

    #[test]
    fn lengths_keep_their_bounds() {
        for lengths in [
            uniform(3, 5),
            uniform(5, 3),
            uniform(0, 0),
            uniform(0, u64::MAX),
            normal_log(2, 3.0, 9),
            normal_log(1_000, 0.1, 3),
            normal_log(50, 0.0, 60),
            normal_log(0, 0.5, 0),
        ] {
            let mut draw = stream(2, Purpose::Output, 0);
            for _ in 0..2_000 {
                let drawn = length(&mut draw, lengths);
                assert!(drawn >= Tokens(1) && drawn <= longest(lengths), "{lengths:?}: {drawn}");
            }
        }
    }

    #[test]
    fn every_length_between_comes() {
        let mut draw = stream(3, Purpose::Prompt, 0);
        let drawn: std::collections::BTreeSet<u64> =
            (0..1_000).map(|_| length(&mut draw, uniform(3, 6)).0).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
    }

    #[test]
    fn thinking_has_its_mean() {
        let mut draw = stream(4, Purpose::Conversation, 0);
        let sum: f64 = (0..50_000).map(|_| exponential(&mut draw, Seconds(3.0)).0).sum();
        // The deviation of an exponential is its mean: 5 * 3 / sqrt(50,000) = 0.067.
        assert!((sum / 50_000.0 - 3.0).abs() < 0.067, "{sum}");
    }
}
