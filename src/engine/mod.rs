//! The forward pass, the sampler and the stop rules.
//!
//! Invariant: what a sequence becomes depends on the model, its prompt and its sampler alone, never
//! on who computes beside it or came before: a sequence has its own blocks of the KV cache, and the
//! sampler belongs to it. Guarded by `tests/engine_batches.rs` on real weights and by
//! `target::in_process`'s tests.
//!
//! An [`Engine`] computes steps of many sequences. Ours is [`Decoder`]: one description of a model
//! ([`crate::model::spec`]), one forward pass, operations that a backend computes ([`op`]). The
//! models of candle-transformers ([`mod@reference`]) stay as a second opinion, one sequence at a time.
//! Who runs an engine, and for whom, is `target`'s affair; [`open()`] knows which there are.
//!
//! Deliberately absent: prices, clocks, queues.

pub mod decoder;
pub mod device;
mod error;
pub mod logprobs;
pub mod op;
pub mod open;
pub mod reference;
pub mod sampler;
pub mod solo;
pub mod stop;

pub use decoder::Decoder;
pub use device::DeviceChoice;
pub use error::EngineError;
pub(crate) use error::panic_text;
pub use open::{EngineChoice, Options, open};
pub use solo::Solo;

use crate::model::tokenizer::Detokenizer;

/// A causal language model with one sequence in its KV cache.
pub trait Forward: Send {
    /// Appends `tokens` to the sequence, of which `position` tokens are held already, and returns
    /// the logits that follow the last of them: one `f32` per token of the vocabulary.
    ///
    /// # Errors
    /// Where `tokens` is empty, holds an id outside the vocabulary, doesn't fit the context limit,
    /// or `position` isn't the number of tokens held; and where the device fails.
    fn forward(&mut self, tokens: &[u32], position: usize) -> Result<Vec<f32>, EngineError>;

    /// Forgets the sequence.
    fn reset(&mut self);

    /// How many tokens the vocabulary has: ids are below it.
    fn vocabulary(&self) -> usize;

    /// How many tokens, prompt and output together, a sequence may have.
    fn context_limit(&self) -> usize;

    /// What computes, on what, with how many threads: for the head of a run record.
    fn describe(&self) -> String;
}

/// A causal language model with many sequences in a paged KV cache.
///
/// Who holds which block is not its affair: [`crate::schedule`] decides, the engine computes.
pub trait Engine: Send {
    /// Computes one step: writes the keys and values of all tokens of all pieces into the cache, and
    /// returns the logits after the last token of each piece that wants them, in their order.
    ///
    /// # Errors
    /// Where a piece is out of bounds (nothing is computed then), or the device fails.
    fn step(&mut self, pieces: &[Piece<'_>]) -> Result<Logits, EngineError>;

    /// Copies blocks of the cache, `(from, to)`, before a sequence writes into one that it shares.
    ///
    /// # Errors
    /// Where the device fails.
    fn copy_blocks(&mut self, copies: &[(u32, u32)]) -> Result<(), EngineError>;

    /// What it can hold.
    fn capacity(&self) -> Capacity;

    /// What computes, on what, with how many threads: for the head of a run record.
    fn describe(&self) -> String;
}

/// A part of one sequence, to be computed in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The tokens to add.
    pub tokens: &'a [u32],
    /// The position of the first: as many are in the cache.
    pub start: usize,
    /// The sequence's blocks, from its beginning, enough for all of it.
    pub blocks: &'a [u32],
    /// Whether the logits after the last token are wanted.
    pub logits: bool,
}

/// Rows of logits, a number for each token of the vocabulary.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Logits {
    /// Row after row.
    pub numbers: Vec<f32>,
    /// Length of a row.
    pub vocabulary: usize,
}

impl Logits {
    /// The rows, in the order of the pieces that wanted one.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.numbers.chunks_exact(self.vocabulary.max(1))
    }
}

/// What an engine can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Tokens of the vocabulary: ids are below it.
    pub vocabulary: usize,
    /// The longest sequence, prompt and output together.
    pub context: usize,
    /// Blocks of the KV cache.
    pub blocks: u32,
    /// Tokens in a block.
    pub block_size: u32,
    /// Sequences that may be in a step together.
    pub sequences: u32,
    /// Tokens that a step may have.
    pub step_tokens: u32,
}

/// Turns the tokens of one sequence into text as they come.
pub trait Detokenize: Send {
    /// The text that is certain with this token; empty while a character is incomplete.
    ///
    /// # Errors
    /// Where the tokenizer can't decode it.
    fn push(&mut self, token: u32) -> Result<String, EngineError>;

    /// What was held back, now that nothing follows.
    fn finish(&mut self) -> String;
}

impl Detokenize for Detokenizer {
    fn push(&mut self, token: u32) -> Result<String, EngineError> {
        Ok(Self::push(self, token))
    }

    fn finish(&mut self) -> String {
        Self::finish(self)
    }
}
