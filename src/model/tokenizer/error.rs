//! What can go wrong in making or using a tokenizer.

use crate::hint::{Fault, Hint};
use crate::model::gguf::GgufError;
use crate::model::safetensors::FolderError;

/// Why there is no tokenizer, or no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The file's vocabulary is incomplete, contradictory or of an unknown kind.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// A file of the tokenizer is missing, damaged or of an unknown kind.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A text has a token that the model has no row for.
    #[error("the text has token `{id}`, and the model has {tokens}")]
    Beyond {
        /// The token.
        id: u32,
        /// How many the model knows.
        tokens: usize,
    },
    /// The library refused a vocabulary that had passed our checks, or a text.
    #[error("the tokenizer failed: {0}")]
    Library(#[from] tokenizers::Error),
}

impl Hint for TokenizerError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Gguf(error) => error.hint(),
            Self::Folder(error) => error.hint(),
            Self::Beyond { .. } => {
                Some("it stands for something that is no text: leave it out of the prompt".into())
            }
            Self::Library(_) => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Gguf(error) => error.fault(),
            Self::Folder(error) => error.fault(),
            Self::Beyond { .. } => Fault::Input,
            Self::Library(_) => Fault::Internal,
        }
    }
}
