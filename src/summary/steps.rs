//! What an engine's steps tell: how fast it reads prompts and writes tokens, and how idle it was.
//!
//! Invariant: a rate is of the steps that held nothing but its kind of work, where the window has such
//! steps; else of all steps that held some, each by the part of its time that the split gives to it
//! (`split`; `COST_MODEL.md`, section 3). Guarded by hand-worked runs in `tests.rs`.

use super::interval::{Stretch, Total, ratio_of_totals};
use super::split::Alone;
use super::tokens::output;
use crate::record::{Request, Run, Span, Step};
use crate::units::{Quantity, Ratio, Seconds, Tokens};
use serde::Serialize;

/// Steps of one kind in the steady window, summed: what a roofline needs to know of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StepTotals {
    /// How many there were: each read the weights once.
    pub steps: u64,
    /// Their time.
    pub time: Seconds,
    /// Tokens that they computed.
    pub tokens: Tokens,
    /// The contexts that these tokens attended to.
    pub context: Tokens,
}

impl StepTotals {
    /// The mean context of a token, to the nearest token.
    pub fn mean_context(&self) -> Option<Tokens> {
        let half = self.tokens.0 / 2;
        self.context.0.saturating_add(half).checked_div(self.tokens.0).map(Tokens)
    }

    fn of(steps: &[&Step]) -> Option<Self> {
        (!steps.is_empty()).then(|| Self {
            steps: steps.len() as u64,
            time: steps.iter().map(|step| step.length()).sum(),
            tokens: steps.iter().map(|step| tokens(step)).sum(),
            context: steps.iter().map(|step| step.context).sum(),
        })
    }
}

/// The engine's speed in the two kinds of work, and what it is taken from.
#[derive(Debug, Default)]
pub(super) struct Speeds {
    pub(super) prefill: Option<Total>,
    pub(super) decode: Option<Total>,
    pub(super) prefill_steps: Option<StepTotals>,
    pub(super) decode_steps: Option<StepTotals>,
}

impl Speeds {
    /// From the steps that lie wholly in the window, where steps were recorded. Else from the
    /// outside, for one request in flight: its time to first token is its prefill, and the rest is
    /// decoding, with what the way to the target takes counted in. With more in flight the outside
    /// can't tell them apart.
    pub(super) fn of(run: &Run, window: Span) -> Self {
        if !run.steps.is_empty() {
            return Self::of_steps(&run.steps, window);
        }
        if run.header.workload.in_flight() == Some(1) {
            Self::of_requests(run, window)
        } else {
            Self::default()
        }
    }

    fn of_steps(steps: &[Step], window: Span) -> Self {
        let inside = |step: &&Step| window.from <= step.span.from && step.span.to <= window.to;
        let pure = |wanted: fn(&Step) -> bool| -> Vec<&Step> {
            steps.iter().filter(inside).filter(|step| wanted(step)).collect()
        };
        let prefill = pure(|step| step.prefill > Tokens(0) && step.decode == 0);
        let decode = pure(|step| step.prefill == Tokens(0) && step.decode > 0);
        let rate = |steps: &[&Step]| {
            let stretch = |step: &&Step| Stretch { x: step.length().get(), y: tokens(step).get() };
            ratio_of_totals(&steps.iter().map(stretch).collect::<Vec<_>>(), 1)
        };
        // A full batch reads its prompts beside others' decoding: then no step is prefill alone.
        let alone = Alone::of(steps);
        let shared = |part: fn(&Alone, &Step) -> Option<(Seconds, Tokens)>| {
            let stretches: Vec<_> = steps
                .iter()
                .filter(inside)
                .filter_map(|step| part(&alone, step))
                .filter(|(_, tokens)| *tokens > Tokens(0))
                .map(|(time, tokens)| Stretch { x: time.get(), y: tokens.get() })
                .collect();
            ratio_of_totals(&stretches, 1)
        };
        let prefill_part =
            |alone: &Alone, step: &Step| Some((alone.prefill_part(step)?, step.prefill));
        let decode_part = |alone: &Alone, step: &Step| {
            let prefill = alone.prefill_part(step)?;
            Some((step.length() - prefill, Tokens(step.decode.into())))
        };
        Self {
            prefill: rate(&prefill).or_else(|| shared(prefill_part)),
            decode: rate(&decode).or_else(|| shared(decode_part)),
            prefill_steps: StepTotals::of(&prefill),
            decode_steps: StepTotals::of(&decode),
        }
    }

    fn of_requests(run: &Run, window: Span) -> Self {
        let inside = |request: &&Request| {
            let ended = request.done.as_ref().is_some_and(|done| done.at <= window.to);
            request.succeeded() && window.from <= request.sent && ended
        };
        let requests: Vec<_> = run.requests.iter().filter(inside).collect();
        let rate = |stretch: fn(&Request) -> Option<Stretch>| {
            let stretches: Vec<_> =
                requests.iter().filter_map(|request| stretch(request)).collect();
            ratio_of_totals(&stretches, 1)
        };
        Self { prefill: rate(prefill_outside), decode: rate(decode_outside), ..Self::default() }
    }
}

/// Prompt tokens over the time to the first token, from when the request was sent.
fn prefill_outside(request: &Request) -> Option<Stretch> {
    let time = request.chunks.first()?.since(request.sent);
    Some(Stretch { x: time.get(), y: request.prompt.get() })
}

/// Output tokens but the first over the time from the first to the last.
fn decode_outside(request: &Request) -> Option<Stretch> {
    let time = request.chunks.last()?.since(*request.chunks.first()?);
    let after_first = Tokens(output(request).0.checked_sub(1)?);
    Some(Stretch { x: time.get(), y: after_first.get() })
}

/// The share of a window in which a step was running; `None` where no steps were recorded.
pub(super) fn occupancy(run: &Run, window: Span) -> Option<Ratio> {
    let inside = run.steps.iter().filter_map(|step| window.overlap(step.span)).map(Span::length);
    (!run.steps.is_empty()).then(|| inside.sum::<Seconds>() / window.length())
}

/// Tokens that a step computed.
fn tokens(step: &Step) -> Tokens {
    step.prefill + Tokens(u64::from(step.decode))
}
