//! Which tariff, tier, hour and service a request is charged at.

use super::*;

fn tiered(tiering: Tiering) -> Tariff {
    let mut tariff = tariff(&[(Input, "3"), (CachedInput, "0.3"), (Output, "15")]);
    tariff.schedule.tiering = tiering;
    tariff.schedule.tiers = vec![
        Tier {
            above: Tokens(200_000),
            rates: rates(&[(Input, "6"), (CachedInput, "0.6"), (Output, "22.5")]),
        },
        Tier { above: Tokens(500_000), rates: rates(&[(Input, "10")]) },
    ];
    tariff
}

#[test]
fn a_tier_is_a_cliff() {
    let tariff = tiered(Tiering::Cliff);
    check(&tariff, &[(Input, 200_000), (Output, 1_000)], "0.615");
    // One token more: 200,001 × 6 and 1,000 × 22.5.
    check(&tariff, &[(Input, 200_001), (Output, 1_000)], "1.222506");
    // Cached tokens are part of the length: 150,000 × 0.6 and 50,001 × 6.
    check(&tariff, &[(CachedInput, 150_000), (Input, 50_001)], "0.390006");
    // Output isn't.
    check(&tariff, &[(Input, 1), (Output, 300_000)], "4.500003");
}

#[test]
fn a_marginal_tier_is_for_what_lies_beyond() {
    let tariff = tiered(Tiering::Marginal);
    check(&tariff, &[(Input, 200_000), (Output, 1_000)], "0.615");
    // 200,000 × 3 and 1 × 6; output at the prices of the prompt's end.
    check(&tariff, &[(Input, 200_001), (Output, 1_000)], "0.622506");
    // The cached beginning: 200,000 × 0.3 + 50,000 × 0.6, then 250,000 × 6 and 100,000 × 10.
    check(&tariff, &[(CachedInput, 250_000), (Input, 350_000)], "2.59");
}

#[test]
fn hours_and_services_have_prices_of_their_own() {
    let mut tariff = tariff(&[(Input, "2"), (CachedInput, "0.2"), (Output, "8")]);
    tariff.hours = vec![Hours {
        windows: vec![Window::daily(time(16, 30, 0, 0), time(0, 30, 0, 0))],
        schedule: schedule(&[(Input, "1"), (CachedInput, "0.1"), (Output, "4")]),
    }];
    // The cached price doesn't stack: the batch lists none, so the hour's holds.
    tariff.variants = vec![Variant {
        service: Service::Batch,
        schedule: schedule(&[(Input, "0.9"), (Output, "3.6")]),
    }];
    let list = [(Input, 1_000_000), (CachedInput, 1_000_000), (Output, 1_000_000)];
    let of = |at, service| Request { service, ..request(at, &list) };
    let night = "2026-03-02T23:00:00Z";
    check_request(&tariff, &of(NOON, None), "10.2");
    check_request(&tariff, &of(night, None), "5.1");
    check_request(&tariff, &of(NOON, Some(Service::Batch)), "4.7");
    check_request(&tariff, &of(night, Some(Service::Batch)), "4.6");
    // What isn't sold is charged at standard prices, and the bill says so.
    let flex = of(NOON, Some(Service::Flex));
    check_request(&tariff, &flex, "10.2");
    let requests = [flex, of(NOON, Some(Service::Batch)), of(night, None), of(night, None)];
    let bill = bill("e", &[tariff], &requests).unwrap();
    let parts: Vec<String> = bill.parts().map(|part| part.to_string()).collect();
    assert_eq!(
        parts,
        [
            "1 request, 3000000 tok, 4.70 USD: the only tariff so far, batch",
            "1 request, 3000000 tok, 10.20 USD: the only tariff so far, standard prices as `flex` has none",
            "2 requests, 6000000 tok, 10.20 USD: the only tariff so far, hours 1",
        ]
    );
}

#[test]
fn requests_that_were_added_up_are_at_the_tier_of_their_mean() {
    // 100 requests of 150,000 tokens are below 200,000; 3 of 300,000 above.
    let of = |count, tokens| Request { count, ..request(NOON, &[(Input, tokens)]) };
    check_request(&tiered(Tiering::Cliff), &of(100, 15_000_000), "45");
    check_request(&tiered(Tiering::Cliff), &of(3, 900_000), "5.4");
    // Each 200,000 × 3 and 100,000 × 6.
    check_request(&tiered(Tiering::Marginal), &of(3, 900_000), "3.6");
    let rounding = Rounding { grain: Tokens(1_000), direction: Direction::Up };
    let terms = Terms { minimum: Some(list_usd("0.01")), rounding, ..Terms::default() };
    let mut tariff = with_terms(terms);
    tariff.schedule.per_request = Some(list_usd("0.005"));
    // 3,001 tokens at 2, three fees, lifted to three minimums.
    check_request(&tariff, &of(3, 3_001), "0.03");
    check_request(&tariff, &of(0, 0), "0");
    let bill = bill("e", &[tariff], [&of(3, 9_001)]).unwrap();
    assert_eq!((bill.total(), bill.requests()), (usd("0.033002"), 3));
}

#[test]
fn each_request_is_at_its_own_days_tariff_unless_one_day_is_asked_for() {
    let list = [(Input, 1_000_000)];
    let requests = [request("2025-09-01T00:00:00Z", &list), request("2025-10-01T00:00:00Z", &list)];
    let all = bill("d", &deepseek(), &requests).unwrap();
    assert_eq!(all.total(), usd("0.84"));
    assert_eq!(all.parts().count(), 2);
    let old = "2025-09-01T00:00:00Z".parse().unwrap();
    assert_eq!(bill_as_of("d", &deepseek(), old, &requests).unwrap().total(), usd("1.12"));
    let [_, exp] = deepseek();
    let error = bill("d", &[exp], &requests).unwrap_err();
    assert_eq!(error.to_string(), "`d`: no tariff holds at 2025-09-01T00:00:00Z");
}
