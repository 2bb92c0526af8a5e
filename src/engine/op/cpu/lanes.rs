//! Sixteen numbers at a time, on whatever the processor has.
//!
//! A kernel is written once over [`Lanes`] and compiled for each instruction set; [`dispatch`] picks
//! the one that was found at run time. Invariant: a [`Lanes`] type of an instruction set is used only
//! inside [`dispatch`], which is given an [`Isa`] and those come only from detection. Everything in a
//! kernel is `inline(always)`: what isn't inlined into the function that has the target feature would
//! still be right, but slow.

use super::isa::{Isa, Set};

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
    /// The smaller of each.
    fn min(self, b: Self) -> Self;
    /// Rounded to whole numbers.
    fn round(self) -> Self;
    /// `2^self` for whole numbers from -126 to 127.
    fn exp2_whole(self) -> Self;

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

    /// `e^self`, to within 2 units in the last place; 0 below -87.3.
    ///
    /// Reduced to `2^n * e^r` with `|r| <= ln 2 / 2`, and `e^r` by a polynomial (minimax, degree 6;
    /// coefficients by Remez' algorithm, error below 1e-8 relative).
    #[inline(always)]
    fn exp(self) -> Self {
        let x = self.max(Self::splat(-104.0)).min(Self::splat(88.0));
        let n = x.mul(Self::splat(std::f32::consts::LOG2_E)).round();
        // ln 2 in two parts, so that n times the first is exact.
        let r = n.mul_add(Self::splat(-0.693_359_4), x);
        let r = n.mul_add(Self::splat(2.121_944_4e-4), r);
        let mut p = Self::splat(1.0 / 720.0);
        for coefficient in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
            p = p.mul_add(r, Self::splat(coefficient));
        }
        // In two halves: for n near -126 one factor would be a denormal.
        let n = n.max(Self::splat(-252.0));
        let half = n.mul(Self::splat(0.5)).round();
        let rest = n.add(half.mul(Self::splat(-1.0)));
        p.mul(half.exp2_whole()).mul(rest.exp2_whole())
    }

    /// `tanh self`.
    #[inline(always)]
    fn tanh(self) -> Self {
        // (1 - e) / (1 + e) with e = exp(-2|x|) loses nothing where |x| is large; near 0 its error
        // is absolute, 1e-7, as that of what it caps.
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

/// Runs a kernel with the lanes of an instruction set.
pub(super) fn dispatch(isa: Isa, kernel: &mut impl Kernel) {
    match isa.0 {
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code, reason = "instructions that not every processor has")]
        // SAFETY: an `Isa` exists only where it was detected, with all that `run` is compiled for.
        Set::Avx512 => unsafe { avx512::run(kernel) },
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code, reason = "instructions that not every processor has")]
        // SAFETY: likewise.
        Set::Avx2 | Set::AvxVnni => unsafe { avx2::run(kernel) },
        Set::Portable => kernel.run::<Plain>(),
    }
}

/// Sixteen numbers for the compiler to do with as it can.
#[derive(Clone, Copy)]
struct Plain([f32; LANES]);

impl Plain {
    #[inline(always)]
    fn each(self, b: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let mut out = [0.0; LANES];
        for i in 0..LANES {
            out[i] = f(self.0[i], b.0[i]);
        }
        Self(out)
    }
}

impl Lanes for Plain {
    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self([x; LANES])
    }
    #[inline(always)]
    fn load(x: &[f32; LANES]) -> Self {
        Self(*x)
    }
    #[inline(always)]
    fn load_half(x: &[u16; LANES]) -> Self {
        let mut out = [0.0; LANES];
        for i in 0..LANES {
            out[i] = half::f16::from_bits(x[i]).to_f32();
        }
        Self(out)
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        *to = self.0;
    }
    #[inline(always)]
    fn store_half(self, to: &mut [u16; LANES]) {
        for i in 0..LANES {
            to[i] = half::f16::from_f32(self.0[i]).to_bits();
        }
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        // Without the instruction, `f32::mul_add` is a function of hundreds of cycles.
        self.mul(b).add(c)
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        self.each(b, |a, b| a + b)
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        self.each(b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, b: Self) -> Self {
        self.each(b, |a, b| a / b)
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        self.each(b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        self.each(b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn round(self) -> Self {
        self.each(self, |a, _| a.round_ties_even())
    }
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within -126..=127")]
    fn exp2_whole(self) -> Self {
        self.each(self, |a, _| f32::from_bits(((a as i32 + 127) as u32) << 23))
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "instructions that not every processor has")]
mod avx512 {
    //! AVX-512: one register.
    use super::{Kernel, LANES, Lanes};
    use std::arch::x86_64::*;

    /// # Safety
    /// On a processor with AVX-512 F and BW, AVX2, FMA and F16C.
    #[target_feature(enable = "avx512f,avx512bw,avx2,fma,f16c")]
    pub(super) unsafe fn run(kernel: &mut impl Kernel) {
        kernel.run::<Zmm>();
    }

    #[derive(Clone, Copy)]
    struct Zmm(__m512);

    // SAFETY of all: a `Zmm` exists only within `run` (the type is private to it and `dispatch`);
    // memory is that of the references.
    impl Lanes for Zmm {
        #[inline(always)]
        fn splat(x: f32) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_set1_ps(x) })
        }
        #[inline(always)]
        fn load(x: &[f32; LANES]) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_loadu_ps(x.as_ptr()) })
        }
        #[inline(always)]
        fn load_half(x: &[u16; LANES]) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(x.as_ptr().cast())) })
        }
        #[inline(always)]
        fn store(self, to: &mut [f32; LANES]) {
            // SAFETY: see above.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), self.0) }
        }
        #[inline(always)]
        fn store_half(self, to: &mut [u16; LANES]) {
            // SAFETY: see above.
            unsafe {
                let half =
                    _mm512_cvtps_ph::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0);
                _mm256_storeu_si256(to.as_mut_ptr().cast(), half);
            }
        }
        #[inline(always)]
        fn mul_add(self, b: Self, c: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_fmadd_ps(self.0, b.0, c.0) })
        }
        #[inline(always)]
        fn add(self, b: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_add_ps(self.0, b.0) })
        }
        #[inline(always)]
        fn mul(self, b: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_mul_ps(self.0, b.0) })
        }
        #[inline(always)]
        fn div(self, b: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_div_ps(self.0, b.0) })
        }
        #[inline(always)]
        fn max(self, b: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_max_ps(self.0, b.0) })
        }
        #[inline(always)]
        fn min(self, b: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_min_ps(self.0, b.0) })
        }
        #[inline(always)]
        fn round(self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_roundscale_ps::<0>(self.0) })
        }
        #[inline(always)]
        fn exp2_whole(self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_scalef_ps(_mm512_set1_ps(1.0), self.0) })
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "instructions that not every processor has")]
mod avx2 {
    //! AVX2: two registers.
    use super::{Kernel, LANES, Lanes};
    use std::arch::x86_64::*;

    /// # Safety
    /// On a processor with AVX2, FMA and F16C.
    #[target_feature(enable = "avx2,fma,f16c")]
    pub(super) unsafe fn run(kernel: &mut impl Kernel) {
        kernel.run::<Ymm>();
    }

    #[derive(Clone, Copy)]
    struct Ymm(__m256, __m256);

    // SAFETY of all: a `Ymm` exists only within `run` (the type is private to it and `dispatch`);
    // memory is that of the references.
    impl Lanes for Ymm {
        #[inline(always)]
        fn splat(x: f32) -> Self {
            // SAFETY: see above.
            unsafe { Self(_mm256_set1_ps(x), _mm256_set1_ps(x)) }
        }
        #[inline(always)]
        fn load(x: &[f32; LANES]) -> Self {
            // SAFETY: see above.
            unsafe { Self(_mm256_loadu_ps(x.as_ptr()), _mm256_loadu_ps(x.as_ptr().add(8))) }
        }
        #[inline(always)]
        fn load_half(x: &[u16; LANES]) -> Self {
            // SAFETY: see above.
            unsafe {
                let at = |i| _mm256_cvtph_ps(_mm_loadu_si128(x.as_ptr().add(i).cast()));
                Self(at(0), at(8))
            }
        }
        #[inline(always)]
        fn store(self, to: &mut [f32; LANES]) {
            // SAFETY: see above.
            unsafe {
                _mm256_storeu_ps(to.as_mut_ptr(), self.0);
                _mm256_storeu_ps(to.as_mut_ptr().add(8), self.1);
            }
        }
        #[inline(always)]
        fn store_half(self, to: &mut [u16; LANES]) {
            // SAFETY: see above.
            unsafe {
                let low = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(self.0);
                let high = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(self.1);
                _mm_storeu_si128(to.as_mut_ptr().cast(), low);
                _mm_storeu_si128(to.as_mut_ptr().add(8).cast(), high);
            }
        }
        #[inline(always)]
        fn mul_add(self, b: Self, c: Self) -> Self {
            // SAFETY: see above.
            unsafe { Self(_mm256_fmadd_ps(self.0, b.0, c.0), _mm256_fmadd_ps(self.1, b.1, c.1)) }
        }
        #[inline(always)]
        fn add(self, b: Self) -> Self {
            // SAFETY: see above.
            unsafe { Self(_mm256_add_ps(self.0, b.0), _mm256_add_ps(self.1, b.1)) }
        }
        #[inline(always)]
        fn mul(self, b: Self) -> Self {
            // SAFETY: see above.
            unsafe { Self(_mm256_mul_ps(self.0, b.0), _mm256_mul_ps(self.1, b.1)) }
        }
        #[inline(always)]
        fn div(self, b: Self) -> Self {
            // SAFETY: see above.
            unsafe { Self(_mm256_div_ps(self.0, b.0), _mm256_div_ps(self.1, b.1)) }
        }
        #[inline(always)]
        fn max(self, b: Self) -> Self {
            // SAFETY: see above.
            unsafe { Self(_mm256_max_ps(self.0, b.0), _mm256_max_ps(self.1, b.1)) }
        }
        #[inline(always)]
        fn min(self, b: Self) -> Self {
            // SAFETY: see above.
            unsafe { Self(_mm256_min_ps(self.0, b.0), _mm256_min_ps(self.1, b.1)) }
        }
        #[inline(always)]
        fn round(self) -> Self {
            // SAFETY: see above.
            unsafe {
                let round =
                    |x| _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x);
                Self(round(self.0), round(self.1))
            }
        }
        #[inline(always)]
        fn exp2_whole(self) -> Self {
            // SAFETY: see above.
            unsafe {
                let exp2 = |x| {
                    let biased = _mm256_add_epi32(_mm256_cvtps_epi32(x), _mm256_set1_epi32(127));
                    _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
                };
                Self(exp2(self.0), exp2(self.1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Both<'a> {
        x: &'a [f32; LANES],
        exp: [f32; LANES],
        tanh: [f32; LANES],
        sum: f32,
        half: [u16; LANES],
        back: [f32; LANES],
    }

    impl Kernel for Both<'_> {
        #[inline(always)]
        fn run<L: Lanes>(&mut self) {
            let x = L::load(self.x);
            x.exp().store(&mut self.exp);
            x.tanh().store(&mut self.tanh);
            x.store_half(&mut self.half);
            L::load_half(&self.half).store(&mut self.back);
            self.sum = x.sum();
        }
    }

    #[test]
    fn every_instruction_set_computes_the_same() {
        for isa in Isa::available() {
            for step in 0..2_000_u16 {
                let x: [f32; LANES] = std::array::from_fn(|i| {
                    f32::from(step) * 0.09 - 95.0 + f32::from(u8::try_from(i).unwrap()) * 0.005
                });
                let mut got = Both {
                    x: &x,
                    exp: [0.0; LANES],
                    tanh: [0.0; LANES],
                    sum: 0.0,
                    half: [0; LANES],
                    back: [0.0; LANES],
                };
                dispatch(isa, &mut got);
                for i in 0..LANES {
                    let want = f64::from(x[i]).exp();
                    let error = (f64::from(got.exp[i]) - want).abs();
                    assert!(
                        error <= 3e-7 * want + 1e-44 || x[i] > 88.0,
                        "{isa:?} exp {}: {}",
                        x[i],
                        got.exp[i]
                    );
                    let error = f64::from(got.tanh[i]) - f64::from(x[i]).tanh();
                    assert!(error.abs() < 3e-7, "{isa:?} tanh {}: {}", x[i], got.tanh[i]);
                    let half = half::f16::from_f32(x[i]);
                    assert_eq!(
                        (got.half[i], got.back[i].to_bits()),
                        (half.to_bits(), half.to_f32().to_bits())
                    );
                }
                let want: f64 = x.iter().map(|&one| f64::from(one)).sum();
                assert!((f64::from(got.sum) - want).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn what_is_masked_weighs_nothing() {
        for isa in Isa::available() {
            let x = [f32::NEG_INFINITY; LANES];
            let mut got = Both {
                x: &x,
                exp: [1.0; LANES],
                tanh: [0.0; LANES],
                sum: 0.0,
                half: [0; LANES],
                back: [0.0; LANES],
            };
            dispatch(isa, &mut got);
            assert!(got.exp.iter().all(|&one| one.to_bits() == 0 || one < 1e-44), "{:?}", got.exp);
        }
    }
}
