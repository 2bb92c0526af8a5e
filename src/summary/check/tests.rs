//! A run for each doubt, and one beside it that does not raise it.

use crate::record::builder::{RunBuilder, ms, request};
use crate::record::reading::{GpuInfo, GpuReading, Reading, ServerReading, Throttle};
use crate::record::{Arrivals, Finish, Run, Server};
use crate::summary::{Doubt, Verdict, summarize};
use crate::units::{Ratio, RequestsPerSecond, Seconds, Tokens};

/// One in flight: 120 requests of 100 ms and 4 tokens, 20 of them before the measuring.
fn sound() -> RunBuilder {
    let run = RunBuilder::measured(2_000.0, 12_000.0);
    (0..120).fold(run, |run, n| {
        run.request(request(100.0 * f64::from(n)).tokens(4, 25.0).done(Finish::Length))
    })
}

/// An open loop, one request each 20 ms for 12 s, that stay so long as `stay` says in milliseconds.
fn open(stay: impl Fn(f64) -> f64) -> Run {
    let run = RunBuilder::measured(2_000.0, 12_000.0);
    let run = (0..600).fold(run, |run, n| {
        let due = 20.0 * f64::from(n);
        run.request(request(due).tokens(4, stay(due) / 4.0).done(Finish::Length))
    });
    let rate = RequestsPerSecond(50.0);
    run.head(|head| head.workload.arrivals = Arrivals::Poisson { rate }).build()
}

#[track_caller]
fn check(run: &Run, want: Option<&Doubt>, verdict: Verdict) {
    let summary = summarize(run);
    match want {
        None => assert_eq!(summary.doubts, [], "{:?}", summary.warm_up_cut),
        Some(want) => assert!(summary.doubts.contains(want), "{:?}", summary.doubts),
    }
    assert_eq!(summary.verdict, verdict, "{:?}", summary.doubts);
}

fn with(change: impl FnOnce(&mut Run)) -> Run {
    let mut run = sound().build();
    change(&mut run);
    run
}

#[test]
fn a_sound_run_raises_nothing() {
    check(&with(|_| ()), None, Verdict::Valid);
    check(&open(|_| 300.0), None, Verdict::Valid);
}

fn a_server() -> Server {
    Server {
        url: "http://localhost".to_owned(),
        endpoint: "/v1/completions".to_owned(),
        local: true,
    }
}

/// One request in 24 is late: by less than the 2 ms that a timer may be, and by more. A hundred say so;
/// beside an engine in this process, whose threads are on every core, it is no proof.
#[test]
fn a_late_generator_voids() {
    let late = |millis: f64, server: bool| {
        with(|run| {
            run.header.server = server.then(a_server);
            for request in run.requests.iter_mut().step_by(24) {
                request.sent = request.due.after(Seconds(millis / 1e3));
            }
        })
    };
    check(&late(1.9, true), None, Verdict::Valid);
    let doubt = |proven| Doubt::Slip { p99: Seconds(2.1e-3), limit: Seconds(2e-3), proven };
    check(&late(2.1, true), Some(&doubt(true)), Verdict::Void);
    check(&late(2.1, false), Some(&doubt(false)), Verdict::Doubtful);
}

/// The process used 1.8 s of each 2 s that its two cores have: its own time beside a server, the
/// engine's where there is none.
#[test]
fn a_busy_generator_voids() {
    let read = |share: f64, server: bool| {
        with(|run| {
            run.readings = (0..13)
                .map(|n| Reading {
                    at: ms(1_000.0 * f64::from(n)),
                    cpu_time: Some(Seconds(2.0 * share * f64::from(n))),
                    ..Reading::default()
                })
                .collect();
            run.header.telemetry.period = Seconds(1.0);
            run.header.server = server.then(a_server);
        })
    };
    check(&read(0.9, false), None, Verdict::Valid);
    check(&read(0.8, true), None, Verdict::Valid);
    let doubts = summarize(&read(0.9, true)).doubts;
    let busy = |doubt: &Doubt| matches!(doubt, Doubt::ClientBusy { busy } if busy.get() > 0.85);
    assert!(doubts.iter().any(busy), "{doubts:?}");
    check(&read(0.9, true), doubts.first(), Verdict::Void);
}

/// 10 prompt tokens each; one in twenty requests had two of them in the cache: 1 %. All had: 20 %.
#[test]
fn a_warm_cache_voids() {
    let cached = |each: usize, planned: f64| {
        with(|run| {
            run.header.workload.shared = Ratio::of(planned);
            for (n, request) in run.requests.iter_mut().enumerate() {
                let tokens = if n % each == 0 { 2 } else { 0 };
                request.done.as_mut().unwrap().usage.cached = Some(Tokens(tokens));
            }
        })
    };
    check(&cached(20, 0.0), None, Verdict::Valid);
    check(&cached(1, 0.2), None, Verdict::Valid);
    let doubt = Doubt::CacheWarm { hits: Ratio::of(0.2), planned: Ratio::of(0.0) };
    check(&cached(1, 0.0), Some(&doubt), Verdict::Void);
}

fn read_server(run: &mut Run, readings: &[(f64, u64, u64)]) {
    let reading = |(at, output, hit): &(f64, u64, u64)| Reading {
        at: ms(*at),
        server: Some(ServerReading {
            prefix_queried: Some(Tokens(output * 10)),
            prefix_hit: Some(Tokens(*hit)),
            output_tokens: Some(Tokens(*output)),
            ..ServerReading::default()
        }),
        ..Reading::default()
    };
    run.readings = readings.iter().map(reading).collect();
}

/// The servers' counters: 480 tokens of ours; hits of 40 in 4,000; hits of 400; 500 tokens; anew.
#[test]
fn a_servers_counters_tell_what_requests_do_not() {
    let read = |readings: &[(f64, u64, u64)]| with(|run| read_server(run, readings));
    check(&read(&[(0.0, 0, 0), (3_000.0, 80, 0), (11_000.0, 480, 40)]), None, Verdict::Valid);
    let whole = |output, hit| {
        read(&[(0.0, 0, 0), (3_000.0, 80, 0), (11_900.0, 480, hit), (12_000.0, output, hit)])
    };
    check(&whole(480, 0), None, Verdict::Valid);
    let doubt = Doubt::CacheWarm { hits: Ratio::of(0.1), planned: Ratio::of(0.0) };
    check(&whole(480, 400), Some(&doubt), Verdict::Void);
    let doubt = Doubt::NotAlone { server: Tokens(500), ours: Tokens(480) };
    check(&whole(500, 0), Some(&doubt), Verdict::Doubtful);
    let anew = read(&[(3_000.0, 80, 0), (11_000.0, 7, 0)]);
    check(&anew, Some(&Doubt::Restarted), Verdict::Void);
}

/// In the second half, each request of two never ends: by the end 25 of 26 in flight are not
/// explained by those that end.
#[test]
fn requests_that_never_end_break_littles_law() {
    let mut run = sound();
    for n in 0..25_u32 {
        run = run.request(request(6_000.0 + 200.0 * f64::from(n)));
    }
    let doubts = summarize(&run.build()).doubts;
    // In flight: 1 + 25 of them for 5.9, 5.7, … s of 10: 1 + 25 × 3.6 / 10 = 10.
    let found = doubts.iter().find_map(|doubt| match doubt {
        Doubt::LittlesLaw { in_flight, explained } => Some((*in_flight, *explained)),
        _ => None,
    });
    let (in_flight, explained) = found.unwrap();
    assert!((in_flight - 10.0).abs() < 1e-6, "{in_flight}");
    // The request that ends as the window opens belongs to what was before.
    assert!((explained - 1.0).abs() < 0.011, "{explained}");
}

/// Two are to be in flight, one is.
#[test]
fn a_load_that_was_not_kept_up() {
    let run = sound().in_flight(2).build();
    let doubt = summarize(&run).doubts.into_iter().find_map(|doubt| match doubt {
        Doubt::LoadNotKept { in_flight, planned } => Some((in_flight, planned)),
        _ => None,
    });
    let (in_flight, planned) = doubt.unwrap();
    assert!((in_flight - 1.0).abs() < 1e-6, "{in_flight}");
    assert_eq!(planned, 2);
}

/// Each request stays longer by half of the time that has passed: of fifty that come a second, a
/// third is not served.
#[test]
fn a_queue_that_grows_is_saturation() {
    let summary = summarize(&open(|due| 300.0 + due / 2.0));
    let behind = summary.doubts.iter().find_map(|doubt| match doubt {
        Doubt::Saturated { behind } => Some(behind.get()),
        _ => None,
    });
    // In flight at t: those due since (t - 0.3 s) / 1.5, so 50 (t/3 + 0.2); a third of the arrivals.
    assert!((behind.unwrap() - 1.0 / 3.0).abs() < 0.05, "{behind:?}");
    assert!(summary.doubts.iter().any(Doubt::voids_latencies));
    // All that is in flight is explained: by requests that began before or end after.
    let law = |doubt: &Doubt| matches!(doubt, Doubt::LittlesLaw { .. });
    assert!(!summary.doubts.iter().any(law), "{:?}", summary.doubts);
}

/// A burst at the beginning that is worked off is none.
#[test]
fn a_queue_that_empties_is_not_saturation() {
    let doubts = summarize(&open(|due| (3_000.0 - due / 4.0).max(300.0))).doubts;
    assert!(!doubts.iter().any(Doubt::voids_latencies), "{doubts:?}");
}

/// In 1 of 10 s the clocks were held down; in 1 of 10 s the clock was 10 % down, for no reason given.
#[test]
fn clocks_that_fall_are_doubted() {
    let read = |held: u32, fell: u32, gpu: bool| {
        with(|run| {
            run.header.host.gpu = gpu.then(|| "a GPU".to_owned());
            run.header.telemetry.period = Seconds(1.0);
            run.header.telemetry.gpus = vec![GpuInfo { index: 3, ..GpuInfo::default() }];
            run.readings = (1..=12_u32)
                .map(|n| {
                    let reasons = if (5..5 + held).contains(&n) {
                        vec![Throttle::SwPowerCap]
                    } else {
                        vec![]
                    };
                    let mhz = if (5..5 + fell).contains(&n) { 1_800 } else { 2_000 };
                    let gpu = GpuReading {
                        index: 3,
                        throttle: Some(reasons),
                        sm_clock_mhz: Some(mhz),
                        ..GpuReading::default()
                    };
                    Reading {
                        at: ms(1_000.0 * f64::from(n)),
                        gpus: vec![gpu],
                        ..Reading::default()
                    }
                })
                .collect();
        })
    };
    check(&read(0, 0, true), None, Verdict::Valid);
    check(&read(5, 5, false), None, Verdict::Valid);
    let held = Doubt::Throttled { gpu: 3, share: Ratio::of(0.1) };
    check(&read(1, 0, true), Some(&held), Verdict::Doubtful);
    let fell = Doubt::ClockFell { gpu: 3, share: Ratio::of(0.1) };
    check(&read(0, 1, true), Some(&fell), Verdict::Doubtful);
}

/// 400 tokens were due in the window; a tokenizer finds 404 (1 %), or 405.
#[test]
fn counts_that_differ_are_doubted() {
    let recounted = |more: usize| {
        with(|run| {
            for (n, request) in run.requests.iter_mut().enumerate() {
                let tokens = 4 + u64::from((20..20 + more).contains(&n));
                request.done.as_mut().unwrap().usage.recounted = Some(Tokens(tokens));
            }
        })
    };
    check(&recounted(4), None, Verdict::Valid);
    let doubt = Doubt::TokenizerDisagrees { counted: Tokens(400), recounted: Tokens(405) };
    check(&recounted(5), Some(&doubt), Verdict::Doubtful);
    let untold = with(|run| run.requests[50].done.as_mut().unwrap().usage.output = None);
    let doubt = Doubt::NotCounted { share: Ratio::of(0.01) };
    check(&untold, Some(&doubt), Verdict::Doubtful);
    let told = with(|run| {
        run.requests[50].done.as_mut().unwrap().usage.output = None;
        run.requests[50].counts = vec![1; 4];
    });
    check(&told, None, Verdict::Valid);
}

/// Chunks that hold several tokens are no doubt where the target says how many; else a remark.
#[test]
fn chunks_are_only_doubted_where_nothing_tells_their_tokens() {
    let eight = |counts: &[u32]| {
        with(|run| {
            for request in &mut run.requests {
                request.planned = Tokens(8);
                request.counts = counts.to_vec();
                request.done.as_mut().unwrap().usage.output = Some(Tokens(8));
            }
        })
    };
    check(&eight(&[2, 2, 2, 2]), None, Verdict::Valid);
    let doubt = Doubt::CountsDisagree { counted: Tokens(800), seen: Tokens(400) };
    check(&eight(&[]), Some(&doubt), Verdict::Valid);
}
