//! `mtok cost`: a machine's price and rate, or a budget and its prices; a claim about either.

use super::{Failure, grain, loads, optional, pair, value};
use crate::cli::raw::RawCost;
use crate::cost::{Budget, Claim, Load, Rental, TokenPrices};
use crate::hint::Fault;
use crate::units::{Estimate, ListPrice, Seconds, TokensPerSecond, UsdPerHour};

/// A calculation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cost {
    /// What is to be worked out.
    pub asked: Asked,
    /// A published figure to audit.
    pub claim: Option<Claim>,
}

/// What is to be worked out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Asked {
    /// The cost of tokens on a machine.
    Machine {
        /// What it rents for by the hour.
        price: UsdPerHour,
        /// How it is rented, where that was said.
        rental: Option<Rental>,
        /// Its rate at the operating point.
        rate: Estimate<TokensPerSecond>,
        /// The loads asked for; at least one.
        loads: Vec<Load>,
        /// Its GPUs, where given.
        gpus: Option<u32>,
    },
    /// The bill of a budget.
    Bill {
        /// The tokens.
        budget: Budget,
        /// The prices.
        prices: TokenPrices,
    },
}

impl TryFrom<RawCost> for Cost {
    type Error = Failure;

    fn try_from(raw: RawCost) -> Result<Self, Failure> {
        let asked = match (&raw.workload, &raw.token_price) {
            (Some(workload), Some(prices)) => bill(&raw, workload, prices)?,
            (None, None) => machine(&raw)?,
            (Some(_), None) => {
                return Err(missing("--token-price", "`--workload`", "5e-6/tok:1.6e-5/tok"));
            }
            (None, Some(_)) => return Err(missing("--workload", "`--token-price`", "10M:5M")),
        };
        let claim = raw.claim.as_deref().map(|text| claim(&asked, text)).transpose()?;
        Ok(Self { asked, claim })
    }
}

fn missing(flag: &str, with: &str, example: &str) -> Failure {
    Failure::new(Fault::Usage, format!("`{flag}` is missing: it is needed with {with}"))
        .hint(format!("add `{flag} {example}`"))
}

fn bill(raw: &RawCost, workload: &str, prices: &str) -> Result<Asked, Failure> {
    let machine_flags = [
        ("--price", raw.price.is_some()),
        ("--rate", raw.rate.is_some()),
        ("--load", !raw.load.is_empty()),
        ("--gpus", raw.gpus.is_some()),
        ("--rented", raw.rented.is_some()),
        ("--start-up", raw.start_up.is_some()),
        ("--billing", raw.billing.is_some()),
        ("--beside", raw.beside.is_some()),
    ];
    if let Some((flag, _)) = machine_flags.iter().find(|(_, given)| *given) {
        let message = format!("`{flag}` speaks of a machine and `--workload` of a bill");
        return Err(Failure::new(Fault::Usage, message).hint("ask for one of them at a time"));
    }
    let (input, output) = pair("--workload", workload, "10M:5M")?;
    let (input_price, output_price) = pair("--token-price", prices, "5e-6/tok:1.6e-5/tok")?;
    Ok(Asked::Bill {
        budget: Budget { input, output },
        prices: TokenPrices { input: input_price, output: output_price },
    })
}

fn machine(raw: &RawCost) -> Result<Asked, Failure> {
    let price = optional("--price", raw.price.as_deref())?;
    let price = price.ok_or_else(|| missing("--price", "a rate", "2.50/h"))?;
    let rate = raw.rate.as_deref().ok_or_else(|| missing("--rate", "a price", "185tok/s"))?;
    let mut loads = loads(&raw.load)?;
    if loads.is_empty() {
        loads.push(Load::FULL);
    }
    if raw.gpus == Some(0) {
        return Err(Failure::new(Fault::Usage, "`--gpus`: `0` is not a number of GPUs"));
    }
    let rental = rental(raw, price)?;
    Ok(Asked::Machine { price, rental, rate: measured(rate)?, loads, gpus: raw.gpus })
}

/// Reads a rate, with or without its error.
fn measured(text: &str) -> Result<Estimate<TokensPerSecond>, Failure> {
    let positive = |rate: TokensPerSecond| {
        if rate.0 > 0.0 {
            return Ok(rate);
        }
        let message = format!("`--rate`: `{text}` is not a rate that a price can be divided by");
        Err(Failure::new(Fault::Usage, message)
            .hint("no tokens have no price; give a rate above 0"))
    };
    let Some((rate, error)) = text.split_once('±').or_else(|| text.split_once("+-")) else {
        return Ok(Estimate::bare(positive(value("--rate", text)?)?));
    };
    let error: TokensPerSecond = value("--rate", error)?;
    // `185±5tok/s`: the unit stands once, behind both.
    let unit = text.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let rate = if rate.trim().ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        value("--rate", &format!("{}{unit}", rate.trim()))?
    } else {
        value("--rate", rate)?
    };
    if error >= rate {
        let message = format!("`--rate`: `{text}` may be nothing at all");
        return Err(Failure::new(Fault::Usage, message)
            .hint("a price can only be given for a rate that is known to be above 0"));
    }
    Ok(Estimate::within(positive(rate)?, error))
}

fn rental(raw: &RawCost, machine: UsdPerHour) -> Result<Option<Rental>, Failure> {
    let rented: Option<Seconds> = optional("--rented", raw.rented.as_deref())?;
    let start_up = optional("--start-up", raw.start_up.as_deref())?;
    let beside = optional("--beside", raw.beside.as_deref())?;
    let grain = raw.billing.map(grain);
    let Some(rented) = rented else {
        let needing = [
            ("`--start-up`", start_up.is_some()),
            ("`--billing`", grain.is_some()),
            ("`--beside`", beside.is_some()),
        ];
        return match needing.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(missing("--rented", flag, "5h")),
            None => Ok(None),
        };
    };
    let start_up = start_up.unwrap_or(Seconds(0.0));
    if start_up >= rented {
        let message = format!("`--start-up`: {start_up} leave nothing of the {rented} rented");
        return Err(Failure::new(Fault::Usage, message).hint("rent for longer than start-up takes"));
    }
    let beside = beside.unwrap_or(UsdPerHour(0.0));
    Ok(Some(Rental { machine, beside, rented, start_up, grain: grain.unwrap_or_default() }))
}

/// A claim about a price has its unit; one about a bill is an amount, where `USD` says nothing new.
fn claim(asked: &Asked, text: &str) -> Result<Claim, Failure> {
    let claim = match asked {
        Asked::Machine { .. } => Claim::price(value::<ListPrice>("--claim", text)?),
        Asked::Bill { .. } => Claim::bill(text),
    };
    claim.map_err(|error| Failure::flag("--claim", &error))
}
