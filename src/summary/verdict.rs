//! Which doubts a run raises.

use super::doubt::Doubt;
use super::interval::{Error, GOOD_BATCHES, Total};
use super::latency::{Latency, due_in};
use super::percentile::Percentile;
use super::tokens::output;
use crate::record::{Request, Run, Span};
use crate::units::{Bytes, Ratio, Seconds, Tokens};

/// Lateness that any operating system's timer has.
const SLIP_ALLOWED: Seconds = Seconds(1e-3);

/// Beyond that, lateness may be this share of the median time to first token, which holds it.
const SLIP_SHARE: f64 = 0.05;

/// Outputs of other lengths change the mix; fewer than this share don't by as much as a rate errs.
const LENGTHS_SHARE: f64 = 0.01;

/// What the summary has found, as far as doubts hang on it.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) measured: Span,
    pub(super) completions: u64,
    pub(super) output_rate: Option<Total>,
    pub(super) ttft: &'a Latency,
    pub(super) slip: Option<Seconds>,
}

/// The doubts of a run, the gravest first.
pub(super) fn doubts(run: &Run, found: Option<&Found>) -> Vec<Doubt> {
    let ended = incomplete(run, found);
    let Some(found) = found else {
        return ended.into_iter().chain([Doubt::NothingMeasured]).collect();
    };
    let due = due_in(run, Some(found.measured));
    let all = [
        ended,
        failed(&due),
        rate(run, found),
        cold(run, found),
        slip(found),
        lengths(&due),
        counts(&due),
        few(found),
    ];
    all.into_iter().flatten().collect()
}

fn incomplete(run: &Run, found: Option<&Found>) -> Option<Doubt> {
    (!run.is_complete()).then(|| Doubt::Incomplete {
        outcome: run.outcome.clone(),
        lasted: found.map_or(Seconds(0.0), |found| found.measured.length()),
        planned: run.header.workload.measure,
        torn: Bytes(run.torn as u64),
    })
}

fn failed(due: &[&Request]) -> Option<Doubt> {
    let reasons: Vec<_> = due.iter().filter_map(|request| request.failure()).collect();
    let reason = reasons.first()?.reason.clone();
    Some(Doubt::Failed { share: share(reasons.len(), due.len()), reason })
}

fn rate(run: &Run, found: &Found) -> Option<Doubt> {
    let error = found.output_rate.map_or(Error::TooFew, |total| total.error);
    match error {
        Error::Within(_) => {
            let relative = found.output_rate?.relative_error()?;
            // The half-width falls with the square root of the time.
            let longer = Ratio::of((relative / Doubt::WIDE).powi(2));
            (relative > Doubt::WIDE).then(|| Doubt::TooShort {
                relative_error: Ratio::of(relative),
                needed: found.measured.length() * longer,
            })
        }
        Error::TooFew => {
            // The first that ends may only open the window.
            let rounds = u64::from(run.header.workload.in_flight().unwrap_or(1).max(1));
            let wanted = rounds * GOOD_BATCHES as u64 + 1;
            Some(Doubt::NoInterval {
                completions: found.completions,
                needed: for_as_many(found, wanted, found.completions),
            })
        }
        Error::Drifts(alike) => Some(Doubt::NotSteady { autocorrelation: Ratio::of(alike) }),
    }
}

fn cold(run: &Run, found: &Found) -> Option<Doubt> {
    let warm = run.requests.iter().any(|request| {
        let ended = request.done.as_ref().is_some_and(|done| done.at <= found.measured.from);
        request.succeeded() && ended
    });
    (!warm).then_some(Doubt::Cold)
}

fn slip(found: &Found) -> Option<Doubt> {
    let p99 = found.slip?;
    let median = found.ttft.p50.map_or(Seconds(0.0), |median| median.value);
    let share = median * Ratio::of(SLIP_SHARE);
    let limit = if share > SLIP_ALLOWED { share } else { SLIP_ALLOWED };
    (p99 > limit).then_some(Doubt::Slip { p99, limit })
}

fn lengths(due: &[&Request]) -> Option<Doubt> {
    let ended: Vec<_> = due.iter().filter(|request| request.succeeded()).collect();
    let others = ended.iter().filter(|request| output(request) != request.planned).count();
    let share = share(others, ended.len());
    let tokens: Tokens = ended.iter().map(|request| output(request)).sum();
    let mean = Tokens(tokens.0.checked_div(ended.len() as u64)?);
    (share.get() > LENGTHS_SHARE).then_some(Doubt::LengthsNotAsPlanned { share, mean })
}

fn counts(due: &[&Request]) -> Option<Doubt> {
    let ended: Vec<_> = due.iter().filter(|request| request.succeeded()).collect();
    let seen_of = |request: &Request| Tokens(request.chunks.len() as u64);
    ended.iter().any(|request| output(request) != seen_of(request)).then(|| Doubt::CountsDisagree {
        counted: ended.iter().map(|request| output(request)).sum(),
        seen: ended.iter().map(|request| seen_of(request)).sum(),
    })
}

fn few(found: &Found) -> Option<Doubt> {
    let (percentile, samples) = (Percentile::P99, found.ttft.count);
    let wanted = percentile.least_samples();
    (samples < wanted).then(|| Doubt::FewForPercentile {
        percentile,
        samples,
        needed: for_as_many(found, wanted, samples),
    })
}

/// How long to measure for as many as are wanted, by as many as there are.
fn for_as_many(found: &Found, wanted: u64, have: u64) -> Option<Seconds> {
    (have > 0).then(|| found.measured.length() * (Tokens(wanted) / Tokens(have)))
}

fn share(part: usize, whole: usize) -> Ratio {
    Tokens(part as u64) / Tokens(whole as u64)
}
