//! What was learnt from published runs: `data/estimate.toml`.
//!
//! Invariant: every coefficient is a number of 0 or more and every band holds 1, whatever text is
//! read; so no calibration makes a prediction beat its floor. Guarded by `tests.rs`.

use super::error::EstimateError;
use super::term::{TERMS, Term};
use crate::units::Ratio;
use jiff::civil::Date;
use serde::Deserialize;

const FILE: &str = "data/estimate.toml";
const TEXT: &str = include_str!("../../data/estimate.toml");

/// Coefficients, and the errors that they had where they hadn't been fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// In the order of [`Term::ALL`].
    pub(super) coefficients: [f64; TERMS],
    /// Ids of the GPUs that were measured.
    pub gpus: Vec<String>,
    /// Measured rate over predicted, of models without experts, left out with their kin.
    pub dense: Band,
    /// The same of mixtures of experts.
    pub experts: Band,
    /// The same where the GPU was left out, too.
    pub dense_elsewhere: Band,
    /// The same of mixtures of experts.
    pub experts_elsewhere: Band,
    /// Where the points are from.
    pub source: String,
    /// The day that they are of.
    pub date: Date,
}

/// Between what shares of the predicted rate 95 % of the measured ones were.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// The 2.5th percentile of measured over predicted, or 1 if that is more.
    pub low: Ratio,
    /// The 97.5th, or 1 if that is less.
    pub high: Ratio,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    calibration: Vec<RawCalibration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCalibration {
    source: String,
    date: Date,
    gpus: Vec<String>,
    layer: f64,
    sequence: f64,
    sampling: f64,
    prompt: f64,
    eight_bit: f64,
    peer: f64,
    routing: f64,
    dense: [f64; 2],
    experts: [f64; 2],
    dense_elsewhere: [f64; 2],
    experts_elsewhere: [f64; 2],
}

impl Calibration {
    /// The calibration inside the program.
    ///
    /// # Errors
    /// [`EstimateError::Embedded`] if it is broken, which the tests rule out.
    pub fn embedded() -> Result<Self, EstimateError> {
        Self::parse(FILE, TEXT).map_err(|error| EstimateError::Embedded(Box::new(error)))
    }

    /// A calibration from the text of a file.
    ///
    /// # Errors
    /// A text that isn't TOML of this shape with one calibration, a coefficient below zero or no
    /// number, a band without 1 in it.
    pub fn parse(file: &str, text: &str) -> Result<Self, EstimateError> {
        let raw: Raw = toml::from_str(text).map_err(|source| EstimateError::Toml {
            file: file.to_owned(),
            source: Box::new(source),
        })?;
        let wrong = |field: &str| EstimateError::Coefficient {
            file: file.to_owned(),
            field: field.to_owned(),
        };
        let [raw]: [RawCalibration; 1] =
            raw.calibration.try_into().map_err(|_| wrong("calibration"))?;
        let coefficients = [
            raw.layer,
            raw.sequence,
            raw.sampling,
            raw.prompt,
            raw.eight_bit,
            raw.peer,
            raw.routing,
        ];
        for (term, coefficient) in Term::ALL.iter().zip(coefficients) {
            if !(coefficient.is_finite() && coefficient >= 0.0) {
                return Err(wrong(term.name()));
            }
        }
        let band = |field: &str, [low, high]: [f64; 2]| {
            let holds = high.is_finite() && low > 0.0 && low <= 1.0 && high >= 1.0;
            let band = Band { low: Ratio::of(low), high: Ratio::of(high) };
            holds.then_some(band).ok_or_else(|| wrong(field))
        };
        Ok(Self {
            coefficients,
            gpus: raw.gpus,
            dense: band("dense", raw.dense)?,
            experts: band("experts", raw.experts)?,
            dense_elsewhere: band("dense_elsewhere", raw.dense_elsewhere)?,
            experts_elsewhere: band("experts_elsewhere", raw.experts_elsewhere)?,
            source: raw.source,
            date: raw.date,
        })
    }

    /// The coefficient of a term.
    pub fn coefficient(&self, term: Term) -> f64 {
        let mut pairs = Term::ALL.into_iter().zip(self.coefficients);
        pairs.find(|(own, _)| *own == term).map_or(0.0, |(_, coefficient)| coefficient)
    }

    /// As the text of a file: what `data/estimate.toml` is made with.
    pub fn to_toml(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::from("[[calibration]]\n");
        // Writing to a text can't fail.
        let _ = writeln!(text, "source = {}", toml::Value::from(self.source.as_str()));
        let _ = writeln!(text, "date = \"{}\"", self.date);
        let _ = writeln!(text, "gpus = {}", toml::Value::from(self.gpus.clone()));
        for (term, coefficient) in Term::ALL.iter().zip(self.coefficients) {
            let _ = writeln!(text, "{} = {coefficient:.8e}", term.name());
        }
        let bands = [
            ("dense", self.dense),
            ("experts", self.experts),
            ("dense_elsewhere", self.dense_elsewhere),
            ("experts_elsewhere", self.experts_elsewhere),
        ];
        for (name, band) in bands {
            let (low, high) = (band.low.get(), band.high.get());
            let _ = writeln!(text, "{name} = [{low:.6}, {high:.6}]");
        }
        text
    }
}
