//! What a list of requests costs on a tariff.
//!
//! Invariant: a bill's lines add up to its total to the picodollar, and so do its parts; each line
//! of a request is rounded once, half to even, and sums never. What a request costs depends on
//! nothing but itself and the tariffs, so bills add up over requests. Guarded by `tests`, where
//! every figure is worked by hand, and by `tests/billing.rs` against genai-prices' own calculator.
//!
//! The rules, with their sources, are in `docs/PRICES.md`. Deliberately absent: what is not priced
//! per token (searches, images by the piece), discounts by contract, taxes, and guesses: a kind of
//! token that has no price and stands for none is an error, not free.

mod bill;
mod charge;
mod error;
#[cfg(test)]
pub(super) mod tests;
mod usage;

pub use bill::{Bill, Line, LineKind, Part};
pub use error::BillError;
pub(in crate::prices) use usage::is_input;
pub use usage::{Counting, Reported, Usage, UsageError};

use super::tariff::{Service, Tariff};
use charge::Desk;
use jiff::Timestamp;

/// One request, as it is billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// When it was made: decides the tariff and the hour.
    pub at: Timestamp,
    /// Its tokens.
    pub usage: Usage,
    /// The service that was asked for; `None` is the standard one.
    pub service: Option<Service>,
    /// Choices that cost a percentage more, by the tariff's own names.
    pub uplifts: Vec<String>,
    /// How many requests the tokens are of. More than 1 only where an export has added requests up:
    /// then the mean prompt decides the tier, fees and minimums count that often, and grains, which
    /// can't be known of a sum, are left out.
    pub count: u64,
}

impl Request {
    /// A request of the standard service.
    pub fn new(at: Timestamp, usage: Usage) -> Self {
        Self { at, usage, service: None, uplifts: Vec::new(), count: 1 }
    }
}

/// The bill of these requests, each at the tariff of its own time.
///
/// `entry` names what the tariffs are of, for errors.
///
/// # Errors
/// Where no tariff holds at a request's time, one of its kinds of token has no price, it names an
/// uplift that the tariff hasn't, or an amount is beyond 128 bits of picodollars.
pub fn bill<'r>(
    entry: &str,
    tariffs: &[Tariff],
    requests: impl IntoIterator<Item = &'r Request>,
) -> Result<Bill, BillError> {
    sum(Desk::new(entry, tariffs, None), requests)
}

/// The same with all requests at the tariff that holds at one instant; the hours are still each
/// request's own. What this month's work would have cost at last month's prices.
///
/// # Errors
/// As [`bill()`], with the one instant for the requests' times.
pub fn bill_as_of<'r>(
    entry: &str,
    tariffs: &[Tariff],
    as_of: Timestamp,
    requests: impl IntoIterator<Item = &'r Request>,
) -> Result<Bill, BillError> {
    sum(Desk::new(entry, tariffs, Some(as_of)), requests)
}

fn sum<'r>(
    mut desk: Desk<'_>,
    requests: impl IntoIterator<Item = &'r Request>,
) -> Result<Bill, BillError> {
    let mut bill = Bill::default();
    for request in requests {
        let charged = desk.charge(request)?;
        bill.add(charged);
    }
    Ok(bill)
}
