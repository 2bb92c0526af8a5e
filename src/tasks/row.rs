//! One model at one family of tasks.

use super::price::Unpriced;
use super::rate::solved_rate;
use super::sheet::Sheet;
use super::spend::RowCost;
use super::table::VerdictCounts;
use super::tokens::{Fewest, Overhead, TokenSpread};
use super::variants::Variants;
use crate::units::{Estimate, Ratio};
use serde::Serialize;

/// One model at one family of tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The model, by its name in the table.
    pub model: String,
    /// Problems that it attempted: originals with their variants.
    pub problems: u64,
    /// Tasks among these.
    pub tasks: u64,
    /// Attempts at these; the verdicts add up to them.
    pub attempts: u64,
    /// What they were found to be.
    pub verdicts: VerdictCounts,
    /// Tries that failed and were tried again.
    pub retries: u64,
    /// The share of attempts that solved their task; failed ones are among them, and did not.
    pub solved: Estimate<Ratio>,
    /// Completion tokens; `None`: the target counted none.
    pub tokens: Option<TokenSpread>,
    /// How many times the fewest tokens it took; `None`: it solved nothing.
    pub overhead: Option<Overhead>,
    /// Originals beside variants; `None`: no problem was attempted in both forms.
    pub variants: Option<Variants>,
    /// What it cost; `None`: `unpriced` says why.
    pub cost: Option<RowCost>,
    /// Why it has no cost.
    pub unpriced: Option<Unpriced>,
    /// Whether no other model solved as large a share for less an attempt, by the figures alone.
    pub frontier: bool,
}

impl Row {
    /// `None` where nothing was attempted. Whether it is on the frontier others decide.
    pub(super) fn of(
        model: &str,
        sheet: &Sheet<'_>,
        is_bill: bool,
        fewest: &Fewest<'_>,
        seed: u64,
    ) -> Option<Self> {
        let solved = solved_rate(&sheet.sums())?;
        Some(Self {
            model: model.to_owned(),
            problems: sheet.problems.len() as u64,
            tasks: sheet.tasks().count() as u64,
            attempts: sheet.shots().count() as u64,
            verdicts: VerdictCounts::of(sheet.shots().map(|shot| shot.attempt.verdict)),
            retries: sheet.shots().map(|shot| shot.attempt.retried().len() as u64).sum(),
            solved,
            tokens: TokenSpread::of(sheet, seed),
            overhead: Overhead::of(sheet, fewest, seed),
            variants: Variants::of(sheet, seed),
            cost: RowCost::of(sheet, is_bill, seed),
            unpriced: sheet.unpriced.clone(),
            frontier: false,
        })
    }
}
