//! From raw samples to rates and latencies with intervals, purely.
//!
//! Invariant: the same record gives the same summary, on any machine, at any time, and a figure that
//! the record does not bear is `None`, never 0 and never NaN. Rates are delivered tokens over the
//! time of the steady window (`steady.rs`), total over total; latencies count from when a request
//! was due. What speaks against the figures is in the summary too, as [`Doubt`]s.
//! Guarded by hand-worked runs and by simulated ones whose truth is known (`tests.rs`).
//!
//! Deliberately absent: clocks, files, prices, chance.

mod check;
#[cfg(test)]
mod coverage;
mod crowd;
pub mod curve;
mod difference;
mod doubt;
mod fit;
mod goodput;
mod histogram;
mod interval;
mod latency;
mod memory;
pub(crate) mod nnls;
mod percentile;
mod precision;
mod repeats;
mod request;
mod server;
mod settle;
mod split;
mod steady;
mod steps;
pub mod telemetry;
#[cfg(test)]
mod tests;
mod tokens;
mod work;

pub(crate) use crowd::Crowd;
pub use doubt::{Doubt, Verdict};
pub use fit::{Coefficient, Fit, Prediction, RequestFit, StepFit, Term, fit_requests, fit_steps};
pub(crate) use interval::{Stretch, ratio_of_totals};
pub(crate) use split::Alone;
pub(crate) use work::{KindTokens, Lap, SteadyWork, output_arrivals};
pub mod trace;
pub use difference::{Side, difference, side};
pub use goodput::{Goodput, Timing, goodput};
pub use histogram::{HistogramError, Histograms, LatencyHistogram, PercentileLine, histograms};
pub use latency::Latency;
pub use percentile::Percentile;
pub use precision::relative_error;
pub use repeats::{Repeated, Repeats, repeats};
pub use request::{RequestFigures, input_rate, request_rate};
pub use server::{Compared, ServerSummary};
pub use steps::StepTotals;
pub use tokens::TokenCounts;

use crate::record::{Finish, Run, Span};
use crate::units::{Estimate, Ratio, Seconds, Tokens, TokensPerSecond};
use interval::Total;
use latency::{Latencies, due_in, slip};
use serde::Serialize;
use settle::Window;
use steady::Steady;
use steps::{Speeds, occupancy};
use tokens::Delivered;

/// A run in figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Whether the run came to its planned end.
    pub complete: bool,
    /// The measured time: warm-up and drain cut off, also the warm-up that was found in what was to
    /// be measured. Latencies and requests are of those due in it.
    pub window: Option<Span>,
    /// The warm-up that was found there (MSER-5 on the output rate); zero: none; `None`: too few
    /// rounds of requests to tell.
    pub warm_up_cut: Option<Seconds>,
    /// The part of the window that rates, tokens and occupancy are of: of a closed loop from the end
    /// of a request to the end of another, of an open loop all.
    pub steady: Option<Span>,
    /// What became of the requests.
    pub requests: RequestCounts,
    /// Tokens of the steady window.
    pub tokens: Option<TokenCounts>,
    /// Delivered output tokens over the steady window.
    pub output_rate: Option<Estimate<TokensPerSecond>>,
    /// Delivered input and output tokens over the steady window.
    pub total_rate: Option<Estimate<TokensPerSecond>>,
    /// Prompt tokens over the time of the steps that computed nothing else; from outside, for one
    /// request in flight, over its time to first token.
    pub prefill_rate: Option<Estimate<TokensPerSecond>>,
    /// Decoded tokens, of all sequences, over the time of the steps that computed nothing else; from
    /// outside, for one request in flight, over the time after its first token.
    pub decode_rate: Option<Estimate<TokensPerSecond>>,
    /// Time to first token.
    pub ttft: Latency,
    /// Gaps between tokens after it.
    pub itl: Latency,
    /// Whether gaps between chunks of several tokens were spread over these, as the target says how
    /// many there are.
    pub itl_spread: bool,
    /// Time per output token after it, a sample a request.
    pub tpot: Latency,
    /// From due (a closed loop: sent) to done.
    pub e2e: Latency,
    /// The share of the steady window in which a step ran; `None` where no steps were recorded.
    pub occupancy: Option<Ratio>,
    /// Mean context of a decoded token.
    pub decode_context: Option<Tokens>,
    /// The steps of prefill alone.
    pub prefill_steps: Option<StepTotals>,
    /// The steps of decoding alone.
    pub decode_steps: Option<StepTotals>,
    /// What the engine's steps are made of; `None`: none were recorded.
    pub step_fit: Option<StepFit>,
    /// What a server's requests tell of the same; `None`: there was none.
    pub request_fit: Option<RequestFit>,
    /// The generator's own lateness at the 99th percentile; of fewer than 100 requests the largest.
    pub slip: Option<Seconds>,
    /// What a server said of itself; `None`: nothing, or there was none.
    pub server: Option<ServerSummary>,
    /// Whether these figures can be used, by the gravest doubt.
    pub verdict: Verdict,
    /// What speaks against these figures, the gravest first.
    pub doubts: Vec<Doubt>,
}

/// What became of the requests that were due in the measured time; all but `completed` add up to
/// `due`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct RequestCounts {
    /// How many there were.
    pub due: u64,
    /// They ended well, in the measured time or in the drain.
    pub succeeded: u64,
    /// They failed.
    pub failed: u64,
    /// They were given up.
    pub cancelled: u64,
    /// The record has no end of them.
    pub unfinished: u64,
    /// Requests that ended well in the measured time, whenever they were due.
    pub completed: u64,
}

/// Sums a run up.
pub fn summarize(run: &Run) -> Summary {
    let measured = run.measured();
    let settled = measured.map(|measured| Window::of(run, measured));
    let window = settled.map(|window| window.span);
    let steady = window.and_then(|window| Steady::of(run, window));
    let span = steady.as_ref().map(Steady::span);
    let delivered = steady.as_ref().map(|steady| Delivered::of(run, steady));
    let rates = steady.as_ref().zip(delivered.as_ref()).map(|pair| Rates::of(run, pair));
    let speeds = span.map(|span| Speeds::of(run, span)).unwrap_or_default();
    let latencies = Latencies::of(run, window);
    let slip = slip(&due_in(run, window));
    let requests = requests(run, window);
    let server = window.and_then(|window| ServerSummary::of(run, window));
    let found = measured.zip(settled).map(|(measured, window)| check::Found {
        measured,
        window,
        server,
        completions: requests.completed,
        output_rate: rates.as_ref().and_then(|rates| rates.output),
        ttft: &latencies.ttft,
        slip,
    });
    let doubts = check::doubts(run, found.as_ref());
    Summary {
        complete: run.is_complete(),
        window,
        warm_up_cut: settled.and_then(|window| window.cut),
        steady: span,
        requests,
        tokens: delivered.as_ref().map(Delivered::counts),
        output_rate: rates.as_ref().and_then(|rates| rates.output).and_then(rate),
        total_rate: rates.as_ref().and_then(|rates| rates.total).and_then(rate),
        prefill_rate: speeds.prefill.and_then(rate),
        decode_rate: speeds.decode.and_then(rate),
        ttft: latencies.ttft,
        itl: latencies.itl,
        itl_spread: latencies.itl_spread,
        tpot: latencies.tpot,
        e2e: latencies.e2e,
        occupancy: span.and_then(|span| occupancy(run, span)),
        decode_context: speeds.decode_steps.and_then(|steps| steps.mean_context()),
        prefill_steps: speeds.prefill_steps,
        decode_steps: speeds.decode_steps,
        step_fit: (!run.steps.is_empty()).then(|| fit_steps(run)),
        request_fit: run.header.server.is_some().then(|| fit_requests(&[run])),
        slip,
        server,
        verdict: Verdict::of(&doubts),
        doubts,
    }
}

/// What was delivered over time.
struct Rates {
    output: Option<Total>,
    total: Option<Total>,
}

impl Rates {
    /// A batch holds at least as many ends of requests as were in flight: a whole round.
    fn of(run: &Run, (steady, delivered): (&Steady, &Delivered)) -> Self {
        let round = round(run);
        let mut both = [delivered.input.as_slice(), delivered.output.as_slice()].concat();
        both.sort_unstable_by_key(|arrival| arrival.at);
        Self {
            output: ratio_of_totals(&steady.stretches(&delivered.output), round),
            total: ratio_of_totals(&steady.stretches(&both), round),
        }
    }
}

/// The fewest ends of requests that are a whole round.
fn round(run: &Run) -> usize {
    usize::try_from(run.header.workload.in_flight().unwrap_or(1)).unwrap_or(usize::MAX)
}

/// A rate for the reader; a rate of nothing is none.
fn rate(total: Total) -> Option<Estimate<TokensPerSecond>> {
    (total.value > 0.0).then(|| total.estimate())
}

fn requests(run: &Run, window: Option<Span>) -> RequestCounts {
    let Some(measured) = window else { return RequestCounts::default() };
    let completed = steady::completions(run, measured).len() as u64;
    let mut counts = RequestCounts { completed, ..RequestCounts::default() };
    for request in due_in(run, window) {
        counts.due += 1;
        match request.done.as_ref().map(|done| &done.finish) {
            Some(Finish::Length | Finish::Stop) => counts.succeeded += 1,
            Some(Finish::Failed(_)) => counts.failed += 1,
            Some(Finish::Cancelled) => counts.cancelled += 1,
            None => counts.unfinished += 1,
        }
    }
    counts
}

/// A number of things, for statistics.
#[expect(clippy::cast_precision_loss, reason = "no record holds 2^53 of anything")]
fn number(of: usize) -> f64 {
    of as f64
}
