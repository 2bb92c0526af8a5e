//! What a run's machine and server said over time, as lines to draw.
//!
//! Invariant: a line never crosses a time in which nothing was read, and one that is thinned keeps the
//! least and the most of each part of the time, in their order: a dip of one reading stays a dip.
//! Guarded by the tests below.

use crate::record::reading::{GpuReading, Reading, ServerReading};
use crate::record::{Moment, Run, Span};
use crate::units::{Ratio, Seconds, Watts};

/// Readings that lie farther apart than so many periods don't tell what was in between: as in
/// `telemetry.rs`.
const PERIODS_SPOKEN_FOR: f64 = 3.0;

/// Most points of a line: two for each of this many parts of the time.
const PARTS: u64 = 150;

/// A value over time, in stretches without a gap.
pub type Trace<T> = Vec<Vec<(Moment, T)>>;

/// What was read of one GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct GpuTrace {
    /// Its index, as NVML counts.
    pub index: u32,
    /// Share of time in which a kernel ran.
    pub busy: Trace<Ratio>,
    /// Power drawn.
    pub power: Trace<Watts>,
    /// Clock of the multiprocessors in MHz.
    pub sm_clock: Trace<u32>,
    /// When something held its clocks down that [slows](crate::record::reading::Throttle::slows).
    pub throttled: Vec<Span>,
}

/// What was read of a machine and its server.
#[derive(Debug, Clone, PartialEq)]
pub struct Traces {
    /// This process's share of the cores that it may use, since the reading before.
    pub cpu_busy: Trace<Ratio>,
    /// The GPUs that were seen.
    pub gpus: Vec<GpuTrace>,
    /// The server's requests that run.
    pub running: Trace<u32>,
    /// The server's requests that wait.
    pub waiting: Trace<u32>,
    /// Share of its KV cache in use.
    pub kv_used: Trace<Ratio>,
}

impl Traces {
    /// Of a run.
    pub fn of(run: &Run) -> Self {
        let lines = Lines {
            reach: run.header.telemetry.period * Ratio::of(PERIODS_SPOKEN_FOR),
            end: run.last,
        };
        let server = |of: fn(&ServerReading) -> Option<u32>| {
            lines.of(run.readings.iter().map(|r| (r.at, r.server.as_ref().and_then(of))))
        };
        let kv_used =
            run.readings.iter().map(|r| (r.at, r.server.as_ref().and_then(|s| s.kv_used)));
        Self {
            cpu_busy: lines.of(cpu_busy(&run.readings, run.header.host.cores).into_iter()),
            gpus: run.header.telemetry.gpus.iter().map(|gpu| lines.gpu(run, gpu.index)).collect(),
            running: server(|server| server.running),
            waiting: server(|server| server.waiting),
            kv_used: lines.of(kv_used),
        }
    }
}

/// From each reading to the next: the CPU time spent, over the time on all cores.
fn cpu_busy(readings: &[Reading], cores: u32) -> Vec<(Moment, Option<Ratio>)> {
    let cores = Ratio::of(f64::from(cores));
    let between = |pair: &[Reading]| {
        let (before, now) = (&pair[0], &pair[1]);
        let spent = now.cpu_time? - before.cpu_time?;
        let over = now.at.since(before.at) * cores;
        (spent >= Seconds(0.0) && over > Seconds(0.0)).then(|| spent / over)
    };
    readings.windows(2).map(|pair| (pair[1].at, between(pair))).collect()
}

/// How readings become lines.
struct Lines {
    /// How far one reading reaches.
    reach: Seconds,
    /// When the run ended.
    end: Moment,
}

impl Lines {
    fn of<T: Copy + PartialOrd>(
        &self,
        values: impl Iterator<Item = (Moment, Option<T>)>,
    ) -> Trace<T> {
        let mut trace: Trace<T> = Vec::new();
        let mut joined = false;
        for (at, value) in values {
            let Some(value) = value else {
                joined = false;
                continue;
            };
            match trace.last_mut() {
                Some(line)
                    if joined
                        && line.last().is_some_and(|(last, _)| at.since(*last) <= self.reach) =>
                {
                    line.push((at, value));
                }
                _ => trace.push(vec![(at, value)]),
            }
            joined = true;
        }
        self.thinned(trace)
    }

    /// The least and the most of each part of the time. Where stretches were many, those of which
    /// nothing is kept are gone; what is kept is joined only as it was before.
    fn thinned<T: Copy + PartialOrd>(&self, trace: Trace<T>) -> Trace<T> {
        if trace.iter().map(|line| line.len() as u64).sum::<u64>() <= 2 * PARTS {
            return trace;
        }
        let part =
            |at: Moment| u128::from(at.0) * u128::from(PARTS) / u128::from(self.end.0.max(1));
        let points: Vec<(usize, Moment, T)> = trace
            .into_iter()
            .enumerate()
            .flat_map(|(stretch, line)| {
                line.into_iter().map(move |(at, value)| (stretch, at, value))
            })
            .collect();
        let mut kept: Vec<(usize, Moment, T)> = Vec::new();
        for points in points.chunk_by(|(_, a, _), (_, b, _)| part(*a) == part(*b)) {
            let (mut least, mut most) = (0, 0);
            for (index, (_, _, value)) in points.iter().enumerate() {
                if *value < points[least].2 {
                    least = index;
                }
                if *value > points[most].2 {
                    most = index;
                }
            }
            kept.push(points[least.min(most)]);
            if least != most {
                kept.push(points[least.max(most)]);
            }
        }
        let line = |points: &[(usize, Moment, T)]| {
            points.iter().map(|(_, at, value)| (*at, *value)).collect()
        };
        kept.chunk_by(|(a, ..), (b, ..)| a == b).map(line).collect()
    }

    fn gpu(&self, run: &Run, index: u32) -> GpuTrace {
        let read = |reading: &Reading| reading.gpus.iter().find(|gpu| gpu.index == index).cloned();
        let of: Vec<(Moment, Option<GpuReading>)> =
            run.readings.iter().map(|reading| (reading.at, read(reading))).collect();
        let values = || of.iter().map(|(at, gpu)| (*at, gpu.as_ref()));
        GpuTrace {
            index,
            busy: self.of(values().map(|(at, gpu)| (at, gpu.and_then(|gpu| gpu.busy)))),
            power: self.of(values().map(|(at, gpu)| (at, gpu.and_then(|gpu| gpu.power)))),
            sm_clock: self.of(values().map(|(at, gpu)| (at, gpu.and_then(|gpu| gpu.sm_clock_mhz)))),
            throttled: self.throttled(&of),
        }
    }

    /// Each reading speaks for the time back to the one before, as far as it reaches.
    fn throttled(&self, readings: &[(Moment, Option<GpuReading>)]) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for pair in readings.windows(2) {
            let ((before, _), (at, gpu)) = (&pair[0], &pair[1]);
            let reasons = gpu.as_ref().and_then(|gpu| gpu.throttle.as_ref());
            if !reasons.is_some_and(|reasons| reasons.iter().any(|reason| reason.slows()))
                || at.since(*before) > self.reach
            {
                continue;
            }
            match spans.last_mut() {
                Some(last) if last.to == *before => last.to = *at,
                _ => spans.push(Span { from: *before, to: *at }),
            }
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::builder::{RunBuilder, ms};
    use crate::record::reading::Throttle;

    const LINES: Lines = Lines { reach: Seconds(0.3), end: Moment(10_000_000_000) };

    #[test]
    fn a_line_breaks_where_nothing_was_read() {
        let values =
            [(0.0, Some(1)), (100.0, Some(2)), (200.0, None), (300.0, Some(3)), (900.0, Some(4))];
        let got = LINES.of(values.into_iter().map(|(at, value)| (ms(at), value)));
        let want = [vec![(ms(0.0), 1), (ms(100.0), 2)], vec![(ms(300.0), 3)], vec![(ms(900.0), 4)]];
        assert_eq!(got, want);
    }

    /// 5,000 readings of 50, one of them of 3 and one of 99.
    #[test]
    fn a_thinned_line_keeps_a_dip_of_one_reading() {
        let value = |n: u64| match n {
            2_345 => 3,
            2_346 => 99,
            _ => 50,
        };
        let got = LINES.of((0..5_000).map(|n| (Moment(n * 2_000_000), Some(value(n)))));
        assert_eq!(got.len(), 1);
        assert!(got[0].len() <= 300, "{}", got[0].len());
        let dip = got[0].iter().position(|(_, value)| *value == 3).unwrap();
        assert_eq!(got[0][dip + 1], (Moment(2_346 * 2_000_000), 99));
    }

    #[test]
    fn however_many_gaps_there_are_a_line_stays_short() {
        let values = (0..5_000).map(|n| (Moment(n * 2_000_000), (n % 2 == 0).then_some(n)));
        let got = LINES.of(values);
        assert!(got.iter().map(Vec::len).sum::<usize>() <= 300, "{}", got.len());
        assert_eq!(
            got.last().and_then(|line| line.last()),
            Some(&(Moment(4_998 * 2_000_000), 4_998))
        );
    }

    #[test]
    fn busy_is_of_all_cores_since_the_reading_before() {
        let reading = |at: f64, spent: f64| Reading {
            at: ms(at),
            cpu_time: Some(Seconds(spent)),
            ..Reading::default()
        };
        let got = cpu_busy(&[reading(0.0, 5.0), reading(100.0, 5.1), reading(200.0, 5.3)], 2);
        let shares: Vec<_> =
            got.iter().map(|(_, share)| (share.unwrap().get() * 1e6).round().to_bits()).collect();
        assert_eq!(shares, [0.5e6_f64, 1e6].map(f64::to_bits));
        // A counter that falls was started anew.
        assert_eq!(cpu_busy(&[reading(0.0, 5.0), reading(100.0, 1.0)], 2), [(ms(100.0), None)]);
    }

    #[test]
    fn only_what_slows_is_a_throttling() {
        let reading = |at: f64, reason: Throttle| {
            let gpu = GpuReading { throttle: Some(vec![reason]), ..GpuReading::default() };
            (ms(at), Some(gpu))
        };
        let (heat, idle) = (Throttle::SwThermalSlowdown, Throttle::GpuIdle);
        let readings = [
            reading(0.0, heat),
            reading(100.0, heat),
            reading(200.0, heat),
            reading(300.0, idle),
            reading(400.0, heat),
        ];
        let span = |from, to| Span { from: ms(from), to: ms(to) };
        assert_eq!(LINES.throttled(&readings), [span(0.0, 200.0), span(300.0, 400.0)]);
    }

    #[test]
    fn what_was_not_read_is_no_line() {
        let got = Traces::of(&RunBuilder::new().build());
        assert!(got.cpu_busy.is_empty() && got.gpus.is_empty() && got.running.is_empty());
    }
}
