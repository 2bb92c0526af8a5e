//! Bills worked by hand, and what must hold of every bill.

use super::*;
use crate::prices::hours::{Hours, Window};
use crate::prices::rates::{Rates, TokenKind};
use crate::prices::schedule::{Schedule, Tier, Tiering};
use crate::prices::tariff::{Source, Variant};
use crate::prices::terms::{Direction, Percent, Rounding, Terms};
use crate::units::{ListPrice, ListUsd, PicoUsd, Tokens};
use TokenKind::{CacheWrite, CacheWrite1h, CachedInput, Input, InputAudio, Output, Reasoning};
use jiff::civil::{date, time};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn rates(list: &[(TokenKind, &str)]) -> Rates {
    list.iter().map(|(kind, text)| (*kind, ListPrice(text.parse().unwrap()))).collect()
}

fn schedule(list: &[(TokenKind, &str)]) -> Schedule {
    Schedule { rates: rates(list), ..Schedule::default() }
}

/// Always in force, at these prices.
pub(in crate::prices) fn tariff(list: &[(TokenKind, &str)]) -> Tariff {
    Tariff {
        from: None,
        until: None,
        schedule: schedule(list),
        hours: Vec::new(),
        variants: Vec::new(),
        terms: Terms::default(),
        source: Source {
            book: "by hand".to_owned(),
            version: "1".to_owned(),
            licence: "MIT".to_owned(),
            date: date(2026, 1, 1),
            key: "k".to_owned(),
            url: None,
        },
    }
}

pub(in crate::prices) fn usage(list: &[(TokenKind, u64)]) -> Usage {
    list.iter().fold(Usage::default(), |all, (kind, tokens)| all.with(*kind, Tokens(*tokens)))
}

const NOON: &str = "2026-03-02T12:00:00Z";

pub(in crate::prices) fn request(at: &str, list: &[(TokenKind, u64)]) -> Request {
    Request::new(at.parse().unwrap(), usage(list))
}

fn usd(text: &str) -> PicoUsd {
    PicoUsd::of(text.parse().unwrap()).unwrap()
}

fn list_usd(text: &str) -> ListUsd {
    ListUsd(text.parse().unwrap())
}

#[track_caller]
fn check(tariff: &Tariff, list: &[(TokenKind, u64)], want: &str) {
    check_request(tariff, &request(NOON, list), want);
}

#[track_caller]
fn check_request(tariff: &Tariff, request: &Request, want: &str) {
    let bill = bill("e", std::slice::from_ref(tariff), [request]).unwrap();
    assert_eq!(bill.total(), usd(want), "{request:?}: {:#?}", bill.lines().collect::<Vec<_>>());
}

#[test]
fn tokens_at_their_prices() {
    let tariff = tariff(&[
        (Input, "3"),
        (CachedInput, "0.3"),
        (CacheWrite, "3.75"),
        (CacheWrite1h, "6"),
        (Output, "15"),
        (Reasoning, "20"),
    ]);
    check(&tariff, &[], "0");
    check(&tariff, &[(Input, 1)], "0.000003");
    // 3,000 + 600 + 375 + 600 + 1,500 + 200, in millionths.
    let all = [
        (Input, 1_000),
        (CachedInput, 2_000),
        (CacheWrite, 100),
        (CacheWrite1h, 100),
        (Output, 100),
        (Reasoning, 10),
    ];
    check(&tariff, &all, "0.006275");
}

#[test]
fn a_part_without_a_price_costs_what_the_whole_costs_and_a_whole_without_one_is_an_error() {
    let tariff = tariff(&[(Input, "3"), (CacheWrite, "3.75")]);
    check(&tariff, &[(CachedInput, 1_000_000)], "3");
    check(&tariff, &[(CacheWrite1h, 1_000_000)], "3.75");
    check(&tariff, &[(InputAudio, 1_000_000)], "3");
    let request = request(NOON, &[(Reasoning, 7)]);
    let error = bill("x/y", &[tariff], [&request]).unwrap_err();
    assert_eq!(error.to_string(), "`x/y`: 7 tok of kind `reasoning`, which has no price");
}

#[test]
fn below_a_millionth_of_a_dollar_a_line_is_rounded_once_half_to_even() {
    let tariff = tariff(&[(Input, "0.0000005"), (Output, "0.0000005")]);
    check(&tariff, &[(Input, 1)], "0"); // half a picodollar
    check(&tariff, &[(Input, 3)], "0.000000000002"); // 1.5
    check(&tariff, &[(Input, 3), (Output, 3)], "0.000000000004");
}

/// 2025-09-29, V3.1-Terminus to V3.2-Exp.
pub(in crate::prices) fn deepseek() -> [Tariff; 2] {
    let cut = Some("2025-09-29T00:00:00Z".parse().unwrap());
    let terminus = tariff(&[(CachedInput, "0.07"), (Input, "0.56"), (Output, "1.68")]);
    let exp = tariff(&[(CachedInput, "0.028"), (Input, "0.28"), (Output, "0.42")]);
    [Tariff { until: cut, ..terminus }, Tariff { from: cut, ..exp }]
}

#[track_caller]
fn cut(hit: u64, miss: u64, out: u64, before: &str, after: &str) {
    let list = [(CachedInput, hit), (Input, miss), (Output, out)];
    let total = |at| bill("d", &deepseek(), [&request(at, &list)]).unwrap().total();
    assert_eq!(total("2025-09-28T23:59:59Z"), usd(before));
    assert_eq!(total("2025-09-29T00:00:00Z"), usd(after));
}

#[test]
fn deepseeks_cut_on_three_workloads() {
    // A chat that reads its history: 1.40 + 2.80 + 5.04 to 0.56 + 1.40 + 1.26, 65 % off.
    cut(20_000_000, 5_000_000, 3_000_000, "9.24", "3.22");
    // Questions about documents, nothing cached: 56 + 3.36 to 28 + 0.84, 51 % off.
    cut(0, 100_000_000, 2_000_000, "59.36", "28.84");
    // Long thought: 0.07 + 0.56 + 84 to 0.028 + 0.28 + 21, 75 % off.
    cut(1_000_000, 1_000_000, 50_000_000, "84.63", "21.308");
}

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

fn with_terms(terms: Terms) -> Tariff {
    Tariff { terms, ..tariff(&[(Input, "2"), (Output, "8")]) }
}

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

#[test]
fn what_cannot_be_counted_is_an_error() {
    let dear = tariff(&[(Input, "79228162514264337593543950335")]);
    let error = bill("e", &[dear], [&request(NOON, &[(Input, u64::MAX)])]).unwrap_err();
    assert!(matches!(error, BillError::TooLarge { kind: Input, .. }), "{error}");
}

fn any_price() -> impl Strategy<Value = Decimal> {
    (0_i64..100_000_000, 0_u32..9).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale))
}

fn any_requests() -> impl Strategy<Value = Vec<Request>> {
    let one = (0_i64..200_000_000, prop::collection::vec(0_u64..400_000, 4), 0_usize..3).prop_map(
        |(second, counts, service)| Request {
            service: [None, Some(Service::Batch), Some(Service::Flex)][service].clone(),
            ..Request::new(
                Timestamp::from_second(1_700_000_000 + second).unwrap(),
                [Input, CachedInput, Output, Reasoning]
                    .into_iter()
                    .zip(counts)
                    .fold(Usage::default(), |all, (kind, n)| all.with(kind, Tokens(n))),
            )
        },
    );
    prop::collection::vec(one, 0..12)
}

prop_compose! {
    /// Two tariffs after one another, with everything that a tariff can have.
    fn any_tariffs()(
        prices in prop::collection::vec(any_price(), 10),
        cut in 0_i64..200_000_000, grain in 0_usize..4, direction in 0_usize..3,
        tiering in prop::bool::ANY, fee in any_price(), percent in 0_u32..30,
    ) -> Vec<Tariff> {
        let list = |kinds: &[TokenKind], from: usize| -> Rates {
            kinds.iter().zip(&prices[from..]).map(|(kind, price)| (*kind, ListPrice(*price))).collect()
        };
        let base = Tariff {
            schedule: Schedule {
                rates: list(&[Input, CachedInput, Output], 0),
                tiers: vec![Tier { above: Tokens(200_000), rates: list(&[Input, Output], 3) }],
                tiering: if tiering { Tiering::Cliff } else { Tiering::Marginal },
                per_request: Some(ListUsd(fee)),
                ..Schedule::default()
            },
            hours: vec![Hours {
                windows: vec![Window::daily(time(8, 0, 0, 0), time(20, 0, 0, 0))],
                schedule: Schedule { rates: list(&[Input], 5), ..Schedule::default() },
            }],
            variants: vec![Variant {
                service: Service::Batch,
                schedule: Schedule { rates: list(&[Input, Output], 6), ..Schedule::default() },
            }],
            terms: Terms {
                rounding: Rounding {
                    grain: Tokens([1, 10, 100, 1_000][grain]),
                    direction: [Direction::Up, Direction::Down, Direction::Nearest][direction],
                },
                minimum: Some(ListUsd(prices[9])),
                router_fee: Some(Percent(Decimal::from(percent))),
                ..Terms::default()
            },
            ..tariff(&[])
        };
        let cut = Some(Timestamp::from_second(1_700_000_000 + cut).unwrap());
        let later = Tariff {
            from: cut,
            schedule: Schedule { tiers: Vec::new(), ..base.schedule.clone() },
            hours: Vec::new(),
            ..base.clone()
        };
        vec![Tariff { until: cut, ..base }, later]
    }
}

/// Every price, fee and minimum at this many tenths.
fn cheaper(tariff: &Tariff, tenths: u32) -> Tariff {
    let by = Decimal::new(i64::from(tenths), 1);
    let down = |rates: &Rates| -> Rates {
        rates.iter().map(|(kind, price)| (kind, ListPrice(price.0 * by))).collect()
    };
    let schedule = |from: &Schedule| Schedule {
        rates: down(&from.rates),
        tiers: from.tiers.iter().map(|t| Tier { rates: down(&t.rates), ..t.clone() }).collect(),
        per_request: from.per_request.map(|fee| ListUsd(fee.0 * by)),
        ..from.clone()
    };
    let mut low = tariff.clone();
    low.schedule = schedule(&tariff.schedule);
    for hours in &mut low.hours {
        hours.schedule = schedule(&hours.schedule);
    }
    for variant in &mut low.variants {
        variant.schedule = schedule(&variant.schedule);
    }
    low.terms.minimum = tariff.terms.minimum.map(|least| ListUsd(least.0 * by));
    low
}

proptest! {
    #[test]
    fn lines_and_parts_add_up_and_bills_add_up_over_requests(
        tariffs in any_tariffs(), requests in any_requests(), cut in 0_usize..12,
    ) {
        let (one, other) = requests.split_at(cut.min(requests.len()));
        let of = |some: &[Request]| bill("e", &tariffs, some).unwrap();
        let whole = of(&requests);
        prop_assert_eq!(whole.lines().map(|line| line.amount).sum::<PicoUsd>(), whole.total());
        prop_assert_eq!(whole.parts().map(|part| part.amount).sum::<PicoUsd>(), whole.total());
        prop_assert_eq!(whole.parts().map(|part| part.requests).sum::<u64>(), requests.len() as u64);
        prop_assert_eq!(of(one) + of(other), whole);
    }

    #[test]
    fn a_cheaper_tariff_is_never_a_dearer_bill(
        tariffs in any_tariffs(), requests in any_requests(), tenths in 0_u32..11,
    ) {
        let low: Vec<Tariff> = tariffs.iter().map(|one| cheaper(one, tenths)).collect();
        let total = |tariffs: &[Tariff]| bill("e", tariffs, &requests).unwrap().total();
        prop_assert!(total(&low) <= total(&tariffs));
    }

    /// Without tiers, fees, minimums and grains one request costs what its pieces cost; the tests
    /// above show what each of these changes.
    #[test]
    fn a_request_costs_what_its_pieces_cost(
        prices in prop::collection::vec(0_i64..100_000_000, 3), requests in any_requests(),
    ) {
        let kinds = [Input, CachedInput, Output];
        let plain = Tariff {
            schedule: Schedule {
                // Six decimals: whole picodollars a token.
                rates: kinds.into_iter().zip(&prices)
                    .map(|(kind, price)| (kind, ListPrice(Decimal::new(*price, 6)))).collect(),
                ..Schedule::default()
            },
            ..tariff(&[])
        };
        let at: Timestamp = NOON.parse().unwrap();
        let pieces: Vec<Request> =
            requests.iter().map(|one| Request::new(at, one.usage)).collect();
        let merged = Request::new(at, pieces.iter().map(|one| one.usage).sum());
        let tariffs = [plain];
        prop_assert_eq!(
            bill("e", &tariffs, &pieces).unwrap().total(),
            bill("e", &tariffs, [&merged]).unwrap().total()
        );
    }
}
