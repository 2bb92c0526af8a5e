//! The header of a GGUF file, read and checked before anything else touches the file.
//!
//! Invariant: what [`Gguf::open`] accepts can be read by candle's own reader without a panic, a
//! wrapped multiplication or more memory than twice the file: candle 0.11 divides by an alignment
//! of 0, multiplies dimensions unchecked and spends 32 bytes on every array element, were it one
//! byte in the file. Every count, length and offset is therefore held against the file's size
//! *before* anything is allocated for it. Guarded by `tests/gguf_hostile.rs`, which corrupts files
//! and measures the peak of memory.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, versions 2 and 3.
//!
//! Deliberately absent: the weights. A tensor here is a name, a shape and a place in the file.

mod cursor;
mod error;
mod header;
mod tensor;
#[cfg(test)]
pub(super) mod tests;
mod value;

pub use error::{GgufError, Problem};
pub use tensor::{Tensor, TensorType};
pub use value::{Array, FromValue, Texts, Value};

use crate::units::Bytes;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A checked GGUF header.
#[derive(Debug)]
pub struct Gguf {
    path: PathBuf,
    file_bytes: Bytes,
    data_at: u64,
    metadata: Metadata,
    tensors: HashMap<String, Tensor>,
}

/// The header's key-value pairs.
#[derive(Debug)]
pub struct Metadata {
    path: PathBuf,
    entries: HashMap<String, Entry>,
}

/// A value and where it stands in the file, so that an error about it can say where to look.
#[derive(Debug)]
struct Entry {
    value: Value,
    at: u64,
}

impl Gguf {
    /// Reads and checks the header of the file at `path`; reads no weights.
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        header::read(path)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole file's length.
    pub fn file_bytes(&self) -> Bytes {
        self.file_bytes
    }

    /// Where in the file the data section begins, which tensors' offsets count from.
    pub fn data_at(&self) -> u64 {
        self.data_at
    }

    /// The key-value pairs.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// All tensors, in no order.
    pub fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.tensors.values()
    }

    /// A tensor, if there is one of that name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// An error about the file as a whole.
    pub(super) fn error(&self, at: u64, problem: Problem) -> GgufError {
        GgufError { path: self.path.clone(), at, problem }
    }
}

impl Metadata {
    /// The value of a key; `None` where the file has no such key. A value of another type is an error.
    pub fn get<'a, T: FromValue<'a>>(&'a self, key: &str) -> Result<Option<T>, GgufError> {
        let Some(entry) = self.entries.get(key) else { return Ok(None) };
        T::from_value(&entry.value).map(Some).ok_or_else(|| GgufError {
            path: self.path.clone(),
            at: entry.at,
            problem: Problem::KeyType {
                key: key.to_owned(),
                want: T::NAME,
                found: entry.value.type_name(),
            },
        })
    }

    /// The value of a key that must be there.
    pub fn need<'a, T: FromValue<'a>>(&'a self, key: &str) -> Result<T, GgufError> {
        self.get(key)?.ok_or_else(|| GgufError {
            path: self.path.clone(),
            at: 0,
            problem: Problem::MissingKey { key: key.to_owned(), want: T::NAME },
        })
    }

    /// An error about a key's value.
    pub fn refuse(&self, key: &str, value: impl std::fmt::Display, why: &str) -> GgufError {
        GgufError {
            path: self.path.clone(),
            at: self.entries.get(key).map_or(0, |entry| entry.at),
            problem: Problem::KeyValue {
                key: key.to_owned(),
                value: value.to_string(),
                why: why.to_owned(),
            },
        }
    }

    /// The keys, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }
}
