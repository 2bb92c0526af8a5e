//! Sixteen numbers at a time: [`Simd`]'s vectors, as many as that takes, with safe functions.
//!
//! Attention, norms and rotations are written once over [`Lanes`]. Invariant: a [`Sixteen`] exists
//! only inside [`dispatch`], on a processor that has its instructions; so its functions are safe to
//! call. Everything in a kernel is `inline(always)`: what isn't inlined into the function that is
//! compiled for the instructions would be right, and ten times slower.

use super::isa::{Isa, Work};
use super::simd::Simd;
use std::marker::PhantomData;

/// How many numbers.
pub(super) const LANES: usize = 16;

/// Sixteen `f32`.
pub(super) trait Lanes: Copy {
    /// The same number sixteen times.
    fn splat(x: f32) -> Self;
    /// Sixteen numbers from memory.
    fn load(x: &[f32; LANES]) -> Self;
    /// Sixteen IEEE half precision numbers from memory.
    fn load_half(x: &[u16; LANES]) -> Self;
    /// To memory.
    fn store(self, to: &mut [f32; LANES]);
    /// To memory in half precision, rounded to nearest even.
    fn store_half(self, to: &mut [u16; LANES]);
    /// `self * b + c`.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// `self + b`.
    fn add(self, b: Self) -> Self;
    /// `self * b`.
    fn mul(self, b: Self) -> Self;
    /// `self / b`.
    fn div(self, b: Self) -> Self;
    /// The larger of each.
    fn max(self, b: Self) -> Self;
    /// `e^self`, within 2 units in the last place; arguments are held between -87 and 88.
    fn exp(self) -> Self;

    /// The sum of all, in a fixed order.
    #[inline(always)]
    fn sum(self) -> f32 {
        let mut x = [0.0; LANES];
        self.store(&mut x);
        let mut half = LANES / 2;
        while half > 0 {
            for i in 0..half {
                x[i] += x[i + half];
            }
            half /= 2;
        }
        x[0]
    }

    /// The largest of all.
    #[inline(always)]
    fn largest(self) -> f32 {
        let mut x = [0.0; LANES];
        self.store(&mut x);
        let mut largest = x[0];
        for one in x {
            largest = if one > largest { one } else { largest };
        }
        largest
    }

    /// `tanh self`, with an absolute error of 1e-7.
    #[inline(always)]
    fn tanh(self) -> Self {
        let e = self.mul(Self::splat(-2.0)).exp();
        let one = Self::splat(1.0);
        one.add(e.mul(Self::splat(-1.0))).div(one.add(e))
    }
}

/// Something to be computed with the best lanes there are.
pub(super) trait Kernel {
    /// Computes it. Implementations are `inline(always)`.
    fn run<L: Lanes>(&mut self);
}

/// Runs a kernel with the instructions of a set.
pub(super) fn dispatch<K: Kernel>(isa: Isa, kernel: &mut K) {
    #[allow(unsafe_code, reason = "instructions that not every processor has")]
    // SAFETY: an `Isa` is the proof that this processor has them; a kernel asks for nothing more.
    unsafe {
        isa.run::<Safe<'_, K>>()(kernel);
    }
}

/// A kernel as work.
struct Safe<'a, K>(PhantomData<&'a mut K>);

#[allow(unsafe_code, reason = "instructions that not every processor has")]
impl<'a, K: Kernel> Work for Safe<'a, K> {
    type Input = &'a mut K;

    #[inline(always)]
    unsafe fn run<S: Simd>(kernel: &'a mut K) {
        kernel.run::<Sixteen<S>>();
    }
}

/// One vector of sixteen lanes, where the second is never looked at, or two of eight.
#[derive(Clone, Copy)]
struct Sixteen<S: Simd>([S::F; 2]);

/// How many vectors count.
const fn vectors<S: Simd>() -> usize {
    LANES / S::LANES
}

#[allow(unsafe_code, reason = "instructions that not every processor has")]
// SAFETY of all: a `Sixteen` exists only within `dispatch`, on a processor with the instructions of
// `S`; memory is that of the references, and `vectors` of `S::LANES` are sixteen numbers.
impl<S: Simd> Lanes for Sixteen<S> {
    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { [S::splat(x), S::splat(x)] })
    }
    #[inline(always)]
    fn load(x: &[f32; LANES]) -> Self {
        let second = (vectors::<S>() - 1) * S::LANES;
        // SAFETY: see above.
        Self(unsafe { [S::load(x.as_ptr()), S::load(x.as_ptr().add(second))] })
    }
    #[inline(always)]
    fn load_half(x: &[u16; LANES]) -> Self {
        let second = (vectors::<S>() - 1) * S::LANES;
        // SAFETY: see above.
        Self(unsafe {
            [S::load_f16(x.as_ptr().cast()), S::load_f16(x.as_ptr().add(second).cast())]
        })
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        for vector in 0..vectors::<S>() {
            // SAFETY: see above.
            unsafe { S::store(to.as_mut_ptr().add(vector * S::LANES), self.0[vector]) }
        }
    }
    #[inline(always)]
    fn store_half(self, to: &mut [u16; LANES]) {
        for vector in 0..vectors::<S>() {
            // SAFETY: see above.
            unsafe { S::store_f16(to.as_mut_ptr().add(vector * S::LANES).cast(), self.0[vector]) }
        }
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { [S::fma(self.0[0], b.0[0], c.0[0]), S::fma(self.0[1], b.0[1], c.0[1])] })
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { [S::add(self.0[0], b.0[0]), S::add(self.0[1], b.0[1])] })
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { [S::mul(self.0[0], b.0[0]), S::mul(self.0[1], b.0[1])] })
    }
    #[inline(always)]
    fn div(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { [S::div(self.0[0], b.0[0]), S::div(self.0[1], b.0[1])] })
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { [S::max(self.0[0], b.0[0]), S::max(self.0[1], b.0[1])] })
    }
    #[inline(always)]
    fn exp(self) -> Self {
        // SAFETY: see above.
        Self(unsafe { [S::exp(self.0[0]), S::exp(self.0[1])] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Outcome {
        x: [f32; LANES],
        exp: [f32; LANES],
        tanh: [f32; LANES],
        half: [u16; LANES],
        back: [f32; LANES],
        sum: f32,
        largest: f32,
    }

    impl Kernel for Outcome {
        #[inline(always)]
        fn run<L: Lanes>(&mut self) {
            let x = L::load(&self.x);
            x.exp().store(&mut self.exp);
            x.tanh().store(&mut self.tanh);
            x.store_half(&mut self.half);
            L::load_half(&self.half).store(&mut self.back);
            (self.sum, self.largest) = (x.sum(), x.largest());
        }
    }

    #[test]
    #[allow(clippy::needless_range_loop, reason = "the lanes of five arrays")]
    fn every_instruction_set_computes_the_same() {
        for isa in Isa::available() {
            for step in 0..1_900_u16 {
                let lane = |i: usize| f32::from(u8::try_from(i).unwrap()) * 0.005;
                let x = std::array::from_fn(|i| f32::from(step) * 0.09 - 86.0 + lane(i));
                let mut got = Outcome { x, ..Outcome::default() };
                dispatch(isa, &mut got);
                for i in 0..LANES {
                    let want = f64::from(x[i]).exp();
                    let error = (f64::from(got.exp[i]) - want).abs();
                    assert!(error <= 3e-7 * want, "{isa:?} exp {}: {}", x[i], got.exp[i]);
                    let error = f64::from(got.tanh[i]) - f64::from(x[i]).tanh();
                    assert!(error.abs() < 3e-7, "{isa:?} tanh {}: {}", x[i], got.tanh[i]);
                    let half = half::f16::from_f32(x[i]);
                    assert_eq!(got.half[i], half.to_bits());
                    assert_eq!(got.back[i].to_bits(), half.to_f32().to_bits());
                }
                let want: f64 = x.iter().map(|&one| f64::from(one)).sum();
                assert!((f64::from(got.sum) - want).abs() < 1e-3);
                assert_eq!(got.largest.to_bits(), x[LANES - 1].to_bits());
            }
        }
    }
}
