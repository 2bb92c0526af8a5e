//! What all `f64` quantities have in common, and the macro that writes it.

/// A quantity held as one `f64` in its own unit.
///
/// Generic code (percentiles, intervals) works through this; everything else names the unit.
pub trait Quantity: Copy + PartialOrd {
    /// The unit as printed: `USD/Mtok`.
    const UNIT: &'static str;

    /// The number, in the unit.
    fn get(self) -> f64;

    /// The quantity of this many units.
    fn of(number: f64) -> Self;
}

/// Defines a quantity: the type, display, parsing, sums, differences, scaling by a [`Ratio`](super::Ratio).
macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $unit:literal, $what:literal, $example:literal, $case:literal, $units:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub f64);

        impl $crate::units::Quantity for $name {
            const UNIT: &'static str = $unit;

            fn get(self) -> f64 {
                self.0
            }

            fn of(number: f64) -> Self {
                Self(number)
            }
        }

        impl $name {
            const GRAMMAR: $crate::units::parse::Grammar = $crate::units::parse::Grammar {
                what: $what,
                example: $example,
                units: $units,
                case_matters: $case,
            };
        }

        /// The shortest number that reads back the same, or the precision asked for, and the unit.
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match f.precision() {
                    Some(digits) => write!(f, "{:.digits$} {}", self.0, $unit),
                    None => write!(f, "{} {}", self.0, $unit),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::units::ParseError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::GRAMMAR.number(text).map(Self)
            }
        }

        impl std::ops::Add for $name {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl std::ops::Sub for $name {
            type Output = Self;

            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        impl std::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                // Not `f64`'s own sum: that of nothing is -0.
                items.fold(Self(0.0), |sum, item| sum + item)
            }
        }

        impl std::ops::Mul<$crate::units::Ratio> for $name {
            type Output = Self;

            fn mul(self, share: $crate::units::Ratio) -> Self {
                Self(self.0 * share.get())
            }
        }

        impl std::ops::Div<$crate::units::Ratio> for $name {
            type Output = Self;

            fn div(self, share: $crate::units::Ratio) -> Self {
                Self(self.0 / share.get())
            }
        }

        impl std::ops::Div for $name {
            type Output = $crate::units::Ratio;

            fn div(self, other: Self) -> $crate::units::Ratio {
                $crate::units::Ratio::of(self.0 / other.0)
            }
        }
    };
}

/// A product or quotient that means something: `relation!(A * B = C)`, numbers multiplied as they are.
macro_rules! relation {
    ($left:ident * $right:ident = $result:ident) => {
        impl std::ops::Mul<$right> for $left {
            type Output = $result;

            fn mul(self, other: $right) -> $result {
                $result($crate::units::Quantity::get(self) * $crate::units::Quantity::get(other))
            }
        }
    };
    ($left:ident / $right:ident = $result:ident) => {
        impl std::ops::Div<$right> for $left {
            type Output = $result;

            fn div(self, other: $right) -> $result {
                $result($crate::units::Quantity::get(self) / $crate::units::Quantity::get(other))
            }
        }
    };
}

pub(super) use {quantity, relation};
