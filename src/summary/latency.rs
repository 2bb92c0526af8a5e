//! How long requests took, in the words of SURFACE.md.
//!
//! Invariant: a request's latencies belong to the run if it was *due* in the measured time, whenever
//! they came to be known. Cutting off those that ended later would leave out the slow ones.

use super::interval::{Stretch, Total, ratio_of_totals};
use super::number;
use super::percentile::{Percentile, Samples};
use super::tokens::output;
use crate::record::{Request, Run, Span};
use crate::units::{Estimate, Quantity, Seconds};
use serde::Serialize;

/// A latency over all requests that have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Latency {
    /// How many samples there are.
    pub count: u64,
    /// Total over count.
    pub mean: Option<Estimate<Seconds>>,
    /// The median.
    pub p50: Option<Estimate<Seconds>>,
    /// The 90th percentile.
    pub p90: Option<Estimate<Seconds>>,
    /// The 95th percentile.
    pub p95: Option<Estimate<Seconds>>,
    /// The 99th percentile.
    pub p99: Option<Estimate<Seconds>>,
}

impl Latency {
    /// One of its percentiles, where it is earned.
    pub fn at(&self, percentile: Percentile) -> Option<Estimate<Seconds>> {
        match percentile {
            Percentile::P50 => self.p50,
            Percentile::P90 => self.p90,
            Percentile::P95 => self.p95,
            Percentile::P99 => self.p99,
        }
    }

    /// Of the samples of each request, requests in the order in which they were sent.
    fn of(requests: &[Vec<Seconds>]) -> Self {
        let stretches: Vec<_> = requests
            .iter()
            .map(|samples| Stretch {
                x: number(samples.len()),
                y: samples.iter().copied().sum::<Seconds>().get(),
            })
            .collect();
        let samples = Samples::new(requests.iter().map(|samples| samples.iter().copied()));
        Self {
            count: samples.count() as u64,
            mean: ratio_of_totals(&stretches, 1).map(Total::estimate),
            p50: samples.percentile(Percentile::P50),
            p90: samples.percentile(Percentile::P90),
            p95: samples.percentile(Percentile::P95),
            p99: samples.percentile(Percentile::P99),
        }
    }
}

/// The four latencies of a run.
#[derive(Debug)]
pub(super) struct Latencies {
    pub(super) ttft: Latency,
    pub(super) itl: Latency,
    pub(super) tpot: Latency,
    pub(super) e2e: Latency,
}

impl Latencies {
    /// Of requests due in the measured time; of none where nothing was measured.
    pub(super) fn of(run: &Run, measured: Option<Span>) -> Self {
        let due = due_in(run, measured);
        // What was streamed before a run was stopped was seen as truly as the rest.
        let streamed = || due.iter().filter(|request| request.failure().is_none());
        let ended = || due.iter().filter(|request| request.succeeded());
        let one = |sample: Option<Seconds>| sample.into_iter().collect::<Vec<_>>();
        let of = |requests: Vec<Vec<Seconds>>| {
            Latency::of(
                &requests.into_iter().filter(|samples| !samples.is_empty()).collect::<Vec<_>>(),
            )
        };
        Self {
            ttft: of(streamed().map(|request| one(request.ttft())).collect()),
            itl: of(streamed().map(|request| request.gaps().collect()).collect()),
            tpot: of(ended().map(|request| one(tpot(request))).collect()),
            e2e: of(ended().map(|request| one(request.latency())).collect()),
        }
    }
}

/// The requests that were due in the measured time.
pub(super) fn due_in(run: &Run, measured: Option<Span>) -> Vec<&Request> {
    let Some(measured) = measured else { return Vec::new() };
    run.requests.iter().filter(|request| measured.holds(request.due)).collect()
}

/// Time per output token after the first, by the target's count of them.
pub(super) fn tpot(request: &Request) -> Option<Seconds> {
    let time = request.chunks.last()?.since(*request.chunks.first()?);
    let after_first = output(request).0.checked_sub(1).filter(|after| *after > 0)?;
    Some(Seconds(time.get() / crate::units::Tokens(after_first).get()))
}

/// How late requests were sent: the 99th percentile, and of fewer than 100 requests the latest, which
/// can't be less.
pub(super) fn slip(due: &[&Request]) -> Option<Seconds> {
    let samples = Samples::new(due.iter().map(|request| [request.slip()]));
    match samples.percentile(Percentile::P99) {
        Some(slip) => Some(slip.value),
        None => samples.max(),
    }
}
