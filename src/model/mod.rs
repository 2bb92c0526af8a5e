//! Models.

pub mod family;
pub mod gguf;
pub mod shape;
