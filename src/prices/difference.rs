//! Why one period's bill is not another's: prices, volume, caching, mix, tiers and rounding.
//!
//! Invariant: the effects add up to the difference of the two bills, to the picodollar. A change in
//! a list price is not the change in a bill: the bill is the product of factors that changed
//! together, so each effect is a mean over the orders in which they could have changed (Shapley),
//! and none is left over under the name of an interaction. Guarded by `tests`: a case by hand, a
//! user's case by another program's fractions, and properties.
//!
//! A bill without rounding is `volume × mix × cache × price`, kind of token by kind of token:
//!
//! - *volume*: all tokens;
//! - *mix*: how they divide into input, output, reasoning and the rest, and requests per token;
//! - *cache*: how input divides into read, written and computed;
//! - *price*: what each kind cost on the mean, by the old tariff or the new;
//! - *terms*: the same mean prices over the old requests or the new, which differ where requests
//!   came to other tiers, hours or services;
//! - *rounding*: grains of tokens and minimum charges, which are lines of their own in both bills:
//!   their difference.
//!
//! With the first five all old, the product is the old bill; all new, the new one. Between them it
//! is rounded to the picodollar, each of the 30 times once.

mod period;
mod shapley;
#[cfg(test)]
mod tests;

use super::billing::{Bill, BillError, LineKind, Request, bill, bill_as_of};
use super::entry::Entry;
use super::tariff::Tariff;
use crate::hint::{Fault, Hint};
use crate::units::PicoUsd;
use jiff::Timestamp;
use period::{Shape, Side};

/// A period: what was asked, and at which prices.
#[derive(Debug, Clone, Copy)]
pub struct Period<'a> {
    /// What the tariffs are of, for errors.
    pub entry: &'a str,
    /// The tariffs.
    pub tariffs: &'a [Tariff],
    /// An instant at which the period's tariff holds; that of all its requests.
    pub as_of: Timestamp,
    /// What was asked.
    pub requests: &'a [Request],
}

/// What the difference of two bills is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Effects {
    /// The old bill.
    pub old: PicoUsd,
    /// The new bill.
    pub new: PicoUsd,
    /// Other prices.
    pub price: PicoUsd,
    /// More tokens, or fewer.
    pub volume: PicoUsd,
    /// Other shares of the input read from the cache, or written to it.
    pub cache: PicoUsd,
    /// Other shares of input, output and the rest; other requests per token.
    pub mix: PicoUsd,
    /// Other tiers, hours and services.
    pub terms: PicoUsd,
    /// Grains of tokens and minimum charges.
    pub rounding: PicoUsd,
}

impl Effects {
    /// The effects and what they are called, in the order in which they are shown.
    pub fn named(&self) -> [(&'static str, PicoUsd); 6] {
        [
            ("price", self.price),
            ("volume", self.volume),
            ("cache", self.cache),
            ("mix", self.mix),
            ("terms", self.terms),
            ("rounding", self.rounding),
        ]
    }

    /// What they add up to.
    pub fn difference(&self) -> PicoUsd {
        self.new - self.old
    }
}

/// Effects of several models' bills, together.
impl std::ops::Add for Effects {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            old: self.old + other.old,
            new: self.new + other.new,
            price: self.price + other.price,
            volume: self.volume + other.volume,
            cache: self.cache + other.cache,
            mix: self.mix + other.mix,
            terms: self.terms + other.terms,
            rounding: self.rounding + other.rounding,
        }
    }
}

impl std::iter::Sum for Effects {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), |sum, one| sum + one)
    }
}

/// Periods whose bills can't be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DifferenceError {
    /// One of them can't be billed.
    #[error(transparent)]
    Bill(#[from] BillError),
    /// Its tariff changes within it.
    #[error("`{entry}`: the tariff of {as_of} does not hold at {at}, in the same period")]
    TariffChanges {
        /// The entry.
        entry: String,
        /// The instant that stands for the period.
        as_of: Timestamp,
        /// A request's time.
        at: Timestamp,
    },
    /// An amount between the two has more digits than can be counted.
    #[error("`{entry}`: amounts this large can't be taken apart")]
    TooLarge {
        /// The entry.
        entry: String,
    },
}

impl Hint for DifferenceError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Bill(error) => error.hint(),
            Self::TariffChanges { .. } => {
                Some("end the period where the tariff changes, and compare the parts".to_owned())
            }
            Self::TooLarge { .. } => None,
        }
    }

    fn fault(&self) -> Fault {
        Fault::Input
    }
}

/// Takes the difference of two periods' bills apart.
///
/// # Errors
/// Where one of the periods can't be billed at its own tariff or at the other's, or its tariff
/// changes within it.
pub fn difference(old: Period<'_>, new: Period<'_>) -> Result<Effects, DifferenceError> {
    let (old_own, new_own) = (&old.own()?, &new.own()?);
    // By tariff, then by requests.
    let sides = Side::of([[old_own, &new.at_prices_of(old)?], [&old.at_prices_of(new)?, new_own]]);
    let shapes = Shape::pair(old.requests, new.requests);
    let too_large = || DifferenceError::TooLarge { entry: new.entry.to_owned() };
    let mut values = [PicoUsd(0); 32];
    for (changed, value) in values.iter_mut().enumerate() {
        *value = match changed {
            0 => unrounded(old_own),
            31 => unrounded(new_own),
            _ => period::value(changed, &shapes, &sides).ok_or_else(too_large)?,
        };
    }
    let [price, volume, cache, mix, terms] =
        shapley::shapley::<5>(|changed| values[changed].0).map(PicoUsd);
    Ok(Effects {
        old: old_own.total(),
        new: new_own.total(),
        price,
        volume,
        cache,
        mix,
        terms,
        rounding: rounding(new_own) - rounding(old_own),
    })
}

fn rounding(bill: &Bill) -> PicoUsd {
    bill.amount(LineKind::Grain) + bill.amount(LineKind::Minimum)
}

fn unrounded(bill: &Bill) -> PicoUsd {
    bill.total() - rounding(bill)
}

impl<'a> Period<'a> {
    /// A period's requests at an entry's prices.
    pub fn of(entry: &'a Entry, as_of: Timestamp, requests: &'a [Request]) -> Self {
        Self { entry: &entry.id, tariffs: &entry.tariffs, as_of, requests }
    }

    /// Its bill, at the one tariff that holds for all of it.
    fn own(self) -> Result<Bill, DifferenceError> {
        let Self { entry, tariffs, as_of, requests } = self;
        let held = tariffs.iter().find(|tariff| tariff.holds(as_of));
        if let Some(tariff) = held {
            let outside = requests.iter().find(|request| !tariff.holds(request.at));
            if let Some(request) = outside {
                let entry = entry.to_owned();
                return Err(DifferenceError::TariffChanges { entry, as_of, at: request.at });
            }
        }
        Ok(bill(entry, tariffs, requests)?)
    }

    /// The bill of its requests at another period's tariff.
    fn at_prices_of(self, other: Self) -> Result<Bill, DifferenceError> {
        Ok(bill_as_of(other.entry, other.tariffs, other.as_of, self.requests)?)
    }
}
