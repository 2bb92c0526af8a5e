//! What can keep a request from being billed.

use crate::hint::{Fault, Hint};
use crate::prices::rates::TokenKind;
use crate::units::Tokens;
use jiff::Timestamp;

/// A request that can't be billed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    /// The book knows no prices for its time.
    #[error("`{entry}`: no tariff holds at {at}")]
    NoTariff {
        /// The entry.
        entry: String,
        /// The time.
        at: Timestamp,
    },
    /// It has tokens of a kind that has no price.
    #[error("`{entry}`: {tokens} of kind `{kind}`, which has no price")]
    Unpriced {
        /// The entry.
        entry: String,
        /// The kind.
        kind: TokenKind,
        /// How many.
        tokens: Tokens,
    },
    /// It names an uplift that the tariff hasn't.
    #[error("`{entry}`: the tariff has no uplift `{name}`")]
    Uplift {
        /// The entry.
        entry: String,
        /// The uplift.
        name: String,
    },
    /// An amount is beyond 128 bits of picodollars.
    #[error("`{entry}`: {tokens} of kind `{kind}` cost more than can be counted")]
    TooLarge {
        /// The entry.
        entry: String,
        /// The kind.
        kind: TokenKind,
        /// How many.
        tokens: Tokens,
    },
    /// A fee or a minimum is beyond 128 bits of picodollars.
    #[error("`{entry}`: `{field}` is more than can be counted")]
    Fee {
        /// The entry.
        entry: String,
        /// The field.
        field: &'static str,
    },
}

impl Hint for BillError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoTariff { .. } => {
                Some("another book may know older prices; `prices show` lists the dates".to_owned())
            }
            Self::Unpriced { kind, .. } => {
                Some(format!("missing is not free: choose an entry with a price for `{kind}`"))
            }
            Self::Uplift { .. } | Self::TooLarge { .. } | Self::Fee { .. } => None,
        }
    }

    fn fault(&self) -> Fault {
        Fault::Input
    }
}
