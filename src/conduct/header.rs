//! The head of a run's record: what is known before the run.

use super::ready::Ready;
use crate::clock::wall;
use crate::engine::sampler::SamplerParams;
use crate::record::reading::{GpuInfo, TelemetryInfo};
use crate::record::{Header, Host, Sweep, Workload};
use crate::telemetry::cpu::Machine;
use crate::units::{Ratio, Tokens};
use crate::workload::Plan;

/// The head of the run of a plan, begun now.
pub(super) fn header(
    ready: &dyn Ready,
    plan: &Plan,
    sampling: &SamplerParams,
    telemetry: TelemetryInfo,
) -> Header {
    let started = wall();
    let machine = Machine::read();
    let gpu = ready.on_gpu(&telemetry).then(|| only_name(&telemetry.gpus));
    Header {
        schema: Header::SCHEMA.to_owned(),
        id: started.strftime("%Y-%m-%dT%H-%M-%SZ").to_string(),
        started,
        mtok: env!("CARGO_PKG_VERSION").to_owned(),
        host: Host {
            os: machine.os,
            cpu: machine.cpu.unwrap_or_else(|| "unknown CPU".to_owned()),
            cores: machine.cores,
            memory: machine.memory,
            gpus: u32::try_from(telemetry.gpus.len()).unwrap_or(0).max(u32::from(gpu.is_some())),
            gpu,
        },
        model: ready.model(),
        engine: "not loaded".to_owned(),
        server: ready.server(),
        workload: workload(plan, sampling, ready.template()),
        telemetry,
        peaks: None,
        sweep: None,
    }
}

/// What a plan asks for, with what a chat template puts before all prompts among what they share.
fn workload(plan: &Plan, sampling: &SamplerParams, template: Tokens) -> Workload {
    let mut workload = plan.describe(sampling.to_string());
    let prompt = workload.prompt.mean();
    if template > Tokens(0) && prompt > template {
        let first = template / prompt;
        let rest = Ratio::of(1.0 - first.get());
        workload.shared = Ratio::of(first.get() + (workload.shared * rest).get());
    }
    workload
}

/// The part that a run has in its sweep: the one so far known, or the one that it is the first of.
pub(super) fn part(sweep: Option<&str>, first: &str, index: usize, of: Option<usize>) -> Sweep {
    let name = sweep.map_or_else(|| Sweep::named_after(first), str::to_owned);
    let number = |n| u32::try_from(n).unwrap_or(u32::MAX);
    Sweep { name, index: number(index + 1), of: of.map(number) }
}

/// The name of the GPU that CUDA gave us. CUDA and NVML count GPUs in different orders, so where they
/// are not all alike there is no telling which one it is, and no book may be opened by a guess.
fn only_name(gpus: &[GpuInfo]) -> String {
    match gpus {
        [] => "a CUDA device that NVML can't name".to_owned(),
        [first, others @ ..] if others.iter().all(|gpu| gpu.name == first.name) => {
            first.name.clone()
        }
        _ => "one of several unlike CUDA devices".to_owned(),
    }
}
