//! Products worked by hand; print and parse are inverses.

use super::*;
use proptest::prelude::*;
use std::fmt::{Debug, Display};
use std::str::FromStr;

#[track_caller]
fn check_price(hourly: f64, rate: f64, want: f64) {
    let UsdPerMtok(got) = UsdPerHour(hourly) / TokensPerSecond(rate);
    assert!((got - want).abs() < 1e-9, "{hourly} $/h at {rate} tok/s: {got} ≠ {want}");
}

#[test]
fn thousand_tokens_a_second() {
    check_price(3.6, 1_000.0, 1.0);
}

#[test]
fn twice_as_fast_is_half_the_price() {
    check_price(3.6, 2_000.0, 0.5);
}

#[test]
fn nothing_adds_up_to_zero_and_not_to_its_negative() {
    let nothing: Seconds = std::iter::empty().sum();
    assert_eq!(serde_json::to_string(&nothing).unwrap(), "0.0");
    let three: Seconds = [Seconds(0.5), Seconds(2.5)].into_iter().sum();
    assert_eq!(three, Seconds(3.0));
}

#[test]
fn the_worked_case() {
    let price = UsdPerHour(2.5) / TokensPerSecond(185.0);
    assert_eq!(format!("{price:.6}"), "3.753754 USD/Mtok");
}

#[track_caller]
fn check_parse<T: FromStr<Err = ParseError> + PartialEq + Debug>(text: &str, want: T) {
    assert_eq!(text.parse::<T>(), Ok(want), "{text}");
}

#[test]
fn quantities_are_read_as_people_write_them() {
    for text in ["2.50/h", "$2.50/h", "2.5 USD/h", "2.50/hr", "2.5/hour", "2.5usd/h"] {
        check_parse(text, UsdPerHour(2.5));
    }
    check_parse("0.001/s", UsdPerHour(3.6));
    check_parse("730/month", UsdPerHour(1.0));
    check_parse("185tok/s", TokensPerSecond(185.0));
    check_parse("1.5ktok/s", TokensPerSecond(1_500.0));
    check_parse("0.0038/Mtok", UsdPerMtok(0.0038));
    check_parse("5e-6/tok", UsdPerMtok(5.0));
    check_parse("0.002/ktok", UsdPerMtok(2.0));
    check_parse("10M", Tokens(10_000_000));
    check_parse("1.5k", Tokens(1_500));
    check_parse("1_000", Tokens(1_000));
    check_parse("8GiB", Bytes(8 << 30));
    check_parse("1.5GiB", Bytes(3 << 29));
    check_parse("8GB", Bytes(8_000_000_000));
    check_parse("500ms", Seconds(0.5));
    check_parse("2min", Seconds(120.0));
    check_parse("30%", Ratio::of(0.3));
    check_parse("3350GB/s", BytesPerSecond(3.35e12));
    check_parse("1.6e-5/tok", ListPrice("16".parse().unwrap()));
}

#[track_caller]
fn check_refused<T: FromStr<Err = ParseError> + Debug>(text: &str, want: &str) {
    let error = text.parse::<T>().unwrap_err();
    assert_eq!(error.to_string(), want);
}

#[test]
fn what_is_ambiguous_or_wrong_is_refused_with_a_reason() {
    let bare = "a bare number is ambiguous here, it needs a unit";
    check_refused::<UsdPerHour>("2.50", &format!("`2.50` is not a rental price: {bare}"));
    check_refused::<Ratio>("0.3", &format!("`0.3` is not a share: {bare}"));
    check_refused::<TokensPerSecond>(
        "185/h",
        "`185/h` is not a token rate: `/h` is not a unit of it",
    );
    check_refused::<Seconds>("5m", "`5m` is not a length of time: `m` is not a unit of it");
    check_refused::<UsdPerHour>("-1/h", "`-1/h` is not a rental price: it is negative");
    check_refused::<UsdPerHour>("x", "`x` is not a rental price: it does not start with a number");
    check_refused::<UsdPerHour>(
        "1.2.3/h",
        "`1.2.3/h` is not a rental price: it does not start with a number",
    );
    check_refused::<UsdPerHour>("1e999/h", "`1e999/h` is not a rental price: it is out of range");
    check_refused::<Tokens>("1.5", "`1.5` is not a number of tokens: it is not a whole number");
    check_refused::<Tokens>("1e30", "`1e30` is not a number of tokens: it is out of range");
    check_refused::<Bytes>("-1B", "`-1B` is not a number of bytes: it is negative");
}

#[test]
fn exponents_beyond_all_bounds_are_out_of_range_or_nothing() {
    assert!("1e2147483647ktok/s".parse::<TokensPerSecond>().is_err());
    assert_eq!("1e-2147483648%".parse::<Ratio>(), Ok(Ratio::of(0.0)));
}

#[test]
fn a_bill_by_list_price_is_exact() {
    let price: ListPrice = "1.6e-5/tok".parse().unwrap();
    assert_eq!(price.bill(Tokens(5_000_000)), Some("80".parse().unwrap()));
}

#[test]
fn an_interval_turns_over_where_the_function_falls() {
    let rate = Estimate::within(TokensPerSecond(100.0), TokensPerSecond(20.0));
    let price = rate.map(|r| UsdPerHour(3.6) / r);
    let (low, high) = price.interval.unwrap();
    assert!((low.0 - 1_000.0 / 120.0).abs() < 1e-9 && (high.0 - 12.5).abs() < 1e-9);
}

#[track_caller]
fn round_trip<T: Display + FromStr<Err = ParseError> + PartialEq + Debug>(value: T) {
    let text = value.to_string();
    assert_eq!(text.parse::<T>(), Ok(value), "{text}");
}

/// 0.4 J a token are 400 kJ, 1/9 kWh, a million: at 0.18 USD/kWh 0.02 USD, at 450 g/kWh 50 g.
#[test]
fn energy_of_a_million_tokens() {
    let each = JoulesPerToken(0.4);
    assert!(((each * UsdPerKwh(0.18)).0 - 0.02).abs() < 1e-12);
    assert!(((each * GramsPerKwh(450.0)).0 - 50.0).abs() < 1e-9);
    assert!(((Watts(700.0) * UsdPerKwh(0.1)).0 - 0.07).abs() < 1e-12);
    assert!(((Joules(7.2e6) * UsdPerKwh(0.1)).0 - 0.2).abs() < 1e-12);
    assert!(((Joules(7.2e6) * GramsPerKwh(50.0)).0 - 100.0).abs() < 1e-9);
    assert_eq!("100 USD/MWh".parse(), Ok(UsdPerKwh(0.1)));
    assert_eq!("0.4 kgCO2e/kWh".parse(), Ok(GramsPerKwh(400.0)));
    assert_eq!("2y".parse(), Ok(Seconds(2.0 * Seconds::YEAR.0)));
    assert_eq!(UsdPerHour(1.0) * Seconds::MONTH, Usd(730.0));
}

proptest! {
    #[test]
    fn parse_undoes_print(number in prop_oneof![0.0..1e3f64, 0.0..1e-9f64, 0.0..1e18f64], count: u64) {
        round_trip(Usd(number));
        round_trip(UsdPerHour(number));
        round_trip(UsdPerMtok(number));
        round_trip(TokensPerSecond(number));
        round_trip(BytesPerSecond(number));
        round_trip(FlopsPerSecond(number));
        round_trip(RequestsPerSecond(number));
        round_trip(Flops(number));
        round_trip(Seconds(number));
        round_trip(Watts(number));
        round_trip(Joules(number));
        round_trip(JoulesPerToken(number));
        round_trip(UsdPerKwh(number));
        round_trip(GramsCo2(number));
        round_trip(GramsPerKwh(number));
        round_trip(GramsPerMtok(number));
        round_trip(UsdPerToken(number));
        round_trip(UsdPerMchar(number));
        round_trip(TokensPerCharacter(number));
        round_trip(CharactersPerToken(number));
        round_trip(MeanTokens(number));
        round_trip(Ratio::of(number));
        round_trip(Tokens(count));
        round_trip(Bytes(count));
    }

    #[test]
    fn list_prices_are_kept_to_the_last_digit(digits in 0i64..1_000_000_000_000, scale in 0u32..12) {
        round_trip(ListPrice(rust_decimal::Decimal::new(digits, scale).normalize()));
    }

    #[test]
    fn no_text_makes_parsing_panic(text in "\\PC{0,24}") {
        let _ = text.parse::<UsdPerHour>();
        let _ = text.parse::<Tokens>();
        let _ = text.parse::<ListPrice>();
        let _ = text.parse::<Ratio>();
    }

    #[test]
    fn a_cheaper_hour_is_never_a_dearer_token(
        price in 0.01..100.0f64, less in 0.0..1.0f64, rate in 0.1..1e5f64,
    ) {
        let rate = TokensPerSecond(rate);
        prop_assert!(UsdPerHour(price) * Ratio::of(less) / rate <= UsdPerHour(price) / rate);
    }
}
