//! A folder as on the hub: safetensors, in one file or several, and the JSON files beside them.
//!
//! Invariant: every tensor of an opened folder lies within its file, holds as many bytes as its shape
//! needs, and shares none with another; nothing was allocated on a file's word before that was held
//! against the file's size. No name in a file leads out of the folder. Guarded by
//! `tests/safetensors_hostile.rs`.
//!
//! Deliberately absent: the weights. A tensor here is a name, a shape and a place in a file.

mod error;
mod header;
mod json;

pub use error::{FolderError, Problem};
pub use header::Tensor;
pub(super) use json::{Json, read};

use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};

/// What a model is, in JSON.
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Configs have some kilobytes; those with factors for every frequency some tens.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// A name and a file for each of 65,536 tensors.
const INDEX_BYTES_MAX: u64 = 16 << 20;
/// The largest models have some hundreds.
const FILES_MAX: usize = 1_024;

/// A checked folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    config: Json,
    files: Vec<PathBuf>,
    tensors: HashMap<String, Tensor>,
}

impl Folder {
    /// Whether a path may be such a folder: it has a `config.json`.
    pub fn is_at(path: &Path) -> bool {
        path.join(CONFIG).is_file()
    }

    /// Reads and checks the config and the headers of all weights; reads no weights.
    ///
    /// # Errors
    /// Where a file is missing or not what it should be; the error names it.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let config = Json::open(&path.join(CONFIG), CONFIG_BYTES_MAX)?;
        let mut folder =
            Self { path: path.to_path_buf(), config, files: Vec::new(), tensors: HashMap::new() };
        let index = path.join(INDEX);
        if index.is_file() {
            folder.add_indexed(&Json::open(&index, INDEX_BYTES_MAX)?)?;
        } else if path.join(WEIGHTS).is_file() {
            folder.add(WEIGHTS)?;
        } else {
            return Err(FolderError { path: path.to_path_buf(), problem: Problem::NoWeights });
        }
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files with weights, in the order that [`Tensor::file`] counts in.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// `config.json`.
    pub(super) fn config(&self) -> &Json {
        &self.config
    }

    /// All tensors, in no order.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// A tensor, if there is one of that name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// An error about a tensor, in the file that holds it.
    pub(super) fn error(&self, tensor: &str, problem: Problem) -> FolderError {
        let file = self.tensor(tensor).and_then(|tensor| self.files.get(tensor.file));
        FolderError { path: file.unwrap_or(&self.path).clone(), problem }
    }

    /// Adds the tensors of a file.
    fn add(&mut self, name: &str) -> Result<(), FolderError> {
        let path = self.path.join(name);
        let tensors = header::read(&path, self.files.len())?;
        self.files.push(path);
        for (name, tensor) in tensors {
            if let Some(other) = self.tensors.get(&name) {
                let why = format!("it is in `{}`, too", self.files[other.file].display());
                return Err(self.error_at_last(Problem::Tensor { tensor: name, why }));
            }
            self.tensors.insert(name, tensor);
        }
        Ok(())
    }

    fn error_at_last(&self, problem: Problem) -> FolderError {
        FolderError { path: self.files.last().unwrap_or(&self.path).clone(), problem }
    }

    /// Adds the files that an index lists, and sees that each tensor is where the index says.
    fn add_indexed(&mut self, index: &Json) -> Result<(), FolderError> {
        let listed = index.object("weight_map")?;
        let listed = index.need("weight_map", "an object", listed)?;
        let mut files = BTreeSet::new();
        for (tensor, file) in listed.iter() {
            let bad = |file: &Value, why: &str| {
                let (tensor, file) = (tensor.to_owned(), file.to_string());
                index.fail(Problem::Index { tensor, file, why: why.to_owned() })
            };
            let Some(name) = file.as_str() else { return Err(bad(file, "that is no name")) };
            if !is_plain(name) {
                return Err(bad(file, "that is no file of this folder"));
            }
            files.insert(name);
            if files.len() > FILES_MAX {
                return Err(bad(file, "there are more files than any model has"));
            }
        }
        for file in files {
            self.add(file)?;
        }
        for (tensor, file) in listed.iter() {
            let found = self.tensor(tensor).and_then(|found| self.files[found.file].file_name());
            if found.and_then(|found| found.to_str()) != file.as_str() {
                let (tensor, file) = (tensor.to_owned(), file.as_str().unwrap_or("").to_owned());
                let why = "it isn't there".to_owned();
                return Err(index.fail(Problem::Index { tensor, file, why }));
            }
        }
        Ok(())
    }
}

/// Whether a name is a file's in the same folder.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
        && !name.contains(['/', '\\'])
}
