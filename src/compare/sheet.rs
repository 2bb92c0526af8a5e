//! The whole comparison: the work, the machine, a table sorted by cost, break-evens, the surface, and
//! what moves the answer.
//!
//! Invariant: the table's order is that of its prices, and every line in it is of the same tokens; what
//! could not be billed is named with its reason. Guarded by `tests::sheets`.

use super::bill::charge;
use super::error::CompareError;
use super::grid::{Grid, Surface};
use super::own::{Offers, Own, Told};
use super::row::{Full, Row, Scale};
use super::shortlist::Chosen;
use super::swing::{Swing, swings};
use super::work::{Counts, HitsBy, Work};
use crate::cost::{Load, MachinePrice};
use crate::plan::Unbilled;
use crate::prices::Entry;
use crate::units::{
    Estimate, Ratio, RequestsPerSecond, Seconds, TokensPerCharacter, TokensPerSecond, UsdPerMtok,
};
use jiff::civil::Date;
use serde::Serialize;

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The own machine.
    pub own: &'a Own,
    /// The work.
    pub work: &'a Work,
    /// The APIs.
    pub entries: &'a [&'a Entry],
    /// What chose them.
    pub chosen: Chosen,
    /// Loads of the own machine; empty: the load that the month's volume makes, else full.
    pub loads: &'a [Load],
    /// The day of the prices.
    pub day: Date,
    /// What the price book is called.
    pub book: &'a str,
    /// How finely the own model's tokenizer cuts this text.
    pub cut: Option<TokensPerCharacter>,
}

/// The work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asked {
    /// What it is called.
    pub name: String,
    /// Requests that the tokens are of.
    pub requests: u64,
    /// All their tokens.
    pub tokens: Counts,
    /// Input tokens for each output token.
    pub input_per_output: Ratio,
    /// The share of the input that a cache of one's own finds.
    pub hit_rate: Ratio,
    /// What says so.
    pub hits_by: HitsBy,
    /// Requests a month; `None`: nobody says how often the work comes.
    pub requests_per_month: Option<RequestsPerMonth>,
}

/// Requests a month of 730 hours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(transparent)]
pub struct RequestsPerMonth(f64);

impl RequestsPerMonth {
    fn of(rate: RequestsPerSecond) -> Self {
        Self(rate.0 * Seconds::MONTH.0)
    }

    /// How many.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// The own machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// What it is, in words.
    pub name: String,
    /// What it costs by the hour.
    pub price: MachinePrice,
    /// What such machines rent for; `None`: no book knows.
    pub offers: Option<Offers>,
    /// What tells its prices.
    pub told_by: ToldBy,
    /// The share of the input that is priced as cached on it: none without a price for it.
    pub hit_rate: Ratio,
    /// A million tokens of the work at full load.
    pub full: Estimate<UsdPerMtok>,
    /// Tokens of the work a second at full load.
    pub rate: Estimate<TokensPerSecond>,
    /// What must be known with the figures.
    pub cautions: Vec<String>,
}

/// What tells the own machine's prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ToldBy {
    /// Prices of kinds.
    Kinds,
    /// Bounds of kinds.
    Bounds,
    /// An estimate at this mix and at others.
    Mixes,
    /// One rate of all tokens.
    Rate,
}

/// The comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sheet {
    /// The form of this document: `mtok.compare/1`.
    pub schema: &'static str,
    /// What the price book is called.
    pub book: String,
    /// The day of its prices.
    pub day: Date,
    /// The work.
    pub work: Asked,
    /// The own machine.
    pub machine: Machine,
    /// What chose the APIs.
    pub chosen: Chosen,
    /// The cheapest first.
    pub rows: Vec<Row>,
    /// APIs that can't be asked, or whose prices don't hold.
    pub unbilled: Vec<Unbilled>,
    /// Own over API, beside each API in the order of the table.
    pub surfaces: Vec<Surface>,
    /// What moves the own price at the load of reference, the widest effect first.
    pub swings: Vec<Swing>,
}

impl Sheet {
    /// Compares.
    ///
    /// # Errors
    /// Where the work's mix has no price on the own machine, or a price that can't be printed.
    pub fn of(question: &Question<'_>) -> Result<Self, CompareError> {
        let Question { own, work, entries, loads, day, .. } = *question;
        let nothing = || CompareError::NothingAsked {
            work: work.name.clone(),
            requests: work.requests,
            tokens: work.tokens.all().0,
        };
        let asked = work.blend().ok_or_else(nothing)?;
        let blend = own.blend(asked);
        let out_of_range = || CompareError::OutOfRange { what: "the own price" };
        let price = own.full(blend).ok_or_else(out_of_range)?;
        let rate = own.rate(blend).ok_or_else(out_of_range)?;
        let printable = |number: f64| number.is_finite();
        if !(printable(price.value.0) && printable(rate.value.0) && rate.value.0 > 0.0) {
            return Err(out_of_range());
        }
        let full = Full { price, rate, kinds: own.kinds() };
        let scale = Scale { work, cut: question.cut };

        let mut rows = own_rows(own, &full, loads, &scale);
        let first = rows.first().and_then(|row| row.own.map(|facts| (row.units.mtok, facts.load)));
        let (reference, load) = first.unwrap_or((price, Load::FULL));
        let mut unbilled = Vec::new();
        for entry in entries {
            let charged = charge(work, entry, day);
            match charged.and_then(|bill| Row::api(entry, bill, own, &full, &scale, day)) {
                Ok(row) => rows.push(row),
                Err(reason) => unbilled.push(Unbilled { entry: entry.id.clone(), reason }),
            }
        }
        rows = rows.into_iter().map(|row| row.beside(reference)).collect();
        rows.sort_by(|a, b| {
            let by_price = a.units.mtok.value.0.total_cmp(&b.units.mtok.value.0);
            by_price.then_with(|| a.name.cmp(&b.name))
        });
        let asked_loads: Vec<Load> = loads.iter().copied().chain([load]).collect();
        let grid = Grid::of(own, asked, &asked_loads);
        let surface = |row: &Row| {
            let entry = entries.iter().find(|entry| Some(&entry.id) == row.entry())?;
            Some(grid.beside(own, &entry.id, entry.figures(day)?))
        };
        Ok(Self {
            schema: "mtok.compare/1",
            book: question.book.to_owned(),
            day,
            surfaces: rows.iter().filter_map(surface).collect(),
            swings: swings(own, asked, load)?,
            work: Asked {
                name: work.name.clone(),
                requests: work.requests,
                tokens: work.tokens,
                input_per_output: asked.input_per_output(),
                hit_rate: asked.hit_rate(),
                hits_by: work.hits,
                requests_per_month: work.rate.map(RequestsPerMonth::of),
            },
            machine: Machine {
                name: own.name.clone(),
                price: own.hour.clone(),
                offers: own.offers,
                told_by: match &own.told {
                    Told::Kinds(_) => ToldBy::Kinds,
                    Told::Bounds { .. } => ToldBy::Bounds,
                    Told::Mixes(_) => ToldBy::Mixes,
                    Told::Flat(_) => ToldBy::Rate,
                },
                hit_rate: blend.hit_rate(),
                full: price,
                rate,
                cautions: own.cautions.clone(),
            },
            chosen: question.chosen,
            rows,
            unbilled,
        })
    }

    /// The line of reference.
    pub fn reference(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.own.is_some_and(|facts| facts.reference))
    }

    /// The cheapest API.
    pub fn cheapest(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.api.is_some())
    }
}

impl Row {
    fn entry(&self) -> Option<&String> {
        self.api.as_ref().map(|api| &api.entry)
    }
}

/// The own machine at each load asked for, and at the one that the month's volume makes; the first is
/// the one of reference.
fn own_rows(own: &Own, full: &Full, loads: &[Load], scale: &Scale<'_>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (index, load) in loads.iter().enumerate() {
        if !loads[..index].contains(load) {
            rows.push(Row::own(own, full, *load, scale));
        }
    }
    rows.extend(Row::rented(own, full, scale));
    if !loads.contains(&Load::FULL) {
        rows.push(Row::own(own, full, Load::FULL, scale));
    }
    if let Some(facts) = rows.first_mut().and_then(|row| row.own.as_mut()) {
        facts.reference = true;
    }
    rows
}

impl Work {
    /// The mixes that an estimate is to be made for, beside this work's own.
    pub fn other_mixes(&self) -> Vec<Ratio> {
        self.blend().map(super::grid::mixes).unwrap_or_default()
    }

    /// A book's mix of the same tokens; `None` of none.
    pub fn mix(&self) -> Option<crate::prices::Mix> {
        let Counts { uncached, cached, output } = self.tokens;
        crate::prices::Mix::new(uncached, cached, output)
    }
}
