//! The steady window: the part of a run that its rates are taken over.
//!
//! Invariant: of a closed loop it begins and ends where requests end, so that it holds whole rounds of
//! work. A window that ended in the middle of a prompt's pass would count the time and not the tokens
//! that the time was spent on. An open loop has no rounds: its requests come by a clock that knows
//! nothing of the server, so any moment is as good a border as another, and one where a request ends
//! is a worse one (it comes more likely after a long gap). Its window is all that was measured, in
//! equal stretches of time, about one a request. Guarded by the hand-worked runs in `tests.rs`.
//!
//! Of a closed loop. Closing border: the last request that ended well within the measured time. Opening border: the
//! start of the measured time, where a request ended just then or none was in flight; else the first
//! that ended well in it. What comes at a border belongs to the stretch that it ends.

use super::interval::Stretch;
use super::tokens::Arrival;
use crate::record::{Moment, Request, Run, Span};
use crate::units::{Quantity, Tokens};

/// More stretches of time tell no more of an open loop.
const MOST_STRETCHES: usize = 500;

/// A steady window, cut into stretches.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Steady {
    /// At least two, rising, the first before the last.
    borders: Vec<Moment>,
}

impl Steady {
    /// The steady window within the measured one; `None` where too few requests ended in it.
    pub(super) fn of(run: &Run, measured: Span) -> Option<Self> {
        let mut borders = completions(run, measured);
        if run.header.workload.in_flight().is_none() {
            borders = evenly(measured, borders.len().min(MOST_STRETCHES));
        } else if is_border(run, measured.from) {
            borders.insert(0, measured.from);
        }
        let steady = Self { borders };
        let (first, last) = (steady.borders.first()?, steady.borders.last()?);
        (first < last).then_some(steady)
    }

    /// Where it is cut, in the order of time.
    pub(super) fn borders(&self) -> &[Moment] {
        &self.borders
    }

    /// From its first border to its last.
    pub(super) fn span(&self) -> Span {
        // `of` makes none without borders.
        let at = |border: Option<&Moment>| border.copied().unwrap_or_default();
        Span { from: at(self.borders.first()), to: at(self.borders.last()) }
    }

    /// Whether something that came at a moment came in it.
    pub(super) fn holds(&self, at: Moment) -> bool {
        let Span { from, to } = self.span();
        from < at && at <= to
    }

    /// Tokens over time, from border to border. `arrivals` are in the order of time.
    pub(super) fn stretches(&self, arrivals: &[Arrival]) -> Vec<Stretch> {
        let until = |border: Moment| arrivals.partition_point(|arrival| arrival.at <= border);
        self.borders
            .windows(2)
            .map(|pair| {
                let came = &arrivals[until(pair[0])..until(pair[1])];
                let tokens = came.iter().map(|arrival| arrival.tokens).sum::<Tokens>();
                Stretch { x: pair[1].since(pair[0]).get(), y: tokens.get() }
            })
            .collect()
    }
}

/// The borders of equal stretches of time; none of no stretches.
fn evenly(measured: Span, stretches: usize) -> Vec<Moment> {
    if stretches == 0 {
        return Vec::new();
    }
    let nanos = u128::from(measured.to.0 - measured.from.0);
    let at = |index: usize| {
        let since = nanos * index as u128 / stretches as u128;
        Moment(measured.from.0 + u64::try_from(since).unwrap_or(u64::MAX))
    };
    (0..=stretches).map(at).collect()
}

/// How many requests were in flight in a window, in the mean over its time, from when they were
/// sent; `None` of a window of no length.
pub(super) fn mean_in_flight(run: &Run, window: Span) -> Option<f64> {
    let length = window.length().get();
    let served = |request: &Request| {
        let to = ended(request).unwrap_or(run.last);
        window.overlap(Span { from: request.sent, to })
    };
    let time: f64 = run.requests.iter().filter_map(served).map(|span| span.length().get()).sum();
    (length > 0.0).then(|| time / length)
}

/// When requests ended well within the measured time, in order.
pub(super) fn completions(run: &Run, measured: Span) -> Vec<Moment> {
    let ended = run.requests.iter().filter(|request| request.succeeded()).filter_map(ended);
    let mut moments: Vec<_> =
        ended.filter(|at| measured.from < *at && *at <= measured.to).collect();
    moments.sort_unstable();
    moments
}

/// Whether one round of work ends and the next begins at a moment.
fn is_border(run: &Run, at: Moment) -> bool {
    let ends = run.requests.iter().any(|request| request.succeeded() && ended(request) == Some(at));
    let in_flight =
        |request: &Request| request.sent < at && ended(request).is_none_or(|ended| ended > at);
    ends || !run.requests.iter().any(in_flight)
}

/// When a request ended, however it did.
fn ended(request: &Request) -> Option<Moment> {
    request.done.as_ref().map(|done| done.at)
}
