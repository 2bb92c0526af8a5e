//! What puts the measuring leg's parts together: from a model's file and plans to run records.
//!
//! Invariant: from the moment its model's file has been understood, a measurement leaves a record for
//! each plan that it came to, whatever becomes of it; what fails later is written into it. The model
//! is loaded once for all of them. Deliberately absent: prices. Who wants money hands the records to
//! `cost`.

mod error;
mod header;
mod measure;
mod service;

pub use error::MeasureError;
pub use measure::{Measured, Measurement, Stage, Subject};
