//! The activation of a gated feed-forward layer, on lanes.
//!
//! Invariant: each value is computed alone; the error stays below 1e-6 of the value, or below 1e-7
//! where the activation all but vanishes. Guarded by the tests of [`super`].

#![allow(unsafe_code, reason = "vector instructions")]
#![allow(unsafe_op_in_unsafe_fn, reason = "one contract holds for every function: see `simd`")]

use super::super::isa::Work;
use super::super::simd::Simd;
use std::f32::consts::{FRAC_2_SQRT_PI, SQRT_2};

/// What a gate is passed through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `x / (1 + e^−x)`, also known as swish.
    Silu,
    /// GELU by its usual approximation, `x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³)))`; as
    /// `(1 + tanh u) / 2 = 1 / (1 + e^−2u)`, it is computed without the difference that loses digits
    /// where `u` is negative. Hendrycks and Gimpel, arXiv:1606.08415.
    GeluTanh,
}

/// Gates and what they gate, sixteen or a multiple of them; the result takes the gates' place.
pub(super) struct Gate<'a> {
    pub(super) gates: &'a mut [f32],
    pub(super) ups: &'a [f32],
    pub(super) activation: Activation,
}

impl Work for Gate<'_> {
    type Input = Self;

    #[inline(always)]
    unsafe fn run<S: Simd>(gate: Self) {
        let Self { gates, ups, activation } = gate;
        for (gates, ups) in gates.chunks_exact_mut(S::LANES).zip(ups.chunks_exact(S::LANES)) {
            let value = activation.lanes::<S>(S::load(gates.as_ptr()));
            S::store(gates.as_mut_ptr(), S::mul(value, S::load(ups.as_ptr())));
        }
    }
}

impl Activation {
    /// The activation of each lane.
    #[inline(always)]
    unsafe fn lanes<S: Simd>(self, x: S::F) -> S::F {
        let exponent = match self {
            Self::Silu => S::mul(x, S::splat(-1.0)),
            Self::GeluTanh => {
                // −2u = x · (−2·√(2/π)) · (1 + 0.044715·x²), with √(2/π) = (2/√π) / √2.
                let factor = -2.0 * FRAC_2_SQRT_PI / SQRT_2;
                let square = S::mul(x, x);
                let bracket = S::fma(square, S::splat(0.044_715 * factor), S::splat(factor));
                S::mul(x, bracket)
            }
        };
        S::div(x, S::add(S::exp(exponent), S::splat(1.0)))
    }
}
