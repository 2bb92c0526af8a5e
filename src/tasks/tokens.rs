//! Completion tokens: how many there are, and how many more than it takes. COST_MODEL.md section 7.
//!
//! The overhead of a model on a task is its completion tokens over the fewest that any model of the
//! reference set used to solve it. A model's tokens on a task are the median over the repeats in which it
//! solved it, its own and the reference's alike: a minimum over single attempts would fall with their
//! number. A model that didn't solve a task has none there. Over tasks it is the geometric mean, under
//! which efficiency is exactly one over overhead, and the mean of two models' quotients the quotient of
//! their means. A model is its own reference, too, so an efficiency is in (0, 1].
//!
//! Guarded by `tests`, by hand and against the definition worked out over again.

use super::number;
use super::resample::Draws;
use super::sheet::{Sheet, Shot, Task};
use crate::units::{Estimate, MeanTokens, Quantity, Ratio, Tokens};
use serde::Serialize;
use std::collections::BTreeMap;

/// Completion tokens of attempts, whatever became of them. What was cut off counts as far as it came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TokenSpread {
    /// Attempts whose tokens were counted.
    pub counted: u64,
    /// A quarter of them took at most these.
    pub lower_quartile: MeanTokens,
    /// Half of them took at most these.
    pub median: MeanTokens,
    /// Three quarters of them took at most these.
    pub upper_quartile: MeanTokens,
    /// All their tokens over their number; the interval is over problems.
    pub mean: Estimate<MeanTokens>,
    /// The share that was reasoning, of attempts whose target told; `None`: of none.
    pub reasoning: Option<Ratio>,
}

/// How many times the fewest tokens a model used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Overhead {
    /// Tasks that it solved, and that are counted here.
    pub tasks: u64,
    /// The geometric mean over these.
    pub overhead: Estimate<Ratio>,
    /// One over it.
    pub efficiency: Estimate<Ratio>,
}

/// The fewest tokens that solved each task.
pub(super) type Fewest<'a> = BTreeMap<(&'a str, &'a str), f64>;

impl TokenSpread {
    /// `None` where no attempt was counted.
    pub(super) fn of(sheet: &Sheet<'_>, seed: u64) -> Option<Self> {
        let mut sorted: Vec<f64> = sheet.shots().filter_map(Shot::tokens).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let counted = number(sorted.len());
        let mean = sorted.iter().sum::<f64>() / counted;
        let at = |quarters: usize| quantile(&sorted, quarters).map(MeanTokens);
        let (lower_quartile, median, upper_quartile) = (at(1)?, at(2)?, at(3)?);
        let (tokens, counts) = sheet
            .problems
            .iter()
            .map(|problem| {
                let shots = problem.tasks.iter().flat_map(|task| &task.shots);
                let tokens: Vec<f64> = shots.filter_map(Shot::tokens).collect();
                (tokens.iter().sum::<f64>(), number(tokens.len()))
            })
            .filter(|(_, counted)| *counted > 0.0)
            .unzip::<f64, f64, Vec<_>, Vec<_>>();
        let ends = Draws::new(tokens.len(), seed).map(|draws| draws.of_ratio(&tokens, &counts));
        Some(Self {
            counted: sorted.len() as u64,
            lower_quartile,
            median,
            upper_quartile,
            mean: around(mean, ends),
            reasoning: reasoning(sheet),
        })
    }
}

/// All reasoning tokens over all tokens of the completions that they are of.
fn reasoning(sheet: &Sheet<'_>) -> Option<Ratio> {
    let told = sheet.shots().filter_map(|shot| {
        let usage = shot.attempt.last()?.usage;
        Some((usage.reasoning?, usage.output?))
    });
    let (part, all): (Vec<Tokens>, Vec<Tokens>) = told.unzip();
    let all: Tokens = all.into_iter().sum();
    (all > Tokens(0)).then(|| part.into_iter().sum::<Tokens>() / all)
}

/// Of so many quarters, type 7 of Hyndman and Fan, as everywhere here.
fn quantile(sorted: &[f64], quarters: usize) -> Option<f64> {
    let place = sorted.len().checked_sub(1)? * quarters;
    let (below, share) = (place / 4, number(place % 4) / 4.0);
    let low = *sorted.get(below)?;
    let high = *sorted.get(below + 1).unwrap_or(&low);
    Some(low + share * (high - low))
}

/// The tokens that a model solves a task with: the median over the repeats that solved it; `None`: none
/// did, or none of these was counted.
pub(super) fn to_solve(task: &Task<'_>) -> Option<f64> {
    let solved = task.shots.iter().filter(|shot| shot.is_solved());
    let mut tokens: Vec<f64> = solved.filter_map(Shot::tokens).collect();
    tokens.sort_unstable_by(f64::total_cmp);
    quantile(&tokens, 2).filter(|tokens| *tokens > 0.0)
}

/// The fewest tokens that any of these models solves each task with.
pub(super) fn fewest<'s, 'a: 's>(sheets: impl IntoIterator<Item = &'s Sheet<'a>>) -> Fewest<'a> {
    let mut fewest = Fewest::new();
    for task in sheets.into_iter().flat_map(Sheet::tasks) {
        let Some(tokens) = to_solve(task) else { continue };
        let least = fewest.entry(task.id).or_insert(tokens);
        *least = least.min(tokens);
    }
    fewest
}

impl Overhead {
    /// Against the fewest of the reference set; `None` where the model solved nothing.
    pub(super) fn of(sheet: &Sheet<'_>, fewest: &Fewest<'_>, seed: u64) -> Option<Self> {
        let (logs, counts) = sheet
            .problems
            .iter()
            .map(|problem| {
                let solved = problem.tasks.iter().filter_map(|task| {
                    let own = to_solve(task)?;
                    let least = fewest.get(&task.id).map_or(own, |least| least.min(own));
                    Some((own / least).ln())
                });
                solved.fold((0.0, 0.0), |(sum, count), log| (sum + log, count + 1.0))
            })
            .filter(|(_, count)| *count > 0.0)
            .unzip::<f64, f64, Vec<f64>, Vec<f64>>();
        let tasks: f64 = counts.iter().sum();
        let solved = sheet.tasks().filter(|task| to_solve(task).is_some()).count();
        if solved == 0 {
            return None;
        }
        let mean = (logs.iter().sum::<f64>() / tasks).exp();
        let ends = Draws::new(logs.len(), seed)
            .map(|draws| draws.of_ratio(&logs, &counts))
            .map(|(low, high)| (low.exp(), high.exp()));
        let overhead = around(mean, ends);
        Some(Self {
            tasks: solved as u64,
            overhead,
            efficiency: overhead.map(|times: Ratio| Ratio::of(1.0 / times.get())),
        })
    }
}

/// A value with the interval that was found for it, which holds it; none where an end is not known.
pub(super) fn around<Q: Quantity>(value: f64, ends: Option<(f64, f64)>) -> Estimate<Q> {
    let known = ends.filter(|(low, high)| low.is_finite() && high.is_finite());
    let interval = known.map(|(low, high)| (Q::of(low.min(value)), Q::of(high.max(value))));
    Estimate { value: Q::of(value), interval }
}
