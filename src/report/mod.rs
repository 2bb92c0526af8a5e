//! Outlets: tables, JSON, CSV, Markdown, HTML, Parquet.
//!
//! Invariant: nothing is decided here. What is printed was computed and judged before; this room
//! chooses words, digits and columns. Missing prints `—`.

mod audit;
mod bench;
mod bill;
mod compare;
mod diff;
mod doctor;
mod document;
mod estimate;
pub mod export;
pub mod figure;
mod gpus;
mod hour;
mod ladder;
mod models;
mod page;
mod paid;
mod plan;
mod plot;
mod price;
mod price_card;
mod price_change;
mod price_list;
mod runs;
mod simulation;
mod tasks;
mod validation;

pub use audit::{AuditReport, audit_document};
pub use bench::bench_document;
pub use bill::{
    BillDifference, BillReport, EntryBill, ExportCard, ReconciliationReport,
    bill_difference_document, bill_document, reconciliation_document,
};
pub use compare::compare_document;
pub use diff::differences_document;
pub use doctor::{Check, Diagnosis, doctor_document};
pub use document::{Document, Table};
pub use estimate::estimate_document;
pub use gpus::{
    GpuCard, GpuList, GpuRents, GpuRow, GpuSheet, ProviderRent, Rent, RentList, gpu_document,
    gpus_document, rents_document,
};
pub use ladder::ladder_document;
pub use models::{ModelCard, ModelList, ModelRow, model_document, models_document};
pub use page::{PageError, compare_page, ladder_page, run_page, tasks_page};
pub use plan::{PlanReport, plan_document};
pub use price::{BudgetBill, CostReport, LoadCost, MachineCosts, cost_document};
pub use price_card::{EntryCard, PriceCard, price_document};
pub use price_change::{
    BookChange, ImportCard, ImportReport, PriceDiff, Side, SourceUpdate, UpdateReport,
    import_document, price_diff_document, update_document,
};
pub use price_list::{PriceList, PriceRow, price_list_document};
pub use runs::{RunList, RunRow, runs_document};
pub use simulation::{SimulationReport, simulation_document};
pub use tasks::{TasksReport, tasks_document};
pub use validation::{validation_document, validation_plot};
