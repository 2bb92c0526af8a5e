//! One line of the comparison: the own machine at a load, or an API.
//!
//! Invariant: figures of one line are one price said in several ways. Whole machines are rented: what a
//! volume needs is rounded up to them. Guarded by `tests::rows`.

use super::bill::Charged;
use super::own::Own;
use super::work::Work;
use crate::cost::{BreakEven, Load, OwnRates, UnitsOfSale, Usage};
use crate::plan::Caching;
use crate::prices::{Ending, Entry, is_stale};
use crate::summary::{Side, difference, side};
use crate::units::{
    Estimate, ListPrice, PicoUsd, Quantity, Ratio, RequestsPerSecond, Seconds, Tokens,
    TokensPerCharacter, TokensPerSecond, Usd, UsdPerMtok,
};
use jiff::civil::Date;
use serde::Serialize;

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What it is, in words.
    pub name: String,
    /// In all units of sale, for the work.
    #[serde(flatten)]
    pub units: UnitsOfSale,
    /// A million input tokens that are computed; `None`: nothing tells.
    pub input: Option<Estimate<UsdPerMtok>>,
    /// A million input tokens that a cache has.
    pub cached: Option<Estimate<UsdPerMtok>>,
    /// A million output tokens.
    pub output: Option<Estimate<UsdPerMtok>>,
    /// The own machine at the load of reference over this; `None` of what costs nothing.
    pub own_over_this: Option<Estimate<Ratio>>,
    /// Where the own machine at the load of reference lies beside this.
    pub own_is: Side,
    /// Of a line of the own machine.
    pub own: Option<OwnFacts>,
    /// Of an API's line.
    pub api: Option<ApiFacts>,
}

/// What is only told of the own machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OwnFacts {
    /// The load.
    pub load: Load,
    /// The machines that the month's volume takes; `None`: the load was stated, not worked out.
    pub machines: Option<u64>,
    /// It is the one that others are compared with.
    pub reference: bool,
}

/// What is only told of an API.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApiFacts {
    /// The entry of the price book.
    pub entry: String,
    /// Who sells it.
    pub provider: String,
    /// What people call the model.
    pub model: String,
    /// Whether it is the very model of the own machine.
    pub same_model: bool,
    /// The list price of input, USD/Mtok, exact.
    pub input: ListPrice,
    /// Of input in the provider's cache; `None`: it has none of its own.
    pub cached_input: Option<ListPrice>,
    /// Of output.
    pub output: ListPrice,
    /// The bill of the requests, exact.
    pub total: PicoUsd,
    /// How many requests that is of.
    pub billed: u64,
    /// How the provider's cache was counted; `None`: as stated or metered.
    pub caching: Option<Caching>,
    /// Prompt tokens of the requests that were read from it.
    pub cached: Tokens,
    /// Which book says so.
    pub source: String,
    /// The day of the price.
    pub date: Date,
    /// Whether that is more than 90 days ago.
    pub stale: bool,
    /// The longest context it takes.
    pub context: Option<Tokens>,
    /// The longest answer it gives.
    pub max_output: Option<Tokens>,
    /// Whether the weights can be had.
    pub open_weights: Option<bool>,
    /// All the model's parameters.
    pub parameters: Option<u64>,
    /// The tokenizer's name.
    pub tokenizer: Option<String>,
    /// The day on which it ends.
    pub ends: Option<Date>,
    /// That it will end, where no day is given.
    pub ending: Option<Ending>,
    /// What must be said beside the figures.
    pub notes: Vec<String>,
    /// From where the own machine is cheaper; `None`: either costs nothing.
    pub break_even: Option<BreakEven>,
}

/// What turns a price into that of a request, a month, a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale<'a> {
    pub(super) work: &'a Work,
    pub(super) cut: Option<TokensPerCharacter>,
}

impl Scale<'_> {
    /// A price in all units. A request's is the mean one's, so it is worked out from all of them.
    fn units(&self, price: Estimate<UsdPerMtok>, cut: bool) -> UnitsOfSale {
        let count = Tokens(self.work.requests.max(1)).get();
        let usage = Usage {
            request: Some(self.work.tokens.all()),
            rate: self.work.rate.map(|rate| RequestsPerSecond(rate.0 / count)),
            cut: self.cut.filter(|_| cut),
        };
        let all = UnitsOfSale::of(price, usage);
        let one = |all: Estimate<Usd>| all.map(|all| Usd(all.0 / count));
        UnitsOfSale { request: all.request.map(one), ..all }
    }

    /// Tokens of a month, where it is known how often the work comes.
    pub(super) fn volume(&self) -> Option<f64> {
        self.work.rate.map(|rate| rate.0 * Seconds::MONTH.0 * self.work.mean())
    }
}

/// The own machine at full load, and what it delivers, at the work's mix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Full {
    pub(super) price: Estimate<UsdPerMtok>,
    pub(super) rate: Estimate<TokensPerSecond>,
    pub(super) kinds: Option<OwnRates>,
}

impl Row {
    /// The own machine at a load.
    pub(super) fn own(own: &Own, full: &Full, load: Load, scale: &Scale<'_>) -> Self {
        let at = |price: Estimate<UsdPerMtok>| price.map(|price| price / load.share());
        Self::own_at(
            own,
            full,
            at(full.price),
            OwnFacts { load, machines: None, reference: false },
            scale,
        )
    }

    /// As many whole machines as a month's volume of tokens takes, rented all month. `None`: the volume
    /// is none, or there is no number of machines for it.
    pub(super) fn rented(own: &Own, full: &Full, scale: &Scale<'_>) -> Option<Self> {
        let volume = scale.volume().filter(|volume| *volume >= 1.0)?;
        let machines = |rate: TokensPerSecond| {
            // What a division adds must not cost a machine.
            (volume / (rate.0 * Seconds::MONTH.0) - 1e-9).ceil().max(1.0)
        };
        let month = own.hour.usd_per_hour * Seconds::MONTH;
        let price = full.rate.map(|rate| {
            UsdPerMtok(month.0 * machines(rate) / volume * crate::units::TOKENS_PER_MTOK)
        });
        let count = machines(full.rate.value);
        let share = volume / (full.rate.value.0 * Seconds::MONTH.0) / count;
        let load = Load::new(Ratio::of(share.min(1.0))).ok()?;
        let whole = Tokens(1).scaled(count).0;
        let facts = OwnFacts { load, machines: Some(whole), reference: false };
        Some(Self::own_at(own, full, price, facts, scale))
    }

    fn own_at(
        own: &Own,
        full: &Full,
        price: Estimate<UsdPerMtok>,
        facts: OwnFacts,
        scale: &Scale<'_>,
    ) -> Self {
        let share = facts.load.share();
        let at = |price: Estimate<UsdPerMtok>| price.map(|price| price / share);
        let kinds = full.kinds;
        Self {
            name: own.name.clone(),
            units: scale.units(price, true),
            input: kinds.map(|kinds| at(kinds.uncached)),
            cached: kinds.and_then(|kinds| kinds.cached).map(at),
            output: kinds.map(|kinds| at(kinds.output)),
            own_over_this: None,
            own_is: Side::Unknown,
            own: Some(facts),
            api: None,
        }
    }

    /// An API by its bill; else why it has no line.
    pub(super) fn api(
        entry: &Entry,
        charged: Charged,
        own: &Own,
        full: &Full,
        scale: &Scale<'_>,
        day: Date,
    ) -> Result<Self, String> {
        let times = Tokens(charged.times.max(1)).get();
        let total = Usd(charged.total.estimate().0 / times);
        let price = total / scale.work.tokens.all();
        let listed = entry.figures(day).zip(entry.tariff_on(day));
        let (figures, tariff) = listed.ok_or("input or output has no price per token")?;
        let exact = |price: UsdPerMtok| Estimate::within(price, UsdPerMtok(0.0));
        let list = |price: ListPrice| exact(price.estimate());
        let source = &tariff.source;
        let same_model = entry.family.is_some() && entry.family == own.family;
        let (prompt, _) = scale.work.lengths();
        let limit = entry.prompt_tokens_max(day).filter(|limit| prompt > *limit);
        let dearer = limit.map(|limit| format!("prompts of more than {limit} cost more than this"));
        let facts = ApiFacts {
            entry: entry.id.clone(),
            provider: entry.provider.clone(),
            model: entry.name.clone(),
            same_model,
            input: figures.input,
            cached_input: figures.cached_input,
            output: figures.output,
            total: charged.total,
            billed: scale.work.requests.saturating_mul(charged.times),
            caching: charged.caching,
            cached: charged.cached,
            source: source.name(),
            date: source.date,
            stale: is_stale(source.date, day),
            context: entry.context,
            max_output: entry.max_output,
            open_weights: entry.open_weights,
            parameters: entry.parameters,
            tokenizer: entry.tokenizer.clone(),
            ends: entry.ends,
            ending: entry.ending,
            notes: entry.note.iter().cloned().chain(dearer).collect(),
            break_even: BreakEven::of(own.hour.usd_per_hour, full.rate, price),
        };
        Ok(Self {
            name: format!("{}, {}", entry.name, entry.provider),
            // Other models cut the same text into other tokens.
            units: scale.units(exact(price), same_model),
            input: Some(list(figures.input)),
            cached: figures.cached_input.map(list),
            output: Some(list(figures.output)),
            own_over_this: None,
            own_is: Side::Unknown,
            own: None,
            api: Some(facts),
        })
    }

    /// Beside the own machine at the load of reference.
    pub(super) fn beside(mut self, own: Estimate<UsdPerMtok>) -> Self {
        let price = self.units.mtok;
        if self.api.is_some() {
            self.own_is = side(difference(price, own));
            self.own_over_this =
                (price.value.get() > 0.0).then(|| own.map(|own| own / price.value));
        }
        self
    }
}
