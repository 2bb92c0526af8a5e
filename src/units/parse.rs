//! Reading a quantity: a number, then a unit.
//!
//! Powers of ten are applied to the number's text, not to its value, so that `5e-6/tok` is exactly
//! 5 USD/Mtok and `30%` exactly 0.3.

use crate::hint::{Fault, Hint};

/// Why a text is not the quantity that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {problem}")]
pub struct ParseError {
    /// What was expected, with its article: `a rental price`.
    pub what: &'static str,
    /// What was found.
    pub text: String,
    /// What is wrong with it.
    pub problem: Problem,
    /// A text that would have been right.
    pub example: &'static str,
}

/// What is wrong with a quantity's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is no number at its start.
    #[error("it does not start with a number")]
    NoNumber,
    /// The number is there and the unit is not.
    #[error("a bare number is ambiguous here, it needs a unit")]
    NoUnit,
    /// The unit is not one of this quantity's.
    #[error("`{0}` is not a unit of it")]
    UnknownUnit(String),
    /// Below zero.
    #[error("it is negative")]
    Negative,
    /// Infinite, or too large for its type.
    #[error("it is out of range")]
    OutOfRange,
    /// A count that isn't whole.
    #[error("it is not a whole number")]
    NotWhole,
}

impl Hint for ParseError {
    fn hint(&self) -> Option<String> {
        Some(format!("write it like `{}`", self.example))
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }
}

/// What a unit does to the number before it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scale {
    /// Times ten to this power, exactly.
    Ten(i32),
    /// Times this, rounded once.
    Times(f64),
}

/// A unit's spellings, lower case, and its scale.
pub(super) type Unit = (&'static [&'static str], Scale);

/// How one quantity is written.
pub(super) struct Grammar {
    pub(super) what: &'static str,
    pub(super) example: &'static str,
    pub(super) units: &'static [Unit],
    /// Upper and lower case mean different things (`MB`, `mW`): spellings must match exactly.
    pub(super) case_matters: bool,
}

impl Grammar {
    pub(super) fn error(&self, text: &str, problem: Problem) -> ParseError {
        ParseError { what: self.what, text: text.to_owned(), problem, example: self.example }
    }

    /// Splits a text into its number, as digits that `f64` and `Decimal` both read, and its scale.
    pub(super) fn split(&self, text: &str) -> Result<(String, Scale), ParseError> {
        let bare = text.trim();
        let (sign, bare) = match bare.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", bare),
        };
        let bare = bare.strip_prefix('$').unwrap_or(bare);
        let (number, unit) = bare.split_at(number_length(bare));
        let number = number.replace('_', "");
        if !number.bytes().any(|b| b.is_ascii_digit()) {
            return Err(self.error(text, Problem::NoNumber));
        }
        if sign == "-" && number.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
            return Err(self.error(text, Problem::Negative));
        }
        let scale = self.scale_of(unit.trim()).ok_or_else(|| {
            let problem = match unit.trim() {
                "" => Problem::NoUnit,
                other => Problem::UnknownUnit(other.to_owned()),
            };
            self.error(text, problem)
        })?;
        Ok((number, scale))
    }

    fn scale_of(&self, unit: &str) -> Option<Scale> {
        let folded = if self.case_matters { unit.to_owned() } else { unit.to_ascii_lowercase() };
        let names_it = |(names, _): &&Unit| names.contains(&folded.as_str());
        self.units.iter().find(names_it).map(|(_, scale)| *scale)
    }

    /// The quantity's number in its own unit.
    pub(super) fn number(&self, text: &str) -> Result<f64, ParseError> {
        let (number, scale) = self.split(text)?;
        let value = match scale {
            Scale::Ten(power) => shifted(&number, power).parse::<f64>(),
            Scale::Times(factor) => number.parse::<f64>().map(|n| n * factor),
        };
        match value {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => Err(self.error(text, Problem::OutOfRange)),
            Err(_) => Err(self.error(text, Problem::NoNumber)),
        }
    }

    /// The quantity's whole number in its own unit.
    pub(super) fn whole(&self, text: &str) -> Result<u64, ParseError> {
        use rust_decimal::Decimal;
        use rust_decimal::prelude::ToPrimitive;
        let (number, scale) = self.split(text)?;
        let out_of_range = || self.error(text, Problem::OutOfRange);
        let number = decimal(&number).ok_or_else(out_of_range)?;
        let factor = match scale {
            Scale::Ten(power) => decimal(&format!("1e{power}")),
            Scale::Times(factor) => Decimal::try_from(factor).ok(),
        };
        let value = factor.and_then(|f| number.checked_mul(f)).ok_or_else(out_of_range)?;
        if !value.fract().is_zero() {
            return Err(self.error(text, Problem::NotWhole));
        }
        value.to_u64().ok_or_else(out_of_range)
    }
}

/// Reads a decimal with or without an exponent, exactly.
pub(super) fn decimal(number: &str) -> Option<rust_decimal::Decimal> {
    use rust_decimal::Decimal;
    if number.contains(['e', 'E']) {
        Decimal::from_scientific(number).ok()
    } else {
        Decimal::from_str_exact(number).ok()
    }
}

/// How many bytes at the start of `text` are a number: digits, point, `_`, exponent.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let run = |from: usize, allowed: fn(&u8) -> bool| {
        bytes.iter().skip(from).take_while(|b| allowed(b)).count()
    };
    let mantissa = run(0, |b| b.is_ascii_digit() || matches!(b, b'.' | b'_'));
    if !matches!(bytes.get(mantissa), Some(b'e' | b'E')) {
        return mantissa;
    }
    let sign = usize::from(matches!(bytes.get(mantissa + 1), Some(b'-' | b'+')));
    match run(mantissa + 1 + sign, u8::is_ascii_digit) {
        0 => mantissa,
        digits => mantissa + 1 + sign + digits,
    }
}

/// `number` times ten to `power`, as text, exactly.
fn shifted(number: &str, power: i32) -> String {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().unwrap_or(i32::MAX / 2)),
        None => (number, 0),
    };
    format!("{mantissa}e{}", exponent.saturating_add(power))
}
