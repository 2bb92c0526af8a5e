//! The steady window: the part of a run that its rates are taken over.
//!
//! Invariant: it begins and ends where requests end, so that it holds whole rounds of work. A window
//! that ended in the middle of a prompt's pass would count the time and not the tokens that the time
//! was spent on. Guarded by the hand-worked runs in `tests.rs`.
//!
//! Closing border: the last request that ended well within the measured time. Opening border: the
//! start of the measured time, where a request ended just then or none was in flight; else the first
//! that ended well in it. What comes at a border belongs to the stretch that it ends.

use super::interval::Stretch;
use super::tokens::Arrival;
use crate::record::{Moment, Request, Run, Span};
use crate::units::{Quantity, Tokens};

/// A steady window, cut where requests ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Steady {
    /// At least two, rising, the first before the last.
    borders: Vec<Moment>,
}

impl Steady {
    /// The steady window within the measured one; `None` where too few requests ended in it.
    pub(super) fn of(run: &Run, measured: Span) -> Option<Self> {
        let mut borders = completions(run, measured);
        if is_border(run, measured.from) {
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
