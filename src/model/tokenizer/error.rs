//! What can go wrong in making or using a tokenizer.

use crate::hint::{Fault, Hint};
use crate::model::gguf::GgufError;

/// Why there is no tokenizer, or no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The file's vocabulary is incomplete, contradictory or of an unknown kind.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The library refused a vocabulary that had passed our checks, or a text.
    #[error("the tokenizer failed: {0}")]
    Library(#[from] tokenizers::Error),
}

impl Hint for TokenizerError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Gguf(error) => error.hint(),
            Self::Library(_) => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Gguf(error) => error.fault(),
            Self::Library(_) => Fault::Internal,
        }
    }
}
