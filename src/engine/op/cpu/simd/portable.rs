//! Sixteen lanes of plain Rust, for a CPU without AVX2 or of another make: loops that the compiler
//! may turn into whatever the target has. The contract is [`super`]'s.

#![allow(clippy::cast_precision_loss, reason = "a sum of 32 products of bytes is below 2^24")]

use super::Simd;
use half::{bf16, f16};
use std::array::from_fn;

#[derive(Clone, Copy)]
pub(crate) struct Portable;

const LANES: usize = 16;

/// Four bytes at `from`, in memory's order.
#[inline(always)]
unsafe fn word(from: *const u8) -> [u8; 4] {
    from.cast::<[u8; 4]>().read()
}

impl Simd for Portable {
    const LANES: usize = LANES;
    type F = [f32; LANES];
    type I = [u32; LANES];

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> Self::I {
        from_fn(|lane| u32::from_le_bytes(word(from.add(lane * 4))))
    }
    #[inline(always)]
    unsafe fn splat_byte(byte: u8) -> Self::I {
        [u32::from_le_bytes([byte; 4]); LANES]
    }
    #[inline(always)]
    unsafe fn and(a: Self::I, b: Self::I) -> Self::I {
        from_fn(|lane| a[lane] & b[lane])
    }
    #[inline(always)]
    unsafe fn or(a: Self::I, b: Self::I) -> Self::I {
        from_fn(|lane| a[lane] | b[lane])
    }
    #[inline(always)]
    unsafe fn lookup(table: &[u8; 16], codes: Self::I) -> Self::I {
        codes.map(|lane| {
            u32::from_le_bytes(lane.to_le_bytes().map(|code| table[usize::from(code & 15)]))
        })
    }
    #[inline(always)]
    unsafe fn down<const N: u32>(a: Self::I) -> Self::I {
        a.map(|lane| lane >> N)
    }
    #[inline(always)]
    unsafe fn up<const N: u32>(a: Self::I) -> Self::I {
        a.map(|lane| lane << N)
    }
    #[inline(always)]
    unsafe fn splat_int<const SHIFT: u32>(from: *const i32) -> Self::I {
        [(*from << SHIFT).cast_unsigned(); LANES]
    }
    #[inline(always)]
    unsafe fn zero_int() -> Self::I {
        [0; LANES]
    }
    #[inline(always)]
    unsafe fn add_int(a: Self::I, b: Self::I) -> Self::I {
        from_fn(|lane| a[lane].wrapping_add(b[lane]))
    }
    #[inline(always)]
    unsafe fn dot(sum: Self::I, codes: Self::I, x: *const i8) -> Self::I {
        let x: [i32; 4] = word(x.cast()).map(|x| i32::from(x.cast_signed()));
        from_fn(|lane| {
            let code = |k: u32| (codes[lane] >> (8 * k) & 255).cast_signed();
            let products = code(0) * x[0] + code(1) * x[1] + code(2) * x[2] + code(3) * x[3];
            sum[lane].wrapping_add(products.cast_unsigned())
        })
    }
    #[inline(always)]
    unsafe fn dot_wide(sum: Self::I, codes: Self::I, x: *const i8) -> Self::I {
        Self::dot(sum, codes, x)
    }
    #[inline(always)]
    unsafe fn start_wide(negated_sum: *const i32) -> Self::I {
        Self::splat_int::<7>(negated_sum)
    }
    #[inline(always)]
    unsafe fn float(a: Self::I) -> Self::F {
        a.map(|lane| lane.cast_signed() as f32)
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::F {
        [value; LANES]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::F {
        from.cast::<Self::F>().read()
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::F) {
        to.cast::<Self::F>().write(value);
    }
    #[inline(always)]
    unsafe fn load_f16(from: *const u8) -> Self::F {
        from_fn(|lane| f16::from_le_bytes(from.add(2 * lane).cast::<[u8; 2]>().read()).to_f32())
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u8) -> Self::F {
        from_fn(|lane| bf16::from_le_bytes(from.add(2 * lane).cast::<[u8; 2]>().read()).to_f32())
    }
    #[inline(always)]
    unsafe fn store_f16(to: *mut u8, value: Self::F) {
        for (lane, value) in value.into_iter().enumerate() {
            to.add(2 * lane).cast::<[u8; 2]>().write(f16::from_f32(value).to_le_bytes());
        }
    }
    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> Self::F {
        from_fn(|lane| f32::from(*from.add(lane)))
    }
    #[inline(always)]
    unsafe fn load_i8(from: *const u8) -> Self::F {
        from_fn(|lane| f32::from((*from.add(lane)).cast_signed()))
    }
    #[inline(always)]
    unsafe fn load_power(from: *const u8) -> Self::F {
        from_fn(|lane| f32::from_bits(u32::from(*from.add(lane)) << 23) * 0.5)
    }
    #[inline(always)]
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F {
        from_fn(|lane| a[lane] + b[lane])
    }
    #[inline(always)]
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F {
        from_fn(|lane| a[lane] * b[lane])
    }
    #[inline(always)]
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F {
        from_fn(|lane| a[lane] / b[lane])
    }
    /// Rounded twice: without the instruction, rounding once is a call of a function for each lane.
    #[inline(always)]
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        from_fn(|lane| a[lane] * b[lane] + c[lane])
    }
    #[inline(always)]
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F {
        from_fn(|lane| if a[lane] < b[lane] { a[lane] } else { b[lane] })
    }
    #[inline(always)]
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F {
        from_fn(|lane| if a[lane] > b[lane] { a[lane] } else { b[lane] })
    }
    #[inline(always)]
    unsafe fn exp2_whole(whole: Self::F) -> Self::F {
        #[allow(clippy::cast_possible_truncation, reason = "whole numbers of eight bits")]
        whole.map(|lane| f32::from_bits(((lane as i32 + 127) << 23).cast_unsigned()))
    }
    #[inline(always)]
    unsafe fn prefetch(_at: *const u8) {}
}
