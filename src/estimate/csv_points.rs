//! Tables of published measurements, read.
//!
//! Invariant: a row is read whole or refused with its place; nothing is skipped. Guarded by `tests.rs`
//! on the vendored tables, whose rows are counted.

use super::catalogue::Models;
use super::deployment::{Traffic, Weights};
use super::error::EstimateError;
use super::model::Model;
use super::point::{Point, Setting};
use crate::hardware::{Catalogue, Gpu};
use crate::units::{Seconds, Tokens, TokensPerSecond, Watts};
use serde::Deserialize;

/// What a prompt of each workload has in the mean. The table doesn't say; where the servers' memory was
/// the limit, their contexts tell about this, and nothing hangs on it: twice or half as much changes
/// the validated median errors by about a point (`docs/ESTIMATE.md`).
const PROMPTS: &[(&str, u64)] =
    &[("lm-arena-chat", 150), ("gpqa", 250), ("sourcegraph-fim", 1_400)];

/// Servers that were started with data-parallel attention, by ml-energy/benchmark's configurations
/// (`data-parallel-size` in `configs/vllm/sourcegraph-fim`).
const DATA_PARALLEL: &[&str] = &["Qwen3-Coder-480B-A35B-Instruct-FP8"];

/// What the tables call the GPUs.
const GPUS: &[(&str, &str)] = &[
    ("H100", "h100-sxm"),
    ("B200", "b200"),
    ("H100-SXM-80", "h100-sxm"),
    ("H200-SXM-141", "h200-sxm"),
];

#[derive(Deserialize)]
struct EnergyRow {
    model: String,
    task: String,
    gpu: String,
    num_gpus: u32,
    max_num_seqs: u32,
    avg_batch: f64,
    avg_output_len: f64,
    out_tok_s: f64,
    median_itl_ms: f64,
    avg_power_w: f64,
}

#[derive(Deserialize)]
struct TrtRow {
    model: String,
    gpu: String,
    precision: String,
    tp: u32,
    isl: u64,
    osl: u64,
    total_out_tok_s: f64,
}

/// Where a row is.
struct Place<'a> {
    file: &'a str,
    row: usize,
}

impl Place<'_> {
    fn wrong(&self, field: &'static str, value: &dyn std::fmt::Display) -> EstimateError {
        let (file, row) = (self.file.to_owned(), self.row);
        EstimateError::Row { file, row, field, value: value.to_string() }
    }

    fn positive(&self, field: &'static str, value: f64) -> Result<f64, EstimateError> {
        let fine = value.is_finite() && value > 0.0;
        fine.then_some(value).ok_or_else(|| self.wrong(field, &value))
    }

    fn gpu(&self, name: &str, gpus: &Catalogue) -> Result<Gpu, EstimateError> {
        let id = GPUS.iter().find(|(own, _)| *own == name).map(|(_, id)| *id);
        let found = id.and_then(|id| gpus.by_name(id).ok());
        found.cloned().ok_or_else(|| self.wrong("gpu", &name))
    }

    fn model(&self, name: &str, models: &Models) -> Result<Model, EstimateError> {
        let bare = name.strip_suffix("-FP8").unwrap_or(name);
        models.by_name(bare).cloned().map_err(|_| self.wrong("model", &name))
    }
}

/// The ML.ENERGY leaderboard's points, as `mlenergy-points-2026-02.csv` has them.
///
/// # Errors
/// A text that isn't such a table, a model or a GPU that isn't in the books, a number that can't be.
pub fn parse_energy(
    file: &str,
    text: &str,
    models: &Models,
    gpus: &Catalogue,
) -> Result<Vec<Point>, EstimateError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.deserialize::<EnergyRow>().enumerate();
    rows.map(|(at, row)| {
        let row = row.map_err(|source| EstimateError::Csv { file: file.to_owned(), source })?;
        energy_point(&Place { file, row: at + 1 }, row, models, gpus)
    })
    .collect()
}

fn energy_point(
    place: &Place<'_>,
    row: EnergyRow,
    models: &Models,
    gpus: &Catalogue,
) -> Result<Point, EstimateError> {
    let name = row.model.split_once("__").map_or(row.model.as_str(), |(_, name)| name).to_owned();
    let model = place.model(&name, models)?;
    let prompt = PROMPTS.iter().find(|(task, _)| *task == row.task).map(|(_, tokens)| *tokens);
    let prompt = Tokens(prompt.ok_or_else(|| place.wrong("task", &row.task))?);
    let output = Tokens(1).scaled(place.positive("avg_output_len", row.avg_output_len)?);
    Ok(Point {
        setting: Setting {
            weights: if name.ends_with("-FP8") { Weights::Fp8 } else { model.native },
            data_parallel: DATA_PARALLEL.contains(&name.as_str()),
            model,
            task: row.task,
            gpu: place.gpu(&row.gpu, gpus)?,
            gpus: row.num_gpus,
            name,
        },
        most: row.max_num_seqs,
        batch: place.positive("avg_batch", row.avg_batch)?,
        traffic: Traffic { prompt, output },
        rate: TokensPerSecond(place.positive("out_tok_s", row.out_tok_s)?),
        gap: Seconds(place.positive("median_itl_ms", row.median_itl_ms)? / 1e3),
        power: Watts(place.positive("avg_power_w", row.avg_power_w)?),
    })
}

/// TensorRT-LLM's published highest rates: what ran, each request's lengths, output tokens a second.
/// They don't say at what batch.
///
/// # Errors
/// As [`parse_energy`].
pub fn parse_trtllm(
    file: &str,
    text: &str,
    models: &Models,
    gpus: &Catalogue,
) -> Result<Vec<(Setting, Traffic, TokensPerSecond)>, EstimateError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.deserialize::<TrtRow>().enumerate();
    rows.map(|(at, row)| {
        let row = row.map_err(|source| EstimateError::Csv { file: file.to_owned(), source })?;
        let place = Place { file, row: at + 1 };
        let model = place.model(&row.model, models)?;
        let setting = Setting {
            name: row.model,
            weights: if model.native == Weights::Mxfp4 { Weights::Mxfp4 } else { Weights::Fp8 },
            model,
            task: format!("{}/{}", row.isl, row.osl),
            gpu: place.gpu(&row.gpu, gpus)?,
            gpus: row.tp,
            data_parallel: row.precision.contains("DEP"),
        };
        let rate = TokensPerSecond(place.positive("total_out_tok_s", row.total_out_tok_s)?);
        Ok((setting, Traffic { prompt: Tokens(row.isl), output: Tokens(row.osl) }, rate))
    })
    .collect()
}
