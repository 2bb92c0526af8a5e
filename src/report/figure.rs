//! Figures to the digits that they have earned.

use crate::units::{Estimate, Quantity, Ratio, Seconds};

/// How much longer one side of an interval may be for `±` to stand for both.
const LOPSIDED: f64 = 1.5;

/// What is printed where nothing was measured.
pub const NOTHING: &str = "—";

/// A value beside its error, both to the error's second significant digit: `3.75 ± 0.10`.
///
/// Without an interval only two digits are given, behind a `~`.
pub fn estimate<Q: Quantity>(estimate: Estimate<Q>) -> String {
    let value = estimate.value.get();
    match estimate.interval {
        Some((low, high)) => {
            let (below, above) = (value - low.get(), high.get() - value);
            let half = f64::midpoint(below, above);
            let decimals = decimals(half, 2).min(decimals(value, 6));
            // A lopsided interval in one figure would claim what the data deny.
            if below.max(above) > LOPSIDED * below.min(above) {
                let (low, high) = (low.get(), high.get());
                return format!("{value:.decimals$} ({low:.decimals$} to {high:.decimals$})");
            }
            format!("{value:.decimals$} ± {half:.decimals$}")
        }
        None => format!("~{}", significant(value, 2)),
    }
}

/// The same where there may be none.
pub fn estimate_or_nothing<Q: Quantity>(value: Option<Estimate<Q>>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), estimate)
}

/// A number to so many significant digits, no exponent.
pub fn significant(value: f64, digits: i32) -> String {
    let decimals = decimals(value, digits);
    format!("{value:.decimals$}")
}

/// The decimals that show a number's first `digits` significant digits.
fn decimals(value: f64, digits: i32) -> usize {
    if value == 0.0 || !value.is_finite() {
        return usize::try_from(digits - 1).unwrap_or(0);
    }
    #[expect(clippy::cast_possible_truncation, reason = "an f64's decimal exponent is below 400")]
    let exponent = value.abs().log10().floor() as i32;
    usize::try_from((digits - 1 - exponent).max(0)).unwrap_or(0)
}

/// A latency in the unit that suits it.
pub fn seconds(value: Estimate<Seconds>) -> String {
    let typical = value.value.0;
    let (scale, unit) = match typical {
        t if t < 1e-3 => (1e6, "µs"),
        t if t < 1.0 => (1e3, "ms"),
        _ => (1.0, "s"),
    };
    format!("{} {unit}", estimate(value.map(|s| Seconds(s.0 * scale))))
}

/// The same where there may be none.
pub fn seconds_or_nothing(value: Option<Estimate<Seconds>>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), seconds)
}

/// A share to two significant digits, or nothing.
pub fn share(value: Option<Ratio>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |r| format!("{} %", significant(r.get() * 100.0, 2)))
}

/// A number with its thousands apart: `98,362,432`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::UsdPerMtok;

    #[track_caller]
    fn check(value: f64, half: f64, want: &str) {
        assert_eq!(estimate(Estimate::within(UsdPerMtok(value), UsdPerMtok(half))), want);
    }

    #[test]
    fn digits_end_where_the_error_begins() {
        check(3.753_754, 0.104, "3.75 ± 0.10");
        check(3.753_754, 1.04, "3.8 ± 1.0");
        check(12_345.678, 120.0, "12346 ± 120");
        check(0.004_567, 0.000_12, "0.00457 ± 0.00012");
        check(100.0, 0.0, "100.0 ± 0.0");
    }

    #[test]
    fn a_lopsided_interval_names_its_ends() {
        let lopsided =
            Estimate { value: Seconds(0.091), interval: Some((Seconds(0.082), Seconds(0.97))) };
        assert_eq!(seconds(lopsided), "91 (82 to 970) ms");
    }

    #[test]
    fn without_an_error_two_digits() {
        assert_eq!(estimate(Estimate::bare(UsdPerMtok(3.753_754))), "~3.8");
        assert_eq!(estimate(Estimate::bare(UsdPerMtok(1_234.5))), "~1234");
        assert_eq!(estimate_or_nothing::<UsdPerMtok>(None), "—");
    }

    #[test]
    fn latencies_choose_their_unit() {
        let within = |s, h| seconds(Estimate::within(Seconds(s), Seconds(h)));
        assert_eq!(within(0.123_4, 0.001), "123.4 ± 1.0 ms");
        assert_eq!(within(1.234, 0.01), "1.234 ± 0.010 s");
        assert_eq!(within(0.000_5, 0.000_01), "500 ± 10 µs");
    }

    #[test]
    fn thousands_stand_apart() {
        for (number, want) in [(0, "0"), (999, "999"), (1_000, "1,000"), (98_362_432, "98,362,432")]
        {
            assert_eq!(thousands(number), want);
        }
    }
}
