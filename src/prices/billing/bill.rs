//! A bill: its lines, its total, and which parts of the tariffs it came from.

use crate::prices::rates::TokenKind;
use crate::prices::tariff::Service;
use crate::units::{ListPrice, PicoUsd, Tokens};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LineKind {
    /// Tokens of a kind, at their exact number.
    Tokens(TokenKind),
    /// What rounding the tokens to the provider's grain adds, or takes away.
    Grain,
    /// Fees for requests.
    PerRequest,
    /// What a request costs more because it must cost something.
    Minimum,
    /// What a router puts on top.
    RouterFee,
}

impl LineKind {
    /// What it is called in every output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tokens(kind) => kind.name(),
            Self::Grain => "token_rounding",
            Self::PerRequest => "per_request",
            Self::Minimum => "minimum_charge",
            Self::RouterFee => "router_fee",
        }
    }
}

impl std::fmt::Display for LineKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl serde::Serialize for LineKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One line of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Line {
    /// What for.
    pub kind: LineKind,
    /// At which price, uplifts included; `None` where it isn't by the token.
    pub price: Option<ListPrice>,
    /// How many tokens; of fees and minimums, how many requests.
    pub count: u64,
    /// The amount.
    pub amount: PicoUsd,
}

/// Which prices a part of the requests was charged at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cause {
    pub(super) tariff_from: Option<Timestamp>,
    pub(super) above: Option<Tokens>,
    pub(super) hours: Option<usize>,
    pub(super) asked: Option<Service>,
    pub(super) service: Option<Service>,
}

/// What the requests have in common that were charged at one tariff, tier, hour and service.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Part {
    /// When the tariff began; `None`: the book knows no beginning.
    pub tariff_from: Option<Timestamp>,
    /// The tier: for prompts above this length.
    pub above: Option<Tokens>,
    /// Which of the tariff's hours.
    pub hours: Option<usize>,
    /// The service that was asked for.
    pub asked: Option<Service>,
    /// The service that was charged; `None` with one asked for: the tariff doesn't have it, and the
    /// standard prices were charged.
    pub service: Option<Service>,
    /// How many requests.
    pub requests: u64,
    /// Their tokens.
    pub tokens: Tokens,
    /// What they cost.
    pub amount: PicoUsd,
}

/// In words: `12 requests, 3400 tok, 0.12 USD: tariff since 2025-09-29, above 200000 tok, batch`.
impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { requests, tokens, amount, .. } = self;
        let s = if *requests == 1 { "" } else { "s" };
        write!(f, "{requests} request{s}, {tokens}, {amount}: ")?;
        match self.tariff_from {
            Some(from) => write!(f, "tariff since {}", from.strftime("%Y-%m-%d"))?,
            None => f.write_str("the only tariff so far")?,
        }
        if let Some(above) = self.above {
            write!(f, ", above {above}")?;
        }
        if let Some(hours) = self.hours {
            write!(f, ", hours {}", hours + 1)?;
        }
        match (&self.asked, &self.service) {
            (_, Some(service)) => write!(f, ", {service}"),
            (Some(asked), None) => write!(f, ", standard prices as `{asked}` has none"),
            (None, None) => Ok(()),
        }
    }
}

/// What one request is charged.
#[derive(Debug, Clone)]
pub(super) struct Charged {
    pub(super) cause: Cause,
    pub(super) lines: Vec<Line>,
    pub(super) tokens: Tokens,
    pub(super) requests: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sum {
    count: u64,
    tokens: Tokens,
    amount: PicoUsd,
}

/// The bill of some requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bill {
    lines: BTreeMap<(LineKind, Option<ListPrice>), Sum>,
    parts: BTreeMap<Cause, Sum>,
    requests: u64,
}

impl Bill {
    /// Its lines, by kind and price.
    pub fn lines(&self) -> impl Iterator<Item = Line> + '_ {
        self.lines.iter().map(|(&(kind, price), sum)| Line {
            kind,
            price,
            count: sum.count,
            amount: sum.amount,
        })
    }

    /// What it comes to.
    pub fn total(&self) -> PicoUsd {
        self.lines.values().map(|sum| sum.amount).sum()
    }

    /// What the lines of a kind come to, whatever their prices.
    pub fn amount(&self, kind: LineKind) -> PicoUsd {
        self.lines().filter(|line| line.kind == kind).map(|line| line.amount).sum()
    }

    /// How many requests it is for.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Which requests were charged at which tariff, tier, hours and service.
    pub fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        self.parts.iter().map(|(cause, sum)| {
            let Cause { tariff_from, above, hours, asked, service } = cause.clone();
            let Sum { count: requests, tokens, amount } = *sum;
            Part { tariff_from, above, hours, asked, service, requests, tokens, amount }
        })
    }

    pub(super) fn add(&mut self, charged: Charged) {
        let mut whole = Sum { count: charged.requests, tokens: charged.tokens, amount: PicoUsd(0) };
        for Line { kind, price, count, amount } in charged.lines {
            whole.amount += amount;
            self.lines.entry((kind, price)).or_default().add(Sum {
                count,
                tokens: Tokens(0),
                amount,
            });
        }
        self.parts.entry(charged.cause).or_default().add(whole);
        self.requests = self.requests.saturating_add(charged.requests);
    }
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.tokens += other.tokens;
        self.amount += other.amount;
    }
}

impl std::ops::Add for Bill {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        for (key, sum) in other.lines {
            self.lines.entry(key).or_default().add(sum);
        }
        for (key, sum) in other.parts {
            self.parts.entry(key).or_default().add(sum);
        }
        self.requests = self.requests.saturating_add(other.requests);
        self
    }
}
