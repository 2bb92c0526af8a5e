//! What `mtok bill` and `mtok reconcile` print.

use super::figure::thousands;
use super::price_list::price;
use super::{Document, Table};
use crate::prices::export::Form;
use crate::prices::{Bill, Effects, Export, Reconciliation};
use crate::units::{ListPrice, PicoUsd, Tokens};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Objects of an export that are no requests of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Why.
    pub reason: &'static str,
    /// How many.
    pub count: u64,
}

/// What was read of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportCard {
    /// Its file.
    pub file: String,
    /// Its form.
    pub form: Form,
    /// Its lines.
    pub lines: usize,
    /// Requests on them.
    pub requests: u64,
    /// Tokens into the models, from caches too.
    pub prompt: Tokens,
    /// Tokens out of them.
    pub output: Tokens,
    /// What is no request of a model.
    pub left_out: Vec<LeftOut>,
}

impl ExportCard {
    /// Of an export.
    pub fn of(file: &str, export: &Export) -> Self {
        let lines = &export.lines;
        Self {
            file: file.to_owned(),
            form: export.form,
            lines: lines.len(),
            requests: lines.iter().fold(0, |sum, line| sum.saturating_add(line.requests)),
            prompt: lines.iter().map(|line| line.usage.prompt()).sum(),
            output: lines.iter().map(|line| line.usage.output()).sum(),
            left_out: left_out(&export.left_out),
        }
    }

    fn words(&self) -> String {
        let mut words = format!(
            "`{}` ({}): {} request{}, {} tokens in, {} out",
            self.file,
            self.form.name(),
            thousands(self.requests),
            if self.requests == 1 { "" } else { "s" },
            thousands(self.prompt.0),
            thousands(self.output.0)
        );
        for one in &self.left_out {
            let _ = write!(words, "; left out, {}: {}", one.reason, thousands(one.count));
        }
        words
    }
}

fn left_out(counts: &BTreeMap<&'static str, u64>) -> Vec<LeftOut> {
    counts.iter().map(|(reason, count)| LeftOut { reason, count: *count }).collect()
}

/// A line of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BillLine {
    /// What for: a kind of token, a fee, a minimum.
    pub of: &'static str,
    /// USD/Mtok; `null` where it isn't by the token.
    pub price: Option<ListPrice>,
    /// Tokens, or of fees and minimums requests.
    pub count: u64,
    /// The amount.
    pub usd: PicoUsd,
}

/// The bill on one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryBill {
    /// The entry.
    pub entry: String,
    /// What it comes to; `null` where it can't be billed.
    pub total: Option<PicoUsd>,
    /// Why it can't.
    pub not_billed: Option<String>,
    /// Its lines, which add up to the total.
    pub lines: Vec<BillLine>,
    /// Which prices held for which requests, in words.
    pub applied: Vec<String>,
}

impl EntryBill {
    /// Of a bill, or of what kept it from being made.
    pub fn of(entry: &str, bill: Result<&Bill, String>) -> Self {
        let entry = entry.to_owned();
        match bill {
            Ok(bill) => Self {
                entry,
                total: Some(bill.total()),
                not_billed: None,
                lines: bill
                    .lines()
                    .map(|line| BillLine {
                        of: line.kind.name(),
                        price: line.price,
                        count: line.count,
                        usd: line.amount,
                    })
                    .collect(),
                applied: bill.parts().map(|part| part.to_string()).collect(),
            },
            Err(why) => Self {
                entry,
                total: None,
                not_billed: Some(why),
                lines: Vec::new(),
                applied: Vec::new(),
            },
        }
    }
}

/// `mtok bill`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BillReport {
    /// The form of this document: `mtok.bill/1`.
    pub schema: &'static str,
    /// The book.
    pub book: String,
    /// What was read.
    pub usage: ExportCard,
    /// The bill on each entry, the cheapest first.
    pub bills: Vec<EntryBill>,
}

/// A table each, and which prices held.
pub fn bill_document(report: &BillReport) -> Document {
    let mut document = Document::default();
    document.words(report.usage.words());
    for bill in &report.bills {
        let mut table = Table::new(bill.entry.clone(), &["", "count", "USD/Mtok", "USD"]);
        for line in &bill.lines {
            let (count, price) = (thousands(line.count), price(line.price));
            table.row([line.of.to_owned(), count, price, usd(line.usd)]);
        }
        if let Some(total) = bill.total {
            table.row(["together".to_owned(), String::new(), String::new(), usd(total)]);
        }
        document.table(table);
        if let Some(why) = &bill.not_billed {
            document.words(format!("not billed: {why}"));
        }
        for applied in &bill.applied {
            document.words(applied.clone());
        }
    }
    document
}

/// The amount, without its unit.
fn usd(amount: PicoUsd) -> String {
    amount.to_string().trim_end_matches(" USD").to_owned()
}

/// `mtok bill --difference`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BillDifference {
    /// The form of this document: `mtok.bill_difference/1`.
    pub schema: &'static str,
    /// The book.
    pub book: String,
    /// The entry that the old usage is billed on.
    pub old_entry: String,
    /// The new usage's.
    pub new_entry: String,
    /// The old usage.
    pub old_usage: ExportCard,
    /// The new one.
    pub new_usage: ExportCard,
    /// Both bills, and effects that add up to their difference.
    pub effects: Effects,
}

/// The effects, and that they add up.
pub fn bill_difference_document(report: &BillDifference) -> Document {
    const WHY: [&str; 6] = [
        "other prices",
        "more tokens, or fewer",
        "other shares of the input read from the cache, or written to it",
        "other shares of input and output; other requests per token",
        "other tiers, hours and services",
        "grains of tokens and minimum charges",
    ];
    let effects = &report.effects;
    let mut document = Document::default();
    document.words(report.old_usage.words()).words(report.new_usage.words());
    let mut table = Table::new("", &["", "USD", "what it is"]);
    table.row(["old bill".to_owned(), usd(effects.old), report.old_entry.clone()]);
    for ((name, amount), why) in effects.named().into_iter().zip(WHY) {
        table.row([name.to_owned(), usd(amount), why.to_owned()]);
    }
    table.row(["new bill".to_owned(), usd(effects.new), report.new_entry.clone()]);
    document.table(table);
    document.words(format!("difference: {}", effects.difference()));
    document
}

/// A line that was billed otherwise than the book says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DifferingLine {
    /// The line, from 1.
    pub line: u64,
    /// The entry that it was laid beside.
    pub entry: String,
    /// What was billed.
    pub billed: PicoUsd,
    /// What the book says.
    pub expected: PicoUsd,
    /// How much was billed above that.
    pub above: PicoUsd,
    /// What would explain it, the likeliest first; none: nothing that is known here.
    pub reasons: Vec<String>,
}

/// A line and a word about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineNote {
    /// The line, from 1.
    pub line: u64,
    /// The model, or why it can't be billed.
    pub what: String,
}

/// A line without an amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineExpected {
    /// The line, from 1.
    pub line: u64,
    /// What the book says of it.
    pub expected: PicoUsd,
}

/// `mtok reconcile`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReconciliationReport {
    /// The form of this document: `mtok.reconciliation/1`.
    pub schema: &'static str,
    /// The book.
    pub book: String,
    /// What was read.
    pub usage: ExportCard,
    /// What was billed on the lines that could be compared.
    pub billed: PicoUsd,
    /// What the book says of the same lines.
    pub expected: PicoUsd,
    /// Lines that were billed as the book says.
    pub agreeing: u64,
    /// Lines that weren't.
    pub differing: Vec<DifferingLine>,
    /// Lines without an amount.
    pub without_amount: Vec<LineExpected>,
    /// Lines of models that the book doesn't have, or that several sell there.
    pub unknown: Vec<LineNote>,
    /// Lines that the book can't bill.
    pub failed: Vec<LineNote>,
}

impl ReconciliationReport {
    /// Of an export that was laid beside a book.
    pub fn of(book: &str, usage: ExportCard, found: &Reconciliation) -> Self {
        let differing = found.differing.iter().map(|one| DifferingLine {
            line: one.line,
            entry: one.entry.clone(),
            billed: one.billed,
            expected: one.expected,
            above: one.above(),
            reasons: one.reasons.iter().map(ToString::to_string).collect(),
        });
        let without = found.without_amount.iter();
        let unknown = found.unknown.iter();
        let failed = found.failed.iter();
        Self {
            schema: "mtok.reconciliation/1",
            book: book.to_owned(),
            usage,
            billed: found.billed,
            expected: found.expected,
            agreeing: found.agreeing,
            differing: differing.collect(),
            without_amount: without
                .map(|(line, expected)| LineExpected { line: *line, expected: *expected })
                .collect(),
            unknown: unknown
                .map(|(line, model)| LineNote { line: *line, what: model.clone() })
                .collect(),
            failed: failed
                .map(|(line, error)| LineNote { line: *line, what: error.to_string() })
                .collect(),
        }
    }
}

/// The lines that differ, and what couldn't be compared.
pub fn reconciliation_document(report: &ReconciliationReport) -> Document {
    let mut document = Document::default();
    document.words(report.usage.words());
    let columns = ["line", "entry", "billed", "the book", "above", "why"];
    let mut table = Table::new("billed otherwise than the book says, USD", &columns);
    for one in &report.differing {
        let why = if one.reasons.is_empty() {
            "nothing that is known explains it".to_owned()
        } else {
            one.reasons.join(", or ")
        };
        let [billed, expected, above] = [one.billed, one.expected, one.above].map(usd);
        table.row([one.line.to_string(), one.entry.clone(), billed, expected, above, why]);
    }
    document.table(table);
    for (title, notes) in [
        ("models that are not in the book, or that several sell", &report.unknown),
        ("lines that the book can't bill", &report.failed),
    ] {
        let mut table = Table::new(title, &["line", "what"]);
        for note in notes {
            table.row([note.line.to_string(), note.what.clone()]);
        }
        document.table(table);
    }
    if !report.without_amount.is_empty() {
        let expected: PicoUsd = report.without_amount.iter().map(|one| one.expected).sum();
        let lines = thousands(report.without_amount.len() as u64);
        document.words(format!("{lines} lines have no amount; by the book {expected}"));
    }
    document.words(format!(
        "{} lines as the book says, {} otherwise: {} billed, {} by the book",
        thousands(report.agreeing),
        thousands(report.differing.len() as u64),
        report.billed,
        report.expected
    ));
    document
}
