//! Each mistake made on purpose is named, alone where the figures tell it from the others.

use super::*;
use crate::prices::billing::tests::{deepseek, tariff, usage};
use crate::prices::hours::{Hours, Window};
use crate::prices::rates::{Rates, TokenKind};
use crate::prices::schedule::{Schedule, Tier};
use crate::prices::tariff::{Service, Variant};
use crate::units::{ListPrice, Tokens};
use TokenKind::{CacheWrite, CachedInput, Input, Output, Reasoning};
use jiff::civil::time;
use rust_decimal::Decimal;

fn rates(list: &[(TokenKind, &str)]) -> Rates {
    list.iter().map(|(kind, text)| (*kind, ListPrice(text.parse().unwrap()))).collect()
}

fn line(at: &str, list: &[(TokenKind, u64)], billed: &str) -> Metered {
    let amount: Decimal = billed.parse().unwrap();
    Metered {
        line: 7,
        at: at.parse().unwrap(),
        model: "m".to_owned(),
        provider: None,
        requests: 1,
        usage: usage(list),
        service: None,
        billed: Some(Billed {
            amount: PicoUsd::of(amount).unwrap(),
            decimals: amount.normalize().scale(),
        }),
    }
}

#[track_caller]
fn check(tariffs: &[Tariff], line: &Metered, want: &[&str]) {
    let result = reconcile(std::slice::from_ref(line), |_| Some(Priced { entry: "e", tariffs }));
    let reasons: Vec<String> = result
        .differing
        .iter()
        .flat_map(|one| one.reasons.iter().map(ToString::to_string))
        .collect();
    assert_eq!(reasons, want, "{result:?}");
    assert_eq!(result.agreeing, u64::from(want.is_empty() && result.differing.is_empty()));
}

const NOON: &str = "2025-10-02T12:00:00Z";

/// 3 a million, above 200,000 tokens 6; half of it as a batch; 1 by night.
fn book() -> Vec<Tariff> {
    let mut one = tariff(&[
        (Input, "3"),
        (CachedInput, "0.3"),
        (CacheWrite, "3.75"),
        (Output, "15"),
        (Reasoning, "15"),
    ]);
    one.schedule.tiers = vec![Tier { above: Tokens(200_000), rates: rates(&[(Input, "6")]) }];
    one.variants = vec![Variant {
        service: Service::Batch,
        schedule: Schedule {
            rates: rates(&[(Input, "1.5"), (Output, "7.5")]),
            ..Schedule::default()
        },
    }];
    one.hours = vec![Hours {
        windows: vec![Window::daily(time(22, 0, 0, 0), time(6, 0, 0, 0))],
        schedule: Schedule { rates: rates(&[(Input, "1")]), ..Schedule::default() },
    }];
    vec![one]
}

/// 0.30 + 0.15 + 0.15 USD.
const WORK: [(TokenKind, u64); 3] = [(Input, 100_000), (Output, 10_000), (Reasoning, 10_000)];

#[test]
fn a_right_line_agrees_up_to_a_floats_last_digits() {
    check(&book(), &line(NOON, &WORK, "0.6"), &[]);
    check(&book(), &line(NOON, &WORK, "0.6000000000000001"), &[]);
    check(&book(), &line(NOON, &WORK, "0.59999999999"), &[]);
    let nothing = Metered { billed: None, ..line(NOON, &WORK, "0") };
    let tariffs = book();
    let result = reconcile(&[nothing], |_| Some(Priced { entry: "e", tariffs: &tariffs }));
    assert_eq!(result.without_amount, [(7, PicoUsd(600_000_000_000))]);
}

#[test]
fn rounding_is_named_before_all() {
    let work = [(Input, 123), (Output, 45)]; // 0.000369 + 0.000675 = 0.001044
    check(&book(), &line(NOON, &work, "0.0010"), &["rounded to 3 decimals"]);
    check(&book(), &line(NOON, &work, "0.00104"), &["rounded to 5 decimals"]);
    check(&book(), &line(NOON, &work, "0"), &["not billed at all"]);
}

#[test]
fn mistakes_of_counting_are_named() {
    let cached = [(Input, 10_000), (CachedInput, 90_000)]; // 0.03 + 0.027
    check(&book(), &line(NOON, &cached, "0.3"), &["cached input billed as input"]);
    check(&book(), &line(NOON, &cached, "0.327"), &["cached input counted as input once more"]);
    let written = [(Input, 10_000), (CacheWrite, 90_000)]; // 0.03 + 0.3375
    check(&book(), &line(NOON, &written, "0.3"), &["cache writes billed as input"]);
    check(&book(), &line(NOON, &WORK, "0.45"), &["reasoning not billed"]);
    check(&book(), &line(NOON, &WORK, "0.75"), &["reasoning billed twice"]);
}

#[test]
fn mistakes_of_tariff_are_named() {
    // 0.15 + 0.075, and reasoning, which the batch doesn't list, 0.15.
    check(&book(), &line(NOON, &WORK, "0.375"), &["billed as batch"]);
    let batch = Metered { service: Some(Service::Batch), ..line(NOON, &WORK, "0.6") };
    check(&book(), &batch, &["billed at standard prices"]);
    check(&book(), &line(NOON, &WORK, "0.9"), &["billed as a prompt above 200000 tok"]);
    check(&book(), &line(NOON, &[(Input, 300_000)], "0.9"), &["billed as a short prompt"]);
    check(&book(), &line(NOON, &WORK, "0.4"), &["billed at the prices of other hours"]);
    // The old price, after DeepSeek's cut: 0.56 + 1.68 for 0.28 + 0.42.
    let work = [(Input, 1_000_000), (Output, 1_000_000)];
    check(&deepseek(), &line(NOON, &work, "2.24"), &["at the oldest tariff"]);
    let before = line("2025-09-28T00:00:00Z", &work, "0.7");
    check(&deepseek(), &before, &["at the tariff of 2025-09-29"]);
}

#[test]
fn a_reason_is_named_once() {
    let mut book = book();
    let evening = vec![Window::daily(time(18, 0, 0, 0), time(20, 0, 0, 0))];
    let again = Hours { windows: evening, ..book[0].hours[0].clone() };
    book[0].hours.push(again);
    check(&book, &line(NOON, &WORK, "0.4"), &["billed at the prices of other hours"]);
}

#[test]
fn factors_are_named_and_what_nothing_explains_is_left_open() {
    check(&book(), &line(NOON, &WORK, "0.633"), &["5.5 % on top: a router's fee"]);
    check(&book(), &line(NOON, &WORK, "600"), &["a thousand times too much"]);
    check(&book(), &line(NOON, &WORK, "0.0006"), &["a thousandth of it"]);
    let odd = line(NOON, &WORK, "0.612345");
    let tariffs = book();
    let result = reconcile(&[odd], |_| Some(Priced { entry: "e", tariffs: &tariffs }));
    assert_eq!(result.differing.len(), 1);
    assert_eq!(result.differing[0].reasons, []);
    assert_eq!(result.differing[0].above(), PicoUsd(12_345_000_000));
    assert_eq!((result.billed.0, result.expected.0), (612_345_000_000, 600_000_000_000));
}

#[test]
fn what_cannot_be_laid_beside_the_book_is_listed() {
    let line = line(NOON, &WORK, "1");
    let result = reconcile(std::slice::from_ref(&line), |_| None);
    assert_eq!(result.unknown, [(7, "m".to_owned())]);
    let free = [tariff(&[(Input, "1")])];
    let result = reconcile(&[line], |_| Some(Priced { entry: "e", tariffs: &free }));
    assert!(matches!(result.failed[..], [(7, BillError::Unpriced { kind: Output, .. })]));
}
