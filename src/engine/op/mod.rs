//! The operations that a forward pass is made of.
//!
//! Invariant: what an operation gives for one row does not depend on the rows beside it, nor on the
//! number of threads; greedy output would otherwise change with the load. Each operation's tests
//! guard it.

pub mod cpu;
