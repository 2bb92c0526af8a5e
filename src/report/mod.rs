//! Outlets: tables, JSON, CSV, Markdown.
//!
//! Invariant: nothing is decided here. What is printed was computed and judged before; this room
//! chooses words, digits and columns. Missing prints `—`.

mod bench;
mod document;
pub mod figure;
mod price;

pub use bench::bench_document;
pub use document::{Document, Table};
pub use price::{BudgetBill, CostReport, MachineCosts, cost_document};
