//! How long requests took, in the words of SURFACE.md.
//!
//! Gaps between tokens: where each chunk's tokens are known (the target says how many it holds, or
//! holds one each by its own total), a chunk of n tokens after a gap is n samples of an n-th of the
//! gap, and the summary says that gaps were spread. Where they are not, a gap is one between chunks,
//! and a doubt says so. The first chunk has no gap: what leads to it is the time to first token.
//!
//! Invariant: a request's latencies belong to the run if it was *due* in the measured time, whenever
//! they came to be known. Cutting off those that ended later would leave out the slow ones.

use super::interval::{Stretch, Total, ratio_of_totals};
use super::number;
use super::percentile::{Percentile, Samples};
use super::tokens::{output, seen, tells_chunks};
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
    /// Gaps were spread over chunks of several tokens.
    pub(super) itl_spread: bool,
}

impl Latencies {
    /// Of requests due in the measured time; of none where nothing was measured.
    pub(super) fn of(run: &Run, measured: Option<Span>) -> Self {
        let samples = LatencySamples::of(run, measured);
        Self {
            ttft: Latency::of(&samples.ttft),
            itl: Latency::of(&samples.itl),
            tpot: Latency::of(&samples.tpot),
            e2e: Latency::of(&samples.e2e),
            itl_spread: samples.itl_spread,
        }
    }
}

/// The samples of the four latencies, of each request that has any.
#[derive(Debug)]
pub(super) struct LatencySamples {
    pub(super) ttft: Vec<Vec<Seconds>>,
    pub(super) itl: Vec<Vec<Seconds>>,
    pub(super) tpot: Vec<Vec<Seconds>>,
    pub(super) e2e: Vec<Vec<Seconds>>,
    itl_spread: bool,
}

impl LatencySamples {
    /// Of requests due in the measured time.
    pub(super) fn of(run: &Run, measured: Option<Span>) -> Self {
        let due = due_in(run, measured);
        // What was streamed before a run was stopped was seen as truly as the rest.
        let streamed = || due.iter().copied().filter(|request| request.failure().is_none());
        let ended = || due.iter().copied().filter(|request| request.succeeded());
        let one = |sample: Option<Seconds>| sample.map(|sample| vec![sample]);
        Self {
            ttft: streamed().filter_map(|request| one(request.ttft())).collect(),
            itl: streamed().map(gaps).filter(|gaps| !gaps.is_empty()).collect(),
            tpot: ended().filter_map(|request| one(tpot(request))).collect(),
            e2e: ended().filter_map(|request| one(request.latency())).collect(),
            itl_spread: streamed().any(is_spread),
        }
    }
}

/// Whether a request's gaps are spread over chunks of several tokens.
fn is_spread(request: &Request) -> bool {
    tells_chunks(request)
        && output(request) == seen(request)
        && request.counts.iter().skip(1).any(|count| *count > 1)
}

/// The gaps between a request's tokens, or between its chunks where these can't be told apart.
fn gaps(request: &Request) -> Vec<Seconds> {
    if !tells_chunks(request) || output(request) != seen(request) {
        return request.gaps().collect();
    }
    let mut gaps = Vec::new();
    // A chunk without a token (a role, a part of a word) ends no gap.
    let mut waited = Seconds(0.0);
    let mut begun = request.counts.first().is_some_and(|count| *count > 0);
    for (gap, count) in request.gaps().zip(&request.counts[1..]) {
        waited = waited + gap;
        if *count > 0 {
            let each = Seconds(waited.get() / f64::from(*count));
            if begun {
                gaps.extend(std::iter::repeat_n(each, usize::try_from(*count).unwrap_or(0)));
            }
            (begun, waited) = (true, Seconds(0.0));
        }
    }
    gaps
}

/// The requests that were due in the measured time.
pub(super) fn due_in(run: &Run, measured: Option<Span>) -> Vec<&Request> {
    let Some(measured) = measured else { return Vec::new() };
    run.requests.iter().filter(|request| measured.holds(request.due)).collect()
}

/// Time per output token after the first, by the target's count of them: the first token's own time
/// is in neither part. Where the first chunk holds several, those came in no time.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Finish;
    use crate::record::builder::{RunBuilder, request};

    #[track_caller]
    fn check(counts: &[u32], counted: u64, want: &[f64], spread: bool) {
        // 100 ms to the first chunk, then 40 ms for each.
        let three = request(0.0).token(100.0).tokens(2, 40.0).counted(Finish::Length, counted);
        let mut run = RunBuilder::measured(0.0, 300.0).request(three).build();
        run.requests[0].counts = counts.to_vec();
        let got: Vec<_> = gaps(&run.requests[0]).iter().map(|gap| gap.0 * 1e3).collect();
        let same = got.len() == want.len()
            && got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-6);
        assert!(same, "{counts:?} of {counted}: {got:?} ≠ {want:?}");
        assert_eq!(Latencies::of(&run, run.measured()).itl_spread, spread);
    }

    /// The 100 ms before the first chunk are in none of them.
    #[test]
    fn gaps_are_between_tokens_where_these_are_known() {
        check(&[], 3, &[40.0, 40.0], false);
        check(&[1, 1, 1], 3, &[40.0, 40.0], false);
        check(&[1, 4, 1], 6, &[10.0, 10.0, 10.0, 10.0, 40.0], true);
        // Five in the first chunk: no gap of them was seen.
        check(&[5, 1, 2], 8, &[40.0, 20.0, 20.0], true);
        check(&[1, 0, 2], 3, &[40.0, 40.0], true);
    }

    #[test]
    fn gaps_are_between_chunks_where_tokens_are_not_known() {
        check(&[], 12, &[40.0, 40.0], false);
        check(&[1, 4, 1], 7, &[40.0, 40.0], false);
    }

    /// A role came first, without a token: what leads to the first token is no gap.
    #[test]
    fn the_time_to_first_token_is_no_gap() {
        check(&[0, 1, 2], 3, &[20.0, 20.0], true);
    }
}
