//! What may be wrong with a line that was billed otherwise than the book says: one mistake at a time
//! is made on purpose, and those that come to what was billed are named.

use super::{Priced, printed, same};
use crate::prices::billing::{Request, Usage, bill, bill_as_of, is_input};
use crate::prices::export::{Billed, Metered};
use crate::prices::rates::TokenKind;
use crate::prices::tariff::{Service, Tariff};
use crate::units::{PicoUsd, Tokens};
use jiff::Timestamp;
use rust_decimal::Decimal;

/// A mistake that explains what was billed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The right amount, rounded to this many decimals of a dollar.
    Rounded(u32),
    /// At the tariff that began then; `None`: at the first that the book knows.
    OtherTariff(Option<Timestamp>),
    /// What was read from the cache, at the price of input.
    CachedAsInput,
    /// What was read from the cache, in the input once more.
    CachedTwice,
    /// What was written to the cache, at the price of input.
    WriteAsInput,
    /// Without the reasoning.
    ReasoningLeftOut,
    /// With the reasoning once more, in the output.
    ReasoningTwice,
    /// At the prices of a service that the export doesn't name.
    Service(Service),
    /// At standard prices, though the export names a service.
    ServiceIgnored,
    /// At the prices of the shortest prompts, though the prompt is beyond a tier.
    TierIgnored,
    /// At the prices above this length, though the prompt is shorter.
    TierTaken(Tokens),
    /// At the prices of other hours.
    HoursIgnored,
    /// With this percentage on top: a router's fee.
    RouterFee(Decimal),
    /// A thousand times too much: per thousand tokens for per million.
    Thousandfold,
    /// A thousand times too little.
    Thousandth,
    /// Nothing was billed.
    Free,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rounded(decimals) => write!(f, "rounded to {decimals} decimals"),
            Self::OtherTariff(Some(from)) => {
                write!(f, "at the tariff of {}", from.strftime("%Y-%m-%d"))
            }
            Self::OtherTariff(None) => f.write_str("at the oldest tariff"),
            Self::CachedAsInput => f.write_str("cached input billed as input"),
            Self::CachedTwice => f.write_str("cached input counted as input once more"),
            Self::WriteAsInput => f.write_str("cache writes billed as input"),
            Self::ReasoningLeftOut => f.write_str("reasoning not billed"),
            Self::ReasoningTwice => f.write_str("reasoning billed twice"),
            Self::Service(service) => write!(f, "billed as {service}"),
            Self::ServiceIgnored => f.write_str("billed at standard prices"),
            Self::TierIgnored => f.write_str("billed as a short prompt"),
            Self::TierTaken(above) => write!(f, "billed as a prompt above {above}"),
            Self::HoursIgnored => f.write_str("billed at the prices of other hours"),
            Self::RouterFee(percent) => write!(f, "{percent} % on top: a router's fee"),
            Self::Thousandfold => f.write_str("a thousand times too much"),
            Self::Thousandth => f.write_str("a thousandth of it"),
            Self::Free => f.write_str("not billed at all"),
        }
    }
}

/// The reasons that explain a line: those that come to the very amount; if none does, rounding; if
/// not that either, those that come to it as far as it is printed.
pub(super) fn reasons(
    priced: Priced<'_>,
    line: &Metered,
    billed: Billed,
    expected: PicoUsd,
) -> Vec<Reason> {
    if billed.amount == PicoUsd(0) {
        return vec![Reason::Free];
    }
    let mut made = mistakes(priced, line);
    made.extend(factors(expected));
    made.retain(|(_, amount)| !same(*amount, expected));
    let explaining = |explains: &dyn Fn(PicoUsd) -> bool| -> Vec<Reason> {
        let explaining = made.iter().filter(|(_, amount)| explains(*amount));
        let mut reasons: Vec<Reason> = explaining.map(|(one, _)| one.clone()).collect();
        // Several hours at one price are one reason.
        reasons.dedup();
        reasons
    };
    let exact = explaining(&|amount| same(billed.amount, amount));
    if !exact.is_empty() {
        return exact;
    }
    if printed(billed, expected) {
        return vec![Reason::Rounded(billed.decimals)];
    }
    // Of an amount that is printed with two digits, nearly everything could be said.
    if billed.half_last().0.saturating_mul(100) > billed.amount.0.saturating_abs() {
        return Vec::new();
    }
    explaining(&|amount| printed(billed, amount))
}

/// The line with each mistake, and what it comes to.
fn mistakes(Priced { entry, tariffs }: Priced<'_>, line: &Metered) -> Vec<(Reason, PicoUsd)> {
    use TokenKind::{
        CacheWrite, CacheWrite1h, CacheWrite12h, CachedInput, Input, Output, Reasoning,
    };
    let request = line.request();
    let usage = line.usage;
    let mut made = Vec::new();
    // What can't be billed with a mistake isn't explained by it.
    let total = |tariffs: &[Tariff], request: &Request| {
        bill(entry, tariffs, [request]).ok().map(|bill| bill.total())
    };
    let mut with = |reason, amount: Option<PicoUsd>| made.extend(amount.map(|all| (reason, all)));
    for tariff in tariffs.iter().filter(|tariff| !tariff.holds(line.at)) {
        let at = tariff.from.unwrap_or(Timestamp::MIN);
        let amount = bill_as_of(entry, tariffs, at, [&request]).ok().map(|bill| bill.total());
        with(Reason::OtherTariff(tariff.from), amount);
    }
    let counted = |usage: Usage| total(tariffs, &Request { usage, ..request.clone() });
    let writes = [CacheWrite, CacheWrite1h, CacheWrite12h];
    with(Reason::CachedAsInput, counted(moved(usage, &[CachedInput], Input)));
    with(Reason::CachedTwice, counted(added(usage, CachedInput, Input)));
    with(Reason::WriteAsInput, counted(moved(usage, &writes, Input)));
    with(Reason::ReasoningLeftOut, counted(usage.with(Reasoning, Tokens(0))));
    with(Reason::ReasoningTwice, counted(added(usage, Reasoning, Output)));
    if request.service.is_some() {
        let standard = Request { service: None, ..request.clone() };
        with(Reason::ServiceIgnored, total(tariffs, &standard));
    }
    let held = tariffs.iter().find(|tariff| tariff.holds(line.at));
    for variant in held.map_or(&[][..], |tariff| &tariff.variants) {
        let service =
            Some(variant.service.clone()).filter(|one| line.service.as_ref() != Some(one));
        if let Some(service) = service {
            let other = Request { service: Some(service.clone()), ..request.clone() };
            with(Reason::Service(service), total(tariffs, &other));
        }
    }
    if let Some(tariff) = held {
        let schedule = tariff.schedule_at(line.at, line.service.as_ref());
        let flat = |rates| {
            let schedule = crate::prices::Schedule { rates, tiers: Vec::new(), ..schedule.clone() };
            let flat =
                Tariff { schedule, hours: Vec::new(), variants: Vec::new(), ..tariff.clone() };
            total(&[flat], &request)
        };
        for band in schedule.bands() {
            match band.above {
                None => with(Reason::TierIgnored, flat(band.rates)),
                Some(above) => with(Reason::TierTaken(above), flat(band.rates)),
            }
        }
        // At no hour, and at each.
        let hours = |schedule| Tariff { schedule, hours: Vec::new(), ..tariff.clone() };
        with(Reason::HoursIgnored, total(&[hours(tariff.schedule.clone())], &request));
        for other in &tariff.hours {
            let schedule = tariff.schedule.overlaid(&other.schedule);
            with(Reason::HoursIgnored, total(&[hours(schedule)], &request));
        }
    }
    made
}

/// With the tokens of some kinds counted as another.
fn moved(mut usage: Usage, from: &[TokenKind], to: TokenKind) -> Usage {
    for kind in from {
        usage = added(usage, *kind, to).with(*kind, Tokens(0));
    }
    usage
}

/// With the tokens of a kind counted as another, too.
fn added(usage: Usage, kind: TokenKind, to: TokenKind) -> Usage {
    debug_assert_eq!(is_input(kind), is_input(to));
    usage.with(to, usage.get(to) + usage.get(kind))
}

/// What a line comes to with a factor: a thousand, or a router's fee of a round percentage. Fees
/// known here are of 5 and 5.5 %; up to 20 % in halves are taken for one.
fn factors(expected: PicoUsd) -> Vec<(Reason, PicoUsd)> {
    let fees = (1..=40).map(|half| {
        let percent = Decimal::new(half * 5, 1);
        let times = Decimal::ONE + percent / Decimal::ONE_HUNDRED;
        (Reason::RouterFee(percent.normalize()), times)
    });
    let thousand =
        [(Reason::Thousandfold, Decimal::ONE_THOUSAND), (Reason::Thousandth, Decimal::new(1, 3))];
    let all = thousand.into_iter().chain(fees);
    all.filter_map(|(reason, by)| expected.times(by).map(|amount| (reason, amount))).collect()
}
