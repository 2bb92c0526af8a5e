//! Coefficients from measured points: least absolute relative error, none below zero.
//!
//! Invariant: the same points give the same coefficients, which `data/estimate.toml` holds to nine
//! digits; guarded by `tests.rs`, which fits them again, and by an independent fit (numpy's and
//! scipy's) whose result is recorded there.
//!
//! A server that its host slows down is wrong by a factor, so squares would follow it. Weighted least
//! squares, with weights from the last errors, approach the least sum of absolute errors (iteratively
//! reweighted least squares: Schlossmacher, 1973).

use super::error::EstimateError;
use super::step::Step;
use super::term::TERMS;
use crate::summary::nnls;
use crate::units::Seconds;

/// How often weights are taken from the last errors.
const ROUNDS: usize = 25;
/// Relative errors below this count alike: published rates repeat to about this.
const REPEATED: f64 = 0.03;

/// What `TERMS` coefficients fit best.
pub(super) fn calibrate(points: &[(&Step, Seconds)]) -> Result<[f64; TERMS], EstimateError> {
    let few = || EstimateError::TooFew { points: points.len(), terms: TERMS };
    if points.len() < 2 * TERMS {
        return Err(few());
    }
    let mut coefficients = [0.0; TERMS];
    let mut errors = vec![1.0; points.len()];
    for _ in 0..ROUNDS {
        let rows: Vec<(Vec<f64>, f64, f64)> = points
            .iter()
            .zip(&errors)
            .map(|((step, time), error)| {
                let weight = 1.0 / (time.0 * time.0) / f64::max(*error, REPEATED);
                (step.loads.to_vec(), time.0 - step.roof.time().0, weight)
            })
            .collect();
        let fitted = nnls::fit(&rows).ok_or_else(few)?.coefficients;
        // A term that the points don't tell takes no time.
        coefficients.iter_mut().zip(fitted).for_each(|(c, fitted)| *c = fitted.unwrap_or(0.0));
        for (error, (step, time)) in errors.iter_mut().zip(points) {
            *error = (step.time(&coefficients).0 / time.0 - 1.0).abs();
        }
    }
    Ok(coefficients)
}
