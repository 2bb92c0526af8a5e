//! GPUs through NVML, the library that comes with NVIDIA's driver.
//!
//! The library is opened at run time, so this program starts on machines without it. Invariant: a
//! value is what NVML said, or `None`; nothing is made up for a function that is absent, not
//! supported or failed. Two kinds of failure are told apart: what a device *lacks* is found out once,
//! when it is discovered, and never asked for again; anything that fails later is a *loss* of the
//! whole reading, so a half-dead device doesn't pass for an idle one. Guarded by
//! `tests/telemetry.rs`, which runs this against a library that the test scripts.

use super::throttle;
use crate::record::reading::{Gpm, GpuInfo, GpuReading, Throttle};
use crate::units::{Bytes, Joules, Ratio, Watts};
use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
use nvml_wrapper::enums::gpm::GpmMetricId;
use nvml_wrapper::error::{Bits, NvmlError};
use nvml_wrapper::gpm::{GpmSample, gpm_metrics_get};
use nvml_wrapper::{Device, Nvml};
use std::collections::BTreeSet;
use std::ffi::OsString;

/// Points to another NVML than the system's, for tests and for odd installations.
const LIBRARY_VARIABLE: &str = "MTOK_NVML_LIB";

/// The name under which the driver installs the library; the one without `.1` is only there where
/// the development files are.
const LIBRARY: &str = "libnvidia-ml.so.1";

/// The library that the environment names, else the system's.
pub(super) fn library() -> OsString {
    std::env::var_os(LIBRARY_VARIABLE).unwrap_or_else(|| LIBRARY.into())
}

/// Loads and initialises the library.
pub(super) fn open(library: &OsString) -> Result<Nvml, NvmlError> {
    Nvml::builder().lib_path(library).init()
}

/// What is asked of a device, by the names that a reader of the record sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Busy,
    Memory,
    Power,
    Energy,
    SmClock,
    MemoryClock,
    Temperature,
    Throttle,
    ProcessShare,
    Gpm,
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Memory => "memory",
            Self::Power => "power",
            Self::Energy => "energy",
            Self::SmClock => "SM clock",
            Self::MemoryClock => "memory clock",
            Self::Temperature => "temperature",
            Self::Throttle => "throttle reasons",
            Self::ProcessShare => "process share",
            Self::Gpm => "GPM",
        }
    }
}

/// A GPU that was found, and what is known of it.
#[derive(Debug)]
pub(super) struct Gpu {
    pub(super) info: GpuInfo,
    lacks: BTreeSet<Field>,
}

/// The GPUs of this machine, and in words those that can't be used.
pub(super) fn discover(nvml: &Nvml) -> (Vec<Gpu>, Vec<String>) {
    let count = match nvml.device_count() {
        Ok(count) => count,
        Err(error) => return (Vec::new(), vec![format!("GPUs: {error}")]),
    };
    let (mut gpus, mut missing) = (Vec::new(), Vec::new());
    for index in 0..count {
        match meet(nvml, index) {
            Ok(gpu) => gpus.push(gpu),
            Err(error) => missing.push(format!("gpu {index}: {error}")),
        }
    }
    (gpus, missing)
}

/// Looks at a device for the first time: who it is and what it lacks.
fn meet(nvml: &Nvml, index: u32) -> Result<Gpu, NvmlError> {
    let device = nvml.device_by_index(index)?;
    let mut asking = Asking::learning();
    let mut tracked = Tracked { index, device: None, gpm: None, processes_seen: 0 };
    tracked.read(nvml, &device, &mut asking)?;
    if let (false, Some(refusal)) = (asking.answered, asking.first_refusal) {
        return Err(refusal);
    }
    let info = GpuInfo {
        index,
        name: device.name().unwrap_or_default(),
        uuid: device.uuid().unwrap_or_default(),
        memory: device.memory_info().ok().map(|memory| Bytes(memory.total)),
        period: None,
        mig: device.mig_mode().ok().map(|mode| mode.current != 0),
        gpm: !asking.lacks.contains(&Field::Gpm),
        lacks: asking.lacks.iter().map(|field| field.name().to_owned()).collect(),
    };
    Ok(Gpu { info, lacks: asking.lacks })
}

/// One time of talking to the library, from its opening to its loss.
pub(super) struct Session<'lib> {
    nvml: &'lib Nvml,
    gpus: Vec<(Tracked<'lib>, Asking)>,
}

/// A device within a session.
struct Tracked<'lib> {
    index: u32,
    /// `None` until it is found, and after it is lost.
    device: Option<Device<'lib>>,
    /// The GPM sample that the next one is compared with.
    gpm: Option<GpmSample<'lib>>,
    /// NVML's time of the newest process sample that was taken in, in microseconds.
    processes_seen: u64,
}

impl<'lib> Session<'lib> {
    pub(super) fn new(nvml: &'lib Nvml, gpus: &[Gpu]) -> Self {
        let gpus = gpus.iter().map(|gpu| {
            let index = gpu.info.index;
            let tracked = Tracked { index, device: None, gpm: None, processes_seen: 0 };
            (tracked, Asking::known(gpu.lacks.clone()))
        });
        Self { nvml, gpus: gpus.collect() }
    }

    /// Reads a device; a device that was lost is looked for anew, by its identifier, since indices
    /// move up when another device is gone.
    pub(super) fn read(&mut self, gpu: &GpuInfo) -> Result<GpuReading, NvmlError> {
        let found = self.gpus.iter_mut().find(|(tracked, _)| tracked.index == gpu.index);
        let Some((tracked, asking)) = found else { return Err(NvmlError::NotFound) };
        let device = match tracked.device.take() {
            Some(device) => device,
            None if gpu.uuid.is_empty() => self.nvml.device_by_index(gpu.index)?,
            None => self.nvml.device_by_uuid(gpu.uuid.as_str())?,
        };
        match tracked.read(self.nvml, &device, asking) {
            Ok(reading) => {
                tracked.device = Some(device);
                Ok(reading)
            }
            Err(error) => {
                // What lies before a loss is not compared with what comes after it.
                tracked.gpm = None;
                Err(error)
            }
        }
    }
}

/// What to do when a device says no.
struct Asking {
    lacks: BTreeSet<Field>,
    /// At the first look a refusal means that the device lacks the field.
    learning: bool,
    /// Whether it ever said anything else than no.
    answered: bool,
    first_refusal: Option<NvmlError>,
}

impl Asking {
    fn learning() -> Self {
        Self { lacks: BTreeSet::new(), learning: true, answered: false, first_refusal: None }
    }

    fn known(lacks: BTreeSet<Field>) -> Self {
        Self { lacks, learning: false, answered: true, first_refusal: None }
    }

    /// Asks for a field unless the device lacks it.
    ///
    /// # Errors
    /// The device or its driver is lost.
    fn ask<T>(
        &mut self,
        field: Field,
        question: impl FnOnce() -> Result<T, NvmlError>,
    ) -> Result<Option<T>, NvmlError> {
        if self.lacks.contains(&field) {
            return Ok(None);
        }
        match question() {
            Ok(value) => {
                self.answered = true;
                Ok(Some(value))
            }
            // It can answer; there is nothing to tell at the moment.
            Err(NvmlError::NotFound | NvmlError::NoData) => Ok(None),
            Err(error) if self.learning => {
                self.lacks.insert(field);
                self.first_refusal.get_or_insert(error);
                Ok(None)
            }
            Err(error) if is_loss(&error) => Err(error),
            // This field, this once: a process list that grew between the two calls that read it.
            Err(_) => Ok(None),
        }
    }
}

/// Whether a failure is that of the device or of the driver as a whole.
fn is_loss(error: &NvmlError) -> bool {
    matches!(
        error,
        NvmlError::Uninitialized
            | NvmlError::InsufficientPower
            | NvmlError::DriverNotLoaded
            | NvmlError::Timeout
            | NvmlError::IrqIssue
            | NvmlError::LibraryNotFound
            | NvmlError::LibloadingError(_)
            | NvmlError::GpuLost
            | NvmlError::ResetRequired
            | NvmlError::OperatingSystem
            | NvmlError::LibRmVersionMismatch
            | NvmlError::Unknown
    )
}

impl<'lib> Tracked<'lib> {
    fn read(
        &mut self,
        nvml: &'lib Nvml,
        device: &Device<'lib>,
        asking: &mut Asking,
    ) -> Result<GpuReading, NvmlError> {
        let busy = asking.ask(Field::Busy, || device.utilization_rates())?;
        let memory = asking.ask(Field::Memory, || device.memory_info())?;
        let power = asking.ask(Field::Power, || device.power_usage())?;
        let energy = asking.ask(Field::Energy, || device.total_energy_consumption())?;
        Ok(GpuReading {
            index: self.index,
            busy: busy.as_ref().map(|shares| percent(shares.gpu)),
            memory_busy: busy.map(|shares| percent(shares.memory)),
            memory_used: memory.map(|memory| Bytes(memory.used)),
            power: power.map(|milliwatts| Watts(f64::from(milliwatts) / 1e3)),
            energy: energy.map(joules),
            sm_clock_mhz: asking.ask(Field::SmClock, || device.clock_info(Clock::SM))?,
            memory_clock_mhz: asking
                .ask(Field::MemoryClock, || device.clock_info(Clock::Memory))?,
            temperature_c: asking
                .ask(Field::Temperature, || device.temperature(TemperatureSensor::Gpu))?,
            throttle: asking.ask(Field::Throttle, || throttle_reasons(device))?,
            process_busy: asking.ask(Field::ProcessShare, || self.process_share(device))?.flatten(),
            gpm: asking.ask(Field::Gpm, || self.gpm(nvml, device))?.flatten(),
        })
    }

    /// This process's share of the multiprocessors' time since the call before: the mean of the
    /// samples that NVML has taken since. `None` where it lists none of ours, be it that nothing ran
    /// or that a container hides which process is which.
    fn process_share(&mut self, device: &Device) -> Result<Option<Ratio>, NvmlError> {
        let samples = device.process_utilization_stats(self.processes_seen)?;
        let seen = self.processes_seen;
        let ours: Vec<f64> = samples
            .iter()
            .filter(|sample| sample.pid == std::process::id() && sample.timestamp > seen)
            .map(|sample| f64::from(sample.sm_util))
            .collect();
        self.processes_seen =
            samples.iter().map(|sample| sample.timestamp).max().unwrap_or(seen).max(seen);
        let count = u32::try_from(ours.len()).unwrap_or(u32::MAX);
        Ok((count > 0).then(|| Ratio::percent(ours.iter().sum::<f64>() / f64::from(count))))
    }

    /// Hardware counters since the call before; `None` at the first call.
    fn gpm(&mut self, nvml: &'lib Nvml, device: &Device<'lib>) -> Result<Option<Gpm>, NvmlError> {
        if self.gpm.is_none() && !device.gpm_support()? {
            return Err(NvmlError::NotSupported);
        }
        let now = device.gpm_sample()?;
        let Some(before) = self.gpm.replace(now) else { return Ok(None) };
        let Some(now) = &self.gpm else { return Ok(None) };
        let asked = [
            GpmMetricId::SmUtil,
            GpmMetricId::SmOccupancy,
            GpmMetricId::AnyTensorUtil,
            GpmMetricId::DramBwUtil,
        ];
        // Each metric has its own result: one may be missing where the others are not, and drivers
        // have been seen to answer NaN.
        let mut shares = gpm_metrics_get(nvml, &before, now, &asked)?
            .into_iter()
            .map(|metric| metric.ok().map(|metric| metric.value).filter(|value| value.is_finite()));
        let mut next = || shares.next().flatten().map(Ratio::percent);
        Ok(Some(Gpm { sm: next(), occupancy: next(), tensor: next(), dram: next() }))
    }
}

fn percent(percent: u32) -> Ratio {
    Ratio::percent(f64::from(percent))
}

/// Counted in millijoules. A GPU at 1 kW takes 285,000 years to leave the exact range of `f64`.
#[expect(clippy::cast_precision_loss, reason = "exact far beyond any counter's life")]
fn joules(millijoules: u64) -> Joules {
    Joules(millijoules as f64 / 1e3)
}

/// The lenient call drops bits that the wrapper doesn't know; the strict one hands them back.
fn throttle_reasons(device: &Device) -> Result<Vec<Throttle>, NvmlError> {
    match device.current_throttle_reasons_strict() {
        Ok(reasons) => Ok(throttle::decode(reasons.bits())),
        Err(NvmlError::IncorrectBits(Bits::U64(bits))) => Ok(throttle::decode(bits)),
        Err(NvmlError::IncorrectBits(Bits::U32(bits))) => Ok(throttle::decode(u64::from(bits))),
        Err(error) => Err(error),
    }
}
