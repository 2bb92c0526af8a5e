//! Whose time a step of both kinds was, by what each kind takes alone: where no fit tells.
//!
//! Invariant: the two parts of a step add up to its time exactly, and neither is below zero. Guarded by
//! hand-worked steps below.
//!
//! A step that did one kind of work belongs to it. A step that did both is a game of two players
//! (`COST_MODEL.md`, section 3): each is worth what it would have taken alone, and gets the mean of
//! that and of what it adds to the other,
//!
//! ```text
//! prefill's part of T = (t_p + T - t_d) / 2,    held between 0 and T
//! ```
//!
//! `t_p` is the step's prompt tokens at the mean time of those in steps of prefill alone; `t_d` the
//! mean time of steps that decoded as many sequences alone, or of those nearest in number. Both are
//! taken from the whole run, its warm-up too: a closed loop begins with nothing but prompts, and later
//! may have none alone. Without such steps nothing tells the parts of a mixed one.

use crate::record::Step;
use crate::units::{Quantity, Seconds, Tokens};
use std::collections::BTreeMap;

/// What each kind of work takes alone.
#[derive(Debug)]
pub(crate) struct Alone {
    /// Time for each prompt token.
    prefill: Option<Seconds>,
    /// Mean time of a step by the sequences that it decoded.
    decode: BTreeMap<u32, Seconds>,
}

impl Alone {
    pub(crate) fn of(steps: &[Step]) -> Self {
        let prefill = || steps.iter().filter(|step| step.prefill > Tokens(0) && step.decode == 0);
        let time: Seconds = prefill().map(Step::length).sum();
        let tokens: Tokens = prefill().map(|step| step.prefill).sum();
        let mut times: BTreeMap<u32, (Seconds, u64)> = BTreeMap::new();
        for step in steps.iter().filter(|step| step.prefill == Tokens(0) && step.decode > 0) {
            let (time, count) = times.entry(step.decode).or_default();
            (*time, *count) = (*time + step.length(), *count + 1);
        }
        let mean = |(time, count): (Seconds, u64)| Seconds(time.get() / Tokens(count).get());
        Self {
            prefill: (tokens > Tokens(0)).then(|| Seconds(time.get() / tokens.get())),
            decode: times.into_iter().map(|(count, times)| (count, mean(times))).collect(),
        }
    }

    /// The part of a step's time that belongs to its prompt tokens.
    pub(crate) fn prefill_part(&self, step: &Step) -> Option<Seconds> {
        let whole = step.length();
        match (step.prefill > Tokens(0), step.decode > 0) {
            (_, false) => Some(whole),
            (false, true) => Some(Seconds(0.0)),
            (true, true) => {
                let prefill = self.prefill?.get() * step.prefill.get();
                let decode = self.decode_of(step.decode)?.get();
                let part = f64::midpoint(prefill, whole.get() - decode);
                Some(Seconds(part.clamp(0.0, whole.get())))
            }
        }
    }

    /// The time of a step that decodes this many, or the nearest number that was seen.
    fn decode_of(&self, sequences: u32) -> Option<Seconds> {
        let nearest = self.decode.iter().min_by_key(|(count, _)| count.abs_diff(sequences));
        nearest.map(|(_, time)| *time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::builder::{RunBuilder, ms};

    #[track_caller]
    fn check(run: RunBuilder, (from, to): (f64, f64), want: Option<f64>) {
        let steps = run.build().steps;
        let alone = Alone::of(&steps);
        let inside = |step: &&Step| ms(from) <= step.span.from && step.span.to <= ms(to);
        let of = || steps.iter().filter(inside);
        let all: Seconds = of().map(Step::length).sum();
        let parts: Option<Vec<Seconds>> = of().map(|step| alone.prefill_part(step)).collect();
        let part = parts.filter(|parts| !parts.is_empty());
        let got = part.map(|parts| parts.into_iter().sum::<Seconds>().get() / all.get());
        let same = match (got, want) {
            (Some(got), Some(want)) => (got - want).abs() < 1e-9,
            (got, want) => got.is_none() && want.is_none(),
        };
        assert!(same, "{got:?} ≠ {want:?}");
    }

    /// `COST_MODEL.md`, section 3: one prompt of 50 ms, 256 tokens of 10 ms.
    #[test]
    fn pure_steps_belong_to_their_kind() {
        let prompt = RunBuilder::new().step((0.0, 50.0), 1_000, 0, 500_500);
        let run = (0..256_u32).fold(prompt, |run, n| {
            let from = 50.0 + 10.0 * f64::from(n);
            run.step((from, from + 10.0), 0, 1, 1_001)
        });
        check(run, (0.0, 2_610.0), Some(0.05 / 2.61));
    }

    /// Alone, 100 prompt tokens take 20 ms and four sequences 10. Together they take 26: prefill has
    /// (20 + 26 - 10) / 2 = 18, decoding 8. The steps alone come before the window.
    #[test]
    fn a_mixed_step_is_shared() {
        let before = RunBuilder::new()
            .step((0.0, 20.0), 100, 0, 5_050)
            .step((20.0, 30.0), 0, 4, 400)
            .step((30.0, 37.0), 0, 1, 100);
        check(before.step((40.0, 66.0), 100, 4, 5_500), (40.0, 70.0), Some(18.0 / 26.0));
    }

    /// Five decode: four is nearer than one. Prefill has (40 + 12 - 10) / 2 = 21, more than all.
    #[test]
    fn a_part_is_not_more_than_the_whole() {
        let before = RunBuilder::new()
            .step((0.0, 20.0), 100, 0, 5_050)
            .step((20.0, 30.0), 0, 4, 400)
            .step((30.0, 37.0), 0, 1, 100);
        check(before.step((40.0, 52.0), 200, 5, 5_500), (40.0, 70.0), Some(1.0));
    }

    #[test]
    fn nothing_tells_the_parts_where_nothing_was_alone() {
        let mixed = || RunBuilder::new().step((0.0, 10.0), 16, 3, 99);
        check(mixed(), (0.0, 20.0), None);
        check(mixed().step((10.0, 20.0), 0, 3, 99), (0.0, 20.0), None);
        check(RunBuilder::new(), (0.0, 20.0), None);
    }
}
