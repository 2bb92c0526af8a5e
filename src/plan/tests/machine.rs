//! One machine: by hand, and taken at once against taken step by step.

use super::super::fate::{Log, Served};
use super::super::fleet::{Course, run};
use super::super::machine::{Machine, Pace};
use super::super::tick::Tick;
use super::*;

fn served(course: &Course, traffic: &Traffic) -> Vec<Served> {
    course.served(traffic).map(|(_, served)| served).collect()
}

/// A prompt of 10 tokens takes 5 + 10 ms, a token of one sequence 10 + 1. The second request comes at
/// 20 ms, in the step from 15 to 26; its 5 tokens and the first one's third token take 20 + 5 + 1.
/// The first: 15, 26, 52. The second: begins at 26, 52, 63.
#[test]
fn two_requests_by_hand() {
    let both = profile(
        coefficients(5.0, 1.0, 0.0, 0.0),
        coefficients(10.0, 0.0, 1.0, 0.0),
        coefficients(20.0, 1.0, 1.0, 0.0),
    );
    let traffic = Traffic::new([asked(0.0, 10, 3), asked(0.020, 5, 2)]).unwrap();
    let course = run(&traffic, &both, &fleet(1), Pace::Skips).unwrap();
    let want = [[0.0, 15.0, 18.5, 52.0], [6.0, 32.0, 11.0, 43.0]];
    for (got, want) in served(&course, &traffic).iter().zip(want) {
        let got = [got.queued, got.ttft, got.tpot.unwrap(), got.e2e];
        for (got, want) in got.iter().zip(want) {
            assert!((got.0 * 1e3 - want).abs() < 1e-9, "{got:?} ≠ {want:?}");
        }
    }
    assert_eq!((course.used.steps, course.used.prompt, course.used.output), (4, 15, 5));
    near(course.used.busy.seconds().0, 0.063, 1e-12);
    // The first step is prefill's; of the mixed one its 5 ms and half of 20.
    near(course.used.prefill.seconds().0, 0.030, 1e-12);
}

/// Taken away 21 ms into the mixed step of 26 of `two_requests_by_hand`'s machine, of which 15 are
/// prefill's: what is left of both is not computed.
#[test]
fn a_machine_that_is_taken_away_leaves_a_part_of_its_step() {
    let both = profile(
        coefficients(5.0, 1.0, 0.0, 0.0),
        coefficients(10.0, 0.0, 1.0, 0.0),
        coefficients(20.0, 1.0, 1.0, 0.0),
    );
    let ms = |ms: f64| Tick::of(Seconds(ms / 1e3));
    let requests = [asked(0.0, 10, 3), asked(0.020, 5, 2)];
    let (limits, mut log) = (serving().limits(false), Log::new(2));
    let mut machine =
        Machine::new(limits, both.clock().unwrap(), Pace::Skips, Tick::default()).unwrap();
    for (number, asked) in (0..).zip(&requests) {
        machine.arrive(Tick::of(asked.at), number, asked, &mut log).unwrap();
    }
    assert_eq!(machine.lose(ms(47.0), &mut log).len(), 2);
    let used = machine.used();
    near(used.busy.seconds().0, 0.047, 1e-12);
    near(used.prefill.seconds().0, 0.015 + 0.015 * 21.0 / 26.0, 1e-9);
}

/// A context of 100 tokens and its own place takes 101 ns at first, then 102, …: ten tokens after the
/// first take 10 × 1 ms + (101 + … + 110) ns = 10.001055 ms.
#[test]
fn contexts_grow_while_steps_are_skipped() {
    let context = profile(
        coefficients(1.0, 0.0, 0.0, 0.0),
        coefficients(1.0, 0.0, 0.0, 1e-6),
        coefficients(1.0, 0.0, 0.0, 0.0),
    );
    let traffic = Traffic::new([asked(0.0, 100, 11)]).unwrap();
    let course = run(&traffic, &context, &fleet(1), Pace::Skips).unwrap();
    near(served(&course, &traffic)[0].e2e.0, 0.001 + 0.010_001_055, 1e-12);
}

/// All that can be seen of a course.
fn seen(course: &Course) -> impl PartialEq + std::fmt::Debug {
    let Course { log, used, end, .. } = course;
    let Log { refused, restarts, last, .. } = log;
    (log.moments(), refused.clone(), *restarts, *last, *used, *end)
}

/// The same course at once and step by step, to the femtosecond; how many steps it has.
#[track_caller]
fn check(requests: Vec<Asked>, serving: Serving) -> u64 {
    let traffic = Traffic::new(requests).unwrap();
    let fleet = Fleet { serving, ..fleet(1) };
    let of = |pace| run(&traffic, &like_8b(), &fleet, pace).unwrap();
    let (at_once, by_step) = (of(Pace::Skips), of(Pace::Steps));
    assert!(seen(&at_once) == seen(&by_step), "{:?} ≠ {:?}", at_once.used, by_step.used);
    at_once.used.steps
}

/// 10,000 requests each: nearly alone, in batches, and more than can be served.
#[test]
fn at_once_is_as_step_by_step() {
    for rate in [1.0, 12.0, 60.0] {
        let serving = Serving { kv: Tokens(8_192), ..serving() };
        check(poisson(1, 10_000, rate, 128.0, 64.0), serving);
    }
}

/// The same where blocks run out (and sequences lose theirs), prompts are read in chunks, and requests
/// are turned away.
#[test]
fn at_once_is_as_step_by_step_in_trouble() {
    let tight = Serving { kv: Tokens(1_600), context_max: 1_600, ..serving() };
    let traffic = Traffic::new(poisson(2, 2_000, 12.0, 128.0, 64.0)).unwrap();
    let fleet = Fleet { serving: tight, ..fleet(1) };
    let course = run(&traffic, &like_8b(), &fleet, Pace::Skips).unwrap();
    assert!(course.used.preemptions > 50, "{:?}", course.used);
    for serving in [
        tight,
        Serving { chunk_max: 32, step_tokens_max: 48, ..tight },
        Serving { waiting_max: 3, ..tight },
        Serving { block_size: 1, kv: Tokens(1_000), ..tight },
    ] {
        check(poisson(2, 10_000, 12.0, 128.0, 64.0), serving);
    }
}

/// The same where prompts share what they begin with, in a cache with and without room for it.
#[test]
fn at_once_is_as_step_by_step_with_a_prefix_cache() {
    for kv in [2_048, 16_384] {
        let mut dice = Dice(77);
        let family = |request: &Asked, dice: &mut Dice| {
            let (family, deep) = (dice.length(3.0).0, dice.length(2.0).0);
            let blocks = (0..deep.min(request.prompt.0 / 64)).map(|at| family * 1_000 + at);
            beginning(request, blocks)
        };
        let requests = poisson(3, 10_000, 10.0, 160.0, 48.0);
        let requests: Vec<_> = requests.iter().map(|one| family(one, &mut dice)).collect();
        let serving = Serving { kv: Tokens(kv), context_max: 2_048, ..serving() };
        let traffic = Traffic::new(requests.clone()).unwrap();
        let fleet = Fleet { serving, ..fleet(1) };
        let course = run(&traffic, &like_8b(), &fleet, Pace::Skips).unwrap();
        assert!(course.used.cached > 10_000, "{:?}", course.used);
        check(requests, serving);
    }
}

/// What comes at the very moment at which a step ends is in the next one, however steps are taken.
#[test]
fn arrivals_at_the_border_of_a_step() {
    let exact = profile(
        coefficients(1.0, 0.0, 0.0, 0.0),
        coefficients(1.0, 0.0, 0.0, 0.0),
        coefficients(1.0, 0.0, 0.0, 0.0),
    );
    let at = |millis: u32| asked(f64::from(millis) / 1e3, 4, 20);
    let traffic = Traffic::new([at(0), at(5), at(6), at(25), at(40), at(41)]).unwrap();
    let of = |pace| run(&traffic, &exact, &fleet(1), pace).unwrap();
    let (at_once, by_step) = (of(Pace::Skips), of(Pace::Steps));
    assert_eq!(seen(&at_once), seen(&by_step));
    for one in served(&at_once, &traffic) {
        assert!(one.queued == Seconds(0.0), "{one:?}");
        assert!((one.e2e.0 - 0.020).abs() < 1e-12, "{one:?}");
    }
}
