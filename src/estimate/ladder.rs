//! A ladder of batches: what each would do, whether it fits, and what its tokens would cost.
//!
//! Invariant: a price is the machine's hour over a predicted rate, carried with its interval, never
//! below the floor of its rung, and a batch that does not fit has none. Guarded by `tests.rs`.

use super::calibration::Calibration;
use super::deployment::{Deployment, Traffic};
use super::error::EstimateError;
use super::memory::{Memory, memory};
use super::predict::{Prediction, predict};
use crate::units::{Estimate, TokensPerSecond, UsdPerHour, UsdPerMtok};
use serde::Serialize;

/// A batch that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rung {
    /// Sequences at once.
    pub batch: u32,
    /// Its memory.
    pub memory: Memory,
    /// What it would do and cost; `None`: it does not fit.
    pub outcome: Option<Outcome>,
}

/// What a batch that fits would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// How fast.
    pub prediction: Prediction,
    /// What its tokens would cost at full load; `None`: nobody says what the GPUs cost.
    pub costs: Option<Costs>,
}

/// What a batch's tokens would cost at full load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Costs {
    /// A million tokens, prompts and answers alike.
    pub blended: Estimate<UsdPerMtok>,
    /// A million output tokens, if they pay for the whole hour.
    pub output_only: Estimate<UsdPerMtok>,
    /// The floor of `blended`.
    pub blended_floor: UsdPerMtok,
    /// The floor of `output_only`.
    pub output_only_floor: UsdPerMtok,
}

/// All batches that were asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ladder {
    /// What the GPUs cost together; `None`: nobody says.
    pub price: Option<UsdPerHour>,
    /// In the order asked for.
    pub rungs: Vec<Rung>,
}

impl Costs {
    fn of(price: UsdPerHour, prediction: &Prediction) -> Self {
        Self {
            blended: prediction.total_rate.map(|rate: TokensPerSecond| price / rate),
            output_only: prediction.output_rate.map(|rate: TokensPerSecond| price / rate),
            blended_floor: price / prediction.total_ceiling,
            output_only_floor: price / prediction.ceiling,
        }
    }
}

impl Rung {
    /// The rate at which the GPUs' hour is divided: prompt and output tokens; `None`: it doesn't fit.
    fn rate(&self) -> Option<TokensPerSecond> {
        Some(self.outcome.as_ref()?.prediction.total_rate.value)
    }
}

/// The fastest of some rungs that fit, which is the cheapest, whatever an hour costs; of those that are
/// equal the first.
pub(super) fn cheapest<'a>(rungs: impl Iterator<Item = &'a Rung>) -> Option<&'a Rung> {
    let fitting = rungs.filter_map(|rung| Some((rung, rung.rate()?)));
    let faster = |best: (&'a Rung, TokensPerSecond), next: (&'a Rung, TokensPerSecond)| {
        if next.1 > best.1 { next } else { best }
    };
    fitting.reduce(faster).map(|(rung, _)| rung)
}

impl Ladder {
    /// The cheapest rung that fits.
    pub fn cheapest(&self) -> Option<&Rung> {
        cheapest(self.rungs.iter())
    }
}

/// Predicts and prices each of some batches. `price` is of all the GPUs of the deployment together.
///
/// # Errors
/// As [`predict`].
pub fn ladder(
    deployment: &Deployment<'_>,
    traffic: Traffic,
    batches: &[u32],
    price: Option<UsdPerHour>,
    calibration: &Calibration,
) -> Result<Ladder, EstimateError> {
    let rungs = batches.iter().map(|batch| {
        let memory = memory(deployment, traffic, *batch)?;
        let prediction = predict(deployment, traffic, *batch, calibration)?;
        let fits = memory.misfit.is_none();
        let costs = price.map(|price| Costs::of(price, &prediction));
        let outcome = fits.then_some(Outcome { prediction, costs });
        Ok(Rung { batch: *batch, memory, outcome })
    });
    Ok(Ladder { price, rungs: rungs.collect::<Result<_, EstimateError>>()? })
}

/// 1, 2, 4, … up to the largest batch that fits, and that one; just 1 where none does.
pub fn powers_of_two(largest: u32) -> Vec<u32> {
    let powers = std::iter::successors(Some(1_u32), |n| n.checked_mul(2));
    let mut batches: Vec<u32> = powers.take_while(|n| *n <= largest.max(1)).collect();
    if batches.last().is_some_and(|last| *last < largest) {
        batches.push(largest);
    }
    batches
}
