//! The kernels: a group of 16 rows of weights times a few rows of activations.
//!
//! Per step of 32 columns: unpack the codes once, then for each row of activations sum 32 products
//! of bytes in whole numbers, turn the sum into `f32`, scale it and add it to the output's
//! accumulator. Fixed offsets are taken off where the whole-numbered sum begins (−offset times the
//! activations' sum, exactly); minima are added as one more product.
//!
//! Invariant: an output is the same chain of operations however many rows are computed beside it:
//! `acc ← Σcodes·x · (scale·scale) + acc`, step by step from the first column to the last. What is
//! regrouped between kernels is only whole-numbered sums, which are exact in any order.
//!
//! Bound: with one row of activations, the memory's bandwidth: nine bytes a lane for 16 (AVX-512)
//! multiplications. With 16 rows, the two multipliers: eight sums of products a step and row, and
//! three further operations, on 512 multiplications.

#![allow(unsafe_code, reason = "vector instructions")]
#![allow(unsafe_op_in_unsafe_fn, reason = "one contract holds for every function: see `simd`")]
#![allow(clippy::cast_ptr_alignment, reason = "what is read as words begins at a word: `Operands`")]

use super::super::activation::STEP_BYTES;
use super::super::format::{Rule, STEP, Stored};
use super::super::isa::Work;
use super::super::packed::GROUP;
use super::super::simd::Simd;
use super::unpack::{Grid, codes, head, scales, wide};
use std::marker::PhantomData;

/// Bytes that a kernel asks for ahead of its reading, so many that memory answers in time. Measured
/// on a Zen 5, one thread: against 2 kB, 24 for 19 GB/s of `Q4_1` with one row of activations, 14 for
/// 9 GB/s of `Q8_0` with sixteen.
const AHEAD: usize = 16 << 10;

/// What a kernel reads and where it writes.
#[derive(Clone, Copy)]
pub(super) struct Operands {
    /// A group of packed weights.
    pub(super) group: *const u8,
    /// Columns of the weights.
    pub(super) cols: usize,
    /// The activations, from a word's start on: a tile's steps where the weights are quantized, else rows of `f32`.
    pub(super) x: *const u8,
    /// The number of rows that a tile is laid out for; rows of `f32` are `cols` apart.
    pub(super) size: usize,
    /// Where the outputs go: [`GROUP`] for each row of activations.
    pub(super) out: *mut f32,
}

/// Runs the block for each of these numbers below a limit, written out one after another: so that
/// arrays of accumulators become registers.
macro_rules! each {
    ($index:ident in [$($value:literal)*], $limit:expr => $body:block) => {
        $(if $value < $limit {
            let $index: usize = $value;
            $body
        })*
    };
    ($index:ident < $limit:expr => $body:block) => {
        each!($index in [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15], $limit => $body);
    };
}

/// Rows of activations whose sums are formed side by side: so many chains hide a sum's latency.
const ABREAST: usize = 4;

/// `R` rows of a tile, from row `first` on, times lanes `lane..lane + S::LANES` of a group.
#[inline(always)]
unsafe fn quantized<S: Simd, G: Grid, const R: usize>(
    operands: Operands,
    first: usize,
    lane: usize,
) {
    let Operands { group, cols, mut x, size, out } = operands;
    let steps = cols / STEP;
    let mut packed = group.add(lane * 4);
    let mut fields = group.add(steps * G::LAYOUT.step_codes());
    let mut acc = [S::splat(0.0); R];
    for _ in 0..steps / G::LAYOUT.steps {
        let head = head::<S, G>(fields, lane);
        fields = fields.add(GROUP * G::LAYOUT.head * 2);
        for _ in 0..G::LAYOUT.steps {
            for line in 0..G::LAYOUT.step_codes() / 64 {
                S::prefetch(packed.wrapping_add(AHEAD + line * 64));
            }
            let codes = codes::<S, G>(packed);
            let scales = scales::<S, G>(fields, lane, head);
            let row = x.add(first * STEP).cast::<i8>();
            let numbers = x.add(size * STEP).cast::<f32>().add(first);
            each!(quad in [0 1 2 3], R.div_ceil(ABREAST) => {
                let base = quad * ABREAST;
                let mut sums = [[S::zero_int(); 2]; ABREAST];
                each!(r in [0 1 2 3], R - base => {
                    sums[r] = starts::<S, G>(numbers.cast::<i32>().add(base + r), size);
                });
                each!(w in [0 1 2 3 4 5 6 7], 8 => {
                    each!(r in [0 1 2 3], R - base => {
                        // Two chains where a row is alone or the halves have scales of their own.
                        let chain = w / 4 * usize::from(R == 1 || G::LAYOUT.rule == Rule::Halves);
                        let x = row.add((base + r) * STEP + w * 4);
                        sums[r][chain] = if wide::<G>() {
                            S::dot_wide(sums[r][chain], codes[w], x)
                        } else {
                            S::dot(sums[r][chain], codes[w], x)
                        };
                    });
                });
                each!(r in [0 1 2 3], R - base => {
                    let scale = S::splat(*numbers.add(base + r));
                    let product = *numbers.add(2 * size + base + r);
                    let old = acc[base + r];
                    acc[base + r] = match G::LAYOUT.rule {
                        Rule::Halves => {
                            let both = S::mul(S::float(sums[r][0]), scales[0]);
                            S::fma(S::fma(S::float(sums[r][1]), scales[1], both), scale, old)
                        }
                        rule => {
                            let sum = if R == 1 {
                                S::add_int(sums[r][0], sums[r][1])
                            } else {
                                sums[r][0]
                            };
                            let new = S::fma(S::mul(S::float(sum), scales[0]), scale, old);
                            match rule {
                                Rule::Minimum | Rule::Nested => {
                                    S::fma(scales[1], S::splat(product), new)
                                }
                                _ => new,
                            }
                        }
                    };
                });
            });
            packed = packed.add(G::LAYOUT.step_codes());
            fields = fields.add(G::LAYOUT.step_scales());
            x = x.add(size * STEP_BYTES);
        }
    }
    each!(r < R => { S::store(out.add((first + r) * GROUP + lane), acc[r]); });
}

/// Where the sums of a row's step begin: −offset times the sum of its activations. `numbers` is the
/// row's scale, from which its negated sums are `size` apart.
#[inline(always)]
unsafe fn starts<S: Simd, G: Grid>(numbers: *const i32, size: usize) -> [S::I; 2] {
    match G::LAYOUT.rule {
        Rule::Offset(8) => [S::splat_int::<3>(numbers.add(size)), S::zero_int()],
        Rule::Offset(16) | Rule::Powers => [S::splat_int::<4>(numbers.add(size)), S::zero_int()],
        Rule::Offset(_) | Rule::Levels => [S::start_wide(numbers.add(size)), S::zero_int()],
        Rule::Halves => {
            [S::splat_int::<5>(numbers.add(3 * size)), S::splat_int::<5>(numbers.add(4 * size))]
        }
        Rule::Minimum | Rule::Nested => [S::zero_int(); 2],
    }
}

/// Floating-point weights, as a type.
pub(super) trait Float {
    const STORED: Stored;
    unsafe fn load<S: Simd>(from: *const u8) -> S::F;
}

macro_rules! floats {
    ($($name:ident: $load:expr;)*) => {
        $(
            pub(super) struct $name;
            impl Float for $name {
                const STORED: Stored = Stored::$name;
                #[inline(always)]
                unsafe fn load<S: Simd>(from: *const u8) -> S::F {
                    $load(from.cast())
                }
            }
        )*
    };
}
floats! {
    F32: S::load;
    F16: S::load_f16;
    BF16: S::load_bf16;
}

/// The same for floating-point weights: even and odd columns in two chains, to hide the latency.
#[inline(always)]
unsafe fn floating<S: Simd, W: Float, const R: usize>(
    operands: Operands,
    first: usize,
    lane: usize,
) {
    let Operands { group, cols, x, out, .. } = operands;
    let bytes = W::STORED.block_bytes();
    let x = x.cast::<f32>().add(first * cols);
    let column = |k: usize| W::load::<S>(group.add((k * GROUP + lane) * bytes));
    let mut even = [S::splat(0.0); R];
    let mut odd = [S::splat(0.0); R];
    for k in (0..cols / 2).map(|pair| 2 * pair) {
        S::prefetch(group.wrapping_add(AHEAD + k * GROUP * bytes));
        S::prefetch(group.wrapping_add(AHEAD + (k + 1) * GROUP * bytes));
        let (a, b) = (column(k), column(k + 1));
        each!(r < R => {
            even[r] = S::fma(a, S::splat(*x.add(r * cols + k)), even[r]);
            odd[r] = S::fma(b, S::splat(*x.add(r * cols + k + 1)), odd[r]);
        });
    }
    if cols % 2 == 1 {
        let last = column(cols - 1);
        each!(r < R => { even[r] = S::fma(last, S::splat(*x.add(r * cols + cols - 1)), even[r]); });
    }
    each!(r < R => { S::store(out.add((first + r) * GROUP + lane), S::add(even[r], odd[r])); });
}

/// A kernel for all lanes of a group and `R` rows of a tile, those that it is laid out for.
pub(super) struct Whole<K, const R: usize>(PhantomData<K>);

/// A kernel for all lanes of a group and any number of rows, at most `N` at a time: 4 or 8.
pub(super) struct Parts<K, const N: usize>(PhantomData<K>);

/// Quantized weights, for [`Whole`] and [`Parts`].
pub(super) struct Codes<G>(PhantomData<G>);
/// Floating-point weights, likewise.
pub(super) struct Columns<W>(PhantomData<W>);

/// What a kernel computes for `R` rows and `S::LANES` lanes.
pub(super) trait Rows {
    unsafe fn rows<S: Simd, const R: usize>(operands: Operands, first: usize, lane: usize);
}

impl<G: Grid> Rows for Codes<G> {
    #[inline(always)]
    unsafe fn rows<S: Simd, const R: usize>(operands: Operands, first: usize, lane: usize) {
        quantized::<S, G, R>(operands, first, lane);
    }
}

impl<W: Float> Rows for Columns<W> {
    #[inline(always)]
    unsafe fn rows<S: Simd, const R: usize>(operands: Operands, first: usize, lane: usize) {
        floating::<S, W, R>(operands, first, lane);
    }
}

impl<K: Rows, const R: usize> Work for Whole<K, R> {
    type Input = Operands;

    #[inline(always)]
    unsafe fn run<S: Simd>(operands: Operands) {
        // The constant tells the compiler where everything in a step is.
        let operands = Operands { size: R, ..operands };
        for lane in (0..GROUP).step_by(S::LANES) {
            K::rows::<S, R>(operands, 0, lane);
        }
    }
}

impl<K: Rows, const N: usize> Work for Parts<K, N> {
    type Input = Operands;

    #[inline(always)]
    unsafe fn run<S: Simd>(operands: Operands) {
        for lane in (0..GROUP).step_by(S::LANES) {
            let mut first = 0;
            while first + N <= operands.size {
                K::rows::<S, N>(operands, first, lane);
                first += N;
            }
            if N > 4 && first + 4 <= operands.size {
                K::rows::<S, 4>(operands, first, lane);
                first += 4;
            }
            while first < operands.size {
                K::rows::<S, 1>(operands, first, lane);
                first += 1;
            }
        }
    }
}
