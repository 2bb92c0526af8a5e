//! Dollars per attempt and per solved task.
//!
//! ```text
//! USD per attempt     = Σ cost of all attempts / attempts
//! USD per solved task = Σ cost of all attempts / solved attempts  (so = USD per attempt / solved rate)
//! cost of pass        = mean over tasks of (USD per attempt at the task / solved rate of the task)
//! ```
//!
//! The second is what a pile of such work costs, unsolved attempts paid by the solved ones; the third
//! what it costs to try each task again until it is solved, which tasks that were never solved don't
//! have: how many these are stands beside it. (Erol et al., "Cost-of-Pass: An Economic Framework for
//! Evaluating Language Models", 2025, of a single problem.)
//!
//! Invariant: where nothing was solved there is no USD per solved task, only what it is at least; the
//! high end of an interval that the attempts set no bound to is `None`; cheaper hours never give dearer
//! figures. Intervals: the bootstrap over problems, and the prices' own error in squares beside it.
//! Where all were solved problems don't differ in that, and the high end is the rate's own. Guarded by
//! `tests`, and by the coverage of simulated models (`coverage.rs`).

use super::number;
use super::rate::solved_rate;
use super::resample::Draws;
use super::sheet::{Sheet, Shot, Task};
use super::tokens::around;
use crate::units::{Estimate, PicoUsd, Ratio, Usd};
use serde::Serialize;

/// What attempts cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RowCost {
    /// All attempts, all their tries.
    pub total: Usd,
    /// The same as billed, to the picodollar; `None`: own hardware, which nobody bills by the token.
    pub billed: Option<PicoUsd>,
    /// Of the total, tries that failed and were tried again.
    pub retries: Usd,
    /// Of the total, attempts that didn't solve their task.
    pub unsolved: Usd,
    /// An attempt in the mean.
    pub per_attempt: Estimate<Usd>,
    /// A solved task.
    pub per_solved: PerSolved,
    /// Trying each task until it is solved; `None`: none was.
    pub of_pass: Option<CostOfPass>,
    /// Tries that ended without a count and may have been billed: their cost is not in here.
    pub untold: u64,
    /// How many times the total it would be with every price at the low and the high end of its interval.
    #[serde(skip)]
    pub(super) price_factors: (Ratio, Ratio),
}

/// Dollars per solved task.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PerSolved {
    /// Nothing was solved.
    NoneSolved {
        /// What was spent.
        spent: Usd,
        /// What a solved task costs at least, by the high end of the solved rate's interval; `None`: it
        /// has none.
        at_least: Option<Usd>,
    },
    /// Something was.
    Solved {
        /// The cost of all attempts over the number that solved their task.
        value: Usd,
        /// Its 95 % interval; `None`: there were too few problems.
        interval: Option<Range>,
    },
}

/// An interval of dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range {
    /// Its low end.
    pub low: Usd,
    /// Its high end; `None`: so little was solved that it has no bound.
    pub high: Option<Usd>,
}

/// The cost of pass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CostOfPass {
    /// The mean over tasks that were solved at least once.
    pub value: Usd,
    /// How many these are.
    pub tasks: u64,
    /// Tasks that were never solved: they have none.
    pub never_solved: u64,
}

impl PerSolved {
    /// The figure; `None`: nothing was solved.
    pub fn value(&self) -> Option<Usd> {
        match self {
            Self::Solved { value, .. } => Some(*value),
            Self::NoneSolved { .. } => None,
        }
    }
}

impl RowCost {
    /// `None` where an attempt has no price, or there is none.
    pub(super) fn of(sheet: &Sheet<'_>, is_bill: bool, seed: u64) -> Option<Self> {
        if sheet.unpriced.is_some() {
            return None;
        }
        let sums = sheet.sums();
        let column = |of: fn(&super::sheet::Sums) -> f64| sums.iter().map(of).collect::<Vec<f64>>();
        let (usd, solved, attempts) =
            (column(|one| one.usd), column(|one| one.solved), column(|one| one.attempts));
        let [spent, right, all] = [&usd, &solved, &attempts].map(|of| of.iter().sum::<f64>());
        let rate = solved_rate(&sums)?;
        let factors = price_factors(sheet, spent);
        let draws = Draws::new(sums.len(), seed);
        let per_attempt = spent / all;
        let ends = draws.as_ref().map(|draws| draws.of_ratio(&usd, &attempts));
        let per_solved = if right > 0.0 {
            let value = spent / right;
            let ends = draws.as_ref().map(|draws| draws.of_ratio(&usd, &solved));
            // Of problems that were all solved the bootstrap knows no other.
            let least = rate.interval.filter(|_| right >= all).map(|(low, _)| low.get());
            let ends = ends.map(|(low, high)| {
                (low, high.max(least.map_or(high, |least| per_attempt / least)))
            });
            let range =
                ends.map(|ends| Range::of(widened(value, ends, &[factors.0], &[factors.1])));
            PerSolved::Solved { value: Usd(value), interval: range }
        } else {
            let most = rate.interval.map(|(_, high)| high.get());
            let at_least = most.map(|most| Usd(per_attempt * factors.0.get() / most));
            PerSolved::NoneSolved { spent: Usd(spent), at_least }
        };
        let part = |of: &dyn Fn(&Shot<'_>) -> Usd| sheet.shots().map(of).sum::<Usd>();
        Some(Self {
            total: Usd(spent),
            billed: is_bill.then(|| sheet.shots().map(|shot| shot.charge.billed).sum()),
            retries: part(&|shot| shot.charge.retries),
            unsolved: part(&|shot| if shot.is_solved() { Usd(0.0) } else { shot.charge.all }),
            per_attempt: around(
                per_attempt,
                ends.map(|ends| widened(per_attempt, ends, &[factors.0], &[factors.1])),
            ),
            per_solved,
            of_pass: CostOfPass::of(sheet),
            untold: sheet.shots().map(|shot| shot.charge.untold).sum(),
            price_factors: factors,
        })
    }
}

impl Range {
    fn of((low, high): (f64, f64)) -> Self {
        Self { low: Usd(low), high: high.is_finite().then_some(Usd(high)) }
    }
}

/// The total at the prices' ends, over the total; both 1 where nothing was spent.
fn price_factors(sheet: &Sheet<'_>, spent: f64) -> (Ratio, Ratio) {
    let low: Usd = sheet.shots().map(|shot| shot.charge.ends.0).sum();
    let high: Usd = sheet.shots().map(|shot| shot.charge.ends.1).sum();
    if spent > 0.0 { (low / Usd(spent), high / Usd(spent)) } else { (Ratio::ONE, Ratio::ONE) }
}

/// An interval over problems with the errors of prices, which are others': their logarithms are added
/// in squares. `down` and `up` are what each price's ends would do to the value.
pub(super) fn widened(
    value: f64,
    (low, high): (f64, f64),
    down: &[Ratio],
    up: &[Ratio],
) -> (f64, f64) {
    if value <= 0.0 {
        return (0.0, 0.0);
    }
    let both = |own: f64, prices: &[Ratio]| {
        prices.iter().fold(own.ln(), |all, price| all.hypot(price.get().ln())).exp()
    };
    (value / both(value / low.min(value), down), value * both(high.max(value) / value, up))
}

impl CostOfPass {
    fn of(sheet: &Sheet<'_>) -> Option<Self> {
        let rate = |task: &Task<'_>| task.rate();
        let solved: Vec<f64> = sheet
            .tasks()
            .filter(|task| rate(task) > 0.0)
            .map(|task| task.mean_cost().0 / rate(task))
            .collect();
        (!solved.is_empty()).then(|| Self {
            value: Usd(solved.iter().sum::<f64>() / number(solved.len())),
            tasks: solved.len() as u64,
            never_solved: sheet.tasks().filter(|task| rate(task) <= 0.0).count() as u64,
        })
    }
}
