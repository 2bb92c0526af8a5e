//! `mtok estimate`: a GPU and a model that are known, and a question that has an answer.

use super::hour::hour;
use super::{Failure, value};
use crate::cli::raw::{RawCache, RawEstimate, RawWeights};
use crate::cost::{Kind, MachinePrice, Slo};
use crate::estimate::{Cache, EstimateError, Model, Models, Traffic, Weights};
use crate::hardware::{Catalogue, Gpu};
use crate::hint::Fault;
use crate::units::{Seconds, Tokens};
use std::path::{Path, PathBuf};

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Estimate {
    /// What the user calls the model.
    pub(crate) asked: String,
    /// Where its shape is.
    pub(crate) shape: Shape,
    /// The GPU.
    pub(crate) gpu: Gpu,
    /// How many of them.
    pub(crate) gpus: u32,
    /// How the weights are stored; `None`: as published.
    pub(crate) weights: Option<Weights>,
    /// How the cache is stored.
    pub(crate) cache: Cache,
    /// What a request brings.
    pub(crate) traffic: Traffic,
    /// Sequences at once; empty: the usual ladder.
    pub(crate) batches: Vec<u32>,
    /// What all GPUs cost together, where given.
    pub(crate) price: Option<MachinePrice>,
    /// The longest mean time between two tokens, where given.
    pub(crate) at_most: Option<Seconds>,
}

/// Where a model's shape is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// In the catalogue.
    Known(Box<Model>),
    /// In this file.
    File(PathBuf),
}

impl TryFrom<RawEstimate> for Estimate {
    type Error = Failure;

    fn try_from(raw: RawEstimate) -> Result<Self, Failure> {
        let gpu = Catalogue::embedded()?
            .by_name(&raw.gpu)
            .map_err(|error| Failure::flag("--gpu", &error))?
            .clone();
        let prompt: Tokens = value("--prompt-tokens", raw.prompt_tokens.trim())?;
        let output: Tokens = value("--output-tokens", raw.output_tokens.trim())?;
        let not_zero = [
            ("--tp", u64::from(raw.tp)),
            ("--output-tokens", output.0),
            ("--batch", u64::from(raw.batch.iter().copied().min().unwrap_or(1))),
        ];
        if let Some((flag, _)) = not_zero.into_iter().find(|(_, number)| *number == 0) {
            return Err(Failure::new(Fault::Usage, format!("`{flag}`: `0` has no answer"))
                .hint("give a number of 1 or more"));
        }
        let price = hour(raw.price.as_deref(), raw.owned.as_deref())?;
        Ok(Self {
            shape: shape(&raw.model)?,
            asked: raw.model,
            gpu,
            gpus: raw.tp,
            weights: raw.precision.map(|format| match format {
                RawWeights::Bf16 => Weights::Bf16,
                RawWeights::Fp8 => Weights::Fp8,
                RawWeights::Mxfp4 => Weights::Mxfp4,
                RawWeights::Int4 => Weights::Int4,
            }),
            cache: match raw.kv_precision {
                RawCache::Bf16 => Cache::Bf16,
                RawCache::Fp8 => Cache::Fp8,
            },
            traffic: Traffic { prompt, output },
            batches: each_once(raw.batch),
            price,
            at_most: raw.slo.as_deref().map(limit).transpose()?,
        })
    }
}

/// In the order given, each once: what is asked for twice has one answer.
fn each_once(batches: Vec<u32>) -> Vec<u32> {
    let mut seen = std::collections::HashSet::new();
    batches.into_iter().filter(|batch| seen.insert(*batch)).collect()
}

/// The catalogue's shape, else a file: what looks like a path is meant as one, so that a file that isn't
/// there is not told to be an unknown model.
fn shape(text: &str) -> Result<Shape, Failure> {
    let path = Path::new(text);
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let is_path = matches!(ending, "json" | "toml") || path.is_absolute() || text.starts_with('.');
    match Models::embedded()?.by_name(text) {
        Ok(model) if !is_path => Ok(Shape::Known(Box::new(model.clone()))),
        Err(EstimateError::UnknownModel { .. }) | Ok(_) if is_path || path.exists() => {
            let inside = if path.is_dir() { path.join("config.json") } else { path.to_owned() };
            Ok(Shape::File(inside))
        }
        Ok(model) => Ok(Shape::Known(Box::new(model.clone()))),
        Err(error) => Err(Failure::flag("--model", &error)),
    }
}

/// The one objective that an estimate can judge.
fn limit(text: &str) -> Result<Seconds, Failure> {
    let slo: Slo = value("--slo", text)?;
    match slo.objectives() {
        [one] if one.latency == Kind::Tpot && one.percentile == Slo::DEFAULT => Ok(one.at_most),
        _ => {
            let message = format!(
                "`--slo`: `{text}`: an estimate knows the mean `tpot` of a full batch alone"
            );
            Err(Failure::new(Fault::Usage, message)
                .hint("write it like `tpot<=50ms`; percentiles and waiting are `mtok plan`'s"))
        }
    }
}
