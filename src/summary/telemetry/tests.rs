//! Windows worked by hand. A period is 1 s here, a moment is in seconds.

use super::*;
use crate::record::reading::GpuInfo;
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Moment {
    Moment(seconds * SECOND)
}

fn window(from: u64, to: u64) -> Span {
    Span { from: at(from), to: at(to) }
}

fn info() -> TelemetryInfo {
    let gpu = GpuInfo { name: "H100".to_owned(), mig: Some(false), ..GpuInfo::default() };
    TelemetryInfo { period: Seconds(1.0), gpus: vec![gpu], ..TelemetryInfo::default() }
}

/// A reading of GPU 0.
fn gpu(seconds: u64, reading: GpuReading) -> Reading {
    Reading { at: at(seconds), gpus: vec![reading], ..Reading::default() }
}

fn busy(seconds: u64, percent: f64) -> Reading {
    gpu(seconds, GpuReading { busy: Some(Ratio::percent(percent)), ..GpuReading::default() })
}

fn lost(seconds: u64) -> Gap {
    Gap::of_gpu(at(seconds), 0, "device fell off the bus".to_owned())
}

fn summary(readings: &[Reading], gaps: &[Gap], window: Span) -> TelemetrySummary {
    TelemetrySummary::of(readings, gaps, &info(), 2, window)
}

fn first(readings: &[Reading], gaps: &[Gap], window: Span) -> GpuSummary {
    summary(readings, gaps, window).gpus.remove(0)
}

#[track_caller]
fn near(got: Option<impl Quantity>, want: f64) {
    let got = got.map_or(f64::NAN, Quantity::get);
    assert!((got - want).abs() < 1e-9, "{got} ≠ {want}");
}

#[test]
fn a_mean_is_weighted_by_time() {
    // 100 % for 1 s, 40 % for the 2 s up to the third reading: (1 × 100 + 2 × 40) / 3 = 60 %.
    let readings = [busy(0, 0.0), busy(1, 100.0), busy(3, 40.0)];
    let got = first(&readings, &[], window(0, 3));
    near(got.busy, 0.6);
    near(Some(got.coverage), 1.0);
}

#[test]
fn only_what_lies_in_the_window_counts() {
    // Of the reading at 4 s, only the second from 2 to 3 s… which is spoken for by the one at 3 s.
    let readings = [busy(1, 10.0), busy(2, 20.0), busy(3, 30.0), busy(4, 90.0)];
    near(first(&readings, &[], window(2, 3)).busy, 0.3);
    // From 2 to 4 s: (30 + 90) / 2.
    near(first(&readings, &[], window(2, 4)).busy, 0.6);
}

#[test]
fn a_loss_lowers_the_coverage_and_not_the_mean() {
    // Read until 2 s, lost from 3 s, read again at 8 s and on: 0–2, 7–8, 8–10 are spoken for, 5 s of 10.
    let readings = [busy(1, 80.0), busy(2, 80.0), busy(8, 80.0), busy(9, 80.0), busy(10, 80.0)];
    let got = first(&readings, &[lost(3)], window(0, 10));
    near(got.busy, 0.8);
    near(Some(got.coverage), 0.5);
    assert_eq!(got.losses, 1);
}

#[test]
fn a_short_loss_between_two_readings_is_not_bridged() {
    // Without the gap the reading at 3 s would speak for 1–3 s.
    let readings = [busy(1, 80.0), busy(3, 80.0)];
    near(Some(first(&readings, &[], window(1, 3)).coverage), 1.0);
    near(Some(first(&readings, &[lost(2)], window(1, 3)).coverage), 0.5);
}

/// Every 4 s where the rest is read every second: each speaks for the 4 s before it.
#[test]
fn a_gpu_that_is_read_less_often_is_covered_all_the_same() {
    let mut info = info();
    info.gpus[0].period = Some(Seconds(4.0));
    let readings = [busy(4, 20.0), busy(8, 60.0)];
    let of = |info: &TelemetryInfo| {
        TelemetrySummary::of(&readings, &[], info, 2, window(0, 8)).gpus.remove(0)
    };
    let got = of(&info);
    near(Some(got.coverage), 1.0);
    near(got.busy, 0.4);
    info.gpus[0].period = None;
    assert!(of(&info).coverage < Ratio::ONE);
}

#[test]
fn a_silence_is_no_reading() {
    // Nobody said that it was lost, but a reading speaks for 3 periods at most: 7–10 s, and 0–1 s.
    let got = first(&[busy(1, 50.0), busy(10, 50.0)], &[], window(0, 10));
    near(Some(got.coverage), 0.4);
    assert_eq!(got.losses, 0);
}

#[test]
fn nothing_read_is_nothing_known() {
    let got = summary(&[], &[lost(0)], window(0, 10));
    assert_eq!(got.cpu, CpuSummary { busy: None, time: None, energy: None });
    let gpu = &got.gpus[0];
    assert_eq!(gpu.coverage, Ratio::of(0.0));
    assert_eq!((gpu.busy, gpu.power, gpu.memory_max), (None, None, None));
    assert_eq!((gpu.throttle.clone(), gpu.throttled, gpu.energy), (None, None, None));
    assert_eq!((gpu.sm_clock, gpu.temperature_max_c, gpu.gpm), (None, None, Gpm::default()));
}

#[test]
fn a_window_of_no_length_has_no_coverage() {
    let got = first(&[busy(1, 50.0), busy(2, 50.0)], &[], window(1, 1));
    assert_eq!((got.busy, got.coverage), (None, Ratio::of(0.0)));
}

fn energy(seconds: u64, joules: Option<f64>, watts: f64) -> Reading {
    let (energy, power) = (joules.map(Joules), Some(Watts(watts)));
    gpu(seconds, GpuReading { power, energy, ..GpuReading::default() })
}

#[test]
fn energy_is_the_counters_difference() {
    // Power samples that say something else, as they do on an H100, are not asked.
    let readings = [energy(0, Some(500.0), 1.0), energy(2, Some(1_300.0), 1.0)];
    let got = first(&readings, &[], window(0, 2));
    let used = got.energy.unwrap();
    assert_eq!(used.source, EnergySource::Counter);
    near(Some(used.counted.amount), 800.0);
    near(Some(used.counted.over), 2.0);
    near(got.power, 400.0);
}

#[test]
fn a_counter_is_cut_at_the_windows_edges() {
    // 800 J in the 2 s up to 2 s, 200 J in the 2 s up to 4 s; half of each lies in 1–3 s.
    let readings =
        [energy(0, Some(0.0), 1.0), energy(2, Some(800.0), 1.0), energy(4, Some(1_000.0), 1.0)];
    near(first(&readings, &[], window(1, 3)).energy.map(|used| used.counted.amount), 500.0);
}

#[test]
fn a_counter_bridges_a_loss_within_the_window() {
    // The counter goes on while nobody reads it.
    let readings = [energy(0, Some(0.0), 1.0), energy(10, Some(4_000.0), 1.0)];
    let got = first(&readings, &[lost(1)], window(0, 10));
    near(got.energy.map(|used| used.counted.amount), 4_000.0);
    near(got.power, 400.0);
    // Across the window's edge nobody knows how much was before it.
    assert_eq!(
        first(&readings, &[lost(1)], window(5, 10)).energy.unwrap().source,
        EnergySource::PowerSamples
    );
}

#[test]
fn a_counter_that_was_reset_is_not_counted_there() {
    // A reload of the driver: 300 J in 1 s, reset, 500 J in 1 s.
    let readings = [
        energy(0, Some(9_000.0), 1.0),
        energy(1, Some(9_300.0), 1.0),
        energy(2, Some(10.0), 1.0),
        energy(3, Some(510.0), 1.0),
    ];
    let used = first(&readings, &[], window(0, 3)).energy.unwrap().counted;
    near(Some(used.amount), 800.0);
    near(Some(used.over), 2.0);
}

#[test]
fn without_a_counter_power_is_summed_and_said_to_be() {
    let readings = [energy(0, None, 0.0), energy(1, None, 100.0), energy(3, None, 400.0)];
    let used = first(&readings, &[], window(0, 3)).energy.unwrap();
    near(Some(used.counted.amount), 900.0);
    assert_eq!(used.source.to_string(), "from power samples");
}

#[test]
fn throttling_has_its_share_of_time() {
    let reading = |seconds, reasons: Option<&[Throttle]>| {
        gpu(seconds, GpuReading { throttle: reasons.map(<[_]>::to_vec), ..GpuReading::default() })
    };
    // 1 s idle, 1 s power cap, 2 s power cap and heat, 1 s unknown.
    let readings = [
        reading(1, Some(&[Throttle::GpuIdle])),
        reading(2, Some(&[Throttle::SwPowerCap])),
        reading(4, Some(&[Throttle::SwPowerCap, Throttle::HwThermalSlowdown])),
        reading(5, None),
    ];
    let got = first(&readings, &[], window(0, 5));
    let shares = got.throttle.unwrap();
    let share = |reason| shares.iter().find(|held| held.reason == reason).map(|held| held.share);
    near(share(Throttle::GpuIdle), 0.25);
    near(share(Throttle::SwPowerCap), 0.75);
    near(share(Throttle::HwThermalSlowdown), 0.5);
    assert_eq!(shares.len(), 3);
    near(got.throttled, 0.75);
}

#[test]
fn free_clocks_are_known_to_be_free() {
    let free = GpuReading { throttle: Some(Vec::new()), ..GpuReading::default() };
    let got = first(&[gpu(1, free)], &[], window(0, 1));
    assert_eq!((got.throttle, got.throttled), (Some(Vec::new()), Some(Ratio::of(0.0))));
}

#[test]
fn clocks_memory_and_heat() {
    let reading = |seconds, mhz, bytes, celsius| {
        gpu(
            seconds,
            GpuReading {
                sm_clock_mhz: Some(mhz),
                memory_used: Some(Bytes(bytes)),
                temperature_c: Some(celsius),
                ..GpuReading::default()
            },
        )
    };
    // 3 s at 1,980 MHz against 1 s at 1,200 and 1 s at 1,500.
    let readings = [reading(1, 1_200, 5, 40), reading(2, 1_500, 9, 60), reading(5, 1_980, 7, 50)];
    let got = first(&readings, &[], window(0, 5));
    assert_eq!(got.sm_clock, Some(ClockSummary { median_mhz: 1_980, min_mhz: 1_200 }));
    assert_eq!(
        (got.memory_clock, got.memory_max, got.temperature_max_c),
        (None, Some(Bytes(9)), Some(60))
    );
}

#[test]
fn hardware_counters_each_for_itself() {
    let reading = |seconds, sm, tensor: Option<f64>| {
        let gpm = Gpm { sm: Some(Ratio::of(sm)), tensor: tensor.map(Ratio::of), ..Gpm::default() };
        gpu(seconds, GpuReading { gpm: Some(gpm), ..GpuReading::default() })
    };
    let got = first(&[reading(1, 0.5, None), reading(2, 0.7, Some(0.25))], &[], window(0, 2));
    near(got.gpm.sm, 0.6);
    near(got.gpm.tensor, 0.25);
    assert_eq!((got.gpm.occupancy, got.gpm.dram), (None, None));
}

#[test]
fn the_cpus_share_is_of_all_its_cores() {
    let reading = |seconds, cpu, joules| Reading {
        at: at(seconds),
        cpu_time: Some(Seconds(cpu)),
        cpu_energy: Some(Joules(joules)),
        ..Reading::default()
    };
    // 3 s of CPU time in 2 s on 2 cores.
    let readings = [reading(1, 7.0, 0.0), reading(3, 10.0, 120.0)];
    let got = summary(&readings, &[], window(1, 3)).cpu;
    near(got.busy, 0.75);
    near(got.time.map(|time| time.amount), 3.0);
    near(got.energy.map(|energy| energy.amount), 120.0);
}

#[test]
fn each_gpu_has_its_own() {
    let mut info = info();
    info.gpus.push(GpuInfo { index: 1, ..GpuInfo::default() });
    let both = |seconds, other: Option<f64>| {
        let mut reading = busy(seconds, 90.0);
        reading.gpus.extend(other.map(|percent| GpuReading {
            index: 1,
            busy: Some(Ratio::percent(percent)),
            ..GpuReading::default()
        }));
        reading
    };
    let readings = [both(1, Some(10.0)), both(2, None), both(3, None), both(4, None)];
    let gaps = [Gap::of_gpu(at(2), 1, "lost".to_owned())];
    let got = TelemetrySummary::of(&readings, &gaps, &info, 2, window(0, 4)).gpus;
    near(got[0].busy, 0.9);
    near(Some(got[0].coverage), 1.0);
    near(got[1].busy, 0.1);
    near(Some(got[1].coverage), 0.25);
    assert_eq!((got[0].losses, got[1].losses), (0, 1));
}

proptest! {
    /// Whatever was read when: a share is one, a mean lies within the values, energy is not negative
    /// and is counted for no more time than there was.
    #[test]
    fn summaries_stay_within_what_was_read(
        steps in prop::collection::vec((1_u64..5_000_000_000, 0.0_f64..=1.0, 0.0_f64..1e6, any::<bool>()), 0..40),
        gaps in prop::collection::vec(0_u64..100_000_000_000, 0..4),
        from in 0_u64..50_000_000_000, length in 1_u64..100_000_000_000,
    ) {
        let window = Span { from: Moment(from), to: Moment(from + length) };
        let mut now = 0;
        let readings: Vec<Reading> = steps.iter().map(|(step, share, joules, told)| {
            now += step;
            let own = GpuReading {
                busy: told.then(|| Ratio::of(*share)),
                energy: told.then_some(Joules(*joules)),
                ..GpuReading::default()
            };
            Reading { at: Moment(now), gpus: vec![own], ..Reading::default() }
        }).collect();
        let mut gaps: Vec<Gap> =
            gaps.iter().map(|at| Gap::of_gpu(Moment(*at), 0, String::new())).collect();
        gaps.sort_by_key(|gap| gap.at);
        let got = first(&readings, &gaps, window);
        prop_assert!(got.coverage.get() >= 0.0 && got.coverage.get() <= 1.0 + 1e-9);
        if let Some(busy) = got.busy {
            let shares = || readings.iter().filter_map(|reading| reading.gpus[0].busy).map(Ratio::get);
            let (low, high) = (shares().fold(1.0, f64::min), shares().fold(0.0, f64::max));
            prop_assert!(low - 1e-9 <= busy.get() && busy.get() <= high + 1e-9);
        }
        if let Some(energy) = got.energy {
            prop_assert!(energy.counted.amount.0 >= 0.0);
            prop_assert!(energy.counted.over.0 <= window.length().0 * (1.0 + 1e-9));
        }
    }
}
