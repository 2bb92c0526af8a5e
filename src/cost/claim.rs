//! Audits of published figures: by how much one is off, and which slip explains it.
//!
//! A slip explains a claim if the right value with the slip made, rounded or cut to the claim's own
//! last digit, *is* the claim. So 0.0038 is explained by a thousandth of 3.753754 (0.003754, which
//! rounds to 0.0038), though the two are 987.8 apart and not 1000.

use super::slip::{self, Slip};
use super::{Budget, Load, TokenPrices};
use crate::hint::{Fault, Hint};
use crate::units::{ListPrice, Quantity, UsdPerMtok};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

/// A published figure, exact, with the decimals that it was published with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Claim(Decimal);

/// Why a figure can't be audited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Zero or less.
    #[error("`{0}` is not a claim that can be audited: it must be above 0")]
    NotPositive(Decimal),
    /// A text that is no amount.
    #[error("`{0}` is not an amount of money")]
    NotMoney(String),
    /// The right value has no place among the decimals.
    #[error("the right value is out of the range that can be compared with a claim")]
    OutOfRange,
}

impl Hint for ClaimError {
    fn hint(&self) -> Option<String> {
        matches!(self, Self::NotMoney(_)).then(|| "write it like `0.13 USD`".to_owned())
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }
}

impl Claim {
    /// A claimed price or bill.
    ///
    /// # Errors
    /// Where it isn't above 0.
    pub fn new(figure: Decimal) -> Result<Self, ClaimError> {
        if figure > Decimal::ZERO { Ok(Self(figure)) } else { Err(ClaimError::NotPositive(figure)) }
    }

    /// A claimed price.
    ///
    /// # Errors
    /// As [`Claim::new`].
    pub fn price(price: ListPrice) -> Result<Self, ClaimError> {
        Self::new(price.0)
    }

    /// A claimed bill, as people write one: `0.13`, `$0.13`, `0.13 USD`.
    ///
    /// # Errors
    /// A text that isn't one; as [`Claim::new`].
    pub fn bill(text: &str) -> Result<Self, ClaimError> {
        let bare = text.trim().trim_start_matches('$').trim_end_matches("USD").trim();
        Self::new(bare.parse().map_err(|_| ClaimError::NotMoney(text.to_owned()))?)
    }

    /// The figure.
    pub fn figure(self) -> Decimal {
        self.0
    }

    fn get(self) -> f64 {
        self.0.to_f64().unwrap_or(f64::NAN)
    }

    /// Whether `value`, rounded to the claim's last digit or cut there, is the claim.
    fn is_print_of(self, value: f64) -> bool {
        let ulp = Decimal::new(1, self.0.scale()).to_f64().unwrap_or(0.0);
        let off = value - self.get();
        // The tail end of the interval is open only in theory: the slack is for f64's own rounding.
        let slack = value.abs() * 1e-9;
        off >= -ulp / 2.0 - slack && off < ulp + slack
    }
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The claim is the right value, as far as its digits go.
    Right,
    /// It is off, and a slip explains it.
    Slipped {
        /// The likeliest slip.
        slip: Slip,
        /// What the slip makes of the right value.
        slipped: f64,
        /// Other slips that would explain it as well.
        others: Vec<Slip>,
    },
    /// It is off, and no single slip known here explains it.
    Unexplained,
}

impl Verdict {
    /// What is believed first where several readings of a claim are possible.
    fn rank(&self) -> u8 {
        match self {
            Self::Right => 0,
            Self::Slipped { .. } => 1,
            Self::Unexplained => 2,
        }
    }
}

/// A claim beside the right value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audit {
    /// The published figure.
    pub claim: Claim,
    /// The right one, in the same unit.
    pub right: f64,
    /// The load that the right one is at, where the claim is about one.
    pub load: Option<Load>,
    /// By what factor the two differ: the larger over the smaller.
    pub factor: f64,
    /// Whether the claim is the smaller.
    pub too_low: bool,
    /// What explains it.
    pub verdict: Verdict,
}

/// Audits the price of a million tokens on a machine.
///
/// `full` is the right price at full load; `loads` are those that the claim may be meant at, the
/// likeliest first. The first load at which the claim is right wins, then the first at which a slip
/// explains it, then the first.
///
/// # Errors
/// Where no load is given or the right price is not a positive number.
pub fn audit_machine(
    claim: Claim,
    full: UsdPerMtok,
    loads: &[Load],
    gpus: Option<u32>,
) -> Result<Audit, ClaimError> {
    let full = full.get();
    let mut audits = Vec::with_capacity(loads.len());
    for load in loads {
        let right = full / load.share().get();
        audits.push(audit(claim, right, Some(*load), &slip::of_machine(full, *load, gpus))?);
    }
    audits.into_iter().min_by_key(|audit| audit.verdict.rank()).ok_or(ClaimError::OutOfRange)
}

/// Audits a bill for a budget at list prices.
///
/// # Errors
/// Where the bill is zero or too long for a [`Decimal`].
pub fn audit_bill(claim: Claim, budget: Budget, prices: TokenPrices) -> Result<Audit, ClaimError> {
    let right = budget.bill(prices).and_then(|bill| bill.to_f64()).ok_or(ClaimError::OutOfRange)?;
    audit(claim, right, None, &slip::of_bill(right, budget, prices))
}

fn audit(
    claim: Claim,
    right: f64,
    load: Option<Load>,
    slips: &[(Slip, f64)],
) -> Result<Audit, ClaimError> {
    if !(right > 0.0 && right.is_finite()) {
        return Err(ClaimError::OutOfRange);
    }
    let mut fitting = slips.iter().filter(|(_, slipped)| claim.is_print_of(*slipped));
    let verdict = if claim.is_print_of(right) {
        Verdict::Right
    } else if let Some(&(slip, slipped)) = fitting.next() {
        Verdict::Slipped { slip, slipped, others: fitting.map(|(slip, _)| *slip).collect() }
    } else {
        Verdict::Unexplained
    };
    let ratio = right / claim.get();
    let too_low = ratio > 1.0;
    let factor = if too_low { ratio } else { ratio.recip() };
    Ok(Audit { claim, right, load, factor, too_low, verdict })
}
