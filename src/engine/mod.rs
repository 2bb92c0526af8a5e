//! The forward pass, the sampler and the stop rules.
//!
//! Invariant: what a sequence becomes depends on the model, its prompt and its sampler alone, never
//! on what was asked before: the KV cache is emptied before each sequence and the sampler belongs to
//! it. Guarded by `tests/engine_llama_cpp.rs` on real weights and by `target::in_process`'s tests.
//!
//! A model is anything that implements [`Forward`]; the first is [`reference::Reference`], the
//! models of candle-transformers. Who runs it, and for whom, is `target`'s affair.
//!
//! Deliberately absent: prices, clocks, queues.

pub mod device;
mod error;
pub mod op;
pub mod reference;
pub mod sampler;
pub mod stop;

pub use device::DeviceChoice;
pub use error::EngineError;
pub(crate) use error::panic_text;

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
