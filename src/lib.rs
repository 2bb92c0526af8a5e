//! What a million tokens really costs on the GPU you rent.
//!
//! Two legs that never touch: the measuring leg turns a plan into a [`record`] of raw samples, the
//! judging leg turns a record into money. `ARCHITECTURE.md` is the map.

pub mod cli;
pub mod clock;
pub mod compare;
pub mod conduct;
pub mod cost;
pub mod engine;
pub mod estimate;
pub mod fetch;
pub mod hardware;
pub mod hint;
pub mod load;
pub mod model;
pub mod plan;
pub mod prices;
pub mod record;
pub mod report;
pub mod schedule;
pub mod secret;
pub mod store;
pub mod suite;
pub mod summary;
pub mod target;
pub mod tasks;
pub mod telemetry;
pub mod units;
pub mod workload;
