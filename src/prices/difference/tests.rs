//! Differences worked by hand, and what must hold of every difference.

use super::*;
use crate::prices::billing::tests::{deepseek, request, tariff};
use crate::prices::rates::{Rates, TokenKind};
use crate::prices::schedule::Tier;
use crate::prices::terms::{Direction, Percent, Rounding, Terms};
use crate::units::{ListPrice, ListUsd, Tokens};
use TokenKind::{CachedInput, Input, Output};
use proptest::prelude::*;
use rust_decimal::Decimal;

const OLD: &str = "2025-09-15T00:00:00Z";
const NEW: &str = "2025-10-15T00:00:00Z";

fn usd(text: &str) -> PicoUsd {
    PicoUsd::of(text.parse().unwrap()).unwrap()
}

fn period<'a>(tariffs: &'a [Tariff], at: &str, requests: &'a [Request]) -> Period<'a> {
    Period { entry: "e", tariffs, as_of: at.parse().unwrap(), requests }
}

/// Two periods, and the effects by name; those that aren't named are nothing.
#[track_caller]
fn check(
    tariffs: [&Tariff; 2],
    old: &[&[(TokenKind, u64)]],
    new: &[&[(TokenKind, u64)]],
    want: &[(&str, &str)],
) {
    let requests = |lists: &[&[(TokenKind, u64)]], at| -> Vec<Request> {
        lists.iter().map(|list| request(at, list)).collect()
    };
    let (old, new) = (requests(old, OLD), requests(new, NEW));
    let [before, after] = tariffs.map(std::slice::from_ref);
    let effects = difference(period(before, OLD, &old), period(after, NEW, &new)).unwrap();
    for (name, effect) in effects.named() {
        let listed = want.iter().find(|(wanted, _)| *wanted == name);
        let wanted = usd(listed.map_or("0", |(_, text)| text));
        assert_eq!(effect, wanted, "{name} of {effects:?}");
    }
}

#[test]
fn where_one_factor_changes_the_others_have_no_effect() {
    let (one, two) =
        (&tariff(&[(Input, "1"), (Output, "4")]), &tariff(&[(Input, "2"), (Output, "4")]));
    let month: &[&[(TokenKind, u64)]] = &[&[(Input, 3_000_000), (Output, 1_000_000)]];
    check([one, one], month, month, &[]);
    check([one, two], month, month, &[("price", "3")]);
    let twice = &[month[0], month[0]];
    check([one, one], month, twice, &[("volume", "7")]);
    // The same 4M tokens: 3 × 1 + 1 × 4 is 7, 1 × 1 + 3 × 4 is 13.
    check([one, one], month, &[&[(Input, 1_000_000), (Output, 3_000_000)]], &[("mix", "6")]);
    let cached = &tariff(&[(Input, "1"), (CachedInput, "0.1"), (Output, "4")]);
    let hits: &[&[(TokenKind, u64)]] =
        &[&[(CachedInput, 2_000_000), (Input, 1_000_000), (Output, 1_000_000)]];
    check([cached, cached], month, hits, &[("cache", "-1.8")]);
}

#[test]
fn two_factors_share_what_they_did_together() {
    // 1 to 2 USD/Mtok, 10M to 30M tokens, 10 to 60 USD: 1 × (10 + 30) / 2 and 20 × (1 + 2) / 2.
    let (one, two) = (&tariff(&[(Input, "1")]), &tariff(&[(Input, "2")]));
    let effects = [("price", "20"), ("volume", "30")];
    check([one, two], &[&[(Input, 10_000_000)]], &[&[(Input, 30_000_000)]], &effects);
}

#[test]
fn tiers_grains_minimums_fees_and_routers_have_their_places() {
    let mut tiered = tariff(&[(Input, "1")]);
    let above: Rates = [(Input, ListPrice(Decimal::TWO))].into_iter().collect();
    tiered.schedule.tiers = vec![Tier { above: Tokens(200_000), rates: above }];
    // 400,000 tokens at 1 as two requests, at 2 as one.
    let (halves, whole) = (&[(Input, 200_000)][..], &[(Input, 400_000)][..]);
    check([&tiered, &tiered], &[halves, halves], &[whole], &[("terms", "0.4")]);

    let rounding = Rounding { grain: Tokens(1_000), direction: Direction::Up };
    let grained =
        Tariff { terms: Terms { rounding, ..Terms::default() }, ..tariff(&[(Input, "1")]) };
    // 1,000 tokens are 1,000, and 10 times 100 are 10,000.
    let tenth = &[(Input, 100)][..];
    check([&grained, &grained], &[&[(Input, 1_000)]], &[tenth; 10], &[("rounding", "0.009")]);

    let least = Some(ListUsd(Decimal::ONE));
    let minimum =
        Tariff { terms: Terms { minimum: least, ..Terms::default() }, ..tariff(&[(Input, "1")]) };
    check(
        [&minimum, &minimum],
        &[&[(Input, 2_000_000)]],
        &[&[(Input, 1_000_000)], &[(Input, 1_000_000)]],
        &[],
    );
    let quarter = &[(Input, 500_000)][..];
    check([&minimum, &minimum], &[&[(Input, 2_000_000)]], &[quarter; 4], &[("rounding", "2")]);

    // The same tokens in three requests instead of one, a fee of a dollar each.
    let mut fees = tariff(&[(Input, "1")]);
    fees.schedule.per_request = least;
    check([&fees, &fees], &[&[(Input, 3)]], &[&[(Input, 1)][..]; 3], &[("mix", "2")]);

    // A router that takes 10 % from now on is a price.
    let router_fee = Some(Percent(Decimal::TEN));
    let routed =
        Tariff { terms: Terms { router_fee, ..Terms::default() }, ..tariff(&[(Input, "1")]) };
    let million = &[&[(Input, 1_000_000)][..]];
    check([&tariff(&[(Input, "1")]), &routed], million, million, &[("price", "0.1")]);
}

#[test]
fn from_nothing_and_to_nothing_it_is_prices_and_volume() {
    let (one, two) =
        (&tariff(&[(Input, "1"), (Output, "9")]), &tariff(&[(Input, "2"), (Output, "9")]));
    let million: &[&[(TokenKind, u64)]] = &[&[(Input, 1_000_000)]];
    check([one, one], &[], &[], &[]);
    check([one, one], &[], million, &[("volume", "1")]);
    // 2 USD of volume if the price rose first, else 1 and then 1 of price.
    check([one, two], &[], million, &[("price", "0.5"), ("volume", "1.5")]);
    check([one, one], million, &[], &[("volume", "-1")]);
    check([one, one], million, &[&[]], &[("volume", "0"), ("mix", "-1")]);
}

/// A user with half the cache misses and a third of the output: 60, 40 and 30 million tokens to 80,
/// 20 and 10, and `DeepSeek`'s cut between. 4.20 + 22.40 + 50.40 = 77 to 2.24 + 5.60 + 4.20 = 12.04.
///
/// The effects are the means over all 24 orders, in fractions, by a Python script of 20 lines that
/// shares nothing with this program: −19803/550, −68474/10725, −159901/21450, −162113/10725.
#[test]
fn deepseeks_user_with_half_the_misses_and_a_third_of_the_output() {
    let million = |hit: u64, miss: u64, out: u64| {
        [(CachedInput, hit * 1_000_000), (Input, miss * 1_000_000), (Output, out * 1_000_000)]
    };
    let old = [request(OLD, &million(60, 40, 30))];
    let new = [request(NEW, &million(80, 20, 10))];
    let tariffs = deepseek();
    let effects = difference(period(&tariffs, OLD, &old), period(&tariffs, NEW, &new)).unwrap();
    assert_eq!((effects.old, effects.new), (usd("77"), usd("12.04")));
    let fractions =
        [(-19_803, 550), (-68_474, 10_725), (-159_901, 21_450), (-162_113, 10_725), (0, 1), (0, 1)];
    for ((name, PicoUsd(got)), (over, under)) in effects.named().into_iter().zip(fractions) {
        let want = over * 1_000_000_000_000_i128;
        // The values between the two bills are rounded to the picodollar: so much may be lost.
        assert!((got * under - want).abs() <= 2 * under, "{name}: {got} ≠ {over}/{under}");
    }
    let sum: PicoUsd = effects.named().into_iter().map(|(_, effect)| effect).sum();
    assert_eq!(sum, usd("-64.96"));
}

#[test]
fn a_tariff_that_changes_within_a_period_ends_it() {
    let tariffs = deepseek();
    let requests = [request(OLD, &[(Input, 1)]), request(NEW, &[(Input, 1)])];
    let error =
        difference(period(&tariffs, OLD, &requests), period(&tariffs, NEW, &[])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`e`: the tariff of 2025-09-15T00:00:00Z does not hold at 2025-10-15T00:00:00Z, in the same period"
    );
    assert!(error.hint().is_some());
    let error = difference(period(&tariffs[1..], OLD, &[]), period(&tariffs, NEW, &requests[1..]));
    assert!(matches!(error, Err(DifferenceError::Bill(BillError::NoTariff { .. }))), "{error:?}");
}

fn any_period() -> impl Strategy<Value = (Tariff, Vec<Request>)> {
    let list = prop::collection::vec((0_u64..300_000, 0_u64..300_000, 0_u64..100_000), 0..6);
    let prices = prop::collection::vec(0_i64..100_000_000, 6);
    (list, prices, 0_usize..3, 0_u32..20).prop_map(|(list, prices, grain, router)| {
        let price = |at: usize| ListPrice(Decimal::new(prices[at], 6));
        let rates = [(Input, price(0)), (CachedInput, price(1)), (Output, price(2))];
        let mut one = tariff(&[]);
        one.schedule.rates = rates.into_iter().collect();
        let above = [(Input, price(3))].into_iter().collect();
        one.schedule.tiers = vec![Tier { above: Tokens(200_000), rates: above }];
        one.schedule.per_request = Some(ListUsd(Decimal::new(prices[4], 9)));
        one.terms.minimum = Some(ListUsd(Decimal::new(prices[5], 8)));
        one.terms.rounding.grain = Tokens([1, 100, 1_000][grain]);
        one.terms.router_fee = Some(Percent(Decimal::from(router)));
        let requests = list.into_iter().map(|(input, cached, output)| {
            request(OLD, &[(Input, input), (CachedInput, cached), (Output, output)])
        });
        (one, requests.collect())
    })
}

proptest! {
    #[test]
    fn effects_add_up_and_turn_around(old in any_period(), new in any_period()) {
        let one = period(std::slice::from_ref(&old.0), OLD, &old.1);
        let other = period(std::slice::from_ref(&new.0), OLD, &new.1);
        let (there, back) = (difference(one, other).unwrap(), difference(other, one).unwrap());
        let own = |period: Period<'_>| bill("e", period.tariffs, period.requests).unwrap().total();
        prop_assert_eq!((there.old, there.new), (own(one), own(other)));
        let sum: PicoUsd = there.named().into_iter().map(|(_, effect)| effect).sum();
        prop_assert_eq!(sum, there.difference());
        let both: Effects = [there, back].into_iter().sum();
        let sum: PicoUsd = both.named().into_iter().map(|(_, effect)| effect).sum();
        prop_assert_eq!((sum, both.old), (PicoUsd(0), there.old + there.new));
        // The other way around every effect is its own opposite, but for a picodollar's rounding.
        for ((name, PicoUsd(there)), (_, PicoUsd(back))) in there.named().into_iter().zip(back.named()) {
            prop_assert!((there + back).abs() <= 2, "{}: {} {}", name, there, back);
        }
    }
}
