//! From a model's files to a [`Spec`], and to the tensor that holds each of its parts.
//!
//! Invariant: a model is described only if the engine then computes what its makers' own code
//! computes: what a file asks for and a [`Spec`] can't express is an error here, and so is a tensor
//! that no part of the model is in. Guarded by `tests/engine_families.rs`, and for damaged files by
//! `tests/gguf_hostile.rs` and `tests/safetensors_hostile.rs`.
//!
//! One description serves all: what the families do differently is a line of data each (`family`),
//! how their files call things is `names`, where a part lies in a tensor is `layout`. `gguf` and
//! `config` read the numbers.

mod config;
mod family;
mod gguf;
mod layout;
mod names;
mod rope;
mod stretch;
#[cfg(test)]
mod tests;

pub(super) use layout::{Layout, Slot};

use super::error::ModelError;
use super::gguf::{Gguf, GgufError};
use super::safetensors::{Folder, FolderError};
use super::spec::{FeedForward, Spec};
use super::weights::OnDisk;
use crate::record::Shape;
use std::collections::HashMap;
use std::path::PathBuf;

/// A model that the engine can run, and where its parts are.
#[derive(Debug, Clone)]
pub struct Description {
    /// What it computes.
    pub spec: Spec,
    /// Its architecture, as GGUF names it.
    pub architecture: &'static str,
    /// What its files ask for and the engine does otherwise, in words.
    pub caveats: Vec<String>,
    layout: Layout,
    files: Vec<PathBuf>,
    tensors: HashMap<String, Place>,
}

/// Where a tensor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// How its numbers are stored, as GGUF names it.
    pub(super) kind: &'static str,
    /// Which of the files.
    pub(super) file: usize,
    /// Where in it.
    pub(super) at: u64,
    /// Bytes of all of it.
    pub(super) bytes: u64,
    /// Its rows.
    pub(super) rows: u64,
}

impl Description {
    /// Describes the model in a file whose shape is known.
    ///
    /// # Errors
    /// Where the engine can't compute what the file asks for, or a tensor is missing or not of the
    /// form that will be read.
    pub fn of_gguf(gguf: &Gguf, shape: &Shape) -> Result<Self, GgufError> {
        gguf::describe(gguf, shape)
    }

    /// Describes the model in a folder.
    ///
    /// # Errors
    /// As [`Description::of_gguf`].
    pub fn of_folder(folder: &Folder) -> Result<Self, FolderError> {
        config::describe(folder)
    }

    /// What share of a tensor's numbers a token's forward pass works with, as a fraction: none of a
    /// table to look up in, `used / experts` of experts, all of the rest; `None`: no part is in it.
    pub(super) fn share(&self, tensor: &str) -> Option<(u64, u64)> {
        let experts = self.spec.layers.iter().find_map(|layer| match layer.feed_forward {
            FeedForward::Experts { experts, used, .. } => Some((used as u64, experts as u64)),
            FeedForward::Dense { .. } => None,
        });
        self.layout.share(tensor, experts)
    }

    /// Opens the weights for reading.
    ///
    /// # Errors
    /// Where a file can't be opened.
    pub fn weights(&self) -> Result<OnDisk, ModelError> {
        let Self { spec, layout, files, tensors, .. } = self.clone();
        OnDisk::open(spec, layout, files, tensors)
    }
}

/// More numbers in a feed-forward part than any model has.
const INNER_MAX: u32 = 1 << 24;

/// A size, which every platform that has room for a model can count.
fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// `1 / sqrt(n)`, what scores of heads of `n` numbers are multiplied with.
#[allow(clippy::cast_possible_truncation, reason = "f32 is what scores are computed in")]
fn score_scale(n: f64) -> f32 {
    n.powf(-0.5) as f32
}

/// `sqrt(width)`, what embeddings are multiplied with in some families.
#[allow(clippy::cast_possible_truncation, reason = "f32 is what embeddings are computed in")]
fn embedding_scale(width: u32) -> f32 {
    f64::from(width).sqrt() as f32
}
