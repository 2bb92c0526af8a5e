//! The head of a run's record: what is known before the run.

use super::Measurement;
use crate::clock::wall;
use crate::model::Loaded;
use crate::record::reading::{GpuInfo, TelemetryInfo};
use crate::record::{Header, Host, Model, Sweep};
use crate::telemetry::cpu::Machine;
use crate::workload::Plan;

/// The head of the run of a plan, begun now.
pub(super) fn header(
    measurement: &Measurement<'_>,
    plan: &Plan,
    loaded: &Loaded,
    telemetry: TelemetryInfo,
    on_gpu: bool,
) -> Header {
    let started = wall();
    let machine = Machine::read();
    let gpu = on_gpu.then(|| only_name(&telemetry.gpus));
    let subject = measurement.subject;
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
        model: Model {
            name: subject.name.clone(),
            family: subject.family.clone(),
            sha256: subject.sha256.clone(),
            shape: Some(loaded.shape.clone()),
        },
        engine: "not loaded".to_owned(),
        server: None,
        workload: plan.describe(measurement.sampling.to_string()),
        telemetry,
        peaks: None,
        sweep: None,
    }
}

/// The part that a run has in its sweep: the one so far known, or the one that it is the first of.
pub(super) fn part(sweep: Option<&str>, first: &str, index: usize, of: usize) -> Sweep {
    let name = sweep.map_or_else(|| Sweep::named_after(first), str::to_owned);
    let number = |n| u32::try_from(n).unwrap_or(u32::MAX);
    Sweep { name, index: number(index + 1), of: number(of) }
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
