//! The GPU's kernels, run on this machine's CPU and held to their references.
//!
//! `kernels/emulate.h` runs them: threads in several orders, shared memory that begins as NaN. Here
//! they meet odd shapes, and faults planted in their sources, which must be found.
//!
//! Not shown here: that they are quick, and that they compile for a GPU (`make kernels`).

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has to stop")]

#[path = "kernels/attention.rs"]
mod attention;
#[path = "kernels/compare.rs"]
mod compare;
#[path = "kernels/emulator.rs"]
mod emulator;
#[path = "kernels/norm.rs"]
mod norm;
#[path = "kernels/planted.rs"]
mod planted;
#[path = "kernels/rope.rs"]
mod rope;

/// Orders of the threads: first come, last come, and two at random.
const SEEDS: [u64; 4] = [0, 1, 2, 3];
