//! Quantities with units, their arithmetic, parsing and display.
//!
//! Invariant: a product exists only where it means something, so a price per hour can't be divided
//! by a duration, nor a price per thousand tokens taken for one per million. There is no `Deref`
//! and no `From<f64>`: a number becomes a quantity by naming its unit. A published figure was wrong
//! by a thousand for want of this.
//!
//! ```
//! use mtok::units::{TokensPerSecond, UsdPerHour, UsdPerMtok};
//! let price: UsdPerMtok = UsdPerHour(3.6) / TokensPerSecond(1_000.0);
//! assert_eq!(price.to_string(), "1 USD/Mtok");
//! ```
//!
//! The same with a duration in the place of the rate does not compile:
//!
//! ```compile_fail,E0277
//! use mtok::units::{Seconds, UsdPerHour, UsdPerMtok};
//! let price: UsdPerMtok = UsdPerHour(3.6) / Seconds(1_000.0);
//! ```
//!
//! Every quantity prints as a number and its unit and reads the same text back (property test in
//! `tests.rs`). Where a bare number would be ambiguous, parsing refuses it with an example.

mod count;
mod energy;
mod estimate;
mod money;
mod parse;
mod pico;
mod quantity;
mod rate;
mod ratio;
#[cfg(test)]
mod tests;
mod time;

pub use count::{Bytes, Flops, MeanTokens, Tokens};
pub use energy::{GramsCo2, GramsPerKwh, GramsPerMtok, Joules, JoulesPerToken, UsdPerKwh, Watts};
pub use estimate::Estimate;
pub(crate) use money::exact;
pub use money::{ListPrice, ListUsd, Usd, UsdPerHour, UsdPerMchar, UsdPerMtok, UsdPerToken};
pub use parse::ParseError;
pub use pico::PicoUsd;
pub use quantity::Quantity;
pub use rate::{
    BytesPerSecond, CharactersPerToken, FlopsPerSecond, RequestsPerSecond, TokensPerCharacter,
    TokensPerSecond,
};
pub use ratio::Ratio;
pub use time::Seconds;

/// Seconds in an hour.
pub const SECONDS_PER_HOUR: f64 = 3_600.0;
/// Hours in a year; a month is a twelfth of it: 730.
pub const HOURS_PER_YEAR: f64 = 8_760.0;
/// Tokens in an Mtok.
pub const TOKENS_PER_MTOK: f64 = 1e6;
