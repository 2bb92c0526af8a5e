//! What an API asks for the work.
//!
//! Invariant: the bill is of the very requests, by the tariff of one day; what can't be asked of an API
//! has a reason and no bill. Requests of a preset or a trace are billed with the provider's cache
//! simulated (`plan::beside`); of others the cached share is as it was stated or metered.

use super::work::{Asking, Work};
use crate::plan::{Caching, beside};
use crate::prices::billing::Request;
use crate::prices::{Entry, bill_as_of};
use crate::units::{PicoUsd, Tokens};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Hours over which requests that are all alike are spread: some prices differ by the hour.
const HOURS: i64 = 24;

/// A bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charged {
    /// Of all the requests.
    pub(super) total: PicoUsd,
    /// How many times over the work was billed.
    pub(super) times: u64,
    /// How the provider's cache was counted; `None`: as stated or metered.
    pub(super) caching: Option<Caching>,
    /// Prompt tokens that were read from it.
    pub(super) cached: Tokens,
}

/// Bills the work on an entry, at the tariff of a day; else why it can't.
pub(super) fn charge(work: &Work, entry: &Entry, day: Date) -> Result<Charged, String> {
    match &work.asking {
        Asking::Drawn(_, traffic) | Asking::Traced(traffic) => {
            let mut apis = beside(traffic, &[entry], day, None);
            match (apis.billed.pop(), apis.unbilled.pop()) {
                (Some(api), _) => Ok(Charged {
                    total: api.total,
                    times: 1,
                    caching: Some(api.caching),
                    cached: api.cached,
                }),
                (None, Some(unbilled)) => Err(unbilled.reason),
                (None, None) => Err("no bill".to_owned()),
            }
        }
        Asking::Alike(usage) => {
            let midnight = midnight(day)?;
            let at = |hour: i64| midnight + SignedDuration::from_hours(hour);
            let requests: Vec<Request> =
                (0..HOURS).map(|hour| Request::new(at(hour), *usage)).collect();
            metered(work, entry, day, &requests, u64::try_from(HOURS).unwrap_or(1))
        }
        Asking::Metered(requests) => metered(work, entry, day, requests, 1),
    }
}

fn midnight(day: Date) -> Result<Timestamp, String> {
    let zoned = day.to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?;
    Ok(zoned.timestamp())
}

fn metered(
    work: &Work,
    entry: &Entry,
    day: Date,
    requests: &[Request],
    times: u64,
) -> Result<Charged, String> {
    // As a day ends, as the book's own figures do.
    let as_of = midnight(day)? + SignedDuration::new(86_399, 999_999_999);
    if entry.tariff_at(as_of).is_none() {
        return Err(format!("no tariff holds on {day}"));
    }
    if !entry.is_sold(day) {
        return Err(format!("not sold any more on {day}"));
    }
    // Of lines that are sums of several requests no length is known.
    let long = |one: &&Request| {
        one.count == 1 && entry.context.is_some_and(|most| one.usage.total() > most)
    };
    if let (count, Some(most)) = (requests.iter().filter(long).count(), entry.context)
        && count > 0
    {
        let count = if times > 1 { 1 } else { count };
        return Err(format!("{count} requests are longer than its context of {most}"));
    }
    let bill = bill_as_of(&entry.id, &entry.tariffs, as_of, requests);
    let total = bill.map_err(|error| error.to_string())?.total();
    Ok(Charged { total, times, caching: None, cached: work.tokens.cached })
}
