//! Bills worked by hand, and what must hold of every bill.

mod properties;
mod tariffs;
mod terms;
mod tokens;

use super::*;
use crate::prices::hours::{Hours, Window};
use crate::prices::rates::{Rates, TokenKind};
use crate::prices::schedule::{Schedule, Tier, Tiering};
use crate::prices::tariff::{Source, Variant};
use crate::prices::terms::{Direction, Percent, Rounding, Terms};
use crate::units::{ListPrice, ListUsd, PicoUsd, Tokens};
use TokenKind::{CacheWrite, CacheWrite1h, CachedInput, Input, InputAudio, Output, Reasoning};
use jiff::civil::{date, time};

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

/// 2025-09-29, V3.1-Terminus to V3.2-Exp.
pub(in crate::prices) fn deepseek() -> [Tariff; 2] {
    let cut = Some("2025-09-29T00:00:00Z".parse().unwrap());
    let terminus = tariff(&[(CachedInput, "0.07"), (Input, "0.56"), (Output, "1.68")]);
    let exp = tariff(&[(CachedInput, "0.028"), (Input, "0.28"), (Output, "0.42")]);
    [Tariff { until: cut, ..terminus }, Tariff { from: cut, ..exp }]
}

fn with_terms(terms: Terms) -> Tariff {
    Tariff { terms, ..tariff(&[(Input, "2"), (Output, "8")]) }
}
