//! Models: which there are, where they come from, and what is in their files.
//!
//! Invariant: nothing reads a model's file before its header has passed [`gguf::Gguf::open`], and
//! nothing runs it before [`family::Runnable::check`]. Weights stay where they are: this room knows
//! their places and shapes, the engine loads them.
//!
//! From a name to a model: [`catalogue::Catalogue::resolve`] → (for a name) [`crate::fetch::fetch`]
//! with [`manifest::Manifest::wanted`] → [`Loaded::open`].

pub mod catalogue;
pub mod chat;
mod error;
pub mod family;
pub mod gguf;
pub mod manifest;
pub mod shape;
pub mod spec;
pub mod tokenizer;
pub mod weights;

pub use catalogue::{Catalogue, Source};
pub use chat::{ChatTemplate, Message, Rendering};
pub use error::ModelError;
pub use family::{Family, Runnable};
pub use gguf::Gguf;
pub use manifest::{Licence, Manifest};
pub use tokenizer::{Control, Tokenizer};

use crate::record::Shape;
use std::path::Path;

/// A model's file, understood: all but the weights.
#[derive(Debug)]
pub struct Loaded {
    /// The checked header.
    pub gguf: Gguf,
    /// What a forward pass computes and moves.
    pub shape: Shape,
    /// Text to tokens and back.
    pub tokenizer: Tokenizer,
    /// A conversation to a prompt; `None` for a base model.
    pub chat: Option<ChatTemplate>,
}

impl Loaded {
    /// Reads and checks all of a GGUF file but its weights.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
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
        Ok(Self { gguf, shape, tokenizer, chat })
    }

    /// Whether the engine can run it, and how.
    pub fn runnable(&self) -> Result<Runnable, ModelError> {
        Ok(Runnable::check(&self.gguf, &self.shape)?)
    }
}
