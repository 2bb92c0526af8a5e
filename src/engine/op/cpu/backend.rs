//! The CPU as a [`Backend`]: packed weights, products of our own, a paged cache.
//!
//! Invariant: everything is computed row by row or sequence by sequence in an order of its own, so
//! results do not depend on the batch, on the number of threads or on how work is divided. Guarded by
//! the tests of each operation and by `tests/engine_batches.rs`.

use super::arena::{Arena, Tensor};
use super::attention::{Cache, How};
use super::matmul::{self, Product};
use super::memory;
use super::norm::{Norm, add};
use super::rope::{Rotary, Table};
use super::{Input, Isa, Packed, Pool, Quantized, Stored, experts};
use crate::engine::EngineError;
use crate::engine::op::{Attention, Backend, CacheShape, Experts, Ragged, ReadRows};
use crate::model::spec::{Activation, Rope};
use crate::model::weights::Matrix;
use crate::units::Bytes;
use std::num::NonZeroUsize;

/// Bytes of a matrix that are read from its file at once while it is packed.
const READ_BYTES: usize = 8 << 20;

/// A row's work is worth a hand-over to another thread from so many numbers on.
const PARALLEL_FROM: usize = 1 << 15;

/// Operations on this machine's processor.
pub struct Cpu {
    pool: Pool,
    isa: Isa,
    /// Where weights lie.
    weights: memory::Arena,
    arena: Arena,
    quantized: Quantized,
    cache: Option<Cache>,
    tables: Vec<Table>,
}

/// A matrix of weights with its bias.
#[derive(Debug)]
pub struct Linear {
    pub(super) packed: Packed,
    pub(super) bias: Option<Vec<f32>>,
}

impl Cpu {
    /// With so many threads, the caller's among them, and the best instructions there are.
    ///
    /// # Errors
    /// Where the system gives no threads.
    pub fn new(threads: NonZeroUsize) -> Result<Self, EngineError> {
        Self::with(threads, Isa::detect())
    }

    /// With given instructions, for comparisons.
    ///
    /// # Errors
    /// Where the system gives no threads.
    pub fn with(threads: NonZeroUsize, isa: Isa) -> Result<Self, EngineError> {
        Ok(Self {
            pool: Pool::new(threads).map_err(EngineError::Threads)?,
            isa,
            weights: memory::Arena::new(),
            arena: Arena::default(),
            quantized: Quantized::default(),
            cache: None,
            tables: Vec::new(),
        })
    }

    /// Computes rows of tensors, several threads at once where they are many.
    fn rows(&self, rows: usize, cols: usize, row: &(dyn Fn(usize) + Sync)) {
        if rows * cols < PARALLEL_FROM {
            (0..rows).for_each(row);
            return;
        }
        let chunk = rows.div_ceil(self.pool.threads() * 4);
        self.pool.run(rows.div_ceil(chunk), &|task| {
            (task * chunk..rows.min((task + 1) * chunk)).for_each(row);
        });
    }

    /// The table of a rotation, long enough for a batch.
    fn table(&mut self, rope: &Rope, batch: &Ragged) -> usize {
        let index = self.tables.iter().position(|table| table.is_of(rope)).unwrap_or_else(|| {
            self.tables.push(Table::new(rope));
            self.tables.len() - 1
        });
        let longest = batch.sequences.iter().map(crate::engine::op::Sequence::length).max();
        self.tables[index].grow(longest.unwrap_or(0));
        index
    }
}

impl Backend for Cpu {
    type Tensor = Tensor;
    type Linear = Linear;
    type Norm = Norm;

    fn linear(
        &mut self,
        matrix: Matrix,
        bias: Option<Vec<f32>>,
        read: &mut ReadRows<'_>,
    ) -> Result<Linear, EngineError> {
        let Matrix { kind, rows, cols, .. } = matrix;
        let failed = |why: String| EngineError::Weights { kind: kind.to_owned(), rows, cols, why };
        let stored = Stored::named(kind)
            .ok_or_else(|| failed("the CPU has no product for it".to_owned()))?;
        let mut packed = Packed::zeroed_in(&mut self.weights, stored, rows, cols)
            .map_err(|error| failed(error.to_string()))?;
        let row_bytes = stored.row_bytes(cols).unwrap_or(1).max(1);
        // Whole groups of rows at a time, so that a tensor is never here twice.
        let at_once = (READ_BYTES / row_bytes).next_multiple_of(16).max(16);
        let mut bytes = Vec::new();
        for first in (0..rows).step_by(at_once) {
            read(first..rows.min(first + at_once), &mut bytes)?;
            packed
                .pack_rows(&self.pool, first, &bytes)
                .map_err(|error| failed(error.to_string()))?;
        }
        Ok(Linear { packed, bias })
    }

    fn norm_weights(&mut self, weights: Vec<f32>, epsilon: f32) -> Result<Norm, EngineError> {
        Ok(Norm { weights, epsilon })
    }

    fn reserve(&mut self, cache: CacheShape) -> Result<(), EngineError> {
        self.cache = Some(Cache::new(cache).map_err(|bytes| EngineError::Memory { bytes })?);
        Ok(())
    }

    fn copy_blocks(&mut self, copies: &[(u32, u32)]) -> Result<(), EngineError> {
        if let Some(cache) = &mut self.cache {
            for &(from, to) in copies {
                cache.copy(from, to);
            }
        }
        Ok(())
    }

    fn embed(&mut self, table: &Linear, ids: &[u32], scale: f32) -> Result<Tensor, EngineError> {
        let mut x = self.arena.take(ids.len(), table.packed.cols());
        for (row, &id) in x.rows_mut().zip(ids) {
            table.packed.row(id as usize, row);
            for one in row {
                *one *= scale;
            }
        }
        Ok(x)
    }

    fn norm(&mut self, x: &Tensor, by: &Norm) -> Result<Tensor, EngineError> {
        let mut out = self.arena.take(x.rows(), x.cols());
        let isa = self.isa;
        let parts = out.parts();
        self.rows(x.rows(), x.cols(), &|row| by.row(isa, x.row(row), parts.row(row)));
        Ok(out)
    }

    fn add_norm(
        &mut self,
        x: &mut Tensor,
        mut delta: Tensor,
        post: Option<&Norm>,
        by: &Norm,
    ) -> Result<Tensor, EngineError> {
        let mut out = self.arena.take(x.rows(), x.cols());
        let (rows, cols, isa) = (x.rows(), x.cols(), self.isa);
        let (x, delta, parts) = (x.parts(), delta.parts(), out.parts());
        self.rows(rows, cols, &|row| {
            let (x, delta) = (x.row(row), delta.row(row));
            if let Some(post) = post {
                post.in_place(isa, delta);
            }
            add(isa, x, delta);
            by.row(isa, x, parts.row(row));
        });
        Ok(out)
    }

    fn project<const N: usize>(
        &mut self,
        x: &Tensor,
        by: [&Linear; N],
    ) -> Result<[Tensor; N], EngineError> {
        let mut out = by.map(|linear| self.arena.take(x.rows(), linear.packed.rows()));
        let weights = by.map(|linear| &linear.packed);
        let Self { pool, isa, quantized, .. } = self;
        let input = Input::prepare(pool, *isa, x.all(), x.cols(), &weights, quantized);
        let mut index = 0;
        let mut products = out.each_mut().map(|out| {
            let linear = by[index];
            index += 1;
            Product {
                weight: &linear.packed,
                bias: linear.bias.as_deref(),
                input: &input,
                out: out.all_mut(),
            }
        });
        matmul::matmul(pool, *isa, &mut products);
        Ok(out)
    }

    fn attend(
        &mut self,
        how: &Attention<'_, Self>,
        [mut queries, mut keys, mut values]: [Tensor; 3],
        batch: &Ragged,
    ) -> Result<Tensor, EngineError> {
        let table = self.table(how.rope, batch);
        let mut out = self.arena.take(queries.rows(), queries.cols());
        let Some(cache) = &mut self.cache else {
            return Err(EngineError::Memory { bytes: Bytes(0) });
        };
        let rotary = Rotary {
            table: &self.tables[table],
            head_size: how.head_size,
            query_norm: how.query_norm,
            key_norm: how.key_norm,
        };
        let how = How {
            layer: how.layer,
            heads: how.heads,
            scale: how.scale,
            cap: how.cap,
            window: how.window,
            rotary: &rotary,
        };
        let qkv = [queries.all_mut(), keys.all_mut(), values.all_mut()];
        cache.attend(&self.pool, self.isa, &how, qkv, batch, out.all_mut());
        Ok(out)
    }

    fn gated(
        &mut self,
        x: &Tensor,
        gate: &Linear,
        up: &Linear,
        activation: Activation,
    ) -> Result<Tensor, EngineError> {
        let (gate, up) = (&gate.packed, &up.packed);
        let mut out = self.arena.take(x.rows(), gate.rows());
        let Self { pool, isa, quantized, .. } = self;
        let input = Input::prepare(pool, *isa, x.all(), x.cols(), &[gate, up], quantized);
        matmul::gated(pool, *isa, gate, up, &input, activation.into(), out.all_mut());
        Ok(out)
    }

    fn experts(
        &mut self,
        x: &Tensor,
        experts: &Experts<Linear>,
        activation: Activation,
    ) -> Result<Tensor, EngineError> {
        let [scores] = self.project(x, [&experts.router])?;
        let routes = experts::route(&scores, experts.used, experts.normalized);
        let mut out = self.arena.take(x.rows(), x.cols());
        out.all_mut().fill(0.0);
        // Experts in their own order, so that a row's sum does not depend on the batch.
        for (expert, [gate, up, down]) in experts.each.iter().enumerate() {
            let mine: Vec<(usize, f32)> = routes.of(expert).collect();
            if mine.is_empty() {
                continue;
            }
            let rows: Vec<usize> = mine.iter().map(|&(row, _)| row).collect();
            let input = self.select(x, &rows)?;
            let inner = self.gated(&input, gate, up, activation)?;
            let [result] = self.project(&inner, [down])?;
            for (index, (row, weight)) in mine.into_iter().enumerate() {
                let sum = out.row_mut(row).iter_mut();
                sum.zip(result.row(index)).for_each(|(sum, one)| *sum += weight * one);
            }
        }
        Ok(out)
    }

    fn select(&mut self, x: &Tensor, rows: &[usize]) -> Result<Tensor, EngineError> {
        let mut out = self.arena.take(rows.len(), x.cols());
        out.rows_mut().zip(rows).for_each(|(to, &row)| to.copy_from_slice(x.row(row)));
        Ok(out)
    }

    fn to_host(&mut self, x: Tensor) -> Result<Vec<f32>, EngineError> {
        Ok(x.all().to_vec())
    }

    fn describe(&self) -> String {
        format!("CPU, {} threads, {}", self.pool.threads(), self.isa.name())
    }
}

impl From<Activation> for matmul::Activation {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::Silu => Self::Silu,
            Activation::GeluTanh => Self::GeluTanh,
        }
    }
}
