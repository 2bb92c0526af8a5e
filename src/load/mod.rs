//! The load: one driver that sends a plan to a target, and the journal that what comes back is
//! written to.
//!
//! Invariant: what was acknowledged by the target is on its way to disk at once, and there at the
//! latest 100 ms later, so that a run killed at any instant leaves a readable record.
//! Latency counts from when a request was due, never from when it could at last be sent.

mod agenda;
mod deliveries;
mod driver;
mod error;
mod journal;
mod maker;
mod priority;
#[cfg(test)]
mod tests;
mod under_way;

pub use driver::{Driver, Ended, Progress};
pub use error::DriverError;
pub use journal::{Journal, JournalError, Writer};
pub use maker::{Answer, Past};
