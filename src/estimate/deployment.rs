//! A model on GPUs, and the work that it gets.
//!
//! Invariant: bytes a parameter are those of the published formats, scales included, and differ by
//! the part of the model: heads and tables stay in 16 bits. Guarded by hand-worked cases in `tests.rs`.

use super::error::EstimateError;
use super::model::Model;
use crate::hardware::{Gpu, Precision};
use crate::units::{FlopsPerSecond, Tokens};
use serde::{Deserialize, Serialize};

/// How weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// 16 bits: bfloat16, or half precision on GPUs without it.
    Bf16,
    /// 8 bits; arithmetic in 8 bits where the GPU has it.
    Fp8,
    /// Experts in four bits with an 8-bit scale for every 32 (OCP MX), the rest in 16.
    Mxfp4,
    /// 4 bits with a 16-bit scale for every 128 (GPTQ, AWQ); arithmetic in 16 bits.
    Int4,
}

/// How the cache is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cache {
    /// 16 bits.
    #[default]
    Bf16,
    /// 8 bits.
    Fp8,
}

/// A model on a number of GPUs that share it: tensor parallel, its experts divided whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment<'a> {
    /// The model.
    pub model: &'a Model,
    /// The GPU.
    pub gpu: &'a Gpu,
    /// How many of them.
    pub gpus: u32,
    /// How the weights are stored.
    pub weights: Weights,
    /// How the cache is stored.
    pub cache: Cache,
}

/// What a request brings, in the mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Tokens of its prompt that are computed.
    pub prompt: Tokens,
    /// Tokens of its answer.
    pub output: Tokens,
}

impl Weights {
    /// Bytes a parameter that every token goes through.
    pub(super) fn body_bytes(self) -> f64 {
        match self {
            Self::Bf16 | Self::Mxfp4 => 2.0,
            Self::Fp8 => 1.0,
            Self::Int4 => (4.0 + 16.0 / 128.0) / 8.0,
        }
    }

    /// Bytes a parameter of an expert.
    pub(super) fn expert_bytes(self) -> f64 {
        match self {
            Self::Mxfp4 => (4.0 + 8.0 / 32.0) / 8.0,
            other => other.body_bytes(),
        }
    }

    /// Its name, as the command line takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::Fp8 => "fp8",
            Self::Mxfp4 => "mxfp4",
            Self::Int4 => "int4",
        }
    }
}

impl std::fmt::Display for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Weights {
    type Err = EstimateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "bf16" | "fp16" => Ok(Self::Bf16),
            "fp8" => Ok(Self::Fp8),
            "mxfp4" => Ok(Self::Mxfp4),
            "int4" => Ok(Self::Int4),
            _ => Err(EstimateError::UnknownFormat { value: text.to_owned() }),
        }
    }
}

impl Cache {
    /// Bytes of one number.
    pub(super) fn bytes(self) -> f64 {
        match self {
            Self::Bf16 => 2.0,
            Self::Fp8 => 1.0,
        }
    }
}

/// Weights, tables and head of a model in a format, in bytes.
pub(super) fn weight_bytes(model: &Model, weights: Weights) -> f64 {
    let tables = if model.tied { 1.0 } else { 2.0 };
    model.body() * weights.body_bytes()
        + tables * model.head() * 2.0
        + model.all_experts() * weights.expert_bytes()
}

impl Deployment<'_> {
    /// Peak arithmetic that the engine can use for these weights.
    ///
    /// # Errors
    /// No clear source says what the GPU reaches in that precision.
    pub(super) fn peak(&self) -> Result<FlopsPerSecond, EstimateError> {
        let half = || self.gpu.peak(Precision::Bf16).or(self.gpu.peak(Precision::Fp16));
        let eight = || self.gpu.peak(Precision::Fp8);
        let peak = match self.weights {
            Weights::Fp8 => eight().or_else(half),
            // Chips with four-bit units multiply these weights with 8-bit activations.
            Weights::Mxfp4 if self.gpu.peak(Precision::Fp4).is_some() => eight().or_else(half),
            Weights::Bf16 | Weights::Int4 | Weights::Mxfp4 => half(),
        };
        let usable = peak.filter(|peak| peak.0.is_finite() && peak.0 > 0.0);
        usable.ok_or_else(|| EstimateError::NoPeak { gpu: self.gpu.id.clone() })
    }

    /// The number of GPUs, to divide by.
    pub(super) fn divisor(&self) -> f64 {
        f64::from(self.gpus.max(1))
    }
}
