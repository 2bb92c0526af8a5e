//! Vector lanes, as the kernels see them: one trait, four sets of instructions.
//!
//! Invariant: a lane never sees its neighbours. There is no operation here that sums, shuffles or
//! compares across lanes, so a result can't depend on what is computed beside it.
//!
//! The functions are inlined into kernels that are compiled for their instructions (`matmul::run`);
//! elsewhere they would be slow, and without the CPU's features undefined. Hence one contract for all
//! that are `unsafe` here: the CPU has the instructions of the set, and pointers are good for the
//! bytes that the function's description names.

#![allow(unsafe_code, reason = "vector instructions")]
#![allow(unsafe_op_in_unsafe_fn, reason = "one contract holds for every function: see above")]
#![allow(clippy::missing_safety_doc, reason = "one contract holds for every function: see above")]

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(super) mod avx512;
pub(super) mod portable;

/// Lanes of `f32` and of four bytes each.
pub(crate) trait Simd: Copy {
    /// Lanes of a vector: 16 or 8.
    const LANES: usize;
    /// `f32` lanes.
    type F: Copy;
    /// Lanes of four bytes or of one `i32`.
    type I: Copy;

    /// `LANES × 4` bytes from memory.
    unsafe fn bytes(from: *const u8) -> Self::I;
    /// The same byte everywhere.
    unsafe fn splat_byte(byte: u8) -> Self::I;
    unsafe fn and(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn or(a: Self::I, b: Self::I) -> Self::I;
    /// The table's entry for each byte below 16.
    unsafe fn lookup(table: &[u8; 16], codes: Self::I) -> Self::I;
    /// Bits moved down by `N` below 8; those that come in from a neighbouring byte must be masked.
    unsafe fn down<const N: u32>(a: Self::I) -> Self::I;
    /// Bits moved up, likewise.
    unsafe fn up<const N: u32>(a: Self::I) -> Self::I;
    /// `i32` from memory in every lane, times 2 to the power of `SHIFT`.
    unsafe fn splat_int<const SHIFT: u32>(from: *const i32) -> Self::I;
    unsafe fn zero_int() -> Self::I;
    unsafe fn add_int(a: Self::I, b: Self::I) -> Self::I;
    /// In each lane, adds four codes below 128 times the four `i8` at `x`.
    unsafe fn dot(sum: Self::I, codes: Self::I, x: *const i8) -> Self::I;
    /// The same for codes of all eight bits, into a sum that [`Simd::start_wide`] began: together
    /// they give the products of `code − 128`. No `x` is −128.
    unsafe fn dot_wide(sum: Self::I, codes: Self::I, x: *const i8) -> Self::I;
    /// Where such a sum begins, given the negated sum of all its `x` from memory.
    unsafe fn start_wide(negated_sum: *const i32) -> Self::I;
    unsafe fn float(a: Self::I) -> Self::F;

    unsafe fn splat(value: f32) -> Self::F;
    /// `LANES` values from memory.
    unsafe fn load(from: *const f32) -> Self::F;
    unsafe fn store(to: *mut f32, value: Self::F);
    unsafe fn load_f16(from: *const u8) -> Self::F;
    unsafe fn load_bf16(from: *const u8) -> Self::F;
    /// `LANES` values to memory as `f16`, rounded to nearest even.
    unsafe fn store_f16(to: *mut u8, value: Self::F);
    unsafe fn load_u8(from: *const u8) -> Self::F;
    unsafe fn load_i8(from: *const u8) -> Self::F;
    /// 2 to the power of each byte − 128, and nought for nought.
    unsafe fn load_power(from: *const u8) -> Self::F;
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F;
    /// `a · b + c`, rounded once where the CPU can.
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The smaller; `b` where either is no number.
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F;
    /// The larger, likewise.
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F;
    /// Two to the power of a whole number between −126 and 127.
    unsafe fn exp2_whole(whole: Self::F) -> Self::F;
    /// Asks for the cache line at `at`, which need not exist.
    unsafe fn prefetch(at: *const u8);

    /// `e^x`, within 2 units in the last place; arguments are held between −87 and 88.
    ///
    /// `x = n·ln 2 + r`; Taylor's series for `e^r`, |r| ≤ 0.347, to the seventh power, leaves
    /// 0.347⁸/8! = 5e-9 of it out. `ln 2` is split in two so that `n` times the first is exact.
    #[inline(always)]
    unsafe fn exp(x: Self::F) -> Self::F {
        // 1.5 · 2²³: adding it leaves no bits for a fraction.
        const ROUND: f32 = 12_582_912.0;
        // Nine bits of `ln 2`: 355 / 512.
        const LN_2_HIGH: f32 = 355.0 / 512.0;
        // What those nine bits are too large by: a difference of two `f32` would be too coarse.
        const LN_2_EXCESS: f32 = 2.121_944_4e-4;
        const SERIES: [f32; 7] =
            [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0];
        let x = Self::max(Self::min(x, Self::splat(88.0)), Self::splat(-87.0));
        let log2e = Self::splat(std::f32::consts::LOG2_E);
        let n = Self::add(Self::fma(x, log2e, Self::splat(ROUND)), Self::splat(-ROUND));
        let r = Self::fma(n, Self::splat(-LN_2_HIGH), x);
        let r = Self::fma(n, Self::splat(LN_2_EXCESS), r);
        let mut sum = Self::splat(SERIES[0]);
        for term in &SERIES[1..] {
            sum = Self::fma(sum, r, Self::splat(*term));
        }
        Self::mul(Self::fma(sum, r, Self::splat(1.0)), Self::exp2_whole(n))
    }
}
