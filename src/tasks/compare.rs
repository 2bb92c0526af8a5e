//! Two models on the same tasks.
//!
//! A comparison is judged by the interval of the difference, paired by problem, on the tasks that both
//! attempted; where it holds no difference it is a tie (COST_MODEL.md section 9).
//!
//! Solved rates: the mean difference by problem with the interval of Agresti and Min ("Simple improved
//! confidence intervals for comparing matched proportions", Statistics in Medicine 24 (2005)), at
//! Student's t: beside the others two problems are thought, one on which the models agree and one that
//! each of them solves alone by half, so that four problems solved by one alone are no finding. Tokens and dollars: the quotient,
//! by the bootstrap of both together. Dollars per solved task where one model solved nothing: by the
//! bounds of each.
//!
//! Invariant: exchanged models give the exchanged finding, and a model ties with itself. Guarded by
//! `tests/compared.rs`; how often equal models are told apart, by `coverage.rs`.

use super::number;
use super::resample::{Draws, student, total};
use super::sheet::{Problem, Sheet, Task};
use super::spend::{PerSolved, RowCost, widened};
use crate::units::{Ratio, Usd};
use serde::Serialize;
use std::collections::BTreeSet;

/// Two models on the tasks that both attempted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// The one.
    pub one: String,
    /// The other.
    pub other: String,
    /// Problems that both attempted.
    pub problems: u64,
    /// The one's solved rate less the other's.
    pub solved: Contrast,
    /// The one's completion tokens over the other's, each task counted once.
    pub tokens: Contrast,
    /// The one's USD per solved task over the other's.
    pub per_solved: Contrast,
}

/// A difference, or a quotient, and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Contrast {
    /// The difference or quotient; `None`: there is none.
    pub value: Option<Ratio>,
    /// The low end of its interval; `None`: not known.
    pub low: Option<Ratio>,
    /// The high end; `None`: not known, or without bound.
    pub high: Option<Ratio>,
    /// What follows.
    pub finding: Finding,
}

/// Whether two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The one has more.
    More,
    /// The one has less.
    Less,
    /// The interval holds no difference.
    Tie,
    /// There is too little to tell, or one has no figure.
    Untold,
}

impl Contrast {
    const UNTOLD: Self = Self { value: None, low: None, high: None, finding: Finding::Untold };

    /// From an interval, and what no difference is.
    fn of(value: f64, ends: Option<(f64, f64)>, same: f64) -> Self {
        let known = |end: f64| end.is_finite().then(|| Ratio::of(end));
        let ends = ends.map(|(low, high)| (low.min(value), high.max(value)));
        let finding = ends.map_or(Finding::Untold, |(low, high)| {
            if low > same {
                Finding::More
            } else if high < same {
                Finding::Less
            } else {
                Finding::Tie
            }
        });
        let (low, high) = ends.map_or((None, None), |(low, high)| (known(low), known(high)));
        Self { value: known(value), low, high, finding }
    }
}

impl Compared {
    /// Two sheets of the same family.
    pub(super) fn of(one: (&str, &Sheet<'_>), other: (&str, &Sheet<'_>), seed: u64) -> Self {
        let names = |sheet: &Sheet<'_>| {
            let ids = sheet.tasks().map(|task| (task.id.0.to_owned(), task.id.1.to_owned()));
            ids.collect::<BTreeSet<_>>()
        };
        let both: BTreeSet<_> = names(one.1).intersection(&names(other.1)).cloned().collect();
        let common = |task: &Task<'_>| both.contains(&(task.id.0.to_owned(), task.id.1.to_owned()));
        let (mine, theirs) = (one.1.only(common), other.1.only(common));
        Self {
            one: one.0.to_owned(),
            other: other.0.to_owned(),
            problems: mine.problems.len() as u64,
            solved: solved(&pairs(&mine, &theirs)),
            tokens: tokens(&mine, &theirs, seed),
            per_solved: per_solved(&mine, &theirs, seed),
        }
    }
}

/// Of each problem, its tasks' rates less the other's, added up, and how many there are.
fn pairs(mine: &Sheet<'_>, theirs: &Sheet<'_>) -> Vec<(f64, f64)> {
    let rates = |problem: &Problem<'_>| problem.tasks.iter().map(Task::rate).sum::<f64>();
    let both = mine.problems.iter().zip(&theirs.problems);
    both.map(|(one, other)| (rates(one) - rates(other), number(one.tasks.len()))).collect()
}

fn solved(pairs: &[(f64, f64)]) -> Contrast {
    difference(pairs).map_or(Contrast::UNTOLD, |(value, ends)| Contrast::of(value, ends, 0.0))
}

/// The mean of paired differences, which are sums over as many tasks, and its interval; `None` where
/// there are none.
pub(super) fn difference(pairs: &[(f64, f64)]) -> Option<(f64, Option<(f64, f64)>)> {
    let all: f64 = pairs.iter().map(|(_, tasks)| tasks).sum();
    if all <= 0.0 {
        return None;
    }
    let (problems, mean) =
        (number(pairs.len()), pairs.iter().map(|(sum, _)| sum).sum::<f64>() / all);
    let each = all / problems;
    let scatter: f64 = pairs.iter().map(|(sum, tasks)| ((sum - mean * tasks) / each).powi(2)).sum();
    let more = problems + 2.0;
    // Half a problem more in each of the four cells: Σd² grows by 1, the problems by 2.
    let variance = (scatter + 1.0 + mean * mean * 2.0 * problems / more) / (more * more);
    let middle = mean * problems / more;
    let ends = student(problems - 1.0).map(|t| {
        let half = t * variance.sqrt();
        ((middle - half).max(-1.0), (middle + half).min(1.0))
    });
    Some((mean, ends))
}

fn tokens(mine: &Sheet<'_>, theirs: &Sheet<'_>, seed: u64) -> Contrast {
    let sums = mine.problems.iter().zip(&theirs.problems).filter_map(|(one, other)| {
        let both = one.tasks.iter().zip(&other.tasks);
        let counted: Vec<(f64, f64)> =
            both.filter_map(|(one, other)| one.mean_tokens().zip(other.mean_tokens())).collect();
        let sum = |of: fn(&(f64, f64)) -> f64| counted.iter().map(of).sum::<f64>();
        (!counted.is_empty()).then(|| (sum(|pair| pair.0), sum(|pair| pair.1)))
    });
    let (mine, theirs): (Vec<f64>, Vec<f64>) = sums.unzip();
    let below: f64 = theirs.iter().sum();
    if below <= 0.0 {
        return Contrast::UNTOLD;
    }
    let value = mine.iter().sum::<f64>() / below;
    let ends = Draws::new(mine.len(), seed).map(|draws| draws.of_ratio(&mine, &theirs));
    Contrast::of(value, ends, 1.0)
}

fn per_solved(mine: &Sheet<'_>, theirs: &Sheet<'_>, seed: u64) -> Contrast {
    let costs = RowCost::of(mine, true, seed).zip(RowCost::of(theirs, true, seed));
    let Some((one, other)) = costs else { return Contrast::UNTOLD };
    match (one.per_solved, other.per_solved) {
        (PerSolved::Solved { value: my, .. }, PerSolved::Solved { value: their, .. }) => {
            if their.0 <= 0.0 {
                return Contrast::UNTOLD;
            }
            let sampled = quotient(mine, theirs, seed);
            let (one, other) = (one.price_factors, other.price_factors);
            let value = (my / their).get();
            let ends =
                sampled.map(|ends| widened(value, ends, &[one.0, other.1], &[one.1, other.0]));
            Contrast::of(value, ends, 1.0)
        }
        (PerSolved::NoneSolved { at_least: mine, .. }, PerSolved::Solved { interval, .. }) => {
            let high = interval.and_then(|range| range.high);
            let dearer = mine.zip(high).map(|(mine, theirs)| mine > theirs);
            bounded(dearer, Finding::More)
        }
        (PerSolved::Solved { interval, .. }, PerSolved::NoneSolved { at_least: theirs, .. }) => {
            let high = interval.and_then(|range| range.high);
            let cheaper = theirs.zip(high).map(|(theirs, mine)| mine < theirs);
            bounded(cheaper, Finding::Less)
        }
        (PerSolved::NoneSolved { .. }, PerSolved::NoneSolved { .. }) => Contrast::UNTOLD,
    }
}

/// What bounds say that don't touch; where they do, or one of them is missing, nothing.
fn bounded(apart: Option<bool>, finding: Finding) -> Contrast {
    let finding = if apart == Some(true) { finding } else { Finding::Untold };
    Contrast { finding, ..Contrast::UNTOLD }
}

/// The interval of one's USD per solved task over the other's, both resampled alike.
fn quotient(mine: &Sheet<'_>, theirs: &Sheet<'_>, seed: u64) -> Option<(f64, f64)> {
    let of = |sheet: &Sheet<'_>| -> (Vec<f64>, Vec<f64>) {
        sheet.sums().iter().map(|sums| (sums.usd, sums.solved)).unzip()
    };
    let ((my_usd, my_solved), (their_usd, their_solved)) = (of(mine), of(theirs));
    let draws = Draws::new(my_usd.len(), seed)?;
    Some(draws.interval(|times| {
        // Nothing solved by the one: ever so dear. By both: 0 / 0, which says nothing.
        (total(times, &my_usd) * total(times, &their_solved))
            / (total(times, &my_solved) * total(times, &their_usd))
    }))
}

/// Which of these can't be had for less, at as many solved, from another: by figures, not beyond error.
pub(super) fn frontier(points: &[Option<(Ratio, Usd)>]) -> Vec<bool> {
    let beats = |one: &(Ratio, Usd), other: &(Ratio, Usd)| {
        one.0 >= other.0 && one.1 <= other.1 && (one.0 > other.0 || one.1 < other.1)
    };
    let known = || points.iter().flatten();
    points
        .iter()
        .map(|point| point.as_ref().is_some_and(|own| !known().any(|other| beats(other, own))))
        .collect()
}
