//! Whether the generator did its part: the load was offered, in time, and all of it is accounted for.

use super::Found;
use crate::record::{Request, Run, Span};
use crate::summary::doubt::Doubt;
use crate::summary::number;
use crate::summary::percentile::Percentile;
use crate::summary::steady::mean_in_flight;
use crate::summary::telemetry::TelemetrySummary;
use crate::units::{Quantity, Ratio, Seconds};

/// Lateness that a busy operating system's timer has.
const SLIP_ALLOWED: Seconds = Seconds(2e-3);

/// Beyond that, lateness may be this share of the median time to first token, which holds it.
const SLIP_SHARE: f64 = 0.02;

/// A process that takes more of its cores no longer runs when it should.
const BUSY: f64 = 0.85;

/// The two sides of Little's law may differ by so much.
const UNEXPLAINED: f64 = 0.05;

/// A server that falls behind by less than this share of the arrivals may only have been unlucky.
const BEHIND: f64 = 0.05;

/// A count of arrivals is off its mean by more than so many of its standard deviations hardly ever.
const DEVIATIONS: f64 = 3.0;

pub(super) fn slip(run: &Run, found: &Found) -> Option<Doubt> {
    let p99 = found.slip?;
    let median = found.ttft.p50.map_or(Seconds(0.0), |median| median.value);
    let share = median * Ratio::of(SLIP_SHARE);
    let limit = if share > SLIP_ALLOWED { share } else { SLIP_ALLOWED };
    // Of fewer requests the latest one is no percentile; and an engine that computes on every core
    // delays the generator beside it, which costs it a pause between requests and nothing else.
    let earned = found.ttft.count >= Percentile::P99.least_samples();
    let proven = earned && run.header.server.is_some();
    (p99 > limit).then_some(Doubt::Slip { p99, limit, proven })
}

/// Of an engine in this process the processor's time is the engine's own: only beside a server it is
/// the generator's.
pub(super) fn busy(run: &Run, machine: &TelemetrySummary) -> Option<Doubt> {
    run.header.server.as_ref()?;
    let busy = machine.cpu.busy.filter(|busy| busy.get() > BUSY)?;
    Some(Doubt::ClientBusy { busy })
}

/// The time that requests spent in flight, by a clock in the window, beside what those that ended in
/// it spent: `L = λW` (Little, "A proof for the queuing formula", 1961). Requests that began before
/// the window or end after it belong to one side alone; in a steady state they cancel but for one
/// request's time for each place, so that much may differ beside the 5 %.
pub(super) fn littles_law(run: &Run, window: Span) -> Option<Doubt> {
    let in_flight = mean_in_flight(run, window)?;
    let stay = |request: &Request| {
        let at = request.done.as_ref()?.at;
        let inside = window.from < at && at <= window.to;
        inside.then(|| at.since(request.sent).get())
    };
    let stays: Vec<f64> = run.requests.iter().filter_map(stay).collect();
    let total: f64 = stays.iter().sum();
    let length = window.length().get();
    let explained = total / length;
    let edges = in_flight * total / number(stays.len().max(1)) / length;
    let allowed = UNEXPLAINED * in_flight + 2.0 * edges;
    let differs = !stays.is_empty() && (in_flight - explained).abs() > allowed;
    differs.then_some(Doubt::LittlesLaw { in_flight, explained })
}

/// Whether a closed loop kept as many in flight as it was to. Conversations think between turns.
pub(super) fn load(run: &Run, window: Span) -> Option<Doubt> {
    let planned = run.header.workload.in_flight()?;
    if run.requests.iter().any(|request| request.turn.is_some()) {
        return None;
    }
    let in_flight = mean_in_flight(run, window)?;
    let kept = in_flight >= f64::from(planned) * (1.0 - UNEXPLAINED);
    (!kept).then_some(Doubt::LoadNotKept { in_flight, planned })
}

/// Whether an open loop's queue grows for as long as the run lasts: over the last three quarters, and
/// by more than chance lets it. A queue that only filled up at the beginning is a load.
pub(super) fn saturated(run: &Run, window: Span) -> Option<Doubt> {
    if run.header.workload.in_flight().is_some() {
        return None;
    }
    let quarter = window.length() * Ratio::of(0.25);
    let quarters: Vec<Span> = (1..4)
        .map(|index| {
            let from = window.from.after(quarter * Ratio::of(f64::from(index)));
            Span { from, to: from.after(quarter) }
        })
        .collect();
    let waiting: Vec<f64> = quarters.iter().map(|quarter| mean_due(run, *quarter)).collect();
    let half = Span { from: quarters[0].from.after(quarter * Ratio::of(0.5)), to: window.to };
    // From the middle of the second quarter to the middle of the last are two quarters.
    let between = Span { to: half.from.after(quarter * Ratio::of(2.0)), ..half };
    let arrivals = run.requests.iter().filter(|request| between.holds(request.due)).count();
    let grew = waiting[2] - waiting[0];
    let rises = waiting.windows(2).all(|pair| pair[1] > pair[0]);
    let bar = (BEHIND * number(arrivals)).max(DEVIATIONS * number(arrivals).sqrt());
    let behind = Ratio::of(grew / number(arrivals.max(1)));
    (rises && grew > bar).then_some(Doubt::Saturated { behind })
}

/// How many requests were due and not ended, in the mean over a window's time.
fn mean_due(run: &Run, window: Span) -> f64 {
    let waits = |request: &Request| {
        let to = request.done.as_ref().map_or(run.last, |done| done.at);
        window.overlap(Span { from: request.due, to })
    };
    let time: f64 = run.requests.iter().filter_map(waits).map(|span| span.length().get()).sum();
    time / window.length().get().max(f64::MIN_POSITIVE)
}
