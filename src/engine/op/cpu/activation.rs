//! The other operand of a product: rows of activations, as `f32` and as bytes with scales.
//!
//! Quantized weights meet activations of eight bits: each 32 of a row share a scale, amax / 127 in
//! `f32`, and are rounded to the nearest whole number. That is done once for a row, whatever number
//! of products read it.
//!
//! Rows are kept in tiles of up to 16, as the kernels compute them together: for each step of 32
//! columns, a tile's rows one after another, then what the formats need of their sums. A tile that is
//! not full has the least size of [`SIZES`] that holds its rows; the rows too many are zeros, which
//! costs less than a kernel for every number.
//!
//! Invariant: a row's bytes depend on that row alone; a value that is no number, or infinite, makes
//! its step's scale NaN, and so every output of the row. Guarded by the tests of [`mod@super::matmul`].

use super::format::STEP;
use super::isa::{Isa, Work};
use super::memory::{Disjoint, Lines};
use super::packed::Packed;
use super::pool::Pool;
use super::simd::Simd;
use std::mem::size_of;

/// Rows of a full tile.
pub(super) const TILE: usize = 16;
/// The numbers of rows that there are kernels for.
pub(super) const SIZES: [usize; 5] = [1, 2, 4, 8, 16];

/// The least of [`SIZES`] that holds so many rows.
pub(super) fn size_for(rows: usize) -> usize {
    SIZES.into_iter().find(|size| *size >= rows).unwrap_or(TILE)
}

/// Bytes of one row in one step: 32 codes, the scale, the negated sum of the codes, the scale times
/// the sum, and the negated sums of either half.
pub(super) const STEP_BYTES: usize = STEP + 5 * size_of::<f32>();

/// Rows of activations as bytes with scales: a buffer that is used again and again.
#[derive(Debug, Default)]
pub struct Quantized {
    rows: usize,
    cols: usize,
    lines: Lines,
}

/// What a product reads: rows of `f32`, and the same quantized where a weight asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    rows: usize,
    cols: usize,
    floats: &'a [f32],
    quantized: Option<&'a Quantized>,
}

impl<'a> Input<'a> {
    /// Prepares `x`, rows of `cols` values, for products with `weights`: quantizes them into `buffer`
    /// if any of the weights is quantized.
    ///
    /// # Panics
    /// Where `x` is not made of whole rows, or memory runs out.
    pub fn prepare(
        pool: &Pool,
        isa: Isa,
        x: &'a [f32],
        cols: usize,
        weights: &[&Packed],
        buffer: &'a mut Quantized,
    ) -> Self {
        let quantized = weights.iter().any(|weight| weight.stored().is_quantized()).then(|| {
            buffer.fill(pool, isa, x, cols);
            &*buffer
        });
        Self { rows: rows_of(x, cols), cols, floats: x, quantized }
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Values in a row.
    pub fn cols(&self) -> usize {
        self.cols
    }

    pub(super) fn floats(&self) -> &'a [f32] {
        self.floats
    }

    pub(super) fn quantized(&self) -> Option<&'a Quantized> {
        self.quantized
    }
}

/// How many rows of `cols` values `x` holds.
fn rows_of(x: &[f32], cols: usize) -> usize {
    let rows = x.len().checked_div(cols).unwrap_or(0);
    assert_eq!(rows * cols, x.len(), "values of whole rows of {cols}");
    rows
}

impl Quantized {
    /// Quantizes `x`, rows of `cols` values, a multiple of 32.
    ///
    /// # Panics
    /// Where `x` is not made of whole rows, `cols` not of whole steps, or memory runs out.
    pub fn fill(&mut self, pool: &Pool, isa: Isa, x: &[f32], cols: usize) {
        assert_eq!(cols % STEP, 0, "{cols} columns in steps of {STEP}");
        self.rows = rows_of(x, cols);
        self.cols = cols;
        let bytes = self.rows.next_multiple_of(TILE) * self.row_bytes();
        #[allow(clippy::expect_used, reason = "as any growing vector's")]
        self.lines.grow(bytes).expect("memory for activations");
        let (rows, row_bytes) = (self.rows, self.row_bytes());
        let target = Disjoint::new(self.lines.bytes_mut());
        // A few rows quantize faster than another thread's cache gets them.
        let tiles = rows.div_ceil(TILE);
        let run = isa.run::<Tile<'_>>();
        pool.run(tiles, &|tile| {
            let first = tile * TILE;
            let count = TILE.min(rows - first);
            let start = first * row_bytes;
            #[allow(unsafe_code, reason = "tiles are filled in parallel")]
            // SAFETY: each task has a tile of its own; the CPU has the instructions of an `Isa`.
            unsafe {
                let target = target.part(start..start + size_for(count) * row_bytes);
                run(Tile { x: &x[first * cols..][..count * cols], cols, target });
            }
        });
    }

    /// Bytes of a row in all its steps.
    fn row_bytes(&self) -> usize {
        self.cols / STEP * STEP_BYTES
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The steps of tile `index`, and the number of rows that they are laid out for.
    pub(super) fn tile(&self, index: usize) -> (&[u8], usize) {
        let size = size_for(TILE.min(self.rows - index * TILE));
        (&self.lines.bytes()[index * TILE * self.row_bytes()..][..size * self.row_bytes()], size)
    }

    /// The values that row `row` has after rounding.
    #[cfg(test)]
    pub(super) fn row(&self, row: usize) -> Vec<f32> {
        let (tile, size) = self.tile(row / TILE);
        let row = row % TILE;
        let steps = tile.chunks_exact(size * STEP_BYTES);
        let values = steps.flat_map(|step| {
            let at = size * STEP + row * 4;
            let scale = f32::from_le_bytes(step[at..at + 4].try_into().unwrap());
            let codes = &step[row * STEP..][..STEP];
            codes.iter().map(move |code| f32::from(code.cast_signed()) * scale)
        });
        values.collect()
    }
}

/// Quantizes the rows of one tile.
struct Tile<'a> {
    x: &'a [f32],
    cols: usize,
    target: &'a mut [u8],
}

impl Work for Tile<'_> {
    type Input = Self;

    #[inline(always)]
    #[allow(unsafe_code, reason = "as unsafe as the instructions that it is compiled for")]
    unsafe fn run<S: Simd>(tile: Self) {
        let Self { x, cols, target } = tile;
        let size = size_for(x.len() / cols);
        for (index, target) in target.chunks_exact_mut(size * STEP_BYTES).enumerate() {
            let (codes, numbers) = target.split_at_mut(size * STEP);
            let numbers = numbers.as_chunks_mut::<4>().0;
            for (row, codes) in codes.as_chunks_mut::<STEP>().0.iter_mut().enumerate() {
                let at = row * cols + index * STEP;
                let step = x.get(at..at + STEP).and_then(|x| x.try_into().ok());
                let step = quantize(step.unwrap_or(&[0.0; STEP]), codes);
                let [first, second] = step.sums;
                let sum = first + second;
                numbers[row] = step.scale.to_le_bytes();
                numbers[size + row] = (-sum).to_le_bytes();
                #[allow(clippy::cast_precision_loss, reason = "at most 32 · 127")]
                let product = step.scale * sum as f32;
                numbers[2 * size + row] = product.to_le_bytes();
                numbers[3 * size + row] = (-first).to_le_bytes();
                numbers[4 * size + row] = (-second).to_le_bytes();
            }
        }
    }
}

/// What a step is worth beside its codes.
struct Rounded {
    scale: f32,
    /// Sums of the first and the second 16 codes.
    sums: [i32; 2],
}

/// Rounds 32 values to `codes` of −127 to 127 times a scale.
///
/// Values that are all below 1e-30 count as nought: their scale's inverse would overflow. The largest
/// is found among bit patterns, which order as magnitudes do, with infinity and NaN above all.
#[inline(always)]
fn quantize(x: &[f32; STEP], codes: &mut [u8; STEP]) -> Rounded {
    // 1.5 · 2²³: a float of this size has no fraction, so adding it rounds to the nearest whole
    // number, ties to even, and leaves that in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const NEGLIGIBLE: f32 = 1e-30;
    let mut largest = 0;
    for value in x {
        largest = (value.to_bits() & 0x7fff_ffff).max(largest);
    }
    let largest = f32::from_bits(largest);
    if !largest.is_finite() || largest < NEGLIGIBLE {
        codes.fill(0);
        return Rounded { scale: if largest.is_finite() { 0.0 } else { f32::NAN }, sums: [0; 2] };
    }
    let inverse = 127.0 / largest;
    let mut whole = [0; STEP];
    for (whole, value) in whole.iter_mut().zip(x) {
        *whole = (value * inverse + ROUND).to_bits().wrapping_sub(ROUND.to_bits()).cast_signed();
    }
    for (code, whole) in codes.iter_mut().zip(whole) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "±127, as bits")]
        let byte = whole as u8;
        *code = byte;
    }
    let sum = |half: &[i32]| half.iter().sum();
    let sums = [sum(&whole[..STEP / 2]), sum(&whole[STEP / 2..])];
    Rounded { scale: largest * (1.0 / 127.0), sums }
}
