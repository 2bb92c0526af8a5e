//! Capacity and the fewest machines, where both can be said in advance.

use super::*;
use crate::cost::{Answer, Slo};
use crate::units::RequestsPerSecond;

/// One request at a time, each of 100 ms.
fn one_at_a_time() -> (Profile, Serving) {
    let all = coefficients(100.0, 0.0, 0.0, 0.0);
    let serving = Serving { sequences_max: 1, ..serving() };
    (profile(all, all, all), serving)
}

/// A request each 40 ms for a minute.
fn evenly() -> Traffic {
    Traffic::new((0..1_500).map(|n| asked(0.040 * f64::from(n), 8, 1))).unwrap()
}

fn slo(text: &str) -> Slo {
    text.parse().unwrap()
}

/// Evenly spaced, they can come 10 times a second and wait for nobody: 2.5 times slower than they do.
/// Machines that take turns of 40 ms are three: 120 ms each. Load is 25 / 30.
#[test]
fn what_can_be_said_in_advance() {
    let (profile, serving) = one_at_a_time();
    let (traffic, slo) = (evenly(), slo("e2e=105ms"));
    let found = capacity(&traffic, &profile, serving, &slo).unwrap();
    near(found.rate.0, 10.0, 0.012);
    near(found.in_flight.get(), 1.0, 0.02);
    assert_eq!(found.kept.answer, Answer::Met);
    assert_eq!(found.missed.as_ref().map(|kept| kept.answer), Some(Answer::Missed));

    let fleet = Fleet { serving, ..fleet(1) };
    let task = Task {
        slo: Some(&slo),
        capacity: Some(&found),
        window: Seconds(10.0),
        ..task(&traffic, &profile, &fleet)
    };
    let least = task.least(20).unwrap();
    assert_eq!(least.nodes, 3);
    assert!(least.tried.iter().any(|tried| tried.nodes == 2 && !tried.holds), "{:?}", least.tried);
    near(least.outcome.load.unwrap().get(), 25.0 / 30.0, 0.02);
    assert_eq!(least.outcome.windows.len(), 6);
    for window in &least.outcome.windows {
        assert_eq!(window.kept.as_ref().unwrap().answer, Answer::Met);
        near(window.load.unwrap().get(), 25.0 / 30.0, 0.03);
        near(window.cost.0, 3.0 * 0.001 * window.length.0, 1e-9);
    }
    let error = task.least(2).unwrap_err().to_string();
    assert!(
        error.starts_with("the objectives are missed with 2 machines: e2e.p90=0.105s is "),
        "{error}"
    );
}

/// In nodes of two, three machines are four.
#[test]
fn machines_come_in_nodes() {
    let (profile, serving) = one_at_a_time();
    let (traffic, slo) = (evenly(), slo("e2e=105ms"));
    let node = Node { machines: 2, ..Node::single(UsdPerHour(7.2)) };
    let fleet = Fleet { serving, node, ..fleet(1) };
    let task = Task { slo: Some(&slo), ..task(&traffic, &profile, &fleet) };
    let least = task.least(20).unwrap();
    assert_eq!((least.nodes, least.outcome.fleet.size), (2, Size::Fixed { nodes: 2 }));
}

#[test]
fn what_nobody_can_keep_to_is_said() {
    let (profile, serving) = one_at_a_time();
    let error = capacity(&evenly(), &profile, serving, &slo("ttft=90ms")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a request that is alone on the machine misses the objectives: ttft.p90=0.09s is 0.100 s"
    );
}

/// A burst in one minute of ten misses there, though nine tenths of all requests are fast.
#[test]
fn objectives_hold_in_every_window() {
    let (profile, serving) = one_at_a_time();
    let calm = (0..3_000).map(|n| asked(0.2 * f64::from(n), 8, 1));
    let burst = (0..75).map(|n| asked(300.0 + 0.05 * f64::from(n), 8, 1));
    let traffic = Traffic::new(calm.chain(burst)).unwrap();
    let slo = slo("e2e=205ms");
    let fleet = Fleet { serving, ..fleet(1) };
    let task = Task { slo: Some(&slo), ..task(&traffic, &profile, &fleet) };
    let outcome = task.simulate().unwrap();
    assert_eq!(outcome.kept.as_ref().unwrap().answer, Answer::Met);
    assert!(!outcome.holds());
    let missed: Vec<f64> = outcome
        .windows
        .iter()
        .filter(|window| window.kept.as_ref().unwrap().answer == Answer::Missed)
        .map(|window| window.from.0)
        .collect();
    assert_eq!(missed, [300.0]);
    assert_eq!(outcome.peak, Some(5));
}

/// More load is never dearer: the same machine, the same mix, twice the rate.
#[test]
fn more_load_is_never_dearer() {
    let prices: Vec<f64> = [0.5, 1.0, 2.0, 4.0, 8.0]
        .into_iter()
        .map(|rate| {
            let traffic = Traffic::new(poisson(4, 2_000, rate, 128.0, 64.0)).unwrap();
            let outcome = task(&traffic, &like_8b(), &fleet(1)).simulate().unwrap();
            outcome.bill.per_token.unwrap().0
        })
        .collect();
    assert!(prices.is_sorted_by(|one, next| one > next), "{prices:?}");
}

#[test]
fn what_never_fits_is_no_miss_and_nothing_is_an_error() {
    let (profile, serving) = one_at_a_time();
    let fleet = Fleet { serving, ..fleet(1) };
    let traffic = Traffic::new(evenly().requests().iter().cloned().chain([asked(1.0, 9_999, 9)]));
    let traffic = traffic.unwrap();
    let outcome = task(&traffic, &profile, &fleet).simulate().unwrap();
    assert_eq!((outcome.requests.unfit, outcome.requests.served), (1, 1_500));
    let never = Traffic::new([asked(1.0, 9_999, 9)]).unwrap();
    let error = task(&never, &profile, &fleet).simulate().unwrap_err();
    assert_eq!(error, PlanError::NothingFits { requests: 1, refused: 1 });
    near(RequestsPerSecond(25.0).0, traffic.rate().0, 0.01);
}
