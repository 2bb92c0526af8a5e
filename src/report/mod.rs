//! Outlets: tables, JSON, CSV, Markdown, HTML, Parquet.
//!
//! Invariant: nothing is decided here. What is printed was computed and judged before; this room
//! chooses words, digits and columns. Missing prints `—`.

mod audit;
mod bench;
mod diff;
mod doctor;
mod document;
pub mod export;
pub mod figure;
mod ladder;
mod models;
mod page;
mod plot;
mod price;
mod runs;
mod validation;

pub use audit::{AuditReport, audit_document};
pub use bench::bench_document;
pub use diff::differences_document;
pub use doctor::{Check, Diagnosis, doctor_document};
pub use document::{Document, Table};
pub use ladder::ladder_document;
pub use models::{ModelCard, ModelList, ModelRow, model_document, models_document};
pub use page::{PageError, ladder_page, run_page};
pub use price::{BudgetBill, CostReport, LoadCost, MachineCosts, cost_document};
pub use runs::{RunList, RunRow, runs_document};
pub use validation::{validation_document, validation_plot};
