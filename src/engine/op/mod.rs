//! The operations of a decoder: what each means, and what computes it.
//!
//! Invariant: what an operation computes for one token or one sequence does not depend on what else
//! is in the batch.

pub mod kernel;
pub mod reference;

/// How keys and values are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KvType {
    /// 16 bits each.
    #[default]
    F16,
    /// 32 bits each, for comparisons at full precision.
    F32,
}

/// Tokens in a block of the KV cache.
pub const BLOCK: usize = 32;
