//! How wrong the estimate is where it hadn't been fitted: each model left out with all its precisions
//! and variants, fitted on the others, predicted.
//!
//! Invariant: no point is predicted with coefficients that saw its model, and points that are left out
//! of the fits as outliers are judged all the same: both figures stand side by side. Guarded by
//! `tests.rs`: a point that is changed doesn't change its own prediction.

use super::calibrate::calibrate;
use super::calibration::{Band, Calibration};
use super::error::EstimateError;
use super::outlier::{Outlier, outliers};
use super::point::Point;
use super::quantile::quantile;
use super::step::Step;
use crate::units::{Ratio, Seconds, TokensPerSecond};
use jiff::civil::Date;
use std::collections::BTreeSet;

/// What is left out together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// All precisions and variants of one shape.
    Model,
    /// All models of one family of makers and generation, whatever their size: stricter.
    Family,
}

/// A point beside what was predicted for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Its place among the points.
    pub point: usize,
    /// Predicted by the others.
    pub predicted: TokensPerSecond,
    /// Predicted by the others on other GPUs; `None`: there are too few.
    pub elsewhere: Option<TokensPerSecond>,
    /// What no engine exceeds.
    pub ceiling: TokensPerSecond,
    /// Why it says nothing of a GPU's throughput; empty if it does.
    pub outliers: Vec<Outlier>,
}

/// How large the errors of some points are: |predicted / measured - 1|, of output tokens a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Errors {
    /// How many points.
    pub points: usize,
    /// The median.
    pub median: Ratio,
    /// The 90th percentile.
    pub ninetieth: Ratio,
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is of: `dense, b200`.
    pub name: String,
    /// Of all points.
    pub all: Option<Errors>,
    /// Of those that are no outliers.
    pub sound: Option<Errors>,
    /// Of those, with the GPU left out, too.
    pub elsewhere: Option<Errors>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// Each point, in their order.
    pub judged: Vec<Judged>,
    /// By kind of model, of all GPUs and by GPU; then by what was left out together.
    pub lines: Vec<Line>,
    /// Fitted on all points that are no outliers, with the bands of the points left out.
    pub calibration: Calibration,
}

/// Leaves out, fits, predicts. `source` and `date` are of the points.
///
/// # Errors
/// A point that has no estimate, or too few points.
pub fn validate(
    points: &[Point],
    grouping: Grouping,
    source: &str,
    date: Date,
) -> Result<Validation, EstimateError> {
    let steps: Vec<Step> = points.iter().map(Point::step).collect::<Result<_, _>>()?;
    let outliers = outliers(points);
    let group = |at: usize| match grouping {
        Grouping::Model => points[at].setting.model.id.as_str(),
        Grouping::Family => points[at].setting.model.family.as_str(),
    };
    let gpu = |at: usize| points[at].setting.gpu.id.as_str();
    let fit = |wanted: &dyn Fn(usize) -> bool| {
        let chosen = (0..points.len()).filter(|at| outliers[*at].is_empty() && wanted(*at));
        calibrate(&chosen.map(|at| (&steps[at], points[at].time())).collect::<Vec<_>>())
    };
    let rate = |at: usize, time: Seconds| TokensPerSecond(points[at].batch / time.0);

    let groups: BTreeSet<&str> = (0..points.len()).map(group).collect();
    let gpus: BTreeSet<&str> = (0..points.len()).map(gpu).collect();
    let mut judged = Vec::new();
    for left_out in &groups {
        let others = fit(&|at| group(at) != *left_out)?;
        for on in &gpus {
            // Too few points elsewhere is no fault: there is no figure then.
            let elsewhere = fit(&|at| group(at) != *left_out && gpu(at) != *on).ok();
            let here = (0..points.len()).filter(|at| group(*at) == *left_out && gpu(*at) == *on);
            judged.extend(here.map(|at| Judged {
                point: at,
                predicted: rate(at, steps[at].time(&others)),
                elsewhere: elsewhere.as_ref().map(|fitted| rate(at, steps[at].time(fitted))),
                ceiling: rate(at, steps[at].floor.time()),
                outliers: outliers[at].clone(),
            }));
        }
    }
    judged.sort_by_key(|judged| judged.point);

    let mut lines = Vec::new();
    for (kind, experts) in [("dense", false), ("experts", true)] {
        let of_kind = |at: usize| points[at].setting.model.experts.is_some() == experts;
        lines.push(line(points, &judged, kind.to_owned(), &of_kind));
        for on in &gpus {
            lines.push(line(points, &judged, format!("{kind}, {on}"), &|at| {
                of_kind(at) && gpu(at) == *on
            }));
        }
    }
    for left_out in &groups {
        lines.push(line(points, &judged, (*left_out).to_owned(), &|at| group(at) == *left_out));
    }

    let band = |experts: bool, elsewhere: bool| {
        let of_kind = judged.iter().filter(|j| {
            j.outliers.is_empty() && points[j.point].setting.model.experts.is_some() == experts
        });
        band(of_kind.filter_map(|j| {
            let predicted = if elsewhere { j.elsewhere? } else { j.predicted };
            Some((points[j.point].rate / predicted).get())
        }))
    };
    let calibration = Calibration {
        coefficients: fit(&|_| true)?,
        gpus: gpus.iter().map(|id| (*id).to_owned()).collect(),
        dense: band(false, false),
        experts: band(true, false),
        dense_elsewhere: band(false, true),
        experts_elsewhere: band(true, true),
        source: source.to_owned(),
        date,
    };
    Ok(Validation { judged, lines, calibration })
}

/// 95 % of measured over predicted; as wide as can be where there is nothing.
fn band(shares: impl Iterator<Item = f64>) -> Band {
    let shares: Vec<f64> = shares.collect();
    let at = |share, otherwise| quantile(&shares, share).unwrap_or(otherwise);
    Band {
        low: Ratio::of(at(0.025, f64::MIN_POSITIVE).min(1.0)),
        high: Ratio::of(at(0.975, f64::MAX).max(1.0)),
    }
}

fn line(points: &[Point], judged: &[Judged], name: String, wanted: &dyn Fn(usize) -> bool) -> Line {
    let chosen = || judged.iter().filter(|j| wanted(j.point));
    let sound = || chosen().filter(|j| j.outliers.is_empty());
    let off =
        |at: usize, predicted: TokensPerSecond| ((predicted / points[at].rate).get() - 1.0).abs();
    Line {
        all: errors(chosen().map(|j| off(j.point, j.predicted))),
        sound: errors(sound().map(|j| off(j.point, j.predicted))),
        elsewhere: errors(sound().filter_map(|j| Some(off(j.point, j.elsewhere?)))),
        name,
    }
}

fn errors(off: impl Iterator<Item = f64>) -> Option<Errors> {
    let off: Vec<f64> = off.collect();
    Some(Errors {
        points: off.len(),
        median: Ratio::of(quantile(&off, 0.5)?),
        ninetieth: Ratio::of(quantile(&off, 0.9)?),
    })
}
