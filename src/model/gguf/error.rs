//! What can be wrong with a GGUF file: which file, at which byte, which field, which value.

use crate::hint::{Fault, Hint};
use std::path::PathBuf;

/// A file that is not a GGUF, or not one that can be used.
#[derive(Debug, thiserror::Error)]
#[error("`{}`, byte {at}: {problem}", path.display())]
pub struct GgufError {
    /// The file.
    pub path: PathBuf,
    /// Where in it the value stands; 0 where something is missing altogether.
    pub at: u64,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a GGUF file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file can't be read.
    #[error("can't be read: {0}")]
    Io(#[from] std::io::Error),
    /// The first four bytes.
    #[error("magic is `{}`, not `GGUF`", .0.escape_ascii())]
    Magic([u8; 4]),
    /// A version of the format that is not read.
    #[error("version is `{0}`; versions 2 and 3 can be read{tail}", tail = big_endian(*.0))]
    Version(u32),
    /// A field goes past the end of the file.
    #[error("the file ends within {0}")]
    Ends(String),
    /// A count that no model has, or that the file has no room for.
    #[error("{what} is `{value}`, at most {most} can be here")]
    Count {
        /// The field.
        what: String,
        /// Its value.
        value: u64,
        /// The limit that it breaks.
        most: u64,
    },
    /// Text that is not UTF-8, or a name with a zero byte.
    #[error("{0} is not UTF-8 text")]
    Text(String),
    /// An unknown kind of value.
    #[error("value type of `{key}` is `{value}`, which is none of 0 to 12")]
    ValueType {
        /// The key.
        key: String,
        /// The number found.
        value: u32,
    },
    /// Arrays in arrays in arrays.
    #[error("`{key}` nests arrays deeper than {most}")]
    Depth {
        /// The key.
        key: String,
        /// The limit.
        most: usize,
    },
    /// A boolean that is neither.
    #[error("`{key}` is a boolean of value `{value}`, neither 0 nor 1")]
    Bool {
        /// The key.
        key: String,
        /// The byte found.
        value: u8,
    },
    /// A key or a tensor that is there twice.
    #[error("{what} `{name}` is there twice")]
    Twice {
        /// `key` or `tensor`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// An unknown way of storing weights.
    #[error("type of tensor `{tensor}` is `{value}`, which is unknown")]
    TensorType {
        /// The tensor.
        tensor: String,
        /// The number found.
        value: u32,
    },
    /// Dimensions that make no tensor.
    #[error("dimensions of tensor `{tensor}` are `{dimensions:?}`: {why}")]
    Dimensions {
        /// The tensor.
        tensor: String,
        /// Its dimensions, the row length first.
        dimensions: Vec<u64>,
        /// What is wrong with them.
        why: String,
    },
    /// A place that a tensor can't be at.
    #[error("offset of tensor `{tensor}` is `{offset}`: {why}")]
    Offset {
        /// The tensor.
        tensor: String,
        /// Its offset in the data section.
        offset: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A key that this kind of model must have.
    #[error("key `{key}` ({want}) is missing")]
    MissingKey {
        /// The key.
        key: String,
        /// The type that it should have.
        want: &'static str,
    },
    /// A key with a value of another type.
    #[error("`{key}` is of type {found}, not {want}")]
    KeyType {
        /// The key.
        key: String,
        /// The type that it should have.
        want: &'static str,
        /// The type that it has.
        found: &'static str,
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
    /// A tensor that this kind of model must have.
    #[error("tensor `{tensor}` is missing")]
    MissingTensor {
        /// The tensor.
        tensor: String,
    },
    /// A sound model that the engine can't run.
    #[error("this model can't be run here yet: {0}")]
    NotRunnable(String),
}

fn big_endian(version: u32) -> &'static str {
    if (2..=3).contains(&version.swap_bytes()) { " (this file is big-endian)" } else { "" }
}

impl Hint for GgufError {
    fn hint(&self) -> Option<String> {
        Some(match &self.problem {
            Problem::Io(_) => return None,
            Problem::Magic(_) => {
                "pass a GGUF file: safetensors and PyTorch files can be converted with llama.cpp's \
                 `convert_hf_to_gguf.py`"
                    .to_owned()
            }
            Problem::NotRunnable(_) => {
                "`mtok models list` says which models run here; any model runs behind a server of \
                 yours"
                    .to_owned()
            }
            Problem::MissingKey { .. }
            | Problem::KeyType { .. }
            | Problem::KeyValue { .. }
            | Problem::MissingTensor { .. } => {
                "the file was made by a converter that differs from llama.cpp's; convert it again \
                 or take another"
                    .to_owned()
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
