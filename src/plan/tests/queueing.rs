//! Against queueing theory: requests of one step each, one at a time, are a queue with one server and a
//! constant time of service.

use super::*;

/// Pollaczek and Khinchine: with Poisson arrivals and a constant time D, the mean wait is
/// ρ D / (2 (1 - ρ)). 200,000 requests at ρ = 0.7 know it to about 2 %.
#[track_caller]
fn check(load: f64) {
    let time = 0.010;
    let constant = profile(
        coefficients(time * 1e3, 0.0, 0.0, 0.0),
        coefficients(1.0, 0.0, 0.0, 0.0),
        coefficients(1.0, 0.0, 0.0, 0.0),
    );
    let requests = poisson(5, 200_000, load / time, 30.0, 1.0);
    let requests = requests.into_iter().map(|one| Asked { output: Tokens(1), ..one });
    let traffic = Traffic::new(requests).unwrap();
    let small = Serving { kv: Tokens(1_024), context_max: 1_024, ..serving() };
    let one_by_one = Serving { sequences_max: 1, ..small };
    let fleet = Fleet { serving: one_by_one, ..fleet(1) };
    let outcome = task(&traffic, &constant, &fleet).simulate().unwrap();
    let wait = outcome.latencies.queued.mean.unwrap().0;
    near(wait, load * time / (2.0 * (1.0 - load)), 0.05);
    near(outcome.busy.0 / outcome.end.0, load, 0.01);
}

#[test]
fn waiting_is_that_of_a_queue_with_constant_service() {
    check(0.3);
    check(0.7);
    check(0.85);
}
