//! `mtok doctor`: what this machine can do, and what to do about what it can't.

use super::failure::Failure;
use super::home::Home;
use super::output;
use super::raw::Format;
use crate::clock::RunClock;
use crate::engine::DeviceChoice;
use crate::fetch::{self, Settings};
use crate::model::Catalogue;
use crate::report::{Check, Diagnosis, doctor_document, figure};
use crate::telemetry::cpu::Machine;
use crate::telemetry::driver::cuda_driver;
use crate::telemetry::{PERIOD, Sources, Telemetry, peaks};
use crate::units::{Bytes, Seconds};

/// The probe's buffer where there is no model to match: as large as the default model.
const PROBED: Bytes = Bytes(98_000_000);

/// How long a source of models may take to answer.
const PATIENCE: Seconds = Seconds(4.0);

/// Looks at everything and prints what it saw.
pub(crate) fn run(format: Format) -> Result<(), Failure> {
    let mut checks = Vec::new();
    let machine = Machine::read();
    host(&mut checks, &machine);
    gpu(&mut checks);
    telemetry(&mut checks);
    store(&mut checks)?;
    sources(&mut checks);
    let diagnosis = Diagnosis { schema: "mtok.doctor/1", checks };
    output::print(format, &doctor_document(&diagnosis), &diagnosis)
}

fn host(checks: &mut Vec<Check>, machine: &Machine) {
    let name = machine.cpu.clone().unwrap_or_else(|| "unknown".to_owned());
    checks.push(Check::good("CPU", format!("{name}, {} cores usable", machine.cores)));
    checks.push(match machine.memory {
        Some(memory) => Check::good("memory", format!("{memory:.1}")),
        None => Check::poor("memory", "unknown", "no `/proc/meminfo` here"),
    });
    checks.push(match peaks::probe(&RunClock::start(), machine.cores, PROBED) {
        Ok(found) => {
            let gigabytes = figure::significant(found.bandwidth.0 / 1e9, 3);
            let arithmetic = found.arithmetic();
            let teraflops = figure::significant(arithmetic.speed.0 / 1e12, 3);
            let words =
                format!("{gigabytes} GB/s, {teraflops} TFLOP/s ({})", arithmetic.instructions);
            Check::good("CPU peaks, probed", words)
        }
        Err(error) => Check::poor("CPU peaks", error.to_string(), "close what else runs here"),
    });
}

fn gpu(checks: &mut Vec<Check>) {
    let driver = cuda_driver();
    let built = cfg!(feature = "cuda");
    checks.push(match (driver, built) {
        (Some(driver), true) => Check::good("CUDA driver", format!("CUDA {driver}")),
        (Some(driver), false) => Check::poor(
            "CUDA driver",
            format!("CUDA {driver}, and this binary was built without CUDA"),
            "`make bench`, or `cargo build --release --features cuda`",
        ),
        (None, true) => Check::poor("CUDA driver", "none answers", "install NVIDIA's driver"),
        (None, false) => Check::good("CUDA driver", "none: models run on the CPU"),
    });
    if built {
        checks.push(match DeviceChoice::Cuda.open() {
            Ok(_) => Check::good("CUDA device", "opens"),
            Err(error) => Check::poor("CUDA device", error.to_string(), "`nvidia-smi` says more"),
        });
    }
}

fn telemetry(checks: &mut Vec<Check>) {
    let telemetry = Telemetry::open(&Sources::default(), PERIOD);
    let info = telemetry.info();
    for gpu in &info.gpus {
        let memory = gpu.memory.map_or_else(String::new, |memory| format!(", {memory:.1}"));
        let gpm = if gpu.gpm { ", hardware counters" } else { ", no hardware counters" };
        checks
            .push(Check::good(format!("GPU {}", gpu.index), format!("{}{memory}{gpm}", gpu.name)));
    }
    checks.push(Check::good("read while running", info.sources.join(", ")));
    for missing in &info.missing {
        checks.push(Check::poor("not readable", missing.clone(), "figures of it print —"));
    }
}

fn store(checks: &mut Vec<Check>) -> Result<(), Failure> {
    let home = Home::find()?;
    let folder = home.folder();
    let written = fs_err::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
    checks.push(match written {
        Ok(_) => Check::good("data", format!("`{}` may be written", folder.display())),
        Err(error) => Check::poor("data", error.to_string(), "set `MTOK_HOME` to another folder"),
    });
    let catalogue = Catalogue::embedded()?;
    let here: Vec<&str> = catalogue
        .iter()
        .filter(|manifest| manifest.path_in(&home.models()).is_file())
        .map(|manifest| manifest.name.as_str())
        .collect();
    checks.push(match here.as_slice() {
        [] => Check::poor("models here", "none", "`mtok models fetch smollm2-135m`"),
        some => Check::good("models here", some.join(", ")),
    });
    Ok(())
}

fn sources(checks: &mut Vec<Check>) {
    let settings = Settings::from_env();
    checks.push(match fetch::hub_answers(&settings.hub, PATIENCE) {
        Ok(()) => Check::good("model hub", "answers"),
        Err(error) => {
            Check::poor("model hub", error, "`HF_ENDPOINT` names a mirror; proxies are honoured")
        }
    });
    checks.push(match fetch::pip_answers(&settings.pip) {
        Ok(version) => Check::good("pip", version),
        Err(error) => Check::poor("pip", error, "`MTOK_PYTHON` names another Python"),
    });
}
