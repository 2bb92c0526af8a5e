//! The split of a server's time, of which no step can be seen, by what a probe told of its requests.
//!
//! Invariant: the three parts add up to the paid time; what the probe tells is only their proportion.
//! Guarded by requests worked by hand in `tests.rs`.
//!
//! Of a prompt of p tokens of which c were cached, u = p - c are computed and attend to
//!
//! ```text
//! a = p (p + 1) / 2 - c (c + 1) / 2,    of which cached    ac = u c
//! ```
//!
//! An output token that n sequences were decoded beside takes `c0 / n + c_d + c_k k`. A prompt that is
//! read while others decode shares their step, so half of its c0 is theirs and half of one of theirs is
//! its own; one that is alone has its own.

use super::share::{CachedBy, Shares};
use crate::record::{Moment, Request, Run, Span};
use crate::summary::{Crowd, Fit, RequestFit, SteadyWork, Term, output_arrivals};
use crate::units::{Quantity, Seconds, Tokens};

/// Up to so many in flight in the mean, a request is taken to be alone.
const ALONE: f64 = 1.01;

/// The coefficients that a split needs.
pub(super) struct Probe {
    prompt: [f64; 3],
    output: [f64; 3],
}

impl Probe {
    /// From a probe; `None` where it doesn't tell prompts of different lengths apart, or one load from
    /// another though more than one sequence is decoded.
    pub(super) fn of(fit: &RequestFit, in_flight: f64) -> Option<Self> {
        let time = |fit: &Fit, term| fit.time(term).map(Quantity::get);
        let (prefill, decode) = (fit.prefill.as_ref()?, fit.decode.as_ref()?);
        let loads = time(decode, Term::Sequence);
        if in_flight > ALONE && loads.is_none() {
            return None;
        }
        Some(Self {
            prompt: [
                time(prefill, Term::Step)?,
                time(prefill, Term::Prompt)?,
                time(prefill, Term::PromptContext).unwrap_or_default(),
            ],
            output: [
                time(decode, Term::Step)?,
                loads.unwrap_or_default(),
                time(decode, Term::SequenceContext).unwrap_or_default(),
            ],
        })
    }

    /// Of a request's prompt, read beside so many other sequences (a share of one, or more).
    fn prompt(&self, prompt: Tokens, cached: Tokens, beside: f64) -> Shares {
        let [step, each, context] = self.prompt;
        let (p, c) = (prompt.get(), cached.get().min(prompt.get()));
        let attended = (p * (p + 1.0) - c * (c + 1.0)) / 2.0;
        let cached = (p - c) * c;
        let together = beside.clamp(0.0, 1.0);
        let own = each * (p - c) + context * (attended - cached) + step * (1.0 - together / 2.0);
        Shares {
            uncached: Seconds(own),
            cached: Seconds(context * cached),
            output: Seconds(-self.output[0] * together / 2.0),
        }
    }

    /// Of so many output tokens, each attending to so many, decoded by so many sequences at once.
    fn output(&self, tokens: Tokens, context: f64, sequences: f64) -> Shares {
        let [step, each, attended] = self.output;
        let token = step / sequences.max(1.0) + each + attended * context;
        Shares { output: Seconds(token * tokens.get()), ..Shares::default() }
    }

    /// The time of each lap of the window, unscaled.
    pub(super) fn laps(&self, run: &Run, crowd: &Crowd, work: &SteadyWork<'_>) -> Vec<Shares> {
        // One at least: who asks is there.
        let in_flight = |span: Span| crowd.mean(span).max(1.0);
        let mut laps = vec![Shares::default(); work.laps.len()];
        let mut add = |at: Moment, shares: Shares| {
            if let Some(sum) = work.lap_of(at).and_then(|lap| laps.get_mut(lap)) {
                *sum = sum.plus(shares);
            }
        };
        for request in &run.requests {
            let Some((first, last)) = ends(request) else { continue };
            let cached = request.done.as_ref().and_then(|done| done.usage.cached);
            let reading = Span { from: request.sent, to: first };
            let beside = in_flight(reading) - 1.0;
            add(first, self.prompt(request.prompt, cached.unwrap_or_default(), beside));
            let sequences = in_flight(Span { from: first, to: last });
            let mut context = request.prompt.get();
            for (at, tokens) in output_arrivals(request) {
                add(at, self.output(tokens, context, sequences));
                context += tokens.get();
            }
        }
        laps
    }
}

/// What tells cached input apart, from the outside: the target's own word.
pub(super) fn cached_by(work: &SteadyWork<'_>) -> CachedBy {
    match (work.tells_cached, work.delivered().cached) {
        (false, _) => CachedBy::Untold,
        (true, Tokens(0)) => CachedBy::NothingCached,
        (true, _) => CachedBy::Fit,
    }
}

/// When a request's first and last output came.
fn ends(request: &Request) -> Option<(Moment, Moment)> {
    let done = request.done.as_ref().map(|done| done.at);
    let first = request.chunks.first().copied().or(done)?;
    Some((first, request.chunks.last().copied().unwrap_or(first)))
}
