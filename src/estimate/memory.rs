//! Whether a deployment fits into its GPUs' memory, and what would.
//!
//! Invariant: what is said to fit holds weights, the cache of the whole batch, and room to work; each
//! proposal was put to the same test. Guarded by hand-worked cases and a property test in `tests.rs`.

use super::deployment::{Cache, Deployment, Traffic, Weights, weight_bytes};
use super::error::EstimateError;
use super::model::float;
use super::step::{MEAN_PROGRESS, PROMPT_CHUNK};
use crate::units::Bytes;
use serde::Serialize;

/// The share of a GPU's memory that engines take (vLLM's `gpu_memory_utilization`); the rest is the
/// driver's, the libraries' and the graphs'.
const TAKEN: f64 = 0.9;
/// Numbers of 16 bits that the widest activations of a step's tokens take: about four of the residual
/// stream's width and two of the feed-forward's share.
const RESIDUAL_COPIES: f64 = 4.0;
const INNER_COPIES: f64 = 2.0;
/// Bytes of a logit and of its probability, held at once by the sampler.
const LOGIT_BYTES: f64 = 8.0;
/// The most GPUs that are proposed: a node's.
const MOST_GPUS: u32 = 8;

/// A GPU's memory, as a deployment uses it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Memory {
    /// Weights, on each GPU.
    pub weights: Bytes,
    /// The cache and states of the batch, on each GPU.
    pub cache: Bytes,
    /// Room for activations and logits, on each GPU.
    pub working: Bytes,
    /// What an engine may take, of each GPU.
    pub usable: Bytes,
    /// The largest batch that fits.
    pub largest_batch: u32,
    /// What to do where it doesn't fit; `None`: it does.
    pub misfit: Option<Misfit>,
}

/// How much is missing, and what would fit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Misfit {
    /// What all GPUs together would have to hold.
    pub needed: Bytes,
    /// What they may hold.
    pub there: Bytes,
    /// What would fit, each by itself.
    pub proposals: Vec<Proposal>,
}

/// A change that makes it fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proposal {
    /// So many GPUs.
    Gpus(u32),
    /// Weights in another format.
    Weights(Weights),
    /// The cache in 8 bits.
    SmallCache,
    /// So many sequences at once.
    Batch(u32),
}

/// `does not fit: 149 GB needed, 77 GB there; 4 GPUs or fp8 weights`
impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gigabytes = |bytes: Bytes| bytes.get() / 1e9;
        let (needed, there) = (gigabytes(self.needed), gigabytes(self.there));
        write!(f, "does not fit: {needed:.0} GB needed, {there:.0} GB there")?;
        for (at, proposal) in self.proposals.iter().enumerate() {
            write!(f, "{} {proposal}", if at == 0 { ";" } else { " or" })?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Proposal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gpus(gpus) => write!(f, "{gpus} GPUs"),
            Self::Weights(weights) => write!(f, "{weights} weights"),
            Self::SmallCache => write!(f, "an fp8 cache"),
            Self::Batch(1) => write!(f, "1 sequence at once"),
            Self::Batch(batch) => write!(f, "{batch} sequences at once"),
        }
    }
}

/// Bytes on each GPU: fixed ones, and ones for each sequence.
struct Needs {
    weights: f64,
    working: f64,
    sequence: f64,
    logits: f64,
    usable: f64,
}

impl Needs {
    fn of(deployment: &Deployment<'_>, traffic: Traffic) -> Self {
        let (model, gpus) = (deployment.model, deployment.divisor());
        // A running batch is at all stages of its answers.
        let context = traffic.prompt.get() + MEAN_PROGRESS * traffic.output.get();
        let cache = model.attention.held(context) * deployment.cache.bytes()
            / model.attention.shards(u64::from(deployment.gpus));
        let experts = model.experts.map_or(0, |e| e.active * e.width + e.shared_width);
        let inner = float(model.feed_forward.max(experts)) / gpus;
        let activations = RESIDUAL_COPIES * float(model.width) + INNER_COPIES * inner;
        Self {
            weights: weight_bytes(model, deployment.weights) / gpus,
            working: PROMPT_CHUNK * activations * 2.0,
            sequence: cache + model.state_bytes() / gpus,
            logits: LOGIT_BYTES * float(model.vocabulary),
            usable: TAKEN * deployment.gpu.memory.get(),
        }
    }

    fn total(&self, batch: u32) -> f64 {
        self.weights + self.working + f64::from(batch) * (self.sequence + self.logits)
    }

    fn fits(&self, batch: u32) -> bool {
        self.total(batch) <= self.usable
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative; a cast saturates"
    )]
    fn largest_batch(&self) -> u32 {
        let left = self.usable - self.weights - self.working;
        (left / (self.sequence + self.logits)).max(0.0) as u32
    }
}

/// The memory of a deployment at a batch.
///
/// # Errors
/// No GPUs, or no output.
pub fn memory(
    deployment: &Deployment<'_>,
    traffic: Traffic,
    batch: u32,
) -> Result<Memory, EstimateError> {
    if deployment.gpus == 0 {
        return Err(EstimateError::Zero { field: "gpus" });
    }
    if traffic.output.0 == 0 {
        return Err(EstimateError::Zero { field: "output" });
    }
    let needs = Needs::of(deployment, traffic);
    let gpus = deployment.divisor();
    let misfit = (!needs.fits(batch)).then(|| Misfit {
        needed: bytes(needs.total(batch) * gpus),
        there: bytes(needs.usable * gpus),
        proposals: proposals(deployment, traffic, batch, &needs),
    });
    Ok(Memory {
        weights: bytes(needs.weights),
        cache: bytes(f64::from(batch) * needs.sequence),
        working: bytes(needs.working + f64::from(batch) * needs.logits),
        usable: bytes(needs.usable),
        largest_batch: needs.largest_batch(),
        misfit,
    })
}

fn proposals(
    deployment: &Deployment<'_>,
    traffic: Traffic,
    batch: u32,
    needs: &Needs,
) -> Vec<Proposal> {
    let fits = |changed: &Deployment<'_>| Needs::of(changed, traffic).fits(batch);
    let mut found = Vec::new();
    let more = std::iter::successors(Some(1_u32), |n| n.checked_mul(2));
    let mut more = more.take_while(|n| *n <= MOST_GPUS).filter(|n| *n > deployment.gpus);
    found.extend(
        more.find(|gpus| fits(&Deployment { gpus: *gpus, ..deployment.clone() }))
            .map(Proposal::Gpus),
    );
    let smaller = [Weights::Fp8, Weights::Int4]
        .into_iter()
        .filter(|w| w.expert_bytes() < deployment.weights.expert_bytes());
    let smaller = smaller.map(|weights| (weights, Deployment { weights, ..deployment.clone() }));
    let weights = smaller.into_iter().find(|(_, changed)| fits(changed));
    found.extend(weights.map(|(weights, _)| Proposal::Weights(weights)));
    if deployment.cache == Cache::Bf16
        && fits(&Deployment { cache: Cache::Fp8, ..deployment.clone() })
    {
        found.push(Proposal::SmallCache);
    }
    match needs.largest_batch() {
        0 => {}
        fewer => found.push(Proposal::Batch(fewer)),
    }
    found
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; a cast saturates"
)]
fn bytes(number: f64) -> Bytes {
    Bytes(number.max(0.0).round() as u64)
}
