//! The prediction for one batch, with its error and where its time goes.
//!
//! Invariant: neither the rate nor the end of its interval is above the ceiling of the roofline, a
//! larger batch is never slower in all, and a faster GPU never slower. Guarded by the property tests in
//! `tests.rs`.

use super::calibration::{Band, Calibration};
use super::deployment::{Deployment, Traffic, Weights};
use super::error::EstimateError;
use super::model::float;
use super::step::Step;
use super::term::Term;
use crate::units::{Estimate, Seconds, TokensPerSecond};
use serde::Serialize;

/// What a deployment would do at a batch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// Sequences that are decoded at once.
    pub batch: u32,
    /// Output tokens a second, of all sequences.
    pub output_rate: Estimate<TokensPerSecond>,
    /// Prompt and output tokens a second.
    pub total_rate: Estimate<TokensPerSecond>,
    /// The mean time between two tokens of a stream, the time for others' prompts among it.
    pub gap: Estimate<Seconds>,
    /// The output rate that no engine exceeds which decodes a token a step.
    pub ceiling: TokensPerSecond,
    /// The same for prompt and output tokens.
    pub total_ceiling: TokensPerSecond,
    /// What bounds it.
    pub limit: Limit,
    /// What its error is from.
    pub basis: Basis,
    /// Where a step's time goes; they add up to the gap.
    pub parts: Vec<Part>,
}

/// What bounds a step from below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Memory traffic.
    Memory,
    /// Arithmetic.
    Arithmetic,
}

/// What a prediction's error is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Runs of other models on this GPU.
    Measured,
    /// Runs of other models on other GPUs: this one, or these weights' format, wasn't measured.
    Elsewhere,
}

/// A part of a step's time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Part {
    /// What takes it; `None`: the roofline.
    pub term: Option<Term>,
    /// How long.
    pub time: Seconds,
}

/// Predicts.
///
/// # Errors
/// A question without an answer: no GPUs, no output, no batch, a context that the model lacks, a GPU
/// whose arithmetic isn't known.
pub fn predict(
    deployment: &Deployment<'_>,
    traffic: Traffic,
    batch: u32,
    calibration: &Calibration,
) -> Result<Prediction, EstimateError> {
    let step = Step::of(deployment, traffic, f64::from(batch))?;
    let rate = |time: Seconds| TokensPerSecond(f64::from(batch) / time.0);
    let floor = step.floor.time();
    let time = step.time(&calibration.coefficients);
    let (basis, band) = basis(deployment, calibration);
    let (value, ceiling) = (rate(time), rate(floor));
    let high = value * band.high;
    let high = if high > ceiling { ceiling } else { high };
    let output_rate = Estimate { value, interval: Some((value * band.low, high)) };
    let in_all = 1.0 + float(traffic.prompt.0) / float(traffic.output.0);
    let total = |rate: TokensPerSecond| TokensPerSecond(rate.0 * in_all);
    let roof = Part { term: None, time: step.roof.time() };
    let terms = Term::ALL.into_iter().zip(step.loads).zip(calibration.coefficients);
    let terms = terms.map(|((term, load), c)| Part { term: Some(term), time: Seconds(load * c) });
    let memory_bound = step.roof.memory > step.roof.arithmetic;
    Ok(Prediction {
        batch,
        output_rate,
        total_rate: output_rate.map(total),
        gap: output_rate.map(|rate: TokensPerSecond| Seconds(f64::from(batch) / rate.0)),
        ceiling,
        total_ceiling: total(ceiling),
        limit: if memory_bound { Limit::Memory } else { Limit::Arithmetic },
        basis,
        parts: std::iter::once(roof).chain(terms).filter(|part| part.time.0 > 0.0).collect(),
    })
}

/// Which of the errors that were found is this one's.
fn basis(deployment: &Deployment<'_>, calibration: &Calibration) -> (Basis, Band) {
    let measured =
        calibration.gpus.contains(&deployment.gpu.id) && deployment.weights != Weights::Int4;
    let experts = deployment.model.experts.is_some();
    match (measured, experts) {
        (true, false) => (Basis::Measured, calibration.dense),
        (true, true) => (Basis::Measured, calibration.experts),
        (false, false) => (Basis::Elsewhere, calibration.dense_elsewhere),
        (false, true) => (Basis::Elsewhere, calibration.experts_elsewhere),
    }
}
