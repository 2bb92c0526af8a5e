//! Shares and ratios, printed in percent.

use super::Quantity;
use super::parse::{Grammar, ParseError, Scale};
use serde::{Deserialize, Serialize};

/// A pure number: a share (30 %), or how many times one quantity is another.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ratio(f64);

impl Ratio {
    /// All of it.
    pub const ONE: Self = Self(1.0);

    const GRAMMAR: Grammar = Grammar {
        what: "a share",
        example: "30%",
        units: &[(&["%", "percent"], Scale::Ten(-2))],
        case_matters: false,
    };

    /// This many times one.
    pub fn of(number: f64) -> Self {
        Self(number)
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The share that this many percent are.
    pub const fn percent(percent: f64) -> Self {
        Self(percent / 100.0)
    }

    /// Whether this can be a share of something: above 0, at most 1.
    pub fn is_proper_share(self) -> bool {
        self.0 > 0.0 && self.0 <= 1.0
    }
}

impl Quantity for Ratio {
    const UNIT: &'static str = "%";

    fn get(self) -> f64 {
        self.0
    }

    fn of(number: f64) -> Self {
        Self(number)
    }
}

/// In percent: exact and shortest, or to the precision asked for.
impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match f.precision() {
            Some(digits) => write!(f, "{:.digits$}%", self.0 * 100.0),
            None if self.0.is_finite() => write!(f, "{}%", hundredfold(self.0)),
            None => write!(f, "{}%", self.0),
        }
    }
}

impl std::str::FromStr for Ratio {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::GRAMMAR.number(text).map(Self)
    }
}

impl std::ops::Mul for Ratio {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }
}

/// `share` × 100 with its digits kept: multiplying the value could change the last one.
fn hundredfold(share: f64) -> String {
    let plain = share.to_string();
    let (sign, plain) = match plain.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", plain.as_str()),
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let padded = format!("{fraction:0<2}");
    let (moved, rest) = padded.split_at(2);
    let digits = format!("{whole}{moved}");
    let digits = match digits.trim_start_matches('0') {
        "" => "0",
        trimmed => trimmed,
    };
    match rest {
        "" => format!("{sign}{digits}"),
        rest => format!("{sign}{digits}.{rest}"),
    }
}
