//! One published measurement: what ran where, and how fast.
//!
//! Invariant: what a server was told (most sequences) and what it did (sequences in the mean) are two
//! numbers, never taken for one another. Guarded by `csv_points`' tests.

use super::deployment::{Deployment, Traffic, Weights};
use super::error::EstimateError;
use super::model::Model;
use super::step::Step;
use crate::hardware::Gpu;
use crate::units::{Seconds, TokensPerSecond, Watts};

/// A measured point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What ran where.
    pub setting: Setting,
    /// The most sequences that the server was told to hold in a step.
    pub most: u32,
    /// The sequences that it held in the mean.
    pub batch: f64,
    /// What a request brought in the mean.
    pub traffic: Traffic,
    /// Output tokens a second.
    pub rate: TokensPerSecond,
    /// The median time between two tokens of a stream.
    pub gap: Seconds,
    /// Power of all its GPUs.
    pub power: Watts,
}

/// What a series of points at several batches has in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The checkpoint's name, as published.
    pub name: String,
    /// Its shape.
    pub model: Model,
    /// The workload's name.
    pub task: String,
    /// The GPU.
    pub gpu: Gpu,
    /// How many of them.
    pub gpus: u32,
    /// How the weights are stored.
    pub weights: Weights,
    /// Whether each GPU attended for requests of its own: another layout than the one estimated.
    pub data_parallel: bool,
}

impl Setting {
    /// As a deployment.
    pub(super) fn deployment(&self) -> Deployment<'_> {
        Deployment {
            model: &self.model,
            gpu: &self.gpu,
            gpus: self.gpus,
            weights: self.weights,
            cache: super::Cache::Bf16,
        }
    }

    /// Whether both are of one series, the GPU left aside.
    pub(super) fn same_work(&self, other: &Self) -> bool {
        self.name == other.name && self.task == other.task && self.gpus == other.gpus
    }
}

impl Point {
    /// The time of its mean step: batch over rate.
    pub(super) fn time(&self) -> Seconds {
        Seconds(self.batch / self.rate.0)
    }

    /// Its step by the roofline.
    pub(super) fn step(&self) -> Result<Step, EstimateError> {
        Step::of(&self.setting.deployment(), self.traffic, self.batch)
    }
}
