//! `mtok reconcile`: an invoice or usage export beside the price book.

use super::books;
use super::failure::Failure;
use super::output;
use super::raw::{Format, RawReconcile};
use crate::prices::{Entry, Priced, reconcile};
use crate::report::{ExportCard, ReconciliationReport, reconciliation_document};
use std::collections::HashMap;

/// Lays every line beside the book and prints those that differ.
pub(crate) fn run(raw: &RawReconcile, format: Format) -> Result<(), Failure> {
    let opened = books::open(raw.book.book.as_deref())?;
    let export = books::usage(&raw.invoice)?;
    // Looking a name up goes through the book; an export of a million lines has few names.
    let mut known: HashMap<(&str, Option<&str>), Option<&Entry>> = HashMap::new();
    for line in &export.lines {
        let (model, provider) = (line.model.as_str(), line.provider.as_deref());
        known.entry((model, provider)).or_insert_with(|| opened.book.sold_as(model, provider));
    }
    let found = reconcile(&export.lines, |line| {
        let entry = known.get(&(line.model.as_str(), line.provider.as_deref()));
        entry.copied().flatten().map(Priced::from)
    });
    let usage = ExportCard::of(&raw.invoice.display().to_string(), &export);
    let report = ReconciliationReport::of(&opened.name, usage, &found);
    output::print(format, &reconciliation_document(&report), &report)
}
