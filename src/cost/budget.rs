//! A workload's bill at list prices, exactly.

use crate::units::{ListPrice, Tokens};
use rust_decimal::Decimal;
use serde::Serialize;

/// Tokens to be paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Input tokens.
    pub input: Tokens,
    /// Output tokens.
    pub output: Tokens,
}

/// What a provider asks for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TokenPrices {
    /// Input.
    pub input: ListPrice,
    /// Output.
    pub output: ListPrice,
}

impl Budget {
    /// The bill in USD; `None` where it has more digits than a [`Decimal`] holds.
    pub fn bill(self, prices: TokenPrices) -> Option<Decimal> {
        prices.input.bill(self.input)?.checked_add(prices.output.bill(self.output)?)
    }
}
