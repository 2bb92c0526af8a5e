//! What a model would do on GPUs that nobody has rented yet: a roofline, and what published runs say
//! of the distance to it. `docs/ESTIMATE.md` is the page that this room follows.
//!
//! Invariant: a prediction is its floor plus times that can't be negative, so it never beats its own
//! floor, not even at the end of its interval; and it carries the error that it had on models (and,
//! for a GPU that wasn't measured, on GPUs) which its coefficients hadn't seen. Guarded by the
//! property tests in `predict.rs` and by `validate`'s tests, which fit everything again.
//!
//! Deliberately absent: clocks and files; today, and the books of rentals and prices, are arguments.

mod beside;
mod calibrate;
mod calibration;
mod catalogue;
mod config;
mod csv_points;
mod deployment;
mod error;
mod ladder;
mod memory;
mod model;
mod outlier;
mod outlook;
mod point;
mod predict;
mod quantile;
mod step;
mod term;
#[cfg(test)]
mod tests;
mod validate;

pub use beside::{Beside, family};
pub use calibration::{Band, Calibration};
pub use catalogue::Models;
pub use csv_points::{parse_energy, parse_trtllm};
pub use deployment::{Cache, Deployment, Traffic, Weights};
pub use error::EstimateError;
pub use ladder::{Costs, Ladder, Outcome, Rung, ladder, powers_of_two};
pub use memory::{Memory, Misfit, Proposal, memory};
pub use model::{Attention, Experts, Mamba, Model, Window};
pub use outlier::Outlier;
pub use outlook::{GpuFacts, JudgedRung, ModelFacts, Outlook, Question};
pub use point::{Point, Setting};
pub use predict::{Basis, Limit, Part, Prediction, predict};
pub use term::Term;
pub use validate::{Errors, Grouping, Judged, Line, Validation, validate};
