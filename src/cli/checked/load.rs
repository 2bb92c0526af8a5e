//! How much is asked, and for how long.

use super::content::{Asking, time};
use super::{Failure, optional, value};
use crate::cli::raw::{RawLoad, SearchBy};
use crate::conduct::{Course, Hunt};
use crate::cost::Slo;
use crate::hint::Fault;
use crate::record::{Arrivals, Level};
use crate::units::{Ratio, RequestsPerSecond, Seconds};
use crate::workload::{Content, Plan, spec};

/// More requests in flight than any queue would hold.
const IN_FLIGHT_MAX: u32 = 4_096;

/// The rungs of a ladder that names none.
const LADDER: [u32; 6] = [1, 2, 4, 8, 16, 32];

/// Where searches begin and end.
const SEARCH_FROM: Level = Level::InFlight(1);
const SEARCH_TO: Level = Level::InFlight(1_024);
const SEARCH_FROM_RATE: Level = Level::Rate(RequestsPerSecond(1.0));
const SEARCH_TO_RATE: Level = Level::Rate(RequestsPerSecond(10_000.0));

/// An engine in this process has room for so many at most.
const SEARCH_TO_HERE: Level = Level::InFlight(64);

/// How long a point is measured where nothing is said: alone, for an interval of a few percent; six
/// rungs take about a minute together where requests are short against this.
const POINT: Times =
    Times { warm_up: Seconds(4.0), measure: Seconds(40.0), measure_max: Seconds(40.0) };
const RUNG: Times =
    Times { warm_up: Seconds(1.0), measure: Seconds(6.0), measure_max: Seconds(12.0) };

/// How long `--until` may take.
const UNTIL_MAX: Seconds = Seconds(600.0);

/// The times of one point.
#[derive(Debug, Clone, Copy)]
struct Times {
    warm_up: Seconds,
    measure: Seconds,
    /// Measuring goes on to here for whole rounds of requests, or for the precision asked for.
    measure_max: Seconds,
}

/// Where requests go, as far as loads depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answering {
    /// This program's engine.
    Here,
    /// The reference engine: one at a time.
    OneAtATime,
    /// A server.
    Server,
}

/// The runs that are to be made.
pub(super) fn course(
    raw: &RawLoad,
    asking: &Asking,
    seed: u64,
    slo: Option<&Slo>,
    answering: Answering,
) -> Result<Course, Failure> {
    if raw.max_in_flight == Some(0) {
        let message = "`--max-in-flight`: `0` lets nothing through";
        return Err(Failure::new(Fault::Usage, message));
    }
    let search = search(raw, asking, slo, answering)?;
    let arrivals = match &search {
        Some((start, _)) => vec![of_level(*start, raw)?],
        None => arrivals(raw, asking, answering)?,
    };
    let several = arrivals.len() > 1 || search.is_some();
    let plan = |arrivals, seed| {
        let times = times(raw, asking, arrivals, several)?;
        Ok(Plan {
            name: asking.name.clone(),
            arrivals,
            cap: raw.max_in_flight,
            content: asking.content.clone(),
            warm_up: times.warm_up,
            measure: times.measure,
            measure_max: times.measure_max,
            seed,
        })
    };
    if let (Some((start, max)), Some(slo)) = (search, slo) {
        let plan = plan(arrivals[0], seed)?;
        return Ok(Course::Search(Box::new(Hunt { plan, start, max, slo: slo.clone() })));
    }
    if raw.repeats == 0 {
        return Err(Failure::new(Fault::Usage, "`--repeats`: `0` times is no measurement"));
    }
    let again = |arrivals| (0..u64::from(raw.repeats)).map(move |n| (arrivals, n));
    let plans = arrivals.into_iter().flat_map(again);
    let plans = plans.map(|(arrivals, n)| plan(arrivals, seed.wrapping_add(n)));
    Ok(Course::Points(plans.collect::<Result<_, Failure>>()?))
}

/// Within what the output rate is to be known.
pub(super) fn precision(raw: &RawLoad) -> Result<Option<Ratio>, Failure> {
    let Some(text) = &raw.until else { return Ok(None) };
    let precision: Ratio = value("--until", text)?;
    if precision.is_proper_share() {
        return Ok(Some(precision));
    }
    let message = format!("`--until`: `{text}` is no share that an error can have");
    Err(Failure::new(Fault::Usage, message).hint("write it like `5%`"))
}

/// Where a search begins and ends, if there is to be one.
fn search(
    raw: &RawLoad,
    asking: &Asking,
    slo: Option<&Slo>,
    answering: Answering,
) -> Result<Option<(Level, Level)>, Failure> {
    let stated = !raw.concurrency.is_empty()
        || !raw.rate.is_empty()
        || matches!(asking.content, Content::Trace(_));
    let by = match raw.search {
        Some(by) => by,
        None if slo.is_some() && !stated && answering != Answering::OneAtATime => {
            SearchBy::Concurrency
        }
        None => return Ok(None),
    };
    if answering == Answering::OneAtATime {
        return Err(Failure::new(
            Fault::Usage,
            "`--search`: the reference engine runs one request at a time",
        ));
    }
    Ok(Some(match (by, answering) {
        (SearchBy::Rate, _) => (SEARCH_FROM_RATE, SEARCH_TO_RATE),
        (SearchBy::Concurrency, Answering::Here) => (SEARCH_FROM, SEARCH_TO_HERE),
        (SearchBy::Concurrency, _) => (SEARCH_FROM, SEARCH_TO),
    }))
}

fn of_level(level: Level, raw: &RawLoad) -> Result<Arrivals, Failure> {
    match level {
        Level::InFlight(in_flight) => Ok(Arrivals::Closed { in_flight }),
        Level::Rate(rate) => process(raw, rate),
    }
}

/// The loads, rising, each once.
fn arrivals(
    raw: &RawLoad,
    asking: &Asking,
    answering: Answering,
) -> Result<Vec<Arrivals>, Failure> {
    if !raw.rate.is_empty() {
        let mut rates: Vec<RequestsPerSecond> =
            raw.rate.iter().map(|text| value("--rate", text)).collect::<Result<_, _>>()?;
        rates.sort_by(|a, b| a.0.total_cmp(&b.0));
        rates.dedup();
        return rates.into_iter().map(|rate| process(raw, rate)).collect();
    }
    if let (Content::Trace(trace), []) = (&asking.content, raw.concurrency.as_slice()) {
        return Ok(vec![trace.arrivals()]);
    }
    let rungs = concurrency(raw, asking, answering)?;
    Ok(rungs.into_iter().map(|in_flight| Arrivals::Closed { in_flight }).collect())
}

fn process(raw: &RawLoad, rate: RequestsPerSecond) -> Result<Arrivals, Failure> {
    spec::process(&raw.arrivals, rate).map_err(|error| Failure::flag("--arrivals", &error))
}

/// The numbers in flight, rising, each once.
fn concurrency(raw: &RawLoad, asking: &Asking, answering: Answering) -> Result<Vec<u32>, Failure> {
    let alone = answering == Answering::OneAtATime;
    let mut rungs = match (raw.concurrency.as_slice(), asking.ladder) {
        ([], _) if alone => vec![1],
        ([], []) => LADDER.to_vec(),
        ([], preset) => preset.to_vec(),
        (stated, _) => stated.to_vec(),
    };
    rungs.sort_unstable();
    rungs.dedup();
    if let Some(wrong) = rungs.iter().find(|rung| !(1..=IN_FLIGHT_MAX).contains(*rung)) {
        let message = format!("`--concurrency`: `{wrong}` is not from 1 to {IN_FLIGHT_MAX}");
        return Err(Failure::new(Fault::Usage, message));
    }
    if let Some(many) = rungs.iter().find(|rung| alone && **rung > 1) {
        let message =
            format!("`--concurrency`: `{many}` is more than the reference engine runs at once");
        return Err(Failure::new(Fault::Usage, message)
            .hint("it runs one request at a time: `--concurrency 1`, or leave `--engine` out"));
    }
    Ok(rungs)
}

/// What was said, as it was said; else what suits a trace, a preset, a rung or a point alone.
fn times(
    raw: &RawLoad,
    asking: &Asking,
    arrivals: Arrivals,
    several: bool,
) -> Result<Times, Failure> {
    let mut usual = if several { RUNG } else { POINT };
    if let Some(measure) = asking.measure {
        usual = Times { measure, measure_max: measure, ..usual };
    }
    if let (Content::Trace(trace), Arrivals::Trace { .. }) = (&asking.content, arrivals) {
        // The whole of it, the last request's moment included.
        let last = trace.requests().last().map_or(Seconds(0.0), |one| one.at);
        let measure = last + Seconds(1e-3);
        usual = Times { warm_up: Seconds(0.0), measure, measure_max: measure };
    }
    let warm_up = optional("--warmup", raw.warmup.as_deref())?.unwrap_or(usual.warm_up);
    let mut times = Times { warm_up, ..usual };
    if let Some(text) = &raw.duration {
        let measure = time("--duration", text)?;
        times = Times { measure, measure_max: measure, ..times };
    }
    if raw.until.is_some() && times.measure_max < UNTIL_MAX {
        times.measure_max = UNTIL_MAX;
    }
    Ok(times)
}
