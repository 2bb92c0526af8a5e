//! Tests of the estimate that need more than one of its parts.

mod config;
mod memory;
mod outliers;
mod outlook;
mod properties;
mod shapes;
mod steps;
mod validation;

use super::{Cache, Calibration, Deployment, Models, Point, Traffic, Weights, parse_energy};
use crate::hardware::{Catalogue, Gpu};
use crate::units::Tokens;

const POINTS: &str = include_str!("../../../tests/fixtures/throughput/mlenergy-points-2026-02.csv");

fn models() -> Models {
    Models::embedded().unwrap()
}

fn gpu(name: &str) -> Gpu {
    Catalogue::embedded().unwrap().by_name(name).unwrap().clone()
}

fn calibration() -> Calibration {
    Calibration::embedded().unwrap()
}

fn points() -> Vec<Point> {
    parse_energy("points.csv", POINTS, &models(), &Catalogue::embedded().unwrap()).unwrap()
}

/// What is done with a model on GPUs, by its names.
fn with<T>(
    (model, weights): (&str, Weights),
    (on, gpus): (&str, u32),
    then: impl FnOnce(&Deployment<'_>) -> T,
) -> T {
    let (models, gpu) = (models(), gpu(on));
    let model = models.by_name(model).unwrap();
    then(&Deployment { model, gpu: &gpu, gpus, weights, cache: Cache::Bf16 })
}

fn traffic(prompt: u64, output: u64) -> Traffic {
    Traffic { prompt: Tokens(prompt), output: Tokens(output) }
}

#[track_caller]
fn near(got: f64, want: f64, relative: f64) {
    assert!((got / want - 1.0).abs() < relative, "{got} ≠ {want}");
}
