//! Which doubts a run raises.
//!
//! Invariant: every check says what it needs to know; where the record doesn't hold that, it stays
//! silent: an unknown is no doubt. Guarded by a run for each doubt, and one beside it that does not
//! raise it, in `tests.rs`.

mod client;
mod machine;
mod rate;
mod target;
#[cfg(test)]
mod tests;

use super::doubt::Doubt;
use super::interval::Total;
use super::latency::{Latency, due_in};
use super::server::ServerSummary;
use super::settle::Window;
use super::telemetry::TelemetrySummary;
use crate::record::{Request, Run, Span};
use crate::units::{Bytes, Ratio, Seconds, Tokens};

/// What the summary has found, as far as doubts hang on it.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// The measured time as it was planned.
    pub(super) measured: Span,
    /// What of it has settled.
    pub(super) window: Window,
    pub(super) completions: u64,
    pub(super) output_rate: Option<Total>,
    pub(super) ttft: &'a Latency,
    pub(super) slip: Option<Seconds>,
    pub(super) server: Option<ServerSummary>,
}

/// The doubts of a run, the gravest first, of equals those first that explain others.
pub(super) fn doubts(run: &Run, found: Option<&Found>) -> Vec<Doubt> {
    let ended = incomplete(run, found);
    let Some(found) = found else {
        return ended.into_iter().chain([Doubt::NothingMeasured]).collect();
    };
    let span = found.window.span;
    let due = due_in(run, Some(span));
    let machine = TelemetrySummary::of(
        &run.readings,
        &run.gaps,
        &run.header.telemetry,
        run.header.host.cores,
        span,
    );
    let mut all: Vec<Doubt> = [
        ended,
        target::restarted(found),
        target::cache_warm(run, &due, found),
        client::busy(run, &machine),
        client::slip(run, found),
        client::littles_law(run, span),
        client::saturated(run, span),
        client::load(run, span),
        failed(&due),
        rate::interval(run, found),
        rate::settled(found),
        rate::end(found),
        rate::cold(run, found),
    ]
    .into_iter()
    .flatten()
    .collect();
    all.extend(machine::clocks(run, &machine));
    let counts = [
        target::not_alone(found),
        target::lengths(&due),
        target::not_counted(&due),
        target::tokenizer(&due),
        target::chunks(&due),
        rate::few(found),
    ];
    all.extend(counts.into_iter().flatten());
    all.sort_by_key(|doubt| std::cmp::Reverse(doubt.gravity()));
    all
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

fn share(part: usize, whole: usize) -> Ratio {
    Tokens(part as u64) / Tokens(whole as u64)
}

/// The requests that ended well.
fn succeeded<'a>(due: &[&'a Request]) -> Vec<&'a Request> {
    due.iter().copied().filter(|request| request.succeeded()).collect()
}
