//! Models: which there are, where they come from, and what is in their files.
//!
//! Invariant: nothing reads a model's files before their headers have passed [`gguf::Gguf::open`] or
//! [`safetensors::Folder::open`], and nothing runs it before [`Loaded::describe`] (for the reference
//! engine, [`family::Runnable::check`]). Weights stay where they are: this room knows their places
//! and shapes, the engine loads them.
//!
//! From a name to a model: [`catalogue::Catalogue::resolve`] → (for a name) [`crate::fetch::fetch`]
//! with [`manifest::Manifest::wanted`] → [`Loaded::open`].

pub mod catalogue;
pub mod chat;
mod describe;
mod error;
pub mod family;
pub mod gguf;
pub mod manifest;
pub mod safetensors;
pub mod shape;
pub mod spec;
pub mod tokenizer;
pub mod weights;

pub use catalogue::{Catalogue, Source};
pub use chat::{ChatTemplate, Rendering};
pub use describe::Description;
pub use error::ModelError;
pub use family::{Family, Runnable};
pub use gguf::Gguf;
pub use manifest::{Licence, Manifest};
pub use safetensors::{Folder, FolderError};
pub use tokenizer::{Control, Tokenizer};

use crate::record::Shape;
use std::path::Path;

/// A model's files, understood: all but the weights.
#[derive(Debug)]
pub struct Loaded {
    /// The checked files.
    pub files: Files,
    /// What a forward pass computes and moves.
    pub shape: Shape,
    /// Text to tokens and back.
    pub tokenizer: Tokenizer,
    /// A conversation to a prompt; `None` for a base model.
    pub chat: Option<ChatTemplate>,
}

/// What a model came in.
#[derive(Debug)]
pub enum Files {
    /// One file that says everything.
    Gguf(Gguf),
    /// A folder as on the hub.
    Folder(Folder),
}

impl Loaded {
    /// Reads and checks all of a GGUF file, or of a folder as on the hub, but the weights.
    ///
    /// # Errors
    /// Where a file is missing, damaged, or says what is not known here.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        if path.is_dir() { Self::folder(path) } else { Self::gguf(path) }
    }

    fn gguf(path: &Path) -> Result<Self, ModelError> {
        let gguf = Gguf::open(path)?;
        let shape = shape::shape(&gguf)?;
        let tokenizer = Tokenizer::of(&gguf)?;
        // A token beyond the table would be looked up outside of it.
        if tokenizer.len() as u64 > u64::from(shape.vocabulary) {
            let why = format!("the embedding table has {} rows", shape.vocabulary);
            let found = format!("{} tokens", tokenizer.len());
            return Err(gguf.metadata().refuse("tokenizer.ggml.tokens", found, &why).into());
        }
        let chat = ChatTemplate::of(&gguf)?;
        Ok(Self { files: Files::Gguf(gguf), shape, tokenizer, chat })
    }

    fn folder(path: &Path) -> Result<Self, ModelError> {
        let folder = Folder::open(path)?;
        let shape = shape::of_folder(&folder, &Description::of_folder(&folder)?);
        let tokenizer = Tokenizer::of_folder(&folder, shape.vocabulary)?;
        let chat = ChatTemplate::of_folder(&folder)?;
        Ok(Self { files: Files::Folder(folder), shape, tokenizer, chat })
    }

    /// What the engine computes for it, and where its weights are.
    ///
    /// # Errors
    /// Where the engine can't compute what the files ask for.
    pub fn describe(&self) -> Result<Description, ModelError> {
        Ok(match &self.files {
            Files::Gguf(gguf) => Description::of_gguf(gguf, &self.shape)?,
            Files::Folder(folder) => Description::of_folder(folder)?,
        })
    }

    /// Whether the reference engine can run it, and how.
    ///
    /// # Errors
    /// Where it can't: it reads two architectures, out of GGUF files.
    pub fn runnable(&self) -> Result<Runnable, ModelError> {
        match &self.files {
            Files::Gguf(gguf) => Ok(Runnable::check(gguf, &self.shape)?),
            Files::Folder(folder) => {
                let problem = safetensors::Problem::NotRunnable(
                    "the reference engine reads GGUF files only".to_owned(),
                );
                Err(FolderError { path: folder.path().to_path_buf(), problem }.into())
            }
        }
    }
}
