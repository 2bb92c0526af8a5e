//! Dollars: estimates in `f64`, list prices exact.

use super::parse::{Grammar, ParseError, Problem, Scale, decimal};
use super::quantity::quantity;
use super::{
    Quantity, SECONDS_PER_HOUR, Seconds, TOKENS_PER_MTOK, Tokens, TokensPerCharacter,
    TokensPerSecond,
};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

quantity!(
    /// An amount of money, estimated.
    Usd, "USD", "an amount of money", "130 USD", false,
    &[(&["usd", ""], Scale::Ten(0))]
);

quantity!(
    /// What the clock costs: the whole rented machine, all its GPUs, used or not.
    UsdPerHour, "USD/h", "a rental price", "2.50/h", false,
    &[
        (&["/h", "usd/h", "/hr", "usd/hr", "/hour", "usd/hour"], Scale::Ten(0)),
        (&["/min", "usd/min"], Scale::Times(60.0)),
        (&["/s", "usd/s", "/sec"], Scale::Times(SECONDS_PER_HOUR)),
        (&["/day", "usd/day"], Scale::Times(1.0 / 24.0)),
        // A cloud's month is 730 hours: 8,760 / 12.
        (&["/month", "usd/month", "/mo"], Scale::Times(1.0 / 730.0)),
    ]
);

quantity!(
    /// What a million tokens cost, estimated.
    UsdPerMtok, "USD/Mtok", "a price per million tokens", "0.50/Mtok", false,
    TOKEN_PRICE_UNITS
);

quantity!(
    /// What one token costs, estimated.
    UsdPerToken, "USD/tok", "a price per token", "5e-6/tok", false,
    &[(&["/tok", "usd/tok", "/token", "usd/token"], Scale::Ten(0))]
);

quantity!(
    /// What the tokens of a million characters of text cost, estimated.
    UsdPerMchar, "USD/Mchar", "a price per million characters", "0.50/Mchar", false,
    &[(&["/mchar", "usd/mchar"], Scale::Ten(0))]
);

const TOKEN_PRICE_UNITS: &[super::parse::Unit] = &[
    (&["/mtok", "usd/mtok", "/m", "/1m", "usd/1m", "/million"], Scale::Ten(0)),
    (&["/ktok", "usd/ktok", "/k", "/1k", "usd/1k"], Scale::Ten(3)),
    (&["/tok", "usd/tok", "/token", "usd/token"], Scale::Ten(6)),
];

/// Price over rate: COST_MODEL.md section 1, `price / 3600 / rate × 10^6`.
impl std::ops::Div<TokensPerSecond> for UsdPerHour {
    type Output = UsdPerMtok;

    fn div(self, rate: TokensPerSecond) -> UsdPerMtok {
        UsdPerMtok(self.0 / SECONDS_PER_HOUR / rate.0 * TOKENS_PER_MTOK)
    }
}

/// What a time costs at an hourly price.
impl std::ops::Mul<Seconds> for UsdPerHour {
    type Output = Usd;

    fn mul(self, time: Seconds) -> Usd {
        Usd(self.0 * time.0 / SECONDS_PER_HOUR)
    }
}

/// The rate at which an hourly price comes down to a price per token.
impl std::ops::Div<UsdPerMtok> for UsdPerHour {
    type Output = TokensPerSecond;

    fn div(self, price: UsdPerMtok) -> TokensPerSecond {
        TokensPerSecond(self.0 / SECONDS_PER_HOUR / price.0 * TOKENS_PER_MTOK)
    }
}

impl std::ops::Mul<Tokens> for UsdPerMtok {
    type Output = Usd;

    fn mul(self, tokens: Tokens) -> Usd {
        Usd(self.0 * tokens.get() / TOKENS_PER_MTOK)
    }
}

impl From<UsdPerMtok> for UsdPerToken {
    fn from(price: UsdPerMtok) -> Self {
        Self(price.0 / TOKENS_PER_MTOK)
    }
}

/// COST_MODEL.md section 7: USD/Mtok × tokens per character.
impl std::ops::Mul<TokensPerCharacter> for UsdPerMtok {
    type Output = UsdPerMchar;

    fn mul(self, cut: TokensPerCharacter) -> UsdPerMchar {
        UsdPerMchar(self.0 * cut.0)
    }
}

impl std::ops::Div<Tokens> for Usd {
    type Output = UsdPerMtok;

    fn div(self, tokens: Tokens) -> UsdPerMtok {
        UsdPerMtok(self.0 / tokens.get() * TOKENS_PER_MTOK)
    }
}

impl std::ops::Div<Seconds> for Usd {
    type Output = UsdPerHour;

    fn div(self, time: Seconds) -> UsdPerHour {
        UsdPerHour(self.0 / time.0 * SECONDS_PER_HOUR)
    }
}

/// A published price of a million tokens, exact to the last decimal, and with the decimals that it
/// was published with: 0.50 is not 0.5 to somebody who asks how far it was rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ListPrice(pub Decimal);

impl ListPrice {
    const GRAMMAR: Grammar = Grammar {
        what: "a list price",
        example: "0.50/Mtok",
        units: TOKEN_PRICE_UNITS,
        case_matters: false,
    };

    /// What this many tokens cost, exactly.
    ///
    /// `None` where the product has more digits than a [`Decimal`] holds.
    pub fn bill(self, tokens: Tokens) -> Option<Decimal> {
        self.0.checked_mul(Decimal::from(tokens.0))?.checked_div(Decimal::from(1_000_000))
    }

    /// The price as an estimate, for sums with estimates.
    pub fn estimate(self) -> UsdPerMtok {
        // A Decimal is a finite number, so there always is a nearest f64.
        UsdPerMtok(self.0.to_f64().unwrap_or(f64::MAX))
    }
}

/// An exact amount of dollars, as listed or billed: a fee, a minimum, the price of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ListUsd(#[serde(deserialize_with = "exact")] pub Decimal);

impl std::fmt::Display for ListUsd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.0.normalize(), Usd::UNIT)
    }
}

/// Reads a decimal from its text, every digit of it: a number in JSON would have been rounded to a
/// float, a text of too many digits to a decimal.
pub(crate) fn exact<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
    let text = String::deserialize(from)?;
    Decimal::from_str_exact(&text)
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is not a decimal number")))
}

impl std::fmt::Display for ListPrice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.0.normalize(), UsdPerMtok::UNIT)
    }
}

impl std::str::FromStr for ListPrice {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, scale) = Self::GRAMMAR.split(text)?;
        let Scale::Ten(power) = scale else {
            return Err(Self::GRAMMAR.error(text, Problem::OutOfRange));
        };
        let out_of_range = || Self::GRAMMAR.error(text, Problem::OutOfRange);
        let number = decimal(&number).ok_or_else(out_of_range)?;
        let factor = decimal(&format!("1e{power}")).ok_or_else(out_of_range)?;
        number.checked_mul(factor).map(Self).ok_or_else(out_of_range)
    }
}
