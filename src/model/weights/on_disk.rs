//! Weights in files: each part read where its description says that it is.
//!
//! Invariant: no read goes beyond the rows of a part; what was checked when the model was described
//! is not trusted to hold still, so a file that has shrunk since is an error.

use super::{Matrix, Weights};
use crate::model::describe::{Layout, Place, Slot};
use crate::model::error::ModelError;
use crate::model::spec::{Part, Spec};
use fs_err::File;
use fs_err::os::unix::fs::FileExt;
use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;

/// The weights of a described model, in its open files.
#[derive(Debug)]
pub struct OnDisk {
    spec: Spec,
    layout: Layout,
    files: Vec<File>,
    tensors: HashMap<String, Place>,
}

impl OnDisk {
    pub(in crate::model) fn open(
        spec: Spec,
        layout: Layout,
        files: Vec<PathBuf>,
        tensors: HashMap<String, Place>,
    ) -> Result<Self, ModelError> {
        let files = files.into_iter().map(File::open).collect::<Result<_, _>>();
        Ok(Self { spec, layout, files: files.map_err(ModelError::Weights)?, tensors })
    }

    fn place(&self, part: Part) -> Option<(Slot, Place)> {
        let slot = self.layout.slot(&self.spec, part)?;
        let place = *self.tensors.get(&slot.tensor)?;
        Some((slot, place))
    }
}

impl Weights for OnDisk {
    fn find(&self, part: Part) -> Option<Matrix> {
        let (Slot { rows, cols, plus, .. }, place) = self.place(part)?;
        Some(Matrix { kind: place.kind, rows, cols, plus })
    }

    fn read(&self, part: Part, rows: Range<usize>, into: &mut Vec<u8>) -> Result<(), ModelError> {
        into.clear();
        let found = self.place(part).filter(|(slot, _)| rows.end <= slot.rows);
        let Some((slot, place)) = found else {
            let rows = (rows.start, rows.end);
            return Err(ModelError::NoRows { part, rows });
        };
        let row_bytes = place.bytes / place.rows.max(1);
        let first = (slot.first + rows.start) as u64;
        let length = row_bytes * rows.len() as u64;
        into.resize(usize::try_from(length).unwrap_or(0), 0);
        let file = self.files.get(place.file).ok_or(ModelError::NoRows { part, rows: (0, 0) })?;
        file.read_exact_at(into, place.at + first * row_bytes).map_err(ModelError::Weights)
    }
}
