//! `mtok bench`: a model, a plan for each point, a way of sampling, and what to judge the runs by.

use super::{Failure, Judging, optional, value};
use crate::cli::raw::{Device, Engine, RawBench};
use crate::engine::sampler::{Sampler, SamplerParams};
use crate::engine::{DeviceChoice, EngineChoice};
use crate::hint::Fault;
use crate::model::Catalogue;
use crate::record::{Arrivals, Lengths};
use crate::units::{Seconds, Tokens};
use crate::workload::{Content, Mix, Plan};
use std::num::NonZeroU32;

/// More requests in flight than the queue of the engine could ever hold.
const IN_FLIGHT_MAX: u32 = 1_024;

/// The rungs of a ladder that names none.
const LADDER: [u32; 6] = [1, 2, 4, 8, 16, 32];

/// How long a point is measured where nothing is said: alone, for an interval of a few percent; six
/// rungs take about a minute together where requests are short against this.
const POINT: Times =
    Times { warm_up: Seconds(4.0), measure: Seconds(40.0), measure_max: Seconds(40.0) };
const RUNG: Times =
    Times { warm_up: Seconds(1.0), measure: Seconds(6.0), measure_max: Seconds(12.0) };

/// The times of one point.
#[derive(Debug, Clone, Copy)]
struct Times {
    warm_up: Seconds,
    measure: Seconds,
    /// Measuring goes on to here for whole rounds of requests.
    measure_max: Seconds,
}

/// A benchmark.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bench {
    /// A model's name or a file's path.
    pub(crate) model: String,
    /// What to judge it by.
    pub(crate) judging: Judging,
    /// What to send: at least one plan, the fewest in flight first.
    pub(crate) plans: Vec<Plan>,
    /// How tokens are chosen.
    pub(crate) sampling: SamplerParams,
    /// Where to run.
    pub(crate) device: DeviceChoice,
    /// What runs it.
    pub(crate) engine: EngineChoice,
    /// How many threads compute, where said.
    pub(crate) threads: Option<NonZeroU32>,
}

impl TryFrom<RawBench> for Bench {
    type Error = Failure;

    fn try_from(raw: RawBench) -> Result<Self, Failure> {
        let concurrency = concurrency(&raw)?;
        let times = times(&raw, concurrency.len() > 1)?;
        let (prompt, output) = (
            at_least_one("--prompt-tokens", &raw.prompt_tokens)?,
            at_least_one("--output-tokens", &raw.output_tokens)?,
        );
        let plan = |in_flight| Plan {
            name: None,
            arrivals: Arrivals::Closed { in_flight },
            cap: None,
            content: Content::Mix(Mix::plain(
                Lengths::Fixed { tokens: prompt },
                Lengths::Fixed { tokens: output },
            )),
            warm_up: times.warm_up,
            measure: times.measure,
            measure_max: times.measure_max,
            seed: raw.seed,
        };
        Ok(Self {
            plans: concurrency.into_iter().map(plan).collect(),
            sampling: sampling(&raw)?,
            threads: threads(&raw)?,
            device: match raw.device {
                Device::Auto => DeviceChoice::Auto,
                Device::Cpu => DeviceChoice::Cpu,
                Device::Cuda => DeviceChoice::Cuda,
            },
            engine: match raw.engine {
                Engine::Own => EngineChoice::Own,
                Engine::Reference => EngineChoice::Reference,
            },
            judging: Judging::try_from(raw.judging)?,
            model: raw.model.unwrap_or_else(|| Catalogue::DEFAULT.to_owned()),
        })
    }
}

/// The numbers in flight, rising, each once.
fn concurrency(raw: &RawBench) -> Result<Vec<u32>, Failure> {
    let alone = raw.engine == Engine::Reference;
    let mut rungs = match (raw.concurrency.is_empty(), alone) {
        (true, true) => vec![1],
        (true, false) => LADDER.to_vec(),
        (false, _) => raw.concurrency.clone(),
    };
    rungs.sort_unstable();
    rungs.dedup();
    if let Some(wrong) = rungs.iter().find(|rung| !(1..=IN_FLIGHT_MAX).contains(*rung)) {
        let message = format!("`--concurrency`: `{wrong}` is not from 1 to {IN_FLIGHT_MAX}");
        return Err(Failure::new(Fault::Usage, message));
    }
    if let Some(many) = rungs.iter().find(|rung| alone && **rung > 1) {
        let message =
            format!("`--concurrency`: `{many}` is more than the reference engine runs at once");
        return Err(Failure::new(Fault::Usage, message)
            .hint("it runs one request at a time: `--concurrency 1`, or leave `--engine` out"));
    }
    Ok(rungs)
}

/// What was said, as it was said; else what suits a rung or a point alone.
fn times(raw: &RawBench, ladder: bool) -> Result<Times, Failure> {
    let usual = if ladder { RUNG } else { POINT };
    let warm_up = optional("--warmup", raw.warmup.as_deref())?.unwrap_or(usual.warm_up);
    let Some(text) = &raw.duration else { return Ok(Times { warm_up, ..usual }) };
    let measure = value("--duration", text)?;
    if measure <= Seconds(0.0) {
        let message = format!("`--duration`: `{text}` measures nothing");
        return Err(Failure::new(Fault::Usage, message).hint("write it like `40s`"));
    }
    Ok(Times { warm_up, measure, measure_max: measure })
}

fn threads(raw: &RawBench) -> Result<Option<NonZeroU32>, Failure> {
    let Some(threads) = raw.threads else { return Ok(None) };
    if raw.engine == Engine::Reference {
        let message = "`--threads` says nothing to the reference engine";
        return Err(Failure::new(Fault::Usage, message)
            .hint("its library looks at the environment: `RAYON_NUM_THREADS`"));
    }
    let none = || {
        Failure::new(Fault::Usage, "`--threads`: `0` threads compute nothing")
            .hint("leave the flag out for one thread a core")
    };
    NonZeroU32::new(threads).map(Some).ok_or_else(none)
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
