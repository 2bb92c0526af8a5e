//! Rotations: from a base and a way of stretching it to a frequency for each pair of numbers.
//!
//! Each formula is the one of transformers' `modeling_rope_utils.py`
//! (<https://github.com/huggingface/transformers/blob/main/src/transformers/modeling_rope_utils.py>),
//! which llama.cpp's agree with where it has them.

use crate::model::spec::{Pairs, Rope};
use std::f64::consts::PI;

/// How a model's rotations were stretched beyond the context that it was first trained on.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scaling {
    /// Not at all.
    None,
    /// All positions are divided.
    Linear {
        /// By this.
        factor: f64,
    },
    /// Slow rotations are divided, fast ones stay, those between are in between (Llama 3.1).
    Llama3 {
        /// What slow rotations are divided by.
        factor: f64,
        /// A rotation that takes more than `original / low` tokens is slow.
        low: f64,
        /// One that takes fewer than `original / high` is fast.
        high: f64,
        /// The first context.
        original: f64,
    },
    /// The same by rank of the pair, with sharper scores (<https://arxiv.org/abs/2309.00071>).
    Yarn(Yarn),
    /// Each rotation is divided by a number of its own.
    Divisors {
        /// One for each pair.
        divisors: Vec<f64>,
        /// What sine and cosine are multiplied with.
        magnitude: f64,
    },
}

/// `YaRN`'s numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Yarn {
    /// What slow rotations are divided by.
    pub(super) factor: f64,
    /// The first context.
    pub(super) original: f64,
    /// A rotation that turns more often than this in it is fast; usually 32.
    pub(super) fast: f64,
    /// One that turns less often is slow; usually 1.
    pub(super) slow: f64,
    /// What sine and cosine are multiplied with; `None`: `0.1 ln(factor) + 1`.
    pub(super) magnitude: Option<f64>,
    /// Whether the border ranks are rounded outwards.
    pub(super) truncate: bool,
}

/// The rotation with `rotated` numbers of a head, an even number.
pub(super) fn rope(pairs: Pairs, base: f64, rotated: usize, scaling: &Scaling) -> Rope {
    let plain = Rope::frequencies(base, rotated);
    let (frequencies, magnitude) = match scaling {
        Scaling::None => (plain, 1.0),
        Scaling::Linear { factor } => (plain.iter().map(|one| one / factor).collect(), 1.0),
        &Scaling::Llama3 { factor, low, high, original } => {
            let stretched = |&one: &f64| {
                let turns = original * one / (2.0 * PI);
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                one * (kept + (1.0 - kept) / factor)
            };
            (plain.iter().map(stretched).collect(), 1.0)
        }
        Scaling::Yarn(yarn) => yarn.stretch(&plain, base, rotated),
        Scaling::Divisors { divisors, magnitude } => {
            (plain.iter().zip(divisors).map(|(one, by)| one / by).collect(), *magnitude)
        }
    };
    #[allow(clippy::cast_possible_truncation, reason = "a factor near 1")]
    let magnitude = magnitude as f32;
    Rope { pairs, frequencies, magnitude }
}

impl Yarn {
    fn stretch(&self, plain: &[f64], base: f64, rotated: usize) -> (Vec<f64>, f64) {
        let width = number(rotated);
        // The rank at which a pair turns so often in the first context.
        let rank =
            |turns: f64| width * (self.original / (turns * 2.0 * PI)).ln() / (2.0 * base.ln());
        let (mut from, mut to) = (rank(self.fast), rank(self.slow));
        if self.truncate {
            (from, to) = (from.floor(), to.ceil());
        }
        let (from, to) = (from.max(0.0), to.min(width - 1.0));
        let span = if (to - from).abs() < 1e-9 { 0.001 } else { to - from };
        let stretched = plain.iter().enumerate().map(|(pair, one)| {
            let slow = ((number(pair) - from) / span).clamp(0.0, 1.0);
            one * (1.0 - slow) + one / self.factor * slow
        });
        let sharper = if self.factor > 1.0 { 0.1 * self.factor.ln() + 1.0 } else { 1.0 };
        (stretched.collect(), self.magnitude.unwrap_or(sharper))
    }
}

/// What longrope multiplies sine and cosine with (<https://arxiv.org/abs/2402.13753>, as Phi-3 has
/// it), for a context that was stretched by `factor`.
pub(super) fn longrope_magnitude(factor: f64, original: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { (1.0 + factor.ln() / original.ln()).sqrt() }
}

/// A rank or a width as a number; those of heads are at most some thousands.
#[allow(clippy::cast_precision_loss, reason = "bounded by the size of a head")]
fn number(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: f64, rotated: usize, scaling: &Scaling, want: &[f64], magnitude: f32) {
        let rope = rope(Pairs::Halves, base, rotated, scaling);
        assert_eq!(rope.frequencies.len(), want.len(), "{:?}", rope.frequencies);
        for (got, want) in rope.frequencies.iter().zip(want) {
            assert!((got / want - 1.0).abs() < 1e-6, "{got} ≠ {want}: {:?}", rope.frequencies);
        }
        assert!((rope.magnitude - magnitude).abs() < 1e-6, "{}", rope.magnitude);
    }

    #[test]
    fn linear_divides_all() {
        check(100.0, 4, &Scaling::Linear { factor: 4.0 }, &[0.25, 0.025], 1.0);
    }

    /// Base 10^4, 8 numbers: frequencies 1, 0.1, 0.01, 0.001; of 628.3 = 200π tokens they turn 100,
    /// 10, 1 and 0.1 times. From 4 turns on nothing changes, below 1 all is divided by 8; at exactly
    /// 1 too.
    #[test]
    fn llama_3_keeps_fast_rotations() {
        let scaling = Scaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original: 200.0 * PI };
        check(1e4, 8, &scaling, &[1.0, 0.1, 0.01 / 8.0, 0.001 / 8.0], 1.0);
        // Turns 100, 10, 2.5 (halfway between 1 and 4), 0.1 with other borders.
        let scaling = Scaling::Llama3 { factor: 8.0, low: 0.5, high: 1.5, original: 200.0 * PI };
        check(1e4, 8, &scaling, &[1.0, 0.1, 0.01 * (0.5 + 0.5 / 8.0), 0.001 / 8.0], 1.0);
    }

    /// Base 10^4, 8 numbers, 200π tokens: a pair of rank r turns 10^(2-r) times. So 10 turns are
    /// rank 1, a tenth is rank 3, and rank 2 is halfway.
    #[test]
    fn yarn_goes_by_rank() {
        let yarn = Yarn {
            factor: 4.0,
            original: 200.0 * PI,
            fast: 10.0,
            slow: 0.1,
            magnitude: None,
            truncate: false,
        };
        let want = [1.0, 0.1, 0.01 * (0.5 + 0.5 / 4.0), 0.001 / 4.0];
        check(1e4, 8, &Scaling::Yarn(yarn), &want, 1.138_629_4);
        let louder = Yarn { magnitude: Some(2.0), ..yarn };
        check(1e4, 8, &Scaling::Yarn(louder), &want, 2.0);
    }

    #[test]
    fn divisors_are_a_pairs_own() {
        let scaling = Scaling::Divisors { divisors: vec![2.0, 5.0], magnitude: 1.5 };
        check(100.0, 4, &scaling, &[0.5, 0.02], 1.5);
    }

    #[test]
    fn longrope_of_nothing_is_nothing() {
        assert!((longrope_magnitude(1.0, 4096.0) - 1.0).abs() < 1e-12);
        // Phi-3-mini-128k: 4,096 to 131,072, sqrt(1 + ln 32 / ln 4096) = sqrt(1 + 5/12).
        assert!((longrope_magnitude(32.0, 4096.0) - (17.0_f64 / 12.0).sqrt()).abs() < 1e-12);
    }
}
