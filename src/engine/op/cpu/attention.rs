//! Paged attention over a ragged batch.
//!
//! Keys lie transposed within a block, `[layer][block][kv head][head size][32 slots]`, so that
//! sixteen scores are made at once and nothing is summed across lanes; values as they come,
//! `[layer][block][kv head][32 slots][head size]`, so that sixteen numbers of the output are. Head
//! sizes are padded to a multiple of 16.
//!
//! Invariant: a query's result depends on its own position, window and cache alone: scores are made
//! slot by slot, and summed in the order of positions from the block of the first that counts,
//! however the work is divided. Guarded by `tests.rs` beside this file.

mod tile;

use super::isa::Isa;
use super::lanes::{Kernel, LANES, Lanes, dispatch};
use super::memory::Disjoint;
use super::pool::Pool;
use super::rope::Rotary;
use crate::engine::op::{BLOCK, CacheShape, KvType, Ragged};
use crate::units::Bytes;
use std::ops::Range;
use tile::Attend;

/// Query rows that are computed together: they share what is loaded of keys and values.
const TILE: usize = 8;
/// Rows whose accumulators fit the registers.
const ROWS: usize = 4;

/// Keys and values of all layers.
pub(super) struct Cache {
    shape: CacheShape,
    /// A head's size, padded.
    padded: usize,
    keys: Store,
    values: Store,
}

enum Store {
    Half(Vec<u16>),
    Full(Vec<f32>),
}

/// What a head of the cache looks like to a kernel.
trait Number: Copy + Send + Sync {
    fn load<L: Lanes>(from: &[Self; LANES]) -> L;
    fn store<L: Lanes>(lanes: L, to: &mut [Self; LANES]);
}

impl Number for u16 {
    #[inline(always)]
    fn load<L: Lanes>(from: &[Self; LANES]) -> L {
        L::load_half(from)
    }
    #[inline(always)]
    fn store<L: Lanes>(lanes: L, to: &mut [Self; LANES]) {
        lanes.store_half(to);
    }
}

impl Number for f32 {
    #[inline(always)]
    fn load<L: Lanes>(from: &[Self; LANES]) -> L {
        L::load(from)
    }
    #[inline(always)]
    fn store<L: Lanes>(lanes: L, to: &mut [Self; LANES]) {
        lanes.store(to);
    }
}

/// The attention of one layer, without its weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct How<'a> {
    pub(super) layer: usize,
    pub(super) heads: usize,
    pub(super) scale: f32,
    pub(super) cap: Option<f32>,
    pub(super) window: Option<usize>,
    pub(super) rotary: &'a Rotary<'a>,
}

impl Cache {
    /// An empty cache, or how many bytes could not be had.
    pub(super) fn new(shape: CacheShape) -> Result<Self, Bytes> {
        let padded = shape.head_size.next_multiple_of(LANES);
        let numbers = [shape.layers, shape.blocks, shape.kv_heads, BLOCK, padded]
            .into_iter()
            .try_fold(1_usize, usize::checked_mul)
            .ok_or(Bytes(u64::MAX))?;
        let wanted = Bytes((numbers * shape.kv.bytes() * 2) as u64);
        let store = || match shape.kv {
            KvType::F16 => zeros(numbers).map(Store::Half),
            KvType::F32 => zeros(numbers).map(Store::Full),
        };
        let (keys, values) = (store().ok_or(wanted)?, store().ok_or(wanted)?);
        Ok(Self { shape, padded, keys, values })
    }

    /// Numbers of one layer's block, all heads.
    fn block(&self) -> usize {
        self.shape.kv_heads * self.padded * BLOCK
    }

    /// Where one head of a block begins.
    fn at(&self, layer: usize, block: usize, head: usize) -> usize {
        (layer * self.shape.blocks + block) * self.block() + head * self.padded * BLOCK
    }

    /// Copies a block, all layers.
    pub(super) fn copy(&mut self, from: u32, to: u32) {
        let length = self.block();
        for layer in 0..self.shape.layers {
            let (from, to) = (self.at(layer, from as usize, 0), self.at(layer, to as usize, 0));
            for store in [&mut self.keys, &mut self.values] {
                match store {
                    Store::Half(all) => all.copy_within(from..from + length, to),
                    Store::Full(all) => all.copy_within(from..from + length, to),
                }
            }
        }
    }

    /// Rotates queries in place and keys on their way into the cache, values with them, then attends:
    /// `out` is `[tokens, heads * head_size]`.
    #[allow(clippy::too_many_arguments, reason = "three inputs, an output, and on what")]
    pub(super) fn attend(
        &mut self,
        pool: &Pool,
        isa: Isa,
        how: &How<'_>,
        [queries, keys, values]: [&mut [f32]; 3],
        batch: &Ragged,
        out: &mut [f32],
    ) {
        let Self { shape, padded, .. } = *self;
        let span = |cache: &Self| Span {
            shape,
            padded,
            at: cache.at(how.layer, 0, 0),
            block: cache.block(),
        };
        let span = span(self);
        match (&mut self.keys, &mut self.values) {
            (Store::Half(k), Store::Half(v)) => {
                run(pool, isa, how, &span, (k, v), (queries, keys, values), batch, out);
            }
            (Store::Full(k), Store::Full(v)) => {
                run(pool, isa, how, &span, (k, v), (queries, keys, values), batch, out);
            }
            // Both are made alike.
            _ => {}
        }
    }
}

/// `n` zeros, or `None` where memory is short.
fn zeros<T: Copy + Default>(n: usize) -> Option<Vec<T>> {
    let mut all = Vec::new();
    all.try_reserve_exact(n).ok()?;
    all.resize(n, T::default());
    Some(all)
}

/// Where one layer lies in the cache.
#[derive(Clone, Copy)]
struct Span {
    shape: CacheShape,
    padded: usize,
    at: usize,
    block: usize,
}

impl Span {
    /// One head of one block.
    #[inline(always)]
    fn head(&self, block: usize, head: usize) -> Range<usize> {
        let from = self.at + block * self.block + head * self.padded * BLOCK;
        from..from + self.padded * BLOCK
    }
}

#[allow(clippy::too_many_arguments, reason = "what `attend` was given, with its cache's type")]
fn run<N: Number>(
    pool: &Pool,
    isa: Isa,
    how: &How<'_>,
    span: &Span,
    (key_cache, value_cache): (&mut [N], &mut [N]),
    (queries, keys, values): (&mut [f32], &mut [f32], &mut [f32]),
    batch: &Ragged,
    out: &mut [f32],
) {
    let tokens = batch.tokens.len();
    let (size, kv_heads) = (span.shape.head_size, span.shape.kv_heads);
    let (query_width, kv_width) = (how.heads * size, kv_heads * size);
    {
        let (queries, keys) = (Disjoint::new(queries), Disjoint::new(keys));
        let (key_cache, value_cache) = (Disjoint::new(key_cache), Disjoint::new(value_cache));
        let values = &*values;
        // A token's part is small: several go to a task, so that it is worth a hand-over.
        let chunk = tokens.div_ceil(pool.threads() * 4).max(4);
        pool.run(tokens.div_ceil(chunk), &|task| {
            for token in task * chunk..tokens.min((task + 1) * chunk) {
                #[allow(unsafe_code, reason = "rows are written in parallel")]
                // SAFETY: each token's rows are touched by one task, and so are its slots: no two
                // tokens of a batch have the same (the scheduler shares only blocks that are full).
                let (q, k) = unsafe {
                    (
                        queries.part(token * query_width..(token + 1) * query_width),
                        keys.part(token * kv_width..(token + 1) * kv_width),
                    )
                };
                let position = batch.positions[token] as usize;
                how.rotary.queries(isa, q, position);
                how.rotary.keys(isa, k, position);
                let (block, slot) =
                    (batch.slots[token] as usize / BLOCK, batch.slots[token] as usize % BLOCK);
                for head in 0..kv_heads {
                    let range = span.head(block, head);
                    let mine = head * size..(head + 1) * size;
                    let (k, v) = (&k[mine.clone()], &values[token * kv_width..][mine]);
                    let (from, padded) = (range.start, span.padded);
                    let mut write =
                        Write { k, v, slot, from, padded, keys: &key_cache, values: &value_cache };
                    dispatch(isa, &mut write);
                }
            }
        });
    }
    let tiles = tiles(batch, how.heads, kv_heads, pool.threads());
    let out = Disjoint::new(out);
    pool.run(tiles.len(), &|task| {
        let tile = &tiles[task];
        let sequence = &batch.sequences[tile.sequence];
        // Outside of the kernel: what isn't inlined there would lose its instructions.
        SCRATCH.with_borrow_mut(|scratch| {
            let mut kernel = Attend {
                how,
                span,
                keys: &*key_cache,
                values: &*value_cache,
                queries: &*queries,
                sequence,
                tile,
                out: &out,
                scratch,
            };
            dispatch(isa, &mut kernel);
        });
    });
}

/// Query rows of one sequence and one kv head that a task computes: tokens times heads of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tile {
    sequence: usize,
    kv_head: usize,
    /// Rows `token * group + head of the group`, counted from the sequence's first token of the step.
    rows: Range<usize>,
}

/// Divides the step's work. Rows are independent, so this decides speed alone.
fn tiles(batch: &Ragged, heads: usize, kv_heads: usize, threads: usize) -> Vec<Tile> {
    let group = heads / kv_heads;
    let rows: usize = batch.sequences.iter().map(|one| one.rows.len() * group).sum();
    // Two tasks for each thread at least, where there are so many rows.
    let most = (rows * kv_heads).div_ceil(threads * 2).clamp(1, TILE);
    let mut tiles = Vec::new();
    for (sequence, one) in batch.sequences.iter().enumerate() {
        let rows = one.rows.len() * group;
        for kv_head in 0..kv_heads {
            let ranges = (0..rows).step_by(most).map(|from| from..rows.min(from + most));
            tiles.extend(ranges.map(|rows| Tile { sequence, kv_head, rows }));
        }
    }
    // The longest work first, so that no thread is left with it at the end.
    tiles.sort_by_key(|tile| std::cmp::Reverse(batch.sequences[tile.sequence].length()));
    tiles
}

thread_local! {
    /// Scores of a tile: as long as the longest context so far, reused.
    static SCRATCH: std::cell::RefCell<Vec<f32>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Writes one head of one token into the cache.
struct Write<'a, N> {
    k: &'a [f32],
    v: &'a [f32],
    slot: usize,
    /// Where the head's block begins, in both caches.
    from: usize,
    padded: usize,
    keys: &'a Disjoint<'a, N>,
    values: &'a Disjoint<'a, N>,
}

impl<N: Number> Kernel for Write<'_, N> {
    #[inline(always)]
    fn run<L: Lanes>(&mut self) {
        for first in (0..self.k.len()).step_by(LANES) {
            let (mut k, mut v) = ([0.0; LANES], [0.0; LANES]);
            let length = LANES.min(self.k.len() - first);
            k[..length].copy_from_slice(&self.k[first..first + length]);
            v[..length].copy_from_slice(&self.v[first..first + length]);
            let at = self.from + self.slot * self.padded + first;
            #[allow(unsafe_code, reason = "slots are written in parallel")]
            // SAFETY: only this token's task touches this slot of either cache.
            let value = unsafe { self.values.part(at..at + LANES) };
            if let Some(value) = value.first_chunk_mut() {
                N::store(L::load(&v), value);
                // Keys go through the values' place: they are converted sixteen at a time, too.
                let mut key = *value;
                N::store(L::load(&k), &mut key);
                for (index, &key) in key.iter().enumerate().take(length) {
                    let at = self.from + (first + index) * BLOCK + self.slot;
                    #[allow(unsafe_code, reason = "slots are written in parallel")]
                    // SAFETY: as above.
                    let one = unsafe { self.keys.part(at..at + 1) };
                    one[0] = key;
                }
            }
        }
    }
}
