//! A run's steps beside the roofline, kind by kind: `COST_MODEL.md` section 8, point by point.
//!
//! Invariant: a step's bound is worked out from that step's own tokens and contexts and from the
//! peaks of the same run, and what is compared are medians of the same steps. Guarded by a
//! hand-worked run in `ladder/tests.rs`.

use super::Work;
use crate::record::{Peaks, Run, Shape, Span, Step};
use crate::units::{Quantity, Ratio, Seconds, Tokens};
use serde::Serialize;

/// The typical step of each kind and the least that it could have taken. Steps that did both kinds of
/// work are in neither.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Roofline {
    /// Steps that decoded and nothing else: the time of one.
    pub decode: Option<StepTime>,
    /// Steps that read prompts and nothing else: the time for each prompt token.
    pub prefill: Option<StepTime>,
}

/// A typical time, and the least possible one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StepTime {
    /// How many steps of the steady window it is the median of.
    pub steps: u64,
    /// The median.
    pub measured: Seconds,
    /// The median of the same steps' bounds; `None` where the machine's peaks are not known.
    pub bound: Option<Seconds>,
    /// How many times the bound the median is.
    pub over_bound: Option<Ratio>,
}

impl Roofline {
    /// Of the steps that lie wholly in a window.
    pub(super) fn of(run: &Run, window: Span, peaks: Option<&Peaks>) -> Self {
        let shape = run.header.model.shape.as_ref();
        let inside = |step: &&Step| window.from <= step.span.from && step.span.to <= window.to;
        let (mut decode, mut prefill) = (Vec::new(), Vec::new());
        for step in run.steps.iter().filter(inside) {
            match (step.prefill, step.decode) {
                (Tokens(0), 0) => {}
                (Tokens(0), _) => decode.push((step, 1.0)),
                (tokens, 0) => prefill.push((step, tokens.get())),
                _ => {}
            }
        }
        let bound = |step: &Step| Some(least_time(shape?, step, peaks?));
        Self { decode: typical(&decode, bound), prefill: typical(&prefill, bound) }
    }
}

/// The least that a step of one kind could take.
fn least_time(shape: &Shape, step: &Step, peaks: &Peaks) -> Seconds {
    let decoded = Tokens(u64::from(step.decode));
    // Decoding reads the keys and values of every context back; a prompt's are read as they are made,
    // and it needs the head once.
    let work = if step.prefill > Tokens(0) {
        Work::of_step(shape, step.prefill, step.context, Tokens(0), Tokens(1))
    } else {
        Work::of_step(shape, decoded, step.context, step.context, decoded)
    };
    work.least_time(peaks)
}

/// The medians of steps' times and of their bounds, each over a number of its own.
fn typical(steps: &[(&Step, f64)], bound: impl Fn(&Step) -> Option<Seconds>) -> Option<StepTime> {
    let each = |time: Seconds, over: f64| time.get() / over;
    let measured = median(steps.iter().map(|(step, over)| each(step.length(), *over)).collect())?;
    let bounds: Option<Vec<_>> =
        steps.iter().map(|(step, over)| Some(each(bound(step)?, *over))).collect();
    let bound = bounds.and_then(median).filter(|bound| bound.is_finite() && *bound > 0.0);
    Some(StepTime {
        steps: steps.len() as u64,
        measured: Seconds(measured),
        bound: bound.map(Seconds),
        over_bound: bound.map(|bound| Ratio::of(measured / bound)),
    })
}

/// The middle one, or the mean of the two in the middle; `None` of nothing.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some(f64::midpoint(*values.get(low)?, *values.get(high)?))
}
