//! What a provider's terms add: grains, fees, minimums, a router's share, uplifts.

use super::*;

#[test]
fn counts_are_rounded_to_the_grain() {
    let tariff = |grain, direction| {
        let rounding = Rounding { grain: Tokens(grain), direction };
        with_terms(Terms { rounding, ..Terms::default() })
    };
    check(&tariff(1_000, Direction::Up), &[(Input, 1), (Output, 1)], "0.01");
    check(&tariff(1_000, Direction::Up), &[(Input, 1_000), (Output, 1_001)], "0.018");
    check(&tariff(100, Direction::Down), &[(Input, 199), (Output, 99)], "0.0002");
    check(&tariff(100, Direction::Nearest), &[(Input, 149), (Output, 151)], "0.0018");
    // Half a grain goes to the even number of grains: 250 is 200, 350 is 400.
    check(&tariff(100, Direction::Nearest), &[(Input, 250)], "0.0004");
    check(&tariff(100, Direction::Nearest), &[(Input, 350)], "0.0008");
    let bill = bill("e", &[tariff(100, Direction::Down)], [&request(NOON, &[(Input, 199)])]);
    let bill = bill.unwrap();
    assert_eq!(bill.amount(LineKind::Tokens(Input)), usd("0.000398"));
    assert_eq!(bill.amount(LineKind::Grain), usd("-0.000198"));
}

#[test]
fn fees_minimums_and_routers_come_on_top_in_this_order() {
    let mut tariff = with_terms(Terms {
        minimum: Some(list_usd("0.01")),
        router_fee: Some(Percent("5.5".parse().unwrap())),
        ..Terms::default()
    });
    tariff.schedule.per_request = Some(list_usd("0.005"));
    // 0.002 + 0.005, lifted to 0.01, and 5.5 % of that.
    check(&tariff, &[(Input, 1_000)], "0.01055");
    check(&tariff, &[], "0.01055");
    // 0.02 + 0.005 = 0.025, and 5.5 %.
    check(&tariff, &[(Input, 10_000)], "0.026375");
    let bill = bill("e", &[tariff], [&request(NOON, &[(Input, 1_000)])]).unwrap();
    let lines: Vec<_> = bill.lines().map(|l| (l.kind.name(), l.count, l.amount)).collect();
    assert_eq!(
        lines,
        [
            ("input", 1_000, usd("0.002")),
            ("per_request", 1, usd("0.005")),
            ("minimum_charge", 1, usd("0.003")),
            ("router_fee", 1, usd("0.00055")),
        ]
    );
}

#[test]
fn an_uplift_multiplies_the_prices() {
    let percent = |text: &str| Percent(text.parse().unwrap());
    let uplifts = [("us".to_owned(), percent("110")), ("fast".to_owned(), percent("250"))];
    let tariff = with_terms(Terms { uplifts: uplifts.into(), ..Terms::default() });
    let of = |names: &[&str]| Request {
        uplifts: names.iter().map(|name| (*name).to_owned()).collect(),
        ..request(NOON, &[(Input, 1_000_000)])
    };
    check_request(&tariff, &of(&[]), "2");
    check_request(&tariff, &of(&["us"]), "2.2");
    check_request(&tariff, &of(&["us", "fast"]), "5.5");
    let error = bill("e", &[tariff], [&of(&["eu"])]).unwrap_err();
    assert_eq!(error.to_string(), "`e`: the tariff has no uplift `eu`");
}
