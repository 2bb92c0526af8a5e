//! What `mtok prices list` prints.

use super::figure::{NOTHING, thousands};
use super::{Document, Table};
use crate::prices::{Entry, STALE_AFTER_DAYS, TokenKind, is_stale};
use crate::units::{ListPrice, Tokens};
use jiff::civil::Date;
use serde::Serialize;
use std::fmt::Write as _;

/// A model's standard prices in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceRow {
    /// Provider and model, unique in the book.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Who sells it.
    pub provider: String,
    /// What it is for.
    pub kind: Option<crate::prices::Kind>,
    /// What it is, whoever sells it.
    pub family: Option<String>,
    /// Whether the weights can be had.
    pub open_weights: Option<bool>,
    /// The longest context.
    pub context: Option<Tokens>,
    /// USD/Mtok of input.
    pub input: Option<ListPrice>,
    /// USD/Mtok of input from the cache.
    pub cached_input: Option<ListPrice>,
    /// USD/Mtok of output.
    pub output: Option<ListPrice>,
    /// Whether long prompts, hours or services have other prices.
    pub varies: bool,
    /// The book that says so, and its version.
    pub source: String,
    /// Its day.
    pub source_date: Date,
    /// Whether that is over 90 days ago.
    pub stale: bool,
}

impl PriceRow {
    /// The line of an entry on a day; `None` where no tariff is in force.
    pub fn of(entry: &Entry, day: Date) -> Option<Self> {
        let tariff = entry.tariff_on(day)?;
        let rates = &tariff.schedule.rates;
        let (tiers, hours) = (&tariff.schedule.tiers, &tariff.hours);
        Some(Self {
            id: entry.id.clone(),
            name: entry.name.clone(),
            provider: entry.provider.clone(),
            kind: entry.kind,
            family: entry.family.clone(),
            open_weights: entry.open_weights,
            context: entry.context,
            input: rates.get(TokenKind::Input),
            cached_input: rates.get(TokenKind::CachedInput),
            output: rates.get(TokenKind::Output),
            varies: !tiers.is_empty() || !hours.is_empty() || !tariff.variants.is_empty(),
            source: tariff.source.name(),
            source_date: tariff.source.date,
            stale: is_stale(tariff.source.date, day),
        })
    }
}

/// A book's entries, a line each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceList {
    /// The form of this document: `mtok.price_list/1`.
    pub schema: &'static str,
    /// The book.
    pub book: String,
    /// The day that the prices are of.
    pub day: Date,
    /// Entries that were asked for.
    pub entries: Vec<PriceRow>,
    /// Entries that were asked for and are not sold on the day, or have no price then.
    pub left_out: usize,
}

/// All of it, a line each.
pub fn price_list_document(list: &PriceList) -> Document {
    let columns = ["entry", "input", "cached", "output", "varies", "context", "source"];
    let mut table = Table::new(format!("USD/Mtok on {}", list.day), &columns);
    let mut stale = 0;
    for row in &list.entries {
        stale += usize::from(row.stale);
        table.row([
            row.id.clone(),
            price(row.input),
            price(row.cached_input),
            price(row.output),
            (if row.varies { "yes" } else { "" }).to_owned(),
            row.context.map_or_else(|| NOTHING.to_owned(), |context| thousands(context.0)),
            format!("{}, {}{}", row.source, row.source_date, old(row.stale)),
        ]);
    }
    let mut document = Document::default();
    document.table(table);
    let mut words = format!("{} of `{}`", entries(list.entries.len()), list.book);
    if list.left_out > 0 {
        let _ = write!(words, "; {} more without a price on {}", list.left_out, list.day);
    }
    document.words(words);
    if list.entries.iter().any(|row| row.varies) {
        document.words(
            "varies: long prompts, hours or services have other prices: `mtok prices show ENTRY`",
        );
    }
    if stale > 0 {
        document
            .words(format!("old: over {STALE_AFTER_DAYS} days; `mtok prices update` asks anew"));
    }
    document
}

fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{} entries", thousands(count as u64)) }
}

pub(super) fn price(price: Option<ListPrice>) -> String {
    price.map_or_else(|| NOTHING.to_owned(), |price| price.0.normalize().to_string())
}

pub(super) fn old(stale: bool) -> &'static str {
    if stale { ", old" } else { "" }
}
