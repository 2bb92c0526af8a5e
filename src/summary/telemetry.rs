//! From readings to what the machine did in a window of time, purely.
//!
//! Shares are weighted by the time that each reading speaks for: back to the reading before it, but
//! no further than three periods, and no further than one period across a gap. [`GpuSummary::coverage`]
//! is the share of the window that any reading speaks for; it stands beside every mean, so that half
//! a run's telemetry doesn't pass for the whole. Counters (energy, CPU time) are differences instead,
//! which no late reading falsifies; each states the time that it covers.
//!
//! Invariant: what no reading holds is `None`. Guarded by the tests in `telemetry/tests.rs`.

use crate::record::reading::{Gap, Gpm, GpuReading, Reading, TelemetryInfo, Throttle};
use crate::record::{Moment, Span};
use crate::units::{Bytes, Joules, Quantity, Ratio, Seconds, Watts};
use serde::Serialize;
use std::collections::BTreeMap;

/// A reading that comes later than this many periods after the one before doesn't tell what was in
/// between.
const PERIODS_SPOKEN_FOR: f64 = 3.0;

/// A clock below this share of its median fell.
const FELL: f64 = 0.95;

/// What the machine did in a window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TelemetrySummary {
    /// The window.
    pub window: Span,
    /// The CPU.
    pub cpu: CpuSummary,
    /// Every GPU that was seen at the start, be it read in the window or not.
    pub gpus: Vec<GpuSummary>,
}

/// What the CPU did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CpuSummary {
    /// This process's share of the cores that it may use.
    pub busy: Option<Ratio>,
    /// Time that this process spent on all cores.
    pub time: Option<Counted<Seconds>>,
    /// Energy of the CPU packages, whoever used it.
    pub energy: Option<Counted<Joules>>,
}

/// What one GPU did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpuSummary {
    /// Its index, as NVML counts.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is cut into instances; what is told is then of the whole card, if it is told.
    pub mig: Option<bool>,
    /// The share of the window that readings speak for.
    pub coverage: Ratio,
    /// How often it was lost in the window.
    pub losses: usize,
    /// Share of time in which a kernel ran.
    pub busy: Option<Ratio>,
    /// Share of time in which memory was read or written.
    pub memory_busy: Option<Ratio>,
    /// This process's share of the multiprocessors' time, when NVML listed it: NVML leaves out a
    /// process that did nothing, and a container may hide which one it is.
    pub process_busy: Option<Ratio>,
    /// The most memory that was in use, by anybody.
    pub memory_max: Option<Bytes>,
    /// Energy used.
    pub energy: Option<Energy>,
    /// Mean power: the energy over the time that it was counted for.
    pub power: Option<Watts>,
    /// Clock of the multiprocessors.
    pub sm_clock: Option<ClockSummary>,
    /// Share of the time in which the multiprocessors' clock was more than 5 % under its median.
    pub clock_fell: Option<Ratio>,
    /// Clock of the memory.
    pub memory_clock: Option<ClockSummary>,
    /// The highest temperature, in degrees Celsius.
    pub temperature_max_c: Option<u32>,
    /// For how much of the time each reason held the clocks, for those that did.
    pub throttle: Option<Vec<ThrottleShare>>,
    /// Share of time in which any reason held them that [slows](Throttle::slows).
    pub throttled: Option<Ratio>,
    /// Hardware counters.
    pub gpm: Gpm,
}

/// A reason that held the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ThrottleShare {
    /// Which.
    pub reason: Throttle,
    /// For how much of the time.
    pub share: Ratio,
}

/// The difference of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Counted<Q> {
    /// By how much it rose.
    pub amount: Q,
    /// In how much of the window; the rest is not told.
    pub over: Seconds,
}

/// Energy, and how it was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Energy {
    /// How much, over how long.
    pub counted: Counted<Joules>,
    /// How it was found.
    pub source: EnergySource,
}

/// How an energy was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EnergySource {
    /// From the GPU's own counter.
    Counter,
    /// Summed up from samples of power, for want of a counter. On A100 and H100 such a sample
    /// describes a quarter of the time (arXiv 2312.02741), so this is an estimate.
    PowerSamples,
}

impl std::fmt::Display for EnergySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Counter => "from the energy counter",
            Self::PowerSamples => "from power samples",
        })
    }
}

/// A clock over time, in MHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ClockSummary {
    /// Half of the time it was at least this.
    pub median_mhz: u32,
    /// The lowest.
    pub min_mhz: u32,
}

impl TelemetrySummary {
    /// What happened in `window`, on a machine of which `info` was known at the start and of which
    /// the process could use `cores` logical cores. Readings and gaps are in the order of time.
    pub fn of(
        readings: &[Reading],
        gaps: &[Gap],
        info: &TelemetryInfo,
        cores: u32,
        window: Span,
    ) -> Self {
        let spoken_for = info.period * Ratio::of(PERIODS_SPOKEN_FOR);
        let time = counted(readings.iter().map(|r| (r.at, r.cpu_time)), window, spoken_for);
        let cpu = CpuSummary {
            busy: time.and_then(|time| share(time.amount, time.over * Ratio::of(f64::from(cores)))),
            time,
            energy: counted(readings.iter().map(|r| (r.at, r.cpu_energy)), window, spoken_for),
        };
        let gpus = info.gpus.iter().map(|gpu| {
            let gaps: Vec<Moment> =
                gaps.iter().filter(|gap| gap.is_of_gpu(gpu.index)).map(|gap| gap.at).collect();
            let read: Vec<(Moment, &GpuReading)> = readings
                .iter()
                .filter_map(|reading| {
                    let own = reading.gpus.iter().find(|own| own.index == gpu.index)?;
                    Some((reading.at, own))
                })
                .collect();
            let period = gpu.period.unwrap_or(info.period);
            let view = View { spans: spans(&read, &gaps, period, window), window };
            let energy = view.energy(&read, period * Ratio::of(PERIODS_SPOKEN_FOR));
            GpuSummary {
                index: gpu.index,
                name: gpu.name.clone(),
                mig: gpu.mig,
                coverage: view.coverage(),
                losses: gaps.iter().filter(|at| window.holds(**at)).count(),
                busy: view.mean(|r| r.busy),
                memory_busy: view.mean(|r| r.memory_busy),
                process_busy: view.mean(|r| r.process_busy),
                memory_max: view.values(|r| r.memory_used).max(),
                energy,
                power: energy.map(|energy| energy.counted.amount / energy.counted.over),
                sm_clock: view.clock(|r| r.sm_clock_mhz),
                clock_fell: view.fell(|r| r.sm_clock_mhz),
                memory_clock: view.clock(|r| r.memory_clock_mhz),
                temperature_max_c: view.values(|r| r.temperature_c).max(),
                throttle: view.throttle(),
                throttled: view.mean(|r| {
                    let slowed = r.throttle.as_ref()?.iter().any(|reason| reason.slows());
                    Some(Ratio::of(f64::from(u8::from(slowed))))
                }),
                gpm: Gpm {
                    sm: view.mean(|r| r.gpm?.sm),
                    occupancy: view.mean(|r| r.gpm?.occupancy),
                    tensor: view.mean(|r| r.gpm?.tensor),
                    dram: view.mean(|r| r.gpm?.dram),
                },
            }
        });
        Self { window, cpu, gpus: gpus.collect() }
    }
}

/// The part of the window that each reading speaks for.
fn spans<'a>(
    read: &[(Moment, &'a GpuReading)],
    gaps: &[Moment],
    period: Seconds,
    window: Span,
) -> Vec<(Span, &'a GpuReading)> {
    let mut before: Option<Moment> = None;
    let mut spans = Vec::new();
    for (at, reading) in read {
        let whole =
            before.is_some_and(|before| !gaps.iter().any(|gap| before <= *gap && gap <= at));
        let reach = if whole { period * Ratio::of(PERIODS_SPOKEN_FOR) } else { period };
        let from = earlier(*at, reach).max(before.unwrap_or_default());
        spans.extend(Span { from, to: *at }.overlap(window).map(|span| (span, *reading)));
        before = Some(*at);
    }
    spans
}

fn earlier(at: Moment, by: Seconds) -> Moment {
    Moment(at.0.saturating_sub(Moment(0).after(by).0))
}

/// A GPU's readings, each with the time in the window that it speaks for.
struct View<'a> {
    spans: Vec<(Span, &'a GpuReading)>,
    window: Span,
}

impl<'a> View<'a> {
    fn coverage(&self) -> Ratio {
        let read: Seconds = self.spans.iter().map(|(span, _)| span.length()).sum();
        share(read, self.window.length()).unwrap_or_default()
    }

    fn values<T>(&self, of: impl Fn(&'a GpuReading) -> Option<T>) -> impl Iterator<Item = T> {
        self.spans.iter().filter_map(move |(_, reading)| of(reading))
    }

    /// Values with the time that each holds for.
    fn weighted<T>(&self, of: impl Fn(&'a GpuReading) -> Option<T>) -> Vec<(Seconds, T)> {
        let pairs = self.spans.iter().map(|(span, reading)| Some((span.length(), of(reading)?)));
        pairs.flatten().collect()
    }

    fn mean(&self, of: impl Fn(&'a GpuReading) -> Option<Ratio>) -> Option<Ratio> {
        let values = self.weighted(of);
        let whole: Seconds = values.iter().map(|(time, _)| *time).sum();
        share(values.iter().map(|(time, value)| *time * *value).sum(), whole)
    }

    /// The weighted median, the lower one where two are, and the lowest value.
    fn clock(&self, of: impl Fn(&'a GpuReading) -> Option<u32>) -> Option<ClockSummary> {
        let mut values = self.weighted(of);
        values.sort_by_key(|(_, mhz)| *mhz);
        let whole: Seconds = values.iter().map(|(time, _)| *time).sum();
        let mut passed = Seconds(0.0);
        let (_, median_mhz) = values.iter().find(|(time, _)| {
            passed = passed + *time;
            passed >= whole * Ratio::of(0.5)
        })?;
        Some(ClockSummary { median_mhz: *median_mhz, min_mhz: values.first()?.1 })
    }

    /// For which share of the time a clock was more than 5 % under its median.
    fn fell(&self, of: impl Fn(&'a GpuReading) -> Option<u32> + Copy) -> Option<Ratio> {
        let bar = f64::from(self.clock(of)?.median_mhz) * FELL;
        self.mean(|reading| Some(Ratio::of(f64::from(u8::from(f64::from(of(reading)?) < bar)))))
    }

    fn throttle(&self) -> Option<Vec<ThrottleShare>> {
        let lists = self.weighted(|reading| reading.throttle.as_ref());
        let whole: Seconds = lists.iter().map(|(time, _)| *time).sum();
        let mut times: BTreeMap<Throttle, Seconds> = BTreeMap::new();
        for (time, reasons) in lists {
            for reason in reasons {
                let sum = times.entry(*reason).or_default();
                *sum = *sum + time;
            }
        }
        let shares =
            times.into_iter().map(|(reason, time)| ThrottleShare { reason, share: time / whole });
        (whole > Seconds(0.0)).then(|| shares.collect())
    }

    /// From the counter where there is one, else from power.
    fn energy(&self, read: &[(Moment, &GpuReading)], spoken_for: Seconds) -> Option<Energy> {
        let counter = read.iter().map(|(at, reading)| (*at, reading.energy));
        if let Some(counted) = counted(counter, self.window, spoken_for) {
            return Some(Energy { counted, source: EnergySource::Counter });
        }
        let powers = self.weighted(|reading| reading.power);
        let over: Seconds = powers.iter().map(|(time, _)| *time).sum();
        let amount = powers.iter().map(|(time, power)| *power * *time).sum();
        let counted = Counted { amount, over };
        (over > Seconds(0.0)).then_some(Energy { counted, source: EnergySource::PowerSamples })
    }
}

/// `None` where there is no whole to have a share of.
fn share(part: Seconds, whole: Seconds) -> Option<Ratio> {
    (whole > Seconds(0.0)).then(|| part / whole)
}

/// By how much a counter rose within the window.
///
/// Between two readings that lie on both sides of the window's edge it is taken to rise evenly,
/// unless they lie too far apart for that. A counter that fell was reset in between: that stretch is
/// left out. What is left out is missing in `over` too.
fn counted<Q: Quantity>(
    readings: impl Iterator<Item = (Moment, Option<Q>)>,
    window: Span,
    spoken_for: Seconds,
) -> Option<Counted<Q>> {
    let mut last: Option<(Moment, Q)> = None;
    let (mut amount, mut over) = (0.0, Seconds(0.0));
    for (at, value) in readings {
        let Some(value) = value else { continue };
        if let Some((before, had)) = last {
            let between = Span { from: before, to: at };
            let rose = value.get() - had.get();
            let told = |inside: &Span| {
                rose >= 0.0 && (*inside == between || between.length() <= spoken_for)
            };
            if let Some(inside) = between.overlap(window).filter(told) {
                amount += rose * (inside.length() / between.length()).get();
                over = over + inside.length();
            }
        }
        last = Some((at, value));
    }
    (over > Seconds(0.0)).then_some(Counted { amount: Q::of(amount), over })
}

#[cfg(test)]
mod tests;
