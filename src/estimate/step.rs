//! The mean step of an engine that is busy: what it must compute and move, and what else takes time.
//!
//! A server at a steady batch decodes one token for each sequence a step, and computes the prompts of
//! those that come in their place among these steps: `prompt / output` prompt tokens for each token of
//! output. So output tokens a second = batch / time of the mean step.
//!
//! Invariant: the floor counts each weight once a step, each cached number once a sequence, each
//! operation once, at the peaks of the data sheet: no engine that decodes a token a step is faster with
//! evenly drawn experts. Guarded by hand-worked steps in `tests.rs`.

use super::deployment::{Deployment, Traffic, Weights};
use super::error::EstimateError;
use super::model::float;
use super::term::TERMS;
use crate::units::{Bytes, Flops, Seconds};

/// Prompt tokens that an engine computes in a step at most: what the measured servers were told
/// (`max-num-batched-tokens: 8192` in ml-energy/benchmark's configurations) and vLLM's default on
/// these GPUs.
pub(super) const PROMPT_CHUNK: f64 = 8_192.0;

/// How many tokens of its answer a sequence has, seen at a random step, as a share of the mean answer:
/// long answers are there longer, so a little over one half. Published runs' answers vary by about half
/// of their mean: (1 + 0.5²) / 2.
pub(super) const MEAN_PROGRESS: f64 = 0.6;
/// The same where all answers are equally long, which is the least.
const LEAST_PROGRESS: f64 = 0.5;

/// Bytes of a logit as samplers hold it.
const LOGIT_BYTES: f64 = 4.0;

/// Bytes that routing moves for each number of an activation: 16 bits, read and written on the way to
/// the expert and on the way back.
const ROUTED_BYTES: f64 = 8.0;

/// A mean step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    /// What no engine goes below: all answers equally long.
    pub(super) floor: Roof,
    /// The same for answers of usual spread.
    pub(super) roof: Roof,
    /// What each [`Term`](super::term::Term)'s coefficient is multiplied with.
    pub(super) loads: [f64; TERMS],
}

/// The least times of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Roof {
    /// Of its memory traffic.
    pub(super) memory: Seconds,
    /// Of its arithmetic.
    pub(super) arithmetic: Seconds,
}

impl Roof {
    /// The longer of both.
    pub(super) fn time(self) -> Seconds {
        if self.memory > self.arithmetic { self.memory } else { self.arithmetic }
    }
}

impl Step {
    /// The step of `batch` sequences (a mean, so not whole), on a deployment.
    pub(super) fn of(
        deployment: &Deployment<'_>,
        traffic: Traffic,
        batch: f64,
    ) -> Result<Self, EstimateError> {
        let (prompt, output) = checked(deployment, traffic, batch)?;
        let (model, weights) = (deployment.model, deployment.weights);
        let (gpus, bandwidth) = (deployment.divisor(), deployment.gpu.bandwidth);
        let peak = deployment.peak()?;
        let arrivals = batch / output;
        let (read, tokens) = (arrivals * prompt, batch + arrivals * prompt);
        let (touched, active) = model.experts.map_or((0.0, 0.0), |experts| {
            let layers = float(experts.layers);
            (layers * experts.touched(batch), layers * float(experts.active))
        });

        let stored = model.body() * weights.body_bytes()
            + model.head() * 2.0
            + touched * model.expert() * weights.expert_bytes();
        // State is read and written.
        let fixed = (stored + 2.0 * batch * model.state_bytes()) / gpus;
        let shards = model.attention.shards(u64::from(deployment.gpus));
        let products =
            (model.body() + active * model.expert()) * tokens + model.head() * (batch + arrivals);
        let roof = |progress: f64| {
            let context = prompt + progress * output;
            let cache = batch * model.attention.read(context) * deployment.cache.bytes() / shards;
            let seen = batch * model.attention.seen(context)
                + read * model.attention.seen_in_prompt(prompt);
            let flops = (2.0 * products + model.attention.flops() * seen) / gpus;
            Roof { memory: whole(fixed + cache) / bandwidth, arithmetic: Flops(flops) / peak }
        };

        let layers = float(model.layers);
        let chunks = arrivals * (prompt / PROMPT_CHUNK).max(1.0);
        let eight_bit = model.experts.map_or(layers, |experts| float(experts.layers));
        let routed = tokens * active * float(model.width);
        let second = |bytes: f64| bytes / bandwidth.0;
        Ok(Self {
            floor: roof(LEAST_PROGRESS),
            roof: roof(MEAN_PROGRESS),
            loads: [
                layers,
                batch,
                second(LOGIT_BYTES * batch * float(model.vocabulary)),
                layers * (1.0 - (-chunks).exp()),
                if weights == Weights::Fp8 { eight_bit } else { 0.0 },
                layers * (gpus - 1.0),
                second(ROUTED_BYTES * routed),
            ],
        })
    }

    /// With coefficients: never under the floor, as none is below zero.
    pub(super) fn time(&self, coefficients: &[f64; TERMS]) -> Seconds {
        let beside: f64 = self.loads.iter().zip(coefficients).map(|(x, c)| x * c).sum();
        Seconds(self.roof.time().0 + beside)
    }
}

/// Whole bytes: what is less than one takes no time.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; a cast saturates"
)]
fn whole(bytes: f64) -> Bytes {
    Bytes(bytes.max(0.0) as u64)
}

/// Lengths as numbers, of a question that has an answer.
fn checked(
    deployment: &Deployment<'_>,
    traffic: Traffic,
    batch: f64,
) -> Result<(f64, f64), EstimateError> {
    let (prompt, output) = (traffic.prompt, traffic.output);
    let zero = |field| EstimateError::Zero { field };
    if deployment.gpus == 0 {
        return Err(zero("gpus"));
    }
    if output.0 == 0 {
        return Err(zero("output"));
    }
    if !(batch.is_finite() && batch > 0.0) {
        return Err(zero("batch"));
    }
    let (asked, most) = ((prompt + output).0, deployment.model.context);
    if asked > most {
        return Err(EstimateError::TooLong { model: deployment.model.id.clone(), asked, most });
    }
    Ok((prompt.get(), output.get()))
}
