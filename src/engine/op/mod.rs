//! The operations of a decoder over a ragged batch, and who computes them.
//!
//! Invariant: what an operation computes for one token or one sequence does not depend on what else
//! is in the batch: on the CPU to the last bit, whatever the number of threads; elsewhere up to
//! rounding. So greedy output does not depend on load. Guarded by `tests/engine_batches.rs` and the
//! tests of each operation.
//!
//! [`Backend`] is the whole list; `cpu` is ours, `candle` is composed of candle's operations and
//! runs on CUDA.

pub mod batch;
pub mod candle;
pub mod cpu;
pub mod kernel;
pub mod reference;

pub use batch::{Ragged, Sequence};

use super::EngineError;
use crate::model::spec::{Activation, Rope};
use crate::model::weights::Matrix;
use std::ops::Range;

/// Reads some rows of a stored matrix: `read(rows, into)` replaces `into`'s content.
pub type ReadRows<'a> = dyn FnMut(Range<usize>, &mut Vec<u8>) -> Result<(), EngineError> + 'a;

/// How keys and values are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KvType {
    /// 16 bits each.
    #[default]
    F16,
    /// 32 bits each, for comparisons at full precision.
    F32,
}

impl KvType {
    /// Bytes of one number.
    pub fn bytes(self) -> usize {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
        }
    }
}

/// The paged cache's form, which a backend reserves once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheShape {
    /// Layers, each with its own keys and values.
    pub layers: usize,
    /// Blocks of [`BLOCK`] slots.
    pub blocks: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Size of a head.
    pub head_size: usize,
    /// How a number is held.
    pub kv: KvType,
}

impl CacheShape {
    /// Bytes of all keys and values.
    pub fn bytes(&self) -> usize {
        let numbers = self.layers * self.blocks * BLOCK * self.kv_heads * self.head_size * 2;
        numbers * self.kv.bytes()
    }
}

/// Tokens in a block of the KV cache.
pub const BLOCK: usize = 32;

/// What the attention of one layer needs beside queries, keys and values.
#[derive(Debug, Clone, Copy)]
pub struct Attention<'a, B: Backend + ?Sized> {
    /// The layer.
    pub layer: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Size of a head.
    pub head_size: usize,
    /// What scores are multiplied with.
    pub scale: f32,
    /// Soft cap of scores.
    pub cap: Option<f32>,
    /// The window, in tokens, the token itself included.
    pub window: Option<usize>,
    /// The rotation.
    pub rope: &'a Rope,
    /// Norm of each query head.
    pub query_norm: Option<&'a B::Norm>,
    /// Norm of each key head.
    pub key_norm: Option<&'a B::Norm>,
}

/// The experts of one layer.
#[derive(Debug)]
pub struct Experts<L> {
    /// `[experts, width]`.
    pub router: L,
    /// Gate, up and down of each.
    pub each: Vec<[L; 3]>,
    /// How many a token uses.
    pub used: usize,
    /// Whether their weights are scaled to a sum of 1.
    pub normalized: bool,
}

/// Computes a decoder's operations. A tensor is `[rows, cols]` of `f32`, a row for each token.
pub trait Backend: Send {
    /// Rows of activations.
    type Tensor;
    /// A matrix of weights, `[outputs, inputs]`, with or without a bias.
    type Linear: Send;
    /// The weights of an `RMSNorm`.
    type Norm: Send;

    /// Takes a matrix over into the form that products need.
    ///
    /// # Errors
    /// Where it can't be read, or is stored in a form that this backend has no product for.
    fn linear(
        &mut self,
        matrix: Matrix,
        bias: Option<Vec<f32>>,
        read: &mut ReadRows<'_>,
    ) -> Result<Self::Linear, EngineError>;

    /// Takes the weights of an `RMSNorm` over.
    ///
    /// # Errors
    /// Where the device fails.
    fn norm_weights(&mut self, weights: Vec<f32>, epsilon: f32) -> Result<Self::Norm, EngineError>;

    /// Reserves the KV cache.
    ///
    /// # Errors
    /// Where there is no room for it.
    fn reserve(&mut self, cache: CacheShape) -> Result<(), EngineError>;

    /// Copies blocks of the KV cache, all layers: `(from, to)`, in order.
    ///
    /// # Errors
    /// Where the device fails.
    fn copy_blocks(&mut self, copies: &[(u32, u32)]) -> Result<(), EngineError>;

    /// The table's rows of some tokens, times `scale`.
    ///
    /// # Errors
    /// Where the device fails; so for all that follow.
    fn embed(
        &mut self,
        table: &Self::Linear,
        ids: &[u32],
        scale: f32,
    ) -> Result<Self::Tensor, EngineError>;

    /// `RMSNorm` of each row.
    fn norm(&mut self, x: &Self::Tensor, by: &Self::Norm) -> Result<Self::Tensor, EngineError>;

    /// Adds `delta`, normalized by `post` where there is one, to the residual stream `x`, and returns
    /// the stream's norm.
    fn add_norm(
        &mut self,
        x: &mut Self::Tensor,
        delta: Self::Tensor,
        post: Option<&Self::Norm>,
        by: &Self::Norm,
    ) -> Result<Self::Tensor, EngineError>;

    /// Products of the same rows with several matrices.
    fn project<const N: usize>(
        &mut self,
        x: &Self::Tensor,
        by: [&Self::Linear; N],
    ) -> Result<[Self::Tensor; N], EngineError>;

    /// Normalizes and rotates queries and keys, writes keys and values into the cache, and attends:
    /// `[tokens, heads * head_size]`.
    fn attend(
        &mut self,
        how: &Attention<'_, Self>,
        qkv: [Self::Tensor; 3],
        batch: &Ragged,
    ) -> Result<Self::Tensor, EngineError>;

    /// `act(gate x) * up x`.
    fn gated(
        &mut self,
        x: &Self::Tensor,
        gate: &Self::Linear,
        up: &Self::Linear,
        activation: Activation,
    ) -> Result<Self::Tensor, EngineError>;

    /// The mixture of experts of each row.
    fn experts(
        &mut self,
        x: &Self::Tensor,
        experts: &Experts<Self::Linear>,
        activation: Activation,
    ) -> Result<Self::Tensor, EngineError>;

    /// Some of the rows, in the given order.
    fn select(&mut self, x: &Self::Tensor, rows: &[usize]) -> Result<Self::Tensor, EngineError>;

    /// All numbers, row by row.
    fn to_host(&mut self, x: Self::Tensor) -> Result<Vec<f32>, EngineError>;

    /// What computes, on what, with how many threads.
    fn describe(&self) -> String;
}
