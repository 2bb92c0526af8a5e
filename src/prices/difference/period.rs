//! The five factors of a bill, each of one period or the other, and their product.
//!
//! Invariant: with all factors of one period the product is that period's bill without rounding.
//! Guarded by `tests` in the room above: all effects but one are zero where only one factor changes.

use crate::prices::billing::{Bill, LineKind, Request, Usage};
use crate::prices::rates::TokenKind;
use crate::units::PicoUsd;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// How much was asked, and how it divides.
#[derive(Debug)]
pub(super) struct Shape {
    /// Tokens, or requests where a period has no tokens.
    volume: Decimal,
    /// Of the volume, the share of each kind; all kinds that the cache decides between as one.
    mix: BTreeMap<TokenKind, Decimal>,
    /// Requests by volume.
    requests: Decimal,
    /// Of that one, the share of each of its kinds.
    cache: BTreeMap<TokenKind, Decimal>,
}

/// The kinds of text input, between which the cache decides.
const CACHE: [TokenKind; 6] = [
    TokenKind::Input,
    TokenKind::CachedInput,
    TokenKind::CachedInputExplicit,
    TokenKind::CacheWrite,
    TokenKind::CacheWrite1h,
    TokenKind::CacheWrite12h,
];

impl Shape {
    /// Of both periods; what one doesn't have (shares of nothing) is as in the other, so that it has
    /// no effect.
    pub(super) fn pair(old: &[Request], new: &[Request]) -> [Self; 2] {
        let total = |requests: &[Request]| requests.iter().map(|one| one.usage).sum::<Usage>();
        let [usage, other] = [total(old), total(new)];
        let tokens = usage.total().0 > 0 && other.total().0 > 0;
        let shape = |usage: &Usage, requests: &[Request]| {
            let requests: Decimal = requests.iter().map(|one| Decimal::from(one.count)).sum();
            let volume = if tokens { Decimal::from(usage.total().0) } else { requests };
            let input: Decimal = CACHE.iter().map(|kind| Decimal::from(usage.get(*kind).0)).sum();
            let mut mix: BTreeMap<TokenKind, Decimal> = usage
                .iter()
                .filter(|(kind, _)| !CACHE.contains(kind))
                .map(|(kind, tokens)| (kind, Decimal::from(tokens.0)))
                .collect();
            mix.insert(TokenKind::Input, input);
            let cache = CACHE.iter().map(|kind| (*kind, Decimal::from(usage.get(*kind).0)));
            Self {
                volume,
                requests: share(requests, volume),
                mix: mix.into_iter().map(|(kind, part)| (kind, share(part, volume))).collect(),
                cache: cache.map(|(kind, part)| (kind, share(part, input))).collect(),
            }
        };
        let mut pair = [shape(&usage, old), shape(&other, new)];
        for (empty, full) in [(0, 1), (1, 0)] {
            if pair[empty].volume.is_zero() {
                pair[empty].mix = pair[full].mix.clone();
                pair[empty].requests = pair[full].requests;
            }
            if pair[empty].cache.values().all(Decimal::is_zero) {
                pair[empty].cache = pair[full].cache.clone();
            }
        }
        pair
    }
}

fn share(part: Decimal, whole: Decimal) -> Decimal {
    part.checked_div(whole).unwrap_or_default()
}

/// What each kind cost on the mean, by one tariff over one period's requests.
#[derive(Debug)]
pub(super) struct Side {
    /// USD a token.
    prices: BTreeMap<TokenKind, Decimal>,
    /// USD a request.
    fee: Decimal,
    /// What a router puts on top, as a share of the rest.
    router: Decimal,
}

impl Side {
    /// Of bills by tariff, then by requests. A kind that one period's requests don't have is at the
    /// other's mean price by the same tariff.
    pub(super) fn of(bills: [[&Bill; 2]; 2]) -> [[Self; 2]; 2] {
        bills.map(|by_requests| {
            let mut sides = by_requests.map(Self::new);
            for (empty, full) in [(0, 1), (1, 0)] {
                let known = sides[full].prices.clone();
                for (kind, price) in known {
                    sides[empty].prices.entry(kind).or_insert(price);
                }
                if by_requests[empty].requests() == 0 {
                    sides[empty].fee = sides[full].fee;
                    sides[empty].router = sides[full].router;
                }
            }
            sides
        })
    }

    fn new(bill: &Bill) -> Self {
        let mut sums: BTreeMap<TokenKind, (Decimal, Decimal)> = BTreeMap::new();
        for line in bill.lines() {
            if let LineKind::Tokens(kind) = line.kind {
                let (tokens, amount) = sums.entry(kind).or_default();
                *tokens = tokens.saturating_add(Decimal::from(line.count));
                *amount = amount.saturating_add(dollars(line.amount));
            }
        }
        let router = dollars(bill.amount(LineKind::RouterFee));
        let fees = dollars(bill.amount(LineKind::PerRequest));
        let rest = sums.values().fold(fees, |sum, (_, amount)| sum.saturating_add(*amount));
        Self {
            prices: sums
                .into_iter()
                .map(|(kind, (tokens, amount))| (kind, share(amount, tokens)))
                .collect(),
            fee: share(fees, Decimal::from(bill.requests())),
            router: share(router, rest),
        }
    }
}

/// Amounts beyond 10^16 USD are nobody's bill; they make the product too large, which is an error.
fn dollars(amount: PicoUsd) -> Decimal {
    amount.decimal().unwrap_or(Decimal::MAX)
}

/// The product with these factors of the new period: bits 0 to 4 are price, volume, cache, mix and
/// terms. `None` where it is beyond what can be counted.
pub(super) fn value(
    changed: usize,
    shapes: &[Shape; 2],
    sides: &[[Side; 2]; 2],
) -> Option<PicoUsd> {
    let of = |factor: usize| changed >> factor & 1;
    let side = &sides[of(0)][of(4)];
    let volume = shapes[of(1)].volume;
    let (cache, mix) = (&shapes[of(2)].cache, &shapes[of(3)]);
    let mut sum = volume.checked_mul(mix.requests)?.checked_mul(side.fee)?;
    for (kind, part) in &mix.mix {
        let tokens = volume.checked_mul(*part)?;
        let mut pay = |kind: TokenKind, tokens: Decimal| {
            // Of what nobody asked, nothing is paid, at whatever price.
            let price = side.prices.get(&kind).copied().unwrap_or_default();
            sum = sum.checked_add(tokens.checked_mul(price)?)?;
            Some(())
        };
        if *kind == TokenKind::Input {
            for (kind, part) in cache {
                pay(*kind, tokens.checked_mul(*part)?)?;
            }
        } else {
            pay(*kind, tokens)?;
        }
    }
    PicoUsd::of(sum.checked_mul(side.router.checked_add(Decimal::ONE)?)?)
}
