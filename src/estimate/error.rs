//! What can be wrong with a shape, a calibration, a table of measured points, or a question.

use crate::hint::{Fault, Hint};

/// A question that has no estimate, or a book that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum EstimateError {
    /// No model of that name.
    #[error("no shape of a model `{name}`")]
    UnknownModel {
        /// What was asked for.
        name: String,
        /// Ids that are near it, nearest first.
        near: Vec<String>,
        /// All ids.
        known: Vec<String>,
    },
    /// A format that packs experts, for a model that has none.
    #[error("`{format}` is a format of experts, and `{model}` has none")]
    NoExperts {
        /// The format.
        format: super::Weights,
        /// The model's id.
        model: String,
    },
    /// A text that isn't JSON.
    #[error("`{file}`: {source}")]
    Json {
        /// The file.
        file: String,
        /// What the reader of JSON found; it names the line.
        source: serde_json::Error,
    },
    /// A `config.json` that doesn't tell a shape that is known here.
    #[error("`{file}`: `{field}` is {found}")]
    Config {
        /// The file.
        file: String,
        /// The field.
        field: &'static str,
        /// What stands there.
        found: String,
    },
    /// A book of shapes in which not one model stands, where one is meant.
    #[error("`{file}` holds {models} models")]
    NotOne {
        /// The file.
        file: String,
        /// How many.
        models: usize,
    },
    /// No such format of weights.
    #[error("no format `{value}` of weights")]
    UnknownFormat {
        /// What was asked for.
        value: String,
    },
    /// The GPU's book doesn't say how fast it calculates.
    #[error("no peak arithmetic of GPU `{gpu}` is known")]
    NoPeak {
        /// The GPU's id.
        gpu: String,
    },
    /// A number that must not be zero is.
    #[error("`{field}` is 0")]
    Zero {
        /// Which.
        field: &'static str,
    },
    /// Longer requests than the model was made for.
    #[error("prompt and output are {asked} tokens, and `{model}` was made for {most}")]
    TooLong {
        /// The model's id.
        model: String,
        /// Tokens of a request.
        asked: u64,
        /// Tokens of the model's context.
        most: u64,
    },
    /// A book that isn't one.
    #[error("`{file}`: {source}")]
    Toml {
        /// The file.
        file: String,
        /// What the reader of TOML found.
        source: Box<toml::de::Error>,
    },
    /// An entry of a book of shapes that can't be.
    #[error("`{file}`, model `{model}`: `{field}` is {found}")]
    Shape {
        /// The file.
        file: String,
        /// The model's id.
        model: String,
        /// The field.
        field: &'static str,
        /// What stands there.
        found: String,
    },
    /// Two models answer to one name.
    #[error("`{file}`: both `{first}` and `{second}` answer to `{name}`")]
    Ambiguous {
        /// The file.
        file: String,
        /// The name.
        name: String,
        /// The id of the model that has it first.
        first: String,
        /// The id of the model that has it again.
        second: String,
    },
    /// A coefficient that the calibration lacks, or that is below zero or no number.
    #[error("`{file}`: `{field}` is not a number of 0 or more")]
    Coefficient {
        /// The file.
        file: String,
        /// Which.
        field: String,
    },
    /// A table of measured points that can't be read.
    #[error("`{file}`: {source}")]
    Csv {
        /// The file.
        file: String,
        /// What the reader of CSV found; it names the line.
        source: csv::Error,
    },
    /// A row of such a table that can't be.
    #[error("`{file}`, row {row}: `{field}` is `{value}`")]
    Row {
        /// The file.
        file: String,
        /// Counted from 1, the header left out.
        row: usize,
        /// The column.
        field: &'static str,
        /// What stands there.
        value: String,
    },
    /// Too few points to fit.
    #[error("{points} points don't tell {terms} coefficients")]
    TooFew {
        /// How many there are.
        points: usize,
        /// How many coefficients are wanted.
        terms: usize,
    },
    /// A book inside the program is broken.
    #[error("the program's own book is broken: {0}")]
    Embedded(Box<EstimateError>),
}

/// What to do about a model that isn't in the catalogue.
const BY_HAND: &str =
    "give the path of the model's `config.json`, or of a file like `data/models.toml`";

impl Hint for EstimateError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownModel { near, known, .. } => Some(match near.as_slice() {
                [] => format!("{BY_HAND}; known are `{}`", known.join("`, `")),
                [one] => format!("did you mean `{one}`? Else {BY_HAND}"),
                many => format!("did you mean one of `{}`? Else {BY_HAND}", many.join("`, `")),
            }),
            Self::NoExperts { .. } => Some("use bf16, fp8 or int4".to_owned()),
            Self::TooLong { .. } => {
                Some("shorten `--prompt-tokens` or `--output-tokens`".to_owned())
            }
            Self::Config { .. } => Some(
                "describe the model in a file of your own, as `data/models.toml` describes others, \
                 and give its path"
                    .to_owned(),
            ),
            Self::NotOne { .. } => Some("give a file with one `[[model]]`".to_owned()),
            Self::UnknownFormat { .. } => Some("use bf16, fp8, mxfp4 or int4".to_owned()),
            Self::Embedded(_) => Some("this is a defect of mtok: please report it".to_owned()),
            _ => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::UnknownModel { .. }
            | Self::UnknownFormat { .. }
            | Self::NoExperts { .. }
            | Self::NoPeak { .. }
            | Self::Zero { .. }
            | Self::TooLong { .. } => Fault::Usage,
            Self::Embedded(_) => Fault::Internal,
            _ => Fault::Input,
        }
    }
}
