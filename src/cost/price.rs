//! The one formula, and load: COST_MODEL.md section 1.

use crate::hint::{Fault, Hint};
use crate::units::{
    Estimate, ParseError, Quantity, Ratio, TokensPerSecond, UsdPerHour, UsdPerMtok,
};
use serde::Serialize;

/// Mean rate over the paid time / rate at the operating point: above 0, at most 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Load(Ratio);

/// Why a share is no load.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LoadError {
    /// Not above 0, or above 1.
    #[error("`{0}` is not a load: it must be above 0% and at most 100%")]
    OutOfRange(Ratio),
    /// Not a share at all.
    #[error(transparent)]
    Text(#[from] ParseError),
}

impl Hint for LoadError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::OutOfRange(_) => Some(
                "load is the mean rate over the paid time divided by the rate at the operating \
                 point; more than the point can do needs another point"
                    .to_owned(),
            ),
            Self::Text(error) => error.hint(),
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }
}

impl Load {
    /// The operating point itself, all the paid time.
    pub const FULL: Self = Self(Ratio::ONE);

    /// A share of the operating point's rate.
    ///
    /// # Errors
    /// Where the share is not above 0 or is above 1.
    pub fn new(share: Ratio) -> Result<Self, LoadError> {
        if share.is_proper_share() { Ok(Self(share)) } else { Err(LoadError::OutOfRange(share)) }
    }

    /// The share.
    pub fn share(self) -> Ratio {
        self.0
    }
}

impl std::str::FromStr for Load {
    type Err = LoadError;

    fn from_str(text: &str) -> Result<Self, LoadError> {
        Self::new(text.parse()?)
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a million tokens cost at a rate that holds for all the paid time.
///
/// The rate's interval carries over, turned round. Where its lower end is not above zero, the run
/// says nothing about how dear the tokens could be, and there is no interval.
pub fn cost(price: UsdPerHour, rate: Estimate<TokensPerSecond>) -> Estimate<UsdPerMtok> {
    let bounded = rate.interval.filter(|(low, _)| low.get() > 0.0);
    Estimate { interval: bounded, ..rate }.map(|rate| price / rate)
}

/// The same where the mean rate is only a share of the rate at the operating point.
pub fn cost_at(
    price: UsdPerHour,
    point: Estimate<TokensPerSecond>,
    load: Load,
) -> Estimate<UsdPerMtok> {
    cost(price, point).map(|full| full / load.share())
}
