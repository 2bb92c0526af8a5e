//! What a fit says of steps: its own, or those of another workload.
//!
//! Invariant: a step of which the fit can't tell the time is counted apart and never taken for one
//! that takes none. Guarded below by steps worked by hand.

use super::{Fit, StepFit, Term, sample};
use crate::record::Step;
use crate::units::{Quantity, Ratio, Seconds, Tokens};
use serde::Serialize;

/// The time that steps should have taken, beside the time that they took.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Prediction {
    /// By the fit.
    pub predicted: Seconds,
    /// The same steps' own time.
    pub measured: Seconds,
    /// How many they are.
    pub steps: u64,
    /// Steps that the fit says nothing of: their kind was too rare to be fitted. In neither time.
    pub untold: u64,
}

impl Prediction {
    /// By what share of the measured time the prediction is too long (below zero: too short).
    /// `None` where nothing was predicted.
    pub fn error(&self) -> Option<Ratio> {
        let off = (self.predicted - self.measured) / self.measured;
        off.get().is_finite().then_some(off)
    }
}

impl Fit {
    /// What one unit of a term takes; `None` where the samples don't tell it.
    pub fn time(&self, term: Term) -> Option<Seconds> {
        self.coefficients.iter().find(|found| found.term == term).map(|found| found.time)
    }

    /// What this step should take; `None` where it doesn't say what the fit needs.
    pub fn step(&self, step: &Step) -> Option<Seconds> {
        let terms: Vec<Term> = self.coefficients.iter().map(|found| found.term).collect();
        let (row, _) = sample(step, &terms)?;
        let times = self.coefficients.iter().zip(row);
        Some(Seconds(times.map(|(found, amount)| found.time.get() * amount).sum()))
    }
}

impl StepFit {
    /// The fit of this step's kind.
    pub fn of_kind(&self, step: &Step) -> Option<&Fit> {
        match (step.prefill > Tokens(0), step.decode > 0) {
            (true, true) => self.mixed.as_ref(),
            (true, false) => self.prefill.as_ref(),
            (false, true) => self.decode.as_ref(),
            (false, false) => None,
        }
    }

    /// What steps should take, in sum: those of another run, say, of other lengths and loads.
    pub fn predict<'a>(&self, steps: impl IntoIterator<Item = &'a Step>) -> Prediction {
        let mut sum = Prediction::default();
        for step in steps {
            match self.of_kind(step).and_then(|fit| fit.step(step)) {
                Some(time) => {
                    sum.predicted = sum.predicted + time;
                    sum.measured = sum.measured + step.length();
                    sum.steps += 1;
                }
                None => sum.untold += 1,
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::super::Coefficient;
    use super::*;
    use crate::record::builder::RunBuilder;

    fn fit(terms: &[(Term, f64)]) -> Fit {
        let found = |(term, ms): &(Term, f64)| Coefficient { term: *term, time: Seconds(ms / 1e3) };
        Fit {
            fitted: 1,
            held_out: 1,
            coefficients: terms.iter().map(found).collect(),
            undetermined: Vec::new(),
            error: Ratio::of(0.0),
            held_out_error: Ratio::of(0.0),
            held_out_median: Ratio::of(0.0),
        }
    }

    /// 10 + 0.5 × 4 + 0.001 × 400 = 12.4 ms against 10; no fit of prefill, so 50 ms are of no use.
    #[test]
    fn steps_are_predicted_by_their_kind() {
        let decode =
            fit(&[(Term::Step, 10.0), (Term::Sequence, 0.5), (Term::SequenceContext, 0.001)]);
        let fits = StepFit { prefill: None, decode: Some(decode), mixed: None };
        let run = RunBuilder::new().step((0.0, 10.0), 0, 4, 400).step((10.0, 60.0), 100, 0, 5_050);
        let told = fits.predict(&run.build().steps);
        assert_eq!((told.steps, told.untold), (1, 1));
        assert!((told.predicted.0 - 0.0124).abs() < 1e-12, "{told:?}");
        assert!((told.error().unwrap().get() - 0.24).abs() < 1e-9, "{told:?}");
        assert_eq!(fits.predict(&[]).error(), None);
    }
}
