//! A recorded run beside its simulation: does the profile tell what happened?
//!
//! The run's requests come when they were due (in a closed loop: when they were sent) with the lengths
//! that they had; one machine serves them with the scheduler that the engine runs, in the limits that
//! the engine had. Latencies are of the requests due in the measured time, on both sides, worked out
//! by the same rules.
//!
//! Invariant: nothing of what is compared goes into the simulation but through the profile. What the
//! target's prefix cache had is not in a record: where prompts share, the caller says how.

use super::fate::Served;
use super::fleet::{self, Fleet};
use super::machine::Pace;
use super::traffic::{Asked, Traffic};
use super::{Latencies, PlanError, Profile, Serving};
use crate::cost::Kind;
use crate::record::{Moment, Run, Span};
use crate::summary::{Percentile, RequestFigures, fit_steps};
use crate::units::{Ratio, Seconds, Tokens};
use crate::workload::trace::Block;
use serde::Serialize;
use std::sync::Arc;

impl Profile {
    /// What a run's steps tell, those in the measured time.
    ///
    /// # Errors
    /// Where the run has too few of them.
    pub fn of_run(run: &Run) -> Result<Self, PlanError> {
        let name = format!("{} on {}", run.header.model.name, run.header.host.cpu);
        Self::of_fit(name, "steps of a recorded run", &fit_steps(run), between(run))
    }
}

/// The median time from the end of a step to the beginning of the next, over those with work waiting:
/// a sequence that goes on decoding. Nothing where there are none.
fn between(run: &Run) -> Seconds {
    let Some(window) = run.measured() else { return Seconds(0.0) };
    let inside = |span: Span| window.from <= span.from && span.to <= window.to;
    // With as many sequences as before, the engine did not wait for anybody.
    let gaps = run.steps.windows(2).filter(|pair| {
        inside(pair[0].span) && inside(pair[1].span) && pair[0].decode > 0 && pair[1].decode > 0
    });
    let mut gaps: Vec<f64> = gaps.map(|pair| pair[1].span.from.since(pair[0].span.to).0).collect();
    gaps.sort_unstable_by(f64::total_cmp);
    Seconds(gaps.get(gaps.len() / 2).copied().unwrap_or(0.0))
}

/// What a run's requests asked for, as far as they came to their ends, from the first one on. `begins`
/// says what a request's prompt shares, by its number in the plan; nothing, where it isn't known.
///
/// # Errors
/// Where none came to its end.
pub fn traffic_of(run: &Run, begins: impl Fn(u32) -> Arc<[Block]>) -> Result<Traffic, PlanError> {
    let ended = run.requests.iter().filter(|request| request.succeeded());
    let asked = ended.map(|request| Asked {
        at: request.from.since(Moment(0)),
        prompt: request.prompt,
        output: RequestFigures::of(request).output,
        begins: begins(request.id.0),
    });
    Traffic::new(asked)
}

/// Runs of one plan beside its simulation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replayed {
    /// The profile.
    pub profile: Profile,
    /// Requests of each run that were compared.
    pub requests: Vec<u64>,
    /// Of their prompt tokens, those that the targets read from a prefix cache; `None`: nobody counted.
    pub cached: Option<Ratio>,
    /// Each latency and percentile.
    pub points: Vec<Point>,
    /// The machine's time in steps: simulated over measured, of each run.
    pub busy: Vec<Ratio>,
}

/// One percentile of one latency.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// Which latency.
    pub latency: Kind,
    /// Which percentile.
    pub percentile: Percentile,
    /// The mean over the simulations of the runs; `None`: not earned in all of them.
    pub simulated: Option<Seconds>,
    /// What each run measured.
    pub measured: Vec<Option<Seconds>>,
    /// Their mean; `None`: not earned in all of them.
    pub mean: Option<Seconds>,
    /// Simulated over measured, less one.
    pub off: Option<Ratio>,
    /// Whether the simulated one lies between the least and the most that was measured.
    pub within_spread: Option<bool>,
}

impl Point {
    /// Whether it is as near to the mean as this, or within the runs' own spread; `None`: not to be
    /// told.
    pub fn holds(&self, within: Ratio) -> Option<bool> {
        Some(self.off?.get().abs() <= within.get() || self.within_spread?)
    }
}

/// Simulates what each of these runs was asked to do and lays it beside what was measured.
///
/// # Errors
/// Where a run has nothing measured, or the profile or the limits make no sense.
pub fn replay(
    profile: &Profile,
    serving: Serving,
    runs: &[&Run],
    begins: impl Fn(u32) -> Arc<[Block]>,
) -> Result<Replayed, PlanError> {
    let mut pairs = Vec::new();
    let (mut requests, mut busy) = (Vec::new(), Vec::new());
    for run in runs {
        let window = run.measured().ok_or(PlanError::Run { what: "no measured time" })?;
        let measured = measured(run, window);
        let traffic = traffic_of(run, &begins)?;
        let (simulated, steps) = simulated(profile, serving, &traffic, window)?;
        let lasted: Seconds = run.steps.iter().map(crate::record::Step::length).sum();
        if lasted.0 > 0.0 {
            busy.push(steps / lasted);
        }
        requests.push(measured.e2e.count);
        pairs.push((simulated, measured));
    }
    let kinds = [Kind::Ttft, Kind::Tpot, Kind::E2e];
    let wanted = kinds.into_iter().flat_map(|kind| {
        [Percentile::P50, Percentile::P90].into_iter().map(move |percentile| (kind, percentile))
    });
    let points = wanted.map(|(kind, percentile)| point(&pairs, kind, percentile)).collect();
    Ok(Replayed { profile: profile.clone(), requests, cached: cached(runs), points, busy })
}

/// Over all requests that came to their ends.
fn cached(runs: &[&Run]) -> Option<Ratio> {
    let requests = runs.iter().flat_map(|run| &run.requests).filter(|one| one.succeeded());
    let (mut known, mut all) = (None, Tokens(0));
    for request in requests {
        all += request.prompt;
        if let Some(read) = request.done.as_ref().and_then(|done| done.usage.cached) {
            *known.get_or_insert(Tokens(0)) += read;
        }
    }
    Some(known? / all)
}

/// The latencies of the requests that were due in the measured time.
fn measured(run: &Run, window: Span) -> Latencies {
    let due = run.requests.iter().filter(|one| window.holds(one.from) && one.succeeded());
    let served: Vec<Served> = due
        .filter_map(|request| {
            let figures = RequestFigures::of(request);
            Some(Served {
                queued: Seconds(0.0),
                ttft: figures.ttft?,
                tpot: figures.tpot,
                e2e: figures.e2e?,
            })
        })
        .collect();
    Latencies { queued: super::Spread::default(), ..Latencies::of(&served) }
}

fn simulated(
    profile: &Profile,
    serving: Serving,
    traffic: &Traffic,
    window: Span,
) -> Result<(Latencies, Seconds), PlanError> {
    let course = fleet::run(traffic, profile, &Fleet::alone(serving), Pace::Skips)?;
    let (from, to) = (window.from.since(Moment(0)), window.to.since(Moment(0)));
    let due = |asked: &Asked| from <= asked.at && asked.at < to;
    let served = course.served(traffic).filter(|(asked, _)| due(asked));
    let served: Vec<Served> = served.map(|(_, served)| served).collect();
    Ok((Latencies::of(&served), course.used.busy.seconds()))
}

fn point(pairs: &[(Latencies, Latencies)], latency: Kind, percentile: Percentile) -> Point {
    let of = |latencies: &Latencies| latencies.kind(latency).at(percentile);
    let measured: Vec<_> = pairs.iter().map(|(_, measured)| of(measured)).collect();
    let simulated: Vec<_> = pairs.iter().map(|(simulated, _)| of(simulated)).collect();
    let mean = |all: &[Option<Seconds>]| {
        let all: Option<Vec<Seconds>> = all.iter().copied().collect();
        let all = all.filter(|all| !all.is_empty())?;
        let count = Tokens(all.len() as u64).get();
        Some(Seconds(all.into_iter().sum::<Seconds>().0 / count))
    };
    let (told, mean) = (mean(&simulated), mean(&measured));
    let both = told.zip(mean).filter(|(_, mean)| mean.0 > 0.0);
    let off = both.map(|(told, mean)| Ratio::of((told / mean).get() - 1.0));
    let within_spread = told.map(|told| {
        let among = || measured.iter().flatten();
        among().any(|one| *one <= told) && among().any(|one| told <= *one)
    });
    Point { latency, percentile, simulated: told, measured, mean, off, within_spread }
}
