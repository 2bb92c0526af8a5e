//! Everything that can stand between a model's name and a model.

use super::chat::ChatError;
use super::gguf::GgufError;
use super::manifest::ManifestError;
use super::safetensors::FolderError;
use super::spec::Part;
use super::tokenizer::TokenizerError;
use crate::hint::{Fault, Hint};
use std::path::PathBuf;

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A manifest of ours is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Nothing of that name.
    #[error("no model `{name}`")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The name that it may have been meant to be.
        nearest: Option<String>,
    },
    /// A path that leads to no file.
    #[error("`{}` is not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file is wrong.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The folder is.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The weights can't be read, though their headers could.
    #[error("{0}")]
    Weights(std::io::Error),
    /// Rows were asked for that the model doesn't have.
    #[error("the model has no rows {} to {} of {part:?}", rows.0, rows.1)]
    NoRows {
        /// Of what.
        part: Part,
        /// The first, and the one behind the last.
        rows: (usize, usize),
    },
    /// Its vocabulary is.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// Its chat template is.
    #[error(transparent)]
    Chat(#[from] ChatError),
}

impl Hint for ModelError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Manifest(error) => error.hint(),
            Self::Unknown { nearest: Some(nearest), .. } => {
                Some(format!("did you mean `{nearest}`?"))
            }
            Self::Unknown { nearest: None, .. } => Some(
                "`mtok models list` shows the names; the path of a GGUF file works too, or of a folder \
                 with safetensors"
                    .to_owned(),
            ),
            Self::NotAFile { .. } => Some(
                "pass the path of a GGUF file, or of a folder with a model's safetensors".to_owned(),
            ),
            Self::Gguf(error) => error.hint(),
            Self::Folder(error) => error.hint(),
            Self::Weights(_) | Self::NoRows { .. } => None,
            Self::Tokenizer(error) => error.hint(),
            Self::Chat(error) => error.hint(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Manifest(error) => error.fault(),
            Self::Unknown { .. } => Fault::Usage,
            Self::NotAFile { .. } => Fault::Input,
            Self::Gguf(error) => error.fault(),
            Self::Folder(error) => error.fault(),
            Self::Weights(_) => Fault::Environment,
            Self::NoRows { .. } => Fault::Internal,
            Self::Tokenizer(error) => error.fault(),
            Self::Chat(error) => error.fault(),
        }
    }
}
