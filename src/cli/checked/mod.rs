//! What the flags mean together: every rule between them, and values with units.

mod bench;
mod compare;
mod content;
mod cost;
mod estimate;
mod hour;
mod judging;
mod load;
mod plan;
mod prices;
mod subject;
mod tasks;

pub(crate) use bench::{Bench, Subject};
pub(crate) use compare::{Compare, OwnSide, WorkSide};
pub(crate) use cost::{Asked, Cost};
pub(crate) use estimate::{Estimate, Shape};
pub(crate) use judging::Judging;
pub(crate) use plan::{Machine, Plan, Sizing, StepsFrom};
pub(crate) use prices::{Bill, Billed, Side, Wanted, format, optional_day, past_day, sources};
pub(crate) use subject::Running;
pub(crate) use tasks::{Paid, Tasks, What, Who};

use super::failure::Failure;
use crate::cli::raw::Grain as RawGrain;
use crate::cost::{Grain, Load};
use crate::hint::{Fault, Hint};
use std::str::FromStr;

/// Reads a flag's value.
fn value<T>(flag: &str, text: &str) -> Result<T, Failure>
where
    T: FromStr,
    T::Err: Hint,
{
    text.parse().map_err(|error: T::Err| Failure::flag(flag, &error))
}

/// The same for a flag that may be absent.
fn optional<T>(flag: &str, text: Option<&str>) -> Result<Option<T>, Failure>
where
    T: FromStr,
    T::Err: Hint,
{
    text.map(|text| value(flag, text)).transpose()
}

/// Reads `A:B`.
fn pair<T>(flag: &str, text: &str, example: &str) -> Result<(T, T), Failure>
where
    T: FromStr,
    T::Err: Hint,
{
    let Some((first, second)) = text.split_once(':') else {
        let message = format!("`{flag}`: `{text}` is not a pair of input and output");
        return Err(Failure::new(Fault::Usage, message).hint(format!("write it like `{example}`")));
    };
    Ok((value(flag, first)?, value(flag, second)?))
}

fn missing(flag: &str, with: &str, example: &str) -> Failure {
    Failure::new(Fault::Usage, format!("`{flag}` is missing: it is needed with {with}"))
        .hint(format!("add `{flag} {example}`"))
}

/// The loads asked for, in the order given.
fn loads(texts: &[String]) -> Result<Vec<Load>, Failure> {
    texts.iter().map(|text| value("--load", text.trim())).collect()
}

/// What rented time is rounded up to.
fn grain(raw: RawGrain) -> Grain {
    match raw {
        RawGrain::Second => Grain::Second,
        RawGrain::Minute => Grain::Minute,
        RawGrain::Hour => Grain::Hour,
    }
}
