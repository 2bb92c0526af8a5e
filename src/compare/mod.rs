//! A workload priced on the own machine and on APIs, side by side.
//!
//! `COST_MODEL.md`, sections 4, 6, 7 and 9: the own machine by a run, an estimate or a plain rate; an
//! API by the bill of the same requests; what is cheaper, from which load and volume on, over which
//! loads, cache hits and mixes, and what moves the answer most.
//!
//! Invariant: both sides pay for the same tokens; a price that nothing tells apart by kinds says so and
//! is never split by a guess; where the interval of the difference holds 0 it is a tie. A cheaper hour
//! never makes a dearer token, more load never makes one dearer, and own costs add up over tokens.
//! Guarded by `tests`.
//!
//! Deliberately absent: clocks and files; rate limits and latencies of APIs, which no book here knows.

mod bill;
mod error;
mod grid;
mod own;
mod row;
mod sheet;
mod shortlist;
mod swing;
#[cfg(test)]
mod tests;
mod work;

pub use error::CompareError;
pub use grid::Surface;
pub use own::{AtMix, Offers, Own, Told};
pub use row::{ApiFacts, OwnFacts, Row};
pub use sheet::{Asked, Machine, Question, RequestsPerMonth, Sheet, ToldBy};
pub use shortlist::{Chosen, shortlist};
pub use swing::Swing;
pub use work::{Counts, HitsBy, Work};
