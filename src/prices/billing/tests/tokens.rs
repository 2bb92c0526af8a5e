//! Tokens at their prices, and what can't be counted.

use super::*;

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

#[test]
fn what_cannot_be_counted_is_an_error() {
    let dear = tariff(&[(Input, "79228162514264337593543950335")]);
    let error = bill("e", &[dear], [&request(NOON, &[(Input, u64::MAX)])]).unwrap_err();
    assert!(matches!(error, BillError::TooLarge { kind: Input, .. }), "{error}");
}
