//! What each operation means: written to be read, in `f64`, and slow.
//!
//! Invariant: nothing here is clever. Sums are taken in order in `f64` and rounded once, so whatever
//! differs from these by more than rounding is wrong. The kernels are held to them by
//! `tests/kernels.rs`, the CPU's operations by their own tests.
//!
//! Matrices are slices, row by row. Where slices don't fit their shapes, the functions panic: only
//! tests call them.

mod attention;
mod norm;
mod rope;

pub use attention::{Paged, attention};
pub use norm::{residual_rms_norm, rms_norm};
pub use rope::rotate;
