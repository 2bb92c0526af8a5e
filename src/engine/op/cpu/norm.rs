//! `RMSNorm` of rows, alone or with the residual sum before it.
//!
//! Invariant: a row's result is its own: squares are summed by lanes, in the order of the row.

use super::isa::Isa;
use super::lanes::{Kernel, LANES, Lanes, dispatch};

/// `x / sqrt(mean(x²) + epsilon) * weight`: <https://arxiv.org/abs/1910.07467>.
#[derive(Debug, Clone, PartialEq)]
pub struct Norm {
    pub(super) weights: Vec<f32>,
    pub(super) epsilon: f32,
}

impl Norm {
    /// Normalizes a row into another.
    pub(super) fn row(&self, isa: Isa, x: &[f32], out: &mut [f32]) {
        dispatch(isa, &mut Into { norm: self, x, out });
    }

    /// Normalizes a row in place.
    pub(super) fn in_place(&self, isa: Isa, x: &mut [f32]) {
        dispatch(isa, &mut InPlace { norm: self, x });
    }

    #[inline(always)]
    fn factor<L: Lanes>(&self, x: &[f32]) -> f32 {
        let (chunks, rest) = x.as_chunks::<LANES>();
        let (mut even, mut odd) = (L::splat(0.0), L::splat(0.0));
        let mut pairs = chunks.chunks_exact(2);
        for pair in &mut pairs {
            let (a, b) = (L::load(&pair[0]), L::load(&pair[1]));
            even = a.mul_add(a, even);
            odd = b.mul_add(b, odd);
        }
        for chunk in pairs.remainder() {
            let a = L::load(chunk);
            even = a.mul_add(a, even);
        }
        let mut sum = even.add(odd).sum();
        for &one in rest {
            sum += one * one;
        }
        1.0 / (sum / length(x.len()) + self.epsilon).sqrt()
    }
}

/// A row's length as a number; rows are far shorter than 2^24.
#[allow(clippy::cast_precision_loss, reason = "rows are far shorter than 2^24")]
fn length(n: usize) -> f32 {
    n as f32
}

struct Into<'a> {
    norm: &'a Norm,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Into<'_> {
    #[inline(always)]
    fn run<L: Lanes>(&mut self) {
        let factor = self.norm.factor::<L>(self.x);
        let lanes = L::splat(factor);
        let (x, x_rest) = self.x.as_chunks::<LANES>();
        let (weights, weights_rest) = self.norm.weights.as_chunks::<LANES>();
        let (out, out_rest) = self.out.as_chunks_mut::<LANES>();
        for i in 0..x.len() {
            L::load(&x[i]).mul(lanes).mul(L::load(&weights[i])).store(&mut out[i]);
        }
        for i in 0..x_rest.len() {
            out_rest[i] = x_rest[i] * factor * weights_rest[i];
        }
    }
}

struct InPlace<'a> {
    norm: &'a Norm,
    x: &'a mut [f32],
}

impl Kernel for InPlace<'_> {
    #[inline(always)]
    fn run<L: Lanes>(&mut self) {
        let factor = self.norm.factor::<L>(self.x);
        let lanes = L::splat(factor);
        let (x, x_rest) = self.x.as_chunks_mut::<LANES>();
        let (weights, weights_rest) = self.norm.weights.as_chunks::<LANES>();
        for i in 0..x.len() {
            L::load(&x[i]).mul(lanes).mul(L::load(&weights[i])).store(&mut x[i]);
        }
        for i in 0..x_rest.len() {
            x_rest[i] *= factor * weights_rest[i];
        }
    }
}

/// Adds a row to another.
pub(super) fn add(isa: Isa, x: &mut [f32], delta: &[f32]) {
    dispatch(isa, &mut Add { x, delta });
}

struct Add<'a> {
    x: &'a mut [f32],
    delta: &'a [f32],
}

impl Kernel for Add<'_> {
    #[inline(always)]
    fn run<L: Lanes>(&mut self) {
        let (x, x_rest) = self.x.as_chunks_mut::<LANES>();
        let (delta, delta_rest) = self.delta.as_chunks::<LANES>();
        for i in 0..x.len() {
            L::load(&x[i]).add(L::load(&delta[i])).store(&mut x[i]);
        }
        for i in 0..x_rest.len() {
            x_rest[i] += delta_rest[i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In f64, as the paper has it.
    fn reference(x: &[f32], weights: &[f32], epsilon: f32) -> Vec<f64> {
        let mean =
            x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / f64::from(length(x.len()));
        let factor = 1.0 / (mean + f64::from(epsilon)).sqrt();
        x.iter().zip(weights).map(|(&x, &w)| f64::from(x) * factor * f64::from(w)).collect()
    }

    #[test]
    fn odd_lengths_too() {
        for isa in Isa::available() {
            for n in [1, 15, 16, 17, 31, 32, 33, 64, 576, 4_096] {
                let x: Vec<f32> = (0..n).map(|i| (length(i) * 0.37).sin() * 3.0).collect();
                let weights: Vec<f32> = (0..n).map(|i| 0.5 + length(i % 7)).collect();
                let want = reference(&x, &weights, 1e-5);
                let norm = Norm { weights, epsilon: 1e-5 };
                let mut got = vec![0.0; n];
                norm.row(isa, &x, &mut got);
                let mut same = x.clone();
                norm.in_place(isa, &mut same);
                for i in 0..n {
                    for got in [got[i], same[i]] {
                        let error = (f64::from(got) - want[i]).abs();
                        assert!(
                            error <= 1e-6 * want[i].abs() + 1e-9,
                            "{isa:?} {n} {i}: {got} {}",
                            want[i]
                        );
                    }
                }
                add(isa, &mut same, &x);
                assert!(
                    same.iter().zip(&got).zip(&x).all(|((s, g), x)| (s - (g + x)).abs() < 1e-5)
                );
            }
        }
    }
}
