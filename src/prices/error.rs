//! What can be wrong with a price book, and with a question to it.

use super::check::EntryFault;
use crate::hint::{Fault, Hint};
use jiff::civil::Date;

/// A price book that can't be read, or has no answer.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// The file isn't a price book.
    #[error("`{file}` is not a price book of the form `{form}`: {what}", form = super::file::SCHEMA)]
    Form {
        /// The file.
        file: String,
        /// What stands there.
        what: String,
    },
    /// A line isn't an entry.
    #[error("`{file}`, line {line}, entry `{entry}`: {what}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The entry's id, `?` where it can't be read.
        entry: String,
        /// What the reader found.
        what: String,
    },
    /// An entry says what no entry can.
    #[error("`{file}`, entry `{entry}`: {fault}")]
    Entry {
        /// The file.
        file: String,
        /// The entry's id.
        entry: String,
        /// What is wrong.
        fault: EntryFault,
    },
    /// Two entries have one id.
    #[error("`{file}`: two entries `{entry}`")]
    Duplicate {
        /// The file.
        file: String,
        /// The id.
        entry: String,
    },
    /// A snapshot is older than what the book has from the same source.
    #[error(
        "`{file}`, entry `{entry}`: the snapshot of {day} is older than the book's, of {known}"
    )]
    Older {
        /// The file.
        file: String,
        /// The entry's id.
        entry: String,
        /// The day of what the book says.
        known: Date,
        /// The day of the snapshot.
        day: Date,
    },
    /// Nothing goes by a name.
    #[error("no price for model `{query}`")]
    Unknown {
        /// What was asked for.
        query: String,
        /// The ids most like it.
        nearest: Vec<String>,
    },
    /// Several entries go by a name where one is asked for.
    #[error("`{query}` is sold by {}", ids.len())]
    Several {
        /// What was asked for.
        query: String,
        /// Their ids.
        ids: Vec<String>,
    },
    /// The book inside the program is broken.
    #[error("the program's own book is broken: {0}")]
    Embedded(Box<PriceError>),
}

impl Hint for PriceError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Line { what, .. } if what.contains("expected a string") => {
                Some("write dollars per million tokens as digits in quotes: \"0.15\"".to_owned())
            }
            Self::Line { what, .. } if what.contains("missing field `source`") => {
                Some("a price without a source and a date is not shown".to_owned())
            }
            Self::Entry { fault: EntryFault::OutOfRange { .. }, .. } => {
                Some("prices are in dollars per million tokens, not per token".to_owned())
            }
            Self::Older { .. } => {
                Some("lay the older snapshot first, and the later one over it".to_owned())
            }
            Self::Unknown { nearest, .. } => {
                let names = nearest.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>();
                Some(match names.as_slice() {
                    [] => "`mtok prices list` shows every model".to_owned(),
                    names => format!("did you mean {}?", names.join(" or ")),
                })
            }
            Self::Several { ids, .. } => {
                let names = ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>();
                Some(format!("name one of them: {}", names.join(", ")))
            }
            Self::Embedded(_) => Some("this is a defect of mtok: please report it".to_owned()),
            _ => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Embedded(_) => Fault::Internal,
            Self::Unknown { .. } | Self::Several { .. } => Fault::Usage,
            _ => Fault::Input,
        }
    }
}
