//! Runs worked by hand; simulated runs whose truth is known; what must hold of any run.

use super::*;
use crate::record::builder::{RequestBuilder, RunBuilder, ms, request};
use crate::record::{Failure, FailureKind, Outcome, Phase};
use crate::units::Quantity;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[track_caller]
fn check<Q: Quantity>(got: Option<Estimate<Q>>, want: Option<f64>) {
    let got = got.map(|estimate| estimate.value.get());
    let same = match (got, want) {
        (Some(got), Some(want)) => (got - want).abs() < 1e-6 * want.abs().max(1e-3),
        (got, want) => got.is_none() && want.is_none(),
    };
    assert!(same, "{got:?} ≠ {want:?}");
}

#[track_caller]
fn check_latency(got: &Latency, count: u64, mean: f64, p50: f64) {
    assert_eq!(got.count, count);
    check(got.mean, Some(mean));
    check(got.p50, Some(p50));
}

fn length(request: RequestBuilder) -> RequestBuilder {
    request.done(Finish::Length)
}

/// One in flight, measured for one second from where the warm-up's request ended.
///
/// Ends at 1.25, 1.35 and 1.6 s; the last request ends in the drain.
fn one_in_flight() -> RunBuilder {
    RunBuilder::measured(1_000.0, 2_000.0)
        .request(length(request(0.0).prompt(100).token(500.0).token(500.0)))
        .request(length(request(1_000.0).prompt(100).token(100.0).tokens(3, 50.0)))
        .request(length(request(1_250.0).prompt(50).token(50.0).tokens(1, 50.0)))
        .request(length(request(1_350.0).prompt(100).token(100.0).tokens(3, 50.0)))
        .request(length(request(1_600.0).prompt(100).token(100.0).tokens(4, 100.0)))
}

/// Steady from 1.0 to 1.6 s: 4 + 2 + 4 tokens in 0.6 s. The requests' own rates, 16, 20 and 16 tok/s,
/// have the mean 17.3; total over total is 16.7.
#[test]
fn rates_are_total_over_total() {
    let summary = summarize(&one_in_flight().build());
    assert_eq!(summary.steady, Some(Span { from: ms(1_000.0), to: ms(1_600.0) }));
    let tokens = TokenCounts { input: Tokens(250), output: Tokens(10), wasted: Tokens(0) };
    assert_eq!(summary.tokens, Some(tokens));
    assert_eq!(tokens.mix(), Some(Ratio::of(25.0)));
    check(summary.output_rate, Some(10.0 / 0.6));
    check(summary.total_rate, Some(260.0 / 0.6));
    // From outside: 250 prompt tokens in 0.1 + 0.05 + 0.1 s, 3 + 1 + 3 tokens in 0.35 s.
    check(summary.prefill_rate, Some(1_000.0));
    check(summary.decode_rate, Some(20.0));
    assert_eq!(summary.occupancy, None);
}

/// The request that ended in the drain was due in the measured time, and belongs to it: without the
/// slowest, every latency would be too low. The warm-up's was not.
#[test]
fn latencies_are_of_the_requests_due_in_the_measured_time() {
    let summary = summarize(&one_in_flight().build());
    check_latency(&summary.ttft, 4, 0.35 / 4.0, 0.1);
    check_latency(&summary.itl, 11, 0.75 / 11.0, 0.05);
    check_latency(&summary.tpot, 4, 0.25 / 4.0, 0.05);
    check_latency(&summary.e2e, 4, 1.1 / 4.0, 0.25);
    check(summary.itl.p90, Some(0.1));
    check(summary.ttft.p90, None);
    let counts = RequestCounts { due: 4, succeeded: 4, completed: 3, ..RequestCounts::default() };
    assert_eq!(summary.requests, counts);
}

#[test]
fn a_short_run_says_what_it_lacks() {
    let summary = summarize(&one_in_flight().build());
    assert_eq!(summary.output_rate.unwrap().interval, None);
    // Ten ends and one that may only open the window, at three a second; 100 at four due a second.
    let few = Doubt::FewForPercentile {
        percentile: Percentile::P99,
        samples: 4,
        needed: Some(Seconds(25.0)),
    };
    let none = Doubt::NoInterval { completions: 3, needed: Some(Seconds(11.0 / 3.0)) };
    assert_eq!(summary.doubts, [none, few]);
}

/// Steady from 1.0 to 1.6 s. Steps: 0.1 s of prefill, 0.1 s of decoding, 0.1 s of both, 0.1 s of
/// decoding, an idle time, and one that the window's end cuts in half. Only steps of one kind tell
/// that kind's rate; half of the last counts as busy: 0.45 / 0.6.
#[test]
fn steps_tell_speeds_and_idle_time() {
    let run = one_in_flight()
        .step((1_000.0, 1_100.0), 100, 0, 5_050)
        .step((1_100.0, 1_200.0), 0, 2, 300)
        .step((1_200.0, 1_300.0), 10, 1, 900)
        .step((1_300.0, 1_400.0), 0, 2, 301)
        .step((1_550.0, 1_650.0), 0, 2, 9_999)
        .build();
    let summary = summarize(&run);
    check(summary.prefill_rate, Some(1_000.0));
    check(summary.decode_rate, Some(20.0));
    let occupancy = summary.occupancy.unwrap().get();
    assert!((occupancy - 0.75).abs() < 1e-9, "{occupancy}");
    // 601 / 4.
    assert_eq!(summary.decode_context, Some(Tokens(150)));
    let decode = summary.decode_steps.unwrap();
    assert_eq!((decode.steps, decode.tokens, decode.context), (2, Tokens(4), Tokens(601)));
}

/// Alone, 100 prompt tokens take 20 ms and four sequences 10. Together they take 26: prefill has
/// (20 + 26 - 10) / 2 = 18 of it, decoding 8.
#[test]
fn where_no_step_is_of_one_kind_the_split_tells_the_speeds() {
    let before = || one_in_flight().step((0.0, 20.0), 100, 0, 5_050).step((20.0, 30.0), 0, 4, 400);
    let summary = summarize(&before().step((1_000.0, 1_026.0), 100, 4, 5_500).build());
    check(summary.prefill_rate, Some(100.0 / 0.018));
    check(summary.decode_rate, Some(4.0 / 0.008));
    assert_eq!((summary.prefill_steps, summary.decode_steps), (None, None));
    // A step of its own kind tells more than a share.
    let run = before().step((1_000.0, 1_026.0), 100, 4, 5_500).step((1_030.0, 1_050.0), 50, 0, 99);
    check(summarize(&run.build()).prefill_rate, Some(50.0 / 0.02));
}

#[test]
fn from_outside_two_in_flight_cannot_be_told_apart() {
    let summary = summarize(&one_in_flight().in_flight(2).build());
    check(summary.prefill_rate, None);
    check(summary.decode_rate, None);
}

/// Two in lockstep, nothing before them: the window opens with the measuring, and the four tokens
/// that come at once at each border belong to the round that it ends. 8 tokens in 0.4 s.
#[test]
fn rounds_in_lockstep() {
    let round = |run: RunBuilder, due: f64| {
        run.request(length(request(due).tokens(2, 100.0)))
            .request(length(request(due).tokens(2, 100.0)))
    };
    let run = round(round(RunBuilder::measured(0.0, 450.0).in_flight(2), 0.0), 200.0);
    let summary = summarize(&round(run, 400.0).build());
    assert_eq!(summary.steady, Some(Span { from: ms(0.0), to: ms(400.0) }));
    check(summary.output_rate, Some(8.0 / 0.4));
    assert!(summary.doubts.contains(&Doubt::Cold));
}

/// Where the measuring begins in the middle of a request, the window opens with its end: 3 tokens
/// from 0.3 to 0.6 s. Counted from 0.25 s, half a request's time would stand without its tokens.
#[test]
fn a_window_holds_whole_rounds() {
    let run = RunBuilder::measured(250.0, 700.0)
        .request(length(request(0.0).prompt(10).token(280.0).token(20.0)))
        .request(length(request(300.0).prompt(10).token(100.0).tokens(2, 100.0)))
        .build();
    let summary = summarize(&run);
    assert_eq!(summary.steady, Some(Span { from: ms(300.0), to: ms(600.0) }));
    check(summary.output_rate, Some(10.0));
    assert_eq!(summary.tokens.unwrap().input, Tokens(10));
}

/// An open loop's window is all that was measured, in stretches of time, one for each that ended: 10
/// tokens came from 0.25 to 0.75 s, the others before and after. Between the ends of requests, at 0.3
/// and 0.7 s, it would be 8 tokens in 0.4 s.
#[test]
fn an_open_loop_is_cut_by_the_clock() {
    let rate = crate::units::RequestsPerSecond(5.0);
    let run = RunBuilder::measured(250.0, 750.0)
        .request(length(request(0.0).tokens(6, 50.0)))
        .request(length(request(300.0).tokens(4, 50.0)))
        .request(length(request(500.0).tokens(4, 50.0)))
        .request(length(request(700.0).tokens(4, 50.0)))
        .head(|head| head.workload.arrivals = crate::record::Arrivals::Constant { rate })
        .build();
    let summary = summarize(&run);
    assert_eq!(summary.steady, Some(Span { from: ms(250.0), to: ms(750.0) }));
    assert_eq!(summary.tokens.unwrap().output, Tokens(10));
    check(summary.output_rate, Some(20.0));
}

/// Two in flight. One fails after 2 tokens, another is given up after 1: paid for, not delivered.
/// The one that is given up when the run is stopped was being served: its 3 tokens count.
#[test]
fn wasted_tokens_are_not_delivered() {
    let run = RunBuilder::measured(0.0, 1_000.0)
        .in_flight(2)
        .outcome(Some(Outcome::Interrupted))
        .request(
            request(0.0)
                .tokens(2, 100.0)
                .counted(Finish::Failed(Failure::new(FailureKind::Engine, "no memory")), 0),
        )
        .request(request(0.0).tokens(1, 100.0).done(Finish::Cancelled))
        .request(length(request(100.0).tokens(4, 100.0)))
        .request(request(200.0).tokens(3, 100.0).token(50.0).done(Finish::Cancelled))
        .build();
    let summary = summarize(&run);
    // Until 0.5 s, where the only one that ended well did: 4 + 3, with 2 + 1 lost.
    let tokens = TokenCounts { input: Tokens(20), output: Tokens(7), wasted: Tokens(3) };
    assert_eq!(summary.tokens, Some(tokens));
    check(summary.output_rate, Some(7.0 / 0.5));
    let counts = RequestCounts {
        due: 4,
        succeeded: 1,
        failed: 1,
        cancelled: 2,
        unfinished: 0,
        completed: 1,
    };
    assert_eq!(summary.requests, counts);
    let failed = Doubt::Failed { share: Ratio::of(0.25), reason: "no memory".to_owned() };
    assert!(summary.doubts.contains(&failed), "{:?}", summary.doubts);
    // Latencies are of those that ended well, streams of all that didn't fail.
    assert_eq!((summary.e2e.count, summary.ttft.count), (1, 3));
}

#[test]
fn tokens_are_the_targets_count() {
    let run = RunBuilder::measured(0.0, 500.0)
        .request(request(0.0).tokens(2, 100.0).counted(Finish::Length, 5))
        .request(request(200.0).tokens(2, 100.0).counted(Finish::Length, 5))
        .build();
    let summary = summarize(&run);
    check(summary.output_rate, Some(10.0 / 0.4));
    check_latency(&summary.tpot, 2, 0.1 / 4.0, 0.1 / 4.0);
    let doubt = Doubt::CountsDisagree { counted: Tokens(10), seen: Tokens(4) };
    assert!(summary.doubts.contains(&doubt));
}

#[test]
fn outputs_of_other_lengths_and_late_senders_are_doubted() {
    let run = RunBuilder::measured(0.0, 500.0)
        .request(request(0.0).planned(8).tokens(2, 100.0).done(Finish::Stop))
        .request(request(200.0).slip(6.0).planned(2).tokens(2, 100.0).done(Finish::Length))
        .build();
    let doubts = summarize(&run).doubts;
    let lengths = Doubt::LengthsNotAsPlanned { share: Ratio::of(0.5), mean: Tokens(2) };
    assert!(doubts.contains(&lengths), "{doubts:?}");
    let late = |doubt: &Doubt| matches!(doubt, Doubt::Slip { p99, limit, .. } if p99.0 > limit.0);
    assert!(doubts.iter().any(late), "{doubts:?}");
}

/// Killed in the middle of its fourth request: three ended.
#[test]
fn a_killed_run_is_summed_up_and_marked() {
    let mut run = one_in_flight().outcome(None).build();
    run.phases.retain(|(_, phase)| *phase != Phase::Drain);
    run.requests[4].done = None;
    run.requests[4].chunks.truncate(2);
    run.last = ms(1_800.0);
    run.torn = 9;
    let summary = summarize(&run);
    assert!(!summary.complete);
    check(summary.output_rate, Some(10.0 / 0.6));
    assert_eq!((summary.requests.unfinished, summary.ttft.count, summary.e2e.count), (1, 4, 3));
    let doubt = Doubt::Incomplete {
        outcome: None,
        lasted: Seconds(0.8),
        planned: Seconds(1.0),
        torn: crate::units::Bytes(9),
    };
    assert_eq!(summary.doubts[0], doubt);
}

/// Everything that is a figure, as an estimate.
fn figures(summary: &Summary) -> Vec<Estimate<Seconds>> {
    let latencies = [&summary.ttft, &summary.itl, &summary.tpot, &summary.e2e];
    let of = |l: &Latency| [l.mean, l.p50, l.p90, l.p95, l.p99];
    let rates =
        [summary.output_rate, summary.total_rate, summary.prefill_rate, summary.decode_rate];
    let as_seconds = |rate: Estimate<TokensPerSecond>| rate.map(|rate| Seconds(rate.0));
    let shares =
        [summary.occupancy].into_iter().flatten().map(|o| Estimate::bare(Seconds(o.get())));
    let rates = rates.into_iter().flatten().map(as_seconds);
    latencies.into_iter().flat_map(of).flatten().chain(rates).chain(shares).collect()
}

#[test]
fn without_an_end_there_is_no_figure() {
    let empty = RunBuilder::new().build();
    let warming = RunBuilder::new().phase(0.0, Phase::WarmUp).request(request(0.0)).build();
    let waiting = RunBuilder::measured(0.0, 100.0)
        .request(request(0.0))
        .step((0.0, 200.0), 10, 0, 55)
        .outcome(None)
        .build();
    for run in [empty, warming, waiting] {
        let summary = summarize(&run);
        assert_eq!(figures(&summary), [], "{summary:?}");
        assert_eq!((summary.tokens, summary.steady, summary.decode_context), (None, None, None));
        assert!(!summary.doubts.is_empty());
    }
}

#[test]
fn what_is_missing_is_null_in_json() {
    let json = serde_json::to_value(summarize(&RunBuilder::new().build())).unwrap();
    assert_eq!(json["output_rate"], serde_json::Value::Null);
    assert_eq!(json["doubts"][0]["doubt"], "nothing_measured");
}

/// Standard normal, by Box and Muller.
pub(super) fn normal(chance: &mut ChaCha8Rng) -> f64 {
    let (radius, turn) = (1.0 - chance.random::<f64>(), chance.random::<f64>());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * turn).cos()
}

/// One in flight, each request 4 tokens in a time around 0.1 s, times correlated by `rho`.
fn simulated(chance: &mut ChaCha8Rng, rho: f64, seconds: f64) -> Run {
    let mut run = RunBuilder::measured(0.0, seconds * 1e3);
    let (mut at, mut z) = (0.0, normal(chance));
    while at < seconds * 1e3 {
        let time = 100.0 * (1.0 + 0.2 * z);
        run = run.request(length(request(at).tokens(4, time / 4.0)));
        at += time;
        z = rho * z + (1.0 - rho * rho).sqrt() * normal(chance);
    }
    run.build()
}

/// In how many of 400 runs the intervals cover the truth, of each thing that a run estimates.
#[track_caller]
fn check_coverage<const N: usize>(most: f64, covers: impl Fn(&mut ChaCha8Rng) -> [bool; N]) {
    let mut covering = [0; N];
    for seed in 0..400 {
        let covered = covers(&mut ChaCha8Rng::seed_from_u64(seed));
        covering.iter_mut().zip(covered).for_each(|(sum, covered)| *sum += u32::from(covered));
    }
    for covering in covering {
        let share = f64::from(covering) / 400.0;
        assert!((0.92..=most).contains(&share), "{share} of the intervals cover the truth");
    }
}

/// The truth is 40 tok/s; a run without an interval doesn't cover it.
#[track_caller]
fn check_rate_coverage(rho: f64, seconds: f64) {
    check_coverage(0.98, |chance| {
        let rate = summarize(&simulated(chance, rho, seconds)).output_rate.unwrap();
        [rate.interval.is_some_and(|(low, high)| low.0 <= 40.0 && 40.0 <= high.0)]
    });
}

#[test]
fn intervals_of_independent_requests_cover_the_truth() {
    check_rate_coverage(0.0, 15.0);
}

/// Longer than the other: see `interval.rs` for what shorter ones cover.
#[test]
fn intervals_of_correlated_requests_cover_the_truth() {
    check_rate_coverage(0.5, 60.0);
}

/// Whether the intervals of the median and the 90th percentile cover what these are in truth. The one in
/// hundred that has none, its requests being alike by chance, says nothing that is wrong.
fn covers(samples: &percentile::Samples, median: f64, p90: f64) -> [bool; 2] {
    [(Percentile::P50, median), (Percentile::P90, p90)].map(|(percentile, truth)| {
        let interval = samples.percentile(percentile).unwrap().interval;
        interval.is_none_or(|(low, high)| low.0 <= truth && truth <= high.0)
    })
}

/// Exponential times: the p-th percentile is -ln(1 - p). Ranks are whole, so that intervals cover a
/// little more than they say.
#[test]
fn intervals_of_percentiles_cover_the_truth() {
    check_coverage(0.99, |chance| {
        let sample = |_| [Seconds(-(1.0 - chance.random::<f64>()).ln())];
        let samples = percentile::Samples::new((0..200).map(sample));
        covers(&samples, std::f64::consts::LN_2, std::f64::consts::LN_10)
    });
}

/// Gaps that are half their request's and half their own: median 10, 90th 10 + 1.281552 × √2.
#[test]
fn intervals_of_gaps_cover_the_truth() {
    check_coverage(0.985, |chance| {
        let samples = percentile::Samples::new((0..60).map(|_| {
            let own = 10.0 + normal(chance);
            (0..20).map(|_| Seconds(own + normal(chance))).collect::<Vec<_>>()
        }));
        covers(&samples, 10.0, 11.812_388)
    });
}

fn any_request() -> impl Strategy<Value = (f64, usize, f64, u8)> {
    (0.0..900.0f64, 0usize..6, 0.0..80.0f64, 0u8..5)
}

proptest! {
    #[test]
    fn no_run_gives_a_figure_that_is_none(
        requests in prop::collection::vec(any_request(), 0..30), in_flight in 0u32..4,
        from in 0.0..500.0f64, length in 0.0..800.0f64, stepped: bool,
    ) {
        let mut run = RunBuilder::measured(from, from + length).in_flight(in_flight);
        for (due, tokens, gap, end) in requests {
            let request = request(due).tokens(tokens, gap);
            run = run.request(match end {
                0 => request,
                1 => request.counted(Finish::Failed(Failure::new(FailureKind::Engine, "a reason")), 0),
                2 => request.done(Finish::Cancelled),
                3 => request.counted(Finish::Stop, 3),
                _ => request.done(Finish::Length),
            });
            if stepped {
                run = run.step((due, due + gap), u64::from(end), u32::from(end) % 2, 7);
            }
        }
        let run = run.build();
        let summary = summarize(&run);
        for Estimate { value, interval } in figures(&summary) {
            prop_assert!(value.0.is_finite() && value.0 >= 0.0, "{summary:?}");
            if let Some((low, high)) = interval {
                prop_assert!(low.0.is_finite() && high.0.is_finite(), "{summary:?}");
                prop_assert!(low <= value && value <= high, "{summary:?}");
            }
        }
        let rates = [summary.output_rate, summary.total_rate, summary.prefill_rate, summary.decode_rate];
        prop_assert!(rates.into_iter().flatten().all(|rate| rate.value.0 > 0.0));
        let RequestCounts { due, succeeded, failed, cancelled, unfinished, .. } = summary.requests;
        prop_assert_eq!(due, succeeded + failed + cancelled + unfinished);
        prop_assert_eq!(summary, summarize(&run));
    }
}
