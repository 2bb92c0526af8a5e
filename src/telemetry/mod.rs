//! What the machine says of itself while it works: NVML, CPU time, RAPL; and what servers say of
//! themselves, their metrics.
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
pub mod scrape;
#[cfg(test)]
mod testing;
mod throttle;
mod watch;

pub use sampler::Sampler;

use crate::clock::Clock;
use crate::record::Event;
use crate::record::reading::{ServerReading, TelemetryInfo};
use crate::units::Seconds;
use cpu::CpuMeter;
use nvml::Gpu;
use nvml_wrapper::{Nvml, cuda_driver_version_major, cuda_driver_version_minor};
use sampler::{Sampling, Sink};
use scrape::{MetricsAt, Scraper};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use watch::{Page, Watch, Watched};

/// The pace of readings unless said otherwise. NVML refreshes its shares of time no faster.
pub const PERIOD: Seconds = Seconds(0.1);

/// The pace at which metrics are read unless said otherwise. A server's own are rarely newer.
pub const METRICS_PERIOD: Seconds = Seconds(1.0);

/// Where to look.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The NVML library, by name or path.
    pub nvml: OsString,
    /// What `/sys` lies below.
    pub root: PathBuf,
    /// Servers' metrics and DCGM exporters. Several servers are read as one that is their sum.
    pub metrics: Vec<MetricsAt>,
    /// The time between two readings of these.
    pub metrics_period: Seconds,
}

impl Default for Sources {
    /// This machine; NVML where `MTOK_NVML_LIB` says, if it says.
    fn default() -> Self {
        Self {
            nvml: nvml::library(),
            root: PathBuf::from("/"),
            metrics: Vec::new(),
            metrics_period: METRICS_PERIOD,
        }
    }
}

/// What can be read here, opened and described, not yet running.
pub struct Telemetry {
    library: OsString,
    nvml: Option<Nvml>,
    gpus: Vec<Gpu>,
    cpu: CpuMeter,
    watched: Vec<Watched>,
    metrics_period: Seconds,
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
        let watched = pages(sources, &mut info);
        let (library, metrics_period) = (sources.nvml.clone(), sources.metrics_period);
        Self { library, nvml, gpus, cpu, watched, metrics_period, info }
    }

    /// Asks an engine in this process, too, at the pace of metrics.
    pub fn watch_engine(&mut self, reading: impl Fn() -> Option<ServerReading> + Send + 'static) {
        self.info.sources.push("the engine's own counts".to_owned());
        self.watched.push(Watched::Engine(Box::new(reading)));
    }

    /// What the readings will hold, for a run's header.
    pub fn info(&self) -> &TelemetryInfo {
        &self.info
    }

    /// Starts to read; every reading and every loss goes to `sink`, on threads of their own. The first
    /// reading of metrics is there when this returns.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn sample(
        self,
        clock: Arc<dyn Clock>,
        sink: impl FnMut(Event) + Send + 'static,
    ) -> std::io::Result<Sampler> {
        let Self { library, nvml, gpus, cpu, watched, metrics_period, info } = self;
        let (period, sink) = (info.period, Sink::new(sink));
        let stop = Arc::new(AtomicBool::new(false));
        let mut sampler = Sampler::of(Arc::clone(&stop));
        for watched in watched {
            let (clock, sink, stop) = (Arc::clone(&clock), sink.clone(), Arc::clone(&stop));
            sampler.add(Watch { watched, period: metrics_period, clock, sink, stop }.start()?);
        }
        sampler.add(Sampling { library, gpus, cpu, period, clock, sink, stop }.start(nvml)?);
        Ok(sampler)
    }
}

/// Opens the pages of metrics: the servers' to be read together, each other by itself.
fn pages(sources: &Sources, info: &mut TelemetryInfo) -> Vec<Watched> {
    let (mut servers, mut others) = (Vec::new(), Vec::new());
    for at in &sources.metrics {
        let (scraper, scraped) = match Scraper::open(at) {
            Ok(found) => found,
            Err(error) => {
                info.missing.push(format!("server metrics: {error}"));
                continue;
            }
        };
        let period = sources.metrics_period;
        if let Some(dialect) = scraped.dialect {
            let url = scraper.shown();
            info.sources.push(format!("metrics of {dialect} at `{url}`, every {period}"));
        }
        let gpus = adopt(&scraped.gpus, period, info);
        if !gpus.is_empty() {
            info.sources.push(format!("DCGM exporter at `{}`, every {period}", scraper.shown()));
        }
        let server = scraped.dialect.is_some();
        let page = Page { scraper, server, gpus, lost: false };
        match server {
            true => servers.push(page),
            false if page.gpus.is_empty() => {}
            false => others.push(Watched::Pages(vec![page])),
        }
    }
    others.extend((!servers.is_empty()).then_some(Watched::Pages(servers)));
    others
}

/// Takes the GPUs in that nobody else reads, and says which index each has in this run: its own where
/// that is free. One that is read by NVML is read by NVML alone: two clocks of one counter disagree.
fn adopt(
    exported: &[scrape::Exported],
    period: Seconds,
    info: &mut TelemetryInfo,
) -> BTreeMap<String, u32> {
    let mut indexes = BTreeMap::new();
    for gpu in exported {
        if info.gpus.iter().any(|known| known.uuid == gpu.info.uuid) {
            continue;
        }
        let taken = |index: u32| info.gpus.iter().any(|known| known.index == index);
        let free = || info.gpus.iter().map(|known| known.index + 1).max().unwrap_or(0);
        let index = if taken(gpu.info.index) { free() } else { gpu.info.index };
        let period = Some(period);
        info.gpus.push(crate::record::reading::GpuInfo { index, period, ..gpu.info.clone() });
        indexes.insert(gpu.info.uuid.clone(), index);
    }
    indexes
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
