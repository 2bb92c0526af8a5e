//! Operations on a CPU: a pool of threads, weights packed for vector lanes, their products, and a
//! paged cache of keys and values.
//!
//! Invariant: a product's lanes are the weights' rows, so that nothing is ever summed across lanes
//! and each output is one chain of additions along its row, in one order, whatever is computed
//! beside it. `matmul`'s tests hold batches against single rows, bit by bit; `tests` does the same
//! for attention.
//!
//! The order of reading: [`mod@format`] (what a file stores), [`packed`] (the same weights, as the
//! kernels want them), [`activation`] (the other operand), [`mod@matmul`] (the products), `attention`,
//! `norm` and `rope` (the rest), [`pool`] (who computes them), [`isa`] (with which instructions),
//! [`backend`] (all of it as the decoder asks for it).

#![allow(clippy::inline_always, reason = "vector code must be inlined where its instructions are")]

pub mod activation;
mod arena;
mod attention;
pub mod backend;
pub(super) mod experts;
pub mod format;
pub mod isa;
mod lanes;
pub mod matmul;
pub mod memory;
mod norm;
pub mod packed;
pub mod pool;
mod rope;
pub(crate) mod simd;
#[cfg(test)]
mod tests;

pub use activation::{Input, Quantized};
pub use backend::Cpu;
pub use format::Stored;
pub use isa::Isa;
pub use matmul::{Activation, Product, gated, matmul};
pub use memory::Arena;
pub use packed::{PackError, Packed};
pub use pool::Pool;
