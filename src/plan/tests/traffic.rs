//! Traffic: order, speed, and days that are made of less.

use super::*;
use crate::units::{Quantity, Ratio};
use crate::workload::Trace;

const AZURE: &str = include_str!("../../../tests/fixtures/traces/azure-conv-2023.csv");

#[test]
fn a_trace_is_traffic() {
    let trace = Trace::parse(AZURE).unwrap();
    let traffic = Traffic::of_trace(&trace).unwrap();
    let requests = traffic.requests();
    assert_eq!(requests.len(), 200);
    assert_eq!((requests[0].prompt, requests[0].output), (Tokens(374), Tokens(44)));
    // 18:15:46.680590 to 18:15:50.995169.
    assert!((requests[1].at.0 - 4.314_579).abs() < 1e-6);
    let twice = traffic.faster(Ratio::of(2.0)).unwrap();
    assert!((twice.requests()[1].at.0 - 2.157_289_5).abs() < 1e-6);
    assert!((twice.rate().get() / traffic.rate().get() - 2.0).abs() < 1e-9);
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(traffic.faster(Ratio::of(speed)).is_err());
    }
}

#[test]
fn times_rise_from_nothing_and_empty_requests_are_left_out() {
    let traffic = Traffic::new([asked(3.0, 1, 1), asked(-2.0, 1, 1), asked(1.0, 0, 1)]).unwrap();
    let times: Vec<f64> = traffic.requests().iter().map(|one| one.at.0).collect();
    assert!((times[0], times[1]) == (0.0, 5.0) && times.len() == 2, "{times:?}");
    assert_eq!(Traffic::new([asked(0.0, 1, 0)]), Err(PlanError::NoTraffic));
}

/// A request each second becomes 86,400 of a day. With a swing of 60 % and the peak at noon, the share
/// of an hour h from the peak is 1/24 (1 + 0.6 × mean of the cosine over it): for the hour around the
/// peak 1/24 (1 + 0.6 × 0.99715), for that around midnight 1/24 (1 - 0.6 × 0.99715).
#[test]
fn a_day_has_its_peak_and_its_night() {
    let minute = Traffic::new((0..60).map(|second| asked(f64::from(second), 1, 1))).unwrap();
    let noon = Seconds(43_200.0);
    let day = minute.over_a_day(Ratio::percent(60.0), noon).unwrap();
    let between = |from: f64, to: f64| {
        let inside = |one: &&Asked| from * 3_600.0 <= one.at.0 && one.at.0 < to * 3_600.0;
        f64::from(u32::try_from(day.requests().iter().filter(inside).count()).unwrap())
    };
    near(between(0.0, 24.0), 86_400.0, 1e-4);
    near(between(11.5, 12.5), 3_600.0 * 1.598_29, 2e-3);
    near(between(0.0, 0.5) + between(23.5, 24.0), 3_600.0 * 0.401_71, 5e-3);
    // A quarter of a day on both sides of the peak: 1/2 + 0.6 / π.
    near(between(6.0, 18.0), 86_400.0 * (0.5 + 0.6 / std::f64::consts::PI), 1e-3);
    assert_eq!(
        day.made_up(),
        Some(MadeUp { of: Seconds(59.0), swing: Ratio::percent(60.0), peak: noon })
    );
    assert_eq!(minute.made_up(), None);
    assert!(minute.over_a_day(Ratio::percent(101.0), noon).is_err());
}

/// Prompts share within a repetition, not across.
#[test]
fn a_repetition_shares_nothing_with_the_one_before() {
    let alike = [0.0, 21_600.0].map(|at| beginning(&asked(at, 100, 1), [7]));
    let day = Traffic::new(alike).unwrap().over_a_day(Ratio::of(0.0), Seconds(0.0)).unwrap();
    let ids: Vec<u64> = day.requests().iter().map(|one| one.begins[0].id).collect();
    assert!(ids.len() == 4 && ids[0] == ids[1] && ids[2] == ids[3] && ids[0] != ids[2], "{ids:?}");
}
