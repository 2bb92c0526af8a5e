//! How long a step takes, by what is in it: `COST_MODEL.md`, section 3.
//!
//! ```text
//! T = c0 + c_p p + c_a a + c_d d + c_k k
//! ```
//!
//! separately for steps of prefill alone, of decoding alone and of both, as `summary` fits them.
//!
//! Invariant: a profile gives every step a time above zero, the same on every machine, and says which
//! of its parts were not measured. A regime that was not measured is put together from the others
//! ([`Profile::of_fit`]); a term that the fit can't tell from those before it is in them, so it is 0
//! here. Guarded by `tests::profile`.

use super::PlanError;
use super::tick::Tick;
use crate::summary::{Fit, StepFit, Term};
use crate::units::{Ratio, Seconds};
use serde::{Deserialize, Serialize};

/// What step times are made of, and where that is known from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What it is of: a model on a machine.
    pub name: String,
    /// Where it is from: a run, an estimate, a publication.
    pub source: String,
    /// Steps of prefill alone.
    pub prefill: Coefficients,
    /// Steps of decoding alone.
    pub decode: Coefficients,
    /// Steps of both.
    pub mixed: Coefficients,
    /// From the end of a step to the beginning of the next, while there is work; part of every step.
    #[serde(default)]
    pub between: Seconds,
    /// What was put together rather than measured.
    #[serde(default)]
    pub derived: Vec<Derived>,
    /// The error of the fit on steps held out, of the worst regime; `None`: it is from no fit.
    #[serde(default)]
    pub error: Option<Ratio>,
}

/// The times of a step's terms.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coefficients {
    /// Of a step: weights read once, launches.
    pub step: Seconds,
    /// Of a prompt token that is computed.
    #[serde(default)]
    pub prompt: Seconds,
    /// Of a token of context that a prompt token attends to.
    #[serde(default)]
    pub prompt_context: Seconds,
    /// Of a sequence that decodes.
    #[serde(default)]
    pub sequence: Seconds,
    /// Of a token of context that a decoding sequence attends to.
    #[serde(default)]
    pub sequence_context: Seconds,
}

/// A regime that too few steps were measured of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Derived {
    /// Prefill alone: as mixed steps without sequences that decode, or, where these are missing too,
    /// a prompt token takes what a decoding sequence takes.
    Prefill,
    /// Both: the dearer of the two fixed times, and the terms of both.
    Mixed,
}

impl Profile {
    /// From what a run's steps were fitted to. `between` is the time between steps.
    ///
    /// # Errors
    /// Where steps of decoding alone were not fitted: nothing else tells what a batch costs.
    pub fn of_fit(
        name: impl Into<String>,
        source: impl Into<String>,
        fit: &StepFit,
        between: Seconds,
    ) -> Result<Self, PlanError> {
        let told = |fit: &Option<Fit>| fit.as_ref().map(Coefficients::of);
        let decode = told(&fit.decode).ok_or(PlanError::NoDecode)?;
        let mut derived = Vec::new();
        let (prefill, mixed) = (told(&fit.prefill), told(&fit.mixed));
        let prefill = prefill.unwrap_or_else(|| {
            derived.push(Derived::Prefill);
            let none = Seconds(0.0);
            match mixed {
                Some(mixed) => Coefficients { sequence: none, sequence_context: none, ..mixed },
                None => Coefficients {
                    prompt: decode.sequence,
                    prompt_context: decode.sequence_context,
                    sequence: none,
                    sequence_context: none,
                    ..decode
                },
            }
        });
        let mixed = mixed.unwrap_or_else(|| {
            derived.push(Derived::Mixed);
            let step = if prefill.step > decode.step { prefill.step } else { decode.step };
            Coefficients {
                step,
                sequence: decode.sequence,
                sequence_context: decode.sequence_context,
                ..prefill
            }
        });
        let errors = [&fit.prefill, &fit.decode, &fit.mixed].into_iter().flatten();
        let worst = |a: Ratio, b: Ratio| if a > b { a } else { b };
        let error = errors.map(|fit| fit.held_out_error).reduce(worst);
        let (name, source) = (name.into(), source.into());
        Ok(Self { name, source, prefill, decode, mixed, between, derived, error })
    }

    /// Whether every step of it has a time.
    ///
    /// # Errors
    /// Where a coefficient is negative, no number or beyond reason, or a step takes no time.
    pub fn check(&self) -> Result<(), PlanError> {
        self.clock().map(|_| ())
    }

    /// The profile in exact time.
    pub(super) fn clock(&self) -> Result<StepClock, PlanError> {
        let between = self.ticks("all", "between", self.between)?;
        let regime = |regime, of: &Coefficients| {
            let time = |term, value| self.ticks(regime, term, value);
            let exact = Exact {
                step: time("step", of.step)?.after(between),
                prompt: time("prompt", of.prompt)?,
                prompt_context: time("prompt_context", of.prompt_context)?,
                sequence: time("sequence", of.sequence)?,
                sequence_context: time("sequence_context", of.sequence_context)?,
            };
            // Without a fixed time, there must be one for each token at least: time has to pass.
            let passes = match regime {
                "prefill" => exact.step.after(exact.prompt).after(exact.prompt_context),
                "decode" => exact.step.after(exact.sequence).after(exact.sequence_context),
                _ => exact.step.after(exact.prompt).after(exact.sequence),
            };
            if passes == Tick::default() {
                return Err(PlanError::Timeless { profile: self.name.clone(), regime });
            }
            Ok(exact)
        };
        Ok(StepClock {
            prefill: regime("prefill", &self.prefill)?,
            decode: regime("decode", &self.decode)?,
            mixed: regime("mixed", &self.mixed)?,
        })
    }

    fn ticks(
        &self,
        regime: &'static str,
        term: &'static str,
        value: Seconds,
    ) -> Result<Tick, PlanError> {
        if (0.0..=1_000.0).contains(&value.0) {
            return Ok(Tick::of(value));
        }
        Err(PlanError::Coefficient { profile: self.name.clone(), regime, term, value })
    }
}

impl Coefficients {
    /// What a fit found. A term that it can't tell from the others has no time of its own. Context
    /// that nobody told apart is charged alike, whoever attends to it.
    fn of(fit: &Fit) -> Self {
        let (none, either) = (Seconds(0.0), fit.time(Term::Context));
        Self {
            step: fit.time(Term::Step).unwrap_or(none),
            prompt: fit.time(Term::Prompt).unwrap_or(none),
            prompt_context: fit.time(Term::PromptContext).or(either).unwrap_or(none),
            sequence: fit.time(Term::Sequence).unwrap_or(none),
            sequence_context: fit.time(Term::SequenceContext).or(either).unwrap_or(none),
        }
    }
}

/// What is in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Composition {
    /// Prompt tokens that are computed: p.
    pub(super) prompt: u64,
    /// The contexts that they attend to: a.
    pub(super) prompt_context: u64,
    /// Sequences that decode: d.
    pub(super) sequences: u64,
    /// Their contexts: k.
    pub(super) context: u64,
}

impl Composition {
    /// So many tokens of a prompt, after those that lie in the cache. The contexts are `held + 1`, …,
    /// `held + new`.
    pub(super) fn reads(&mut self, held: u32, new: u32) {
        let (held, new) = (u64::from(held), u64::from(new));
        self.prompt += new;
        self.prompt_context += held * new + new * (new + 1) / 2;
    }

    /// The token after those that lie in the cache.
    pub(super) fn decodes(&mut self, held: u32) {
        self.sequences += 1;
        self.context += u64::from(held) + 1;
    }
}

/// Coefficients in exact time.
#[derive(Debug, Clone, Copy)]
struct Exact {
    step: Tick,
    prompt: Tick,
    prompt_context: Tick,
    sequence: Tick,
    sequence_context: Tick,
}

/// A profile in exact time.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepClock {
    prefill: Exact,
    decode: Exact,
    mixed: Exact,
}

/// A step's time, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct StepTime {
    /// All of it.
    pub(super) whole: Tick,
    /// The part that pays for prompts: its own terms, and the fixed time, which two share by halves.
    pub(super) prefill: Tick,
}

impl StepClock {
    /// How long a step takes.
    pub(super) fn time(&self, of: Composition) -> StepTime {
        let exact = match (of.prompt > 0, of.sequences > 0) {
            (true, true) => &self.mixed,
            (true, false) => &self.prefill,
            (false, _) => &self.decode,
        };
        let reading =
            exact.prompt.times(of.prompt).after(exact.prompt_context.times(of.prompt_context));
        let decoding =
            exact.sequence.times(of.sequences).after(exact.sequence_context.times(of.context));
        let whole = exact.step.after(reading).after(decoding);
        let prefill = match (of.prompt > 0, of.sequences > 0) {
            (true, true) => reading.after(exact.step.half()),
            (true, false) => whole,
            (false, _) => Tick::default(),
        };
        StepTime { whole, prefill }
    }

    /// How long so many steps of decoding take, whose contexts grow by one a sequence each time: the
    /// sum of an arithmetic series, exactly.
    pub(super) fn even(&self, sequences: u64, context: u64, steps: u32) -> Tick {
        let steps = u64::from(steps);
        let first = self.time(Composition { sequences, context, ..Composition::default() }).whole;
        let grows = self.decode.sequence_context.times(sequences);
        first.times(steps).after(grows.times(steps * steps.saturating_sub(1) / 2))
    }
}
