//! Eight lanes of AVX2, with sums of four products of bytes by AVX-VNNI or without. The contract is
//! [`super`]'s.

use super::Simd;
#[allow(clippy::wildcard_imports, reason = "dozens of instructions, each named in full")]
use std::arch::x86_64::*;

/// Where the CPU has AVX-VNNI (`VNNI`), and where it has not.
#[derive(Clone, Copy)]
pub(crate) struct Avx2<const VNNI: bool>;

impl<const VNNI: bool> Simd for Avx2<VNNI> {
    const LANES: usize = 8;
    type F = __m256;
    type I = __m256i;

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> __m256i {
        _mm256_loadu_si256(from.cast())
    }
    #[inline(always)]
    unsafe fn splat_byte(byte: u8) -> __m256i {
        _mm256_set1_epi8(byte.cast_signed())
    }
    #[inline(always)]
    unsafe fn and(a: __m256i, b: __m256i) -> __m256i {
        _mm256_and_si256(a, b)
    }
    #[inline(always)]
    unsafe fn or(a: __m256i, b: __m256i) -> __m256i {
        _mm256_or_si256(a, b)
    }
    #[inline(always)]
    unsafe fn lookup(table: &[u8; 16], codes: __m256i) -> __m256i {
        let table = _mm256_broadcastsi128_si256(_mm_loadu_si128(table.as_ptr().cast()));
        _mm256_shuffle_epi8(table, codes)
    }
    #[inline(always)]
    unsafe fn down<const N: u32>(a: __m256i) -> __m256i {
        match N {
            0 => a,
            1 => _mm256_srli_epi16::<1>(a),
            2 => _mm256_srli_epi16::<2>(a),
            3 => _mm256_srli_epi16::<3>(a),
            4 => _mm256_srli_epi16::<4>(a),
            5 => _mm256_srli_epi16::<5>(a),
            6 => _mm256_srli_epi16::<6>(a),
            _ => _mm256_srli_epi16::<7>(a),
        }
    }
    #[inline(always)]
    unsafe fn up<const N: u32>(a: __m256i) -> __m256i {
        match N {
            0 => a,
            1 => _mm256_slli_epi16::<1>(a),
            2 => _mm256_slli_epi16::<2>(a),
            3 => _mm256_slli_epi16::<3>(a),
            4 => _mm256_slli_epi16::<4>(a),
            5 => _mm256_slli_epi16::<5>(a),
            6 => _mm256_slli_epi16::<6>(a),
            _ => _mm256_slli_epi16::<7>(a),
        }
    }
    #[inline(always)]
    unsafe fn splat_int<const SHIFT: u32>(from: *const i32) -> __m256i {
        _mm256_set1_epi32(*from << SHIFT)
    }
    #[inline(always)]
    unsafe fn zero_int() -> __m256i {
        _mm256_setzero_si256()
    }
    #[inline(always)]
    unsafe fn add_int(a: __m256i, b: __m256i) -> __m256i {
        _mm256_add_epi32(a, b)
    }
    /// Without VNNI, pairs of products are summed in 16 bits first: at most 2 · 127 · 127 = 32,258,
    /// which they hold.
    #[inline(always)]
    unsafe fn dot(sum: __m256i, codes: __m256i, x: *const i8) -> __m256i {
        let x = _mm256_set1_epi32(x.cast::<i32>().read_unaligned());
        if VNNI {
            _mm256_dpbusd_avx_epi32(sum, codes, x)
        } else {
            let pairs = _mm256_maddubs_epi16(codes, x);
            _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
        }
    }
    /// Without VNNI, codes above 127 would overflow the 16 bits: so `code − 128` gives its sign to
    /// `x`, and its magnitude, 128 at most, is multiplied: 2 · 128 · 127 = 32,512.
    #[inline(always)]
    unsafe fn dot_wide(sum: __m256i, codes: __m256i, x: *const i8) -> __m256i {
        if VNNI {
            return Self::dot(sum, codes, x);
        }
        let x = _mm256_set1_epi32(x.cast::<i32>().read_unaligned());
        let signed = _mm256_xor_si256(codes, _mm256_set1_epi8(-128));
        let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(signed), _mm256_sign_epi8(x, signed));
        _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
    }
    #[inline(always)]
    unsafe fn start_wide(negated_sum: *const i32) -> __m256i {
        if VNNI { Self::splat_int::<7>(negated_sum) } else { Self::zero_int() }
    }
    #[inline(always)]
    unsafe fn float(a: __m256i) -> __m256 {
        _mm256_cvtepi32_ps(a)
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        _mm256_set1_ps(value)
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        _mm256_loadu_ps(from)
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: __m256) {
        _mm256_storeu_ps(to, value);
    }
    #[inline(always)]
    unsafe fn load_f16(from: *const u8) -> __m256 {
        _mm256_cvtph_ps(_mm_loadu_si128(from.cast()))
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u8) -> __m256 {
        let wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
        _mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide))
    }
    #[inline(always)]
    unsafe fn store_f16(to: *mut u8, value: __m256) {
        _mm_storeu_si128(to.cast(), _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(value));
    }
    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> __m256 {
        _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast())))
    }
    #[inline(always)]
    unsafe fn load_i8(from: *const u8) -> __m256 {
        _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(from.cast())))
    }
    #[inline(always)]
    unsafe fn load_power(from: *const u8) -> __m256 {
        let exponent = _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()));
        Self::mul(_mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)), Self::splat(0.5))
    }
    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        _mm256_add_ps(a, b)
    }
    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        _mm256_mul_ps(a, b)
    }
    #[inline(always)]
    unsafe fn div(a: __m256, b: __m256) -> __m256 {
        _mm256_div_ps(a, b)
    }
    #[inline(always)]
    unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        _mm256_fmadd_ps(a, b, c)
    }
    #[inline(always)]
    unsafe fn min(a: __m256, b: __m256) -> __m256 {
        _mm256_min_ps(a, b)
    }
    #[inline(always)]
    unsafe fn max(a: __m256, b: __m256) -> __m256 {
        _mm256_max_ps(a, b)
    }
    #[inline(always)]
    unsafe fn exp2_whole(whole: __m256) -> __m256 {
        let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(whole), _mm256_set1_epi32(127));
        _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
    }
    #[inline(always)]
    unsafe fn prefetch(at: *const u8) {
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
}
