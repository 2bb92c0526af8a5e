//! What speaks against the output rate and its interval.

use super::Found;
use crate::record::Run;
use crate::summary::doubt::Doubt;
use crate::summary::interval::{Error, GOOD_BATCHES};
use crate::summary::percentile::Percentile;
use crate::units::{Ratio, Seconds, Tokens};

/// Whether the rate is known well enough: short of that, how long it takes.
pub(super) fn interval(run: &Run, found: &Found) -> Option<Doubt> {
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
            let wanted = (rounds * GOOD_BATCHES as u64).max(found.completions) + 1;
            Some(Doubt::NoInterval {
                completions: found.completions,
                needed: for_as_many(found, wanted, found.completions),
            })
        }
        Error::Drifts(alike) => Some(Doubt::NotSteady { autocorrelation: Ratio::of(alike) }),
    }
}

/// Whether it settled in the first half.
pub(super) fn settled(found: &Found) -> Option<Doubt> {
    found.window.never.then_some(Doubt::NeverSettled)
}

/// Whether it is the same to the end.
pub(super) fn end(found: &Found) -> Option<Doubt> {
    found.window.end.map(|last| Doubt::EndDiffers { last })
}

/// Whether anything was warm.
pub(super) fn cold(run: &Run, found: &Found) -> Option<Doubt> {
    let warm = run.requests.iter().any(|request| {
        let from = found.window.span.from;
        request.succeeded() && request.done.as_ref().is_some_and(|done| done.at <= from)
    });
    (!warm).then_some(Doubt::Cold)
}

/// Whether there are enough requests for the last percentile.
pub(super) fn few(found: &Found) -> Option<Doubt> {
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
