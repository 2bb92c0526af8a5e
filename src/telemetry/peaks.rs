//! What a CPU can do at most, found by a probe of about a second before a benchmark.
//!
//! The roofline floor of a model divides its work by these peaks, and a result below its floor is
//! called broken; so each figure must be one that no kernel on this machine, at this time, can beat.
//! Hence the best of many short passes, in which all threads work at once: on a busy machine a long
//! pass measures the neighbours. What a pass reaches is the sum of its threads' own rates, so that
//! their staggered start doesn't count against it.
//!
//! Bandwidth is that of reading a buffer as large as the model's weights, so that a model that fits
//! into the last-level cache is judged by the cache; on huge pages, as a kernel that cares would.
//!
//! Held against theory on a Zen 5 server, 2 cores: two 512-bit ports at the 3.78 GHz that a chain of
//! dependent instructions shows allow 484 GFLOP/s in `f32` and 1,935 of bytes; measured, while other
//! builds ran beside it, 486 and 1,955 (the clock moves by a percent or two), in debug builds too.

mod kernels;

use crate::clock::Clock;
use crate::hint::{Fault, Hint};
use crate::record::Peaks;
use crate::units::{Bytes, BytesPerSecond, Flops, FlopsPerSecond, Seconds};
use kernels::{Kernel, Line};
use std::collections::TryReserveError;
#[cfg(target_os = "linux")]
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::thread;

/// The smallest buffer: less would measure what caches of one core give.
const BUFFER_MIN: Bytes = Bytes(64 << 20);
/// The largest: past nearly any last-level cache. In the few that are larger (EPYC 9684X: 1,152 MiB) a
/// large model is judged by the cache too, which leaves the bound a bound; filling more takes seconds.
const BUFFER_MAX: Bytes = Bytes(512 << 20);
/// What a thread reads in one pass: a few milliseconds' worth.
const PASS_BYTES: usize = 64 << 20;
/// How many operations a thread does in one pass: a few milliseconds' worth.
const PASS_OPERATIONS: u64 = 1 << 29;
/// How long each of bandwidth, `f32` and bytes is tried.
const TRIAL: Seconds = Seconds(0.3);
/// How many passes at least, and at most. On a busy machine few are undisturbed: with ten others on 2
/// cores, 4 passes once saw half of the bandwidth that 40 did.
const PASSES: std::ops::RangeInclusive<usize> = 40..=2_000;

/// Why there are no peaks.
#[derive(Debug, thiserror::Error)]
pub enum PeaksError {
    /// No memory for the buffer.
    #[error("no memory for a buffer of {buffer} to measure bandwidth with: {error}")]
    Memory {
        /// How large it was to be.
        buffer: Bytes,
        /// What the allocator says.
        error: TryReserveError,
    },
    /// The system gives no threads.
    #[error("can't start {threads} threads to measure with: {error}")]
    Threads {
        /// How many were wanted.
        threads: u32,
        /// What the system says.
        error: std::io::Error,
    },
    /// The clock stands still.
    #[error("no time passed on the clock while the peaks were measured")]
    Clock,
}

impl Hint for PeaksError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Memory { .. } => Some("free some memory; the model needs as much".to_owned()),
            Self::Threads { .. } => Some("raise the limit of processes: `ulimit -u`".to_owned()),
            Self::Clock => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Memory { .. } | Self::Threads { .. } => Fault::Environment,
            Self::Clock => Fault::Internal,
        }
    }
}

/// What a CPU can do at most, all threads together.
#[derive(Debug, Clone, PartialEq)]
pub struct CpuPeaks {
    /// How many threads worked.
    pub threads: u32,
    /// How large the buffer was that they read.
    pub buffer: Bytes,
    /// At which they read it.
    pub bandwidth: BytesPerSecond,
    /// `f32` multiply-adds, two operations each.
    pub single_precision: Arithmetic,
    /// Multiply-adds of bytes into wider sums, two operations each: what quantised weights are
    /// multiplied with. `None` where the CPU has no instructions for it that are known here.
    pub bytes: Option<Arithmetic>,
}

/// A peak of arithmetic, and the instructions that reached it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arithmetic {
    /// Operations per second.
    pub speed: FlopsPerSecond,
    /// The instructions: `AVX-512 VNNI`.
    pub instructions: &'static str,
}

impl CpuPeaks {
    /// The faster of the two kinds of arithmetic: the bound for quantised weights.
    pub fn arithmetic(&self) -> Arithmetic {
        match self.bytes {
            Some(bytes) if bytes.speed > self.single_precision.speed => bytes,
            _ => self.single_precision,
        }
    }

    /// As a run's header has them.
    pub fn to_record(&self) -> Peaks {
        let Arithmetic { speed, instructions } = self.arithmetic();
        let (threads, buffer) = (self.threads, self.buffer);
        Peaks {
            bandwidth: self.bandwidth,
            arithmetic: speed,
            source: format!(
                "probe of this CPU, {threads} threads: reading {buffer:.0}; {instructions}"
            ),
        }
    }
}

/// Measures this CPU for a model of so many bytes of weights. Takes about a second, on all the
/// `threads` at once; more where others keep the cores busy.
///
/// # Errors
/// There is no memory or there are no threads to measure with, or the clock doesn't run.
pub fn probe(clock: &dyn Clock, threads: u32, weights: Bytes) -> Result<CpuPeaks, PeaksError> {
    let probe = Probe { clock, threads: threads.max(1) };
    let buffer = weights.clamp(BUFFER_MIN, BUFFER_MAX);
    let bandwidth = probe.bandwidth(buffer)?;
    let single_precision = probe.arithmetic(&kernels::single_precision())?;
    let bytes = kernels::bytes();
    let bytes = if bytes.is_empty() { None } else { Some(probe.arithmetic(&bytes)?) };
    Ok(CpuPeaks { threads: probe.threads, buffer, bandwidth, single_precision, bytes })
}

struct Probe<'a> {
    clock: &'a dyn Clock,
    threads: u32,
}

impl Probe<'_> {
    /// The best of the kernels, each in turn.
    fn arithmetic(&self, kernels: &[Kernel]) -> Result<Arithmetic, PeaksError> {
        let best = self.best(|pass| {
            let kernel = kernels[pass % kernels.len()];
            let turns = PASS_OPERATIONS / kernel.operations;
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let work = Flops((turns * kernel.operations) as f64);
            let times = self.together(vec![(); self.threads as usize], |()| (kernel.run)(turns))?;
            Ok((times.into_iter().map(|time| work / time).sum(), kernel.name))
        })?;
        Ok(Arithmetic { speed: best.0, instructions: best.1 })
    }

    fn bandwidth(&self, size: Bytes) -> Result<BytesPerSecond, PeaksError> {
        let buffer = self.buffer(size)?;
        let parts: Vec<&[Line]> = buffer.chunks(self.part(buffer.len())).collect();
        let work = Bytes(PASS_BYTES as u64);
        let (best, ()) = self.best(|pass| {
            let times = self.together(parts.clone(), |part| read_on(part, pass))?;
            Ok((times.into_iter().map(|time| work / time).sum(), ()))
        })?;
        Ok(best)
    }

    /// Memory that each thread has written its part of first, so that it lies near that thread.
    #[allow(unsafe_code)]
    fn buffer(&self, size: Bytes) -> Result<Vec<Line>, PeaksError> {
        let lines = usize::try_from(size.0).unwrap_or(usize::MAX) / size_of::<Line>();
        let mut buffer: Vec<Line> = Vec::new();
        let refused = |error| PeaksError::Memory { buffer: size, error };
        buffer.try_reserve_exact(lines).map_err(refused)?;
        let spare = &mut buffer.spare_capacity_mut()[..lines];
        ask_for_huge_pages(spare);
        self.together(spare.chunks_mut(self.part(lines)).collect(), |part| {
            // SAFETY: the part is this thread's alone, and any bytes make a line.
            unsafe { part.as_mut_ptr().write_bytes(1, part.len()) };
        })?;
        // SAFETY: so many were reserved, and the parts that were written are all of them.
        unsafe { buffer.set_len(lines) };
        Ok(buffer)
    }

    /// How many of these each thread gets.
    fn part(&self, lines: usize) -> usize {
        lines.div_ceil(self.threads as usize)
    }

    /// The best pass of those that fit into the trial.
    fn best<Rate: crate::units::Quantity, T>(
        &self,
        mut pass: impl FnMut(usize) -> Result<(Rate, T), PeaksError>,
    ) -> Result<(Rate, T), PeaksError> {
        let end = self.clock.now().after(TRIAL);
        let mut best: Option<(Rate, T)> = None;
        for count in 0..*PASSES.end() {
            if count >= *PASSES.start() && self.clock.now() >= end {
                break;
            }
            let reached = pass(count)?;
            if !reached.0.get().is_finite() {
                return Err(PeaksError::Clock);
            }
            if best.as_ref().is_none_or(|best| reached.0 > best.0) {
                best = Some(reached);
            }
        }
        best.ok_or(PeaksError::Clock)
    }

    /// Runs a task on a thread for each of the parts, and how long each took.
    fn together<Part: Send>(
        &self,
        parts: Vec<Part>,
        task: impl Fn(Part) + Sync,
    ) -> Result<Vec<Seconds>, PeaksError> {
        let failed = |error| PeaksError::Threads { threads: self.threads, error };
        let timed = |part| {
            let start = self.clock.now();
            task(part);
            self.clock.now().since(start)
        };
        thread::scope(|scope| {
            let timed = &timed;
            let running: Result<Vec<_>, _> = parts
                .into_iter()
                .map(|part| thread::Builder::new().spawn_scoped(scope, move || timed(part)))
                .collect();
            let times = running.map_err(failed)?.into_iter().map(|running| {
                running.join().map_err(|_| failed(std::io::Error::other("a thread panicked")))
            });
            times.collect()
        })
    }
}

/// Reads on from where the pass before left off, round and round.
fn read_on(part: &[Line], pass: usize) {
    let whole = PASS_BYTES / size_of::<Line>();
    let (mut at, mut left) = ((pass * whole) % part.len(), whole);
    while left > 0 {
        let run = &part[at..part.len().min(at + left)];
        kernels::read(run);
        left -= run.len();
        at = 0;
    }
}

/// Asks for huge pages, with which reading was 5 to 8 % faster on a Zen 5; without is no failure.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn ask_for_huge_pages(spare: &mut [MaybeUninit<Line>]) {
    const PAGE: usize = 4096;
    // `uapi/asm-generic/mman-common.h`; the same on all that Rust's standard library supports.
    const MADV_HUGEPAGE: c_int = 14;
    unsafe extern "C" {
        /// `madvise(2)`
        fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
    }
    let bytes = size_of_val(spare);
    let start = spare.as_mut_ptr().cast::<u8>();
    let skip = start.align_offset(PAGE);
    let Some(length) = bytes.checked_sub(skip) else { return };
    // SAFETY: the range is memory of ours, from a page's start on, and the advice changes nothing of
    // what is in it. A kernel without huge pages refuses, and reads a little slower.
    unsafe { madvise(start.add(skip).cast(), length / PAGE * PAGE, MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_spare: &mut [MaybeUninit<Line>]) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{FakeClock, RunClock};
    use crate::record::Moment;

    #[test]
    fn every_kernel_of_this_cpu_runs() {
        for kernel in kernels::single_precision().into_iter().chain(kernels::bytes()) {
            (kernel.run)(1_000);
            assert!(kernel.operations >= 64, "{}", kernel.name);
        }
    }

    #[test]
    fn peaks_are_positive_and_bytes_are_the_faster() {
        let peaks = probe(&RunClock::start(), 2, Bytes(1)).unwrap();
        assert_eq!((peaks.threads, peaks.buffer), (2, BUFFER_MIN));
        assert!(peaks.bandwidth > BytesPerSecond(0.0));
        assert!(peaks.single_precision.speed > FlopsPerSecond(0.0));
        assert!(peaks.arithmetic().speed >= peaks.single_precision.speed);
        assert!(peaks.to_record().source.contains("2 threads: reading 64 MiB"));
    }

    #[test]
    fn a_clock_that_stands_still_gives_no_peaks() {
        let stopped = FakeClock::default();
        assert!(matches!(probe(&stopped, 1, Bytes(1)), Err(PeaksError::Clock)));
    }

    /// A clock that every look moves on by 10 ms.
    #[derive(Default)]
    struct Stepping(FakeClock);

    impl Clock for Stepping {
        fn now(&self) -> Moment {
            self.0.advance(Seconds(0.01));
            self.0.now()
        }

        fn sleep_until(&self, at: Moment) {
            self.0.sleep_until(at);
        }
    }

    #[test]
    fn rates_are_work_over_time() {
        // One thread's pass lasts 10 ms: 64 MiB in it, and 2^29 operations less what is no whole turn
        // (at most 2,048 of them).
        let peaks = probe(&Stepping::default(), 1, Bytes(1)).unwrap();
        assert!((peaks.bandwidth.0 - 6_710_886_400.0).abs() < 1.0, "{}", peaks.bandwidth);
        let speed = peaks.single_precision.speed.0;
        assert!((53_686_886_400.0..=53_687_091_200.0).contains(&speed), "{speed}");
    }

    #[test]
    fn the_best_pass_counts() {
        let probe = Probe { clock: &Stepping::default(), threads: 1 };
        let rates = [2.0, 7.0, 3.0, 5.0];
        let pass = |pass: usize| Ok((BytesPerSecond(rates[pass % 4]), pass));
        assert_eq!(probe.best(pass).unwrap(), (BytesPerSecond(7.0), 1));
    }
}
