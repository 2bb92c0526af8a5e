//! The load: one driver that sends a plan to a target, and the journal that what comes back is
//! written to.
//!
//! Invariant: what was acknowledged by the target is on its way to disk at once, and there at the
//! latest 100 ms later, so that a run killed at any instant leaves a readable record.
//! Latency counts from when a request was due, never from when it could at last be sent.

mod driver;
mod journal;
#[cfg(test)]
mod tests;

pub use driver::{Driver, DriverError, Progress};
pub use journal::{Journal, JournalError, Writer};
