//! How a provider counts: what is rounded, included, asked at least, and put on top.
//!
//! Invariant: what a book doesn't say is `None` or the neutral rule (to the single token, no
//! minimum, no fee), never a guess.

use crate::units::{ListUsd, Tokens, exact};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which way a count of tokens is rounded to its grain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// A grain that was begun is paid.
    Up,
    /// A grain that is not full is free.
    Down,
    /// To the nearest, half a grain to the even one.
    Nearest,
}

/// The smallest number of tokens that is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// 1, 100 or 1000 tokens; never 0.
    pub grain: Tokens,
    /// Which way.
    pub direction: Direction,
}

impl Default for Rounding {
    fn default() -> Self {
        Self { grain: Tokens(1), direction: Direction::Up }
    }
}

/// A surcharge or a factor as a book states it, exact: 5.5 percent is `5.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Percent(#[serde(deserialize_with = "exact")] pub Decimal);

/// How a provider counts and what it adds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Terms {
    /// Whether the API's count of input tokens includes the cached ones, as OpenAI's does and
    /// Anthropic's doesn't. `None` where the book doesn't say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_includes_cached: Option<bool>,
    /// How counts are rounded.
    #[serde(skip_serializing_if = "is_default")]
    pub rounding: Rounding,
    /// The least that a request costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<ListUsd>,
    /// What a router puts on top of the prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub router_fee: Option<Percent>,
    /// The shortest prompt that is cached at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_minimum: Option<Tokens>,
    /// By how many tokens a cached prefix grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_step: Option<Tokens>,
    /// Percentages of the price for a choice of the caller's, such as processing in one region:
    /// 110 is a tenth more.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub uplifts: BTreeMap<String, Percent>,
}

impl Terms {
    /// Whether nothing is said but the neutral rules.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn is_default(rounding: &Rounding) -> bool {
    *rounding == Rounding::default()
}
