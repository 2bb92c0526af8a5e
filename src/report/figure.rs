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
            // A lopsided interval in one figure would claim what the data deny, and so would ends that
            // are rounded to what the longer side bears.
            if below.max(above) > LOPSIDED * below.min(above) {
                let [value, low, high] =
                    [value, low.get(), high.get()].map(|end| rounded(end, below.min(above)));
                return format!("{value:.decimals$} ({low:.decimals$} to {high:.decimals$})");
            }
            // Above a hundred the error's second digit stands before the point.
            let (value, half) = (rounded(value, half), rounded(half, half));
            format!("{value:.decimals$} ± {half:.decimals$}")
        }
        None => format!("~{}", significant(rounded(value, value), 2)),
    }
}

/// A number rounded to the place of another's second digit, where that stands before the point.
fn rounded(number: f64, to: f64) -> f64 {
    if to.abs() < 100.0 || !to.is_finite() {
        return number;
    }
    let step = 10_f64.powf(to.abs().log10().floor() - 1.0);
    (number / step).round() * step
}

/// The same where there may be none.
pub fn estimate_or_nothing<Q: Quantity>(value: Option<Estimate<Q>>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), estimate)
}

/// A value alone, to its error's first significant digit and to four of its own at most, for tables
/// where many stand side by side. Without an interval two digits, behind a `~`.
pub fn brief<Q: Quantity>(estimate: Estimate<Q>) -> String {
    let value = estimate.value.get();
    let Some((low, high)) = estimate.interval else { return self::estimate(estimate) };
    let half = (high.get() - low.get()) / 2.0;
    if half == 0.0 || value == 0.0 {
        return significant(value, 4);
    }
    // An error as large as the value leaves it its first digit: a price is never printed as nothing.
    let error = half.min(value.abs());
    let decimals = decimals(error, 1).min(decimals(value, 4));
    // An error of tens leaves no meaning in the ones.
    let step = 10_f64.powf(error.log10().floor()).max(1.0);
    let rounded = if step > 1.0 { (value / step).round() * step } else { value };
    format!("{rounded:.decimals$}")
}

/// The same where there may be none.
pub fn brief_or_nothing<Q: Quantity>(value: Option<Estimate<Q>>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), brief)
}

/// A number to so many significant digits, no exponent.
pub fn significant(value: f64, digits: i32) -> String {
    let decimals = decimals(value, digits);
    format!("{value:.decimals$}")
}

/// A figure as somebody states it, to so many digits at most: no zeros behind what was said.
pub fn stated(value: f64, digits: i32) -> String {
    trimmed(significant(value, digits))
}

/// Without zeros at the end of the decimals.
fn trimmed(digits: String) -> String {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        digits
    }
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
    let (scaled, unit) = suited(value);
    format!("{} {unit}", estimate(scaled))
}

/// The same alone, as [`brief`] prints it, where there may be none.
pub fn brief_seconds(value: Option<Estimate<Seconds>>) -> String {
    value.map_or_else(
        || NOTHING.to_owned(),
        |value| {
            let (scaled, unit) = suited(value);
            format!("{} {unit}", brief(scaled))
        },
    )
}

/// A time with nothing known of its error, to three digits, where there may be none.
pub fn time(value: Option<Seconds>) -> String {
    value.map_or_else(
        || NOTHING.to_owned(),
        |value| {
            let (scaled, unit) = suited(Estimate::bare(value));
            format!("{} {unit}", significant(scaled.value.0, 3))
        },
    )
}

/// A time that somebody stated, as short as it can be said: `500 ms`.
pub fn shortest(value: Seconds) -> String {
    let (scaled, unit) = suited(Estimate::bare(value));
    format!("{} {unit}", stated(scaled.value.0, 6))
}

/// A latency's number in the unit that suits it.
fn suited(value: Estimate<Seconds>) -> (Estimate<Seconds>, &'static str) {
    let (scale, unit) = match value.value.0 {
        t if t < 1e-3 => (1e6, "µs"),
        t if t < 1.0 => (1e3, "ms"),
        _ => (1.0, "s"),
    };
    (value.map(|s| Seconds(s.0 * scale)), unit)
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
        check(12_345.678, 120.0, "12350 ± 120");
        check(4_287.3, 1_291.0, "4300 ± 1300");
        check(0.004_567, 0.000_12, "0.00457 ± 0.00012");
        check(100.0, 0.0, "100.0 ± 0.0");
    }

    #[track_caller]
    fn check_brief(value: f64, half: f64, want: &str) {
        assert_eq!(brief(Estimate::within(UsdPerMtok(value), UsdPerMtok(half))), want);
    }

    #[test]
    fn alone_a_value_keeps_the_digits_that_are_sure() {
        check_brief(3.753_754, 0.104, "3.8");
        check_brief(3.753_754, 0.000_1, "3.754");
        check_brief(12_345.678, 120.0, "12300");
        check_brief(12_345.678, 3.0, "12346");
        check_brief(0.004_567, 0.000_12, "0.0046");
        check_brief(0.037_5, 0.0, "0.03750");
        check_brief(0.043, 0.3, "0.04");
        check_brief(430.0, 1_700.0, "400");
        assert_eq!(brief(Estimate::bare(UsdPerMtok(3.753_754))), "~3.8");
        let within = |s, h| brief_seconds(Some(Estimate::within(Seconds(s), Seconds(h))));
        assert_eq!([within(0.123_4, 0.001), within(1.234, 0.3)], ["123 ms", "1.2 s"]);
        assert_eq!(
            [brief_seconds(None), time(None), time(Some(Seconds(0.024_208)))],
            ["—", "—", "24.2 ms"]
        );
    }

    #[test]
    fn what_was_stated_is_said_shortly() {
        for (seconds, want) in [(0.5, "500 ms"), (0.07, "70 ms"), (10.0, "10 s"), (1.25, "1.25 s")]
        {
            assert_eq!(shortest(Seconds(seconds)), want);
        }
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
        assert_eq!(estimate(Estimate::bare(UsdPerMtok(1_234.5))), "~1200");
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
