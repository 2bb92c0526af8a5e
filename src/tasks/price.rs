//! What an attempt costs: on own hardware, by the prices of its kinds of tokens; on an API, by its bill.
//!
//! Invariant: every try of an attempt is paid for, by the tokens that its target counted. A try that
//! failed without a count is billed nothing where its failure is of a kind that isn't billed (no
//! connection, 429, another 4xx); else what it cost is not known, and the row says how many there were.
//! An answer without a count has no cost, and neither has what is summed over it. Guarded by
//! `tests/priced.rs`, by hand.

use super::time::Shares;
use crate::cost::{Load, OwnRates};
use crate::prices::billing::{Counting, Reported};
use crate::prices::{Entry, Request, Service, Usage as BilledUsage, bill, bill_as_of};
use crate::record::attempts::{Attempt, Try};
use crate::record::{FailureKind, Finish, Usage};
use crate::units::{Estimate, ListPrice, PicoUsd, Tokens, Usd, UsdPerHour, UsdPerMtok};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

/// What a model's tokens are paid at.
#[derive(Debug, Clone, PartialEq)]
pub enum Price<'a> {
    /// Own hardware, by three prices.
    Own {
        /// Which machine, and what an hour of it costs, in words.
        machine: String,
        /// Its prices at full load, of a run or of an estimate.
        rates: OwnRates,
        /// The load that the hour is used at.
        load: Load,
    },
    /// Own hardware, where nothing told the kinds of tokens apart: one price for all of them.
    Blended {
        /// Which machine, and what an hour of it costs, in words.
        machine: String,
        /// The price at full load.
        price: Estimate<UsdPerMtok>,
        /// The load that the hour is used at.
        load: Load,
    },
    /// Own hardware, by the time that it took.
    Time {
        /// Which machine, and what an hour of it costs, in words.
        machine: String,
        /// What an hour of it costs.
        hour: UsdPerHour,
        /// The load that the hour is used at.
        load: Load,
        /// The time of each attempt.
        shares: Shares,
    },
    /// An API, by an entry of the price book.
    Api {
        /// The entry.
        entry: &'a Entry,
        /// The service that is asked for; `None` is the standard one.
        service: Option<Service>,
        /// The instant whose tariff holds for all attempts; `None`: each has that of its own time.
        as_of: Option<Timestamp>,
    },
}

/// Why attempts have no cost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpriced {
    /// Nobody gave a price.
    #[error("no price was given")]
    NoPrice,
    /// An answer came without a count of its tokens.
    #[error("task `{task}`, repeat {repeat}: the target did not count its tokens")]
    Uncounted {
        /// The task.
        task: String,
        /// The repeat.
        repeat: u32,
    },
    /// Tokens were cached, and nothing told what those cost.
    #[error("task `{task}`, repeat {repeat}: {tokens} were cached, which have no price")]
    NoCachedPrice {
        /// The task.
        task: String,
        /// The repeat.
        repeat: u32,
        /// How many.
        tokens: Tokens,
    },
    /// The price book can't bill it.
    #[error("task `{task}`, repeat {repeat}: {error}")]
    Bill {
        /// The task.
        task: String,
        /// The repeat.
        repeat: u32,
        /// Why.
        error: String,
    },
}

/// In words.
impl Serialize for Unpriced {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What an attempt cost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Charge {
    /// All its tries.
    pub(super) all: Usd,
    /// Of that, the tries that were tried again.
    pub(super) retries: Usd,
    /// All its tries where every price is at the low end of its interval, and at the high end.
    pub(super) ends: (Usd, Usd),
    /// All its tries to the picodollar, where they are billed.
    pub(super) billed: PicoUsd,
    /// Tries that ended without a count and may have been billed.
    pub(super) untold: u64,
}

/// The same of one try.
#[derive(Debug, Clone, Copy, Default)]
struct Paid {
    usd: Usd,
    ends: (Usd, Usd),
    billed: PicoUsd,
}

/// A price of each kind of tokens of own hardware.
#[derive(Debug, Clone, Copy)]
struct Kinds {
    uncached: Estimate<UsdPerMtok>,
    cached: Option<Estimate<UsdPerMtok>>,
    output: Estimate<UsdPerMtok>,
}

impl Price<'_> {
    /// What an attempt cost, all its tries.
    pub(super) fn charge(&self, attempt: &Attempt) -> Result<Charge, Unpriced> {
        if let Self::Time { hour, load, shares, .. } = self {
            let share = shares.share(&attempt.slot());
            let [all, retries] =
                [share.all, share.retries].map(|time| *hour * (time / load.share()));
            return Ok(Charge { all, retries, ends: (all, all), ..Charge::default() });
        }
        let mut charge = Charge::default();
        let last = attempt.tries.len().saturating_sub(1);
        for (index, one) in attempt.tries.iter().enumerate() {
            let Some(counts) = counts(one, attempt)? else {
                charge.untold += u64::from(!is_free(&one.finish));
                continue;
            };
            let paid = self.paid(one.at, counts, attempt)?;
            charge.all = charge.all + paid.usd;
            charge.ends = (charge.ends.0 + paid.ends.0, charge.ends.1 + paid.ends.1);
            charge.billed += paid.billed;
            if index < last {
                charge.retries = charge.retries + paid.usd;
            }
        }
        Ok(charge)
    }

    /// What a model cost that was asked for the verdict; nothing where none was.
    pub(super) fn judging(&self, attempt: &Attempt) -> Result<Usd, Unpriced> {
        let Some(judge) = &attempt.judge else { return Ok(Usd(0.0)) };
        let Usage { prompt: Some(_), output: Some(_), .. } = judge.usage else {
            return Err(uncounted(attempt));
        };
        self.paid(judge.at, judge.usage, attempt).map(|paid| paid.usd)
    }

    fn paid(&self, at: Timestamp, usage: Usage, attempt: &Attempt) -> Result<Paid, Unpriced> {
        match self {
            Self::Api { entry, service, as_of } => {
                let failed = |error: String| Unpriced::Bill {
                    task: attempt.task.clone(),
                    repeat: attempt.repeat,
                    error,
                };
                let usage = BilledUsage::reported(&reported(usage), Counting::INCLUSIVE)
                    .map_err(|error| failed(error.to_string()))?;
                let request = Request { service: service.clone(), ..Request::new(at, usage) };
                let bill = match as_of {
                    Some(as_of) => bill_as_of(&entry.id, &entry.tariffs, *as_of, [&request]),
                    None => bill(&entry.id, &entry.tariffs, [&request]),
                };
                let billed = bill.map_err(|error| failed(error.to_string()))?.total();
                let usd = billed.estimate();
                Ok(Paid { usd, ends: (usd, usd), billed })
            }
            Self::Own { .. } | Self::Blended { .. } | Self::Time { .. } => {
                self.owned(usage, attempt)
            }
        }
    }

    fn owned(&self, usage: Usage, attempt: &Attempt) -> Result<Paid, Unpriced> {
        let Some(kinds) = self.kinds() else { return Err(Unpriced::NoPrice) };
        let (prompt, output) = (usage.prompt.unwrap_or_default(), usage.output.unwrap_or_default());
        let cached = usage.cached.unwrap_or_default();
        let fresh = Tokens(prompt.0.saturating_sub(cached.0));
        let cached_price = match kinds.cached {
            Some(price) => price,
            None if cached > Tokens(0) => {
                let (task, repeat) = (attempt.task.clone(), attempt.repeat);
                return Err(Unpriced::NoCachedPrice { task, repeat, tokens: cached });
            }
            None => Estimate::bare(UsdPerMtok(0.0)),
        };
        let at = |of: fn(Estimate<UsdPerMtok>) -> UsdPerMtok| {
            of(kinds.uncached) * fresh + of(cached_price) * cached + of(kinds.output) * output
        };
        let low = at(|price| price.interval.map_or(price.value, |(low, _)| low));
        let high = at(|price| price.interval.map_or(price.value, |(_, high)| high));
        Ok(Paid { usd: at(|price| price.value), ends: (low, high), billed: PicoUsd::default() })
    }

    /// The prices at the load; `None`: an API, which bills, or a machine that is paid by its time.
    fn kinds(&self) -> Option<Kinds> {
        let at = |price: Estimate<UsdPerMtok>, load: Load| price.map(|price| price / load.share());
        match self {
            Self::Own { rates, load, .. } => Some(Kinds {
                uncached: at(rates.uncached, *load),
                cached: rates.cached.map(|price| at(price, *load)),
                output: at(rates.output, *load),
            }),
            Self::Blended { price, load, .. } => {
                let price = at(*price, *load);
                Some(Kinds { uncached: price, cached: Some(price), output: price })
            }
            Self::Api { .. } | Self::Time { .. } => None,
        }
    }

    /// What a million tokens of fresh input and of output cost, on a day.
    pub(super) fn of_kinds(
        &self,
        day: Date,
    ) -> Option<(Estimate<UsdPerMtok>, Estimate<UsdPerMtok>)> {
        match self {
            Self::Api { entry, as_of, .. } => {
                let day = as_of.map_or(day, |at| at.to_zoned(jiff::tz::TimeZone::UTC).date());
                let figures = entry.figures(day)?;
                let listed = |price: ListPrice| {
                    let price = price.estimate();
                    Estimate { value: price, interval: Some((price, price)) }
                };
                Some((listed(figures.input), listed(figures.output)))
            }
            _ => self.kinds().map(|kinds| (kinds.uncached, kinds.output)),
        }
    }

    /// Whether the error of the prices is known, or there is none.
    pub(super) fn is_sure(&self) -> bool {
        self.kinds().is_none_or(|kinds| {
            [Some(kinds.uncached), kinds.cached, Some(kinds.output)]
                .into_iter()
                .flatten()
                .all(|price| price.interval.is_some())
        })
    }

    /// Whether it is a bill, exact to the picodollar.
    pub(super) fn is_bill(&self) -> bool {
        matches!(self, Self::Api { .. })
    }

    /// In words: `2.50 USD/h H100 at a load of 30%`, `groq/llama-3.1-8b-instant`.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Own { machine, load, .. } => format!("{machine} at a load of {load}"),
            Self::Blended { machine, load, .. } => {
                format!("{machine} at a load of {load}, one price for all tokens")
            }
            Self::Time { machine, load, .. } => {
                format!("{machine} at a load of {load}, by the time that answers took")
            }
            Self::Api { entry, service, as_of } => {
                let service = service.as_ref().map(|it| format!(", {it}")).unwrap_or_default();
                let as_of = as_of.map(|at| format!(", prices of {at}")).unwrap_or_default();
                format!("{}{service}{as_of}", entry.id)
            }
        }
    }
}

/// The counts that a try is paid by; `None`: it failed without any.
fn counts(one: &Try, attempt: &Attempt) -> Result<Option<Usage>, Unpriced> {
    match (&one.finish, one.usage.prompt, one.usage.output) {
        (Finish::Failed(_) | Finish::Cancelled, None, None) => Ok(None),
        (Finish::Failed(_) | Finish::Cancelled, ..) | (_, Some(_), Some(_)) => Ok(Some(one.usage)),
        _ => Err(uncounted(attempt)),
    }
}

fn uncounted(attempt: &Attempt) -> Unpriced {
    Unpriced::Uncounted { task: attempt.task.clone(), repeat: attempt.repeat }
}

/// Whether a failure without a count is one that nobody bills.
fn is_free(finish: &Finish) -> bool {
    let Finish::Failed(failure) = finish else { return false };
    matches!(failure.kind, FailureKind::Connect | FailureKind::RateLimited | FailureKind::Refused)
}

/// A record's counts in the price book's words: what is part of what is the same.
fn reported(usage: Usage) -> Reported {
    Reported {
        input: usage.prompt.unwrap_or_default(),
        cached: usage.cached.unwrap_or_default(),
        output: usage.output.unwrap_or_default(),
        reasoning: usage.reasoning.unwrap_or_default(),
        ..Reported::default()
    }
}
