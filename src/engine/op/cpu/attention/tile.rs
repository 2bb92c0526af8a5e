//! The work of one task: the scores, the softmax and the weighted sums of a tile of queries.
//!
//! Rows of a tile are independent: they are computed together because they share what is loaded.

use super::{How, LANES, Number, ROWS, Span, TILE, Tile};
use crate::engine::op::cpu::lanes::{Kernel, Lanes};
use crate::engine::op::cpu::memory::Disjoint;
use crate::engine::op::{BLOCK, Sequence};
use std::ops::Range;

/// Attends with a tile's queries.
pub(super) struct Attend<'a, N> {
    pub(super) how: &'a How<'a>,
    pub(super) span: &'a Span,
    pub(super) keys: &'a [N],
    pub(super) values: &'a [N],
    pub(super) queries: &'a [f32],
    pub(super) sequence: &'a Sequence,
    pub(super) tile: &'a Tile,
    pub(super) out: &'a Disjoint<'a, f32>,
    pub(super) scratch: &'a mut Vec<f32>,
}

impl<N: Number> Attend<'_, N> {
    /// Where a row's query and output lie, and the positions it attends to.
    #[inline(always)]
    fn row(&self, row: usize) -> (usize, Range<usize>) {
        let group = self.how.heads / self.span.shape.kv_heads;
        let (token, head) = (row / group, self.tile.kv_head * group + row % group);
        let position = self.sequence.start + token;
        let at = (self.sequence.rows.start + token) * self.how.heads + head;
        let first = self.how.window.map_or(0, |window| (position + 1).saturating_sub(window));
        (at * self.span.shape.head_size, first..position + 1)
    }
}

impl<N: Number> Kernel for Attend<'_, N> {
    #[inline(always)]
    fn run<L: Lanes>(&mut self) {
        let rows = self.tile.rows.clone();
        // All blocks that any row of the tile attends to. A row's own sums start at its own block.
        let (_, first) = self.row(rows.start);
        let (_, last) = self.row(rows.end - 1);
        let blocks = first.start / BLOCK..last.end.div_ceil(BLOCK);
        let width = blocks.len() * BLOCK;
        let mut scores = std::mem::take(self.scratch);
        scores.resize(width * TILE, 0.0);
        for from in rows.clone().step_by(ROWS) {
            let scores = &mut scores[(from - rows.start) * width..];
            self.scores::<L>(scores, width, &blocks, from, ROWS.min(rows.end - from));
        }
        for row in rows.clone() {
            let (_, range) = self.row(row);
            let scores = &mut scores[(row - rows.start) * width..][..width];
            let begin = range.start - blocks.start * BLOCK;
            softmax::<L>(scores, begin..begin + range.len(), self.how);
        }
        for from in rows.clone().step_by(ROWS) {
            let weights = &scores[(from - rows.start) * width..];
            let count = ROWS.min(rows.end - from);
            for first in (0..self.span.padded).step_by(LANES * 2) {
                self.values::<L>(weights, width, &blocks, from, count, first);
            }
        }
        *self.scratch = scores;
    }
}

impl<N: Number> Attend<'_, N> {
    /// Scores of some rows with all blocks.
    #[inline(always)]
    fn scores<L: Lanes>(
        &self,
        scores: &mut [f32],
        width: usize,
        blocks: &Range<usize>,
        from: usize,
        count: usize,
    ) {
        let size = self.span.shape.head_size;
        // Rows beyond the tile repeat its last: computed, and dropped.
        let mut queries: [&[f32]; ROWS] = [&[]; ROWS];
        for (row, query) in queries.iter_mut().enumerate() {
            let (at, _) = self.row(from + row.min(count - 1));
            *query = &self.queries[at..at + size];
        }
        for block in blocks.start..blocks.end {
            let held = self.sequence.blocks[block] as usize;
            let (keys, _) = self.keys[self.span.head(held, self.tile.kv_head)].as_chunks::<LANES>();
            let mut sums = [[L::splat(0.0); 2]; ROWS];
            for index in 0..size {
                let (low, high): (L, L) =
                    (N::load(&keys[index * 2]), N::load(&keys[index * 2 + 1]));
                for row in 0..ROWS {
                    let query = L::splat(queries[row][index]);
                    sums[row][0] = low.mul_add(query, sums[row][0]);
                    sums[row][1] = high.mul_add(query, sums[row][1]);
                }
            }
            for (row, sums) in sums.iter().enumerate().take(count) {
                let at = row * width + (block - blocks.start) * BLOCK;
                let (two, _) = scores[at..at + BLOCK].as_chunks_mut::<LANES>();
                sums[0].store(&mut two[0]);
                sums[1].store(&mut two[1]);
            }
        }
    }

    /// Weighted sums of values: thirty-two numbers of the output of some rows.
    #[inline(always)]
    fn values<L: Lanes>(
        &self,
        weights: &[f32],
        width: usize,
        blocks: &Range<usize>,
        from: usize,
        count: usize,
        first: usize,
    ) {
        let padded = self.span.padded;
        let second = if first + LANES < padded { first + LANES } else { first };
        let mut of_rows: [&[f32]; ROWS] = [&[]; ROWS];
        for (row, one) in of_rows.iter_mut().enumerate() {
            *one = &weights[row.min(count - 1) * width..][..width];
        }
        let mut sums = [[L::splat(0.0); 2]; ROWS];
        for block in blocks.start..blocks.end {
            let held = self.sequence.blocks[block] as usize;
            let values = &self.values[self.span.head(held, self.tile.kv_head)];
            let base = (block - blocks.start) * BLOCK;
            for slot in 0..BLOCK {
                let (low, high) = (
                    N::load::<L>(chunk(values, slot * padded + first)),
                    N::load::<L>(chunk(values, slot * padded + second)),
                );
                for row in 0..ROWS {
                    let weight = L::splat(of_rows[row][base + slot]);
                    sums[row][0] = low.mul_add(weight, sums[row][0]);
                    sums[row][1] = high.mul_add(weight, sums[row][1]);
                }
            }
        }
        let size = self.span.shape.head_size;
        for (row, sums) in sums.into_iter().enumerate().take(count) {
            let (at, _) = self.row(from + row);
            for (first, sum) in [(first, sums[0]), (second, sums[1])] {
                let mut numbers = [0.0; LANES];
                sum.store(&mut numbers);
                let length = LANES.min(size.saturating_sub(first));
                #[allow(unsafe_code, reason = "rows are written in parallel")]
                // SAFETY: a row of a head belongs to one tile.
                let out = unsafe { self.out.part(at + first..at + first + length) };
                out.copy_from_slice(&numbers[..length]);
            }
        }
    }
}

/// Sixteen numbers from a place on.
#[inline(always)]
fn chunk<N>(all: &[N], at: usize) -> &[N; LANES] {
    match all[at..].first_chunk() {
        Some(chunk) => chunk,
        // A head's values are padded to whole chunks.
        None => unreachable!("a chunk at {at} of {}", all.len()),
    }
}

/// The softmax of the scores in `range`; all others become 0.
#[inline(always)]
fn softmax<L: Lanes>(scores: &mut [f32], range: Range<usize>, how: &How<'_>) {
    let (whole, _) = scores.as_chunks_mut::<LANES>();
    let chunks = range.start / LANES..range.end.div_ceil(LANES);
    let mut largest = L::splat(f32::NEG_INFINITY);
    for chunk in chunks.clone() {
        let mut x = L::load(&whole[chunk]).mul(L::splat(how.scale));
        if let Some(cap) = how.cap {
            x = x.div(L::splat(cap)).tanh().mul(L::splat(cap));
        }
        x.store(&mut whole[chunk]);
        outside(&mut whole[chunk], chunk, &range, f32::NEG_INFINITY);
        largest = largest.max(L::load(&whole[chunk]));
    }
    let largest = L::splat(-largest.largest());
    let mut sum = L::splat(0.0);
    for chunk in chunks.clone() {
        let weights = L::load(&whole[chunk]).add(largest).exp();
        weights.store(&mut whole[chunk]);
        outside(&mut whole[chunk], chunk, &range, 0.0);
        sum = sum.add(L::load(&whole[chunk]));
    }
    let share = L::splat(1.0 / sum.sum());
    for (index, chunk) in whole.iter_mut().enumerate() {
        if chunks.contains(&index) {
            L::load(chunk).mul(share).store(chunk);
        } else {
            *chunk = [0.0; LANES];
        }
    }
}

/// Sets the numbers of a chunk that lie outside of a range.
#[inline(always)]
fn outside(chunk: &mut [f32; LANES], index: usize, range: &Range<usize>, to: f32) {
    let first = index * LANES;
    if first >= range.start && first + LANES <= range.end {
        return;
    }
    for (lane, number) in chunk.iter_mut().enumerate() {
        if !range.contains(&(first + lane)) {
            *number = to;
        }
    }
}
