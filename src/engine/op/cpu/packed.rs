//! Weights as the kernels read them: sixteen rows at a time, one lane each.
//!
//! Rows come in groups of 16, the last one filled up with zeros. A group is one stretch of memory:
//! first the codes, step by step (32 columns), then the scales. Of a step's codes, one load of 64
//! bytes holds 4 columns of all 16 rows, 4 bytes a row, or 8 columns as nibbles: the first four low,
//! the next four high. Fifth and sixth bits follow in planes of 64 bytes ([`PLANE_5`], [`PLANE_6`]).
//! Scales stay as small as they were stored: nothing is widened before it is in a register, because
//! the memory's bandwidth is what bounds a single stream.
//!
//! Floating-point weights are held as they are stored, column by column of 16 rows.
//!
//! Invariant: packing loses nothing. [`Packed::row`] gives back what [`Stored::dequantize`] gives, bit
//! by bit; the tests hold one against the other for every format.

use super::format::{Layout, STEP, Step, Stored};
use super::memory::{Arena, Disjoint, Exhausted, Region};
use super::pool::Pool;
use crate::hint::{Fault, Hint};

/// Rows in a group: the lanes of the widest vectors there are.
pub const GROUP: usize = 16;

/// Where in a byte of the plane the fifth bit of load `w`'s code stands (columns `4w` to `4w + 3`):
/// so that one shift brings it to its place.
pub(super) const PLANE_5: [u32; 8] = [4, 5, 6, 7, 0, 1, 2, 3];
/// Where the fifth and sixth bits stand, in the plane of loads 0 to 3 and that of 4 to 7.
pub(super) const PLANE_6: [u32; 4] = [4, 6, 0, 2];

/// A matrix of weights, ready for products.
#[derive(Debug)]
pub struct Packed {
    stored: Stored,
    rows: usize,
    cols: usize,
    group_bytes: usize,
    region: Region,
}

/// Why weights can't be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A row that is not made of whole blocks.
    #[error("rows of {cols} weights in `{stored:?}`, which stores {block} together")]
    Columns {
        /// The format.
        stored: Stored,
        /// Weights in a row.
        cols: usize,
        /// Weights in a block.
        block: usize,
    },
    /// A number of bytes that is not that of so many rows.
    #[error(
        "{bytes} bytes from row {first} on for {rows} rows of {cols} weights in `{stored:?}`: {why}"
    )]
    Bytes {
        /// The format.
        stored: Stored,
        /// Rows of the matrix.
        rows: usize,
        /// Weights in a row.
        cols: usize,
        /// The first row that the bytes hold.
        first: usize,
        /// How many there are.
        bytes: usize,
        /// What is wrong with that.
        why: &'static str,
    },
    /// A matrix that doesn't fit into memory.
    #[error("{rows} rows of {cols} weights in `{stored:?}` don't fit into memory")]
    Memory {
        /// The format.
        stored: Stored,
        /// Rows of the matrix.
        rows: usize,
        /// Weights in a row.
        cols: usize,
    },
}

impl Hint for PackError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Memory { .. } => Some("choose a smaller model or a smaller quantization".into()),
            Self::Columns { .. } | Self::Bytes { .. } => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Columns { .. } | Self::Bytes { .. } => Fault::Input,
            Self::Memory { .. } => Fault::Environment,
        }
    }
}

impl Packed {
    /// Packs `bytes`, `rows` rows of `cols` weights in a file's order.
    ///
    /// # Errors
    /// Where `cols` is not made of whole blocks, `bytes` is not that long, or memory doesn't suffice.
    pub fn pack(
        pool: &Pool,
        stored: Stored,
        bytes: &[u8],
        rows: usize,
        cols: usize,
    ) -> Result<Self, PackError> {
        let mut packed = Self::zeroed(stored, rows, cols)?;
        packed.pack_rows(pool, 0, bytes)?;
        Ok(packed)
    }

    /// A matrix of zeros in memory of its own, to be filled by [`Self::pack_rows`].
    ///
    /// # Errors
    /// Where `cols` is not made of whole blocks, or memory doesn't suffice.
    pub fn zeroed(stored: Stored, rows: usize, cols: usize) -> Result<Self, PackError> {
        Self::placed(stored, rows, cols, Region::alone)
    }

    /// The same among the other matrices of a model.
    ///
    /// # Errors
    /// Where `cols` is not made of whole blocks, or memory doesn't suffice.
    pub fn zeroed_in(
        arena: &mut Arena,
        stored: Stored,
        rows: usize,
        cols: usize,
    ) -> Result<Self, PackError> {
        Self::placed(stored, rows, cols, |bytes| arena.region(bytes))
    }

    fn placed(
        stored: Stored,
        rows: usize,
        cols: usize,
        place: impl FnOnce(usize) -> Result<Region, Exhausted>,
    ) -> Result<Self, PackError> {
        let block = stored.block_elements();
        if !cols.is_multiple_of(block) {
            return Err(PackError::Columns { stored, cols, block });
        }
        let memory = || PackError::Memory { stored, rows, cols };
        let group_bytes = group_bytes(stored, cols).ok_or_else(memory)?;
        let bytes = rows.div_ceil(GROUP).checked_mul(group_bytes).ok_or_else(memory)?;
        let region = place(bytes).map_err(|Exhausted| memory())?;
        Ok(Self { stored, rows, cols, group_bytes, region })
    }

    /// Packs some of the rows: `bytes` holds those from `first` on, which is a multiple of [`GROUP`],
    /// and ends with a whole group or the last row. So a loader need not hold the whole matrix.
    ///
    /// # Errors
    /// Where `bytes` is not that.
    pub fn pack_rows(&mut self, pool: &Pool, first: usize, bytes: &[u8]) -> Result<(), PackError> {
        let Self { stored, rows, cols, group_bytes, .. } = *self;
        let wrong = |why| PackError::Bytes { stored, rows, cols, first, bytes: bytes.len(), why };
        let row_bytes = stored.row_bytes(cols).unwrap_or(0);
        let count = bytes.len().checked_div(row_bytes).unwrap_or(0);
        if count * row_bytes != bytes.len() {
            return Err(wrong("not a number of whole rows"));
        }
        if row_bytes == 0 {
            return Ok(());
        }
        let end = first.saturating_add(count);
        if end > rows || !first.is_multiple_of(GROUP) {
            return Err(wrong("not rows of the matrix from a group's first one on"));
        }
        if end != rows && !end.is_multiple_of(GROUP) {
            return Err(wrong("ends within a group"));
        }
        let start = first / GROUP * group_bytes;
        let groups = Disjoint::new(&mut self.region.bytes_mut()[start..]);
        pool.run(count.div_ceil(GROUP), &|group| {
            let from = group * GROUP * row_bytes;
            let source = &bytes[from..bytes.len().min(from + GROUP * row_bytes)];
            let at = group * group_bytes;
            #[allow(unsafe_code, reason = "groups are packed in parallel")]
            // SAFETY: each task has a group of its own.
            let target = unsafe { groups.part(at..at + group_bytes) };
            match stored.layout() {
                Some(layout) => pack_group(stored, layout, source, row_bytes, target),
                None => interleave(source, row_bytes, stored.block_bytes(), target),
            }
        });
        Ok(())
    }

    /// What the weights are stored as.
    pub fn stored(&self) -> Stored {
        self.stored
    }

    /// Rows: outputs of a product.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns: what a row of activations must have.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Bytes of memory that it holds.
    pub fn bytes(&self) -> usize {
        self.region.bytes().len()
    }

    /// The weights of one row, as an embedding is looked up.
    ///
    /// # Panics
    /// Where there is no such row, or `out` is not [`Self::cols`] long.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        assert_eq!(out.len(), self.cols, "weights of a row");
        let (group, lane) = (self.group(row / GROUP), row % GROUP);
        let Some(layout) = self.stored.layout() else {
            let size = self.stored.block_bytes();
            for (out, column) in out.iter_mut().zip(group.chunks_exact(GROUP * size)) {
                self.stored.widen(&column[lane * size..][..size], std::slice::from_mut(out));
            }
            return;
        };
        let (codes, scales) = group.split_at(layout.codes_bytes(self.cols));
        let spans = codes.chunks_exact(layout.steps * layout.step_codes());
        for (index, (span, out)) in spans.zip(out.chunks_exact_mut(layout.steps * STEP)).enumerate()
        {
            let scales = &scales[index * layout.span_scales()..];
            let pair = |at: usize| [scales[at], scales[at + 1]];
            let mut head = [[0; 2]; 2];
            for (field, value) in head.iter_mut().enumerate().take(layout.head) {
                *value = pair((field * GROUP + lane) * 2);
            }
            let scales = &scales[layout.head * GROUP * 2..];
            for (index, out) in out.chunks_exact_mut(STEP).enumerate() {
                let fields = &scales[index * layout.step_scales()..];
                let codes = &span[index * layout.step_codes()..][..layout.step_codes()];
                layout.rule.weights(head, &layout.take_lane(codes, fields, lane), out);
            }
        }
    }

    /// The bytes of a group of rows.
    pub(super) fn group(&self, group: usize) -> &[u8] {
        &self.region.bytes()[group * self.group_bytes..][..self.group_bytes]
    }

    /// How many groups there are.
    pub(super) fn groups(&self) -> usize {
        self.rows.div_ceil(GROUP)
    }
}

/// The bytes of a group, in whole cache lines; `None` where they overflow.
fn group_bytes(stored: Stored, cols: usize) -> Option<usize> {
    // Far above what any matrix has, far below where the sums here would overflow.
    let cols = Some(cols).filter(|cols| *cols < 1 << 40)?;
    let bytes = match stored.layout() {
        None => cols * stored.block_bytes() * GROUP,
        Some(layout) => {
            layout.codes_bytes(cols) + cols / (layout.steps * STEP) * layout.span_scales()
        }
    };
    Some(bytes.next_multiple_of(64))
}

impl Layout {
    /// Bytes of a group's codes for one step.
    pub(super) const fn step_codes(self) -> usize {
        GROUP * STEP * self.bits / 8
    }

    /// Bytes of a group's own numbers of one step.
    pub(super) const fn step_scales(self) -> usize {
        GROUP * self.fields * self.width
    }

    /// Bytes of a group's numbers of one span.
    pub(super) const fn span_scales(self) -> usize {
        GROUP * self.head * 2 + self.steps * self.step_scales()
    }

    /// Bytes of a group's codes.
    fn codes_bytes(self, cols: usize) -> usize {
        cols / STEP * self.step_codes()
    }

    /// Puts a row's step into its lane of `codes` and `scales`, which hold noughts there.
    fn put_lane(self, step: &Step, lane: usize, codes: &mut [u8], scales: &mut [u8]) {
        let words = codes.as_chunks_mut::<4>().0;
        let mut or = |load: usize, bits: u32| {
            let word = &mut words[load * GROUP + lane];
            *word = (u32::from_le_bytes(*word) | bits).to_le_bytes();
        };
        for (w, bytes) in step.codes.as_chunks::<4>().0.iter().enumerate() {
            let word = u32::from_le_bytes(*bytes);
            if self.bits == 8 {
                or(w, word);
                continue;
            }
            or(w / 2, (word & 0x0f0f_0f0f) << (w % 2 * 4));
            match self.bits {
                5 => or(4, (word >> 4 & 0x0101_0101) << PLANE_5[w]),
                6 => or(4 + w / 4, (word >> 4 & 0x0303_0303) << PLANE_6[w % 4]),
                _ => {}
            }
        }
        for field in 0..self.fields {
            let at = (field * GROUP + lane) * self.width;
            let value = &step.fields[field * self.width..][..self.width];
            scales[at..at + self.width].copy_from_slice(value);
        }
    }

    /// The way back.
    fn take_lane(self, codes: &[u8], scales: &[u8], lane: usize) -> Step {
        let mut step = Step::default();
        let words = codes.as_chunks::<4>().0;
        let load = |load: usize| u32::from_le_bytes(words[load * GROUP + lane]);
        for (w, bytes) in step.codes.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let low = || load(w / 2) >> (w % 2 * 4) & 0x0f0f_0f0f;
            let word = match self.bits {
                8 => load(w),
                6 => low() | (load(4 + w / 4) >> PLANE_6[w % 4] & 0x0303_0303) << 4,
                5 => low() | (load(4) >> PLANE_5[w] & 0x0101_0101) << 4,
                _ => low(),
            };
            *bytes = word.to_le_bytes();
        }
        for field in 0..self.fields {
            let at = (field * GROUP + lane) * self.width;
            step.fields[field * self.width..][..self.width]
                .copy_from_slice(&scales[at..at + self.width]);
        }
        step
    }
}

/// Packs the rows of `source` into a group.
fn pack_group(stored: Stored, layout: Layout, source: &[u8], row_bytes: usize, target: &mut [u8]) {
    let spans = row_bytes / stored.block_bytes();
    let (codes, scales) = target.split_at_mut(spans * layout.steps * layout.step_codes());
    codes.fill(0);
    for (lane, row) in source.chunks_exact(row_bytes).enumerate() {
        let span_codes = codes.chunks_exact_mut(layout.steps * layout.step_codes());
        let span_scales = scales.chunks_exact_mut(layout.span_scales());
        let spans = row.chunks_exact(stored.block_bytes());
        for ((span, codes), scales) in spans.zip(span_codes).zip(span_scales) {
            let (head, scales) = scales.split_at_mut(layout.head * GROUP * 2);
            for (field, value) in stored.head(span).iter().enumerate().take(layout.head) {
                head[(field * GROUP + lane) * 2..][..2].copy_from_slice(value);
            }
            let steps = codes.chunks_exact_mut(layout.step_codes());
            let fields = scales.chunks_exact_mut(layout.step_scales());
            for (index, (codes, fields)) in steps.zip(fields).enumerate() {
                layout.put_lane(&stored.step(span, index), lane, codes, fields);
            }
        }
    }
}

/// Puts rows of floating-point weights column by column, `size` bytes each.
fn interleave(source: &[u8], row_bytes: usize, size: usize, target: &mut [u8]) {
    for (lane, row) in source.chunks_exact(row_bytes).enumerate() {
        for (weight, column) in row.chunks_exact(size).zip(target.chunks_exact_mut(GROUP * size)) {
            column[lane * size..][..size].copy_from_slice(weight);
        }
    }
}
