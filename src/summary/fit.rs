//! What a step's time is made of: `COST_MODEL.md`, section 3.
//!
//! ```text
//! T = c0 + c_p p + c_a a + c_d d + c_k k,    all c >= 0
//! ```
//!
//! p prompt tokens that are computed, a the contexts that they attend to, d sequences that decode, k
//! their contexts. A step is bound by arithmetic or by memory, so one line through all misfits: steps
//! of prefill alone, of decoding alone and of both are fitted each for themselves.
//!
//! Invariant: a coefficient is only given where the run tells it from the others: prompts of one
//! length don't tell the time of a step from that of its tokens, and then the later of the two is
//! named as undetermined. Every fifth step is held out and the error on those stated, so that a fit
//! that only remembers is seen. Errors are total over total. Guarded by steps simulated from known
//! coefficients below.
//!
//! Steps differ in length by orders of magnitude and err in proportion, so squares are weighted by
//! one over the time squared: the *relative* error is the least.

mod predict;

pub use predict::Prediction;

use super::crowd::Crowd;
use super::nnls;
use super::tokens::output;
use crate::record::{Request, Run, Span, Step};
use crate::units::{Quantity, Ratio, Seconds, Tokens};
use serde::Serialize;

/// One sample of so many is held out.
const HELD_OUT: usize = 5;

/// Fewer samples to a coefficient only fit themselves.
const SAMPLES_EACH: usize = 4;

/// What a coefficient is the time of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// A step: weights read once, launches; of a request, the way there and back too.
    Step,
    /// A prompt token that is computed.
    Prompt,
    /// A token of context that a prompt token attends to.
    PromptContext,
    /// A sequence that decodes.
    Sequence,
    /// A token of context that a decoding sequence attends to.
    SequenceContext,
    /// A token of context, whoever attends to it: steps of both kinds, where nobody told them apart.
    Context,
}

/// One coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Coefficient {
    /// Of what.
    pub term: Term,
    /// Its time.
    pub time: Seconds,
}

/// A fit over samples of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    /// How many samples it is from.
    pub fitted: u64,
    /// How many were held out.
    pub held_out: u64,
    /// What it found.
    pub coefficients: Vec<Coefficient>,
    /// What the samples can't tell from what is before it in the formula.
    pub undetermined: Vec<Term>,
    /// The samples' errors, without their signs, over their times.
    pub error: Ratio,
    /// The same of those held out.
    pub held_out_error: Ratio,
    /// The middle one of these errors, each over its own sample's time.
    pub held_out_median: Ratio,
}

/// The steps of an engine, by kind; `None`: too few of that kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepFit {
    /// Of prefill alone.
    pub prefill: Option<Fit>,
    /// Of decoding alone.
    pub decode: Option<Fit>,
    /// Of both.
    pub mixed: Option<Fit>,
}

/// What requests tell from the outside.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestFit {
    /// The time to first token of requests that were alone until it came, by the length of their
    /// prompts; `None`: too few were. Under load it holds waiting, and tells nothing of this.
    pub prefill: Option<Fit>,
    /// The time per output token by how many were in flight and their contexts; `None`: too few
    /// samples. What others' prompts take meanwhile is in it.
    pub decode: Option<Fit>,
}

/// One sample: what it is made of, and its time.
type Sample = (Vec<f64>, f64);

/// Fits the steps that lie in the measured time.
pub fn fit_steps(run: &Run) -> StepFit {
    let window = run.measured();
    let inside = |step: &&Step| {
        window.is_some_and(|window| window.from <= step.span.from && step.span.to <= window.to)
    };
    StepFit::of(&run.steps.iter().filter(inside).collect::<Vec<_>>())
}

impl StepFit {
    /// Fits steps, each kind for itself.
    pub fn of(steps: &[&Step]) -> Self {
        Self::of_those(steps, |_| true)
    }

    /// The same without some of them. Of the others the same are held out as of all: a fit must not
    /// change because the count of its samples is shifted.
    pub fn of_those(steps: &[&Step], wanted: impl Fn(&Step) -> bool) -> Self {
        let of = |kind: fn(&Step) -> bool, terms: &[Term]| {
            let numbered = steps.iter().filter(|step| kind(step)).enumerate();
            let numbered = numbered.filter(|(_, step)| wanted(step));
            let samples = numbered.filter_map(|(n, step)| Some((n, sample(step, terms)?)));
            fit(terms, &samples.collect::<Vec<_>>())
        };
        let told = |step: &&&Step| step.prefill_context.is_some();
        let mixed_terms: &[Term] = if steps.iter().filter(|step| is_mixed(step)).all(|s| told(&s)) {
            &[Term::Step, Term::Prompt, Term::PromptContext, Term::Sequence, Term::SequenceContext]
        } else {
            &[Term::Step, Term::Prompt, Term::Sequence, Term::Context]
        };
        Self {
            prefill: of(
                |step| step.prefill > Tokens(0) && step.decode == 0,
                &[Term::Step, Term::Prompt, Term::PromptContext],
            ),
            decode: of(
                |step| step.prefill == Tokens(0) && step.decode > 0,
                &[Term::Step, Term::Sequence, Term::SequenceContext],
            ),
            mixed: of(is_mixed, mixed_terms),
        }
    }
}

fn is_mixed(step: &Step) -> bool {
    step.prefill > Tokens(0) && step.decode > 0
}

/// A step by its terms; `None` where it doesn't tell one of them.
fn sample(step: &Step, terms: &[Term]) -> Option<Sample> {
    // All context of a step of one kind is that kind's.
    let prompt_context = match (step.prefill_context, step.decode) {
        (Some(told), _) => Some(told),
        (None, 0) => Some(step.context),
        (None, _) if step.prefill == Tokens(0) => Some(Tokens(0)),
        (None, _) => None,
    };
    let value = |term: &Term| {
        Some(match term {
            Term::Step => 1.0,
            Term::Prompt => step.prefill.get(),
            Term::PromptContext => prompt_context?.get(),
            Term::Sequence => f64::from(step.decode),
            Term::SequenceContext => step.context.get() - prompt_context?.get(),
            Term::Context => step.context.get(),
        })
    };
    let row: Option<Vec<f64>> = terms.iter().map(value).collect();
    Some((row?, step.length().get()))
}

/// Fits what requests show from the outside, over runs of one target: several loads and lengths tell
/// more than one does.
pub fn fit_requests(runs: &[&Run]) -> RequestFit {
    let (mut prefill, mut decode) = (Vec::new(), Vec::new());
    for run in runs {
        let crowd = Crowd::of(run);
        prefill.extend(run.requests.iter().filter_map(|request| unloaded(&crowd, request)));
        decode.extend(run.requests.iter().filter_map(|request| decoding(&crowd, request)));
    }
    RequestFit {
        prefill: fit(&[Term::Step, Term::Prompt, Term::PromptContext], &numbered(prefill)),
        decode: fit(&[Term::Step, Term::Sequence, Term::SequenceContext], &numbered(decode)),
    }
}

/// A request that was alone from when it was sent until its first token came, and found nothing in a
/// cache that it is known to have found.
fn unloaded(crowd: &Crowd, request: &Request) -> Option<Sample> {
    let first = *request.chunks.first().filter(|_| request.succeeded())?;
    let cached = request.done.as_ref()?.usage.cached;
    let span = Span { from: request.sent, to: first };
    let prompt = request.prompt.get();
    let row = vec![1.0, prompt, prompt * (prompt + 1.0) / 2.0];
    (crowd.most(span) == 1 && cached.is_none_or(|cached| cached == Tokens(0)))
        .then(|| (row, first.since(request.sent).get()))
}

/// A request's mean time for a token, by how many were in flight meanwhile and the context of each,
/// taken to be like its own.
fn decoding(crowd: &Crowd, request: &Request) -> Option<Sample> {
    let (first, last) = (*request.chunks.first()?, *request.chunks.last()?);
    let after_first = Tokens(output(request).0.checked_sub(1)?).get();
    let span = Span { from: first, to: last };
    let length = span.length().get();
    if !request.succeeded() || after_first < 1.0 || length <= 0.0 {
        return None;
    }
    let sequences = crowd.mean(span);
    let context = request.prompt.get() + output(request).get() / 2.0;
    Some((vec![1.0, sequences, sequences * context], length / after_first))
}

fn numbered(samples: Vec<Sample>) -> Vec<(usize, Sample)> {
    samples.into_iter().enumerate().collect()
}

/// Fits numbered samples of these terms, every fifth number held out; `None` where they are too few.
fn fit(terms: &[Term], samples: &[(usize, Sample)]) -> Option<Fit> {
    let samples: Vec<_> = samples.iter().filter(|(_, (_, time))| *time > 0.0).collect();
    if samples.len() < terms.len() * SAMPLES_EACH + HELD_OUT {
        return None;
    }
    let held = |index: usize| index % HELD_OUT == HELD_OUT - 1;
    let (mut rows, mut fitted, mut out) = (Vec::new(), Vec::new(), Vec::new());
    for (index, sample) in samples {
        if held(*index) {
            out.push(sample);
        } else {
            fitted.push(sample);
            rows.push((sample.0.clone(), sample.1, 1.0 / (sample.1 * sample.1)));
        }
    }
    let found = nnls::fit(&rows)?.coefficients;
    let off = |(row, time): &&Sample| {
        let told = found.iter().zip(row).map(|(c, x)| c.unwrap_or(0.0) * x).sum::<f64>();
        (told - time).abs()
    };
    let error = |samples: &[&Sample]| {
        let times: f64 = samples.iter().map(|(_, time)| time).sum();
        Ratio::of(samples.iter().map(off).sum::<f64>() / times)
    };
    let mut each: Vec<f64> = out.iter().map(|sample| off(sample) / sample.1).collect();
    each.sort_by(f64::total_cmp);
    let pairs = || terms.iter().zip(&found);
    Some(Fit {
        fitted: fitted.len() as u64,
        held_out: out.len() as u64,
        coefficients: pairs()
            .filter_map(|(term, c)| Some(Coefficient { term: *term, time: Seconds((*c)?) }))
            .collect(),
        undetermined: pairs().filter(|(_, c)| c.is_none()).map(|(term, _)| *term).collect(),
        error: error(&fitted),
        held_out_error: error(&out),
        held_out_median: Ratio::of(each.get(each.len() / 2).copied()?),
    })
}

#[cfg(test)]
mod tests;
