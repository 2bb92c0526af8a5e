//! What can be wrong with a model's folder: which file, which field, which value.

use crate::hint::{Fault, Hint};
use std::path::PathBuf;

/// A folder that is not a model as on the hub, or not one that can be used.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {problem}", path.display())]
pub struct FolderError {
    /// The file, or the folder where a file is missing.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a file of a model's folder.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file can't be read.
    #[error("can't be read: {0}")]
    Io(#[from] std::io::Error),
    /// A folder without weights.
    #[error("holds neither `model.safetensors` nor `model.safetensors.index.json`")]
    NoWeights,
    /// A file longer than any of its kind.
    #[error("it has {bytes} bytes, at most {most} are read")]
    Long {
        /// Its length.
        bytes: u64,
        /// The limit.
        most: u64,
    },
    /// Text that is not JSON, or not of the form that it must have.
    #[error("is not the JSON that it should be: {0}")]
    Json(String),
    /// Text that is not UTF-8.
    #[error("is no text: {0}")]
    Text(String),
    /// A length of the header that the file has no room for.
    #[error("the header's length is `{value}`, at most {most} can be here")]
    HeaderLength {
        /// As the file's first eight bytes say.
        value: u64,
        /// The limit that it breaks.
        most: u64,
    },
    /// A tensor that can't be.
    #[error("tensor `{tensor}`: {why}")]
    Tensor {
        /// The tensor.
        tensor: String,
        /// What is wrong with it.
        why: String,
    },
    /// A name in the index that leads nowhere.
    #[error("tensor `{tensor}` is said to be in `{file}`: {why}")]
    Index {
        /// The tensor.
        tensor: String,
        /// Where it should be.
        file: String,
        /// Why it isn't.
        why: String,
    },
    /// A key that this kind of model must have.
    #[error("key `{key}` ({want}) is missing")]
    MissingKey {
        /// The key.
        key: String,
        /// What it should be.
        want: &'static str,
    },
    /// A key with a value of another type.
    #[error("`{key}` is `{found}`, not {want}")]
    KeyType {
        /// The key.
        key: String,
        /// What it should be.
        want: &'static str,
        /// What it is.
        found: String,
    },
    /// A value that can't be.
    #[error("`{key}` is `{value}`: {why}")]
    KeyValue {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// A sound model that the engine can't run.
    #[error("this model can't be run here yet: {0}")]
    NotRunnable(String),
}

impl Hint for FolderError {
    fn hint(&self) -> Option<String> {
        Some(match &self.problem {
            Problem::Io(_) => return None,
            Problem::NoWeights => "pass a GGUF file, or a folder with a model's `config.json`, \
                                   `tokenizer.json` and safetensors, as on the hub"
                .to_owned(),
            Problem::NotRunnable(_) => {
                "`mtok models list` says which models run here; any model runs behind a server of \
                 yours"
                    .to_owned()
            }
            Problem::MissingKey { .. } | Problem::KeyType { .. } | Problem::KeyValue { .. } => {
                "compare the file with the one on the model's hub page".to_owned()
            }
            _ => "the file is damaged or was not downloaded whole: download it again, and compare \
                  its SHA-256"
                .to_owned(),
        })
    }

    fn fault(&self) -> Fault {
        match &self.problem {
            Problem::Io(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Fault::Environment
            }
            _ => Fault::Input,
        }
    }
}
