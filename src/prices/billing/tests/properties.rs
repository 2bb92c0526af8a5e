//! What must hold of every bill.

use super::*;
use proptest::prelude::*;
use rust_decimal::Decimal;

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
