//! What can be wrong with a price book.

use crate::hint::{Fault, Hint};

/// A price book that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// The file isn't a price book.
    #[error("`{file}` is not a price book: {source}")]
    Toml {
        /// The file.
        file: String,
        /// What the reader of TOML found.
        source: Box<toml::de::Error>,
    },
    /// A price isn't a plain decimal.
    #[error("`{file}`, entry `{entry}`, `{field}`: `{value}` is not a decimal number")]
    NotADecimal {
        /// The file.
        file: String,
        /// The entry's id.
        entry: String,
        /// The field.
        field: &'static str,
        /// What stands there.
        value: String,
    },
    /// A price is negative, or greater than anybody asks.
    #[error("`{file}`, entry `{entry}`, `{field}`: `{value}` USD/Mtok is not between 0 and {max}")]
    OutOfRange {
        /// The file.
        file: String,
        /// The entry's id.
        entry: String,
        /// The field.
        field: &'static str,
        /// What stands there.
        value: String,
        /// The greatest price allowed.
        max: u32,
    },
    /// A field that must say something is empty or zero.
    #[error("`{file}`, entry `{entry}`: `{field}` is empty")]
    Empty {
        /// The file.
        file: String,
        /// The entry's id.
        entry: String,
        /// The field.
        field: &'static str,
    },
    /// A price for cached input without a word on how input is counted, or the word without a price.
    #[error("`{file}`, entry `{entry}`: `cached_input` and `input_includes_cached` go together")]
    Cache {
        /// The file.
        file: String,
        /// The entry's id.
        entry: String,
    },
    /// Two entries have one id.
    #[error("`{file}`: two entries `{entry}`")]
    Duplicate {
        /// The file.
        file: String,
        /// The id.
        entry: String,
    },
    /// The book inside the program is broken.
    #[error("the program's own book is broken: {0}")]
    Embedded(Box<PriceError>),
}

impl Hint for PriceError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotADecimal { .. } => {
                Some("write dollars per million tokens as digits in quotes: \"0.15\"".to_owned())
            }
            Self::OutOfRange { .. } => {
                Some("prices are in dollars per million tokens, not per token".to_owned())
            }
            Self::Empty { field: "sources", .. } => {
                Some("a price without a source and a date is not shown".to_owned())
            }
            Self::Embedded(_) => Some("this is a defect of mtok: please report it".to_owned()),
            _ => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Embedded(_) => Fault::Internal,
            _ => Fault::Input,
        }
    }
}
