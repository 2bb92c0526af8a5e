//! Ladders worked by hand: rounds in lockstep, whose rates and latencies are plain fractions.

use super::*;
use crate::cost::{Assumptions, Books, StepTime};
use crate::record::builder::{RunBuilder, request};
use crate::record::{Finish, Level, Outcome, Peaks, Run};
use crate::units::{BytesPerSecond, FlopsPerSecond, UsdPerHour};

/// 3.60 USD/h are 0.001 USD/s.
fn judge(run: &Run, slo: Option<&str>) -> Judgement {
    let books = Books {
        gpus: crate::hardware::Catalogue::embedded().unwrap(),
        rentals: crate::hardware::Rentals::embedded().unwrap(),
        prices: crate::prices::Book::embedded().unwrap(),
    };
    let slo = slo.map(|slo| slo.parse().unwrap());
    let today = jiff::civil::date(2026, 11, 22);
    let price = Some(MachinePrice::given(UsdPerHour(3.6)));
    let assumptions = Assumptions { price, slo, ..Assumptions::on(today) };
    Judgement::of(run, &books, &assumptions)
}

/// 12 rounds of so many requests, each of 10 prompt tokens and 10 more; the first comes after half of
/// the round.
fn rung(in_flight: u32, round_ms: f64) -> RunBuilder {
    let start = RunBuilder::measured(0.0, 12.0 * round_ms).in_flight(in_flight);
    (0..12 * in_flight).fold(start, |run, n| {
        let due = f64::from(n / in_flight) * round_ms;
        let first = request(due).token(round_ms / 2.0);
        run.request(first.tokens(9, round_ms / 18.0).done(Finish::Length))
    })
}

/// 200, 333, 500, 551.7 and 551.7 tok/s.
const ROUNDS: [(u32, f64); 5] = [(1, 100.0), (2, 120.0), (4, 160.0), (8, 290.0), (16, 580.0)];

fn ladder(rungs: &[(u32, f64)], slo: Option<&str>) -> Ladder {
    // The order of the records is not that of the rungs.
    let judged = rungs.iter().rev().map(|(n, ms)| judge(&rung(*n, *ms).build(), slo)).collect();
    Ladder::of(slo.map(|slo| slo.parse().unwrap()), judged)
}

fn point(ladder: &Ladder) -> Option<Level> {
    ladder.point.as_ref().map(|judgement| judgement.run.workload.level())
}

/// One at a time, twice: 20 tokens in 100 and in 110 ms are 200 and 181.8 tok/s.
#[test]
fn runs_of_one_load_are_put_together() {
    let ladder = ladder(&[(1, 100.0), (2, 120.0), (1, 110.0)], None);
    let [repeats] = ladder.repeats.as_slice() else { panic!("{:?}", ladder.repeats) };
    assert_eq!((repeats.level, repeats.figures.runs), (Level::InFlight(1), 2));
    let rate = repeats.figures.total_rate.unwrap();
    assert!((rate.mean.value.0 - f64::midpoint(200.0, 20.0 / 0.11)).abs() < 1e-6, "{rate:?}");
    assert_eq!(self::ladder(&ROUNDS, None).repeats, []);
}

#[test]
fn rungs_are_priced_and_in_order() {
    let ladder = ladder(&ROUNDS, None);
    let in_flight: Vec<_> = ladder.rungs.iter().map(|rung| rung.level).collect();
    assert_eq!(in_flight, [1, 2, 4, 8, 16].map(Level::InFlight));
    for (rung, (n, ms)) in ladder.rungs.iter().zip(ROUNDS) {
        let (n, seconds) = (f64::from(n), ms / 1e3);
        let price = rung.cost.unwrap().blended.unwrap().value;
        // 0.001 USD/s over n × 20 tokens a round.
        assert!((price.0 - 1e3 * seconds / (20.0 * n)).abs() < 1e-6, "{price}");
        let ttft = rung.ttft_p50.unwrap().value;
        assert!((ttft.0 - seconds / 2.0).abs() < 1e-6, "{ttft}");
    }
}

/// 90 % of 551.7 are 496.6 tok/s, which four in flight reach and two don't. Eight and sixteen have
/// one rate, so sixteen buy nothing but waiting.
#[test]
fn the_knee_and_the_cheapest() {
    let whole = ladder(&ROUNDS, None);
    assert_eq!(whole.knee, Some(Knee { level: Level::InFlight(4), still_rising: false }));
    assert_eq!(
        (whole.cheapest, whole.cheapest_within_slo, point(&whole)),
        (Some(Level::InFlight(8)), None, Some(Level::InFlight(8)))
    );

    let rising = ladder(&ROUNDS[..3], None);
    assert_eq!(rising.knee, Some(Knee { level: Level::InFlight(4), still_rising: true }));
    assert_eq!(ladder(&ROUNDS[..1], None).knee, None);
    assert_eq!(ladder(&[], None).point, None);
}

#[track_caller]
fn check_slo(slo: &str, want: Option<u32>) {
    let (ladder, want) = (ladder(&ROUNDS, Some(slo)), want.map(Level::InFlight));
    assert_eq!((ladder.cheapest_within_slo, point(&ladder)), (want, want), "{slo}");
    assert_eq!(ladder.cheapest, Some(Level::InFlight(8)));
}

/// A request takes a round, its first token half of one. One in flight has 12 requests, too few for a
/// 95th percentile; two have 24.
#[test]
fn the_cheapest_that_keeps_to_the_objectives() {
    check_slo("e2e=1s", Some(8));
    check_slo("e2e=200ms", Some(4));
    check_slo("ttft=70ms", Some(2));
    check_slo("ttft.p95=55ms", None);
    check_slo("ttft=10ms", None);
}

#[test]
fn a_rung_that_was_cut_off_or_is_too_good_is_not_chosen() {
    let killed = judge(&rung(8, 290.0).outcome(None).build(), None);
    let stopped = judge(&rung(4, 160.0).outcome(Some(Outcome::Interrupted)).build(), None);
    let slow = Peaks {
        bandwidth: BytesPerSecond(1.0),
        arithmetic: FlopsPerSecond(1.0),
        source: "a machine that could not have done this".to_owned(),
    };
    let broken = rung(16, 580.0).head(|head| head.peaks = Some(slow)).build();
    let judged = vec![killed, stopped, judge(&broken, None), judge(&rung(1, 100.0).build(), None)];
    let ladder = Ladder::of(None, judged);
    assert!(ladder.rungs[3].broken && !ladder.rungs[2].complete);
    assert_eq!((ladder.cheapest, ladder.knee), (Some(Level::InFlight(1)), None));
}

#[track_caller]
fn check_tie(a: (f64, Option<f64>), b: (f64, Option<f64>), want: bool) {
    let of = |(rate, half): (f64, Option<f64>)| match half {
        Some(half) => Estimate::within(TokensPerSecond(rate), TokensPerSecond(half)),
        None => Estimate::bare(TokensPerSecond(rate)),
    };
    assert_eq!(is_tie(of(a), of(b)), want, "{a:?} {b:?}");
    assert_eq!(is_tie(of(b), of(a)), want, "{b:?} {a:?}");
}

/// √(10² + 8²) = 12.806.
#[test]
fn a_tie_is_a_difference_that_may_be_none() {
    check_tie((500.0, Some(10.0)), (512.8, Some(8.0)), true);
    check_tie((500.0, Some(10.0)), (512.9, Some(8.0)), false);
    check_tie((500.0, None), (500.1, Some(80.0)), false);
    check_tie((500.0, None), (500.0, None), true);
}

/// 98 MB at 10 GB/s are 9.8 ms; 1,000 positions of 23,040 B are 2.304 ms more.
#[test]
fn steps_beside_the_roofline() {
    let peaks = |bandwidth| Peaks {
        bandwidth: BytesPerSecond(bandwidth),
        arithmetic: FlopsPerSecond(1e18),
        source: "by hand".to_owned(),
    };
    let stepped = || {
        rung(1, 100.0)
            .step((0.0, 49.0), 100, 0, 5_050)
            .step((50.0, 70.0), 0, 2, 1_000)
            .step((100.0, 124.208), 0, 2, 1_000)
            .step((200.0, 230.0), 0, 2, 1_000)
            .step((300.0, 390.0), 5, 2, 1_015)
            .step((1_190.0, 1_290.0), 0, 2, 1_000)
    };
    let run = stepped().head(|head| head.peaks = Some(peaks(1e10))).build();
    let Roofline { decode, prefill } = judge(&run, None).roofline;
    let check = |got: Option<StepTime>, steps, measured: f64, bound: f64| {
        let got = got.unwrap();
        assert_eq!(got.steps, steps);
        assert!((got.measured.0 - measured).abs() < 1e-9, "{got:?}");
        assert!((got.bound.unwrap().0 - bound).abs() < 1e-9, "{got:?}");
        assert!((got.over_bound.unwrap().get() - measured / bound).abs() < 1e-6, "{got:?}");
    };
    check(decode, 3, 24.208e-3, 12.104e-3);
    check(prefill, 1, 49e-5, 98e-6);

    let unknown = judge(&stepped().build(), None).roofline.decode.unwrap();
    assert_eq!((unknown.bound, unknown.over_bound), (None, None));
    assert_eq!(judge(&rung(1, 100.0).build(), None).roofline, Roofline::default());
}
