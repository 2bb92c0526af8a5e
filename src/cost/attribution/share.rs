//! One step's time by who used it: COST_MODEL.md section 3.
//!
//! Invariant: the three shares of a step add up to its time exactly, and none is below zero. Guarded by
//! the hand-worked steps and by the property in `tests.rs`.
//!
//! ```text
//! T = c0 + [c_p p + c_a a] + [c_d d + c_k k] + e
//! ```
//!
//! A step of one kind is that kind's, whatever the fit says. In a mixed step each player pays its own
//! bracket and half of c0 (Shapley: either would have needed the step alone), and `e` is shared in
//! proportion, so a share is the fitted one times T over the fitted T. Inside prefill, `c_a × ac`, taken
//! in the same proportion, is cached input; c0 and the rest are uncached input.
//!
//! Where the mixed steps were not fitted so that prompts and sequences are told apart, what each player
//! takes *alone* stands in, by the fits of pure steps or, where these were too few for a fit, by their
//! means: prefill's part is then `(t_p + T - t_d) / 2`, the same value of the same game with T as the
//! worth of both. Which of these it was is part of the result.

use crate::record::Step;
use crate::summary::{Alone, Fit, StepFit, Term};
use crate::units::{Quantity, Ratio, Seconds, Tokens};
use serde::Serialize;

/// What tells the two players of a mixed step apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MixedBy {
    /// No step was mixed.
    NoneSeen,
    /// The fit of mixed steps.
    Fit,
    /// The fits of pure steps: what each would take alone.
    PureFits,
    /// The means of pure steps, which were too few to be fitted.
    PureMeans,
}

/// What tells cached input from uncached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CachedBy {
    /// Nothing was cached.
    NothingCached,
    /// What a token of context takes, by the fit.
    Fit,
    /// Nothing: its time is in that of uncached input, and it has no price of its own.
    Untold,
}

/// Time by who used it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Shares {
    /// Computing prompt tokens, less what attending to cached ones took.
    pub uncached: Seconds,
    /// Attending to cached prompt tokens.
    pub cached: Seconds,
    /// Decoding.
    pub output: Seconds,
}

impl Shares {
    /// All of it.
    pub fn sum(&self) -> Seconds {
        self.uncached + self.cached + self.output
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            uncached: self.uncached + other.uncached,
            cached: self.cached + other.cached,
            output: self.output + other.output,
        }
    }

    pub(super) fn times(self, by: Ratio) -> Self {
        Self { uncached: self.uncached * by, cached: self.cached * by, output: self.output * by }
    }

    /// Cached input's time put to that of uncached.
    pub(super) fn cached_untold(self) -> Self {
        Self { uncached: self.uncached + self.cached, cached: Seconds(0.0), ..self }
    }
}

/// How steps are shared out, the same for all of a run.
pub(super) struct Sharing<'a> {
    fit: &'a StepFit,
    alone: &'a Alone,
    mixed: Option<MixedBy>,
    cached: CachedBy,
}

impl<'a> Sharing<'a> {
    /// Chooses what tells the players apart, the best first.
    pub(super) fn of(steps: &[&Step], fit: &'a StepFit, alone: &'a Alone) -> Self {
        let mut of_both = steps.iter().filter(|step| is_mixed(step)).peekable();
        let tells = |fit: Option<&Fit>, terms: &[Term]| {
            fit.is_some_and(|fit| terms.iter().all(|term| fit.time(*term).is_some()))
        };
        let mixed = if of_both.peek().is_none() {
            Some(MixedBy::NoneSeen)
        } else if tells(fit.mixed.as_ref(), &[Term::Prompt, Term::Sequence, Term::PromptContext]) {
            Some(MixedBy::Fit)
        } else if tells(fit.prefill.as_ref(), &[Term::Step, Term::Prompt])
            && tells(fit.decode.as_ref(), &[Term::Step])
        {
            Some(MixedBy::PureFits)
        } else if of_both.all(|step| alone.prefill_part(step).is_some()) {
            Some(MixedBy::PureMeans)
        } else {
            None
        };
        let mut read = steps.iter().filter(|step| step.prefill > Tokens(0));
        let cached = if read.clone().all(|step| step.cached_context == Some(Tokens(0))) {
            CachedBy::NothingCached
        } else if read.all(|step| step.cached_context.is_some()) && of_context(fit).is_some() {
            CachedBy::Fit
        } else {
            CachedBy::Untold
        };
        Self { fit, alone, mixed, cached }
    }

    pub(super) fn mixed_by(&self) -> Option<MixedBy> {
        self.mixed
    }

    pub(super) fn cached_by(&self) -> CachedBy {
        self.cached
    }

    /// A step's time by who used it; `None` for a mixed step where nothing tells its players apart.
    pub(super) fn shares(&self, step: &Step) -> Option<Shares> {
        let whole = step.length();
        let (prefill, scale) = match (step.prefill > Tokens(0), step.decode > 0) {
            (_, false) => (whole, scale(self.fit.prefill.as_ref(), step)),
            (false, true) => (Seconds(0.0), Ratio::ONE),
            (true, true) => self.prefill_of_mixed(step)?,
        };
        let prefill = within(prefill, whole);
        let context = step.cached_context.filter(|_| self.cached == CachedBy::Fit);
        let cached = context.zip(self.context_time(step)).map_or(Seconds(0.0), |(tokens, each)| {
            within(Seconds(each.get() * tokens.get()) * scale, prefill)
        });
        Some(Shares { uncached: prefill - cached, cached, output: whole - prefill })
    }

    /// Prefill's part of a mixed step, and the proportion in which its terms are in it.
    fn prefill_of_mixed(&self, step: &Step) -> Option<(Seconds, Ratio)> {
        let whole = step.length();
        match self.mixed? {
            MixedBy::Fit => {
                let fit = self.fit.mixed.as_ref()?;
                let time = |term| fit.time(term).unwrap_or_default().get();
                let own = time(Term::Prompt) * step.prefill.get()
                    + time(Term::PromptContext) * step.prefill_context?.get();
                let told = fit.step(step)?;
                // A fit that takes such a step for nothing says nothing of its parts.
                if told.get() <= 0.0 {
                    return Some((whole * Ratio::percent(50.0), Ratio::ONE));
                }
                let scale = whole / told;
                Some((Seconds(own + time(Term::Step) / 2.0) * scale, scale))
            }
            MixedBy::PureFits => {
                let only = |prefill: bool| {
                    let context = step.prefill_context?;
                    let (decode, context) = if prefill {
                        (0, context)
                    } else {
                        (step.decode, less(step.context, context))
                    };
                    let tokens = if prefill { step.prefill } else { Tokens(0) };
                    Some(Step { prefill: tokens, decode, context, prefill_context: None, ..*step })
                };
                let prefill = self.fit.prefill.as_ref()?.step(&only(true)?)?;
                let decode = self.fit.decode.as_ref()?.step(&only(false)?)?;
                let part = half_of_game(prefill, decode, whole);
                let scale = if prefill.get() > 0.0 { part / prefill } else { Ratio::ONE };
                Some((part, scale))
            }
            MixedBy::PureMeans => Some((self.alone.prefill_part(step)?, Ratio::ONE)),
            MixedBy::NoneSeen => None,
        }
    }

    /// What a token of context takes a prompt token in a step of this kind, else in one of the other.
    fn context_time(&self, step: &Step) -> Option<Seconds> {
        let own = match (is_mixed(step), self.mixed) {
            (true, Some(MixedBy::Fit)) => self.fit.mixed.as_ref(),
            _ => self.fit.prefill.as_ref(),
        };
        let told = own.and_then(|fit| fit.time(Term::PromptContext));
        told.filter(|time| time.get() > 0.0).or_else(|| of_context(self.fit))
    }
}

/// How much longer a step of prefill alone took than its fit says.
fn scale(fit: Option<&Fit>, step: &Step) -> Ratio {
    let told = fit.and_then(|fit| fit.step(step)).filter(|told| told.get() > 0.0);
    told.map_or(Ratio::ONE, |told| step.length() / told)
}

fn is_mixed(step: &Step) -> bool {
    step.prefill > Tokens(0) && step.decode > 0
}

/// What a token of context takes a prompt token, by whichever fit tells.
fn of_context(fit: &StepFit) -> Option<Seconds> {
    // A coefficient that is held at zero is one that the steps don't tell from nothing.
    let by = |fit: Option<&Fit>| {
        fit.and_then(|fit| fit.time(Term::PromptContext)).filter(|time| time.get() > 0.0)
    };
    by(fit.prefill.as_ref()).or_else(|| by(fit.mixed.as_ref()))
}

/// One player's value in a game of two, by what each is worth alone and both together.
fn half_of_game(alone: Seconds, other: Seconds, both: Seconds) -> Seconds {
    within(Seconds(f64::midpoint(alone.get(), both.get() - other.get())), both)
}

/// A part of a whole.
fn within(part: Seconds, whole: Seconds) -> Seconds {
    Seconds(part.get().clamp(0.0, whole.get()))
}

fn less(all: Tokens, part: Tokens) -> Tokens {
    Tokens(all.0.saturating_sub(part.0))
}
