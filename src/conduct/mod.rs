//! What puts the measuring leg's parts together: from a model's file and a plan to a run record.
//!
//! Invariant: from the moment its model's file has been understood, a measurement leaves a record,
//! whatever becomes of it; what fails later is written into it. Deliberately absent: prices. Who
//! wants money hands the record to `cost`.

mod error;
mod measure;

pub use error::MeasureError;
pub use measure::{Measured, Measurement, Stage, Subject};
