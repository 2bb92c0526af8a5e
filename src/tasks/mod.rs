//! What solving a task costs: attempts at tasks judged. COST_MODEL.md section 7 in Rust.
//!
//! Tokens are not comparable between models; solved tasks are. From records of attempts and from prices
//! a [`TaskTable`] is made: by family of tasks and by model the share that was solved, the tokens that
//! it took, and the dollars, of own hardware and of APIs in one unit.
//!
//! Invariant: the same records and prices give the same table, in whatever order the attempts stand;
//! repeats of one problem, and its variants, are one witness, not many; what was never solved has no
//! price per solved task, and none is printed as 0 or as infinite. Every attempt is paid for, its failed
//! tries too, whatever became of it. Guarded by hand-worked tables and properties in `tests`, and by
//! the coverage of simulated models whose truth is known in `coverage.rs`.
//!
//! Deliberately absent: grading, which is `suite`'s; clocks, files, and chance that isn't seeded.

mod compare;
#[cfg(test)]
mod coverage;
mod cut;
mod price;
mod rate;
mod resample;
mod row;
mod sheet;
mod spend;
pub mod study;
mod table;
#[cfg(test)]
mod tests;
mod time;
mod tokens;
mod variants;

pub use compare::{Compared, Contrast, Finding};
pub use cut::CutLine;
pub use price::{Price, Unpriced};
pub use row::Row;
pub use spend::{CostOfPass, PerSolved, Range, RowCost};
pub use table::{
    Contestant, FamilyTable, Judging, ModelLine, SuiteLine, TaskError, TaskTable, VerdictCounts,
};
pub use time::Shares;
pub use tokens::{Overhead, TokenSpread};
pub use variants::Variants;

/// A number of things, for statistics.
#[expect(clippy::cast_precision_loss, reason = "no record holds 2^53 of anything")]
fn number(of: usize) -> f64 {
    of as f64
}
