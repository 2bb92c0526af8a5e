//! A model's numbers, wherever they are stored: what the engine loads from.
//!
//! Invariant: a part that [`Weights::find`] describes can be read row by row, each row
//! `bytes / rows` long; the file behind it was checked before.

mod on_disk;

pub use on_disk::OnDisk;

use super::error::ModelError;
use super::spec::Part;
use std::ops::Range;

/// Where a model's numbers come from: a GGUF file, a folder of safetensors.
pub trait Weights: Send {
    /// What there is for a part of the model; `None` where the model has none.
    fn find(&self, part: Part) -> Option<Matrix>;

    /// Reads some rows of a part as they are stored, into `into`, whose content is replaced.
    ///
    /// # Errors
    /// Where the model has no such part or rows, or the file can't be read.
    fn read(&self, part: Part, rows: Range<usize>, into: &mut Vec<u8>) -> Result<(), ModelError>;
}

/// A stored matrix; a vector is a matrix of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matrix {
    /// How its numbers are stored, as GGUF names it: `Q4_K`, `BF16`.
    pub kind: &'static str,
    /// Rows: outputs.
    pub rows: usize,
    /// Numbers in a row: inputs.
    pub cols: usize,
    /// To be added to each number once it is read: 1 for Gemma's norms in safetensors, else 0.
    pub plus: f32,
}
