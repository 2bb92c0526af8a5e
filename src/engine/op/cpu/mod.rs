//! Operations on a CPU: a pool of threads, weights packed for vector lanes, and their products.
//!
//! Invariant: a product's lanes are the weights' rows, so that nothing is ever summed across lanes
//! and each output is one chain of additions along its row, in one order, whatever is computed
//! beside it. `matmul`'s tests hold batches against single rows, bit by bit.
//!
//! The order of reading: [`format`] (what a file stores), [`packed`] (the same weights, as the
//! kernels want them), [`activation`] (the other operand), [`matmul`] (the products), [`pool`] (who
//! computes them), [`isa`] (with which instructions).

#![allow(clippy::inline_always, reason = "vector code must be inlined where its instructions are")]

pub mod activation;
pub mod format;
pub mod isa;
pub mod matmul;
pub mod memory;
pub mod packed;
pub mod pool;
pub(crate) mod simd;

pub use activation::{Input, Quantized};
pub use format::Stored;
pub use isa::Isa;
pub use matmul::{Activation, Product, gated, matmul};
pub use memory::Arena;
pub use packed::{PackError, Packed};
pub use pool::Pool;
