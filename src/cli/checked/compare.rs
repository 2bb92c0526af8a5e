//! `mtok compare`: an own side, a piece of work, APIs.

use super::content::trace;
use super::cost::measured;
use super::judging::in_a_folder;
use super::{Estimate, Failure, loads, optional, optional_day, value};
use crate::cli::raw::{RawCompare, RawEstimate, RawOutput, RawOwn, RawWork};
use crate::compare::{HitsBy, Work};
use crate::cost::Load;
use crate::hint::Fault;
use crate::plan::Traffic;
use crate::units::{
    Estimate as Measured, Ratio, RequestsPerSecond, Seconds, Tokens, TokensPerCharacter,
    TokensPerSecond, UsdPerHour,
};
use crate::workload::Preset;
use jiff::civil::Date;
use std::path::PathBuf;

/// A comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compare {
    /// The own machine.
    pub(crate) own: OwnSide,
    /// What is priced; `None`: requests like the run's.
    pub(crate) work: Option<WorkSide>,
    /// How often requests come, where said.
    pub(crate) rate: Option<RequestsPerSecond>,
    /// The share of the input that the own cache has, where said of work that has one of its own.
    pub(crate) hits: Option<Ratio>,
    /// Loads of the own machine.
    pub(crate) loads: Vec<Load>,
    /// The APIs, by name; none: a shortlist.
    pub(crate) apis: Vec<String>,
    /// The book's file; `None`: the one inside the program.
    pub(crate) book: Option<PathBuf>,
    /// The day of the prices; `None`: today.
    pub(crate) as_of: Option<Date>,
    /// How finely the own model's tokenizer cuts the text.
    pub(crate) cut: Option<TokensPerCharacter>,
    /// Where to write the page, where one is wanted.
    pub(crate) report: Option<PathBuf>,
}

/// The own machine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum OwnSide {
    /// A run, and its machine's price where given.
    Run {
        /// Its name.
        name: String,
        /// The price.
        price: Option<UsdPerHour>,
    },
    /// A deployment to estimate; its traffic is the work's.
    Estimate(Box<Estimate>),
    /// A rate of all tokens.
    Rate {
        /// The rate.
        rate: Measured<TokensPerSecond>,
        /// What the machine rents for.
        price: UsdPerHour,
        /// The model's name in the price book, where given.
        model: Option<String>,
    },
}

/// What is priced.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum WorkSide {
    /// It is known.
    Known(Box<Work>),
    /// A usage log.
    Usage(PathBuf),
}

impl TryFrom<RawCompare> for Compare {
    type Error = Failure;

    fn try_from(raw: RawCompare) -> Result<Self, Failure> {
        let hits = share("--hit-rate", raw.work.hit_rate.as_deref())?;
        let rate = raw.work.requests_per_month.as_deref().map(monthly).transpose()?;
        let loads = loads(&raw.own.load)?;
        let cut: Option<TokensPerCharacter> = optional("--cut", raw.cut.as_deref())?;
        if cut.is_some_and(|cut| cut.0 <= 0.0) {
            let message = "`--cut`: a text without tokens has no price";
            return Err(Failure::new(Fault::Usage, message).hint("write it like `0.25tok/char`"));
        }
        let own = own(raw.own, raw.output)?;
        let work = work(&raw.work, hits)?;
        if work.is_none() && !matches!(own, OwnSide::Run { .. }) {
            let message = "no work is named: nothing says how long prompts and answers are";
            return Err(Failure::new(Fault::Usage, message).hint(
                "add `--workload chat`, `--trace FILE`, `--usage FILE`, or `--prompt-tokens 2000 \
                 --output-tokens 300`",
            ));
        }
        Ok(Self {
            own,
            work,
            rate,
            hits,
            loads,
            apis: raw.api,
            book: raw.book.book,
            as_of: optional_day("--as-of", raw.as_of.as_deref())?,
            cut,
            report: raw.report.map(in_a_folder).transpose()?,
        })
    }
}

fn own(raw: RawOwn, output: RawOutput) -> Result<OwnSide, Failure> {
    if let Some(name) = raw.run {
        return Ok(OwnSide::Run { name, price: optional("--price", raw.price.as_deref())? });
    }
    if let Some(rate) = raw.rate {
        let Some(price) = optional("--price", raw.price.as_deref())? else {
            let message = "`--price` is missing: it is needed with `--rate`";
            return Err(Failure::new(Fault::Usage, message).hint("add `--price 2.50/h`"));
        };
        return Ok(OwnSide::Rate { rate: measured(&rate)?, price, model: raw.model });
    }
    // The flags' own rules let neither be absent.
    let (Some(gpu), Some(model)) = (raw.gpu, raw.model) else {
        return Err(Failure::new(Fault::Usage, "one of `--run`, `--gpu` and `--rate` is needed"));
    };
    let estimate = RawEstimate {
        gpu,
        model,
        tp: raw.tp,
        precision: raw.precision,
        kv_precision: raw.kv_precision,
        // The work's take their place.
        prompt_tokens: "1".to_owned(),
        output_tokens: "1".to_owned(),
        batch: raw.batch,
        price: raw.price,
        owned: None,
        slo: raw.slo,
        output,
    };
    Ok(OwnSide::Estimate(Box::new(Estimate::try_from(estimate)?)))
}

fn work(raw: &RawWork, hits: Option<Ratio>) -> Result<Option<WorkSide>, Failure> {
    let known = |work: Work| Ok(Some(WorkSide::Known(Box::new(work))));
    if let Some(name) = &raw.workload {
        let preset: Preset = value("--workload", name)?;
        return known(Work::preset(preset)?);
    }
    if let Some(path) = &raw.trace {
        let (name, trace) = trace(path, &raw.cut)?;
        return known(Work::trace(name, Traffic::of_trace(&trace)?));
    }
    if let Some(path) = &raw.usage {
        return Ok(Some(WorkSide::Usage(path.clone())));
    }
    // The flags' own rules let neither stand alone.
    let (Some(prompt), Some(output)) = (&raw.prompt_tokens, &raw.output_tokens) else {
        return Ok(None);
    };
    let (prompt, output): (Tokens, Tokens) =
        (value("--prompt-tokens", prompt)?, value("--output-tokens", output)?);
    for (flag, tokens) in [("--prompt-tokens", prompt), ("--output-tokens", output)] {
        if tokens == Tokens(0) || tokens > LONGEST {
            let message = format!("`{flag}`: `{}` is no length of a request", tokens.0);
            return Err(Failure::new(Fault::Usage, message)
                .hint(format!("give a number from 1 to {}", LONGEST.0)));
        }
    }
    let name = format!("requests of {} tokens in and {} out", prompt.0, output.0);
    known(Work::alike(name, prompt, output, hits.unwrap_or_default(), HitsBy::Stated))
}

/// No request is longer.
const LONGEST: Tokens = Tokens(1_000_000_000);

/// A share from nothing to all.
fn share(flag: &str, text: Option<&str>) -> Result<Option<Ratio>, Failure> {
    let share: Option<Ratio> = optional(flag, text)?;
    match share {
        Some(share) if !(0.0..=1.0).contains(&share.get()) => {
            let message = format!("`{flag}`: `{share}` is no share from 0 to 100%");
            Err(Failure::new(Fault::Usage, message).hint("write it like `50%`"))
        }
        share => Ok(share),
    }
}

/// The most requests of a month that are reckoned with.
const MONTHLY: u64 = 1_000_000_000_000_000;

/// Requests of a month, as a rate over all its hours.
fn monthly(text: &str) -> Result<RequestsPerSecond, Failure> {
    // Counts are written alike, whatever is counted.
    match text.trim().parse::<Tokens>() {
        Ok(Tokens(count)) if (1..=MONTHLY).contains(&count) => {
            Ok(RequestsPerSecond(Tokens(count).get() / Seconds::MONTH.0))
        }
        _ => {
            let message = format!("`--requests-per-month`: `{text}` is no number of requests");
            Err(Failure::new(Fault::Usage, message)
                .hint("write it like `250000` or `3M`; from 1 to 1000T"))
        }
    }
}
