//! Originals beside their matched variants: what a model solves because it has seen it.
//!
//! A variant is as hard as its original, with other constants or conditions. A model that solves fewer
//! of the variants, or thinks longer over them, knows the original by heart.
//!
//! Invariant: only problems of which both were attempted count, an original against the mean of its
//! variants. Guarded by `tests`, by hand.

use super::compare::difference;
use super::number;
use super::resample::Draws;
use super::sheet::{Problem, Sheet, Task};
use super::tokens::around;
use crate::units::{Estimate, Ratio};
use serde::Serialize;

/// Originals and variants of one model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Variants {
    /// Problems of which both were attempted.
    pub problems: u64,
    /// The originals' solved rate, each counted once.
    pub original: Ratio,
    /// The variants', those of one problem counted once together.
    pub variant: Ratio,
    /// The one less the other.
    pub lost: Estimate<Ratio>,
    /// Completion tokens on originals over those on variants; `None`: nothing was counted.
    pub tokens: Option<Estimate<Ratio>>,
}

impl Variants {
    /// `None` where no problem was attempted in both forms.
    pub(super) fn of(sheet: &Sheet<'_>, seed: u64) -> Option<Self> {
        let matched: Vec<_> = sheet.problems.iter().filter_map(matched).collect();
        let problems = number(matched.len());
        let mean =
            |of: &dyn Fn(&Matched<'_, '_>) -> f64| matched.iter().map(of).sum::<f64>() / problems;
        let rates: Vec<(f64, f64)> =
            matched.iter().map(|both| (both.original.rate() - both.rate(), 1.0)).collect();
        let (lost, ends) = difference(&rates)?;
        let (originals, variants): (Vec<f64>, Vec<f64>) =
            matched.iter().filter_map(Matched::tokens).unzip();
        let below: f64 = variants.iter().sum();
        let tokens = (below > 0.0).then(|| {
            let ends = Draws::new(originals.len(), seed)
                .map(|draws| draws.of_ratio(&originals, &variants));
            around(originals.iter().sum::<f64>() / below, ends)
        });
        Some(Self {
            problems: matched.len() as u64,
            original: Ratio::of(mean(&|both| both.original.rate())),
            variant: Ratio::of(mean(&|both| both.rate())),
            lost: around(lost, ends),
            tokens,
        })
    }
}

/// An original and its variants.
struct Matched<'s, 'a> {
    original: &'s Task<'a>,
    variants: Vec<&'s Task<'a>>,
}

fn matched<'s, 'a>(problem: &'s Problem<'a>) -> Option<Matched<'s, 'a>> {
    let original = problem.tasks.iter().find(|task| !task.is_variant())?;
    let variants: Vec<_> = problem.tasks.iter().filter(|task| task.is_variant()).collect();
    (!variants.is_empty()).then_some(Matched { original, variants })
}

impl Matched<'_, '_> {
    fn rate(&self) -> f64 {
        self.variants.iter().map(|task| task.rate()).sum::<f64>() / number(self.variants.len())
    }

    /// Of the original, and of the variants in the mean.
    fn tokens(&self) -> Option<(f64, f64)> {
        let counted: Vec<f64> =
            self.variants.iter().filter_map(|task| task.mean_tokens()).collect();
        let variants =
            (!counted.is_empty()).then(|| counted.iter().sum::<f64>() / number(counted.len()));
        self.original.mean_tokens().zip(variants)
    }
}
