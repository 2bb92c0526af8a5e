//! All that a book knows of a model: what `mtok prices show` prints.

mod document;

pub use document::price_document;

use crate::prices::{
    Direction, Entry, Hours, OtherSource, Place, Source, Tariff, Terms, Tiering, What, Window,
    is_stale, listed,
};
use crate::units::{ListUsd, Tokens};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;
use std::fmt::Write as _;

/// Which price of a tariff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PricePlace {
    /// Of what: a kind of token, `request`, or another unit.
    pub of: String,
    /// For how much of it: `Mtok`, or one.
    pub per: &'static str,
    /// The service that it is for; `null` is the standard one.
    pub service: Option<String>,
    /// Which of the tariff's hours it holds in, from 1; `null`: the others.
    pub hours: Option<usize>,
    /// The prompt length above which it holds.
    pub above: Option<Tokens>,
}

/// One price of a tariff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceLine {
    /// Which.
    #[serde(flatten)]
    pub at: PricePlace,
    /// The price.
    pub usd: ListUsd,
}

impl PricePlace {
    pub(super) fn of(place: &Place) -> Self {
        let (of, per) = match &place.what {
            What::Tokens(kind) => (kind.name().to_owned(), "Mtok"),
            What::Request => ("request".to_owned(), "1"),
            What::Unit(unit) => (unit.clone(), "1"),
        };
        Self {
            of,
            per,
            service: place.service.as_ref().map(|service| service.name().to_owned()),
            hours: place.hours.map(|index| index + 1),
            above: place.above,
        }
    }
}

impl PriceLine {
    fn of(place: &Place, usd: Decimal) -> Self {
        Self { at: PricePlace::of(place), usd: ListUsd(usd) }
    }
}

/// A tariff and all its prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TariffCard {
    /// The first instant; `null`: the book knows of no beginning.
    pub from: Option<Timestamp>,
    /// The first instant after it; `null`: the book knows of no end.
    pub until: Option<Timestamp>,
    /// Whether it is in force on the day asked for.
    pub in_force: bool,
    /// Its prices.
    pub prices: Vec<PriceLine>,
    /// Whether a tier's prices hold for the tokens beyond it alone, not for the whole request.
    pub marginal: bool,
    /// Its hours, in words.
    pub hours: Vec<String>,
    /// How it is counted, in words.
    pub terms: Vec<String>,
    /// Who says so.
    pub source: SourceCard,
}

/// Who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceCard {
    /// The book and its version.
    pub book: String,
    /// Its licence.
    pub licence: String,
    /// Its day.
    pub date: Date,
    /// The model's key in it.
    pub key: String,
    /// Where it has it from, or where it is.
    pub url: Option<String>,
    /// Whether its day is over 90 days before the one asked for.
    pub stale: bool,
}

impl SourceCard {
    fn of(source: &Source, day: Date) -> Self {
        Self {
            book: source.name(),
            licence: source.licence.clone(),
            date: source.date,
            key: source.key.clone(),
            url: source.url.clone(),
            stale: is_stale(source.date, day),
        }
    }
}

/// What another book says of the same model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherCard {
    /// The book.
    pub source: SourceCard,
    /// Its standard prices where they differ.
    pub differs: Vec<PriceLine>,
}

/// All that the book knows of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryCard {
    /// Provider and model, unique in the book.
    pub id: String,
    /// Who sells it.
    pub provider: String,
    /// What the provider's API calls it.
    pub model: String,
    /// What people call it.
    pub name: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// What it is for.
    pub kind: Option<crate::prices::Kind>,
    /// What it is, whoever sells it.
    pub family: Option<String>,
    /// Whether the weights can be had.
    pub open_weights: Option<bool>,
    /// All its parameters.
    pub parameters: Option<u64>,
    /// The longest context.
    pub context: Option<Tokens>,
    /// The longest answer.
    pub max_output: Option<Tokens>,
    /// The tokenizer's name.
    pub tokenizer: Option<String>,
    /// The day on which it ends or ended.
    pub ends: Option<Date>,
    /// Whether it is sold on the day asked for, as far as the book knows.
    pub sold: bool,
    /// What must be said beside the prices.
    pub note: Option<String>,
    /// What it charges and charged, in the order of time.
    pub tariffs: Vec<TariffCard>,
    /// Other books that have it.
    pub others: Vec<OtherCard>,
}

impl EntryCard {
    /// Of an entry, seen from a day.
    pub fn of(entry: &Entry, day: Date) -> Self {
        let in_force = entry.tariff_on(day);
        let tariff = |tariff: &Tariff| TariffCard {
            from: tariff.from,
            until: tariff.until,
            in_force: in_force == Some(tariff),
            prices: listed(tariff).iter().map(|(at, usd)| PriceLine::of(at, *usd)).collect(),
            marginal: tariff.schedule.tiering == Tiering::Marginal,
            hours: tariff.hours.iter().map(hours).collect(),
            terms: terms(&tariff.terms),
            source: SourceCard::of(&tariff.source, day),
        };
        let other = |OtherSource { source, differs }: &OtherSource| OtherCard {
            source: SourceCard::of(source, day),
            differs: differs
                .iter()
                .map(|(kind, price)| {
                    let what = What::Tokens(kind);
                    let place = Place { service: None, hours: None, above: None, what };
                    PriceLine::of(&place, price.0.normalize())
                })
                .collect(),
        };
        Self {
            id: entry.id.clone(),
            provider: entry.provider.clone(),
            model: entry.model.clone(),
            name: entry.name.clone(),
            aliases: entry.aliases.clone(),
            kind: entry.kind,
            family: entry.family.clone(),
            open_weights: entry.open_weights,
            parameters: entry.parameters,
            context: entry.context,
            max_output: entry.max_output,
            tokenizer: entry.tokenizer.clone(),
            ends: entry.ends,
            sold: entry.is_sold(day),
            note: entry.note.clone(),
            tariffs: entry.tariffs.iter().map(tariff).collect(),
            others: entry.others.iter().map(other).collect(),
        }
    }
}

fn hours(hours: &Hours) -> String {
    hours.windows.iter().map(window).collect::<Vec<_>>().join(" and ")
}

fn window(window: &Window) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let time = |time: jiff::civil::Time| time.strftime("%H:%M").to_string();
    let mut words = format!("{} to {} UTC", time(window.from), time(window.until));
    if !window.days.is_empty() {
        let name = |day: &i8| {
            let index = usize::try_from(*day).ok().and_then(|day| day.checked_sub(1));
            index.and_then(|index| DAYS.get(index)).copied().unwrap_or("?")
        };
        let _ = write!(words, " on {}", window.days.iter().map(name).collect::<Vec<_>>().join(" "));
    }
    if window.day_offset_hours != 0 {
        let _ = write!(words, ", days of UTC{:+}", window.day_offset_hours);
    }
    match window.except.len() {
        0 => {}
        1 => words += ", but for 1 holiday",
        count => drop(write!(words, ", but for {count} holidays")),
    }
    words
}

fn terms(terms: &Terms) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(terms.input_includes_cached.map(|includes| {
        let how = if includes { "includes" } else { "does not include" };
        format!("the API's count of input {how} cached tokens")
    }));
    if terms.rounding.grain.0 != 1 {
        let way = match terms.rounding.direction {
            Direction::Up => "up to",
            Direction::Down => "down to",
            Direction::Nearest => "to the nearest",
        };
        words.push(format!("tokens are rounded {way} {}", terms.rounding.grain));
    }
    words.extend(terms.minimum.map(|least| format!("a request costs at least {least}")));
    words.extend(terms.router_fee.map(|fee| format!("a router adds {} %", fee.0.normalize())));
    words.extend(terms.cache_minimum.map(|least| format!("prompts from {least} are cached")));
    words.extend(terms.cache_step.map(|step| format!("a cached prefix grows by {step}")));
    for (name, percent) in &terms.uplifts {
        words.push(format!("`{name}`: {} % of the prices", percent.0.normalize()));
    }
    words
}

/// All that a book knows of the entries of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceCard {
    /// The form of this document: `mtok.price/1`.
    pub schema: &'static str,
    /// The book.
    pub book: String,
    /// The day that it is seen from.
    pub day: Date,
    /// The entries; a model that several sell has one at each of them.
    pub entries: Vec<EntryCard>,
}
