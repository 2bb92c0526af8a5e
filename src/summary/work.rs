//! What the steady window was spent on: its laps, the steps that ran in it, the tokens that came of it.
//!
//! Invariant: laps fill the window without a gap, each is at least a whole round of requests, and a
//! token is in one lap, delivered or wasted, once. Guarded by a run worked by hand below.

use super::round;
use super::settle::Window;
use super::steady::Steady;
use super::tokens::{arrivals, first, is_waste};
use crate::record::{Moment, Request, Run, Span, Step};
use crate::units::Tokens;

/// More laps than this tell no more of the error of a share, and each is a fit of its own.
const MOST_LAPS: usize = 40;

/// Tokens by what they cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct KindTokens {
    /// Prompt tokens that were computed.
    pub(crate) uncached: Tokens,
    /// Prompt tokens that a prefix cache had.
    pub(crate) cached: Tokens,
    /// Output tokens.
    pub(crate) output: Tokens,
}

impl std::ops::AddAssign for KindTokens {
    fn add_assign(&mut self, other: Self) {
        self.uncached += other.uncached;
        self.cached += other.cached;
        self.output += other.output;
    }
}

/// A part of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lap {
    /// From when to when: what comes at its end is in it.
    pub(crate) span: Span,
    /// Tokens that somebody got.
    pub(crate) delivered: KindTokens,
    /// Tokens of requests that failed or were given up.
    pub(crate) wasted: KindTokens,
}

/// The steady window of a run.
#[derive(Debug)]
pub(crate) struct SteadyWork<'a> {
    /// From when to when.
    pub(crate) span: Span,
    /// Its laps, in order.
    pub(crate) laps: Vec<Lap>,
    /// The steps that ran in it, in whole or in part.
    pub(crate) steps: Vec<&'a Step>,
    /// Whether every request with output in it says how much of its prompt was cached.
    pub(crate) tells_cached: bool,
}

impl<'a> SteadyWork<'a> {
    /// Of a run; `None` where it has no steady window.
    pub(crate) fn of(run: &'a Run) -> Option<Self> {
        let window = Window::of(run, run.measured()?).span;
        let steady = Steady::of(run, window)?;
        let span = steady.span();
        let mut laps = laps(steady.borders(), round(run));
        let mut tells_cached = true;
        for request in &run.requests {
            let wasted = is_waste(request, span.to);
            let mut add = |at: Moment, tokens: KindTokens| {
                let Some(lap) = lap_of(&laps, at) else { return false };
                let to = if wasted { &mut laps[lap].wasted } else { &mut laps[lap].delivered };
                *to += tokens;
                true
            };
            for arrival in arrivals(request) {
                add(arrival.at, KindTokens { output: arrival.tokens, ..KindTokens::default() });
            }
            let (prompt, told) = prompt(request);
            let counted = first(request).is_some_and(|at| add(at, prompt));
            tells_cached &= told || !counted;
        }
        let runs_in_it = |step: &&Step| span.overlap(step.span).is_some();
        let steps = run.steps.iter().filter(runs_in_it).collect();
        Some(Self { span, laps, steps, tells_cached })
    }

    /// The lap that something belongs to that came at a moment.
    pub(crate) fn lap_of(&self, at: Moment) -> Option<usize> {
        lap_of(&self.laps, at)
    }

    /// Tokens that somebody got, of all laps.
    pub(crate) fn delivered(&self) -> KindTokens {
        let mut all = KindTokens::default();
        self.laps.iter().for_each(|lap| all += lap.delivered);
        all
    }
}

/// When a request's output tokens came, by the target's count.
pub(crate) fn output_arrivals(request: &Request) -> impl Iterator<Item = (Moment, Tokens)> + '_ {
    arrivals(request).map(|arrival| (arrival.at, arrival.tokens))
}

/// A request's prompt, and whether the target says how much of it was cached.
fn prompt(request: &Request) -> (KindTokens, bool) {
    let told = request.done.as_ref().and_then(|done| done.usage.cached);
    let cached = told.unwrap_or_default().min(request.prompt);
    let uncached = Tokens(request.prompt.0 - cached.0);
    (KindTokens { uncached, cached, output: Tokens(0) }, told.is_some())
}

/// As many laps of about equal numbers of stretches as there can be, none shorter than a round.
fn laps(borders: &[Moment], round: usize) -> Vec<Lap> {
    let stretches = borders.len().saturating_sub(1);
    let count = (stretches / round.max(1)).clamp(1, MOST_LAPS);
    let at = |lap: usize| borders.get(lap * stretches / count).copied().unwrap_or_default();
    let empty = KindTokens::default();
    (0..count)
        .map(|lap| Span { from: at(lap), to: at(lap + 1) })
        .map(|span| Lap { span, delivered: empty, wasted: empty })
        .collect()
}

/// The lap that something belongs to that came at a moment.
fn lap_of(laps: &[Lap], at: Moment) -> Option<usize> {
    let lap = laps.partition_point(|lap| lap.span.to < at);
    laps.get(lap).is_some_and(|lap| lap.span.from < at).then_some(lap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::builder::{RunBuilder, ms, request};
    use crate::record::{Failure, FailureKind, Finish};

    /// Requests of 100 ms end at 100, 200, … 500; one of them fails. The window is from 0 (nothing was
    /// in flight) to 500, in four laps of one (the failure ends none): the second is 200 ms long.
    #[test]
    fn laps_fill_the_window_and_hold_each_token_once() {
        let failed = || Finish::Failed(Failure::new(FailureKind::Server, "no"));
        let run = (0..5).fold(RunBuilder::measured(0.0, 550.0), |run, n| {
            let asked = request(100.0 * f64::from(n)).prompt(50).tokens(4, 25.0);
            run.request(asked.done(if n == 1 { failed() } else { Finish::Length }))
        });
        let mut run = run.build();
        for (request, cached) in run.requests.iter_mut().zip([0, 20, 0, 40, 90]) {
            request.done.as_mut().unwrap().usage.cached = Some(Tokens(cached));
        }
        let work = SteadyWork::of(&run).unwrap();
        let ends: Vec<_> = work.laps.iter().map(|lap| lap.span.to).collect();
        assert_eq!(ends, [ms(100.0), ms(300.0), ms(400.0), ms(500.0)]);
        assert_eq!(work.laps[0].span.from, work.span.from);
        assert!(work.laps.windows(2).all(|two| two[0].span.to == two[1].span.from));
        let tokens = |uncached, cached, output| KindTokens {
            uncached: Tokens(uncached),
            cached: Tokens(cached),
            output: Tokens(output),
        };
        let delivered: Vec<_> = work.laps.iter().map(|lap| lap.delivered).collect();
        // The last says that more was cached than there was.
        let want = [tokens(50, 0, 4), tokens(50, 0, 4), tokens(10, 40, 4), tokens(0, 50, 4)];
        assert_eq!(delivered, want);
        assert_eq!(work.laps[1].wasted, tokens(30, 20, 4));
        assert!(work.tells_cached);
        run.requests[2].done.as_mut().unwrap().usage.cached = None;
        assert!(!SteadyWork::of(&run).unwrap().tells_cached);
    }
}
