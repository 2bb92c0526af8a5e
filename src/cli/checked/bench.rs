//! `mtok bench`: a model, a plan, a way of sampling, and what to judge the run by.

use super::{Failure, loads, optional, value};
use crate::cli::raw::{Device, RawBench};
use crate::cost::Load;
use crate::engine::DeviceChoice;
use crate::engine::sampler::{Sampler, SamplerParams};
use crate::hint::Fault;
use crate::model::Catalogue;
use crate::units::{Seconds, Tokens, UsdPerHour};
use crate::workload::Plan;
use std::num::NonZeroU32;

/// More requests in flight than the queue of the engine could ever hold.
const IN_FLIGHT_MAX: u32 = 1_024;

/// A benchmark.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bench {
    /// A model's name or a file's path.
    pub(crate) model: String,
    /// The machine's price, where given.
    pub(crate) price: Option<UsdPerHour>,
    /// Loads to judge at, beside the usual ones.
    pub(crate) loads: Vec<Load>,
    /// What to send.
    pub(crate) plan: Plan,
    /// How tokens are chosen.
    pub(crate) sampling: SamplerParams,
    /// Where to run.
    pub(crate) device: DeviceChoice,
}

impl TryFrom<RawBench> for Bench {
    type Error = Failure;

    fn try_from(raw: RawBench) -> Result<Self, Failure> {
        if raw.in_flight == 0 || raw.in_flight > IN_FLIGHT_MAX {
            let message =
                format!("`--in-flight`: `{}` is not from 1 to {IN_FLIGHT_MAX}", raw.in_flight);
            return Err(Failure::new(Fault::Usage, message));
        }
        let plan = Plan {
            in_flight: raw.in_flight,
            prompt: at_least_one("--prompt-tokens", &raw.prompt_tokens)?,
            output: at_least_one("--output-tokens", &raw.output_tokens)?,
            warm_up: value("--warmup", &raw.warmup)?,
            measure: value("--duration", &raw.duration)?,
            seed: raw.seed,
        };
        if plan.measure <= Seconds(0.0) {
            let message = format!("`--duration`: `{}` measures nothing", raw.duration);
            return Err(Failure::new(Fault::Usage, message).hint("write it like `40s`"));
        }
        Ok(Self {
            price: price(raw.price.as_deref())?,
            loads: loads(&raw.load)?,
            plan,
            sampling: sampling(&raw)?,
            device: match raw.device {
                Device::Auto => DeviceChoice::Auto,
                Device::Cpu => DeviceChoice::Cpu,
                Device::Cuda => DeviceChoice::Cuda,
            },
            model: raw.model.unwrap_or_else(|| Catalogue::DEFAULT.to_owned()),
        })
    }
}

/// The machine's price, where one is given.
pub(crate) fn price(text: Option<&str>) -> Result<Option<UsdPerHour>, Failure> {
    optional("--price", text)
}

fn at_least_one(flag: &str, text: &str) -> Result<Tokens, Failure> {
    let tokens = value(flag, text)?;
    if tokens > Tokens(0) {
        return Ok(tokens);
    }
    let message = format!("`{flag}`: `{text}` is no length that can be measured");
    Err(Failure::new(Fault::Usage, message).hint("give at least 1"))
}

fn sampling(raw: &RawBench) -> Result<SamplerParams, Failure> {
    let top_k = match raw.top_k {
        None => None,
        Some(k) => Some(NonZeroU32::new(k).ok_or_else(|| {
            let message = "`--top-k`: `0` leaves no token to choose";
            Failure::new(Fault::Usage, message).hint("leave the flag out to choose among all")
        })?),
    };
    let params = SamplerParams {
        temperature: raw.temperature,
        top_k,
        top_p: raw.top_p,
        min_p: raw.min_p,
        seed: raw.seed,
    };
    Sampler::new(params)?;
    Ok(params)
}
