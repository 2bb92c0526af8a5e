//! What can be wrong with an entry, whoever wrote it.
//!
//! Invariant: whatever is in a book went through [`fault`]: names are there, prices are between 0
//! and what anybody asks, tiers ascend, tariffs follow each other and each has a source.

use super::entry::Entry;
use super::schedule::Schedule;
use super::tariff::Tariff;
use rust_decimal::Decimal;

/// Nobody asks more for a million tokens, in USD; a greater number is in the wrong unit.
pub const PRICE_MAX: u32 = 100_000;

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// A price is negative, or greater than anybody asks.
    #[error("`{field}`: `{value}` USD/Mtok is not between 0 and {PRICE_MAX}")]
    OutOfRange {
        /// The kind of token.
        field: &'static str,
        /// What stands there.
        value: Decimal,
    },
    /// An amount of dollars is negative.
    #[error("`{field}`: `{value}` USD is less than nothing")]
    Negative {
        /// What it is for.
        field: String,
        /// What stands there.
        value: Decimal,
    },
    /// A field that must say something is empty or zero.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// Nothing at all has a price.
    #[error("no price is given")]
    Priceless,
    /// Tiers are not in ascending order.
    #[error("`tiers`: {0} follows {1}")]
    Tiers(crate::units::Tokens, crate::units::Tokens),
    /// A tariff begins before the one before it ends, or ends before it begins.
    #[error("`tariffs`: the one from {0} overlaps or is empty")]
    Overlap(String),
    /// A service stands twice in a tariff.
    #[error("`variants`: `{0}` stands there twice")]
    Twice(String),
    /// A window that is none.
    #[error("`hours`: {0}")]
    Window(String),
}

/// The first thing that is wrong with an entry.
pub(super) fn fault(entry: &Entry) -> Option<EntryFault> {
    let names = [
        ("id", &entry.id),
        ("provider", &entry.provider),
        ("model", &entry.model),
        ("name", &entry.name),
    ];
    if let Some((field, _)) = names.into_iter().find(|(_, text)| text.trim().is_empty()) {
        return Some(EntryFault::Empty(field));
    }
    // What divides must not be zero.
    if entry.parameters == Some(0) || entry.active_parameters == Some(0) {
        return Some(EntryFault::Empty("parameters"));
    }
    if entry.tariffs.is_empty() {
        return Some(EntryFault::Empty("tariffs"));
    }
    if let Some(others) = entry.others.iter().find_map(|other| source_fault(&other.source)) {
        return Some(others);
    }
    entry.tariffs.iter().find_map(tariff_fault).or_else(|| order_fault(&entry.tariffs))
}

fn order_fault(tariffs: &[Tariff]) -> Option<EntryFault> {
    let said = |tariff: &Tariff| tariff.from.map_or("the beginning".to_owned(), |t| t.to_string());
    let empty = tariffs
        .iter()
        .find(|tariff| tariff.from.zip(tariff.until).is_some_and(|(from, until)| from >= until));
    let overlapping = tariffs.windows(2).find_map(|pair| {
        let apart = pair[0].until.zip(pair[1].from).is_some_and(|(until, from)| until <= from);
        (!apart).then_some(&pair[1])
    });
    empty.or(overlapping).map(|tariff| EntryFault::Overlap(said(tariff)))
}

fn source_fault(source: &super::tariff::Source) -> Option<EntryFault> {
    let fields = [
        ("source.book", &source.book),
        ("source.version", &source.version),
        ("source.licence", &source.licence),
        ("source.key", &source.key),
    ];
    let empty = fields.into_iter().find(|(_, text)| text.trim().is_empty());
    empty.map(|(field, _)| EntryFault::Empty(field))
}

fn tariff_fault(tariff: &Tariff) -> Option<EntryFault> {
    if let Some(fault) = source_fault(&tariff.source) {
        return Some(fault);
    }
    if tariff.schedule.is_empty() && tariff.variants.iter().all(|v| v.schedule.is_empty()) {
        return Some(EntryFault::Priceless);
    }
    let terms = &tariff.terms;
    if terms.rounding.grain.0 == 0 {
        return Some(EntryFault::Empty("terms.rounding.grain"));
    }
    let uplifts = terms.uplifts.iter().map(|(name, percent)| (name.clone(), percent.0));
    let amounts = [
        ("terms.minimum", terms.minimum.map(|usd| usd.0)),
        ("terms.router_fee", terms.router_fee.map(|percent| percent.0)),
    ];
    let amounts = amounts.into_iter().filter_map(|(name, usd)| Some((name.to_owned(), usd?)));
    if let Some(fault) = negative(amounts.chain(uplifts)) {
        return Some(fault);
    }
    for (index, variant) in tariff.variants.iter().enumerate() {
        if tariff.variants[..index].iter().any(|before| before.service == variant.service) {
            return Some(EntryFault::Twice(variant.service.to_string()));
        }
    }
    let mut windows = tariff.hours.iter().flat_map(|hours| &hours.windows);
    if let Some(fault) = windows.find_map(super::hours::Window::fault) {
        return Some(EntryFault::Window(fault));
    }
    if tariff.hours.iter().any(|hours| hours.windows.is_empty()) {
        return Some(EntryFault::Empty("windows"));
    }
    let hours = tariff.hours.iter().map(|hours| &hours.schedule);
    let variants = tariff.variants.iter().map(|variant| &variant.schedule);
    std::iter::once(&tariff.schedule).chain(hours).chain(variants).find_map(schedule_fault)
}

fn schedule_fault(schedule: &Schedule) -> Option<EntryFault> {
    if let Some(pair) = schedule.tiers.windows(2).find(|pair| pair[0].above >= pair[1].above) {
        return Some(EntryFault::Tiers(pair[1].above, pair[0].above));
    }
    let rates = std::iter::once(&schedule.rates).chain(schedule.tiers.iter().map(|t| &t.rates));
    for (kind, price) in rates.flat_map(super::rates::Rates::iter) {
        let (field, value) = (kind.name(), price.0);
        if value < Decimal::ZERO || value > Decimal::from(PRICE_MAX) {
            return Some(EntryFault::OutOfRange { field, value });
        }
    }
    let units = schedule.per_unit.iter().map(|(unit, usd)| (unit.clone(), usd.0));
    let fee = schedule.per_request.map(|usd| ("per_request".to_owned(), usd.0));
    negative(units.chain(fee))
}

fn negative(amounts: impl Iterator<Item = (String, Decimal)>) -> Option<EntryFault> {
    let mut below = amounts.filter(|(_, value)| *value < Decimal::ZERO);
    below.next().map(|(field, value)| EntryFault::Negative { field, value })
}
