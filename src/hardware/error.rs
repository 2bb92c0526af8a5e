//! What can be wrong with a hardware book or a GPU's name.

use crate::hint::{Fault, Hint};
use crate::units::ParseError;

/// A book that can't be read, or a GPU that isn't in it.
#[derive(Debug, thiserror::Error)]
pub enum HardwareError {
    /// The file isn't a catalogue.
    #[error("`{file}` is not a GPU catalogue: {source}")]
    Toml {
        /// The file.
        file: String,
        /// What the reader of TOML found.
        source: Box<toml::de::Error>,
    },
    /// The file isn't a table of offers.
    #[error("`{file}` is not a table of rental offers: {source}")]
    Csv {
        /// The file.
        file: String,
        /// What the reader of CSV found; it names the line.
        source: csv::Error,
    },
    /// A figure of a spec sheet isn't a quantity.
    #[error("`{file}`, GPU `{gpu}`, `{field}`: {source}")]
    Quantity {
        /// The file.
        file: String,
        /// The GPU's id.
        gpu: String,
        /// The field.
        field: &'static str,
        /// What is wrong with the text.
        source: Box<ParseError>,
    },
    /// A field that must say something is empty or zero.
    #[error("`{file}`, GPU `{gpu}`: `{field}` is empty")]
    Empty {
        /// The file.
        file: String,
        /// The GPU's id.
        gpu: String,
        /// The field.
        field: &'static str,
    },
    /// Two GPUs answer to one name.
    #[error("`{file}`: both `{first}` and `{second}` answer to `{name}`")]
    Ambiguous {
        /// The file.
        file: String,
        /// The name.
        name: String,
        /// The id of the GPU that has it first.
        first: String,
        /// The id of the GPU that has it again.
        second: String,
    },
    /// A rental price that isn't one.
    #[error("`{file}`, `{provider}`'s `{gpu}`: `{value}` USD/h is not a price")]
    NotAPrice {
        /// The file.
        file: String,
        /// Who offers it.
        provider: String,
        /// The GPU's id.
        gpu: String,
        /// What stands there.
        value: f64,
    },
    /// No GPU of that name.
    #[error("no GPU `{name}` in the catalogue")]
    UnknownGpu {
        /// What was asked for.
        name: String,
        /// Ids that are near it, nearest first.
        near: Vec<String>,
        /// All ids.
        known: Vec<String>,
    },
    /// The book inside the program is broken.
    #[error("the program's own book is broken: {0}")]
    Embedded(Box<HardwareError>),
}

impl Hint for HardwareError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownGpu { near, known, .. } => Some(match near.as_slice() {
                [] => format!("it holds `{}`", known.join("`, `")),
                [one] => format!("did you mean `{one}`?"),
                many => format!("did you mean one of `{}`?", many.join("`, `")),
            }),
            Self::Quantity { source, .. } => source.hint(),
            Self::Embedded(_) => Some("this is a defect of mtok: please report it".to_owned()),
            _ => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::UnknownGpu { .. } => Fault::Usage,
            Self::Embedded(_) => Fault::Internal,
            _ => Fault::Input,
        }
    }
}
