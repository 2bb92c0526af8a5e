//! Everything that is said of a deployment before anybody rents it: the ladder of batches, which of
//! them keeps to a time between tokens, what APIs ask beside it, and what speaks against the figures.
//!
//! Invariant: what is chosen fits, and with a limit is known to keep to it with all its interval; a
//! price is of all the GPUs together. Guarded by `tests/outlook.rs`.

use super::beside::{Beside, beside};
use super::calibration::Calibration;
use super::deployment::{Cache, Deployment, Traffic, Weights};
use super::error::EstimateError;
use super::ladder::{Rung, cheapest, ladder, powers_of_two};
use super::memory::memory;
use super::predict::Basis;
use crate::cost::{Answer, MachinePrice, PriceOrigin};
use crate::hardware::{RentalRange, Rentals};
use crate::prices::{Book, is_stale};
use crate::units::{Bytes, BytesPerSecond, Estimate, Ratio, Seconds, Tokens, UsdPerHour};
use jiff::civil::Date;
use serde::Serialize;

/// The most sequences of the usual ladder: what vLLM holds at most on these GPUs unless it is told
/// otherwise (`max_num_seqs`).
const USUAL_MOST: u32 = 1_024;
/// The most sequences of a published run that was learnt from.
const MEASURED_MOST: u32 = 4_096;
/// GPUs of a machine, beyond which their links are others.
const NODE: u32 = 8;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// What the user calls the model.
    pub asked: &'a str,
    /// The model on GPUs.
    pub deployment: Deployment<'a>,
    /// What a request brings.
    pub traffic: Traffic,
    /// Sequences at once; empty: 1, 2, 4, … as far as it fits, to 1,024.
    pub batches: &'a [u32],
    /// What all the GPUs cost together; `None`: the rental table's median.
    pub price: Option<MachinePrice>,
    /// The longest mean time between two tokens of a stream.
    pub at_most: Option<Seconds>,
    /// The day, for the age of prices.
    pub today: Date,
}

/// The model of an estimate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelFacts {
    /// Its id in the catalogue, or what the user called it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// All its parameters.
    pub parameters: u64,
    /// Those that work on a token, as its shape makes them.
    pub active_parameters: f64,
    /// The longest context it was made for.
    pub context: Tokens,
    /// Where its shape is from.
    pub source: String,
    /// The day that was read.
    pub date: Date,
}

/// The GPU of an estimate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpuFacts {
    /// Its id in the catalogue.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its memory.
    pub memory: Bytes,
    /// Its peak memory bandwidth.
    pub bandwidth: BytesPerSecond,
    /// Where that is from.
    pub source: String,
    /// The day that was read.
    pub date: Date,
}

/// A rung beside the limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JudgedRung {
    /// The rung.
    #[serde(flatten)]
    pub rung: Rung,
    /// Whether its mean time between tokens keeps to the limit; `None`: there is none, or it doesn't
    /// fit.
    pub keeps: Option<Answer>,
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outlook {
    /// The form of this document: `mtok.outlook/1`.
    pub schema: &'static str,
    /// What the user calls the model.
    pub asked: String,
    /// The model, or another of its shape.
    pub model: ModelFacts,
    /// The GPU.
    pub gpu: GpuFacts,
    /// How many of them share the model.
    pub gpus: u32,
    /// How the weights are stored.
    pub weights: Weights,
    /// How the cache is stored.
    pub cache: Cache,
    /// Computed prompt tokens of a request, in the mean.
    pub prompt: Tokens,
    /// Output tokens of a request, in the mean.
    pub output: Tokens,
    /// What all the GPUs cost together; `None`: nobody says.
    pub price: Option<MachinePrice>,
    /// The longest mean time between two tokens of a stream; `None`: nothing was asked.
    pub at_most: Option<Seconds>,
    /// The most sequences that fit.
    pub largest_batch: u32,
    /// A rung each, in the order asked for.
    pub rungs: Vec<JudgedRung>,
    /// The batch of the cheapest rung that fits; `None`: none does.
    pub cheapest: Option<u32>,
    /// The same among those that keep to the limit; `None`: none does, or there is none.
    pub cheapest_within: Option<u32>,
    /// What APIs ask, beside the cheapest, or with a limit the cheapest within it.
    pub beside: Vec<Beside>,
    /// Where the published runs are from that it was learnt from.
    pub learnt_from: String,
    /// The day that they are of.
    pub learnt_on: Date,
    /// What speaks against the figures, or must be known with them.
    pub cautions: Vec<String>,
}

impl Outlook {
    /// Answers.
    ///
    /// # Errors
    /// A question without an answer, as [`predict`](super::predict()) says; a format of experts for a
    /// model without any.
    pub fn of(
        question: &Question<'_>,
        calibration: &Calibration,
        rentals: &Rentals,
        book: &Book,
    ) -> Result<Self, EstimateError> {
        let Question { deployment, traffic, today, .. } = question;
        let (model, gpu) = (deployment.model, deployment.gpu);
        if deployment.weights == Weights::Mxfp4 && model.experts.is_none() {
            let (format, model) = (deployment.weights, model.id.clone());
            return Err(EstimateError::NoExperts { format, model });
        }
        let largest_batch = memory(deployment, *traffic, 1)?.largest_batch;
        let usual = powers_of_two(largest_batch.min(USUAL_MOST));
        let batches = if question.batches.is_empty() { &usual } else { question.batches };
        let range = rentals.for_gpu(gpu);
        let price = price(question, range.as_ref());
        let hour = price.as_ref().map(|price| price.usd_per_hour);
        let ladder = ladder(deployment, *traffic, batches, hour, calibration)?;
        let keeps = |rung: &Rung| {
            let gap = rung.outcome.as_ref()?.prediction.gap;
            question.at_most.map(|limit| answer(gap, limit))
        };
        let rungs: Vec<JudgedRung> =
            ladder.rungs.into_iter().map(|rung| JudgedRung { keeps: keeps(&rung), rung }).collect();
        let met = rungs.iter().filter(|judged| judged.keeps == Some(Answer::Met));
        let within = cheapest(met.map(|judged| &judged.rung));
        let best = cheapest(rungs.iter().map(|judged| &judged.rung));
        let chosen = if question.at_most.is_some() { within } else { best };
        let rate = chosen.and_then(|rung| Some(rung.outcome.as_ref()?.prediction.total_rate));
        let named = (question.asked, model);
        let beside = beside(book, named, *traffic, hour.zip(rate), *today);
        Ok(Self {
            schema: "mtok.outlook/1",
            asked: question.asked.to_owned(),
            model: ModelFacts {
                id: model.id.clone(),
                name: model.name.clone(),
                parameters: model.published,
                active_parameters: model.active_parameters(),
                context: Tokens(model.context),
                source: model.source.clone(),
                date: model.date,
            },
            gpu: GpuFacts {
                id: gpu.id.clone(),
                name: gpu.name.clone(),
                memory: gpu.memory,
                bandwidth: gpu.bandwidth,
                source: gpu.source.clone(),
                date: gpu.date,
            },
            gpus: deployment.gpus,
            weights: deployment.weights,
            cache: deployment.cache,
            prompt: traffic.prompt,
            output: traffic.output,
            at_most: question.at_most,
            largest_batch,
            cheapest: best.map(|rung| rung.batch),
            cheapest_within: within.map(|rung| rung.batch),
            beside,
            learnt_from: calibration.source.clone(),
            learnt_on: calibration.date,
            cautions: cautions(question, &rungs, range.as_ref()),
            price,
            rungs,
        })
    }

    /// The batch that APIs are laid beside.
    pub fn chosen(&self) -> Option<u32> {
        if self.at_most.is_some() { self.cheapest_within } else { self.cheapest }
    }
}

/// The price given, else the rental table's median for as many GPUs.
fn price(question: &Question<'_>, range: Option<&RentalRange>) -> Option<MachinePrice> {
    if let Some(price) = &question.price {
        return Some(price.clone());
    }
    let (range, gpus) = (range?, question.deployment.gpus);
    let origin = PriceOrigin::Rentals {
        gpu: question.deployment.gpu.name.clone(),
        gpus,
        low: range.low,
        high: range.high,
        offers: range.offers,
        kind: range.kind.to_string(),
        collected: range.collected,
        stale: is_stale(range.collected, question.today),
    };
    Some(MachinePrice::of(range.median * Ratio::of(f64::from(gpus)), origin))
}

/// Whether a time with its interval keeps to a limit.
fn answer(gap: Estimate<Seconds>, limit: Seconds) -> Answer {
    let (low, high) = gap.interval.unwrap_or((gap.value, gap.value));
    if high <= limit {
        Answer::Met
    } else if low > limit {
        Answer::Missed
    } else {
        Answer::CantTell
    }
}

fn cautions(
    question: &Question<'_>,
    rungs: &[JudgedRung],
    range: Option<&RentalRange>,
) -> Vec<String> {
    let Question { deployment, .. } = question;
    let (gpu, gpus) = (&deployment.gpu.name, deployment.gpus);
    let mut cautions = Vec::new();
    let outcomes = rungs.iter().filter_map(|judged| judged.rung.outcome.as_ref());
    if outcomes.clone().any(|outcome| outcome.prediction.basis == Basis::Elsewhere) {
        cautions.push(format!(
            "no published run of {gpu} with {} weights was learnt from: the error is that of GPUs that \
             were left out",
            deployment.weights
        ));
        if gpus > 1 {
            cautions
                .push("GPUs are taken to be linked as in the published runs: NVLink".to_owned());
        }
    }
    let heads = deployment.model.attention.heads();
    if !heads.is_multiple_of(u64::from(gpus.max(1))) {
        cautions.push(format!(
            "{heads} heads can't be shared out among {gpus} GPUs alike, and most servers refuse that"
        ));
    }
    if gpus > NODE {
        cautions.push(format!(
            "{gpus} GPUs are taken for one machine's: links between machines aren't"
        ));
    }
    if outcomes.clone().any(|outcome| outcome.prediction.batch > MEASURED_MOST) {
        cautions.push(format!("no published run held more than {MEASURED_MOST} sequences"));
    }
    // A price of one GPU given for all of them is an easy slip.
    let given = question.price.as_ref().filter(|price| price.origin == PriceOrigin::Given);
    let each = given.map(|price| UsdPerHour(price.usd_per_hour.0 / f64::from(gpus.max(1))));
    if let Some((each, range)) = each.zip(range)
        && gpus > 1
        && each < range.low
    {
        let (each, low) = (each.0, range.low.0);
        cautions.push(format!(
            "the price is for all {gpus} GPUs, so {each:.2} USD/h each: the cheapest rental offer of one \
             is {low:.2}"
        ));
    }
    cautions
}
