//! Open loops: what is due is due, whatever became of what was due before.

use super::*;
use crate::record::{RequestId, Span};
use crate::units::RequestsPerSecond;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Twenty a second for 20 s, 100 tokens each.
fn twenty_a_second(cap: Option<u32>) -> Plan {
    Plan {
        cap,
        content: of_output(100),
        warm_up: Seconds(0.0),
        measure: Seconds(20.0),
        measure_max: Seconds(20.0),
        ..plan(Arrivals::Constant { rate: RequestsPerSecond(20.0) })
    }
}

/// A server of known times that writes nothing from 10 s to 11 s.
fn stalling() -> Scripted {
    Scripted::new().timed(0.05, 0.005).stalling(Span { from: seconds(10.0), to: seconds(11.0) })
}

/// Times to first token from when requests were due, worked out apart: as many servers as may be in
/// flight, first come, first served. In milliseconds, so that no rounding of a clock gets in.
fn truth(cap: usize) -> Vec<f64> {
    let past_stall = |ms: f64| if (10_000.0..11_000.0).contains(&ms) { 11_000.0 } else { ms };
    let mut free = BinaryHeap::new();
    let mut times = Vec::new();
    for n in 0..400_u32 {
        let due = f64::from(n) * 50.0;
        let start = if free.len() < cap {
            due
        } else {
            let Reverse(at) = free.pop().unwrap();
            due.max(f64::from(at) / 1e3)
        };
        let first = past_stall(start + 50.0);
        let end = (1..100).fold(first, |at, _| past_stall(at + 5.0));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        free.push(Reverse((end * 1e3).round() as u32));
        times.push(first - due);
    }
    times
}

fn percentile(mut times: Vec<f64>, percent: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    times[(times.len() * percent).div_ceil(100) - 1]
}

#[track_caller]
fn check_stall(cap: Option<u32>) {
    let run = drive(&stalling(), &twenty_a_second(cap));
    let measured = run.measured().unwrap();
    let due: Vec<_> = run.requests.iter().filter(|one| measured.holds(one.due)).collect();
    assert_eq!(due.len(), 400);
    let got: Vec<f64> = due.iter().map(|one| one.ttft().unwrap().0 * 1e3).collect();
    let want = truth(cap.map_or(usize::MAX, |cap| cap as usize));
    for percent in [50, 95, 99] {
        let (got, want) = (percentile(got.clone(), percent), percentile(want.clone(), percent));
        assert!((got / want - 1.0).abs() < 1e-3, "p{percent}, cap {cap:?}: {got} for {want}");
    }
    // The generator was never late itself: what waited, waited for a place.
    assert!(due.iter().all(|one| one.slip() < Seconds(1e-6)));
    assert_eq!(cap.is_some(), due.iter().any(|one| one.held.is_some()));
}

/// Coordinated omission: a generator that counts from when it could at last send shows none of this.
#[test]
fn a_stall_is_seen_whole_from_when_requests_were_due() {
    check_stall(None);
    check_stall(Some(16));
}

/// Those truths by hand: uncapped, what is due at 9.95 s waits for 11 s; so do the 19 after it: 20 of
/// 400 wait from 1,050 ms down to 100 ms, 5 %. The 99th percentile is the fourth largest from the top,
/// the fifth of 400: 1,050 - 4 × 50.
#[test]
fn the_truth_of_a_stall_by_hand() {
    let times = truth(usize::MAX);
    assert!((percentile(times.clone(), 99) - 850.0).abs() < 1e-6);
    assert!((percentile(times.clone(), 95) - 50.0).abs() < 1e-6);
    assert_eq!(times.iter().filter(|ms| **ms > 51.0).count(), 20);
}

#[test]
fn requests_are_sent_when_they_are_due() {
    let plan = Plan { content: of_output(4), ..twenty_a_second(None) };
    let run = drive(&Scripted::new().timed(0.01, 0.01), &plan);
    for (n, request) in run.requests.iter().enumerate().take(400) {
        let due = seconds(0.05 * f64::from(u32::try_from(n).unwrap()));
        assert_eq!((request.due, request.sent), (due, due));
    }
    let measured = run.measured().unwrap();
    assert_eq!((measured.from, measured.to), (seconds(0.0), seconds(20.0)));
}

/// Of what is measured, nothing is left out because it ended late.
#[test]
fn an_open_loop_goes_on_until_what_was_measured_has_ended() {
    let plan = Plan { content: of_output(100), ..twenty_a_second(None) };
    let run = drive(&Scripted::new().timed(5.0, 0.01), &plan);
    let measured = run.measured().unwrap();
    let due: Vec<_> = run.requests.iter().filter(|one| measured.holds(one.due)).collect();
    assert!(due.iter().all(|one| one.succeeded()));
    // As load beside them, more was sent until the last of them had ended, at 25.94 s.
    assert!(run.requests.iter().any(|one| one.due > seconds(25.5)));
}

#[test]
fn a_target_that_falls_behind_ends_the_run_and_nothing_is_lost() {
    // Each of four places takes 2 s: two a second are served, twenty come.
    let target = Scripted::new().timed(1.0, 1.0 / 99.0);
    let how = How { backlog_max: Some(50), ..How::default() };
    let (result, run) = drive_how(&target, &twenty_a_second(Some(4)), &how);
    assert_eq!(result.unwrap(), Outcome::Saturated);
    assert_eq!(run.outcome, Some(Outcome::Saturated));
    assert!(!run.unsent.is_empty());
    let ids: Vec<_> =
        run.requests.iter().map(|one| one.id).chain(run.unsent.iter().map(|(id, _)| *id)).collect();
    let all: Vec<_> = (0..u32::try_from(ids.len()).unwrap()).map(RequestId).collect();
    assert_eq!(ids, all);
    assert!(run.unsent.iter().all(|(_, due)| *due <= run.last));
}
