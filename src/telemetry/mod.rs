//! What the machine says of itself while it works: NVML, CPU time, RAPL.
//!
//! Invariant: telemetry describes a run and never fails one. What is absent is named once, in
//! [`TelemetryInfo::missing`]; what is lost on the way becomes a gap; no value is made up.
//!
//! Entry point: [`Telemetry::open`], then [`Telemetry::sample`].

pub mod cpu;
pub mod driver;
mod nvml;
pub mod peaks;
mod rapl;
mod sampler;
mod throttle;

pub use sampler::Sampler;

use crate::clock::Clock;
use crate::record::Event;
use crate::record::reading::TelemetryInfo;
use crate::units::Seconds;
use cpu::CpuMeter;
use nvml::Gpu;
use nvml_wrapper::{Nvml, cuda_driver_version_major, cuda_driver_version_minor};
use sampler::Sampling;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The pace of readings unless said otherwise. NVML refreshes its shares of time no faster.
pub const PERIOD: Seconds = Seconds(0.1);

/// Where to look.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The NVML library, by name or path.
    pub nvml: OsString,
    /// What `/sys` lies below.
    pub root: PathBuf,
}

impl Default for Sources {
    /// This machine; NVML where `MTOK_NVML_LIB` says, if it says.
    fn default() -> Self {
        Self { nvml: nvml::library(), root: PathBuf::from("/") }
    }
}

/// What can be read here, opened and described, not yet running.
pub struct Telemetry {
    library: OsString,
    nvml: Option<Nvml>,
    gpus: Vec<Gpu>,
    cpu: CpuMeter,
    info: TelemetryInfo,
}

impl Telemetry {
    /// Opens what is there. A machine without any of it is described too.
    pub fn open(sources: &Sources, period: Seconds) -> Self {
        let cpu = CpuMeter::open(Path::new(&sources.root));
        let mut info = TelemetryInfo { period, ..TelemetryInfo::default() };
        let mut gpus = Vec::new();
        let nvml = match nvml::open(&sources.nvml) {
            Ok(nvml) => {
                describe(&nvml, &mut info);
                (gpus, info.missing) = nvml::discover(&nvml);
                info.gpus = gpus.iter().map(|gpu| gpu.info.clone()).collect();
                Some(nvml)
            }
            Err(error) => {
                info.missing.push(format!("NVML: {error}"));
                None
            }
        };
        if cpu.time().is_some() {
            info.sources.push("process CPU time".to_owned());
        }
        match cpu.packages() {
            Some(1) => info.sources.push("RAPL, 1 package".to_owned()),
            Some(packages) => info.sources.push(format!("RAPL, {packages} packages")),
            None => info.missing.push("RAPL: no readable energy counter".to_owned()),
        }
        Self { library: sources.nvml.clone(), nvml, gpus, cpu, info }
    }

    /// What the readings will hold, for a run's header.
    pub fn info(&self) -> &TelemetryInfo {
        &self.info
    }

    /// Starts to read; every reading and every loss goes to `sink`, on a thread of its own.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn sample(
        self,
        clock: Arc<dyn Clock>,
        sink: impl FnMut(Event) + Send + 'static,
    ) -> std::io::Result<Sampler> {
        let Self { library, nvml, gpus, cpu, info } = self;
        let period = info.period;
        Sampling { library, gpus, cpu, period, clock, sink: Box::new(sink) }.start(nvml)
    }
}

/// The versions of library, driver and CUDA, where they are told.
fn describe(nvml: &Nvml, info: &mut TelemetryInfo) {
    let version = nvml.sys_nvml_version().map_or_else(|_| String::new(), |own| format!(" {own}"));
    info.sources.push(format!("NVML{version}"));
    info.driver = nvml.sys_driver_version().ok();
    info.cuda = nvml.sys_cuda_driver_version().ok().map(|version| {
        format!("{}.{}", cuda_driver_version_major(version), cuda_driver_version_minor(version))
    });
}
