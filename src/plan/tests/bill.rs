//! Bills: by hand, and that their lines add up.

use super::*;
use crate::cost::Grain;
use crate::units::Usd;

fn sum_of_lines(bill: &Bill) -> f64 {
    [bill.input, bill.output, bill.idle, bill.start_up, bill.rounding]
        .map(|line| line.0)
        .iter()
        .sum()
}

/// `COST_MODEL.md`, section 3, at 0.001 USD/s: a prompt of 1,000 tokens in 50 ms, 256 steps of 10 ms,
/// 0.1 s idle. Then, so that the time has an end, a request of one token in and out: 0.05 ms.
#[test]
fn the_hand_worked_case_of_the_cost_model() {
    let profile = profile(
        coefficients(0.0, 0.05, 0.0, 0.0),
        coefficients(10.0, 0.0, 0.0, 0.0),
        coefficients(10.0, 0.05, 0.0, 0.0),
    );
    let traffic = Traffic::new([asked(0.0, 1_000, 257), asked(2.71, 1, 1)]).unwrap();
    let outcome = task(&traffic, &profile, &fleet(1)).simulate().unwrap();
    let Bill { total, input, output, idle, start_up, rounding, .. } = outcome.bill;
    near(output.0, 2.56e-3, 1e-9);
    near(input.0, 0.050_05e-3, 1e-9);
    near(idle.0, 0.1e-3, 1e-9);
    // 2.71005 s are billed as 3.
    near(total.0, 3e-3, 1e-9);
    near(rounding.0, 0.289_95e-3, 1e-9);
    assert_eq!(start_up, Usd(0.0));
    near(sum_of_lines(&outcome.bill), total.0, 1e-12);
    // Input's share of busy time is 1.9 %.
    near((input / (input + output)).get(), 0.05 / 2.61, 1e-3);
    near(outcome.bill.per_token.unwrap().0, 3e-3 / 1_259.0 * 1e6, 1e-9);
    let delivered = Delivered { input: Tokens(1_001), cached: Tokens(0), output: Tokens(258) };
    assert_eq!(outcome.delivered, delivered);
    let (per_input, per_output) =
        (outcome.bill.per_input_token.unwrap(), outcome.bill.per_output_token.unwrap());
    near(per_input.0 * 1_001.0 + per_output.0 * 258.0, 3e-3 * 1e6, 1e-9);
}

/// Two nodes of four machines at 3.60 USD/h, 30 s of start-up before, billed by the hour: two hours.
#[test]
fn nodes_are_paid_whole() {
    let node = Node {
        machines: 4,
        start_up: Seconds(30.0),
        grain: Grain::Hour,
        ..Node::single(UsdPerHour(3.6))
    };
    let fleet = Fleet { node, ..fleet(2) };
    let traffic = Traffic::new(poisson(1, 600, 10.0, 128.0, 64.0)).unwrap();
    let outcome = task(&traffic, &like_8b(), &fleet).simulate().unwrap();
    near(outcome.bill.total.0, 7.2, 1e-12);
    near(outcome.bill.start_up.0, 0.060, 1e-9);
    near(outcome.bill.node_time.0, 2.0 * (outcome.end.0 + 30.0), 1e-9);
    // Eight machines, each an eighth of 0.002 USD/s.
    let busy = outcome.bill.input + outcome.bill.output;
    near(busy.0, outcome.busy.0 * 0.002 / 8.0, 1e-9);
    near(sum_of_lines(&outcome.bill), 7.2, 1e-12);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    /// Whatever the fleet, every paid second is on one line, and a cheaper hour is no dearer token.
    #[test]
    fn lines_add_up(
        seed in 0_u64..1_000, rate in 1.0..40.0_f64, nodes in 1_u32..4, machines in 1_u32..4,
        interruptions in 0.0..20.0_f64, scaled in proptest::bool::ANY, start_up in 0.0..60.0_f64,
    ) {
        let node = Node {
            machines, start_up: Seconds(start_up), interruptions: PerHour(interruptions),
            ..Node::single(UsdPerHour(3.6))
        };
        let size = if scaled { Size::Scaled(Scaling::between(0, nodes, 4)) } else { fleet(nodes).size };
        let fleet = Fleet { node, size, seed, ..fleet(1) };
        let traffic = Traffic::new(poisson(seed, 1_000, rate, 60.0, 20.0)).unwrap();
        let outcome = task(&traffic, &like_8b(), &fleet).simulate().unwrap();
        let bill = outcome.bill;
        proptest::prop_assert!((sum_of_lines(&bill) - bill.total.0).abs() < 1e-9, "{:?}", bill);
        proptest::prop_assert!(bill.idle.0 >= 0.0 && bill.rounding.0 > -1e-12);
        proptest::prop_assert_eq!(outcome.requests.served, 1_000);
        // The windows hold what was paid while requests came.
        let windows: f64 = outcome.windows.iter().map(|window| window.cost.0).sum();
        proptest::prop_assert!(windows <= bill.total.0 + 1e-9);
        let served: u64 = outcome.windows.iter().map(|window| window.served).sum();
        proptest::prop_assert_eq!(served, 1_000);

        let cheaper = Fleet { node: Node { price: UsdPerHour(3.5), ..node }, ..fleet };
        let cheaper = task(&traffic, &like_8b(), &cheaper).simulate().unwrap();
        proptest::prop_assert!(cheaper.bill.per_token < bill.per_token);
    }
}
