//! Attempts in order: by problem, by task, by repeat.
//!
//! Invariant: the order in which attempts were written changes nothing that is made of a sheet, sums of
//! floats among them. A *problem* is an original with its variants: what an interval counts as one
//! witness.

use super::number;
use super::price::{Charge, Price, Unpriced};
use crate::record::attempts::{Attempt, Verdict};
use crate::units::Usd;
use std::collections::BTreeMap;

/// The attempts of one model at one family of tasks, or at all.
#[derive(Debug, Clone, Default)]
pub(super) struct Sheet<'a> {
    /// In the order of their names.
    pub(super) problems: Vec<Problem<'a>>,
    /// Why it has no cost.
    pub(super) unpriced: Option<Unpriced>,
}

/// An original and its variants.
#[derive(Debug, Clone)]
pub(super) struct Problem<'a> {
    /// In the order of their names.
    pub(super) tasks: Vec<Task<'a>>,
}

/// One task.
#[derive(Debug, Clone)]
pub(super) struct Task<'a> {
    /// Its family and its name.
    pub(super) id: (&'a str, &'a str),
    /// In the order of their repeats.
    pub(super) shots: Vec<Shot<'a>>,
}

/// One attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shot<'a> {
    /// What was recorded.
    pub(super) attempt: &'a Attempt,
    /// What it cost.
    pub(super) charge: Charge,
}

/// A problem's attempts by task and repeat.
type ByTask<'a> = BTreeMap<&'a str, BTreeMap<u32, &'a Attempt>>;

/// Of a problem: what intervals are made of.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Sums {
    /// Attempts that solved it.
    pub(super) solved: f64,
    /// Attempts.
    pub(super) attempts: f64,
    /// What these cost, in USD.
    pub(super) usd: f64,
}

impl<'a> Sheet<'a> {
    /// The attempts that are wanted, each at its price.
    pub(super) fn of(
        attempts: &'a [Attempt],
        price: Option<&Price<'_>>,
        wanted: impl Fn(&Attempt) -> bool,
    ) -> Self {
        let mut ordered = BTreeMap::<(&str, &str), ByTask<'a>>::new();
        for attempt in attempts.iter().filter(|attempt| wanted(attempt)) {
            let problem = ordered.entry((&attempt.family, attempt.problem())).or_default();
            problem.entry(&attempt.task).or_default().insert(attempt.repeat, attempt);
        }
        let mut unpriced = price.is_none().then_some(Unpriced::NoPrice);
        let mut shot = |attempt: &'a Attempt| {
            let charge = match price.map(|price| price.charge(attempt)) {
                Some(Ok(charge)) => charge,
                Some(Err(reason)) => {
                    unpriced.get_or_insert(reason);
                    Charge::default()
                }
                None => Charge::default(),
            };
            Shot { attempt, charge }
        };
        let problems = ordered.into_iter().map(|((family, _), tasks)| Problem {
            tasks: tasks
                .into_iter()
                .map(|(task, shots)| Task {
                    id: (family, task),
                    shots: shots.into_values().map(&mut shot).collect(),
                })
                .collect(),
        });
        let problems = problems.collect();
        Self { problems, unpriced }
    }

    /// The same of these tasks alone.
    pub(super) fn only(&self, kept: impl Fn(&Task<'_>) -> bool) -> Self {
        let problems = self.problems.iter().map(|problem| Problem {
            tasks: problem.tasks.iter().filter(|task| kept(task)).cloned().collect(),
        });
        let problems = problems.filter(|problem| !problem.tasks.is_empty()).collect();
        Self { problems, unpriced: self.unpriced.clone() }
    }

    pub(super) fn tasks(&self) -> impl Iterator<Item = &Task<'a>> {
        self.problems.iter().flat_map(|problem| &problem.tasks)
    }

    pub(super) fn shots(&self) -> impl Iterator<Item = &Shot<'a>> {
        self.tasks().flat_map(|task| &task.shots)
    }

    /// Problem by problem.
    pub(super) fn sums(&self) -> Vec<Sums> {
        self.problems.iter().map(Problem::sums).collect()
    }
}

impl Problem<'_> {
    pub(super) fn sums(&self) -> Sums {
        self.tasks.iter().flat_map(|task| &task.shots).fold(Sums::default(), |sums, shot| Sums {
            solved: sums.solved + if shot.is_solved() { 1.0 } else { 0.0 },
            attempts: sums.attempts + 1.0,
            usd: sums.usd + shot.charge.all.0,
        })
    }
}

impl Task<'_> {
    pub(super) fn is_variant(&self) -> bool {
        self.shots.first().is_some_and(|shot| shot.attempt.variant_of.is_some())
    }

    /// The share of its attempts that solved it; a task on a sheet has attempts.
    pub(super) fn rate(&self) -> f64 {
        let solved = self.shots.iter().filter(|shot| shot.is_solved()).count();
        number(solved) / number(self.shots.len().max(1))
    }

    /// What an attempt at it cost in the mean.
    pub(super) fn mean_cost(&self) -> Usd {
        let all: Usd = self.shots.iter().map(|shot| shot.charge.all).sum();
        Usd(all.0 / number(self.shots.len().max(1)))
    }

    /// Completion tokens in the mean over the attempts that were counted.
    pub(super) fn mean_tokens(&self) -> Option<f64> {
        let counted: Vec<f64> = self.shots.iter().filter_map(Shot::tokens).collect();
        (!counted.is_empty()).then(|| counted.iter().sum::<f64>() / number(counted.len()))
    }
}

impl Shot<'_> {
    pub(super) fn is_solved(&self) -> bool {
        self.attempt.verdict == Verdict::Solved
    }

    /// Its completion's tokens.
    pub(super) fn tokens(&self) -> Option<f64> {
        self.attempt.completion().map(crate::units::Tokens::get)
    }
}
