//! Things that are counted: tokens, bytes, floating-point operations.

use super::parse::{Grammar, ParseError, Scale};
use super::quantity::quantity;
use serde::{Deserialize, Serialize};

/// Defines a whole-number count: display, parsing, sums, and its number as `f64` for rates.
macro_rules! count {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The number as `f64`, for rates and prices. Counts up to 2^53 are exact.
            #[expect(clippy::cast_precision_loss, reason = "2^53 tokens or bytes are out of reach")]
            pub fn get(self) -> f64 {
                self.0 as f64
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::GRAMMAR.whole(text).map(Self)
            }
        }

        impl std::ops::Add for $name {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        impl std::ops::AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl std::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                items.fold(Self(0), |sum, item| sum + item)
            }
        }

        /// How many times one count is another.
        impl std::ops::Div for $name {
            type Output = super::Ratio;

            fn div(self, other: Self) -> super::Ratio {
                super::Ratio::of(self.get() / other.get())
            }
        }
    };
}

count!(
    /// A number of tokens, by the target's own count.
    Tokens
);

count!(
    /// A number of bytes.
    Bytes
);

impl Tokens {
    const GRAMMAR: Grammar = Grammar {
        what: "a number of tokens",
        example: "10M",
        // A bare number is not ambiguous here: nothing else is counted in these places.
        units: &[
            (&["", "tok", "token", "tokens"], Scale::Ten(0)),
            (&["k", "ktok"], Scale::Ten(3)),
            (&["m", "mtok"], Scale::Ten(6)),
            (&["g", "b", "gtok", "btok"], Scale::Ten(9)),
            (&["t", "ttok"], Scale::Ten(12)),
        ],
        case_matters: false,
    };
}

impl Tokens {
    /// This many times as many, to the nearest whole one; nothing of what is negative.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounded and not negative; a cast saturates"
    )]
    pub fn scaled(self, by: f64) -> Self {
        Self((self.get() * by).round().max(0.0) as u64)
    }
}

impl std::fmt::Display for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tok", self.0)
    }
}

const KIB: f64 = 1_024.0;

impl Bytes {
    const GRAMMAR: Grammar = Grammar {
        what: "a number of bytes",
        example: "8GiB",
        units: &[
            (&["B", "bytes"], Scale::Ten(0)),
            (&["kB", "KB"], Scale::Ten(3)),
            (&["MB"], Scale::Ten(6)),
            (&["GB"], Scale::Ten(9)),
            (&["TB"], Scale::Ten(12)),
            (&["KiB"], Scale::Times(KIB)),
            (&["MiB"], Scale::Times(KIB * KIB)),
            (&["GiB"], Scale::Times(KIB * KIB * KIB)),
            (&["TiB"], Scale::Times(KIB * KIB * KIB * KIB)),
        ],
        case_matters: true,
    };
}

/// With a precision, in the largest binary unit that fits; without, exact, in whole units.
impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
        let fitting = |whole: bool| {
            (0..UNITS.len()).rev().find(|&power| {
                let unit = 1_u64 << (10 * power);
                self.0 >= unit && (!whole || self.0.is_multiple_of(unit))
            })
        };
        if let Some(digits) = f.precision() {
            let power = fitting(false).unwrap_or(0);
            let unit = Self(1 << (10 * power));
            write!(f, "{:.digits$} {}", (*self / unit).get(), UNITS[power])
        } else {
            let power = fitting(true).unwrap_or(0);
            write!(f, "{} {}", self.0 >> (10 * power), UNITS[power])
        }
    }
}

quantity!(
    /// Tokens in the mean or in the middle, which need not be whole.
    MeanTokens, "tok", "a mean number of tokens", "12.5tok", false,
    &[(&["", "tok", "tokens"], Scale::Ten(0))]
);

quantity!(
    /// Floating-point operations (a multiply-add is two).
    Flops, "FLOP", "an amount of work", "16GFLOP", true,
    &[
        (&["FLOP"], Scale::Ten(0)),
        (&["MFLOP"], Scale::Ten(6)),
        (&["GFLOP"], Scale::Ten(9)),
        (&["TFLOP"], Scale::Ten(12)),
    ]
);
