//! What puts the measuring leg's parts together: from a model's file, or a server's address, and plans
//! to run records.
//!
//! Invariant: from the moment that what answers has been understood, a measurement leaves a record for
//! each run that it came to, whatever becomes of it; what fails later is written into it. A model is
//! loaded once for all of them. Deliberately absent: prices. Who wants money hands the records to
//! `cost`.

mod asking;
mod course;
mod error;
mod header;
mod local;
mod measure;
mod ready;
mod recording;
mod remote;
mod search;
mod service;
mod subject;
mod tasks;
mod tries;

pub use asking::{Asked, Manner, Question, Reply, Respondent};
pub use course::{Course, Hunt};
pub use error::MeasureError;
pub use measure::{Measured, Measurement, Stage};
pub use search::{Next, Search};
pub use subject::{Local, Remote, Subject, Weights};
pub use tasks::{TaskProgress, Tasks};
