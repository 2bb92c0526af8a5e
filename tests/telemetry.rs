//! Telemetry through the real binding, against libraries that the test scripts.
//!
//! Each test copies the stand-in into a folder of its own (see `fake_nvml/beside.rs`). Time is a fake
//! clock's: a run of a minute takes milliseconds, and always the same ones.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod common;

use mtok::clock::{Clock, FakeClock, RunClock};
use mtok::record::reading::{Gap, Gpm, GpuReading, Reading, Throttle};
use mtok::record::{Event, Moment, Span};
use mtok::summary::telemetry::{EnergySource, TelemetrySummary};
use mtok::telemetry::driver::cuda_driver_in;
use mtok::telemetry::{PERIOD, Sampler, Sources, Telemetry};
use mtok::units::{Bytes, Joules, Ratio, Watts};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use tempfile::TempDir;

/// A stand-in for NVML that does as a script says.
struct Fake {
    folder: TempDir,
}

impl Fake {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs_err::copy(common::library("fake_nvml"), folder.path().join("nvml.so")).unwrap();
        fs_err::write(folder.path().join("script"), script).unwrap();
        Self { folder }
    }

    /// Takes a function out of the library, as if it were older: another name of the same length.
    fn without(self, function: &str) -> Self {
        let path = self.library();
        let mut bytes = fs_err::read(&path).unwrap();
        let name = function.as_bytes();
        let mut found = 0;
        for start in 0..bytes.len() - name.len() {
            if &bytes[start..start + name.len()] == name {
                bytes[start] = b'x';
                found += 1;
            }
        }
        assert!(found > 0, "`{function}` is not in the library");
        fs_err::write(path, bytes).unwrap();
        self
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("nvml.so")
    }

    fn open(&self) -> Telemetry {
        Telemetry::open(&self.sources(), PERIOD)
    }

    /// No `/sys` of the machine that this runs on.
    fn sources(&self) -> Sources {
        Sources {
            nvml: self.library().into(),
            root: self.folder.path().to_owned(),
            ..Sources::default()
        }
    }

    /// The first `count` readings and the gaps between them, at the fake clock's pace.
    fn sample(&self, count: usize) -> (Vec<Reading>, Vec<Gap>) {
        collect(self.open(), count)
    }

    /// Those of GPU 0 only.
    fn first_gpu(&self, count: usize) -> Vec<GpuReading> {
        let (readings, gaps) = self.sample(count);
        assert_eq!(gaps, []);
        readings.into_iter().map(|reading| reading.gpus.into_iter().next().unwrap()).collect()
    }
}

fn collect(telemetry: Telemetry, count: usize) -> (Vec<Reading>, Vec<Gap>) {
    let (sampler, events) = start(telemetry, Arc::new(FakeClock::default()));
    let (mut readings, mut gaps) = (Vec::new(), Vec::new());
    while readings.len() < count {
        match events.recv().unwrap() {
            Event::Reading(reading) => readings.push(*reading),
            Event::Gap(gap) => gaps.push(gap),
            other => panic!("{other:?}"),
        }
    }
    drop(events);
    sampler.stop();
    (readings, gaps)
}

/// A channel that holds nothing: the thread is never ahead of the test.
fn start(telemetry: Telemetry, clock: Arc<dyn Clock>) -> (Sampler, Receiver<Event>) {
    let (sink, events) = sync_channel(0);
    let sampler = telemetry.sample(clock, move |event| drop(sink.send(event))).unwrap();
    (sampler, events)
}

/// So many periods since the start.
fn periods(count: u64) -> Moment {
    Moment(count * 100_000_000)
}

#[test]
fn everything_is_read() {
    let fake = Fake::new("busy=88\nmemory_mib=2048\ncelsius=64\nthrottle=0x4\nprocess=77");
    let readings = fake.first_gpu(3);
    let gpm = Gpm {
        sm: Some(Ratio::percent(20.0)),
        occupancy: Some(Ratio::percent(30.0)),
        tensor: Some(Ratio::percent(50.0)),
        dram: Some(Ratio::percent(100.0)),
    };
    let want = GpuReading {
        index: 0,
        busy: Some(Ratio::percent(88.0)),
        memory_busy: Some(Ratio::percent(41.0)),
        memory_used: Some(Bytes(2_147_483_648)),
        power: Some(Watts(412.0)),
        // Tick 0 is before the library's start, 1 at it, 2 at the first look, 3 at this reading.
        energy: Some(Joules(7_123.6)),
        sm_clock_mhz: Some(1_980),
        memory_clock_mhz: Some(2_619),
        temperature_c: Some(64),
        throttle: Some(vec![Throttle::SwPowerCap]),
        process_busy: Some(Ratio::percent(77.0)),
        // A share since the sample before: there is none before the first.
        gpm: None,
    };
    assert_eq!(readings[0], want);
    assert_eq!(readings[2], GpuReading { energy: Some(Joules(7_206.0)), gpm: Some(gpm), ..want });
}

#[test]
fn what_is_here_is_described() {
    let fake = Fake::new("gpus=2\n1.mig=1\n1.gpm=0");
    let telemetry = fake.open();
    let info = telemetry.info();
    assert_eq!(info.sources, ["NVML 13.580.65.06", "process CPU time"]);
    assert_eq!(info.missing, ["RAPL: no readable energy counter"]);
    assert_eq!((info.driver.as_deref(), info.cuda.as_deref()), (Some("580.65.06"), Some("13.0")));
    assert_eq!(info.gpus.len(), 2);
    let (whole, cut) = (&info.gpus[0], &info.gpus[1]);
    assert_eq!(whole.name, "NVIDIA H100 80GB HBM3");
    assert_eq!(whole.memory, Some(Bytes(85_899_345_920)));
    assert_eq!((whole.mig, whole.gpm, whole.lacks.len()), (Some(false), true, 0));
    assert_eq!((cut.mig, cut.gpm), (Some(true), false));
    assert_eq!(cut.lacks, ["GPM"]);
    assert_ne!(whole.uuid, cut.uuid);
}

#[test]
fn without_the_library_the_cpu_is_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let sources = Sources {
        nvml: folder.path().join("absent.so").into(),
        root: folder.path().to_owned(),
        ..Sources::default()
    };
    let telemetry = Telemetry::open(&sources, PERIOD);
    assert!(telemetry.info().missing[0].starts_with("NVML: "), "{:?}", telemetry.info());
    assert_eq!(telemetry.info().gpus, []);
    let (readings, gaps) = collect(telemetry, 30);
    assert_eq!(gaps, []);
    for (count, reading) in (0..).zip(&readings) {
        assert_eq!(reading.at, periods(count));
        assert_eq!(reading.gpus, []);
        assert!(reading.cpu_time.is_some());
    }
}

#[test]
fn a_library_that_does_not_start_is_no_nvml() {
    let fake = Fake::new("nvmlInit_v2=9");
    let telemetry = fake.open();
    assert_eq!(telemetry.info().missing[0], "NVML: NVIDIA driver is not loaded");
}

#[test]
fn a_function_that_is_absent_makes_its_value_missing() {
    let fake =
        Fake::new("").without("nvmlDeviceGetTotalEnergyConsumption").without("nvmlGpmSampleGet");
    assert_eq!(fake.open().info().gpus[0].lacks, ["energy", "GPM"]);
    let reading = &fake.first_gpu(2)[1];
    assert_eq!((reading.energy, reading.gpm), (None, None));
    assert_eq!(reading.power, Some(Watts(412.0)));
}

#[test]
fn what_a_device_refuses_from_the_start_is_lacking_and_not_a_loss() {
    // 3: not supported; 999: unknown, as some virtual GPUs answer.
    let fake = Fake::new("nvmlDeviceGetPowerUsage=3\nnvmlDeviceGetTemperature=999");
    assert_eq!(fake.open().info().gpus[0].lacks, ["power", "temperature"]);
    let reading = &fake.first_gpu(2)[1];
    assert_eq!((reading.power, reading.temperature_c), (None, None));
    assert_eq!(reading.busy, Some(Ratio::percent(97.0)));
}

#[test]
fn a_value_that_fails_once_is_missing_once() {
    // 7: the list of processes grew between the two calls that read it.
    let fake = Fake::new("process=60\n4..5 nvmlDeviceGetProcessUtilization=7");
    let shares: Vec<_> = fake.first_gpu(4).iter().map(|reading| reading.process_busy).collect();
    let share = Some(Ratio::percent(60.0));
    assert_eq!(shares, [share, None, share, share]);
}

#[test]
fn a_process_that_is_not_listed_has_no_share() {
    assert_eq!(Fake::new("").first_gpu(2)[1].process_busy, None);
}

#[test]
fn each_hardware_counter_has_its_own_result() {
    // 3 is the occupancy, 10 the memory.
    let gpm = Fake::new("gpm_lacks=3\ngpm_nan=10").first_gpu(2)[1].gpm.unwrap();
    assert_eq!((gpm.sm, gpm.tensor), (Some(Ratio::percent(20.0)), Some(Ratio::percent(50.0))));
    assert_eq!((gpm.occupancy, gpm.dram), (None, None));
}

/// A run of 10 s in which GPU 0 is lost at 2.7 s and back after a while: reading n is tick n + 3
/// until then. `coverage` is worked out by hand beside each call.
#[track_caller]
fn check_loss(loss: &str, said: &str, coverage: f64) {
    let fake = Fake::new(&format!("busy=97\n30..34 {loss}"));
    let telemetry = fake.open();
    let info = telemetry.info().clone();
    let (readings, gaps) = collect(telemetry, 110);
    assert_eq!(gaps, [Gap::of_gpu(periods(27), 0, said.to_owned())]);
    assert!(readings.iter().all(|reading| reading.cpu_time.is_some()), "the CPU is not lost");
    for gpu in readings.iter().flat_map(|reading| &reading.gpus) {
        assert_eq!(gpu.busy, Some(Ratio::percent(97.0)));
        assert!(gpu.energy.unwrap() > Joules(7_000.0) && gpu.sm_clock_mhz == Some(1_980));
    }
    let window = Span { from: Moment(0), to: periods(100) };
    let gpu = TelemetrySummary::of(&readings, &gaps, &info, 2, window).gpus.remove(0);
    assert_eq!(gpu.losses, 1);
    assert!((gpu.coverage.get() - coverage).abs() < 1e-9, "{}", gpu.coverage);
    assert!((gpu.busy.unwrap().get() - 0.97).abs() < 1e-9);
    assert_eq!(gpu.sm_clock.unwrap().min_mhz, 1_980);
}

#[test]
fn a_lost_gpu_leaves_partial_telemetry() {
    // The library starts, the GPU is silent: tried at 3.7 and 3.8 s (ticks 31, 32), and found at 4.8
    // and 4.9 s (33, 34). Read are 0 to 2.6 and 4.8 to 10 s.
    let said = "device fell off the bus or has otherwise become inacessible";
    check_loss("lost=15", said, 0.78);
}

#[test]
fn a_driver_that_goes_away_leaves_partial_telemetry() {
    // The library doesn't start at 3.7, 4.7 and 5.7 s (ticks 31 to 33) and does at 6.7 s. Read are 0
    // to 2.6 and 6.7 to 10 s.
    check_loss("every=1", "NVML was not first initialized with `Nvml::init()`", 0.59);
}

#[test]
fn an_unknown_error_leaves_partial_telemetry() {
    check_loss("every=999", "an internal driver error occurred", 0.59);
}

#[test]
fn a_gpu_that_stays_lost_is_told_once_and_tried_each_second() {
    let fake = Fake::new("10.. every=15");
    let (readings, gaps) = fake.sample(100);
    assert_eq!(gaps.len(), 1);
    // Ticks 3 to 9 are readings 0 to 6.
    assert!(readings.iter().take(7).all(|reading| reading.gpus.len() == 1));
    assert!(readings.iter().skip(7).all(|reading| reading.gpus.is_empty()));
}

#[test]
fn a_gpu_that_is_lost_takes_no_other_with_it() {
    // GPU 1 is lost from tick 10 to 30: its indices' neighbour goes on at every period.
    let fake = Fake::new("gpus=2\n10..30 1.lost=15");
    let (readings, gaps) = fake.sample(60);
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].is_of_gpu(1) && !gaps[0].is_of_gpu(0));
    assert!(readings.iter().all(|reading| reading.gpus[0].index == 0));
    let read: Vec<bool> = readings.iter().map(|reading| reading.gpus.len() == 2).collect();
    // Lost at reading 7, tried at 17 in vain, found at 27.
    let want: Vec<bool> = (0..60).map(|count| !(7..27).contains(&count)).collect();
    assert_eq!(read, want);
}

#[test]
fn energy_is_the_counters_and_throttling_has_its_share() {
    // 41.2 J in each 0.1 s, whatever the power samples say; heat in a quarter of 4 s.
    let fake = Fake::new("milliwatts=9000\n13..23 throttle=0x48\n23.. throttle=0x1");
    let telemetry = fake.open();
    let info = telemetry.info().clone();
    let (readings, gaps) = collect(telemetry, 41);
    let window = Span { from: Moment(0), to: periods(40) };
    let gpu = TelemetrySummary::of(&readings, &gaps, &info, 2, window).gpus.remove(0);
    let energy = gpu.energy.unwrap();
    assert_eq!(energy.source, EnergySource::Counter);
    assert!((energy.counted.amount.0 - 40.0 * 41.2).abs() < 1e-6, "{energy:?}");
    assert!((gpu.power.unwrap().0 - 412.0).abs() < 1e-6);
    let shares = gpu.throttle.unwrap();
    let share = |reason| {
        let held = shares.iter().find(|held| held.reason == reason);
        held.map_or(0.0, |held| held.share.get())
    };
    assert!((share(Throttle::HwThermalSlowdown) - 0.25).abs() < 1e-9, "{shares:?}");
    // Readings 20 to 40 of 40: an idle GPU's low clocks are no throttling.
    assert!((share(Throttle::GpuIdle) - 0.525).abs() < 1e-9, "{shares:?}");
    assert!((gpu.throttled.unwrap().get() - 0.25).abs() < 1e-9);
    assert!((gpu.coverage.get() - 1.0).abs() < 1e-9);
}

#[test]
fn a_sampler_stops_when_told_and_reads_a_last_time() {
    let fake = Fake::new("");
    let (sink, events) = std::sync::mpsc::channel();
    let clock = Arc::new(RunClock::start());
    let sampler = fake.open().sample(clock.clone(), move |event| drop(sink.send(event))).unwrap();
    let Event::Reading(first) = events.recv().unwrap() else { panic!("no reading") };
    let told = clock.now();
    sampler.stop();
    let last = events.iter().filter_map(|event| match event {
        Event::Reading(reading) => Some(reading.at),
        _ => None,
    });
    let last = last.last().expect("a reading after the first");
    assert!(first.at < told && told <= last, "{first:?} {told:?} {last:?}");
}

fn cuda(no_device: bool) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("cuda.so");
    fs_err::copy(common::library("fake_cuda"), &library).unwrap();
    if no_device {
        fs_err::write(folder.path().join("no-device"), "").unwrap();
    }
    (folder, library)
}

#[test]
fn a_cuda_driver_is_found() {
    let (_folder, library) = cuda(false);
    assert_eq!(cuda_driver_in(library.as_os_str()).unwrap().to_string(), "13.0");
}

#[test]
fn no_driver_where_there_is_no_device_no_library_or_another_one() {
    let (_folder, library) = cuda(true);
    assert_eq!(cuda_driver_in(library.as_os_str()), None);
    assert_eq!(cuda_driver_in(Path::new("/nowhere/libcuda.so.1").as_os_str()), None);
    let nvml = Fake::new("");
    assert_eq!(cuda_driver_in(nvml.library().as_os_str()), None);
}
