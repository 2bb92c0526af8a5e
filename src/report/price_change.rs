//! What `mtok prices import`, `diff` and `update` print.

use super::figure::{NOTHING, thousands};
use super::price_card::PricePlace;
use super::{Document, Table};
use crate::prices::import::{Format, Import, not_a_price};
use crate::prices::{Change, Diff, Merged, Percent};
use crate::units::ListUsd;
use jiff::civil::Date;
use serde::Serialize;
use std::fmt::Write as _;

/// How many ids are named in a sentence; all are in the JSON.
const NAMED: usize = 12;

/// A field of another's book, and how often it stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldCount {
    /// The field.
    pub field: String,
    /// How often.
    pub times: usize,
    /// Why it is no price; `null`: nobody here knows what it means.
    pub why: Option<&'static str>,
}

/// An entry that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedEntry {
    /// Its key.
    pub key: String,
    /// Why.
    pub reason: String,
}

/// What a book became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BookChange {
    /// Its file.
    pub file: String,
    /// Its entries by now.
    pub entries: usize,
    /// Ids that are new.
    pub added: Vec<String>,
    /// Ids whose prices are others now.
    pub changed: Vec<String>,
    /// Ids that the book has from elsewhere: the new prices stand beside.
    pub beside: Vec<String>,
    /// Entries that say what the book said.
    pub same: usize,
}

impl BookChange {
    /// What laying a snapshot over a book came to.
    pub fn of(file: &str, merged: &Merged) -> Self {
        Self {
            file: file.to_owned(),
            entries: merged.book.entries().len(),
            added: merged.added.clone(),
            changed: merged.changed.clone(),
            beside: merged.beside.clone(),
            same: merged.same,
        }
    }
}

/// A book that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportCard {
    /// Where it was read from.
    pub from: String,
    /// Whose book it is.
    pub form: &'static str,
    /// The day that it was taken to be of.
    pub date: Date,
    /// Entries that it has.
    pub read: usize,
    /// Of these, those that were taken.
    pub taken: usize,
    /// The others.
    pub refused: Vec<RefusedEntry>,
    /// Fields that nobody here knows.
    pub not_understood: Vec<FieldCount>,
    /// Fields that are known and no prices.
    pub not_prices: Vec<FieldCount>,
    /// Numbers with digits from binary arithmetic, which were taken off.
    pub cleaned: usize,
}

impl ImportCard {
    /// Of what an importer made.
    pub fn of(from: &str, form: Format, date: Date, import: &Import) -> Self {
        let count = |(field, times): (&String, &usize)| FieldCount {
            field: field.clone(),
            times: *times,
            why: not_a_price(form, field).map(|known| known.reason),
        };
        let refused = import.refused.iter();
        Self {
            from: from.to_owned(),
            form: form.name(),
            date,
            read: import.read(),
            taken: import.entries.len(),
            refused: refused
                .map(|one| RefusedEntry { key: one.key.clone(), reason: one.reason.clone() })
                .collect(),
            not_understood: import.not_understood.iter().map(count).collect(),
            not_prices: import.not_prices.iter().map(count).collect(),
            cleaned: import.cleaned,
        }
    }
}

/// `mtok prices import`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// The form of this document: `mtok.price_import/1`.
    pub schema: &'static str,
    /// What was read.
    pub import: ImportCard,
    /// What was written; `null`: nothing.
    pub book: Option<BookChange>,
}

/// What was read, refused and not understood.
pub fn import_document(report: &ImportReport) -> Document {
    let card = &report.import;
    let mut document = Document::default();
    let mut table = Table::new("", &["book", "form", "of", "entries", "taken", "refused"]);
    table.row([
        card.from.clone(),
        card.form.to_owned(),
        card.date.to_string(),
        thousands(card.read as u64),
        thousands(card.taken as u64),
        thousands(card.refused.len() as u64),
    ]);
    document.table(table);
    let mut refused = Table::new("refused", &["entry", "why"]);
    for one in &card.refused {
        refused.row([one.key.clone(), one.reason.clone()]);
    }
    document.table(refused);
    let mut unknown = Table::new("fields not understood", &["field", "times"]);
    for one in &card.not_understood {
        unknown.row([one.field.clone(), thousands(one.times as u64)]);
    }
    if card.not_understood.is_empty() {
        document.words("every field is understood");
    }
    document.table(unknown);
    let mut known = Table::new("fields that are no prices", &["field", "times", "why"]);
    for one in &card.not_prices {
        let why = one.why.unwrap_or(NOTHING).to_owned();
        known.row([one.field.clone(), thousands(one.times as u64), why]);
    }
    document.table(known);
    if card.cleaned > 0 {
        document.words(format!(
            "{} numbers had digits from binary arithmetic, which were taken off",
            thousands(card.cleaned as u64)
        ));
    }
    match &report.book {
        Some(book) => written(&mut document, book),
        None => drop(document.words("nothing was written: `--out BOOK` makes a book of it")),
    }
    document
}

fn written(document: &mut Document, book: &BookChange) {
    document.words(format!(
        "`{}`: {} entries; {} added, {} with other prices, {} that another book has as well, {} \
         as before",
        book.file,
        thousands(book.entries as u64),
        thousands(book.added.len() as u64),
        thousands(book.changed.len() as u64),
        thousands(book.beside.len() as u64),
        thousands(book.same as u64),
    ));
    if !book.changed.is_empty() {
        document.words(format!("other prices: {}", named(&book.changed)));
    }
}

/// The first of them, and how many more there are.
fn named(ids: &[String]) -> String {
    let first = ids.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match ids.len().checked_sub(NAMED) {
        None | Some(0) => first,
        Some(more) => format!("{first} and {} more", thousands(more as u64)),
    }
}

/// A price that is another now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeLine {
    /// The entry.
    pub entry: String,
    /// Which price.
    #[serde(flatten)]
    pub at: PricePlace,
    /// Before; `null`: it was not listed.
    pub from: Option<ListUsd>,
    /// After; `null`: it is not listed any more.
    pub to: Option<ListUsd>,
    /// By how much, of the price before.
    pub percent: Option<Percent>,
    /// In words: `input, batch`.
    #[serde(skip)]
    pub place: String,
}

impl ChangeLine {
    fn of(entry: &str, change: &Change) -> Self {
        Self {
            entry: entry.to_owned(),
            at: PricePlace::of(&change.place),
            from: change.from.map(ListUsd),
            to: change.to.map(ListUsd),
            percent: change.percent(),
            place: change.place.to_string(),
        }
    }
}

/// `mtok prices diff`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceDiff {
    /// The form of this document: `mtok.price_diff/1`.
    pub schema: &'static str,
    /// The earlier: a book, and the day that it was asked for.
    pub a: Side,
    /// The later.
    pub b: Side,
    /// Ids that only the later has a price for.
    pub added: Vec<String>,
    /// Ids that only the earlier has a price for.
    pub removed: Vec<String>,
    /// Prices that are others.
    pub changed: Vec<ChangeLine>,
    /// Entries with the same prices.
    pub same: usize,
}

/// A book on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// The book.
    pub book: String,
    /// The day.
    pub day: Date,
}

impl PriceDiff {
    /// From one to the other.
    pub fn of(a: Side, b: Side, diff: &Diff) -> Self {
        let lines = diff
            .changed
            .iter()
            .flat_map(|one| one.changes.iter().map(move |change| ChangeLine::of(&one.id, change)));
        Self {
            schema: "mtok.price_diff/1",
            a,
            b,
            added: diff.added.clone(),
            removed: diff.removed.clone(),
            changed: lines.collect(),
            same: diff.same,
        }
    }
}

/// The prices that are others, a line each.
pub fn price_diff_document(diff: &PriceDiff) -> Document {
    let side = |side: &Side| format!("`{}` on {}", side.book, side.day);
    let title = format!("from {} to {}", side(&diff.a), side(&diff.b));
    let mut table = Table::new(title, &["entry", "price of", "before", "after", "%"]);
    for line in &diff.changed {
        let usd = |usd: Option<ListUsd>| {
            usd.map_or_else(|| NOTHING.to_owned(), |usd| usd.0.normalize().to_string())
        };
        table.row([
            line.entry.clone(),
            line.place.clone(),
            usd(line.from),
            usd(line.to),
            line.percent.map_or_else(|| NOTHING.to_owned(), signed),
        ]);
    }
    let mut document = Document::default();
    document.table(table);
    let mut count = format!("{} entries as before", thousands(diff.same as u64));
    for (ids, what) in [(&diff.added, "only after"), (&diff.removed, "only before")] {
        if !ids.is_empty() {
            let _ = write!(count, "\n{what}: {} ({})", thousands(ids.len() as u64), named(ids));
        }
    }
    document.words(count);
    document
}

fn signed(percent: Percent) -> String {
    let text = percent.0.normalize().to_string();
    if text.starts_with('-') { text } else { format!("+{text}") }
}

/// What became of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceUpdate {
    /// Its address.
    pub url: String,
    /// Whether its server said that nothing is new since it was last asked.
    pub unchanged: bool,
    /// What was read; `null` where it failed.
    pub import: Option<ImportCard>,
    /// What it changed in the book; `null` where it failed.
    pub book: Option<BookChange>,
    /// Why it failed.
    pub failed: Option<String>,
}

/// `mtok prices update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpdateReport {
    /// The form of this document: `mtok.price_update/1`.
    pub schema: &'static str,
    /// The book that was written; `null` where no source could be read.
    pub file: Option<String>,
    /// The sources, in the order asked.
    pub sources: Vec<SourceUpdate>,
}

/// What became of each source.
pub fn update_document(report: &UpdateReport) -> Document {
    let columns = ["source", "entries", "taken", "added", "changed", "beside", "as before", ""];
    let mut table = Table::new("", &columns);
    for source in &report.sources {
        let mut cells = vec![source.url.clone()];
        let figure = |count: usize| thousands(count as u64);
        if let (Some(import), Some(book)) = (&source.import, &source.book) {
            cells.extend([
                figure(import.read),
                figure(import.taken),
                figure(book.added.len()),
                figure(book.changed.len()),
                figure(book.beside.len()),
                figure(book.same),
                (if source.unchanged { "not modified" } else { "new" }).to_owned(),
            ]);
        } else {
            cells.extend(std::iter::repeat_n(NOTHING.to_owned(), 6));
            cells.push("failed".to_owned());
        }
        table.row(cells);
    }
    let mut document = Document::default();
    document.table(table);
    if let Some(file) = &report.file {
        document.words(format!("written: `{file}`; `--book book.jsonl` reads it"));
    }
    document
}
